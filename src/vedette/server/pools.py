"""Looks at the staking pools once in a while: those that networks.toml knows, and those of the settings.

Each look asks a pool no more than it could tell before; what hardly changes is asked for each six hours. All
of it is asked through the follower's endpoints, after what people see first, and within their budgets.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from vedette.conflux import networks
from vedette.conflux import pools as craft
from vedette.conflux.address import decode, simple
from vedette.conflux.pools import SELDOM, Answers, Subject
from vedette.conflux.wire import Unreachable
from vedette.model.pool import PoolReading
from vedette.server.ears import Ears
from vedette.server.follower import Follower
from vedette.server.loops import Failures
from vedette.server.settings import PoolSetting
from vedette.store import pools
from vedette.store.database import Database

log = logging.getLogger(__name__)

SELDOM_LOOKS: Final = 36
"""So many looks lie between two questions for what hardly changes: six hours."""
UNSETTLED_LOOKS: Final = 6
"""... and an hour's worth while it is not known which validator is the pool's: it may yet register."""
RETRY_MS: Final = 60_000
"""A pool about which nobody answered is looked at again after so long."""
STARTING_MS: Final = 1_000


@dataclass(slots=True)
class _Looked:
    """What the last look at everything of one pool found."""

    looks: int
    seldom: Answers
    lacking: tuple[str, ...] = ()

    @property
    def is_stale(self) -> bool:
        settled = craft.identity(self.seldom) is not None
        return self.looks >= (SELDOM_LOOKS if settled else UNSETTLED_LOOKS)


class Pools:
    """Looks at each pool; `round` is one look at all of them."""

    def __init__(
        self,
        given: Sequence[PoolSetting],
        each_ms: int,
        follower: Follower,
        database: Database,
        ears: Ears,
    ) -> None:
        self._given = given
        self._each_ms = each_ms
        self._follower = follower
        self._database = database
        self._ears = ears
        self._listed: dict[str, str] | None = None
        self._looked: dict[str, _Looked] = {}
        self._pause_ms = each_ms
        self._troubles: dict[str, str] = {}  # told in the log already

    async def run(self, failures: Failures) -> None:
        await self._follower.first_asked()
        while self._follower.pow_now is None:
            await self._ears.sleep_ms(STARTING_MS)
        while True:
            self._pause_ms = min(RETRY_MS, self._each_ms)  # unless the round ends well
            await failures.guard("pools", self.round)
            await self._ears.sleep_ms(self._pause_ms)

    async def round(self) -> None:
        """Look at every pool of the chain that is followed; soon again if one of them was not heard of."""
        now = self._follower.pow_now
        if now is None:
            return
        chain_id = now.status.chain_id
        names = listed(chain_id, self._given)
        if names != self._listed:
            await self._list(names, chain_id)
        heard = [await self._look(contract) for contract in names if decode(contract).network_id == chain_id]
        if all(heard):
            self._pause_ms = self._each_ms

    async def _list(self, names: dict[str, str], chain_id: int) -> None:
        now_ms = self._ears.now_ms()
        await self._database.write(lambda conn: pools.list_pools(conn, names, now_ms))
        self._listed = names
        for contract in names:
            network_id = decode(contract).network_id
            if network_id != chain_id:
                await self._tell(contract, f"its address is of network {network_id}, and ours is {chain_id}")

    async def _look(self, contract: str) -> bool:
        """One look at one pool; False if nobody answered."""
        try:
            told = await self._read(contract)
        except Unreachable as error:
            log.debug("the pool %s was not looked at: %s", contract, error)
            return False
        now_ms = self._ears.now_ms()
        await self._database.write(lambda conn: pools.remember_pool(conn, told, now_ms))
        if told.trouble:
            self._log(contract, told.trouble)
        return True

    async def _read(self, contract: str) -> PoolReading:
        """Raises Unreachable."""
        looked = self._looked.get(contract)
        if looked is None or looked.is_stale:
            self._looked.pop(contract, None)
            return await self._read_all(contract)
        subject = Subject(contract, craft.identity(looked.seldom))
        asked = craft.brief(subject, looked.lacking)
        often = craft.answers(asked, await self._follower.ask([each.call(subject) for each in asked]))
        looked.looks += 1
        known = replace(often, lacking=(*looked.lacking, *often.lacking))
        return craft.reading(subject, looked.seldom, known)

    async def _read_all(self, contract: str) -> PoolReading:
        alone = Subject(contract)
        replies = await self._follower.ask([each.call(alone) for each in SELDOM])
        seldom = craft.answers(SELDOM, replies)
        subject = Subject(contract, craft.identity(seldom))
        asked = craft.brief(subject)
        often = craft.answers(asked, await self._follower.ask([each.call(subject) for each in asked]))
        if seldom.refusal is None and often.refusal is None:
            self._looked[contract] = _Looked(1, seldom, often.lacking)
        return craft.reading(subject, seldom, often)

    async def _tell(self, contract: str, trouble: str) -> None:
        await self._database.write(lambda conn: pools.note_trouble(conn, contract, trouble))
        self._log(contract, trouble)

    def _log(self, contract: str, trouble: str) -> None:
        if self._troubles.get(contract) != trouble:
            self._troubles[contract] = trouble
            log.info("pool %s: %s", contract, trouble)


def listed(chain_id: int, given: Sequence[PoolSetting]) -> dict[str, str]:
    """The pools to look at, by contract (base32, simple form): the settings' names stand before ours."""
    network = networks.network(chain_id)
    known = {simple(one.contract): one.name for one in network.pools} if network else {}
    return known | {one.contract: one.name for one in given}
