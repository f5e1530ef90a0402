"""Samples of a node over time: a hot window of packed rows in front of compressed column chunks."""

import asyncio
import logging
from collections.abc import Sequence, Sized
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import Row, delete, func, select

from vedette.store import tables as t
from vedette.store import tiering
from vedette.store.codec import Samples, bounded, decode_chunk, encode_chunk, merge, samples
from vedette.store.database import Conn, insert_into
from vedette.store.tiering import Keep
from vedette.store.tiers import HOUR_MS, MINUTE_MS, SLOT_MS

log = logging.getLogger(__name__)

WINDOW_MS = 10 * MINUTE_MS
"""Rows of one window are folded into one chunk."""
SETTLE_MS = MINUTE_MS
"""A window is left alone this long after its end, since most of its rows are still coming."""
SPANS = (HOUR_MS, SLOT_MS)
"""Small chunks are folded into one of such a span once it is over: fewer bytes, fewer things to open."""
ROWS_A_DEED = 1_200
"""After so many rows the rest is left for the next call, so that others can write in between."""
LOCK = 0x7EDE780

_row = msgspec.msgpack.Decoder(tuple[dict[str, int | float], dict[str, str]]).decode


# --- folding ----------------------------------------------------------------------------------------------


async def seal(conn: Conn, now_ms: int, limit: int, keep: Keep | None = None) -> int:
    """Fold finished 10-minute windows of at most `limit` nodes into chunks; returns the chunks written.

    Call again at once while it returns more than 0. Late rows join the chunk that covers their time. When no
    window waits, one node's small chunks of a finished hour, or four, are folded into one; then one finished
    chunk is folded into the tiers; then what need not be kept any longer is dropped of one node.
    """
    if conn.dialect.name == "postgresql":
        await conn.execute(select(func.pg_advisory_xact_lock(LOCK)))  # two who fold would fold the same rows
    until_ms = (now_ms - SETTLE_MS) // WINDOW_MS * WINDOW_MS
    rows = written = 0
    for node in await _unsealed(conn, until_ms, limit):
        taken, chunks = await _seal_node(
            conn, node, min(until_ms, node.first_ms // WINDOW_MS * WINDOW_MS + HOUR_MS)
        )
        rows, written = rows + taken, written + chunks
        if rows >= ROWS_A_DEED:
            break
    return (
        written
        or await _fold_one(conn, now_ms)
        or await tiering.build_one(conn)
        or await tiering.forget_one(conn, now_ms, keep or Keep())
    )


async def _unsealed(conn: Conn, until_ms: int, limit: int) -> Sequence[Any]:
    """Nodes with rows before that time, and the time of the first one: one look into the index for each."""
    first = select(func.min(t.hot.c.at_ms)).where(t.hot.c.node_id == t.nodes.c.id).scalar_subquery()
    query = (
        select(t.nodes.c.id, t.nodes.c.team_id, first.label("first_ms")).where(first < until_ms).limit(limit)
    )
    return (await conn.execute(query.limit(limit))).all()


async def _seal_node(conn: Conn, node: Row[Any], until_ms: int) -> tuple[int, int]:
    """Take a node's rows out of the hot window and into chunks; returns how many rows and chunks."""
    columns = t.hot.c
    # What is deleted is what is folded: a row that comes in between stays for the next time.
    take = delete(t.hot).where(columns.node_id == node.id, columns.at_ms < until_ms)
    rows = (await conn.execute(take.returning(columns.at_ms, columns.row))).all()
    held = await _covering(conn, node.id, sorted({row.at_ms // WINDOW_MS * WINDOW_MS for row in rows}))
    chunks = await asyncio.to_thread(_folded, rows, held)
    await _keep(conn, node.id, node.team_id, chunks)
    return len(rows), len(chunks)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A chunk and the time that it covers."""

    start_ms: int
    span_ms: int
    body: bytes
    sample_count: int = 0

    def covers(self, at_ms: int) -> bool:
        return self.start_ms <= at_ms < self.start_ms + self.span_ms


async def _covering(conn: Conn, node_id: str, windows: list[int]) -> list[_Piece]:
    """The chunks that there are for these windows, whatever their span."""
    columns = t.chunks.c
    starts = sorted({window // span * span for window in windows for span in (WINDOW_MS, *SPANS)})
    query = select(t.chunks).where(columns.node_id == node_id, columns.start_ms.in_(starts)).with_for_update()
    return [_Piece(row.start_ms, row.span_ms, row.body) for row in await conn.execute(query)]


def _folded(rows: Sequence[Any], held: list[_Piece]) -> list[_Piece]:
    """The chunks that these rows and the chunks of the same times become."""

    def home(row: Row[Any]) -> tuple[int, int]:
        piece = next((piece for piece in held if piece.covers(row.at_ms)), None)
        return (piece.start_ms, piece.span_ms) if piece else (row.at_ms // WINDOW_MS * WINDOW_MS, WINDOW_MS)

    bodies = {piece.start_ms: piece.body for piece in held}
    chunks = []
    for (start_ms, span_ms), group in groupby(sorted(rows, key=lambda row: int(row.at_ms)), home):
        fresh = samples((row.at_ms, *_row(row.row)) for row in group)
        older = [decode_chunk(bodies[start_ms])] if start_ms in bodies else []
        chunks.append(_piece(start_ms, span_ms, [*older, fresh]))
    return chunks


def _piece(start_ms: int, span_ms: int, parts: list[Samples]) -> _Piece:
    told = merge(parts) if len(parts) > 1 else parts[0]
    whole = bounded(told)
    if whole is not told:
        log.warning(
            "too much in %d minutes of an agent: %d of %d rounds, %d of %d numbers, %d of %d states are kept",
            span_ms // MINUTE_MS,
            *(len(one) for pair in zip(_extent(whole), _extent(told), strict=True) for one in pair),
        )
    return _Piece(start_ms, span_ms, encode_chunk(whole), len(whole.times))


def _extent(of: Samples) -> tuple[Sized, Sized, Sized]:
    return of.times, of.numbers, of.states


async def _keep(conn: Conn, node_id: str, team_id: int, chunks: list[_Piece]) -> None:
    if not chunks:
        return
    add = insert_into(conn, t.chunks)
    told = {name: add.excluded[name] for name in ("span_ms", "sample_count", "dirty", "body")}
    rows = [
        {
            "node_id": node_id,
            "start_ms": chunk.start_ms,
            "span_ms": chunk.span_ms,
            "team_id": team_id,
            "sample_count": chunk.sample_count,
            "dirty": True,
            "body": chunk.body,
        }
        for chunk in chunks
    ]
    await conn.execute(add.on_conflict_do_update(index_elements=["node_id", "start_ms"], set_=told), rows)


async def _fold_one(conn: Conn, now_ms: int) -> int:
    """Fold one node's small chunks of one finished span into one; returns 1, or 0 when none waits."""
    columns = t.chunks.c
    for span_ms in SPANS:
        until_ms = (now_ms - SETTLE_MS - WINDOW_MS) // span_ms * span_ms
        smaller = columns.span_ms.in_([WINDOW_MS, *(span for span in SPANS if span < span_ms)])
        # A small chunk is always dirty; saying so lets the index find it.
        waiting = select(t.chunks).where(smaller, columns.dirty, columns.start_ms < until_ms).limit(1)
        if (found := (await conn.execute(waiting)).one_or_none()) is not None:
            await _fold(conn, found, span_ms)
            return 1
    return 0


async def _fold(conn: Conn, found: Any, span_ms: int) -> None:
    columns = t.chunks.c
    start_ms = found.start_ms // span_ms * span_ms
    within = columns.start_ms.between(start_ms, start_ms + span_ms - 1)
    take = delete(t.chunks).where(columns.node_id == found.node_id, within)
    rows = (await conn.execute(take.returning(columns.start_ms, columns.body))).all()
    bodies = [row.body for row in sorted(rows, key=lambda row: int(row.start_ms))]
    chunk = await asyncio.to_thread(_piece_of, start_ms, span_ms, bodies)
    await _keep(conn, found.node_id, found.team_id, [chunk])


def _piece_of(start_ms: int, span_ms: int, bodies: list[bytes]) -> _Piece:
    return _piece(start_ms, span_ms, [decode_chunk(body) for body in bodies])
