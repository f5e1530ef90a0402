"""How fast the past of the PoS chain is read into the store: blocks a second, each with all its signers.

A stub node in a process of its own answers at once; the follower, its folding and summing, and its SQLite
file are the real ones. MEMBERS (60, as on mainnet), EPOCH_BLOCKS (120), BLOCKS and WITNESSES in the
environment change the load. The second run has 100 ms of latency before each answer.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import uvloop

from bench.machine import print_figures
from vedette.model.clock import MachineClock
from vedette.server.follower import Follower
from vedette.store.database import Database

BLOCKS = int(os.environ.get("BLOCKS", "12000"))
MEMBERS = int(os.environ.get("MEMBERS", "60"))
EPOCH_BLOCKS = int(os.environ.get("EPOCH_BLOCKS", "120"))
WITNESSES = int(os.environ.get("WITNESSES", "1"))
SECONDS_MAX = 600


@dataclass(frozen=True)
class At:
    name: str
    url: str
    calls_per_s: float | None = None
    headers: None = None


@dataclass(frozen=True)
class Cost:
    """Of reading so many blocks once from each witness."""

    blocks: int
    wall_s: float
    cpu_s: float

    @property
    def per_s(self) -> int:
        return round(self.blocks / self.wall_s)

    @property
    def per_cpu_s(self) -> int:
        return round(self.blocks / self.cpu_s)


@contextmanager
def stub(blocks: int, latency_ms: int) -> Iterator[str]:
    """A node's URL, in a process of its own."""
    arguments = [str(each) for each in (0, blocks, MEMBERS, latency_ms, EPOCH_BLOCKS)]
    command = [sys.executable, "-m", "tests.stub_node", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


async def back_fill(url: str, folder: Path) -> Cost:
    """Read the node's whole chain into a new database."""
    database = await Database.open(str(folder / "vedette.db"))
    follower = Follower([At(f"n{n}", url) for n in range(WITNESSES)], database, MachineClock())
    wall, cpu = time.perf_counter(), time.process_time()
    task = asyncio.create_task(follower.run())
    async with asyncio.timeout(SECONDS_MAX):
        while True:
            await asyncio.sleep(0.02)
            if follower.health and all(each.lag_blocks == 0 for each in follower.health):
                break
    blocks = WITNESSES * (follower.health[0].height or 0)
    cost = Cost(blocks, time.perf_counter() - wall, time.process_time() - cpu)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await database.close()
    return cost


def measured(blocks: int, latency_ms: int) -> Cost:
    with stub(blocks, latency_ms) as url, tempfile.TemporaryDirectory() as folder:
        return uvloop.run(back_fill(url, Path(folder)))


def main() -> None:
    near, far = measured(BLOCKS, 0), measured(BLOCKS, 100)
    print_figures(
        {
            "blocks": near.blocks,
            "members": MEMBERS,
            "witnesses": WITNESSES,
            "blocks_per_s": near.per_s,
            "blocks_per_cpu_s": near.per_cpu_s,
            "blocks_per_s_at_100ms": far.per_s,
            "slowdown_at_100ms": round(near.per_s / far.per_s, 2),
        }
    )


if __name__ == "__main__":
    main()
