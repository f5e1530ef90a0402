"""Samples drawn: a window of a node's series as columns for a chart. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vedette.store.codec import Floats, Ints, Numbers, Samples
from vedette.store.tiers import DAY_MS, HOUR_MS, MINUTE_MS, Buckets, Folded


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


def drawn(window: Window, held: Buckets, step_ms: int) -> SeriesColumns:
    """The columns of a window, out of buckets of that width; those that nobody told are None."""
    if len(held.at) == 0:
        return _reply(window, 0, [], [[]] * len(window.names), sorted(held.names))
    first = int(held.at[0]) // step_ms
    places = held.at // step_ms - first
    count = int(places[-1]) + 1
    lines = [_lines(held.numbers.get(name), places, count) for name in window.names]
    mean, least, most = ([_plain(line[n]) for line in lines] for n in range(3))
    at = (np.arange(first, first + count) * step_ms / 1000).tolist()
    asked = (window.node_id, window.from_ms, window.to_ms)
    return SeriesColumns(*asked, step_ms, window.names, at, mean, least, most, sorted(held.names))


def _lines(folded: Folded | None, places: Ints, count: int) -> tuple[Floats, Floats, Floats]:
    """Mean, least and greatest value of each bucket; NaN where it has none."""
    mean, least, most = np.full(count, np.nan), np.full(count, np.nan), np.full(count, np.nan)
    if folded is not None:
        known = folded.count > 0
        filled = places[known]
        mean[filled] = folded.total[known] / folded.count[known]
        least[filled] = folded.least[known]
        most[filled] = folded.most[known]
        mean[~np.isfinite(mean)] = np.nan
    return mean, least, most


def drawn_raw(window: Window, told: Samples) -> SeriesColumns:
    """The columns of a window whose samples are few enough to be given as they are."""
    times = raw_times(told.times)
    places = np.searchsorted(times, told.times)
    lists = []
    for name in window.names:
        line = np.full(len(times), np.nan)
        if name in told.numbers:
            values, present = _known(told.numbers[name])
            line[places[present]] = values[present]
        lists.append(_plain(line))
    return _reply(window, 0, (times / 1000).tolist(), lists, sorted(told.names))


def _known(column: Numbers) -> tuple[Floats, NDArray[np.bool_]]:
    """A column to be drawn, and where it has a value that can be."""
    values = column.values.astype(np.float64, copy=False)
    return values, column.present & np.isfinite(values)


def usual_step(times: Ints) -> int:
    return int(np.median(np.diff(times)))


def raw_times(times: Ints) -> Ints:
    """The samples' own times, and one more in each gap: there the line of the chart must break."""
    if len(times) < 3:  # noqa: PLR2004 - two samples tell nothing of their usual distance
        return times
    usual = usual_step(times)
    gaps = times[:-1][np.diff(times) > 3 * usual]
    return np.sort(np.concatenate((times, gaps + usual)))


def _reply(
    window: Window, step_ms: int, times: list[float], lists: list[list[float | None]], available: list[str]
) -> SeriesColumns:
    asked = (window.node_id, window.from_ms, window.to_ms)
    return SeriesColumns(*asked, step_ms, window.names, times, lists, lists, lists, available)


def _plain(line: Floats) -> list[float | None]:
    values: list[float | None] = line.tolist()
    if not np.isnan(line).any():
        return values
    return [None if value != value else value for value in values]  # noqa: PLR0124 - only NaN differs from itself


SECOND_MS = 1_000


def _steps() -> Iterator[int]:
    """Widths that divide a minute, an hour, a day; then whole days."""
    for unit, dividers in ((SECOND_MS, _SIXTY), (MINUTE_MS, _SIXTY), (HOUR_MS, (1, 2, 3, 4, 6, 8, 12))):
        yield from (unit * divider for divider in dividers)
    days = 1
    while True:
        yield days * DAY_MS
        days += 1


_SIXTY = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)


def step_for(window: Window, least_ms: int = 0) -> int:
    """The narrowest round width that covers the window in no more buckets than points were asked for.

    It is at least `least_ms`, the width of the buckets that are all there is left.
    """
    return next(
        step
        for step in _steps()
        if step >= least_ms and (window.to_ms - 1) // step - window.from_ms // step < max(window.points, 2)
    )
