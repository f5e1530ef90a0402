"""The past, condensed: samples folded into buckets of a minute, an hour, a day. Pure: no clock, no database.

A bucket has, of each number, the total, the least, the most and how many there were; of each state the last
word; and amounts that only add up (rows, milliseconds up and down). Buckets fold into wider ones without
loss, so a day may be made of its samples, of its hours, or of both.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vedette.store.codec import (
    COLUMNS_MAX,
    EXACT,
    EXPONENT_MAX,
    Bools,
    Chunk,
    ChunkError,
    Floats,
    Ints,
    Numbers,
    Samples,
    encode_chunk,
)

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
SLOT_MS = 4 * HOUR_MS
"""The largest chunk of samples; tiers are built and built anew a slot at a time."""


@dataclass(frozen=True, slots=True)
class Tier:
    """Buckets of one width, and how much time one chunk of them covers."""

    step_ms: int
    span_ms: int

    def chunk_start_ms(self, at_ms: int) -> int:
        return at_ms // self.span_ms * self.span_ms


MINUTE = Tier(MINUTE_MS, DAY_MS)
HOUR = Tier(HOUR_MS, 30 * DAY_MS)
DAY = Tier(DAY_MS, 360 * DAY_MS)
TIERS = (MINUTE, HOUR, DAY)

NAMES_MAX = COLUMNS_MAX // 4 - 8
ROWS = "rows"
_LEAST, _MOST, _SPREAD, _OVER, _COUNT = "\0<", "\0>", "\0~", "\0+", "\0n"
_AMOUNT = "\0"  # what no series' name has in it
_INT = np.iinfo(np.int64)
TOTAL_MAX = 2.0**62
NEAR = 1e-9
MILLION = 10**EXPONENT_MAX


@dataclass(frozen=True, slots=True, eq=False)
class Folded:
    """One number, an entry a bucket; meaningless where `count` is 0."""

    total: Ints | Floats
    least: Ints | Floats
    most: Ints | Floats
    count: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Buckets:
    """Buckets of one width, ascending; those that nobody knows anything of are left out."""

    at: Ints  # where each begins, unix milliseconds
    numbers: Mapping[str, Folded] = field(default_factory=dict)
    amounts: Mapping[str, Ints] = field(default_factory=dict)
    states: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    names: Collection[str] = ()  # of every number, also of those that were not asked for


NOTHING = Buckets(np.zeros(0, np.int64))


def tier_of(step_ms: int) -> Tier | None:
    """The widest tier that such a step is made of; None: the samples themselves."""
    return next((tier for tier in reversed(TIERS) if step_ms % tier.step_ms == 0), None)


def of_samples(told: Samples) -> Buckets:
    """Each sample as a bucket of its own, for `fold` to gather. What is not finite cannot be added up."""
    numbers = {name: _single(column) for name, column in told.numbers.items()}
    amounts = {ROWS: np.ones(len(told.times), np.int64)}
    return Buckets(told.times, numbers, amounts, told.states, told.names)


def _single(column: Numbers) -> Folded:
    present = column.present & np.isfinite(column.values)
    return Folded(column.values, column.values, column.values, present.astype(np.int64))


# --- folding ----------------------------------------------------------------------------------------------


def fold(parts: Sequence[Buckets], step_ms: int) -> Buckets:
    """All parts together in buckets of that width; what two parts tell of one bucket is added up."""
    at = np.concatenate([part.at for part in parts]) if parts else NOTHING.at
    if len(at) == 0:
        return Buckets(at, names={name for part in parts for name in part.names})
    places = at // step_ms
    order = slice(None) if (places[1:] >= places[:-1]).all() else np.argsort(places, kind="stable")
    ordered = places[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    gather = _Gather([len(part.at) for part in parts], order, starts)
    return Buckets(
        ordered[starts] * step_ms,
        {
            name: gather.number([p.numbers.get(name) for p in parts])
            for name in _named(p.numbers for p in parts)
        },
        {
            name: gather.amount([p.amounts.get(name) for p in parts])
            for name in _named(p.amounts for p in parts)
        },
        {name: gather.words([p.states.get(name) for p in parts]) for name in _named(p.states for p in parts)},
        {name for part in parts for name in part.names},
    )


def _named(maps: Iterable[Mapping[str, object]]) -> list[str]:
    return sorted({name for one in maps for name in one})


@dataclass(frozen=True, slots=True)
class _Gather:
    """Brings the parts' entries into order and folds those of one bucket into one."""

    lengths: list[int]
    order: NDArray[np.intp] | slice
    starts: NDArray[np.intp]

    def number(self, parts: list[Folded | None]) -> Folded:
        count = self._line([None if p is None else p.count for p in parts])
        known = count > 0
        total, least, most = (
            self._line([None if p is None else getattr(p, what) for p in parts])
            for what in ("total", "least", "most")
        )
        return Folded(
            _added(np.where(known, total, 0), self.starts),
            np.minimum.reduceat(np.where(known, least, _extremes(least)[1]), self.starts),
            np.maximum.reduceat(np.where(known, most, _extremes(most)[0]), self.starts),
            np.add.reduceat(count, self.starts),
        )

    def amount(self, parts: list[Ints | None]) -> Ints:
        gathered: Ints = np.add.reduceat(self._line(parts), self.starts)
        return gathered

    def words(self, parts: list[Sequence[str | None] | None]) -> list[str | None]:
        """The last word that was said in each bucket."""
        spoken: list[str | None] = []
        for length, part in zip(self.lengths, parts, strict=True):
            spoken += [None] * length if part is None else part
        if not isinstance(self.order, slice):
            spoken = [spoken[place] for place in self.order.tolist()]
        if len(self.starts) == len(spoken):
            return spoken
        if len(set(spoken)) == 1:  # most states hardly ever change
            return spoken[: len(self.starts)]
        edges = [*self.starts.tolist(), len(spoken)]
        return [_last(spoken[edges[n] : edges[n + 1]]) for n in range(len(edges) - 1)]

    def _line(self, parts: Sequence[Ints | Floats | None]) -> Any:
        blank = [
            np.zeros(n, np.int64) if part is None else part
            for n, part in zip(self.lengths, parts, strict=True)
        ]
        return (blank[0] if len(blank) == 1 else np.concatenate(blank))[self.order]


def _extremes(values: Ints | Floats) -> tuple[int | float, int | float]:
    return (_INT.min, _INT.max) if values.dtype == np.int64 else (-np.inf, np.inf)


def _added(values: Ints | Floats, starts: NDArray[np.intp]) -> Ints | Floats:
    """Integers stay integers as long as their total surely is one."""
    if values.dtype == np.int64 and np.abs(values.astype(np.float64)).sum() >= TOTAL_MAX:
        values = values.astype(np.float64)
    with np.errstate(over="ignore"):  # a total beyond all floats is infinite, and drawn as nothing
        total: Ints | Floats = np.add.reduceat(values, starts)
    return total


def _last(words: Sequence[str | None]) -> str | None:
    return next((word for word in reversed(words) if word is not None), None)


def only(held: Buckets, kept: Bools) -> Buckets:
    """The buckets that are marked."""
    if kept.all():
        return held
    return Buckets(
        held.at[kept],
        {
            name: Folded(n.total[kept], n.least[kept], n.most[kept], n.count[kept])
            for name, n in held.numbers.items()
        },
        {name: amount[kept] for name, amount in held.amounts.items()},
        {
            name: [word for word, keep in zip(words, kept.tolist(), strict=True) if keep]
            for name, words in held.states.items()
        },
        held.names,
    )


def between(held: Buckets, from_ms: int, to_ms: int) -> Buckets:
    return only(held, (held.at >= from_ms) & (held.at < to_ms))


# --- a slot of samples in the tiers ------------------------------------------------------------------------

Held = Mapping[Tier, Buckets]


def with_slot(held: Held, minutes: Buckets, slot_ms: int) -> dict[Tier, Buckets]:
    """The tiers with these minutes as all that there is of the slot; its day is made of the day's hours."""
    day_ms = slot_ms // DAY_MS * DAY_MS
    minute = _replaced(held[MINUTE], minutes, slot_ms, slot_ms + SLOT_MS, MINUTE)
    hour = _replaced(held[HOUR], fold([minutes], HOUR_MS), slot_ms, slot_ms + SLOT_MS, HOUR)
    day = fold([between(hour, day_ms, day_ms + DAY_MS)], DAY_MS)
    return {MINUTE: minute, HOUR: hour, DAY: _replaced(held[DAY], day, day_ms, day_ms + DAY_MS, DAY)}


def _replaced(held: Buckets, fresh: Buckets, from_ms: int, to_ms: int, tier: Tier) -> Buckets:
    return fold([only(held, (held.at < from_ms) | (held.at >= to_ms)), fresh], tier.step_ms)


def with_added(held: Held, minutes: Buckets) -> dict[Tier, Buckets]:
    """The tiers with these minutes on top of what they hold of the same time."""
    return {tier: fold([held[tier], minutes], tier.step_ms) for tier in TIERS}


# --- chunks -----------------------------------------------------------------------------------------------


def encode(held: Buckets) -> bytes:
    """A chunk of buckets. What can be told from the rest is left out."""
    rows = held.amounts.get(ROWS, np.zeros(len(held.at), np.int64))
    columns = {f"{_AMOUNT}{name}": _whole(amount) for name, amount in held.amounts.items()}
    for name, folded in _most_told(held.numbers):
        columns |= _columns(name, folded, rows)
    return encode_chunk(Samples(held.at, columns, held.states, columns.keys()))


def _most_told(numbers: Mapping[str, Folded]) -> list[tuple[str, Folded]]:
    """More names than a chunk has room for are nonsense: those that were told most often stay."""
    told = [(name, folded) for name, folded in numbers.items() if folded.count.any()]
    if len(told) > NAMES_MAX:
        told = sorted(told, key=lambda one: -int(one[1].count.sum()))[:NAMES_MAX]
    return told


def _whole(values: Ints) -> Numbers:
    return Numbers(values, np.ones(len(values), np.bool_))


def _columns(name: str, folded: Folded, rows: Ints) -> dict[str, Numbers]:
    present = folded.count > 0
    exact = _Exact.of(folded, present)
    if exact is None:
        told = {name: _tidied(folded.total, present), name + _LEAST: folded.least, name + _MOST: folded.most}
    else:
        told = exact.columns(name)
    columns = {name: Numbers(values, present) for name, values in told.items()}
    if not np.array_equal(folded.count, rows):
        columns[name + _COUNT] = _whole(folded.count)
    return columns


@dataclass(frozen=True, slots=True)
class _Exact:
    """A number whose buckets are integers, or decimals, which are integers in millionths.

    Its most and its total are told by what they are over the least: small numbers, and none of a constant.
    """

    least: Ints
    spread: Ints
    over: Ints
    decimals: bool

    @classmethod
    def of(cls, folded: Folded, present: Bools) -> "_Exact | None":
        parts = [_integers_of(_tidied(part, present)) for part in (folded.least, folded.most, folded.total)]
        if len({part.dtype for part in (folded.least, folded.most, folded.total)}) > 1:
            return None
        least, most, total = (None if part is None else np.where(present, part, 0) for part in parts)
        if least is None or most is None or total is None:
            return None
        decimals = folded.least.dtype != np.int64
        sizes = np.abs(least.astype(np.float64)) * folded.count + np.abs(most.astype(np.float64))
        if sizes.max() >= (EXACT if decimals else TOTAL_MAX):
            return None
        return cls(least, most - least, total - least * folded.count, decimals)

    def columns(self, name: str) -> dict[str, Ints | Floats]:
        told = {name: self.least}
        if self.spread.any():
            told |= {name + _SPREAD: self.spread, name + _OVER: self.over}
        return {key: values / MILLION if self.decimals else values for key, values in told.items()}


def _integers_of(values: Ints | Floats) -> Ints | None:
    """Integers that stand for all of these values exactly; None when there are none."""
    if values.dtype == np.int64:
        return values.astype(np.int64, copy=False)
    if not np.isfinite(values).all() or np.abs(values).max(initial=0.0) * MILLION >= EXACT:
        return None
    scaled = np.rint(values * MILLION)
    return scaled.astype(np.int64) if np.array_equal(scaled / MILLION, values) else None


def _tidied(values: Ints | Floats, present: Bools) -> Ints | Floats:
    """Totals of decimals without the dust that adding floats leaves: that takes a third of the bytes."""
    if values.dtype == np.int64:
        return values
    told = np.where(present, values, 0.0)
    if not np.isfinite(told).all():
        return told
    near = NEAR * np.maximum(1.0, np.abs(told))
    tidy = np.round(told, EXPONENT_MAX).astype(np.float64, copy=False)
    return tidy if (np.abs(told - tidy) <= near).all() else told


def decode(
    chunk: Chunk,
    names: Collection[str] | None = None,
    *,
    amounts: bool = True,
    states: bool | Collection[str] = True,
) -> Buckets:
    """The buckets of a chunk: of all numbers and states, or of those that are named. Raises ChunkError."""
    held = [name for name in chunk.names if _AMOUNT not in name]
    added = [name for name in chunk.names if name[0] == _AMOUNT] if amounts else [_AMOUNT + ROWS]
    told = {name.removeprefix(_AMOUNT): _integers(chunk, name) for name in added}
    wanted = held if names is None else set(held).intersection(names)
    return Buckets(
        chunk.times(),
        {name: _folded(chunk, name, told[ROWS]) for name in wanted},
        told,
        chunk.states(None if states is True else states) if states else {},
        held,
    )


def _integers(chunk: Chunk, name: str) -> Ints:
    column = chunk.read(name)
    if column is None:
        raise ChunkError("a chunk of buckets does not say how many rows it was made of: restore the database")
    return column.values.astype(np.int64, copy=False)


def _folded(chunk: Chunk, name: str, rows: Ints) -> Folded:
    first, told = chunk.read(name), chunk.read(name + _COUNT)
    assert first is not None  # the directory names it
    count = rows if told is None else told.values.astype(np.int64, copy=False)
    count = np.where(first.present, count, 0)
    least, most = chunk.read(name + _LEAST), chunk.read(name + _MOST)
    if least is not None and most is not None:
        return Folded(first.values, least.values, most.values, count)
    spread, over = chunk.read(name + _SPREAD), chunk.read(name + _OVER)
    if first.values.dtype == np.int64:
        whole = first.values.astype(np.int64, copy=False)
        return _from_least(whole, _values(spread), _values(over), count)
    parts = [_millionths(_values(part)) for part in (first, spread, over)]
    exact = _from_least(parts[0], parts[1], parts[2], count)
    return Folded(exact.total / MILLION, exact.least / MILLION, exact.most / MILLION, count)


def _values(column: Numbers | None) -> Any:
    return 0 if column is None else column.values


def _millionths(values: Any) -> Any:
    return np.rint(values * MILLION).astype(np.int64)


def _from_least(least: Ints, spread: Any, over: Any, count: Ints) -> Folded:
    return Folded(least * count + over, least, least + spread, count)
