"""Where nodes report from. An address stays in memory until it changes; what is kept is the place."""

import asyncio
from functools import partial
from itertools import islice

from vedette.model.place import Place
from vedette.server.caller import Caller
from vedette.server.geo import Geo
from vedette.server.loops import Failures
from vedette.server.news import News
from vedette.store import registry
from vedette.store.database import Database
from vedette.store.nodes import AgentRow

FLUSH_S = 5
LOOK_ROUNDS = 12
"""The file is looked at once in so many rounds: each minute."""
AT_ONCE = 500
AGENTS_MAX = 20_000

Found = tuple[AgentRow, Place | None]


class Whereabouts:
    """Looks a node's place up when the address that it reports from is new."""

    def __init__(self, geo: Geo, database: Database, news: News) -> None:
        self.geo = geo
        self._database = database
        self._news = news
        self._callers: dict[str, Caller] = {}
        self._found: dict[str, Found] = {}

    def seen(self, agent: AgentRow, caller: Caller) -> None:
        """A report was taken from that address. Nearly always it is the one before."""
        if self._callers.get(agent.agent) == caller or not self.geo.is_open:
            return
        if len(self._callers) >= AGENTS_MAX:
            self._callers.clear()
        self._callers[agent.agent] = caller
        # A proxy's address tells nothing of the node.
        self._found[agent.node_id] = agent, None if caller.is_proxy else self.geo.place(caller.address)

    def forget(self, agent: str) -> None:
        self._callers.pop(agent, None)

    async def run(self, failures: Failures) -> None:
        while True:
            await failures.guard("whereabouts", self.flush)
            for _ in range(LOOK_ROUNDS):
                await asyncio.sleep(FLUSH_S)
                await failures.guard("whereabouts", self.flush)
            self.look()

    def look(self) -> None:
        """Take a changed file over; then every node is looked up again as it reports."""
        if self.geo.look():
            self._callers.clear()

    async def flush(self) -> None:
        """Keep the places that were found."""
        while self._found:
            batch = dict(islice(self._found.items(), AT_ONCE))
            places = {node_id: place for node_id, (_, place) in batch.items()}
            moved = await self._database.write(partial(registry.keep_places, places=places))
            for node_id, found in batch.items():
                if self._found.get(node_id) is found:  # else it was seen elsewhere meanwhile
                    del self._found[node_id]
            for node_id in moved:
                self._news.changed(node_id, batch[node_id][0].team_id)
