"""Bridges of eSpace pools: whether what waits at them is carried over.

A bridge's contract in Core Space tells how many votes wait in eSpace to be staked, and how much interest
waits to be carried back; the service that empties both looks each few minutes. While something waits and
nothing of it grows less, the bridge is idle. When it last worked before our first look is not known: it is
taken to have worked then. Source: CoreBridge.sol of conflux-fans/pos-pool.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from vedette.conflux.contracts import BRIDGE_INTEREST, BRIDGE_VOTES
from vedette.conflux.wire import RpcError
from vedette.model.view import BridgeView
from vedette.server.follower import Follower
from vedette.server.settings import PoolSetting

log = logging.getLogger(__name__)

EACH_MS: Final = 300_000
OLD_MS: Final = 3 * EACH_MS
ASKED: Final = (BRIDGE_VOTES, BRIDGE_INTEREST)


@dataclass(frozen=True, slots=True)
class Seen:
    """One look: what waits, when it was seen, and when the bridge was last seen to work."""

    votes: int
    interest_drip: int
    at_ms: int
    worked_at_ms: int

    def then(self, votes: int, interest_drip: int, now_ms: int) -> "Seen":
        """The next look. It worked since if nothing waits, or less of something."""
        works = not (votes or interest_drip) or votes < self.votes or interest_drip < self.interest_drip
        return Seen(votes, interest_drip, now_ms, now_ms if works else self.worked_at_ms)


class Bridges:
    """Looks at each bridge of the settings, once in a while."""

    def __init__(self, given: Sequence[PoolSetting], follower: Follower) -> None:
        self._names = {one.bridge: one.name for one in given if one.bridge is not None}
        self._follower = follower
        self._seen: dict[str, Seen] = {}
        self._looked_at_ms: int | None = None

    async def look(self, now_ms: int) -> None:
        """Ask, if that is due. A bridge that does not tell is not known after a while."""
        last = self._looked_at_ms
        if not self._names or (last is not None and 0 <= now_ms - last < EACH_MS):
            return
        self._looked_at_ms = now_ms
        for contract in self._names:
            try:
                votes, interest = await self._ask(contract)
            except RpcError as error:
                log.info("the bridge %s does not tell what waits: %s", contract, error)
                continue
            before = self._seen.get(contract) or Seen(votes, interest, now_ms, now_ms)
            self._seen[contract] = before.then(votes, interest, now_ms)

    async def _ask(self, contract: str) -> tuple[int, int]:
        """Raises RpcError."""
        answers = await self._follower.ask([one.call(contract) for one in ASKED])
        votes, interest = (_told(answer) for answer in answers)
        return BRIDGE_VOTES.read(votes), BRIDGE_INTEREST.read(interest)

    def views(self, now_ms: int) -> Mapping[str, BridgeView]:
        """As the rules see them."""
        return {
            contract: BridgeView(contract, name, self._worked_at_ms(contract, now_ms))
            for contract, name in self._names.items()
        }

    def _worked_at_ms(self, contract: str, now_ms: int) -> int | None:
        seen = self._seen.get(contract)
        return seen.worked_at_ms if seen is not None and now_ms - seen.at_ms < OLD_MS else None


def _told(answer: Any | RpcError) -> Any:
    if isinstance(answer, RpcError):
        raise answer
    return answer
