"""Reads the PoS chain from its endpoints into the store: blocks with signers, committees, accounts.

Each endpoint is a witness of its own and reads every settled block, since its list of signers may differ from
its neighbour's (feed.py): the chain's end first, then what people ask for first (chores.py), then the past,
newest first. What to do next is decided by pure functions (follow_plan.py, chore_plan.py).
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from vedette.conflux.pos import FIRST_HEIGHT
from vedette.conflux.rpc import Rpc, open_session
from vedette.conflux.wire import Call, RpcError, Unreachable
from vedette.model.clock import Clock
from vedette.model.pos import PosAddress, PowStatus
from vedette.server import follow_plan as plan
from vedette.server.chore_plan import Pulse, blocks_per_s, eta_s
from vedette.server.chores import Chores, Judged, Pace
from vedette.server.feed import Endpoint, EndpointHealth, Feed, Shared, Told, rate_of
from vedette.server.follow_plan import Identity
from vedette.store import chain, votes
from vedette.store.database import Database

EPOCH_MAX: Final = 2**62
PULSE_MS: Final = 2_000
PULSES: Final = 60
EARLY: Final = 4
"""So much more rarely the PoW chain is asked about until the newest PoS epochs are read."""
NEW_BLOCKS_MAX: Final = 1_000
"""More unread blocks than a pulse ago by this many are not new ones: it is another endpoint's past."""


@dataclass(frozen=True, slots=True)
class HistoryProgress:
    """How far the past of the PoS chain is read; None: not known yet."""

    unread_blocks: int | None
    settled_blocks: int | None
    blocks_per_s: float | None
    eta_s: int | None


@dataclass(frozen=True, slots=True)
class PowNow:
    """The newest word about the PoW chain."""

    status: PowStatus
    at_ms: int
    endpoint: str


class Follower:
    """Follows the chain until cancelled.

    `on_blocks` is told, after their commit, the heights that are new or gained signers; past ones too, while
    the past is being read. It may be a coroutine function. `on_accounts` is told, likewise, the accounts that
    changed; `judged` says whose are asked about at each new block, besides those whom the store says are
    watched.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        database: Database,
        clock: Clock,
        *,
        on_blocks: Told = lambda _: None,
        on_accounts: Callable[[Collection[PosAddress]], None] = lambda _: None,
        judged: Callable[[], Judged] = Judged,
        pace: Pace | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._endpoints = tuple(endpoints)
        self._database = database
        self._clock = clock
        self._pace = pace or Pace()
        self._jitter = jitter
        self._shared = Shared(database, clock, on_blocks)
        self._chores = Chores(self._shared, self._pace, on_accounts, judged)
        self._pulses: deque[Pulse] = deque(maxlen=PULSES)
        self.pow_now: PowNow | None = None

    @property
    def health(self) -> list[EndpointHealth]:
        """One entry for each endpoint, in the order of the settings."""
        return [feed.health for feed in self._shared.feeds]

    @property
    def committed_height(self) -> int | None:
        """The newest block that most healthy endpoints have committed; None while there is none."""
        return self._shared.committed or None

    @property
    def progress(self) -> HistoryProgress:
        """How far the past is read from the endpoint that was read furthest."""
        pulses = tuple(self._pulses)
        unread = pulses[-1].unread if pulses else None
        return HistoryProgress(
            unread_blocks=unread,
            settled_blocks=max((feed.settled_blocks for feed in self._shared.healthy()), default=None),
            blocks_per_s=blocks_per_s(pulses),
            eta_s=eta_s(pulses),
        )

    async def first_asked(self) -> None:
        """Wait until what people see first was asked for: nothing else is worth a gateway's budget before."""
        await self._shared.first_asked.wait()

    async def ask(self, calls: Sequence[Call]) -> list[Any | RpcError]:
        """What the first endpoint says that is not behind and answers at all. Raises Unreachable."""
        for feed in self._shared.current():
            answers = await feed.ask(calls)
            if not any(isinstance(one, Unreachable) for one in answers):
                return answers
        raise Unreachable("no endpoint answers now")

    async def run(self) -> None:
        """Follow all endpoints until cancelled."""
        async with open_session() as session:
            self._shared.feeds = [
                Feed(
                    each,
                    Rpc(
                        each.url,
                        session=session,
                        calls_per_s=rate_of(each),
                        clock=self._clock,
                        headers=each.headers,
                    ),
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
                tasks.create_task(self._watch_progress(), name="follow progress")
                tasks.create_task(self._chores.first(), name="follow first")
                for name, loop in self._chores.loops().items():
                    tasks.create_task(loop, name=f"follow {name}")

    async def _begin(self) -> None:
        """Learn what the store knows, and agree on the chain to follow."""
        async with self._database.read() as conn:
            self._shared.know(await votes.known_epochs(conn, 0, EPOCH_MAX))
            stored = (await chain.hashes(conn, FIRST_HEIGHT, FIRST_HEIGHT)).get(FIRST_HEIGHT)
            chain_id = await chain.chain_id(conn)
        answers = await asyncio.gather(*(_identity(feed) for feed in self._shared.feeds))
        told = [each for each in answers if each and chain_id in {None, each.chain_id}]
        identity = plan.elect(told, stored)
        if identity is not None:
            await self._database.write(partial(chain.remember_chain_id, number=identity.chain_id))
        elif chain_id is not None:
            identity = Identity(chain_id, stored)
        self._shared.identity = identity

    async def _watch_progress(self) -> None:
        """Take the pulse of reading the past; a restart of the count (a new endpoint) begins anew."""
        await self._shared.first_asked.wait()  # until then other things are asked, and there is no pace yet
        while True:
            unread = min((feed.unread_blocks for feed in self._shared.healthy()), default=None)
            if unread is not None:
                if self._pulses and unread > self._pulses[-1].unread + NEW_BLOCKS_MAX:
                    self._pulses.clear()
                self._pulses.append(Pulse(self._clock.steady_ms(), unread))
            await self._clock.sleep_ms(PULSE_MS)

    # --- what does not come with the blocks

    async def _watch_pow(self) -> None:
        while True:
            found = await self._ask_pow()
            self.pow_now = found or self.pow_now
            # What comes first wants all that a gateway gives.
            early = 1 if self._shared.recent_is_read() else EARLY
            await self._clock.sleep_ms(self._pace.pow_ms * early if found else self._pace.look_ms)

    async def _ask_pow(self) -> PowNow | None:
        for feed in self._shared.healthy():
            try:
                return PowNow(await feed.pow_status(), self._clock.now_ms(), feed.name)
            except RpcError:
                continue  # the feed's own loop tells what is wrong with it
        return None


async def _identity(feed: Feed) -> Identity | None:
    try:
        return await feed.identity()
    except RpcError:
        return None  # it will be greeted when it answers
