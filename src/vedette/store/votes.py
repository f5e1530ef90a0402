"""Blocks, committees and who signed: what each witness saw, and the union of it.

A block is one row. `told` keeps what each witness saw, as a bitmap over the seats of the epoch's committee
(a witness that saw all of the union says just that); `signers` is the union, so that reading looks at nothing
else. Signers without a seat (the committee is not known yet, or a node tells nonsense) stand behind the
seats, by name.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
import numpy as np
from sqlalchemy import Row, bindparam, func, or_, select, update

from vedette.model.ballot import Ballot, ballot
from vedette.model.pos import Committee, PosAddress, PosBlock
from vedette.store import tables as t
from vedette.store.accounts import intern
from vedette.store.codec import pack_ints
from vedette.store.database import Conn, insert_into
from vedette.store.rosters import Roster, Signers, addresses, rosters

LOCK = 0x7EDE77F
"""On PostgreSQL those who write votes take turns: they would meet in every row anyway."""
RECENT_MAX = 1_000


@dataclass(frozen=True, slots=True)
class BlockVotes:
    """One block and the union of the signers that its witnesses saw (empty: nobody saw a certificate).

    A height of the window that we have not read has an empty `hash` (`known` is False).
    `signers` maps account to votes and is decoded as you ask: `in` and `len` are cheap.
    """

    height: int
    hash: str
    epoch: int
    round: int
    at_us: int
    proposer: PosAddress | None
    signers: Mapping[PosAddress, int]
    committee: Committee | None  # None: not known yet
    witnesses: int  # how many have a certificate

    @property
    def known(self) -> bool:
        return self.hash != ""

    @property
    def signed_votes(self) -> int | None:
        """Votes cast; None when no certificate was seen."""
        if not self.signers:
            return None
        return self.signers.votes if isinstance(self.signers, Signers) else sum(self.signers.values())


@dataclass(frozen=True, slots=True)
class RecentVotes:
    """The newest blocks, oldest first, one entry for each height from `first` on."""

    first: int
    blocks: list[BlockVotes]


# --- committees -------------------------------------------------------------------------------------------


async def remember_committee(conn: Conn, committee: Committee) -> None:
    """Keep an epoch's committee. Signers told before it was known take their seats now."""
    await _take_turns(conn)
    before = (await rosters(conn, [committee.epoch])).get(committee.epoch)
    if before is not None and before.committee == committee:
        return
    numbers = await intern(conn, committee.votes.keys())
    members = sorted(committee.votes, key=numbers.__getitem__)
    row = {
        "epoch": committee.epoch,
        "quorum_votes": committee.quorum_votes,
        "total_votes": committee.total_votes,
        "members": pack_ints([numbers[member] for member in members]),
        "votes": pack_ints([committee.votes[member] for member in members]),
    }
    add = insert_into(conn, t.pos_committees).values(**row)
    await conn.execute(add.on_conflict_do_update(index_elements=["epoch"], set_=row))
    await _reseat(conn, committee.epoch, before)


async def _reseat(conn: Conn, epoch: int, before: Roster | None) -> None:
    """Write the blocks of an epoch anew, over the seats of the committee that is known now."""
    now = (await rosters(conn, [epoch]))[epoch]
    rows = (await conn.execute(select(t.pos_blocks).where(t.pos_blocks.c.epoch == epoch))).all()
    await _keep(conn, [_row_of(row) | _open(row, before).seated(now).columns() for row in rows])


def _row_of(row: Row[Any]) -> dict[str, Any]:
    return dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


async def committee(conn: Conn, epoch: int) -> Committee | None:
    """The committee of the epoch, if it was told."""
    roster = (await rosters(conn, [epoch])).get(epoch)
    return None if roster is None else roster.committee


async def known_epochs(conn: Conn, first: int, last: int) -> set[int]:
    """Epochs in [first, last] whose committee is known."""
    columns = t.pos_committees.c
    query = select(columns.epoch).where(columns.epoch.between(first, last))
    return set((await conn.execute(query)).scalars())


# --- remembering ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Tally:
    """What the witnesses told of one block's signers: a bitmap each, or 0 for one without a certificate."""

    roster: Roster | None
    extra: dict[PosAddress, int] = field(default_factory=dict)
    told: dict[int, int] = field(default_factory=dict)

    @property
    def union(self) -> int:
        whole = 0
        for bitmap in self.told.values():
            whole |= bitmap
        return whole

    def hear(self, witness: int, signers: Mapping[PosAddress, int]) -> bool:
        """Add what a witness saw; tells whether anything was new, if only that it saw no certificate."""
        before = self.told.get(witness)
        self.told[witness] = (before or 0) | self._bitmap(signers)
        return self.told[witness] != before

    def _bitmap(self, signers: Mapping[PosAddress, int]) -> int:
        bits = {} if self.roster is None else self.roster.bits
        bitmap = 0
        for address, votes in signers.items():
            bit = bits.get(address)
            bitmap |= self._extra_bit(address, votes) if bit is None else bit
        return bitmap

    def _extra_bit(self, address: PosAddress, votes: int) -> int:
        self.extra.setdefault(address, votes)
        seats = 0 if self.roster is None else self.roster.seats
        return 1 << seats + list(self.extra).index(address)

    def signers(self, bitmap: int) -> dict[PosAddress, int]:
        """The signers that a bitmap means."""
        everyone = ({} if self.roster is None else dict(self.roster.committee.votes)) | self.extra
        return {a: votes for seat, (a, votes) in enumerate(everyone.items()) if bitmap >> seat & 1}

    def seated(self, roster: Roster) -> "_Tally":
        """The same signers over another committee's seats."""
        tally = _Tally(roster)
        for witness, bitmap in self.told.items():
            tally.hear(witness, self.signers(bitmap))
        return tally

    def columns(self) -> dict[str, Any]:
        """As the block's row keeps it."""
        union = self.union
        seats = 0 if self.roster is None else self.roster.seats
        size = (seats + len(self.extra) + 7) // 8
        told = {w: True if b and b == union else b.to_bytes(size, "little") for w, b in self.told.items()}
        return {
            "seats": seats,
            "extra": msgspec.msgpack.encode(list(self.extra.items())) if self.extra else None,
            "signers": union.to_bytes(size, "little") if union else None,
            "told": msgspec.msgpack.encode(told),
            "witness_count": sum(1 for bitmap in self.told.values() if bitmap),
        }


_extra = msgspec.msgpack.Decoder(list[tuple[str, int]]).decode
_told = msgspec.msgpack.Decoder(dict[int, bool | bytes]).decode


def _extra_of(row: Row[Any]) -> dict[PosAddress, int]:
    if row.extra is None:
        return {}
    return {PosAddress(address): votes for address, votes in _extra(row.extra)}


def _bitmap_of(row: Row[Any]) -> int:
    return 0 if row.signers is None else int.from_bytes(row.signers, "little")


def _open(row: Row[Any], roster: Roster | None) -> _Tally:
    union = _bitmap_of(row)
    told = {
        witness: union if bitmap is True else int.from_bytes(cast("bytes", bitmap), "little")
        for witness, bitmap in _told(row.told).items()
    }
    return _Tally(roster if row.seats else None, _extra_of(row), told)


async def _take_turns(conn: Conn) -> None:
    if conn.dialect.name == "postgresql":
        await conn.execute(select(func.pg_advisory_xact_lock(LOCK)))


async def witness_blocks(
    conn: Conn, witness: str, blocks: Sequence[PosBlock], cursor_height: int
) -> list[int]:
    """Remember what one witness saw; returns the heights that are new or gained signers, ascending.

    Saying it twice is harmless. A block told with another hash replaces the one we held, signers and all.
    The witness's cursor moves to `cursor_height` (never back) in the same transaction.
    """
    await _take_turns(conn)
    number = await _move_cursor(conn, witness, cursor_height)
    if not blocks:
        return []
    known = await rosters(conn, {block.epoch for block in blocks})
    held = {
        height: _Kept(row.hash, _open(row, known.get(row.epoch)))
        for height, row in (await _held(conn, blocks)).items()
    }
    proposers = await intern(conn, {block.proposer for block in blocks if block.proposer is not None})
    rows: dict[int, dict[str, Any]] = {}
    gained: dict[int, PosBlock] = {}
    for block in blocks:
        heard = _hear(held, block, number, known.get(block.epoch))
        if heard.changed:
            rows[block.height] = _block_columns(block, proposers) | held[block.height].tally.columns()
        if heard.gained:
            gained[block.height] = block
    await _keep(conn, list(rows.values()))
    await _note_signatures(conn, gained.values())
    return sorted(gained)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A block as we hold it."""

    hash: bytes
    tally: _Tally


@dataclass(frozen=True, slots=True)
class _Heard:
    changed: bool  # our row is to be written again
    gained: bool  # the block is new to us, or its union grew


def _hear(held: dict[int, _Kept], block: PosBlock, witness: int, roster: Roster | None) -> _Heard:
    """Add one witness's word on a block to what is held of it. Another hash: what was held is forgotten."""
    kept = held.get(block.height)
    if kept is None or kept.hash != _hash(block):
        kept = held[block.height] = _Kept(_hash(block), _Tally(roster))
        kept.tally.hear(witness, block.signers)
        return _Heard(changed=True, gained=True)
    before = kept.tally.union
    changed = kept.tally.hear(witness, block.signers)
    return _Heard(changed, gained=kept.tally.union != before)


async def _move_cursor(conn: Conn, witness: str, height: int) -> int:
    """The witness's number. Its cursor never moves back."""
    columns = t.pos_witnesses.c
    forward = update(t.pos_witnesses).where(columns.name == witness)
    behind = or_(columns.cursor_height.is_(None), columns.cursor_height < height)
    await conn.execute(forward.where(behind).values(cursor_height=height))
    number = select(columns.id).where(columns.name == witness)
    if (found := (await conn.execute(number)).scalar()) is None:
        add = insert_into(conn, t.pos_witnesses).values(name=witness, cursor_height=height)
        found = (await conn.execute(add.returning(columns.id))).scalar_one()
    return int(found)


async def _held(conn: Conn, blocks: Sequence[PosBlock]) -> dict[int, Row[Any]]:
    query = select(t.pos_blocks).where(t.pos_blocks.c.height.in_([block.height for block in blocks]))
    return {row.height: row for row in await conn.execute(query)}


def _hash(block: PosBlock) -> bytes:
    return bytes.fromhex(block.hash.removeprefix("0x"))


def _block_columns(block: PosBlock, proposers: Mapping[PosAddress, int]) -> dict[str, Any]:
    return {
        "height": block.height,
        "hash": _hash(block),
        "epoch": block.epoch,
        "round": block.round,
        "at_us": block.at_us,
        "proposer": None if block.proposer is None else proposers[block.proposer],
        "pivot_height": block.pivot_height,
        "last_tx_number": block.last_tx_number,
    }


async def _keep(conn: Conn, rows: list[dict[str, Any]]) -> None:
    if rows:
        add = insert_into(conn, t.pos_blocks)
        told = {name: add.excluded[name] for name in rows[0] if name != "height"}
        await conn.execute(add.on_conflict_do_update(index_elements=["height"], set_=told), rows)


async def _note_signatures(conn: Conn, blocks: Iterable[PosBlock]) -> None:
    """Each account remembers the highest block that it is known to have signed."""
    signed: dict[PosAddress, int] = {}
    for block in sorted(blocks, key=lambda block: block.height, reverse=True):
        signed |= dict.fromkeys(block.signers.keys() - signed.keys(), block.height)
    numbers = await intern(conn, signed.keys())
    columns = t.pos_accounts.c
    lower = or_(columns.last_signed_height.is_(None), columns.last_signed_height < bindparam("at"))
    note = update(t.pos_accounts).where(columns.id == bindparam("account"), lower)
    rows = [{"account": numbers[address], "at": height} for address, height in signed.items()]
    if rows:
        await conn.execute(note.values(last_signed_height=bindparam("at")), rows)


# --- reading ----------------------------------------------------------------------------------------------


async def cursor(conn: Conn, witness: str) -> int | None:
    """The last height that was read from this witness."""
    query = select(t.pos_witnesses.c.cursor_height).where(t.pos_witnesses.c.name == witness)
    return cast("int | None", (await conn.execute(query)).scalar())


async def newest_height(conn: Conn) -> int | None:
    """The newest block that we hold; below it heights may still be missing while the past is read."""
    return cast("int | None", (await conn.execute(select(func.max(t.pos_blocks.c.height)))).scalar())


async def recent(conn: Conn, last: int) -> RecentVotes:
    """The newest `last` heights (at most 1,000); empty (first 0) when no block is held."""
    newest = await newest_height(conn)
    if newest is None:
        return RecentVotes(0, [])
    first = max(newest - min(last, RECENT_MAX) + 1, min(newest, 1))
    query = _BLOCKS.where(t.pos_blocks.c.height >= first).order_by(t.pos_blocks.c.height)
    held = {block.height: block for block in await _decoded(conn, (await conn.execute(query)).all())}
    return RecentVotes(first, [held.get(height) or _unknown(height) for height in range(first, newest + 1)])


async def blocks_before(conn: Conn, before: int | None, limit: int) -> list[BlockVotes]:
    """At most `limit` held blocks below height `before` (None: from the newest), newest first."""
    query = _BLOCKS.order_by(t.pos_blocks.c.height.desc()).limit(limit)
    if before is not None:
        query = query.where(t.pos_blocks.c.height < before)
    return await _decoded(conn, (await conn.execute(query)).all())


_BLOCKS = select(
    *t.pos_blocks.c[
        "height", "hash", "epoch", "round", "at_us", "proposer", "seats", "extra", "signers", "witness_count"
    ]
)


async def _decoded(conn: Conn, rows: Sequence[Row[Any]]) -> list[BlockVotes]:
    known = await rosters(conn, {row.epoch for row in rows})
    named = await addresses(conn, {row.proposer for row in rows if row.proposer is not None})
    return [_block_votes(row, known.get(row.epoch), named) for row in rows]


def _block_votes(row: Any, roster: Roster | None, named: Mapping[int, PosAddress]) -> BlockVotes:
    height, block_hash, epoch, number, at_us, proposer, seats, extra, signers, witnesses = row
    return BlockVotes(
        height,
        "0x" + block_hash.hex(),
        epoch,
        number,
        at_us,
        None if proposer is None else named[proposer],
        Signers(
            0 if signers is None else int.from_bytes(signers, "little"),
            roster if seats else None,
            {} if extra is None else _extra_of(row),
        ),
        None if roster is None else roster.committee,
        witnesses,
    )


def _unknown(height: int) -> BlockVotes:
    return BlockVotes(height, "", 0, 0, 0, None, {}, None, 0)


async def last_signed(conn: Conn, address: PosAddress) -> int | None:
    """The highest block in whose certificate this account was seen."""
    query = select(t.pos_accounts.c.last_signed_height).where(t.pos_accounts.c.address == address)
    return cast("int | None", (await conn.execute(query)).scalar())


# --- strips -----------------------------------------------------------------------------------------------


def strip(votes: RecentVotes | Iterable[BlockVotes], address: PosAddress) -> str:
    """One validator's letters, in the order of the blocks."""
    blocks = votes.blocks if isinstance(votes, RecentVotes) else votes
    return "".join(ballot(block.signers, block.proposer, block.committee, address) for block in blocks)


def strips(votes: RecentVotes | Sequence[BlockVotes]) -> dict[PosAddress, str]:
    """The letters of everyone who sat in any committee of these blocks. Others: use `strip`."""
    blocks = votes.blocks if isinstance(votes, RecentVotes) else votes
    everyone = list(dict.fromkeys(a for group in _terms(blocks) for a in group.committee.votes))
    line = {address: number for number, address in enumerate(everyone)}
    empty = [ord(Ballot.UNSEEN if block.committee is None else Ballot.IDLE) for block in blocks]
    letters = np.tile(np.array(empty, np.uint8), (len(everyone), 1))
    for term in _terms(blocks):
        lines = [line[address] for address in term.committee.votes]
        letters[np.ix_(lines, term.columns)] = _letters([blocks[i] for i in term.columns], term.committee).T
    return {address: letters[number].tobytes().decode() for address, number in line.items()}


@dataclass(frozen=True, slots=True)
class _Term:
    """The blocks (by their place) that one committee voted on."""

    committee: Committee
    columns: list[int]


def _terms(blocks: Sequence[BlockVotes]) -> Iterator[_Term]:
    terms: dict[int, _Term] = {}
    for place, block in enumerate(blocks):
        if block.committee is not None:
            terms.setdefault(id(block.committee), _Term(block.committee, [])).columns.append(place)
    yield from terms.values()


def _letters(blocks: Sequence[BlockVotes], committee: Committee) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A letter for each block (row) and member (column): `ballot`, for many at once."""
    seats = len(committee.votes)
    size = (seats + 7) // 8
    packed = b"".join(_bitmap(block, committee).to_bytes(size, "little") for block in blocks)
    matrix = np.frombuffer(packed, np.uint8).reshape(len(blocks), size)
    signed = np.unpackbits(matrix, axis=1, count=seats, bitorder="little").view(np.bool_)
    letters = np.where(signed, np.uint8(ord(Ballot.SIGNED)), np.uint8(ord(Ballot.ABSENT)))
    letters[[not block.signers for block in blocks]] = ord(Ballot.UNSEEN)
    seat = {address: number for number, address in enumerate(committee.votes)}
    for row, block in enumerate(blocks):
        if block.proposer in seat and signed[row, seat[block.proposer]]:
            letters[row, seat[block.proposer]] = ord(Ballot.LED)
    return letters


def _bitmap(block: BlockVotes, committee: Committee) -> int:
    """The block's signers over the seats of its committee."""
    signers = block.signers
    if isinstance(signers, Signers) and signers.roster is not None and signers.roster.committee is committee:
        return signers.bitmap & ((1 << signers.roster.seats) - 1)
    return sum(1 << seat for seat, address in enumerate(committee.votes) if address in signers)
