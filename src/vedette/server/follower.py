"""Reads the PoS chain from its endpoints into the store: blocks with signers, committees, accounts.

Each endpoint is a witness with a cursor of its own and reads every settled block, since its list of signers
may differ from its neighbour's (feed.py). What to do next is decided by pure functions (follow_plan.py).
"""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Final

from vedette.conflux.networks import calls_per_s
from vedette.conflux.pos import FIRST_HEIGHT
from vedette.conflux.rpc import Rpc, open_session
from vedette.conflux.wire import RpcError
from vedette.model.clock import Clock
from vedette.model.pos import Account, Committee, PosAddress, PowStatus
from vedette.server import follow_plan as plan
from vedette.server.feed import STORE_TROUBLE, Endpoint, EndpointHealth, Feed, Shared, Told, trouble
from vedette.server.follow_plan import Identity
from vedette.store import accounts, chain, people, votes
from vedette.store.database import Conn, Database

log = logging.getLogger(__name__)

MISSING_EPOCHS_AT_ONCE: Final = 20
EPOCH_MAX: Final = 2**62


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look at what does not come with the blocks."""

    accounts_ms: int = 60_000
    pow_ms: int = 5_000
    missing_ms: int = 30_000
    look_ms: int = 1_000


@dataclass(frozen=True, slots=True)
class PowNow:
    """The newest word about the PoW chain."""

    status: PowStatus
    at_ms: int
    endpoint: str


class Follower:
    """Follows the chain until cancelled.

    `on_blocks` is told, after their commit, the heights that are new or gained signers; past ones too, while
    the past is being read. It may be a coroutine function.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        database: Database,
        clock: Clock,
        *,
        on_blocks: Told = lambda _: None,
        pace: Pace | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._endpoints = tuple(endpoints)
        self._database = database
        self._clock = clock
        self._pace = pace or Pace()
        self._jitter = jitter
        self._shared = Shared(database, clock, on_blocks)
        self.pow_now: PowNow | None = None

    @property
    def health(self) -> list[EndpointHealth]:
        """One entry for each endpoint, in the order of the settings."""
        return [feed.health for feed in self._shared.feeds]

    @property
    def committed_height(self) -> int | None:
        """The newest block that any healthy endpoint has committed."""
        return max((feed.committed for feed in self._shared.healthy()), default=None)

    async def run(self) -> None:
        """Follow all endpoints until cancelled."""
        async with open_session() as session:
            self._shared.feeds = [
                Feed(
                    each,
                    Rpc(each.url, session=session, calls_per_s=calls_per_s(each.url), clock=self._clock),
                    self._shared,
                    self._jitter,
                )
                for each in self._endpoints
            ]
            await self._begin()
            async with asyncio.TaskGroup() as tasks:
                for feed in self._shared.feeds:
                    tasks.create_task(feed.run(), name=f"follow {feed.name}")
                tasks.create_task(self._watch_pow(), name="follow PoW")
                tasks.create_task(self._watch_accounts(), name="follow accounts")
                tasks.create_task(self._complete_committees(), name="follow committees")

    async def _begin(self) -> None:
        """Learn what the store knows, and agree on the chain to follow."""
        async with self._database.read() as conn:
            self._shared.know(await votes.known_epochs(conn, 0, EPOCH_MAX))
            stored = await chain.hashes(conn, FIRST_HEIGHT, FIRST_HEIGHT)
        told = await asyncio.gather(*(_identity(feed) for feed in self._shared.feeds))
        self._shared.identity = plan.elect([each for each in told if each], stored.get(FIRST_HEIGHT))

    # --- what does not come with the blocks

    async def _watch_pow(self) -> None:
        while True:
            found = await self._ask_pow()
            self.pow_now = found or self.pow_now
            await self._clock.sleep_ms(self._pace.pow_ms if found else self._pace.look_ms)

    async def _ask_pow(self) -> PowNow | None:
        for feed in self._shared.healthy():
            try:
                return PowNow(await feed.pow_status(), self._clock.now_ms(), feed.name)
            except RpcError:
                continue  # the feed's own loop tells what is wrong with it
        return None

    async def _watch_accounts(self) -> None:
        """Stakes of members and of the watched: at an epoch's change, and once in a while."""
        taken_ms: int | None = None
        taken_epoch = 0
        while True:
            now = self._clock.steady_ms()
            epoch = max((feed.epoch for feed in self._shared.healthy()), default=0)
            if epoch and plan.due(now, taken_ms, self._pace.accounts_ms, changed=epoch != taken_epoch):
                taken_ms, taken_epoch = now, epoch
                await self._survive(self._snapshot(epoch))
            await self._clock.sleep_ms(self._pace.look_ms)

    async def _snapshot(self, epoch: int) -> None:
        if epoch not in self._shared.epochs:
            await self._remember(await self._shared.committees([epoch]))
        async with self._database.read() as conn:
            committee = await votes.committee(conn, epoch)
            wanted = sorted({*(committee.votes if committee else ()), *await people.watched(conn)})
        told = await self._stakes(wanted)
        if told:
            now = self._clock.now_ms()
            await self._database.write(lambda conn: accounts.remember_accounts(conn, told, now))

    async def _stakes(self, wanted: Sequence[PosAddress]) -> list[Account]:
        for feed in self._shared.healthy():
            told = await feed.accounts(wanted)
            if told:
                return told
        return []

    async def _complete_committees(self) -> None:
        """Ask again for the committees that nobody had when their blocks came."""
        while True:
            await self._clock.sleep_ms(self._pace.missing_ms)
            wanted = sorted(self._shared.missing_epochs, reverse=True)[:MISSING_EPOCHS_AT_ONCE]
            await self._survive(self._ask_again(wanted))

    async def _ask_again(self, wanted: Sequence[int]) -> None:
        await self._remember(await self._shared.committees(wanted))

    async def _remember(self, found: dict[int, Committee]) -> None:
        async def deed(conn: Conn) -> None:
            for committee in found.values():
                await votes.remember_committee(conn, committee)

        if found:
            await self._database.write(deed)
            self._shared.know(found)

    async def _survive(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except STORE_TROUBLE as error:
            log.warning("accounts and committees are not kept now: %s", trouble(error))


async def _identity(feed: Feed) -> Identity | None:
    try:
        return await feed.identity()
    except RpcError:
        return None  # it will be greeted when it answers
