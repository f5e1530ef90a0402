"""How a height moves: for how long it has stood still, and how fast it rises."""

import threading
from collections import deque
from collections.abc import Callable

WINDOW_MS = 600_000
"""Rates are means over at most so long: a restart's first minutes are no trend, an hour ago is no news."""
WINDOW_MS_MIN = 30_000
STEP_MS = 5_000
RISEN_MS = 120_000
"""A lag counts when it was there two minutes ago already."""


class Progress:
    """Remembers one height, whoever saw it. Any thread may tell or ask."""

    def __init__(self, steady_ms: Callable[[], int]) -> None:
        self._steady_ms = steady_ms
        self._lock = threading.Lock()
        self._asked_ms = 0
        self._moved_ms = 0
        self._seen: deque[tuple[int, int]] = deque()  # (steady ms, height), oldest first
        self.moves = 0
        self.stood_ms = 0  # for how long it had stood before it last moved

    def now_ms(self) -> int:
        """The time that it goes by."""
        return self._steady_ms()

    def see(self, height: int, asked_ms: int | None = None) -> None:
        """`asked_ms`: when the node was asked for it (by default: now)."""
        now_ms = self._steady_ms()
        with self._lock:
            asked_ms = now_ms if asked_ms is None else asked_ms
            if self._seen and asked_ms < self._asked_ms:
                return  # a slow answer to an old question: a height that is lower by it did not fall
            self._asked_ms = asked_ms
            self._take(height, now_ms)

    def _take(self, height: int, now_ms: int) -> None:
        if not self._seen or height != self._seen[-1][1]:
            self.moves, self.stood_ms = self.moves + 1, now_ms - self._moved_ms if self._seen else 0
            self._moved_ms = now_ms
        if self._seen and height < self._seen[-1][1]:
            self._seen.clear()  # the node began anew: what was before says nothing of its pace
        while self._seen and now_ms - self._seen[0][0] > WINDOW_MS:
            self._seen.popleft()
        # The newest is always there; of the others one in five seconds is enough for a slope.
        if len(self._seen) > 1 and now_ms - self._seen[-2][0] < STEP_MS:
            self._seen.pop()
        self._seen.append((now_ms, height))

    @property
    def still_ms(self) -> int:
        """How long it has stood still; at our own start this is a lower bound."""
        return self._steady_ms() - self._moved_ms

    @property
    def still_seconds(self) -> int:
        return self.still_ms // 1000

    @property
    def risen(self) -> int | None:
        """How far it rose in the last two minutes; None before it was watched for so long."""
        since_ms = self._steady_ms() - RISEN_MS
        with self._lock:
            before = [height for at_ms, height in self._seen if at_ms <= since_ms]
            return self._seen[-1][1] - before[-1] if before else None

    @property
    def per_second(self) -> float | None:
        """How fast it rises; None before there is enough to tell."""
        with self._lock:
            if not self._seen:
                return None
            (began_ms, low), (ended_ms, high) = self._seen[0], self._seen[-1]
        if ended_ms - began_ms < WINDOW_MS_MIN:
            return None
        return round((high - low) * 1000 / (ended_ms - began_ms), 3)
