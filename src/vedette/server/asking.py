"""Questions that anybody may put to the endpoints: one at a time, out of a budget of their own.

Whoever finds it empty, or too many waiting, is told when to come again. An answer is kept for a minute.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from vedette.conflux.rpc import Budget, spend
from vedette.server.ears import Ears
from vedette.server.feed import rate_of
from vedette.server.settings import EndpointSetting

KEEP_MS: Final = 60_000
KEPT_MAX: Final = 1_000
WAITING_MAX: Final = 4
CALLS_PER_MIN: Final = 600.0
"""Of an endpoint of one's own; a public gateway spares half of what it allows."""

T = TypeVar("T")


class TooManyError(Exception):
    """More is asked than we want to ask of the endpoints."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"wait {retry_after_s} s")
        self.retry_after_s = retry_after_s


class Purse:
    """The calls that may be spent on what people ask live, whatever they ask about."""

    def __init__(self, endpoints: Sequence[EndpointSetting], ears: Ears) -> None:
        rate = calls_per_s(endpoints)
        self._ears = ears
        self._budget = Budget.full(rate, ears.steady_ms(), 60 * rate)

    def spend(self, calls: int) -> None:
        """Take so many calls, or as many as it holds when it is full. Raises TooManyError."""
        wanted = min(calls, int(self._budget.most))
        left, wait_ms = spend(self._budget, wanted, self._ears.steady_ms())
        if wait_ms:
            raise TooManyError(-(-wait_ms // 1000))
        self._budget = left

    def owe(self, calls: int) -> None:
        """Take so many calls for what was begun already, even if the next one has to wait for it."""
        self._budget, _ = spend(self._budget, calls, self._ears.steady_ms())


class Asking(Generic[T]):
    """Answers questions of one kind by their key, each in its turn."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears
        self._kept: dict[str, tuple[int, T]] = {}
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def of(self, key: str, ask: Callable[[], Awaitable[T]]) -> T:
        """What is kept of that, or what `ask` brings. Raises TooManyError, and whatever `ask` raises."""
        kept = self._fresh(key)
        if kept is not None:
            return kept
        if self._waiting >= WAITING_MAX:
            raise TooManyError(WAITING_MAX)
        self._waiting += 1
        try:
            async with self._turn:
                kept = self._fresh(key)
                return self._keep(key, await ask()) if kept is None else kept
        finally:
            self._waiting -= 1

    def _fresh(self, key: str) -> T | None:
        if key not in self._kept:
            return None
        at_ms, found = self._kept[key]
        return found if self._ears.steady_ms() - at_ms < KEEP_MS else None

    def _keep(self, key: str, found: T) -> T:
        now = self._ears.steady_ms()
        self._kept = {one: kept for one, kept in self._kept.items() if now - kept[0] < KEEP_MS}
        if len(self._kept) < KEPT_MAX:
            self._kept[key] = now, found
        return found


def calls_per_s(endpoints: Sequence[EndpointSetting]) -> float:
    """How much may be asked for people: the first endpoint answers, so its budget counts."""
    rate = rate_of(endpoints[0]) if endpoints else None
    return CALLS_PER_MIN / 60 if rate is None else min(CALLS_PER_MIN / 60, rate / 2)
