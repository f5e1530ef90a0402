"""A node's past, read from the fewest rows that tell it: tiers where they are built, else samples."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import numpy as np
from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select

from vedette.model.people import Who
from vedette.store import availability
from vedette.store import tables as t
from vedette.store.availability import Calendar
from vedette.store.charts import SeriesColumns, Window, drawn, drawn_raw, raw_times, step_for
from vedette.store.codec import Chunk, Ints, Samples, merge, samples
from vedette.store.database import Conn, visible_to
from vedette.store.states import StateRuns, runs
from vedette.store.tiering import Kept
from vedette.store.tiers import (
    DAY,
    DAY_MS,
    HOUR,
    HOUR_MS,
    SLOT_MS,
    Buckets,
    Tier,
    between,
    decode,
    fold,
    of_samples,
    only,
    tier_of,
)

T = TypeVar("T")

BODIES_INLINE = 48
STATE_POINTS = 5_000
"""States are told as finely as so many buckets would be: a run costs the same whatever its resolution."""

_row = msgspec.msgpack.Decoder(tuple[dict[str, int | float], dict[str, str]]).decode


async def columns(
    conn: Conn, who: Who, node_id: str, names: Sequence[str], from_ms: int, to_ms: int, points: int
) -> SeriesColumns | None:
    """At most `points` values of each named series in [from_ms, to_ms); None when the node is not visible.

    A name without any sample in the window is a column of None; `available` tells the names that have some.
    Where buckets of a tier are drawn, those in which the window begins and ends count whole.
    """
    seen = await _seen(conn, who, node_id)
    if seen is None:
        return None
    window = Window(node_id, list(names), from_ms, to_ms, points)
    step_ms = step_for(window, seen.step_min_ms(from_ms))
    past = await _past(conn, who, window, tier_of(step_ms), seen)
    return await _beside(past, lambda: _chart(window, past, step_ms))


async def states(
    conn: Conn, who: Who, node_id: str, names: Sequence[str], from_ms: int, to_ms: int
) -> StateRuns | None:
    """What the named states were, run by run; None when the node is not visible."""
    seen = await _seen(conn, who, node_id)
    if seen is None:
        return None
    window = Window(node_id, list(names), from_ms, to_ms, STATE_POINTS)
    tier = tier_of(step_for(window, seen.step_min_ms(from_ms)))
    past = await _past(conn, who, window, tier, seen)
    return await _beside(past, lambda: _runs(window, past))


async def availability_of(
    conn: Conn, who: Who, node_id: str, length_ms: int | None, to_ms: int, cell_ms: int
) -> Calendar | None:
    """The cells of the last `length_ms`, or of all that is known; None when the node is not visible."""
    seen = await _seen(conn, who, node_id)
    if seen is None:
        return None
    from_ms = await _first_ms(conn, node_id, to_ms) if length_ms is None else to_ms - length_ms
    from_ms = from_ms // cell_ms * cell_ms
    slot_ms = from_ms // SLOT_MS * SLOT_MS  # a slot's samples tell it only together
    window = Window(node_id, list(availability.WATCHED), slot_ms, to_ms, 0)
    past = await _past(conn, who, window, tier_of(cell_ms), seen)
    return await _beside(past, lambda: _calendar(window, past, from_ms, cell_ms))


async def _seen(conn: Conn, who: Who, node_id: str) -> Kept | None:
    """What is kept of the node, if the reader may see it."""
    kept = t.kept.c
    query = (
        select(kept.raw_from_ms, kept.minute_from_ms, kept.hour_from_ms)
        .select_from(t.nodes.outerjoin(t.kept, kept.node_id == t.nodes.c.id))
        .where(t.nodes.c.id == node_id, visible_to(who, t.nodes))
    )
    row = (await conn.execute(query)).one_or_none()
    if row is None:
        return None
    return Kept() if row.raw_from_ms is None else Kept(*row)


async def _beside(past: "Past", make: Callable[[], T]) -> T:
    """A long window must not hold up everyone else."""
    if len(past.chunks) + sum(len(bodies) for bodies in past.tiers.values()) > BODIES_INLINE:
        return await asyncio.to_thread(make)
    return make()


async def _first_ms(conn: Conn, node_id: str, to_ms: int) -> int:
    """When the first day, or hour, or sample that we still have of the node was; else the window is empty."""
    firsts = [
        select(func.min(t.tiers.c.start_ms)).where(t.tiers.c.node_id == node_id, t.tiers.c.step_ms == DAY_MS),
        select(func.min(t.chunks.c.start_ms)).where(t.chunks.c.node_id == node_id),
        select(func.min(t.hot.c.at_ms)).where(t.hot.c.node_id == node_id),
    ]
    day, chunk, hot = [(await conn.execute(query)).scalar() for query in firsts]
    known: list[int] = [first for first in (chunk, hot) if first is not None]
    if day is not None:
        body = select(t.tiers.c.body).where(
            t.tiers.c.node_id == node_id, t.tiers.c.step_ms == DAY_MS, t.tiers.c.start_ms == day
        )
        known.append(int(Chunk((await conn.execute(body)).scalar_one()).times()[0]))
    return min([to_ms - 1, *known])


# --- what there is of a window ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Past:
    """Rows that together tell a window.

    A tier's buckets count only outside the slots that are told by samples, a day's only where none of its
    slots is: then its hours stand in. Samples from before `raw_from_ms` are late: they count besides.
    """

    tier: Tier | None
    tiers: Mapping[Tier, Sequence[bytes]]
    chunks: Sequence[bytes]
    rows: Sequence[tuple[int, Mapping[str, int | float], Mapping[str, str]]]
    slots: frozenset[int]  # where each slot begins that samples tell


async def _past(conn: Conn, who: Who, window: Window, tier: Tier | None, kept: Kept) -> Past:
    """Of samples only what a tier does not hold; without a tier, all of them."""
    from_ms = window.from_ms if tier is None else window.from_ms // tier.step_ms * tier.step_ms
    hot = (await conn.execute(_hot_query(who, window.node_id, from_ms, window.to_ms))).all()
    rows = [(row.at_ms, *_row(row.row)) for row in hot]
    slots = _slots(at for at, *_ in rows)
    chunks = (await conn.execute(_chunk_query(who, window, from_ms, tier, slots))).all()
    slots = {slot for slot in slots | _slots(row.start_ms for row in chunks) if slot >= kept.raw_from_ms}
    tiers = {} if tier is None else await _tiers(conn, who, window, from_ms, tier, slots)
    return Past(tier, tiers, [row.body for row in chunks], rows, frozenset(slots))


def _slots(times: Iterable[int]) -> set[int]:
    return {at // SLOT_MS * SLOT_MS for at in times}


def _hot_query(who: Who, node_id: str, from_ms: int, to_ms: int) -> Select[Any]:
    columns = t.hot.c
    return (
        select(columns.at_ms, columns.row)
        .where(columns.node_id == node_id, visible_to(who, t.hot))
        .where(columns.at_ms >= from_ms, columns.at_ms < to_ms)
        .order_by(columns.at_ms)
    )


def _chunk_query(who: Who, window: Window, from_ms: int, tier: Tier | None, slots: set[int]) -> Select[Any]:
    columns = t.chunks.c
    query = (
        select(columns.start_ms, columns.body)
        .where(columns.node_id == window.node_id, visible_to(who, t.chunks))
        .where(columns.start_ms > from_ms - SLOT_MS, columns.start_ms < window.to_ms)
        .where(columns.start_ms + columns.span_ms > from_ms)
        .order_by(columns.start_ms)
    )
    if tier is None:
        return query
    # What waits in the hot window belongs to chunks that may be clean: their slot is told by samples then.
    return query.where(or_(columns.dirty, columns.start_ms.in_(slots) if slots else false()))


async def _tiers(
    conn: Conn, who: Who, window: Window, from_ms: int, tier: Tier, slots: set[int]
) -> dict[Tier, list[bytes]]:
    wanted = [_overlaps(tier, from_ms, window.to_ms)]
    days = {slot // DAY_MS * DAY_MS for slot in slots}
    if tier is DAY and days:
        starts = {HOUR.chunk_start_ms(day) for day in days}
        wanted.append(and_(t.tiers.c.step_ms == HOUR_MS, t.tiers.c.start_ms.in_(starts)))
    columns = t.tiers.c
    query = (
        select(columns.step_ms, columns.body)
        .where(columns.node_id == window.node_id, visible_to(who, t.tiers), or_(*wanted))
        .order_by(columns.start_ms)
    )
    found: dict[Tier, list[bytes]] = {}
    for row in await conn.execute(query):
        found.setdefault(HOUR if row.step_ms == HOUR_MS else tier, []).append(row.body)
    return found


def _overlaps(tier: Tier, from_ms: int, to_ms: int) -> ColumnElement[bool]:
    columns = t.tiers.c
    return and_(
        columns.step_ms == tier.step_ms,
        columns.start_ms > from_ms - tier.span_ms,
        columns.start_ms < to_ms,
    )


# --- put together (pure) ------------------------------------------------------------------------------------


def _buckets(window: Window, past: Past, names: Sequence[str], *, words: bool = False) -> list[Buckets]:
    """The tiers' part of a window."""
    if past.tier is None:
        return []
    from_ms = window.from_ms // past.tier.step_ms * past.tier.step_ms
    slots = np.array(sorted(past.slots), np.int64)
    parts = []
    for tier, bodies in past.tiers.items():
        for body in bodies:
            held = decode(Chunk(body), names, states=words)
            held = between(held, from_ms, window.to_ms)
            parts.append(only(held, _counts(held.at, tier, past.tier, slots)))
    return [part for part in parts if len(part.at)]


def _counts(at: Ints, tier: Tier, asked: Tier, slots: Ints) -> Any:
    """Which buckets are not told by samples or by narrower buckets."""
    days = at // DAY_MS
    if tier is DAY:
        return ~np.isin(days, slots // DAY_MS)
    free = ~np.isin(at // SLOT_MS, slots // SLOT_MS)
    return free if tier is asked else free & np.isin(days, slots // DAY_MS)


def _told(window: Window, past: Past, names: Sequence[str], *, words: bool = False) -> Samples | None:
    """The samples' part of a window."""
    from_ms = window.from_ms if past.tier is None else window.from_ms // past.tier.step_ms * past.tier.step_ms
    parts = [_of_chunk(Chunk(body), from_ms, window.to_ms, names, words=words) for body in past.chunks]
    if past.rows:
        parts.append(_of_rows(past.rows, names, words=words))
    parts = [part for part in parts if len(part.times)]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else merge(parts)


def _of_chunk(chunk: Chunk, from_ms: int, to_ms: int, names: Sequence[str], *, words: bool) -> Samples:
    times = chunk.times()
    inside = slice(*np.searchsorted(times, (from_ms, to_ms)).tolist())
    numbers = {name: column.cut(inside) for name in names if (column := chunk.read(name)) is not None}
    said = {name: line[inside] for name, line in chunk.states().items()} if words else {}
    return Samples(times[inside], numbers, said, chunk.names)


def _of_rows(
    rows: Sequence[tuple[int, Mapping[str, int | float], Mapping[str, str]]],
    names: Sequence[str],
    *,
    words: bool,
) -> Samples:
    part = samples(
        (at, {name: numbers[name] for name in names if name in numbers}, said if words else {})
        for at, numbers, said in rows
    )
    return Samples(part.times, part.numbers, part.states, {name for _, told, _ in rows for name in told})


def _chart(window: Window, past: Past, step_ms: int) -> SeriesColumns:
    parts = _buckets(window, past, window.names)
    told = _told(window, past, window.names)
    if told is not None and not parts and len(raw_times(told.times)) <= window.points:
        return drawn_raw(window, told)
    if told is not None:
        parts.append(of_samples(told))
    return drawn(window, fold(parts, step_ms), step_ms)


def _runs(window: Window, past: Past) -> StateRuns:
    parts = _buckets(window, past, (), words=True)
    told = _told(window, past, (), words=True)
    step_ms = 0 if past.tier is None else past.tier.step_ms
    if told is None:
        return runs(window, fold(parts, max(step_ms, 1)), step_ms)
    return runs(window, fold([*parts, of_samples(told)], max(step_ms, 1)), step_ms)


def _calendar(window: Window, past: Past, from_ms: int, cell_ms: int) -> Calendar:
    parts = _buckets(window, past, ())
    told = _told(window, past, window.names)
    if told is not None:
        parts.append(availability.spent(told, window.to_ms, cell_ms))
    cells = between(fold(parts, cell_ms), from_ms, window.to_ms)
    return availability.calendar(cells, from_ms, window.to_ms, cell_ms)
