"""A node made of a few lines: a PoS chain over JSON-RPC, with switches for what may go wrong.

python -m tests.stub_node PORT BLOCKS MEMBERS LATENCY_MS TERM   serves a long chain, for measurements.
"""

import asyncio
import hashlib
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from vedette.model.pos import PosAddress

TERM = 10
BLOCK_US = 1_000_000
START_US = 1_790_000_000_000_000


def person(number: int) -> PosAddress:
    """A validator's address."""
    return PosAddress(f"0x{number:064x}")


@dataclass
class StubNode:
    """Heights 1 (genesis) to `committed`; an epoch ends at a multiple of TERM, as on a real chain."""

    committed: int = 0
    members: Sequence[PosAddress] = (person(1), person(2), person(3))
    chain_id: int = 1234
    seed: str = "a"  # another seed, another chain
    seed_from: int = 0  # ... from this height on
    signs: Callable[[PosAddress, int], bool] = lambda _who, _height: True
    forgotten_below: int = 0
    batch_max: int | None = None
    latency_s: float = 0.0
    term: int = TERM
    broken: str = ""  # "down", "garbled", "slow"
    no_committees: bool = False
    answers: dict[str, Any] = field(default_factory=dict)  # method -> what to answer instead
    told: dict[tuple[str, str], Any] = field(default_factory=dict)  # method and first parameter -> the same
    asked: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def heights_asked(self) -> list[int]:
        return [int(params[0], 16) for method, params in self.asked if method == "pos_getBlockByNumber"]

    # --- the chain

    def hash(self, height: int) -> str:
        seed = self.seed if height >= self.seed_from else "a"
        return "0x" + hashlib.sha256(f"{seed}/{height}".encode()).hexdigest()

    def block(self, height: int) -> dict[str, Any] | None:
        if not 1 <= height <= self.committed or height < self.forgotten_below:
            return None
        genesis = height == 1
        return {
            "height": hex(height),
            "hash": "0x" + "00" * 32 if genesis else self.hash(height),
            "epoch": hex(0 if genesis else (height - 1) // self.term + 1),
            "round": hex(0 if genesis else (height - 1) % self.term + 1),
            "lastTxNumber": hex(height),
            "miner": None if genesis else self.members[height % len(self.members)],
            "parentHash": self.hash(height - 1),
            "pivotDecision": None if height % 2 else {"height": hex(height * 10), "blockHash": self.hash(0)},
            "timestamp": hex(0 if genesis else START_US + height * BLOCK_US),
            "signatures": [
                {"account": who, "votes": "0xa"}
                for who in self.members
                if not genesis and self.signs(who, height)
            ],
        }

    def epoch_state(self, epoch: int) -> dict[str, Any] | None:
        if self.no_committees or not 1 <= epoch <= (self.committed - 1) // self.term + 1:
            return None
        total = 10 * len(self.members)
        return {
            "epoch": hex(epoch),
            "vrfSeed": self.hash(epoch),
            "verifier": {
                "quorumVotingPower": hex(total * 2 // 3 + 1),
                "totalVotingPower": hex(total),
                "addressToValidatorInfo": {who: {"votingPower": "0xa"} for who in self.members},
            },
        }

    def account(self, address: str) -> dict[str, Any]:
        votes = "0xa" if address in self.members else "0x0"
        status = dict.fromkeys(("availableVotes", "locked"), votes) | dict.fromkeys(
            ("forfeited", "unlocked"), "0x0"
        )
        status_lists: dict[str, Any] = {"inQueue": [], "outQueue": [], "forceRetired": None}
        return {"address": address, "blockNumber": hex(self.committed), "status": status | status_lists}

    def lock(self, address: str) -> None:
        """The chain locks all its votes for a dispute (CIP-156), as in recorded replies."""
        told = self.account(address)
        leaving = [{"endBlockNumber": hex(self.committed + 518_400), "power": "0xa"}]
        told["status"] |= {"availableVotes": "0x0", "locked": "0x0", "outQueue": leaving}
        self.told["pos_getAccount", address] = told

    def status(self) -> dict[str, Any]:
        return {
            "epoch": hex((self.committed - 1) // self.term + 1),
            "latestCommitted": hex(self.committed),
            "latestVoted": None,
            "latestTxNumber": hex(self.committed),
            "pivotDecision": {"height": "0x3c", "blockHash": self.hash(0)},
        }

    def pow_status(self) -> dict[str, Any]:
        names = ("epochNumber", "latestState", "latestConfirmed", "latestFinalized", "latestCheckpoint")
        return dict.fromkeys((*names, "blockNumber", "pendingTxNumber"), "0x64") | {
            "chainId": hex(self.chain_id)
        }

    # --- the protocol

    def result(self, method: str, params: Sequence[Any]) -> Any:
        if method in self.answers:
            return self.answers[method]
        first = params[0] if params else None
        if (method, str(first)) in self.told:
            return self.told[method, str(first)]
        ways: dict[str, Callable[[], Any]] = {
            "pos_getStatus": self.status,
            "cfx_getStatus": self.pow_status,
            "pos_getBlockByNumber": lambda: self.block(int(str(first), 16)),
            "pos_getEpochState": lambda: self.epoch_state(int(str(first), 16)),
            "pos_getAccount": lambda: self.account(str(first)),
        }
        return ways[method]()

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        method, params = question["method"], question["params"]
        self.asked.append((method, tuple(params)))
        try:
            result = self.result(method, params)
        except KeyError:
            error = {"code": -32601, "message": "Method not found"}
            return {"jsonrpc": "2.0", "id": question["id"], "error": error}
        return {"jsonrpc": "2.0", "id": question["id"], "result": result}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        question = json.loads(await request.read())
        if self.broken == "slow":
            await asyncio.sleep(60)
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        if self.broken == "down":
            return web.Response(status=502, text="<html>bad gateway</html>")
        if self.broken == "garbled":
            return web.json_response({"jsonrpc": "2.0", "id": 1, "result": ["what"]})
        if isinstance(question, list) and self.batch_max is not None and len(question) > self.batch_max:
            error = {"code": -32005, "message": "batch too large"}
            return web.json_response({"jsonrpc": "2.0", "id": None, "error": error})
        if isinstance(question, list):
            return web.json_response([self.answer(each) for each in question])
        return web.json_response(self.answer(question))


@asynccontextmanager
async def served(*nodes: StubNode) -> AsyncIterator[None]:
    """The nodes answer on loopback, each on a free port of its own."""
    runners = []
    for node in nodes:
        app = web.Application(client_max_size=1 << 24)
        app.router.add_post("/", node.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", node.port)
        await site.start()
        node.port = runner.addresses[0][1]
    try:
        yield
    finally:
        for runner in runners:
            await runner.cleanup()


async def _serve_long_chain(port: int, blocks: int, members: int, latency_ms: int, term: int) -> None:
    node = StubNode(
        committed=blocks, members=[person(n) for n in range(1, members + 1)], term=term, port=port
    )
    node.latency_s = latency_ms / 1000
    async with served(node):
        sys.stdout.write(f"{node.url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve_long_chain(*(int(each) for each in sys.argv[1:6])))
