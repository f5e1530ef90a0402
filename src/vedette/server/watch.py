"""Watches endpoints without an agent: each is a node of the team, and its rounds are the node's reports."""

import asyncio
import logging
import random
from collections.abc import Callable
from functools import partial
from typing import Final

import aiohttp

from vedette.conflux.rpc import open_session
from vedette.model.people import FIRST_TEAM
from vedette.server.batcher import patience_ms
from vedette.server.ears import Ears
from vedette.server.hosts import Hosts
from vedette.server.looker import Looker, Pauses, Round
from vedette.server.loops import Failures, again
from vedette.server.networks_data import NetworksData
from vedette.server.references import References
from vedette.server.settings import EndpointSetting, Settings
from vedette.store import endpoints as store
from vedette.store.database import Database
from vedette.store.endpoints import EndpointNode, Seen

log = logging.getLogger(__name__)

CUT_PLACES_MIN: Final = 3
"""When so many places or more are asked and none answers, it is our own line that is cut."""
CUT_MS_MAX: Final = 900_000
"""For so long a cut line excuses silence; after that somebody should look, whatever the reason."""
CUT: Final = "nothing at all answers: this server's own line may be cut"
REST_MS_MAX: Final = 3_600_000
DATA_EACH_MS: Final = 60_000


class Watch:
    """Every watched endpoint at its own pace; `on_seen` is told the node whose round is on disk now."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        ears: Ears,
        on_seen: Callable[[str, int], None],
        *,
        pauses: Pauses | None = None,
        each_ms: int | None = None,
    ) -> None:
        self._settings = settings
        self._database = database
        self._ears = ears
        self._on_seen = on_seen
        self._pauses = pauses or Pauses()
        self._each_ms = each_ms  # None: as many endpoints and their hosts bear
        self._hosts = Hosts(settings.endpoints, ears)
        self._heard: dict[str, int] = {}  # by URL, steady clock
        self._failing: set[str] = set()
        self._began_ms = ears.steady_ms()
        self.references = References(
            settings.followed, self._hosts, ears, public=settings.public_references, on_heard=self._hears
        )
        self.data = NetworksData(settings.networks_file)

    async def keep(self) -> None:
        """Make the settings' endpoints nodes of the team."""
        wanted = [EndpointNode(one.name, one.role or "rpc") for one in self._settings.watched]
        now = self._ears.now_ms()
        await self._database.write(
            partial(store.keep_endpoints, team_id=FIRST_TEAM, wanted=wanted, now_ms=now)
        )

    async def run(self, failures: Failures) -> None:
        """Watch until cancelled."""
        watched = self._settings.watched
        async with open_session() as session, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._doubt(failures), name="watch networks")
            if not watched:
                return
            for one in watched:
                self._hosts.expect(one.url)
            feed = partial(self.references.run, session, *([] if self._each_ms is None else [self._each_ms]))
            tasks.create_task(again("watch references", feed, failures))
            for one in watched:
                follow = partial(self._watch, one, session)
                tasks.create_task(again(f"watch {one.name}", follow, failures))

    # --- one endpoint

    async def _watch(self, one: EndpointSetting, session: aiohttp.ClientSession) -> None:
        looker = Looker(one, session, self._hosts, self.references, self._ears, self._pauses)
        await self.references.met.wait()
        # Spread over the interval, so that neither we nor a shared host has it all at once.
        await self._ears.sleep_ms(round(self._interval_ms(one) * random.random() / 2))  # noqa: S311
        while True:
            began = self._ears.steady_ms()
            found = await looker.round()
            interval = self._interval_ms(one)
            await self._keep(one, found, interval)
            rest_ms = max(interval - (self._ears.steady_ms() - began), interval // 10)
            await self._ears.sleep_ms(max(rest_ms, min(found.wait_ms, REST_MS_MAX)))

    def _interval_ms(self, one: EndpointSetting) -> int:
        if self._each_ms is not None:
            return self._each_ms
        return self._hosts.interval_ms(one.url, len(self._settings.watched))

    async def _keep(self, one: EndpointSetting, found: Round, interval: int) -> None:
        if found.heard:
            self._hears(one.url)
        cut = not found.heard and self._line_is_cut(interval)
        self._say(one, found, cut=cut)
        states = (
            {**found.states, "endpoint.state": "unknown", "endpoint.reason": CUT} if cut else found.states
        )
        numbers = {**found.numbers, "endpoint.interval_ms": interval}
        id_ = store.node_id(one.name)
        async with self._ears.hearing:
            now = self._ears.now_ms()
            wait_ms = min(found.wait_ms, REST_MS_MAX)
            due_at = now + patience_ms(max(interval, wait_ms)) if found.heard or cut else None
            seen = Seen(now, interval, numbers, states, now if found.heard else None, due_at)
            await self._database.write(lambda conn: store.witness_endpoint(conn, FIRST_TEAM, id_, seen))
        self._on_seen(id_, FIRST_TEAM)

    def _say(self, one: EndpointSetting, found: Round, *, cut: bool) -> None:
        """A failure is told once, and its end once."""
        if found.heard and one.name in self._failing:
            log.info("the endpoint %s answers again", one.name)
            self._failing.discard(one.name)
        elif not found.heard and one.name not in self._failing:
            self._failing.add(one.name)
            why = CUT if cut else found.states.get("endpoint.reason", "no reason is known")
            log.warning("the endpoint %s does not answer: %s", one.name, why)

    # --- is it us?

    def _hears(self, url: str) -> None:
        self._heard[url] = self._ears.steady_ms()

    def _line_is_cut(self, interval: int) -> bool:
        """Whether nobody at all answers, and not for too long yet."""
        places = {*self.references.urls, *(one.url for one in self._settings.watched)}
        silent_ms = self._ears.steady_ms() - max([self._began_ms, *self._heard.values()])
        return len(places) >= CUT_PLACES_MIN and interval * 3 // 2 < silent_ms < CUT_MS_MAX

    # --- the data about networks

    async def _doubt(self, failures: Failures) -> None:
        async def look() -> None:
            self.data.look(self._ears.now_ms(), self.references.versions())

        while True:
            await failures.guard("watch networks", look)
            await self._ears.sleep_ms(DATA_EACH_MS)
