"""How long a node ran and answered, as its samples tell. Pure: no clock, no database.

A sample speaks for the time until the next one, unless that is long in coming: then for one usual step, and
nobody knows about the rest. A silent agent, a dead machine and our own deaf time are *unknown*, never down.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vedette.store.codec import Bools, Floats, Ints, Numbers, Samples
from vedette.store.tiers import SLOT_MS, Buckets

RUNNING, STOPPED, ANSWERING, MUTE = "running_ms", "stopped_ms", "answering_ms", "mute_ms"
RUN, ANSWER, FAILURE, OUTSIDE = "process.running", "pow.latest_epoch", "probe.pow.failed", "endpoint.answers"
WATCHED = (RUN, ANSWER, FAILURE, OUTSIDE)
"""The series that tell: whether the process lives, and whether RPC answers the first question of all; of an
endpoint that is watched from outside, whether it answered at all."""
USUAL_MIN_MS, USUAL_MAX_MS = 500, 300_000
USUAL_MS = 10_000
LONG_STEPS = 3
PPM = 1_000_000


def spent(told: Samples, until_ms: int, step_ms: int) -> Buckets:
    """Milliseconds running, stopped, answering and mute in each bucket; nothing is known after `until_ms`."""
    parts = [
        _spent_in(told, slot, int(start), int(end), until_ms, step_ms)
        for slot, start, end in _slots(told.times)
    ]
    if not parts:
        return Buckets(np.zeros(0, np.int64))
    names = (RUNNING, STOPPED, ANSWERING, MUTE)
    amounts = {name: np.concatenate([part.amounts[name] for part in parts]) for name in names}
    return Buckets(np.concatenate([part.at for part in parts]), {}, amounts)


def _slots(times: Ints) -> list[tuple[int, int, int]]:
    """Each slot that has samples, and which: a slot is told alone, so that it can be told anew alone."""
    if len(times) == 0:
        return []
    slots = times // SLOT_MS
    starts = np.flatnonzero(np.append(True, slots[1:] != slots[:-1]))
    ends = np.append(starts[1:], len(times))
    return list(zip((slots[starts] * SLOT_MS).tolist(), starts.tolist(), ends.tolist(), strict=True))


def _spent_in(told: Samples, slot_ms: int, start: int, end: int, until_ms: int, step_ms: int) -> Buckets:
    over_ms = max(min(slot_ms + SLOT_MS, until_ms), slot_ms)
    rows = slice(start, end)
    begins, ends = _spoken_for(told.times[rows] - slot_ms, over_ms - slot_ms)
    first = slot_ms // step_ms * step_ms
    at = np.arange(first, slot_ms + SLOT_MS, step_ms, dtype=np.int64)
    edges = np.clip(np.append(at, at[-1] + step_ms) - slot_ms, 0, SLOT_MS)
    amounts = {name: _within(begins, ends, said[rows], edges) for name, said in _said(told).items()}
    known = np.any([amount > 0 for amount in amounts.values()], axis=0)
    return Buckets(at[known], {}, {name: amount[known] for name, amount in amounts.items()})


def _spoken_for(times: Ints, over: int) -> tuple[Ints, Ints]:
    """From when to when each sample speaks; the first and the last also for what is left of the slot."""
    steps = np.diff(times)
    usual = int(np.clip(np.median(steps), USUAL_MIN_MS, USUAL_MAX_MS)) if len(steps) else USUAL_MS
    following = np.append(times[1:], over)
    ends = np.where(following - times <= LONG_STEPS * usual, following, times + usual)
    begins = times.copy()
    if begins[0] <= LONG_STEPS * usual:
        begins[0] = 0
    return np.minimum(begins, over), np.clip(ends, np.minimum(begins, over), over)


def _said(told: Samples) -> dict[str, Bools]:
    """What each sample says; a sample that says neither of two leaves that unknown."""
    count = len(told.times)
    runs, stopped = _is(told.numbers.get(RUN), count, 1), _is(told.numbers.get(RUN), count, 0)
    outside = told.numbers.get(OUTSIDE)
    mute = stopped | _is(told.numbers.get(FAILURE), count, 1) | _is(outside, count, 0)
    answer = told.numbers.get(ANSWER)
    answers = _is(outside, count, 1) if answer is None else answer.present | _is(outside, count, 1)
    answers &= ~mute
    return {RUNNING: runs, STOPPED: stopped, ANSWERING: answers, MUTE: mute}


def _is(column: Numbers | None, count: int, value: int) -> Bools:
    return np.zeros(count, np.bool_) if column is None else column.present & (column.values == value)


def _within(begins: Ints, ends: Ints, said: Bools, edges: Ints) -> Ints:
    """Of each interval between two edges, how much the samples that said so speak for."""
    lengths = np.where(said, ends - begins, 0)
    until: Ints = np.cumsum(lengths)
    corners = np.column_stack((begins, ends)).ravel()
    levels: Floats = np.column_stack((until - lengths, until)).ravel().astype(np.float64)
    shares: Ints = np.rint(np.diff(np.interp(edges, corners, levels))).astype(np.int64)
    return shares


# --- told to people ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Uptime:
    """How long something was up and down, and how long nobody knows."""

    up_ms: int
    down_ms: int
    unknown_ms: int

    @property
    def up_ppm(self) -> int | None:
        """Millionths of the known time; None when nothing is known."""
        known = self.up_ms + self.down_ms
        return None if known == 0 else PPM * self.up_ms // known


@dataclass(frozen=True, slots=True)
class Calendar:
    """A window in cells of a day or an hour (UTC); the last one ends with the window."""

    from_ms: int
    to_ms: int
    cell_ms: int
    process: tuple[Uptime, ...]
    rpc: tuple[Uptime, ...]

    @property
    def cells_at_ms(self) -> list[int]:
        return list(range(self.from_ms, self.to_ms, self.cell_ms))


def calendar(held: Buckets, from_ms: int, to_ms: int, cell_ms: int) -> Calendar:
    """The window's cells; `held` are buckets of a cell's width, and the window begins with a cell."""
    count = -(-(to_ms - from_ms) // cell_ms)
    places = (held.at - from_ms) // cell_ms
    lengths = [min(cell_ms, to_ms - from_ms - n * cell_ms) for n in range(count)]

    def line(name: str) -> list[int]:
        cells = np.zeros(count, np.int64)
        if name in held.amounts:
            cells[places] = held.amounts[name]
        return [int(cell) for cell in cells]

    process, rpc = (
        tuple(_uptime(*parts) for parts in zip(line(up), line(down), lengths, strict=True))
        for up, down in ((RUNNING, STOPPED), (ANSWERING, MUTE))
    )
    return Calendar(from_ms, to_ms, cell_ms, process, rpc)


def _uptime(up_ms: int, down_ms: int, length_ms: int) -> Uptime:
    known_ms = up_ms + down_ms
    if known_ms > length_ms:  # late samples between those that were told before: both speak for the same time
        up_ms = up_ms * length_ms // known_ms
        return Uptime(up_ms, length_ms - up_ms, 0)
    return Uptime(up_ms, down_ms, length_ms - known_ms)


def total(cells: Sequence[Uptime]) -> Uptime:
    return Uptime(
        sum(cell.up_ms for cell in cells),
        sum(cell.down_ms for cell in cells),
        sum(cell.unknown_ms for cell in cells),
    )
