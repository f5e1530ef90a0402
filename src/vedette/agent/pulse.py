"""Whether a node answers at all, by whoever asked it what.

A question without an answer proves little: it may have been slow, or we. The node is silent when two of them
had none, the second asked half a second after the first was given up, and no other was answered meanwhile.
It has then been silent since the first of them was asked.
"""

import threading
import time
from collections.abc import Callable

APART_MS = 500
"""A port that refuses refuses ten questions in one moment: that is one observation."""


def awake_ms() -> int:
    """Steady time that stands while the machine sleeps: a question that slept with it waited for nobody."""
    return time.monotonic_ns() // 1_000_000


class Pulse:
    """What became of the questions. Any thread may tell or ask."""

    def __init__(self, now_ms: Callable[[], int] = awake_ms) -> None:
        self.now_ms = now_ms
        self._lock = threading.Lock()
        self._answered_ms = now_ms()
        self._since_ms: int | None = None  # the first unanswered question was asked
        self._given_up_ms = 0  # and it was given up
        self._silent = False

    def answered(self) -> None:
        """It spoke, if only to refuse; or it is another process, of which what was before says nothing."""
        with self._lock:
            self._answered_ms, self._since_ms, self._silent = self.now_ms(), None, False

    def unanswered(self, asked_ms: int) -> None:
        """A question of that moment was given up now."""
        with self._lock:
            if asked_ms < self._answered_ms:
                return  # others were answered after it was asked
            if self._since_ms is None:
                self._since_ms, self._given_up_ms = asked_ms, self.now_ms()
            elif asked_ms - self._given_up_ms >= APART_MS:
                self._silent = True
            else:
                self._since_ms = min(self._since_ms, asked_ms)

    @property
    def silent_ms(self) -> int:
        """For how long it has answered nothing; 0 while it is not silent."""
        with self._lock:
            return self.now_ms() - self._since_ms if self._silent and self._since_ms is not None else 0
