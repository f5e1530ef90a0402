"""One node's past, minute by minute: numbers and words as its live state would have had them. Pure.

A bucket of a tier knows the mean, the least and the most of a number and the last word of a state. A number
is taken at its mean, a flag or a count of the last hour at whichever end is the trouble. Words last until
another is said, but for errors: a probe that answers has none any more.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vedette.model.health import fresh
from vedette.model.pos import PosAddress
from vedette.model.view import NodeView, ProcessState
from vedette.server.rises import COUNTERS, LATELY_MS, Rises
from vedette.store.tiers import Buckets, Folded

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Places = NDArray[np.intp]

RUNNING: Final = "process.running"
UP_SECONDS: Final = "process.up_seconds"
ANSWERS: Final = "endpoint.answers"
PROCESS: Final = "process.state"
ADDRESS: Final = "node.pos_address"
PIVOTS: Final = "pow.pivots"
AT_LEAST: Final = frozenset({RUNNING, "host.clock.synchronised", "endpoint.pivot_agrees"})
AT_MOST: Final = frozenset(
    {ANSWERS, "node.pos_address_differs", "node.exposed_count", *COUNTERS}
    | {f"log.{name}.hour_count" for name in ("invalid_state", "database_locked", "equivocation")}
)
UNTIMED: Final = frozenset({PIVOTS})
"""Words that change all the time and mean nothing by that."""
STEPS_MAX: Final = 30
"""A node that speaks more seldom than each so many buckets is silent in between."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Buckets of one width from a moment on; each is looked at as it ends, the last one now."""

    from_ms: int
    step_ms: int
    count: int
    now_ms: int

    @classmethod
    def over(cls, from_ms: int, now_ms: int, step_ms: int) -> "Grid":
        first_ms = from_ms // step_ms * step_ms
        return cls(first_ms, step_ms, (now_ms - first_ms) // step_ms + 1, now_ms)

    def end_ms(self, place: int) -> int:
        return min(self.from_ms + (place + 1) * self.step_ms, self.now_ms)

    @property
    def ends_ms(self) -> Sequence[int]:
        first_ms = self.from_ms + self.step_ms
        return [*range(first_ms, first_ms + (self.count - 1) * self.step_ms, self.step_ms), self.now_ms]

    def places(self, at_ms: Any) -> Places:
        """In which buckets these moments are."""
        found: Places = ((at_ms - self.from_ms) // self.step_ms).astype(np.intp)
        return found


@dataclass(frozen=True, eq=False)
class Minutes:
    """The node as it is called now, and a column a number and a word for each bucket. NaN, 0: not told."""

    node: NodeView
    grid: Grid
    known: Bools
    names: Sequence[str]
    values: Floats  # a row a name
    least: Floats
    most: Floats
    words: Mapping[str, NDArray[np.int32]]  # an index into `vocabulary`
    vocabulary: Mapping[str, Sequence[str | None]]
    _rises: Rises = field(default_factory=Rises)
    _fed: list[int] = field(default_factory=lambda: [-1])

    @classmethod
    def of(
        cls, node: NodeView, grid: Grid, held: Buckets, names: Sequence[str], words: Sequence[str]
    ) -> "Minutes":
        """Out of buckets of the grid's width."""
        places = grid.places(held.at)
        inside = (places >= 0) & (places < grid.count)
        known = np.zeros(grid.count, np.bool_)
        known[places[inside]] = True
        told = [name for name in names if name in held.numbers and held.numbers[name].count.any()]
        lines = [_lines(name, held.numbers[name], places, inside, grid.count) for name in told]
        values, least, most = (
            np.array([line[n] for line in lines]).reshape(-1, grid.count) for n in range(3)
        )
        said = {
            name: _coded(name, held.states[name], places, inside, known)
            for name in words
            if name in held.states
        }
        return cls(
            node,
            grid,
            known,
            told,
            values,
            least,
            most,
            {name: codes for name, (codes, _) in said.items()},
            {name: vocabulary for name, (_, vocabulary) in said.items()},
        )

    # --- when it spoke

    @cached_property
    def heard(self) -> Bools:
        """Buckets in which it was heard of: of an endpoint, in which it answered."""
        answers = self.line(ANSWERS)
        return self.known & (answers > 0) if self.node.agentless and answers is not None else self.known

    @cached_property
    def last_heard(self) -> Places:
        """The newest such bucket, for each; -1: none yet."""
        return _last(self.heard)

    @cached_property
    def silent_after(self) -> int:
        """Buckets without a word after which it is silent: as many as usually lie between two words."""
        steps = np.diff(np.flatnonzero(self.heard))
        return int(np.clip(np.median(steps), 1, STEPS_MAX)) if len(steps) else 1

    @cached_property
    def _deaf(self) -> Places:
        """Of an endpoint, how many buckets there were so far in which nobody asked: that is our silence."""
        unasked = ~self.known if self.node.agentless else np.zeros(self.grid.count, np.bool_)
        counted: Places = np.cumsum(unasked).astype(np.intp)
        return counted

    @cached_property
    def silent(self) -> Bools:
        """Silent as the bucket ends, after having been heard of."""
        place = np.arange(self.grid.count)
        last = self.last_heard
        deaf = self._deaf - self._deaf[np.maximum(last, 0)]
        return (last >= 0) & (place - last - deaf >= self.silent_after)

    @cached_property
    def gone(self) -> Bools:
        """The process had ended in that bucket, or was last heard of as ended."""
        running = self.line(RUNNING)
        if running is None:
            return np.zeros(self.grid.count, np.bool_)
        last = _last(~np.isnan(running))
        found: Bools = (last >= 0) & (running[np.maximum(last, 0)] == 0)
        return found

    @cached_property
    def _gone_since(self) -> Places:
        begins = self.gone & ~np.append(False, self.gone[:-1])
        return _last(begins)

    def line(self, name: str) -> Floats | None:
        """A number's column; None: it was never told."""
        found: Floats | None = self.values[self.names.index(name)] if name in self.names else None
        return found

    # --- what it was at one moment

    def view(self, place: int) -> NodeView | None:
        """The node as that bucket ended; None before it was ever heard of."""
        last = int(self.last_heard[place])
        if last < 0:
            return None
        heard_ms = self.grid.end_ms(last)
        deaf = int(self._deaf[place] - self._deaf[last])
        due_ms = heard_ms + (self.silent_after + deaf) * self.grid.step_ms
        silent, gone = bool(self.silent[place]), bool(self.gone[place])
        numbers, states = ({}, {}) if silent else self._told(place if self.known[place] else last)
        up_s = numbers.get(UP_SECONDS)
        node = self._node(
            numbers,
            states,
            heard_at_ms=heard_ms,
            due_at_ms=due_ms if silent else max(due_ms, self.grid.end_ms(place) + 1),
            died_at_ms=self.grid.end_ms(int(self._gone_since[place])) if gone else None,
            running_since_ms=None if gone or up_s is None else heard_ms - int(up_s * 1000),
            gone=gone,
        )
        risen = {} if silent else self._risen(node, place)
        return replace(node, rises=risen) if risen else node

    def _node(
        self,
        numbers: Mapping[str, float],
        states: Mapping[str, str],
        *,
        heard_at_ms: int,
        due_at_ms: int,
        gone: bool,
        died_at_ms: int | None = None,
        running_since_ms: int | None = None,
    ) -> NodeView:
        now = self.node
        address = states.get(ADDRESS, now.pos_address)
        process = ProcessState.GONE if gone else _process(states, numbers)
        numbers, states = fresh(numbers, states)
        return NodeView(
            id=now.id,
            team_id=now.team_id,
            name=now.name,
            pos_address=None if address is None else PosAddress(address),
            process=process,
            died_at_ms=died_at_ms,
            planned_stop_until_ms=None,
            heard_at_ms=heard_at_ms,
            due_at_ms=due_at_ms,
            sync_phase=states.get("node.sync_phase"),
            running_since_ms=running_since_ms,
            agentless=now.agentless,
            role=now.role,
            labels=now.labels,
            group=now.group,
            numbers=numbers,
            states=states,
        )

    def _told(self, place: int) -> tuple[dict[str, float], dict[str, str]]:
        numbers = _known(self.names, self.values[:, place].tolist())
        said = ((name, self.vocabulary[name][codes[place]]) for name, codes in self.words.items())
        return numbers, {name: word for name, word in said if word is not None}

    def _risen(self, node: NodeView, place: int) -> Mapping[str, float]:
        """As the judge counts it: every step of a counter up to now is told, in its order."""
        if not any(name in self.names for name in COUNTERS):
            return {}
        if self._fed[0] > place:  # looked at anew from an earlier moment
            self._fed[0] = -1
            self._rises.forget_but(set())
        since = np.searchsorted(self.counter_steps, self._fed[0], side="right")
        for step in self.counter_steps[since:].tolist():
            if step > place:
                break
            for at in (step - 1, step):
                self._rises.of(replace(node, numbers=self._told(at)[0]), self.grid.end_ms(at))
        self._fed[0] = place
        return self._rises.of(node, self.grid.end_ms(place))

    @cached_property
    def counter_steps(self) -> Places:
        """Buckets in which a counter is another than it was when it was told before."""
        found = [_steps(line) for name in COUNTERS if (line := self.line(name)) is not None]
        return np.unique(np.concatenate(found)) if found else np.zeros(0, np.intp)

    # --- the worst of a stretch

    def worst(self, first: int, last: int) -> list[NodeView] | None:
        """All numbers at their least, and at their most; None: words changed, so each moment may matter."""
        known = np.flatnonzero(self.known[first : last + 1])
        if not len(known):
            return []
        said = self._constant(first, last)
        if said is None:
            return None
        heard_ms, due_ms = self.grid.end_ms(first + int(known[-1])), self.grid.end_ms(last) + 1
        part = slice(first, last + 1)
        ends = np.fmin.reduce(self.least[:, part], axis=1), np.fmax.reduce(self.most[:, part], axis=1)
        return [self._extreme(end.tolist(), said, heard_ms, due_ms) for end in ends]

    def _extreme(
        self, told: Sequence[float], said: Mapping[str, str], heard_ms: int, due_ms: int
    ) -> NodeView:
        numbers = _known(self.names, told)
        gone = numbers.get(RUNNING) == 0
        return self._node(numbers, said, heard_at_ms=heard_ms, due_at_ms=due_ms, gone=gone)

    def _constant(self, first: int, last: int) -> dict[str, str] | None:
        said = {}
        for name, codes in self.words.items():
            part = codes[first : last + 1]
            if name not in UNTIMED and part.min() != part.max():
                return None
            word = self.vocabulary[name][part[-1]]
            if word is not None:
                said[name] = word
        return said

    def rising(self) -> Iterator[tuple[int, int]]:
        """Stretches in which a counter has risen lately."""
        lately = LATELY_MS // self.grid.step_ms
        for step in self.counter_steps.tolist():
            yield step, min(step + lately, self.grid.count - 1)


def _known(names: Sequence[str], told: Sequence[float]) -> dict[str, float]:
    pairs = zip(names, told, strict=True)
    return {name: value for name, value in pairs if value == value}  # noqa: PLR0124 - only NaN differs from itself


def _process(states: Mapping[str, str], numbers: Mapping[str, float]) -> ProcessState:
    if numbers.get(RUNNING, 0) > 0 or states.get(PROCESS) == ProcessState.RUNNING:
        return ProcessState.RUNNING
    return ProcessState.UNKNOWN


def _last(marked: Bools) -> Places:
    """For each place the newest one at or before it that is marked; -1: none."""
    places = np.where(marked, np.arange(len(marked)), -1)
    found: Places = np.maximum.accumulate(places)
    return found


def _steps(line: Floats) -> Places:
    told = np.flatnonzero(~np.isnan(line))
    steps: Places = told[1:][line[told][1:] != line[told][:-1]]
    return steps


def _lines(
    name: str, told: Folded, places: Places, inside: Bools, count: int
) -> tuple[Floats, Floats, Floats]:
    """The value that counts, the least and the most of each bucket."""
    filled = inside & (told.count > 0)
    at = places[filled]
    least, most, value = np.full(count, np.nan), np.full(count, np.nan), np.full(count, np.nan)
    least[at], most[at] = told.least[filled], told.most[filled]
    value[at] = told.total[filled] / told.count[filled]
    if name in AT_LEAST:
        value = least
    elif name in AT_MOST:
        value = most
    return value, least, most


def _coded(
    name: str, words: Sequence[str | None], places: Places, inside: Bools, known: Bools
) -> tuple[NDArray[np.int32], Sequence[str | None]]:
    """Each bucket's word as its number; a word lasts until another is said, an error for as long as it is."""
    vocabulary: dict[str | None, int] = {None: 0}
    codes = np.zeros(len(known), np.int32)
    coded = np.array([vocabulary.setdefault(word, len(vocabulary)) for word in words], np.int32)
    codes[places[inside]] = coded[inside]
    told = known if name.endswith(".error") else codes > 0
    last = _last(told)
    lasting = np.where(last >= 0, codes[np.maximum(last, 0)], 0)
    return lasting.astype(np.int32), list(vocabulary)
