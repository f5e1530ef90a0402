"""How often each host may be asked by whoever watches endpoints: many endpoints may share one gateway."""

import asyncio
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from vedette.conflux import networks
from vedette.conflux.rpc import Budget, spend
from vedette.model.clock import Clock
from vedette.model.watched import interval_ms
from vedette.server.settings import EndpointSetting

GATEWAY_DAY_CALLS_PER_S: Final = 0.5
"""Of a public gateway: 100,000 calls a day are 1.15/s, and the follower wants its part of them."""
HOST_CALLS_PER_S: Final = 20.0
"""Of any other host, unless its endpoints are set to less."""
BURST_CALLS: Final = 40.0
ROUND_CALLS: Final = 4
"""What one round of an endpoint costs."""
AT_ONCE: Final = 4


def host_of(url: str) -> str:
    """What limits are counted by: its name, whatever the port and the path."""
    return urlsplit(url).hostname or ""


class Hosts:
    """A budget and a few slots for each host."""

    def __init__(self, endpoints: Iterable[EndpointSetting], clock: Clock) -> None:
        self._clock = clock
        self._given: dict[str, float] = {}
        self._loads: dict[str, int] = {}
        self._budgets: dict[str, Budget] = {}
        self._slots: dict[str, asyncio.Semaphore] = {}
        for one in endpoints:
            if one.calls_per_s is not None:
                host = host_of(one.url)
                self._given[host] = min(one.calls_per_s, self._given.get(host, one.calls_per_s))

    def expect(self, url: str) -> None:
        """One more endpoint is asked there each round."""
        host = host_of(url)
        self._loads[host] = self._loads.get(host, 0) + ROUND_CALLS

    def calls_per_s(self, url: str) -> float:
        """What may be asked of its host all day."""
        usual = HOST_CALLS_PER_S if networks.calls_per_s(url) is None else GATEWAY_DAY_CALLS_PER_S
        return min(usual, self._given.get(host_of(url), usual))

    def interval_ms(self, url: str, endpoints: int) -> int:
        """The pause between two rounds of this endpoint."""
        return interval_ms(endpoints, self._loads.get(host_of(url), 0), self.calls_per_s(url))

    def slots(self, url: str) -> asyncio.Semaphore:
        """So many may talk with its host at once."""
        return self._slots.setdefault(host_of(url), asyncio.Semaphore(AT_ONCE))

    async def afford(self, url: str) -> None:
        """Wait until one call more may be asked there."""
        wait_ms = self._spend(url)
        if wait_ms:
            await self._clock.sleep_ms(wait_ms)

    def spare(self, url: str) -> bool:
        """Take one call out of the budget if there is one; nobody waits for what can be left out."""
        budget = self._budget(url)
        if spend(budget, 1, self._clock.steady_ms())[1]:
            return False
        self._spend(url)
        return True

    def _spend(self, url: str) -> int:
        left, wait_ms = spend(self._budget(url), 1, self._clock.steady_ms())
        self._budgets[host_of(url)] = left
        return wait_ms

    def _budget(self, url: str) -> Budget:
        host, rate = host_of(url), self.calls_per_s(url)
        if host not in self._budgets:
            self._budgets[host] = Budget.full(rate, self._clock.steady_ms(), BURST_CALLS)
        return self._budgets[host]
