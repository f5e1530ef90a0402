"""Many blocks as columns, and some accounts' letters in them: for whoever goes through weeks of votes."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, select

from vedette.model.ballot import Ballot
from vedette.model.pos import PosAddress
from vedette.store import packs, votes
from vedette.store import tables as t
from vedette.store.database import Conn
from vedette.store.epochs import overlapping
from vedette.store.rosters import Roster, rosters_in
from vedette.store.votes import BlockVotes

Ints = NDArray[np.int64]

UNKNOWN: Final = -1


@dataclass(frozen=True, eq=False)
class VoteLines:
    """The blocks that are held, oldest first, an entry each.

    `total_votes` and `signed_votes` are UNKNOWN without a committee that is known, or a certificate.
    `letters` and `votes` (its seats in the block's epoch) are of the accounts that were asked for.
    """

    heights: Ints
    epochs: Ints
    at_ms: Ints
    total_votes: Ints
    signed_votes: Ints
    letters: Mapping[PosAddress, str]
    votes: Mapping[PosAddress, Ints]

    def __len__(self) -> int:
        return len(self.heights)


@dataclass(frozen=True, slots=True)
class _Piece:
    """The same of one epoch, or of some blocks."""

    columns: Ints  # a row each: heights, epochs, times, total and signed votes
    letters: Mapping[PosAddress, str]
    votes: Mapping[PosAddress, Sequence[int] | Ints]


async def vote_lines(conn: Conn, addresses: Sequence[PosAddress], from_ms: int, to_ms: int) -> VoteLines:
    """The blocks of that time, as far as they are held."""
    columns = t.pos_epochs.c
    spans = select(columns.first_height, columns.last_height).where(
        columns.last_at_us >= from_ms * 1000, columns.first_at_us <= to_ms * 1000
    )
    held = (await conn.execute(spans.order_by(columns.epoch))).all()
    rows = await _folded(conn, held[0][0], held[-1][1]) if held else []
    known = await rosters_in(conn, rows)
    open_blocks = await _open(conn, from_ms, to_ms)
    return await asyncio.to_thread(_lines, rows, known, open_blocks, addresses, (from_ms, to_ms))


async def _folded(conn: Conn, first: int, last: int) -> list[Any]:
    query = (
        select(
            *t.pos_epochs.c["epoch", "first_height", "last_height", "blocks"],
            t.pos_epochs.c.votes.label("signed"),
            *t.pos_committees.c["quorum_votes", "total_votes", "members", "votes"],
        )
        .join_from(t.pos_epochs, t.pos_committees, t.pos_epochs.c.epoch == t.pos_committees.c.epoch)
        .where(*overlapping(first, last))
        .order_by(t.pos_epochs.c.epoch)
    )
    return list(await conn.execute(query))


async def _open(conn: Conn, from_ms: int, to_ms: int) -> list[BlockVotes]:
    """Those that stand in rows of their own."""
    columns = t.pos_blocks.c
    within = columns.at_us.between(from_ms * 1000, to_ms * 1000 + 999)
    heights = list((await conn.execute(select(columns.height).where(within))).scalars())
    if not heights:
        return []
    wanted = set(heights)
    return [one for one in await votes.rows_between(conn, min(heights), max(heights)) if one.height in wanted]


# --- put together (pure) ------------------------------------------------------------------------------------


def _lines(
    rows: Sequence[Row[Any]],
    known: Mapping[int, Roster],
    open_blocks: Sequence[BlockVotes],
    addresses: Sequence[PosAddress],
    span_ms: tuple[int, int],
) -> VoteLines:
    pieces = [_of_epoch(row, known[row.epoch], addresses) for row in rows]
    pieces += [_of_blocks(open_blocks, addresses)] if open_blocks else []
    columns = (
        np.concatenate([one.columns for one in pieces], axis=1) if pieces else np.zeros((5, 0), np.int64)
    )
    order = np.argsort(columns[0], kind="stable")
    columns = columns[:, order]
    inside = (columns[2] >= span_ms[0]) & (columns[2] <= span_ms[1])
    kept = order[inside]
    letters = {
        one: np.frombuffer("".join(piece.letters[one] for piece in pieces).encode(), np.uint8)[kept]
        for one in addresses
    }
    seats = {
        one: np.concatenate([np.asarray(piece.votes[one], np.int64) for piece in pieces])[kept]
        if pieces
        else np.zeros(0, np.int64)
        for one in addresses
    }
    heights, numbers, at_ms, total, signed = columns[:, inside]
    strips = {one: line.tobytes().decode() for one, line in letters.items()}
    return VoteLines(heights, numbers, at_ms, total, signed, strips, seats)


def _of_epoch(row: Row[Any], roster: Roster, addresses: Sequence[PosAddress]) -> _Piece:
    held = packs.unpack_votes(row.signed, roster.seats)
    count = held.blocks
    signed = np.where(held.known, roster.votes @ held.matrix, UNKNOWN)
    columns = np.stack(
        [
            np.arange(held.first_height, held.first_height + count),
            np.full(count, row.epoch),
            packs.unpack_times(row.blocks, count) // 1000,
            np.full(count, row.total_votes),
            signed,
        ]
    ).astype(np.int64)
    seats = {one: roster.seat(one) for one in addresses}
    own = {one: 0 if seat is None else int(roster.votes[seat]) for one, seat in seats.items()}
    return _Piece(
        columns,
        {one: held.letters(seat) for one, seat in seats.items()},
        {one: np.full(count, own[one], np.int64) for one in addresses},
    )


def _of_blocks(blocks: Sequence[BlockVotes], addresses: Sequence[PosAddress]) -> _Piece:
    strips = votes.strips(blocks)
    idle = "".join(Ballot.UNSEEN if one.committee is None else Ballot.IDLE for one in blocks)
    columns = [
        [one.height for one in blocks],
        [one.epoch for one in blocks],
        [one.at_us // 1000 for one in blocks],
        [UNKNOWN if one.committee is None else one.committee.total_votes for one in blocks],
        [UNKNOWN if one.signed_votes is None else one.signed_votes for one in blocks],
    ]
    seats = [{} if one.committee is None else one.committee.votes for one in blocks]
    return _Piece(
        np.array(columns, np.int64),
        {one: strips.get(one, idle) for one in addresses},
        {one: [held.get(one, 0) for held in seats] for one in addresses},
    )
