"""By how much nodes' counters rose lately.

What is seen in the rounds is kept in memory. What a node counted before we first saw it (we were started
anew, and it may have been restarting all the while) is read once from its samples; until then nothing is
said of it, since nothing is known.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from vedette.model.view import NodeView

COUNTERS: Final = ("process.restarts_count", "process.cgroup.oom_kills_count", "host.oom_kills_count")
LATELY_MS: Final = 1_800_000

Count = tuple[int, float]
"""When (unix milliseconds), and what was counted."""


@dataclass(frozen=True, slots=True)
class Stranger:
    """A node whose samples are still to be read: when we first saw it, and what it counted then."""

    node_id: str
    team_id: int
    seen_at_ms: int
    counts: Mapping[str, float]


class Rises:
    """What was seen of each counter of each node: its last value, and its steps of the last half hour."""

    def __init__(self) -> None:
        self._last: dict[str, dict[str, float]] = {}
        self._steps: dict[tuple[str, str], deque[Count]] = {}
        self._strangers: dict[str, Stranger] = {}

    def of(self, node: NodeView, now_ms: int) -> Mapping[str, float]:
        """The rises of this node; nothing of what it does not count, or of what is not known yet."""
        if not node.numbers:
            return {}
        counts = {name: value for name in COUNTERS if (value := node.numbers.get(name)) is not None}
        if node.id not in self._last:
            self._strangers[node.id] = Stranger(node.id, node.team_id, now_ms, counts)
        last = self._last.setdefault(node.id, {})
        found = {name: self._rise(node.id, name, last, value, now_ms) for name, value in counts.items()}
        return {} if node.id in self._strangers else found

    def _rise(self, node_id: str, name: str, last: dict[str, float], value: float, now_ms: int) -> float:
        before = last.get(name, value)
        steps = self._steps.get((node_id, name))
        if value != before:
            if steps is None:
                steps = self._steps[node_id, name] = deque()
            steps.append((now_ms, _step(before, value)))
        last[name] = value
        if steps is None:
            return 0
        while steps and steps[0][0] <= now_ms - LATELY_MS:
            steps.popleft()
        return sum(step for _, step in steps)

    def strangers(self, most: int) -> list[Stranger]:
        """At most so many nodes whose samples are to be read, from half an hour before they were seen."""
        return list(self._strangers.values())[:most]

    def recall(self, node_id: str, told: Mapping[str, Sequence[Count]]) -> None:
        """A stranger's samples of each counter before we saw it, oldest first."""
        stranger = self._strangers.pop(node_id, None)
        if stranger is None:
            return  # it is no more
        for name, counts in told.items():
            now = [(stranger.seen_at_ms, stranger.counts[name])] if name in stranger.counts else []
            line = [*counts, *now]
            steps = deque(_steps(line))
            if steps:
                self._steps[node_id, name] = steps + self._steps.get((node_id, name), deque())
            if line:
                self._last[node_id].setdefault(name, line[-1][1])

    def forget_but(self, nodes: set[str]) -> None:
        """Nodes that are no more."""
        for gone in self._last.keys() - nodes:
            del self._last[gone]
            self._strangers.pop(gone, None)
        self._steps = {key: steps for key, steps in self._steps.items() if steps and key[0] in nodes}


def _step(before: float, value: float) -> float:
    """A counter that began anew counts from nothing."""
    return value - before if value > before else value


def _steps(line: Iterable[Count]) -> Iterable[Count]:
    for (_, before), (at_ms, value) in pairwise(line):
        if value != before:
            yield at_ms, _step(before, value)
