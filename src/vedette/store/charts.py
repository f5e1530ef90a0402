"""Samples drawn: a window of a node's series as columns for a chart. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vedette.store.codec import Chunk, Floats, Ints, Numbers, Samples, merge, samples


@dataclass(frozen=True, slots=True)
class SeriesColumns:
    """Columns for a chart, field by field what `/api/v1` replies.

    `times` are unix seconds; each column has a value or None for each time. `step_ms` is the width of a
    bucket, 0 when every sample is given as it was (then mean, min and max are the same).
    """

    node_id: str
    from_ms: int
    to_ms: int
    step_ms: int
    names: list[str]
    times: list[float]
    mean: list[list[float | None]]
    min: list[list[float | None]]
    max: list[list[float | None]]
    available: list[str]


@dataclass(frozen=True, slots=True)
class Window:
    """What is asked for."""

    node_id: str
    names: list[str]
    from_ms: int
    to_ms: int
    points: int


def chart(
    window: Window, bodies: Sequence[bytes], rows: Sequence[tuple[int, Mapping[str, int | float]]]
) -> SeriesColumns:
    """The columns of a window, out of the chunks and rows that reach into it, both in order of time."""
    parts = [_of_chunk(Chunk(body), window) for body in bodies]
    if rows:
        parts.append(_of_rows(rows, window))
    parts = [part for part in parts if len(part.times)]
    available = sorted({name for part in parts for name in part.names})
    if not parts:
        return _reply(window, 0, [], [[]] * len(window.names), available)
    whole = _joined(parts)
    present = {name: _known(column) for name, column in whole.numbers.items()}
    raw = _raw_times(whole.times)
    if len(raw) <= window.points:
        return _raw(window, whole.times, raw, present, available)
    return _bucketed(window, whole.times, present, available)


def _of_chunk(chunk: Chunk, window: Window) -> Samples:
    times = chunk.times()
    inside = slice(*np.searchsorted(times, (window.from_ms, window.to_ms)).tolist())
    columns = {name: column for name in window.names if (column := chunk.read(name)) is not None}
    cut = {name: Numbers(column.values[inside], column.present[inside]) for name, column in columns.items()}
    return Samples(times[inside], cut, {}, chunk.names)


def _of_rows(rows: Sequence[tuple[int, Mapping[str, int | float]]], window: Window) -> Samples:
    part = samples((at, {name: told[name] for name in window.names if name in told}, {}) for at, told in rows)
    return Samples(part.times, part.numbers, {}, {name for _, told in rows for name in told})


def _joined(parts: list[Samples]) -> Samples:
    return parts[0] if len(parts) == 1 else merge(parts)


def _known(column: Numbers) -> tuple[Floats, NDArray[np.bool_]]:
    """A column to be drawn, and where it has a value that can be."""
    values = column.values.astype(np.float64, copy=False)
    return values, column.present & np.isfinite(values)


def _raw_times(times: Ints) -> Ints:
    """The samples' own times, and one more in each gap: there the line of the chart must break."""
    if len(times) < 3:  # noqa: PLR2004 - two samples tell nothing of their usual distance
        return times
    steps = np.diff(times)
    usual = int(np.median(steps))
    gaps = times[:-1][steps > 3 * usual]
    return np.sort(np.concatenate((times, gaps + usual)))


Known = dict[str, tuple[Floats, NDArray[np.bool_]]]


def _raw(window: Window, times: Ints, drawn: Ints, known: Known, available: list[str]) -> SeriesColumns:
    places = np.searchsorted(drawn, times)
    lists = []
    for name in window.names:
        line = np.full(len(drawn), np.nan)
        if name in known:
            values, present = known[name]
            line[places[present]] = values[present]
        lists.append(_plain(line))
    return _reply(window, 0, (drawn / 1000).tolist(), lists, available)


def _reply(
    window: Window, step_ms: int, times: list[float], lists: list[list[float | None]], available: list[str]
) -> SeriesColumns:
    return SeriesColumns(
        window.node_id,
        window.from_ms,
        window.to_ms,
        step_ms,
        window.names,
        times,
        lists,
        lists,
        lists,
        available,
    )


def _bucketed(window: Window, times: Ints, known: Known, available: list[str]) -> SeriesColumns:
    step_ms = _step(window)
    places = times // step_ms
    first, last = int(places[0]), int(places[-1])
    count = last - first + 1
    mean: list[list[float | None]] = []
    least: list[list[float | None]] = []
    most: list[list[float | None]] = []
    for name in window.names:
        values, present = known.get(name, (np.zeros(0), np.zeros(0, np.bool_)))
        folded = _fold(places[present] - first if len(present) else places[:0], values[present], count)
        for lists, line in zip((mean, least, most), folded, strict=True):
            lists.append(_plain(line))
    at = (np.arange(first, last + 1) * step_ms / 1000).tolist()
    asked = (window.node_id, window.from_ms, window.to_ms)
    return SeriesColumns(*asked, step_ms, window.names, at, mean, least, most, available)


def _fold(places: Ints, values: Floats, count: int) -> tuple[Floats, Floats, Floats]:
    """Mean, least and greatest value of each bucket; NaN where it has none. `places` ascend."""
    lines = np.full(count, np.nan), np.full(count, np.nan), np.full(count, np.nan)
    if len(values) == 0:
        return lines
    starts = np.flatnonzero(np.diff(places, prepend=-1))
    filled = places[starts]
    lines[0][filled] = np.add.reduceat(values, starts) / np.diff(starts, append=len(values))
    lines[1][filled] = np.minimum.reduceat(values, starts)
    lines[2][filled] = np.maximum.reduceat(values, starts)
    return lines


def _plain(line: Floats) -> list[float | None]:
    values: list[float | None] = line.tolist()
    if not np.isnan(line).any():
        return values
    return [None if value != value else value for value in values]  # noqa: PLR0124 - only NaN differs from itself


SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


def _steps() -> Iterator[int]:
    """Widths that divide a minute, an hour, a day; then whole days."""
    for unit, dividers in ((SECOND_MS, _SIXTY), (MINUTE_MS, _SIXTY), (HOUR_MS, (1, 2, 3, 4, 6, 8, 12))):
        yield from (unit * divider for divider in dividers)
    days = 1
    while True:
        yield days * DAY_MS
        days += 1


_SIXTY = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)


def _step(window: Window) -> int:
    """The narrowest round width that covers the window in no more buckets than points were asked for."""
    return next(
        step
        for step in _steps()
        if (window.to_ms - 1) // step - window.from_ms // step < max(window.points, 2)
    )
