"""Blocks, committees and who signed: what each witness saw, and the union of it.

A block of an epoch under way is one row; the blocks of a whole epoch are packed together (see `epochs`).
`told` keeps what each witness saw, as a bitmap over the seats of the epoch's committee (a witness that saw
all of the union says just that); `signers` is the union, as far as it is believed (see `tally`), so that
reading looks at nothing else. Signers without a seat (the committee is not known yet, or a node tells
nonsense) stand behind the seats, by name.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any, Final, cast

import numpy as np
from sqlalchemy import Row, bindparam, func, or_, select, update

from vedette.model.ballot import Ballot, ballot
from vedette.model.pos import Committee, PosAddress, PosBlock
from vedette.model.spans import Span, Spans, spans
from vedette.store import epochs
from vedette.store import tables as t
from vedette.store.accounts import intern
from vedette.store.codec import pack_ints
from vedette.store.database import Conn, insert_into
from vedette.store.epochs import OpenEpoch
from vedette.store.rosters import Roster, Signers, addresses, rosters
from vedette.store.tally import KeptBlock, Tally, extra_of, kept_block

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


def usual_gap_s(blocks: Sequence[BlockVotes]) -> float | None:
    """The usual distance of two blocks that follow each other; None of fewer than two."""
    known = [block for block in blocks if block.known]
    gaps = [
        (after.at_us - before.at_us) / 1e6
        for before, after in pairwise(known)
        if after.height == before.height + 1
    ]
    return median(gaps) if gaps else None


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
    await epochs.unfold(conn, committee.epoch)
    await conn.execute(add.on_conflict_do_update(index_elements=["epoch"], set_=row))
    await _reseat(conn, committee.epoch, before)


async def _reseat(conn: Conn, epoch: int, before: Roster | None) -> None:
    """Write the blocks of an epoch anew, over the seats of the committee that is known now."""
    now = (await rosters(conn, [epoch]))[epoch]
    rows = (await conn.execute(select(t.pos_blocks).where(t.pos_blocks.c.epoch == epoch))).all()
    kept = [kept_block(row, before) for row in rows]
    await _keep(conn, [(block.columns() | block.tally.seated(now).columns()) for block in kept])


async def committee(conn: Conn, epoch: int) -> Committee | None:
    """The committee of the epoch, if it was told."""
    roster = (await rosters(conn, [epoch])).get(epoch)
    return None if roster is None else roster.committee


async def committees(conn: Conn, first_epoch: int, last_epoch: int) -> dict[int, Committee]:
    """The committees of those of these epochs that were told."""
    held = await rosters(conn, range(first_epoch, last_epoch + 1))
    return {epoch: roster.committee for epoch, roster in held.items()}


async def known_epochs(conn: Conn, first: int, last: int) -> set[int]:
    """Epochs in [first, last] whose committee is known."""
    columns = t.pos_committees.c
    query = select(columns.epoch).where(columns.epoch.between(first, last))
    return set((await conn.execute(query)).scalars())


# --- remembering ------------------------------------------------------------------------------------------


async def _take_turns(conn: Conn) -> None:
    if conn.dialect.name == "postgresql":
        await conn.execute(select(func.pg_advisory_xact_lock(LOCK)))


async def witness_blocks(conn: Conn, witness: str, blocks: Sequence[PosBlock], read: Span) -> list[int]:
    """Remember what one witness saw; returns the heights that are new or gained signers, ascending.

    Saying it twice is harmless. A block told with another hash replaces the one we held, signers and all.
    In the same transaction the witness counts as read in `read`, which may hold more heights than there are
    blocks: those the witness has forgotten.
    """
    await _take_turns(conn)
    number = await _note_read(conn, witness, read)
    if not blocks:
        return []
    shelf = await _open_shelf(conn, blocks)
    proposers = await intern(conn, {block.proposer for block in blocks if block.proposer is not None})
    gained = [block for block in blocks if shelf.hear(block, number, proposers)]
    await _keep(conn, [kept.columns() for kept in shelf.changed_rows()])
    await epochs.rewrite(conn, shelf.changed_epochs())
    await _note_signatures(conn, {block.height: shelf.believed(block) for block in gained})
    await _unnote_signatures(conn, shelf.outvoted)
    return sorted({block.height for block in gained})


async def witness_epoch(conn: Conn, witness: str, blocks: Sequence[PosBlock]) -> None:
    """Remember all blocks of one finished epoch, ascending: as `witness_blocks` and a fold, but quicker.

    Whoever calls knows that no block of it is missing. Its committee must be known.
    """
    await _take_turns(conn)
    number = await _note_read(conn, witness, Span(blocks[0].height, blocks[-1].height))
    shelf = await _open_shelf(conn, blocks)
    roster = shelf.known.get(blocks[0].epoch)
    proposers = await intern(conn, {block.proposer for block in blocks if block.proposer is not None})
    gained = [block for block in blocks if shelf.hear(block, number, proposers)]
    if roster is not None and not shelf.packs:
        await epochs.keep_whole(conn, list(shelf.rows.values()), roster)
    else:
        await _keep(conn, [kept.columns() for kept in shelf.changed_rows()])
        await epochs.rewrite(conn, shelf.changed_epochs())
    await _note_signatures(conn, {block.height: shelf.believed(block) for block in gained})
    await _unnote_signatures(conn, shelf.outvoted)


@dataclass(slots=True)
class _Shelf:
    """What is held of the blocks that a witness tells of: as rows, or in the packs of their epochs."""

    known: Mapping[int, Roster]
    rows: dict[int, KeptBlock]
    packs: Mapping[int, OpenEpoch]
    packed: dict[int, KeptBlock] = field(init=False)
    changed: set[int] = field(default_factory=set)  # heights
    outvoted: dict[PosAddress, int] = field(default_factory=dict)  # who did not sign that height after all

    def __post_init__(self) -> None:
        self.packed = {block.height: block for pack in self.packs.values() for block in pack.blocks}

    def hear(self, block: PosBlock, witness: int, proposers: Mapping[PosAddress, int]) -> bool:
        """Add one witness's word on a block; True if the block is new to us, or its union grew."""
        kept = self.packed.get(block.height) or self.rows.get(block.height)
        if kept is None or kept.hash != _hash(block):
            kept = self.rows[block.height] = _new(block, proposers, self.known.get(block.epoch))
            kept.tally.hear(witness, block.signers)
            self.changed.add(block.height)
            return True
        before = kept.tally.union
        if kept.tally.hear(witness, block.signers):
            self.changed.add(block.height)
        lost = before & ~kept.tally.union
        self.outvoted |= dict.fromkeys(kept.tally.signers(lost) if lost else (), block.height)
        return kept.tally.union != before

    def believed(self, block: PosBlock) -> list[PosAddress]:
        """Those of the block's signers whom its witnesses together make believable."""
        kept = self.rows.get(block.height) or self.packed[block.height]
        union = Signers(kept.tally.union, kept.tally.roster, kept.tally.extra)
        return [address for address in block.signers if address in union]

    def changed_rows(self) -> list[KeptBlock]:
        return [self.rows[height] for height in sorted(self.changed & self.rows.keys())]

    def changed_epochs(self) -> list[OpenEpoch]:
        touched = {self.packed[height].epoch for height in self.changed - self.rows.keys()}
        return [self.packs[epoch] for epoch in sorted(touched)]


async def _open_shelf(conn: Conn, blocks: Sequence[PosBlock]) -> _Shelf:
    """Fetch what is held of these blocks. An epoch of which one was replaced is made rows again."""
    opened = await epochs.holding(conn, min(b.height for b in blocks), max(b.height for b in blocks))
    told = {block.height: _hash(block) for block in blocks}
    for epoch, pack in list(opened.items()):
        if any(told.get(held.height, held.hash) != held.hash for held in pack.blocks):
            await epochs.unfold(conn, epoch)
            del opened[epoch]
    known = await rosters(conn, {block.epoch for block in blocks} | opened.keys())
    rows = [kept_block(row, known.get(row.epoch)) for row in await _held(conn, blocks)]
    return _Shelf(known, {row.height: row for row in rows}, opened)


def _new(block: PosBlock, proposers: Mapping[PosAddress, int], roster: Roster | None) -> KeptBlock:
    return KeptBlock(
        height=block.height,
        hash=_hash(block),
        epoch=block.epoch,
        round=block.round,
        at_us=block.at_us,
        proposer=None if block.proposer is None else proposers[block.proposer],
        pivot_height=block.pivot_height,
        last_tx_number=block.last_tx_number,
        tally=Tally(roster),
    )


async def _note_read(conn: Conn, witness: str, read: Span) -> int:
    return await note_read(conn, witness, (read,))


async def note_read(conn: Conn, witness: str, read: Spans) -> int:
    """The witness's number; what was read from it grows."""
    columns = t.pos_witnesses.c
    found = (await conn.execute(_WITNESS.where(columns.name == witness))).one_or_none()
    if found is None:
        add = insert_into(conn, t.pos_witnesses).values(name=witness, read=list(read))
        return int((await conn.execute(add.returning(columns.id))).scalar_one())
    before = spans(found.read)
    now = spans([*before, *read])
    if now != before:
        await conn.execute(update(t.pos_witnesses).where(columns.id == found.id).values(read=now))
    return int(found.id)


_WITNESS = select(t.pos_witnesses.c.id, t.pos_witnesses.c.read)


async def _held(conn: Conn, blocks: Sequence[PosBlock]) -> Sequence[Row[Any]]:
    query = select(t.pos_blocks).where(t.pos_blocks.c.height.in_([block.height for block in blocks]))
    return (await conn.execute(query)).all()


def _hash(block: PosBlock) -> bytes:
    return bytes.fromhex(block.hash.removeprefix("0x"))


async def _keep(conn: Conn, rows: list[dict[str, Any]]) -> None:
    if rows:
        add = insert_into(conn, t.pos_blocks)
        told = {name: add.excluded[name] for name in rows[0] if name != "height"}
        await conn.execute(add.on_conflict_do_update(index_elements=["height"], set_=told), rows)


async def _note_signatures(conn: Conn, signers: Mapping[int, Sequence[PosAddress]]) -> None:
    signed: dict[PosAddress, int] = {}
    for height in sorted(signers):
        signed |= dict.fromkeys(signers[height], height)
    await note_signed(conn, signed)


async def note_signed(conn: Conn, signed: Mapping[PosAddress, int]) -> None:
    """Each account remembers the highest block that it is known to have signed."""
    numbers = await intern(conn, signed.keys())
    columns = t.pos_accounts.c
    lower = or_(columns.last_signed_height.is_(None), columns.last_signed_height < bindparam("at"))
    note = update(t.pos_accounts).where(columns.id == bindparam("account"), lower)
    rows = [{"account": numbers[address], "at": height} for address, height in signed.items()]
    if rows:
        await conn.execute(note.values(last_signed_height=bindparam("at")), rows)


async def _unnote_signatures(conn: Conn, outvoted: Mapping[PosAddress, int]) -> None:
    """Some signed earlier than one witness alone had us believe."""
    for address, height in outvoted.items():
        if await last_signed(conn, address) == height:
            earlier = await blocks_before(conn, height, RECENT_MAX)
            at = next((block.height for block in earlier if address in block.signers), None)
            account = t.pos_accounts.c.address == address
            await conn.execute(update(t.pos_accounts).where(account).values(last_signed_height=at))


# --- reading ----------------------------------------------------------------------------------------------


IMPORTED: Final = " (imported)"
"""How the name of a witness ends whose word came in a file, and was not heard by us."""


async def read_of(conn: Conn, witness: str) -> Spans:
    """The heights that need not be read from this witness: they were, or somebody's word was imported."""
    name = t.pos_witnesses.c.name
    query = select(t.pos_witnesses.c.read).where((name == witness) | name.endswith(IMPORTED, autoescape=True))
    return spans(span for read in (await conn.execute(query)).scalars() for span in read)


async def witnesses(conn: Conn) -> list[tuple[str, Spans]]:
    """Everybody's name, and the heights that were read from them, or came as theirs in a file."""
    query = select(t.pos_witnesses.c.name, t.pos_witnesses.c.read).order_by(t.pos_witnesses.c.name)
    return [(row.name, spans(row.read)) for row in await conn.execute(query)]


async def told_by(conn: Conn, first: int, last: int, address: PosAddress) -> dict[str, str]:
    """What each witness told of one account, a letter a height: s it signed, a it did not, ? unseen."""
    held = {
        block.height: block
        for pack in (await epochs.holding(conn, first, last)).values()
        for block in pack.blocks
    }
    rows = (await conn.execute(select(t.pos_blocks).where(t.pos_blocks.c.height.between(first, last)))).all()
    known = await rosters(conn, {row.epoch for row in rows})
    held |= {row.height: kept_block(row, known.get(row.epoch)) for row in rows}
    columns = t.pos_witnesses.c
    names = {row.id: row.name for row in await conn.execute(select(columns.id, columns.name))}
    said: dict[str, str] = {}
    for number, name in sorted(names.items()):
        letters = [_told(held.get(height), number, address) for height in range(first, last + 1)]
        if set(letters) != {Ballot.UNSEEN}:
            said[name] = "".join(letters)
    return said


def _told(block: KeptBlock | None, witness: int, address: PosAddress) -> Ballot:
    bitmap = 0 if block is None else block.tally.told.get(witness, 0)
    if block is None or not bitmap:
        return Ballot.UNSEEN
    signers = Signers(bitmap, block.tally.roster, block.tally.extra)
    return Ballot.SIGNED if address in signers else Ballot.ABSENT


async def newest_height(conn: Conn) -> int | None:
    """The newest block that we hold; below it heights may still be missing while the past is read."""
    newest = (await conn.execute(_NEWEST)).one()
    return max((one for one in newest if one is not None), default=None)


_NEWEST = select(
    select(func.max(t.pos_blocks.c.height)).scalar_subquery(),
    # By the key: heights ascend with epochs, and a maximum of what has no index reads every row.
    select(t.pos_epochs.c.last_height).order_by(t.pos_epochs.c.epoch.desc()).limit(1).scalar_subquery(),
)


async def recent(conn: Conn, last: int) -> RecentVotes:
    """The newest `last` heights (at most 1,000); empty (first 0) when no block is held."""
    newest = await newest_height(conn)
    if newest is None:
        return RecentVotes(0, [])
    first = max(newest - min(last, RECENT_MAX) + 1, min(newest, 1))
    held = {block.height: block for block in await blocks_between(conn, first, newest)}
    return RecentVotes(first, [held.get(height) or _unknown(height) for height in range(first, newest + 1)])


async def blocks_between(conn: Conn, first: int, last: int) -> list[BlockVotes]:
    """The held blocks in [first, last], ascending."""
    in_rows = await rows_between(conn, first, last)
    in_packs = await _unpacked(conn, await epochs.holding(conn, first, last))
    return sorted(
        [*in_rows, *(block for block in in_packs if first <= block.height <= last)],
        key=lambda block: block.height,
    )


async def rows_between(conn: Conn, first: int, last: int) -> list[BlockVotes]:
    """Those of them that are not folded into an epoch."""
    columns = t.pos_blocks.c
    query = _BLOCKS.where(columns.height.between(first, last)).order_by(columns.height)
    return await _decoded(conn, (await conn.execute(query)).all())


async def blocks_before(conn: Conn, before: int | None, limit: int) -> list[BlockVotes]:
    """At most `limit` held blocks below height `before` (None: from the newest), newest first."""
    query = _BLOCKS.order_by(t.pos_blocks.c.height.desc()).limit(limit)
    if before is not None:
        query = query.where(t.pos_blocks.c.height < before)
    found = await _decoded(conn, (await conn.execute(query)).all())
    opened = await epochs.holding_before(conn, before, limit)
    found += [one for one in await _unpacked(conn, opened) if before is None or one.height < before]
    return sorted(found, key=lambda block: -block.height)[:limit]


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
            extra_of(extra),
        ),
        None if roster is None else roster.committee,
        witnesses,
    )


async def _unpacked(conn: Conn, opened: Mapping[int, OpenEpoch]) -> list[BlockVotes]:
    blocks = [(block, pack.roster) for pack in opened.values() for block in pack.blocks]
    named = await addresses(conn, {block.proposer for block, _ in blocks if block.proposer is not None})
    return [_of_pack(block, roster, named) for block, roster in blocks]


def _of_pack(block: KeptBlock, roster: Roster, named: Mapping[int, PosAddress]) -> BlockVotes:
    tally = block.tally
    return BlockVotes(
        block.height,
        "0x" + block.hash.hex(),
        block.epoch,
        block.round,
        block.at_us,
        None if block.proposer is None else named[block.proposer],
        Signers(tally.union, roster, tally.extra),
        roster.committee,
        sum(1 for bitmap in tally.told.values() if bitmap),
    )


async def witness_counts(conn: Conn, heights: Collection[int]) -> dict[int, int]:
    """How many witnesses told of each of these blocks that is held, with a certificate or without."""
    if not heights:
        return {}
    opened = await epochs.holding(conn, min(heights), max(heights))
    query = select(t.pos_blocks).where(t.pos_blocks.c.height.in_(sorted(heights)))
    rows = (await conn.execute(query)).all()
    known = await rosters(conn, {row.epoch for row in rows})
    held = [kept_block(row, known.get(row.epoch)) for row in rows]
    held += [block for pack in opened.values() for block in pack.blocks if block.height in heights]
    return {block.height: len(block.tally.told) for block in held}


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
