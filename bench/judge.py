"""What a round of the judge costs with many nodes and 300 validators, and how soon a death is told.

A whole house on SQLite, in this process: its loops are turned by hand, but for the judge's own. For each size
the round is measured ROUNDS times (default 10); then DEATHS nodes (default 10) die at random moments while
the judge keeps its own pace, and the time from each agent's word to the message in a channel is taken.
"""

import asyncio
import os
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from hashlib import sha256
from pathlib import Path

import uvloop

from bench.ingest import COUNTERS, GAUGES, HEALTHY, PROBES, RATIOS, STATES
from bench.machine import print_figures, rss_mb
from vedette.model.clock import MachineClock
from vedette.model.election import TERMS_SERVING, CommitteeNow, Election
from vedette.model.people import FIRST_TEAM
from vedette.model.pos import Account, Committee, PosAddress, PosBlock
from vedette.model.report import PROTOCOL, Envelope, Live
from vedette.model.spans import Span
from vedette.notify.text import Message
from vedette.server import house as houses
from vedette.server.ears import Ears
from vedette.server.house import House
from vedette.server.loops import heartbeat
from vedette.server.settings import AccountSetting, Settings
from vedette.store import accounts, elections, epochs, nodes, people, summing, votes
from vedette.store.database import Conn, Database
from vedette.store.nodes import Delivery

SIZES = tuple(int(size) for size in os.environ.get("SIZES", "1000,5000").split(","))
ROUNDS = int(os.environ.get("ROUNDS", "10"))
DEATHS = int(os.environ.get("DEATHS", "10"))
VALIDATORS, TERM_BLOCKS, EPOCHS = 300, 120, 25
NUMBERS = dict.fromkeys([*COUNTERS, *GAUGES, *RATIOS, *PROBES], 12_345_678.0)
HOUR_MS = 3_600_000


class Ear:
    """A channel that notes when it was told."""

    name = "ear"

    def __init__(self) -> None:
        self.told: asyncio.Queue[tuple[str, float]] = asyncio.Queue()

    async def send(self, message: Message) -> None:
        self.told.put_nowait((str(message.incident["key"]), time.perf_counter()))

    async def close(self) -> None:
        pass


def address(number: int) -> PosAddress:
    return PosAddress("0x" + sha256(f"validator {number}".encode()).hexdigest())


async def fill(database: Database, count: int, now_ms: int) -> list[tuple[str, str]]:
    """Nodes that tell as much as real ones, and a day of a chain of 300 validators, all of them watched."""
    who = [address(number) for number in range(VALIDATORS)]
    await database.write(lambda conn: people.watch(conn, FIRST_TEAM, who))
    for epoch in range(1, EPOCHS + 1):
        await database.write(partial(_epoch, epoch=epoch, who=who, now_ms=now_ms))
    while await database.write(lambda conn: epochs.fold(conn, 8)):
        pass
    await summing.refresh(database)
    held = [Account(one, 2, 9, 9, (), (), 0, 0, None) for one in who]
    await database.write(lambda conn: accounts.remember_accounts(conn, held, now_ms))
    return [await database.write(partial(_node, number=n, now_ms=now_ms)) for n in range(count)]


async def _epoch(conn: Conn, epoch: int, who: list[PosAddress], now_ms: int) -> None:
    await votes.remember_committee(conn, Committee(epoch, 201, 300, dict.fromkeys(who, 1)))
    first = max(2, (epoch - 1) * TERM_BLOCKS + 1)
    last = epoch * TERM_BLOCKS - (10 if epoch == EPOCHS else 0)
    began_us = (now_ms - 25 * HOUR_MS) * 1000
    blocks = [
        PosBlock(
            height=height,
            hash="0x" + sha256(str(height).encode()).hexdigest(),
            epoch=epoch,
            round=height - first + 1,
            at_us=began_us + height * 30_000_000,
            proposer=who[height % VALIDATORS],
            pivot_height=None,
            last_tx_number=height,
            signers={one: 1 for one in who if (hash(one) + height) % 50},
        )
        for height in range(first, last + 1)
    ]
    await votes.witness_blocks(conn, "bench", blocks, Span(first, last))
    await _election(conn, epoch, who, now_ms)


async def _election(conn: Conn, epoch: int, who: list[PosAddress], now_ms: int) -> None:
    """Fifty of them win a seat in each term, in turn."""
    if epoch < TERMS_SERVING:
        return
    terms = [
        Election(term * TERM_BLOCKS, term == epoch, dict.fromkeys(who[term % 6 :: 6], 1))
        for term in (epoch, epoch + 1)
    ]
    await elections.remember_candidates(conn, epoch, who)
    acting = Committee(epoch, 201, 300, dict.fromkeys(who, 1))
    await elections.remember_elections(conn, CommitteeNow(acting, tuple(terms)), now_ms)


async def _node(conn: Conn, number: int, now_ms: int) -> tuple[str, str]:
    public = sha256(f"node {number}".encode()).hexdigest()
    node_id = await nodes.enroll(conn, FIRST_TEAM, public, f"node-{number}", "full", now_ms)
    agent = nodes.agent_id(bytes.fromhex(public))
    await nodes.witness_reports(conn, [told(node_id, agent, number, now_ms)])
    return node_id, agent


def told(
    node_id: str, agent: str, number: int, now_ms: int, states: Mapping[str, str] | None = None
) -> Delivery:
    own = {"node.pos_address": address(number)} if number < VALIDATORS else {}
    died_ms = None if states is None else now_ms
    live = Live(now_ms, NUMBERS | HEALTHY, {**STATES, **own, **(states or {})}, died_at_ms=died_ms)
    envelope = Envelope(PROTOCOL, agent, "bench001", now_ms, 10_000, live, [])
    return Delivery(node_id, FIRST_TEAM, envelope, now_ms, now_ms + HOUR_MS)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[House, Ear]]:
    given = Settings(
        database=str(folder / "bench.db"),
        port=0,
        accounts=AccountSetting(password_memory_kib=32, password_rounds=1),
        key_file=folder / "keys",
    )
    clock, ear = MachineClock(), Ear()
    database = await Database.open(given.database)
    ears = Ears(clock, database)
    await ears.wake()
    try:
        yield houses.build(given, clock, database, ears, {"ear": ear}, "bench-token"), ear
    finally:
        await database.close()


async def look(house: House) -> float | None:
    """What is looked at beside the rounds: milliseconds. None: this version has no such thing."""
    if not hasattr(house, "sights"):
        return None
    began = time.perf_counter()
    await house.sights.look()
    return 1000 * (time.perf_counter() - began)


async def one_death(house: House, ear: Ear, node: tuple[str, str], number: int) -> float:
    """Seconds until it was told. The node is back then: ten that stay dead would be told as one."""
    await asyncio.sleep(random.random() * 5)
    began, now_ms = time.perf_counter(), house.ears.now_ms()
    dead = told(*node, number, now_ms, {"process.state": "gone"})
    await house.database.write(lambda conn: nodes.witness_reports(conn, [dead]))
    house.judge.wake.set()
    key = None
    while key != f"node_down/{node[0]}":
        key, at_s = await asyncio.wait_for(ear.told.get(), 60)
    back = told(*node, number, house.ears.now_ms())
    await house.database.write(lambda conn: nodes.witness_reports(conn, [back]))
    return at_s - began


async def measured(count: int) -> dict[str, float | None]:
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as name:
        async with opened(Path(name)) as (house, ear):
            known = await fill(house.database, count, house.ears.now_ms())
            await house.judge.round()
            looks = [await look(house) for _ in range(3)]
            rounds, cpus = [], []
            for _ in range(ROUNDS):
                began, cpu = time.perf_counter(), time.process_time()
                await house.judge.round()
                rounds.append(1000 * (time.perf_counter() - began))
                cpus.append(1000 * (time.process_time() - cpu))
            failures = house.failures
            loops = [house.judge.run(failures), house.outbox.run(failures), heartbeat(house.ears, failures)]
            loops += [house.sights.run(failures)] if looks[0] is not None else []
            tasks = [asyncio.create_task(loop) for loop in loops]
            deaths = [await one_death(house, ear, known[-1 - n], count - 1 - n) for n in range(DEATHS)]
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
    return {
        f"round_median_{count}_ms": round(statistics.median(rounds), 1),
        f"round_cpu_{count}_ms": round(statistics.median(cpus), 1),
        f"round_max_{count}_ms": round(max(rounds), 1),
        f"look_first_{count}_ms": None if looks[0] is None else round(looks[0], 1),
        f"look_again_{count}_ms": None if looks[-1] is None else round(looks[-1], 1),
        f"death_told_median_{count}_s": round(statistics.median(deaths), 2),
        f"death_told_max_{count}_s": round(max(deaths), 2),
    }


async def main() -> None:
    figures: dict[str, float | None] = {}
    for count in SIZES:
        figures |= await measured(count)
    print_figures(figures | {"validators": VALIDATORS, "rss_mb": round(rss_mb(os.getpid()), 1)})


if __name__ == "__main__":
    uvloop.run(main())
