"""A node's past, read from the fewest rows that tell it: tiers where they are built, else samples."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
import numpy as np
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    LargeBinary,
    Row,
    Select,
    String,
    bindparam,
    cast,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    union_all,
)

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
NO_STEP_MS = 1
"""Of such a step no tier is made: the samples themselves are read."""
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
    window = Window(node_id, list(names), from_ms, to_ms, points)
    past = await _past(conn, who, window, lambda kept: step_for(window, kept.step_min_ms(from_ms)))
    return None if past is None else await _beside(past, lambda: _chart(window, past))


async def states(
    conn: Conn, who: Who, node_id: str, names: Sequence[str], from_ms: int, to_ms: int
) -> StateRuns | None:
    """What the named states were, run by run; None when the node is not visible."""
    window = Window(node_id, list(names), from_ms, to_ms, STATE_POINTS)
    past = await _past(conn, who, window, lambda kept: step_for(window, kept.step_min_ms(from_ms)))
    return None if past is None else await _beside(past, lambda: _runs(window, past))


async def counts(
    conn: Conn, who: Who, node_id: str, names: Sequence[str], from_ms: int, to_ms: int
) -> dict[str, list[tuple[int, float]]]:
    """Every sample that is still kept of each named number, as (unix milliseconds, value), oldest first."""
    window = Window(node_id, list(names), from_ms, to_ms, 0)
    past = await _past(conn, who, window, lambda _: NO_STEP_MS)
    held = None if past is None else _told(window, past, names)
    if held is None:
        return {}
    times = held.times.tolist()
    return {
        name: [
            (at_ms, float(value))
            for at_ms, value, there in zip(
                times, column.values.tolist(), column.present.tolist(), strict=True
            )
            if there
        ]
        for name, column in held.numbers.items()
    }


async def buckets(
    conn: Conn,
    who: Who,
    node_id: str,
    wanted: tuple[Collection[str], Collection[str]],
    span_ms: tuple[int, int],
    step_ms: int,
) -> Buckets | None:
    """The named numbers and states in buckets of whole minutes, as far as minutes or samples are kept.

    None when the node is not visible.
    """
    names, said = wanted
    window = Window(node_id, list(names), *span_ms, 0)
    past = await _past(conn, who, window, lambda _: step_ms)
    return None if past is None else await asyncio.to_thread(_folded, window, past, said)


async def availability_of(
    conn: Conn, who: Who, node_id: str, length_ms: int | None, to_ms: int, cell_ms: int
) -> Calendar | None:
    """The cells of the last `length_ms`, or of all that is known; None when the node is not visible."""
    from_ms = await _first_ms(conn, who, node_id, to_ms) if length_ms is None else to_ms - length_ms
    from_ms = from_ms // cell_ms * cell_ms
    slot_ms = from_ms // SLOT_MS * SLOT_MS  # a slot's samples tell it only together
    window = Window(node_id, list(availability.WATCHED), slot_ms, to_ms, 0)
    past = await _past(conn, who, window, lambda _: cell_ms)
    return None if past is None else await _beside(past, lambda: _calendar(window, past, from_ms))


async def _beside(past: "Past", make: Callable[[], T]) -> T:
    """A long window must not hold up everyone else."""
    if len(past.chunks) + sum(len(bodies) for bodies in past.tiers.values()) > BODIES_INLINE:
        return await asyncio.to_thread(make)
    return make()


async def _first_ms(conn: Conn, who: Who, node_id: str, to_ms: int) -> int:
    """When the first day, or else the first sample, that we have of the node was."""
    first_body = (
        select(t.tiers.c.body)
        .where(t.tiers.c.node_id == node_id, t.tiers.c.step_ms == DAY_MS, visible_to(who, t.tiers))
        .order_by(t.tiers.c.start_ms)
        .limit(1)
    )
    known = [to_ms - 1]
    if (body := (await conn.execute(first_body)).scalar()) is not None:
        known.append(int(Chunk(body).times()[0]))
    for column in (t.chunks.c.start_ms, t.hot.c.at_ms):
        mine = (column.table.c.node_id == node_id, visible_to(who, column.table))
        if (first := (await conn.execute(select(func.min(column)).where(*mine))).scalar()) is not None:
            known.append(first)
    return min(known)


# --- what there is of a window ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Past:
    """Rows that together tell a window.

    A tier's buckets count only outside the slots that are told by samples, a day's only where none of its
    slots is: then its hours stand in. Samples from before `raw_from_ms` are late: they count besides.
    """

    step_ms: int
    tier: Tier | None
    tiers: Mapping[Tier, Sequence[bytes]]
    chunks: Sequence[bytes]
    rows: Sequence[tuple[int, Mapping[str, int | float], Mapping[str, str]]]
    slots: frozenset[int]  # where each slot begins that samples tell


async def _past(conn: Conn, who: Who, window: Window, step_of: Callable[[Kept], int]) -> Past | None:
    """Of samples only what a tier does not hold; without a tier, all. None: the node is not visible."""
    step_ms, kept, found = await _found(conn, who, window, step_of)
    if kept is None:
        return None
    tier = tier_of(step_ms)
    rows = [(row.at_ms, *_row(row.body)) for row in found[HOT]]
    slots = {row.at_ms // SLOT_MS * SLOT_MS for row in (*found[HOT], *found[CHUNK])}
    slots = {slot for slot in slots if slot >= kept.raw_from_ms}
    tiers = {} if tier is None else {tier: [row.body for row in found[TIER]]}
    if tier is DAY and slots:
        tiers[HOUR] = list(await _hours(conn, who, window, slots))
    return Past(step_ms, tier, tiers, [row.body for row in found[CHUNK]], rows, frozenset(slots))


async def _found(
    conn: Conn, who: Who, window: Window, step_of: Callable[[Kept], int]
) -> tuple[int, Kept | None, dict[int, list[Row[Any]]]]:
    """One question, asked as if nothing had been dropped yet; where that was wrong, asked again."""
    step_ms = step_of(Kept())
    while True:
        found = await _asked(conn, who, window, tier_of(step_ms))
        if not found[NODE]:
            return step_ms, None, found
        node = found[NODE][0]
        kept = Kept(node.at_ms, node.minute_from_ms, node.hour_from_ms)
        if step_of(kept) == step_ms:
            return step_ms, kept, found
        step_ms = step_of(kept)


async def _asked(conn: Conn, who: Who, window: Window, tier: Tier | None) -> dict[int, list[Row[Any]]]:
    from_ms = window.from_ms if tier is None else window.from_ms // tier.step_ms * tier.step_ms
    given = {"node": window.node_id, "from": from_ms, "to": window.to_ms}
    found: dict[int, list[Row[Any]]] = {kind: [] for kind in (NODE, HOT, CHUNK, TIER)}
    for row in (await conn.execute(_question(who, tier), given)).all():
        found[row.kind].append(row)
    for rows in found.values():
        rows.sort(key=lambda row: int(row.at_ms))
    return found


NODE, HOT, CHUNK, TIER = range(4)
_NODE, _FROM, _TO = (
    bindparam(name, type_=kind)
    for name, kind in (("node", String()), ("from", BigInteger()), ("to", BigInteger()))
)


@lru_cache(maxsize=256)
def _question(who: Who, tier: Tier | None) -> CompoundSelect[Any]:
    """Everything about a window in one statement, made once: making it costs more than running it."""
    parts = [_node_part(who), _hot_part(who), _chunk_part(who, tier)]
    return union_all(*parts, *([] if tier is None else [_tier_part(who, tier)]))


def _part(kind: int, at_ms: ColumnElement[int], body: ColumnElement[Any], *froms: Any) -> Select[Any]:
    minute, hour = froms or (cast(null(), BigInteger), cast(null(), BigInteger))
    return select(
        literal_column(str(kind)).label("kind"),
        at_ms.label("at_ms"),
        minute.label("minute_from_ms"),
        hour.label("hour_from_ms"),
        body.label("body"),
    )


def _node_part(who: Who) -> Select[Any]:
    kept = t.kept.c
    raw, minute, hour = (
        func.coalesce(c, 0) for c in (kept.raw_from_ms, kept.minute_from_ms, kept.hour_from_ms)
    )
    return (
        _part(NODE, raw, cast(null(), LargeBinary), minute, hour)
        .select_from(t.nodes.outerjoin(t.kept, kept.node_id == t.nodes.c.id))
        .where(t.nodes.c.id == _NODE, visible_to(who, t.nodes))
    )


def _hot_part(who: Who) -> Select[Any]:
    columns = t.hot.c
    mine = (columns.node_id == _NODE, visible_to(who, t.hot))
    return _part(HOT, columns.at_ms, columns.row).where(*mine, columns.at_ms >= _FROM, columns.at_ms < _TO)


def _chunk_part(who: Who, tier: Tier | None) -> Select[Any]:
    columns = t.chunks.c
    query = (
        _part(CHUNK, columns.start_ms, columns.body)
        .where(columns.node_id == _NODE, visible_to(who, t.chunks))
        .where(columns.start_ms > _FROM - SLOT_MS, columns.start_ms < _TO)
        .where(columns.start_ms + columns.span_ms > _FROM)
    )
    if tier is None:
        return query
    # What waits in the hot window belongs to chunks that may be clean: their slot is told by samples then.
    waits = t.hot.alias("waits").c
    slot_ms = columns.start_ms - columns.start_ms % SLOT_MS
    these = (waits.node_id == _NODE, waits.at_ms >= slot_ms, waits.at_ms < slot_ms + SLOT_MS)
    return query.where(or_(columns.dirty, exists().where(*these, waits.at_ms >= _FROM, waits.at_ms < _TO)))


def _tier_part(who: Who, tier: Tier) -> Select[Any]:
    columns = t.tiers.c
    return (
        _part(TIER, columns.start_ms, columns.body)
        .where(columns.node_id == _NODE, visible_to(who, t.tiers), columns.step_ms == tier.step_ms)
        .where(columns.start_ms > _FROM - tier.span_ms, columns.start_ms < _TO)
    )


async def _hours(conn: Conn, who: Who, window: Window, slots: set[int]) -> Sequence[bytes]:
    """The hours of the days that these slots are part of."""
    columns = t.tiers.c
    starts = {HOUR.chunk_start_ms(slot) for slot in slots}
    query = (
        select(columns.body)
        .where(columns.node_id == window.node_id, visible_to(who, t.tiers))
        .where(columns.step_ms == HOUR.step_ms, columns.start_ms.in_(starts))
        .order_by(columns.start_ms)
    )
    return (await conn.execute(query)).scalars().all()


# --- put together (pure) ------------------------------------------------------------------------------------


def _buckets(
    window: Window,
    past: Past,
    names: Sequence[str],
    *,
    amounts: bool = False,
    words: bool | Collection[str] = False,
) -> list[Buckets]:
    """The tiers' part of a window."""
    if past.tier is None:
        return []
    from_ms = window.from_ms // past.tier.step_ms * past.tier.step_ms
    slots = np.array(sorted(past.slots), np.int64)
    parts = []
    for tier, bodies in past.tiers.items():
        for body in bodies:
            held = decode(Chunk(body), names, amounts=amounts, states=words)
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


def _chart(window: Window, past: Past) -> SeriesColumns:
    parts = _buckets(window, past, window.names)
    told = _told(window, past, window.names)
    if told is not None and not parts and len(raw_times(told.times)) <= window.points:
        return drawn_raw(window, told)
    if told is not None:
        parts.append(of_samples(told))
    return drawn(window, fold(parts, past.step_ms), past.step_ms)


def _folded(window: Window, past: Past, said: Collection[str]) -> Buckets:
    parts = _buckets(window, past, window.names, words=said)
    told = _told(window, past, window.names, words=True)
    if told is not None:
        parts.append(of_samples(told))
    few = [replace(part, states={n: w for n, w in part.states.items() if n in said}) for part in parts]
    return fold(few, past.step_ms)


def _runs(window: Window, past: Past) -> StateRuns:
    parts = _buckets(window, past, (), words=True)
    told = _told(window, past, (), words=True)
    step_ms = 0 if past.tier is None else past.tier.step_ms
    if told is None:
        return runs(window, fold(parts, max(step_ms, 1)), step_ms)
    return runs(window, fold([*parts, of_samples(told)], max(step_ms, 1)), step_ms)


def _calendar(window: Window, past: Past, from_ms: int) -> Calendar:
    parts = _buckets(window, past, (), amounts=True)
    told = _told(window, past, window.names)
    if told is not None:
        parts.append(availability.spent(told, window.to_ms, past.step_ms))
    cells = between(fold(parts, past.step_ms), from_ms, window.to_ms)
    return availability.calendar(cells, from_ms, window.to_ms, past.step_ms)
