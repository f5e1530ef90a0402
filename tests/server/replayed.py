"""A follower on the replayed network: endpoints with faults, a clock in haste, and the truth beside them."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

from vedette.model.history import EpochCounts
from vedette.model.pos import SETTLED_DEPTH, PosAddress
from vedette.replay.faults import Faults
from vedette.replay.network import Network
from vedette.replay.serve import Served, served
from vedette.server.chores import Pace
from vedette.server.follower import Follower
from vedette.store import epochs, rewards
from vedette.store.database import Database


@dataclass(frozen=True)
class HastyClock:
    """Time that passes so many times as fast, for the follower and for the endpoints' limits alike."""

    haste: int

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def steady_ms(self) -> int:
        return time.monotonic_ns() * self.haste // 1_000_000

    def steady_s(self) -> float:
        return self.steady_ms() / 1000

    async def sleep_ms(self, duration_ms: int) -> None:
        await asyncio.sleep(duration_ms / 1000 / self.haste)


@dataclass(frozen=True)
class At:
    """An endpoint's setting."""

    name: str
    url: str
    calls_per_s: float | None = None
    headers: None = None


@dataclass
class Watch:
    """A follower at work on some endpoints."""

    network: Network
    follower: Follower
    clock: HastyClock
    endpoints: Mapping[str, Served]
    began_ms: int = field(init=False)

    def __post_init__(self) -> None:
        self.began_ms = self.clock.steady_ms()

    @property
    def passed_s(self) -> float:
        """Since the follower began, by its own clock."""
        return (self.clock.steady_ms() - self.began_ms) / 1000

    def has_read(self, *names: str) -> bool:
        """Whether these endpoints (or all) were read to the settled end of what they have."""
        health = {each.name: each for each in self.follower.health}
        return all(
            name in health
            and health[name].lag_blocks == 0
            and (health[name].height or 0) >= self.endpoints[name].node.head - SETTLED_DEPTH
            for name in names or self.endpoints
        )

    def error(self, name: str) -> str:
        """Why it is not read now; nothing if it is."""
        return next((each.error or "" for each in self.follower.health if each.name == name), "")


@asynccontextmanager
async def following(
    network: Network,
    database: Database,
    faults: Mapping[str, Faults],
    *,
    haste: int = 20,
    round_ms: int = 0,
    calls_per_s: Mapping[str, float] | None = None,
    pace: Pace | None = None,
) -> AsyncIterator[Watch]:
    """Follow endpoints of these faults, each on one history."""
    clock = HastyClock(haste)
    rates = calls_per_s or {}
    async with AsyncExitStack() as stack:
        endpoints = {
            name: await stack.enter_async_context(
                served(network, wrong, round_ms=round_ms, clock=clock.steady_s)
            )
            for name, wrong in faults.items()
        }
        settings = [At(name, one.url, rates.get(name)) for name, one in endpoints.items()]
        follower = Follower(settings, database, clock, pace=pace, jitter=lambda: 0.5)
        watch = Watch(network, follower, clock, endpoints)
        task = asyncio.create_task(follower.run())
        try:
            yield watch
            if task.done():
                await task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def until(
    true: Callable[[], bool | Awaitable[bool]], seconds: float = 60, look_s: float = 0.02
) -> None:
    async with asyncio.timeout(seconds):
        while True:
            found = true()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(look_s)


async def counted(database: Database) -> dict[int, EpochCounts]:
    """The epochs that are counted."""
    async with database.read() as conn:
        return {one.epoch: one for one in await epochs.counts(conn, 0, 10**9)}


async def paid(database: Database) -> dict[int, dict[PosAddress, int]]:
    """The rewards that are known, in Drip."""
    async with database.read() as conn:
        return {epoch: dict(one.drips) for epoch, one in (await rewards.rewards(conn, 0, 10**9)).items()}


def truly_paid(network: Network, epoch: int) -> dict[PosAddress, int]:
    """What the network paid for an epoch."""
    told = network.rewards(epoch)
    assert told is not None
    return {PosAddress(one["posAddress"]): int(one["reward"], 16) for one in told["accountRewards"]}
