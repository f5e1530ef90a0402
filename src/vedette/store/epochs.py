"""Finished epochs: folding their rows into packs, opening them again for a late witness, and their counts."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, cast

import msgspec
import numpy as np
import zstandard
from sqlalchemy import ColumnElement, Row, delete, func, select

from vedette.model.history import EpochCounts, MemberCounts
from vedette.model.pos import PosAddress
from vedette.store import packs
from vedette.store import tables as t
from vedette.store.accounts import intern
from vedette.store.codec import ChunkError, deflate, inflate
from vedette.store.database import Conn, insert_into
from vedette.store.packs import EpochVotes
from vedette.store.rosters import Roster, addresses, rosters
from vedette.store.sums import dirty, segment_of
from vedette.store.tally import KeptBlock, kept_block

FIRST_BLOCK = 2
"""The chain's first block that anybody voted on; height 1 is the genesis."""
COUNTS_BYTES_MAX = 8 << 20


# --- counts -----------------------------------------------------------------------------------------------


class _Counts(msgspec.Struct, frozen=True, array_like=True):
    blocks: int
    known_blocks: int
    nil_blocks: int
    timeout_rounds: int
    quorum_votes: int
    total_votes: int
    columns: bytes  # account numbers, votes, signed, led, bonus, late: 32 bits each, a column after the other


@dataclass(frozen=True)
class NumberedCounts:
    """An epoch's counts by account number, each an array in the order of the seats."""

    epoch: int
    first_height: int
    last_height: int
    first_at_us: int
    last_at_us: int
    blocks: int
    known_blocks: int
    nil_blocks: int
    timeout_rounds: int
    quorum_votes: int
    total_votes: int
    accounts: np.ndarray[Any, np.dtype[np.int32]]
    votes: np.ndarray[Any, np.dtype[np.int32]]
    signed: np.ndarray[Any, np.dtype[np.int32]]
    led: np.ndarray[Any, np.dtype[np.int32]]
    bonus: np.ndarray[Any, np.dtype[np.int32]]
    late: np.ndarray[Any, np.dtype[np.int32]]


def _counted(blocks: Sequence[KeptBlock], votes: EpochVotes, roster: Roster, seats: dict[int, int]) -> bytes:
    """What an epoch's votes add up to."""
    committee = roster.committee
    powers = roster.votes
    signed = votes.matrix.sum(axis=1)
    led = np.bincount(votes.leaders[votes.leaders >= 0], minlength=roster.seats)
    # A leader's block carries the certificate of the block before it; an epoch's first block carries none.
    above = np.maximum(powers @ votes.matrix - committee.quorum_votes, 0)[:-1]
    leaders = votes.leaders[1:]
    paid = votes.known[:-1] & (leaders >= 0)
    bonus = np.bincount(leaders[paid], weights=above[paid], minlength=roster.seats)
    rounds = [block.round for block in blocks]
    columns = np.array([list(seats), powers, signed, led, bonus, votes.matrix[:, -1]], np.int32)
    return deflate(
        msgspec.msgpack.encode(
            _Counts(
                len(blocks),
                int(votes.known.sum()),
                sum(block.proposer is None for block in blocks),
                sum(max(0, later - sooner - 1) for sooner, later in pairwise([0, *rounds])),
                committee.quorum_votes,
                committee.total_votes,
                columns.tobytes(),
            )
        )
    )


_decode_counts = msgspec.msgpack.Decoder(_Counts).decode


def numbered_counts(row: Row[Any]) -> NumberedCounts:
    """A row of `pos_epochs` (its counts and bounds). Raises ChunkError."""
    try:
        held = _decode_counts(inflate(row.counts, COUNTS_BYTES_MAX))
        columns = np.frombuffer(held.columns, np.int32).reshape(6, -1)
    except (ValueError, msgspec.MsgspecError, zstandard.ZstdError) as error:
        raise ChunkError(
            f"the counts of epoch {row.epoch} cannot be read ({error}): restore the database"
        ) from error
    return NumberedCounts(
        row.epoch,
        row.first_height,
        row.last_height,
        row.first_at_us,
        row.last_at_us,
        held.blocks,
        held.known_blocks,
        held.nil_blocks,
        held.timeout_rounds,
        held.quorum_votes,
        held.total_votes,
        *columns,
    )


COUNTS = select(
    *t.pos_epochs.c["epoch", "first_height", "last_height", "first_at_us", "last_at_us", "counts"]
)


async def counts(conn: Conn, first_epoch: int, last_epoch: int) -> list[EpochCounts]:
    """The counts of the finished epochs in this range, ascending; those that are not whole are left out."""
    query = COUNTS.where(t.pos_epochs.c.epoch.between(first_epoch, last_epoch)).order_by(t.pos_epochs.c.epoch)
    held = [numbered_counts(row) for row in await conn.execute(query)]
    named = await addresses(conn, {int(number) for one in held for number in one.accounts})
    return [named_counts(one, named) for one in held]


async def counts_before(conn: Conn, before: int | None, limit: int) -> list[NumberedCounts]:
    """At most `limit` finished epochs below that one (None: from the newest), newest first."""
    epoch = t.pos_epochs.c.epoch
    query = COUNTS.order_by(epoch.desc()).limit(limit)
    rows = await conn.execute(query if before is None else query.where(epoch < before))
    return [numbered_counts(row) for row in rows]


def named_counts(held: NumberedCounts, named: Mapping[int, PosAddress]) -> EpochCounts:
    """The same, by address."""
    people = [named[number] for number in held.accounts.tolist()]
    columns = (held.votes, held.signed, held.led, held.late)
    lines = zip(people, *(column.tolist() for column in columns), strict=True)
    return EpochCounts(
        epoch=held.epoch,
        first_height=held.first_height,
        last_height=held.last_height,
        first_at_us=held.first_at_us,
        last_at_us=held.last_at_us,
        blocks=held.blocks,
        known_blocks=held.known_blocks,
        nil_blocks=held.nil_blocks,
        timeout_rounds=held.timeout_rounds,
        quorum_votes=held.quorum_votes,
        total_votes=held.total_votes,
        bonus_votes={who: bonus for who, bonus in zip(people, held.bonus.tolist(), strict=True) if bonus},
        members={who: MemberCounts(*line) for who, *line in lines},
    )


# --- folding ----------------------------------------------------------------------------------------------


async def fold(conn: Conn, limit: int = 8) -> list[int]:
    """Fold at most so many whole epochs, newest first; call it again while it returns any.

    An epoch is whole when all of its blocks are held, and the blocks around it are of other epochs: the
    newest epoch that has a block is still under way.
    """
    folded = []
    for epoch in await _whole_epochs(conn, limit):
        roster = (await rosters(conn, [epoch])).get(epoch)
        if roster is not None:
            await _fold(conn, epoch, roster)
            folded.append(epoch)
    return folded


async def _whole_epochs(conn: Conn, limit: int) -> list[int]:
    columns = t.pos_blocks.c
    low, high, count = func.min(columns.height), func.max(columns.height), func.count()
    query = (
        select(columns.epoch, low.label("low"), high.label("high"))
        .group_by(columns.epoch)
        .having(count == high - low + 1)
        .order_by(columns.epoch.desc())
    )
    found: list[int] = []
    for row in (await conn.execute(query)).all():
        if len(found) < limit and await _is_bounded(conn, row.low, row.high):
            found.append(row.epoch)
    known = await rosters(conn, found)
    return [epoch for epoch in found if epoch in known]


async def _is_bounded(conn: Conn, low: int, high: int) -> bool:
    """Whether the blocks before and after are held; being no rows of this epoch, they are of others."""
    wanted = {high + 1} | ({low - 1} if low > FIRST_BLOCK else set())
    rows = select(t.pos_blocks.c.height).where(t.pos_blocks.c.height.in_(wanted))
    held = set((await conn.execute(rows)).scalars())
    return all([height in held or await _in_pack(conn, height) for height in wanted])


async def _in_pack(conn: Conn, height: int) -> bool:
    columns = t.pos_epochs.c
    query = (
        select(columns.epoch).where(columns.first_height <= height, columns.last_height >= height).limit(1)
    )
    return (await conn.execute(query)).scalar() is not None


async def _fold(conn: Conn, epoch: int, roster: Roster) -> None:
    query = select(t.pos_blocks).where(t.pos_blocks.c.epoch == epoch).order_by(t.pos_blocks.c.height)
    await keep_whole(conn, [kept_block(row, roster) for row in await conn.execute(query)], roster)


async def _keep_packs(conn: Conn, wholes: Sequence["OpenEpoch"]) -> None:
    members = {member for one in wholes for member in one.roster.committee.votes}
    numbers = await intern(conn, members)
    rows = [_pack_row(one, numbers) for one in wholes]
    if rows:
        add = insert_into(conn, t.pos_epochs)
        anew = {name: add.excluded[name] for name in rows[0] if name != "epoch"}
        await conn.execute(add.on_conflict_do_update(index_elements=["epoch"], set_=anew), rows)
        await dirty_epochs(conn, {row["epoch"] for row in rows})


def _pack_row(whole: "OpenEpoch", numbers: Mapping[PosAddress, int]) -> dict[str, Any]:
    blocks, roster = whole.blocks, whole.roster
    seats = {numbers[address]: seat for seat, address in enumerate(roster.committee.votes)}
    votes, rest = packs.pack(blocks, roster, seats)
    return {
        "epoch": roster.committee.epoch,
        "first_height": blocks[0].height,
        "last_height": blocks[-1].height,
        "first_at_us": blocks[0].at_us,
        "last_at_us": max(block.at_us for block in blocks),
        "votes": votes,
        "blocks": rest,
        "counts": _counted(blocks, packs.unpack_votes(votes, roster.seats), roster, seats),
    }


async def dirty_epochs(conn: Conn, changed: Collection[int]) -> None:
    """What these epochs add to the sums has changed. An epoch's end is known by the next one's beginning."""
    touched = {number for epoch in changed for number in (epoch - 1, epoch)}
    firsts = {segment_of(epoch): epoch for epoch in sorted(touched, reverse=True)}
    for first in firsts.values():
        await dirty(conn, first)


async def keep_whole(conn: Conn, blocks: Sequence[KeptBlock], roster: Roster) -> None:
    """Keep all blocks of a finished epoch as a pack; rows of it are in there, too."""
    await keep_wholes(conn, [OpenEpoch(roster, sorted(blocks, key=lambda block: block.height))])


async def keep_wholes(conn: Conn, wholes: Sequence["OpenEpoch"]) -> None:
    """The same for several epochs, whose blocks ascend."""
    await _keep_packs(conn, wholes)
    kept = [one.roster.committee.epoch for one in wholes]
    await conn.execute(delete(t.pos_blocks).where(t.pos_blocks.c.epoch.in_(kept)))


async def unfold(conn: Conn, epoch: int) -> bool:
    """Make rows of a folded epoch again; False if it is not folded."""
    opened = await holding_epochs(conn, [epoch])
    if epoch not in opened:
        return False
    rows = [block.columns() for block in opened[epoch].blocks]
    await conn.execute(insert_into(conn, t.pos_blocks).on_conflict_do_nothing(), rows)
    await conn.execute(delete(t.pos_epochs).where(t.pos_epochs.c.epoch == epoch))
    await dirty_epochs(conn, {epoch})
    return True


# --- opening ----------------------------------------------------------------------------------------------


def overlapping(first: Any, last: Any) -> tuple[ColumnElement[bool], ...]:
    """The condition that an epoch holds any of these heights, in a form that reads no more of the index."""
    columns = t.pos_epochs.c
    begun = select(func.max(columns.first_height)).where(columns.first_height <= first)
    low = func.coalesce(begun.scalar_subquery(), first)
    return (columns.first_height >= low, columns.first_height <= last, columns.last_height >= first)


@dataclass(frozen=True, slots=True)
class OpenEpoch:
    """A folded epoch's blocks; change their tallies, then `rewrite` them."""

    roster: Roster
    blocks: list[KeptBlock]


async def holding(conn: Conn, first: int, last: int) -> dict[int, OpenEpoch]:
    """The folded epochs that hold any of these heights."""
    return await _opened(conn, *overlapping(first, last))


async def holding_before(conn: Conn, before: int | None, limit: int) -> dict[int, OpenEpoch]:
    """So many blocks' worth of the newest folded epochs that begin below this height (None: of all)."""
    columns = t.pos_epochs.c
    query = select(columns.epoch, columns.first_height, columns.last_height).order_by(
        columns.first_height.desc()
    )
    if before is not None:
        query = query.where(columns.first_height < before)
    found: list[int] = []
    for row in (await conn.execute(query.limit(limit))).all():
        found.append(row.epoch)
        limit -= min(row.last_height + 1, before or row.last_height + 1) - row.first_height
        if limit <= 0:
            break
    return await holding_epochs(conn, found)


async def holding_epochs(conn: Conn, epochs: Collection[int]) -> dict[int, OpenEpoch]:
    """Those of these epochs that are folded."""
    return await _opened(conn, t.pos_epochs.c.epoch.in_(sorted(epochs)))


async def _opened(conn: Conn, *where: Any) -> dict[int, OpenEpoch]:
    query = select(*t.pos_epochs.c["epoch", "votes", "blocks"]).where(*where).order_by(t.pos_epochs.c.epoch)
    rows = (await conn.execute(query)).all()
    known = await rosters(conn, [row.epoch for row in rows])
    return {row.epoch: _open(row, known[row.epoch]) for row in rows}


def _open(row: Row[Any], roster: Roster) -> OpenEpoch:
    votes = packs.unpack_votes(row.votes, roster.seats)
    return OpenEpoch(roster, packs.unpack(votes, row.blocks, row.epoch, roster))


async def rewrite(conn: Conn, opened: Iterable[OpenEpoch]) -> None:
    """Write epochs anew whose tallies changed."""
    await _keep_packs(conn, list(opened))


# --- hashes, heights and strips ---------------------------------------------------------------------------


async def hashes(conn: Conn, first: int, last: int) -> dict[int, str]:
    """The hashes of the folded blocks in [first, last]."""
    columns = t.pos_epochs.c
    query = select(columns.first_height, columns.blocks)
    rows = await conn.execute(query.where(*overlapping(first, last)))
    return {
        height: f"0x{found.hex()}"
        for row in rows
        for height, found in enumerate(packs.unpack_hashes(row.blocks), row.first_height)
        if first <= height <= last
    }


async def votes_of(conn: Conn, first: int, last: int) -> dict[int, EpochVotes]:
    """The votes of the folded epochs that hold any of these heights, by epoch, ascending."""
    columns = t.pos_epochs.c
    query = select(columns.epoch, columns.votes).where(*overlapping(first, last))
    rows = (await conn.execute(query.order_by(columns.epoch))).all()
    known = await rosters(conn, [row.epoch for row in rows])
    return {row.epoch: packs.unpack_votes(row.votes, known[row.epoch].seats) for row in rows}


async def bounds(conn: Conn) -> tuple[int, int] | None:
    """The first and the last folded epoch."""
    epoch = t.pos_epochs.c.epoch
    row = (await conn.execute(select(func.min(epoch), func.max(epoch)))).one()
    return None if row[0] is None else (row[0], row[1])


async def count(conn: Conn) -> int:
    """How many epochs are folded."""
    return int((await conn.execute(select(func.count()).select_from(t.pos_epochs))).scalar_one())


class EpochSpan(NamedTuple):
    """Where a folded epoch lies, and when."""

    epoch: int
    first_height: int
    last_height: int
    first_at_us: int
    last_at_us: int


_SPANS = select(*t.pos_epochs.c["epoch", "first_height", "last_height", "first_at_us", "last_at_us"])


async def spans_between(conn: Conn, first_epoch: int, last_epoch: int) -> dict[int, EpochSpan]:
    """The folded epochs in this range, by number, ascending."""
    epoch = t.pos_epochs.c.epoch
    rows = await conn.execute(_SPANS.where(epoch.between(first_epoch, last_epoch)).order_by(epoch))
    return {row.epoch: EpochSpan(*row) for row in rows}


async def ends(conn: Conn, numbers: Collection[int]) -> dict[int, int]:
    """When those of these epochs that are folded ended, in microseconds."""
    columns = t.pos_epochs.c
    query = select(columns.epoch, columns.last_at_us).where(columns.epoch.in_(sorted(numbers)))
    return {row.epoch: row.last_at_us for row in await conn.execute(query)}


async def span_before(conn: Conn, epoch: int) -> EpochSpan | None:
    """The newest folded epoch below this one."""
    column = t.pos_epochs.c.epoch
    row = (await conn.execute(_SPANS.where(column < epoch).order_by(column.desc()).limit(1))).one_or_none()
    return None if row is None else EpochSpan(*row)


async def epoch_after(conn: Conn, at_us: int) -> int | None:
    """The first folded epoch that ended after this moment."""
    columns = t.pos_epochs.c
    query = select(columns.epoch).where(columns.last_at_us > at_us).order_by(columns.last_at_us).limit(1)
    return cast("int | None", (await conn.execute(query)).scalar())
