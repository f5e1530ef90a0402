"""A bridge is idle while something waits at it and nothing grows less."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.server.stage import START_MS, HandClock, quiet_house, settings, until
from tests.stub_node import StubNode, served
from vedette.conflux.contracts import BRIDGE_INTEREST, BRIDGE_VOTES
from vedette.model.people import FIRST_TEAM
from vedette.server.bridges import EACH_MS, Seen
from vedette.server.settings import EndpointSetting, PoolSetting

POOL = "cfx:acdj1y1r00mzvuw9s831rj1t5amst2405jv582syu0"
BRIDGE = "cfx:acgx4fjs0knk1yfughrbyxgb3g1f0rgz82e7xnvm10"


class Node(StubNode):
    """One that knows a bridge, too."""

    waits: tuple[int, int] | None = (3, 0)

    def result(self, method: str, params: Any) -> Any:
        if method != "cfx_call":
            return super().result(method, params)
        if self.waits is None:
            raise KeyError(method)
        asked = params[0]["data"]
        assert params[0]["to"] == BRIDGE
        place = [f"0x{one.selector}" for one in (BRIDGE_VOTES, BRIDGE_INTEREST)].index(asked)
        return f"0x{self.waits[place]:064x}"


@pytest.mark.parametrize(
    ("votes", "interest", "works"),
    [(0, 0, True), (5, 9, False), (4, 9, True), (6, 8, True), (6, 9, False), (0, 9, True)],
)
def test_it_works_when_nothing_waits_or_less_of_something(votes: int, interest: int, works: bool) -> None:
    seen = Seen(5, 9, 100, 50).then(votes, interest, 200)
    assert seen == Seen(votes, interest, 200, 200 if works else 50)


async def test_what_waits_is_asked_of_its_contract(tmp_path: Path) -> None:
    node, clock, told = Node(committed=30), HandClock(), []
    async with served(node):
        given = settings(
            tmp_path,
            endpoints=(EndpointSetting("node", node.url),),
            pools=(PoolSetting("eSpace pool", POOL, BRIDGE),),
        )
        async with quiet_house(given, clock) as house:
            following = asyncio.create_task(house.follower.run())
            await until(lambda: house.follower.pow_now is not None)
            await until(lambda: any(one.lag_blocks == 0 for one in house.follower.health))
            for waits in ((3, 0), (3, 0), (3, 7), (0, 7), None, None, None):
                node.waits = waits
                await house.sights.look()
                async with house.database.read() as conn:
                    view = (await house.sights.views(conn, house.ears.now_ms()))[FIRST_TEAM]
                told.append(view.bridges[BRIDGE].synced_at_ms)
                clock.pass_ms(EACH_MS)
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
    assert view.bridges[BRIDGE].name == "eSpace pool"
    worked = START_MS + 3 * EACH_MS
    assert told == [START_MS, START_MS, START_MS, worked, worked, worked, None]
