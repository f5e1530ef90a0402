"""An endpoint that stands still, tells of another chain or fails is named, and no validator is accused."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.server.stage import HandClock, quiet_house, settings
from tests.server.stage import until as wait_until
from tests.stub_node import StubNode, person, served
from vedette.model.incident import Incident
from vedette.model.people import FIRST_TEAM
from vedette.server.house import House
from vedette.server.settings import EndpointSetting
from vedette.store import incidents, people

MINUTE_MS = 60_000
FAULTS: dict[str, Callable[[StubNode], object]] = {
    "stuck": lambda node: setattr(node, "answers", {"pos_getStatus": node.status()}),
    "another chain": lambda node: setattr(node, "seed", "b"),
    "502": lambda node: setattr(node, "broken", "down"),
}


async def _standing(house: House) -> list[Incident]:
    async with house.database.read() as conn:
        return await incidents.unresolved(conn)


def _all_read(house: House) -> bool:
    health = house.follower.health
    return bool(health) and all(one.lag_blocks == 0 for one in health)


def _seen(house: House, fault: str) -> bool:
    """Whether the follower knows what is wrong."""
    bad = next(one for one in house.follower.health if one.name == "bad")
    good = [one for one in house.follower.health if one.name != "bad"]
    if not all(one.lag_blocks == 0 and (one.committed_height or 0) >= 120 for one in good):
        return False
    return bad.error is None if fault == "stuck" else bad.error is not None


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_bad_endpoint_among_three_is_named_and_nobody_is_accused(tmp_path: Path, fault: str) -> None:
    nodes = {name: StubNode(committed=60) for name in ("one", "bad", "two")}
    async with served(*nodes.values()):
        asked = tuple(EndpointSetting(name, node.url) for name, node in nodes.items())
        clock = HandClock()
        async with quiet_house(settings(tmp_path, endpoints=asked), clock) as house:
            await house.database.write(lambda conn: people.watch(conn, FIRST_TEAM, [person(1)]))
            following = asyncio.create_task(house.follower.run())
            await wait_until(lambda: _all_read(house))
            FAULTS[fault](nodes["bad"])
            for node in nodes.values():
                node.committed = 120
            if fault == "another chain":
                nodes["bad"].committed = 50  # it was set up anew: its height goes back
            await wait_until(lambda: _seen(house, fault))
            for _ in range(12):
                await house.judge.round()
                clock.pass_ms(MINUTE_MS)
            found = await _standing(house)
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
    # The stub's epochs ended long ago by its blocks, and it pays nothing for them.
    told = [one for one in found if one.told_at_ms is not None and one.rule != "reward_missing"]
    assert [one.key for one in told] == ["source_bad/bad"]
    assert not any(one.rule in {"absent_votes", "network_participation"} for one in found)
