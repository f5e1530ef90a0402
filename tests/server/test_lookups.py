"""An address that nobody has seen is asked for once, and shown from then on if the chain knows it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.server.conftest import Api
from tests.server.stage import client, served, settings
from tests.stub_node import StubNode, person
from tests.stub_node import served as nodes_served
from vedette.model.pos import PosAddress
from vedette.server import asking, lookups
from vedette.server.settings import EndpointSetting
from vedette.store import people, stakes
from vedette.store.database import Database

pytestmark = pytest.mark.slow  # starts a server each

STRANGER, NOBODY = PosAddress("0x" + "ab" * 32), PosAddress("0x" + "cd" * 32)


@dataclass
class StakeNode(StubNode):
    """A chain with stakes outside of the committee."""

    strangers: tuple[PosAddress, ...] = (STRANGER,)

    def account(self, address: str) -> dict[str, Any]:
        told = super().account(address)
        if address in self.strangers:
            told["status"] |= {"availableVotes": "0x7", "locked": "0x7"}
        return told

    def times(self, address: str) -> int:
        return self.asked.count(("pos_getAccount", (address,)))


@asynccontextmanager
async def reading(tmp_path: Path, node: StakeNode) -> AsyncIterator[Api]:
    """A server that has read the newest blocks, and watches nobody."""
    async with nodes_served(node):
        wanted = settings(tmp_path, endpoints=(EndpointSetting("stub", node.url),), watch=())
        async with served(wanted) as (house, url), client() as http:
            api = Api(house, url, http)
            await stakes_seen(house.database)
            yield api


async def stakes_seen(database: Database) -> None:
    """Until everybody's stake was asked for: from here on that happens as an epoch ends."""
    async with asyncio.timeout(30):
        while True:
            async with database.read() as conn:
                if await stakes.first_staked_epoch(conn) is not None:
                    return
            await asyncio.sleep(0.05)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110  what is waited for tells nobody
            await asyncio.sleep(0.05)


async def listed(api: Api) -> set[str]:
    return {one["address"] for one in (await api.get("/validators"))["validators"]}


async def test_an_address_that_the_chain_knows_is_shown_from_then_on(tmp_path: Path) -> None:
    node = StakeNode(committed=33)
    async with reading(tmp_path, node) as api:
        status, line = await api.problem(f"/validators/{STRANGER}")
        assert (status, "look=true" in line, node.times(STRANGER)) == (404, True, 0)
        loud = f"0x{STRANGER[2:].upper()}"
        ways = [
            f"/validators/{STRANGER}?look=1",
            f"/validators/{loud}?look=true",
            f"/validators/{STRANGER}?look=1",
        ]
        for told in await asyncio.gather(*(api.get(way) for way in ways)):
            assert told["address"] == STRANGER
            assert (told["stake"]["available_votes"], told["stake"]["states"]) == (7, ["active"])
        assert node.times(STRANGER) == 1
        assert (await api.get(f"/validators/{STRANGER}"))["stake"]["locked_votes"] == 7
        assert (await api.get(f"/validators/{STRANGER}/outlook"))["height"] > 1
        assert STRANGER in await listed(api)
        async with api.house.database.read() as conn:
            assert STRANGER not in await people.watched(conn), "only the watched are asked for each minute"
        await api.get(f"/validators/{STRANGER}?look=1")
        assert node.times(STRANGER) == 1, "who is known is asked for as an epoch ends, and not before"
        node.committed += 10
        await until(lambda: node.times(STRANGER) == 2)


async def test_an_address_that_no_chain_knows_is_said_and_not_kept(tmp_path: Path) -> None:
    node = StakeNode(committed=33)
    async with reading(tmp_path, node) as api:
        for _ in range(3):
            status, line = await api.problem(f"/validators/{NOBODY}?look=1")
            assert (status, line.split(".")[0]) == (404, "There is no such account on this chain")
        assert node.times(NOBODY) == 1
        assert NOBODY not in await listed(api)
        assert (await api.problem("/validators/0xab?look=1"))[0] == 422


async def test_an_endpoint_that_does_not_tell_is_no_denial(tmp_path: Path) -> None:
    node = StakeNode(committed=33)
    async with reading(tmp_path, node) as api:
        node.answers["pos_getAccount"] = node.account(NOBODY)  # of somebody else
        status, line = await api.problem(f"/validators/{STRANGER}?look=1")
        assert (status, line.split(";")[0]) == (503, "No endpoint tells now whether there is such an account")
        del node.answers["pos_getAccount"]
        node.broken = "down"
        assert (await api.problem(f"/validators/{STRANGER}?look=1"))[0] == 503
        node.broken = ""
        async with asyncio.timeout(30):
            while (await api.raw(f"/validators/{STRANGER}?look=1"))[0] != 200:  # noqa: ASYNC110  as below
                await asyncio.sleep(0.2)


async def test_who_looks_up_too_much_is_told_when_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "CALLS_PER_MIN", 2.0)
    node = StakeNode(committed=33)
    async with reading(tmp_path, node) as api:
        for number in (77, 78):
            assert (await api.problem(f"/validators/{person(number)}?look=1"))[0] == 404
        status, headers, body = await api.raw(f"/validators/{person(79)}?look=1")
        assert status == 429
        assert 0 < int(headers["retry-after"]) <= 30
        assert f"try again in {headers['retry-after']} s" in body.decode()
        assert node.times(person(79)) == 0
        assert (await api.get(f"/validators/{person(1)}?look=1"))["address"] == person(1), "it is known"


async def test_there_is_room_for_so_many_that_never_vote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "IDLE_MAX", 2)
    node = StakeNode(committed=33, strangers=(person(77), person(78), person(79)))
    async with reading(tmp_path, node) as api:
        for number in (77, 78):
            await api.get(f"/validators/{person(number)}?look=1")
        status, line = await api.problem(f"/validators/{person(79)}?look=1")
        assert status == 503
        assert "name this one under `watch` in the settings" in line
        assert person(79) not in await listed(api)
