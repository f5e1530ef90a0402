"""The strips that we keep are what the nodes say: read again from their raw JSON, by no code of ours."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.whole.outside import ask
from vedette.devnet.net import Devnet
from vedette.devnet.options import DevnetOptions
from vedette.model.clock import MachineClock
from vedette.model.pos import PosAddress
from vedette.server.follower import Follower
from vedette.store import votes
from vedette.store.database import Database

pytestmark = pytest.mark.real

BLOCKS = 300
UNSETTLED = 3
PATIENCE_S = 600  # a busy machine makes blocks slowly; a quiet one needs two and a half minutes for all


@dataclass(frozen=True)
class At:
    name: str
    url: str


@pytest.fixture(scope="module")
def devnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devnet]:
    """Four validators with short rounds and terms: blocks come fast, committees change, votes get missed."""
    made = Devnet.create(
        tmp_path_factory.mktemp("strips") / "net", DevnetOptions(round_ms=400, term_rounds=20)
    )
    try:
        made.up()
        yield made
    finally:
        made.wipe()


def number(quantity: str) -> int:
    return int(quantity, 16)


class Truth:
    """What the nodes say of a window of blocks: the union of their signers, and who was to sign."""

    def __init__(self, urls: list[str], first: int, last: int) -> None:
        self.first = first
        self.blocks: list[dict[str, Any]] = []
        self.signers: list[set[str]] = []
        self.members: dict[int, set[str]] = {}
        for height in range(first, last + 1):
            told = [ask(url, "pos_getBlockByNumber", hex(height)) for url in urls]
            assert len({block["hash"] for block in told}) == 1
            self.blocks.append(told[0])
            self.signers.append({each["account"] for block in told for each in block["signatures"]})
        for epoch in {number(block["epoch"]) for block in self.blocks}:
            state = ask(urls[0], "pos_getEpochState", hex(epoch))
            self.members[epoch] = set(state["verifier"]["addressToValidatorInfo"])

    def letter(self, place: int, who: str) -> str:
        block, signers = self.blocks[place], self.signers[place]
        if who not in self.members[number(block["epoch"])]:
            return "-"
        if not signers:
            return "?"
        if who not in signers:
            return "a"
        return "l" if block["miner"] == who else "s"

    def strip(self, who: str) -> str:
        return "".join(self.letter(place, who) for place in range(len(self.blocks)))


def settled(urls: list[str]) -> int:
    return min(number(ask(url, "pos_getStatus")["latestCommitted"]) for url in urls) - UNSETTLED


async def wait_settled(urls: list[str], height: int, timeout_s: float) -> None:
    async with asyncio.timeout(timeout_s):
        while True:
            if await asyncio.to_thread(settled, urls) >= height:
                return
            await asyncio.sleep(0.5)


async def wait_read(follower: Follower, height: int) -> None:
    async with asyncio.timeout(60):
        while True:
            if follower.health and all((each.height or 0) >= height for each in follower.health):
                return
            await asyncio.sleep(0.1)


async def test_300_blocks_of_all_validators_are_what_the_nodes_say(devnet: Devnet, tmp_path: Path) -> None:
    nodes = devnet.nodes
    urls = [node.urls.local for node in nodes]
    database = await Database.open(str(tmp_path / "vedette.db"))
    follower = Follower(
        [At(f"node{node.index}", node.urls.local) for node in nodes], database, MachineClock()
    )
    task = asyncio.create_task(follower.run())
    try:
        await wait_settled(urls, 60, PATIENCE_S)
        await asyncio.to_thread(devnet.kill, 3)
        await wait_settled(urls[:3], 100, PATIENCE_S)  # validator 3 is absent from all of these
        await asyncio.to_thread(devnet.start, 3)
        await wait_settled(urls, BLOCKS + 10, PATIENCE_S)
        last = await asyncio.to_thread(settled, urls)
        await wait_read(follower, last)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    async with database.read() as conn:
        kept = await votes.recent(conn, 1000)
    await database.close()
    kept = votes.RecentVotes(kept.first, [block for block in kept.blocks if block.height <= last])
    truth = await asyncio.to_thread(Truth, urls, last - BLOCKS + 1, last)
    for node in nodes:
        assert votes.strip(kept, PosAddress(node.pos_address))[-BLOCKS:] == truth.strip(node.pos_address)
    victim = truth.strip(nodes[3].pos_address)
    assert "aaaaaaaaaa" in victim, "the test has seen no absence, and proves less than it says"
    assert victim[-20:].count("a") < 20, "and no return"
