"""By how much nodes' counters rose lately. Kept in memory: after a start of ours it is known anew."""

from collections import deque
from collections.abc import Mapping
from typing import Final

from vedette.model.view import NodeView

COUNTERS: Final = ("process.restarts_count", "process.cgroup.oom_kills_count", "host.oom_kills_count")
LATELY_MS: Final = 1_800_000


class Rises:
    """What was seen of each counter of each node: its last value, and its steps of the last half hour."""

    def __init__(self) -> None:
        self._last: dict[str, dict[str, float]] = {}
        self._steps: dict[tuple[str, str], deque[tuple[int, float]]] = {}

    def of(self, node: NodeView, now_ms: int) -> Mapping[str, float]:
        """The rises of this node; nothing of what it does not count."""
        if not node.numbers:
            return {}
        last = self._last.setdefault(node.id, {})
        return {
            name: self._rise(node.id, name, last, value, now_ms)
            for name in COUNTERS
            if (value := node.numbers.get(name)) is not None
        }

    def _rise(self, node_id: str, name: str, last: dict[str, float], value: float, now_ms: int) -> float:
        before = last.get(name, value)
        steps = self._steps.get((node_id, name))
        if value != before:
            if steps is None:
                steps = self._steps[node_id, name] = deque()
            steps.append((now_ms, value - before if value > before else value))
        last[name] = value
        if steps is None:
            return 0
        while steps and steps[0][0] <= now_ms - LATELY_MS:
            steps.popleft()
        return sum(step for _, step in steps)

    def forget_but(self, nodes: set[str]) -> None:
        """Nodes that are no more."""
        for gone in self._last.keys() - nodes:
            del self._last[gone]
        self._steps = {key: steps for key, steps in self._steps.items() if steps and key[0] in nodes}
