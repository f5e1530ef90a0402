"""A server that is away for a day, by a clock set by hand: the agent's own queue and sender, real HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select

from tests.server.stage import TOKEN, HandClock, served, settings
from vedette.agent.clock import SteadyClock
from vedette.agent.config import Settings as AgentSettings
from vedette.agent.identity import identity_of
from vedette.agent.memory import Memory
from vedette.agent.sender import Sender
from vedette.agent.spool import Spool
from vedette.agent.troubles import Troubles
from vedette.model.people import FIRST_TEAM, Who
from vedette.model.report import Live, Report
from vedette.server.house import House
from vedette.store import incidents, nodes, reading
from vedette.store import tables as t
from vedette.store.database import Conn

pytestmark = pytest.mark.slow  # two days of rounds

PEERS = ("peers.all_count", "peers.outgoing_count", "peers.incoming_count")
"""The tape's devnet has three, which is worth a warning."""
TAPE = Path(__file__).parents[1] / "tapes/report.json"
TEAM = Who(FIRST_TEAM)
AGENTS = 2
INTERVAL_MS, HOUR_MS = 10_000, 3_600_000
ROUNDS_BEFORE, ROUNDS_OFF = 6, 24 * 360
QUEUE_BYTES_MAX = 50 << 20


class Beside:
    """An agent's queue and its sender; what is seen comes from a recorded round."""

    def __init__(self, folder: Path, number: int, clock: HandClock) -> None:
        folder.mkdir()
        (folder / "token").write_text(TOKEN)
        self._clock = SteadyClock(lambda: (clock.wall, clock.steady))
        self._tape = msgspec.json.decode(TAPE.read_bytes(), type=Report)
        self.numbers = self._tape.numbers | dict.fromkeys(PEERS, 20)
        self.states = self._tape.states | {"node.pos_address": f"0x{number:064x}"}  # nobody votes twice
        self.path = folder / "spool.db"
        self.rounds = 0
        self.spool = Spool(self.path, Troubles())
        self.spool._db.execute("PRAGMA synchronous = OFF")  # only to fill it quickly
        self._folder, self._number = folder, number
        self._key = identity_of(Ed25519PrivateKey.generate())

    def sender(self, url: str) -> Sender:
        """As an agent has it when it starts, or when the server is at this URL again."""
        given = AgentSettings(
            server=url,
            node="http://127.0.0.1:9",
            name=f"n{self._number}",
            dir=str(self._folder),
            token_file=str(self._folder / "token"),
            interval_ms=INTERVAL_MS,
            planned_stop_file=str(self._folder / "planned-stop.json"),
        )
        memory = Memory(self._folder / "known.json", given.node, Troubles())
        return Sender(given, self._key, self.spool, memory, self._clock, self._live, Troubles())

    def _live(self) -> Live:
        return Live(self._clock.now_ms(), self.numbers, self.states)

    def see(self) -> None:
        """One round."""
        self.rounds += 1
        numbers = {**self.numbers, "pow.latest_epoch": self.rounds}
        assert self.spool.append(self._clock.now_ms(), numbers, self.states)


@asynccontextmanager
async def server(path: Path, clock: HandClock) -> AsyncIterator[tuple[House, str]]:
    async with served(settings(path, public_references=False), clock) as (house, url):
        yield house, url


def hang_up(senders: list[Sender]) -> None:
    for sender in senders:
        sender._upstream.close()


async def drained(sender: Sender, spool: Spool) -> int:
    """Talk until nothing waits; how many posts that took."""
    for posts in range(1, 1_000):
        await asyncio.to_thread(sender.talk, False)
        if spool.waiting_count == 0:
            return posts
    raise AssertionError(f"{spool.waiting_count} reports still wait")


async def epochs(house: House, node_id: str, from_ms: int, to_ms: int) -> list[tuple[float, float]]:
    """Every sample of the node, an hour at a time, so that each stands in a bucket of its own."""
    found: list[tuple[float, float]] = []
    async with house.database.read() as conn:
        for start in range(from_ms, to_ms, HOUR_MS):
            end = min(start + HOUR_MS, to_ms)
            told = await reading.columns(conn, TEAM, node_id, ["pow.latest_epoch"], start, end, 2_000)
            assert told is not None
            (values,) = told.mean
            found += [(at, value) for at, value in zip(told.times, values, strict=True) if value is not None]
    return found


async def counted(conn: Conn) -> tuple[int, int]:
    """Reports that never came, and all that were acknowledged."""
    gaps, acknowledged = t.spools.c.gap_count, t.spools.c.acknowledged_seq
    row = (await conn.execute(select(func.sum(gaps), func.sum(acknowledged)))).one()
    return int(row[0] or 0), int(row[1] or 0)


async def test_a_day_without_a_server_loses_no_sample_and_accuses_nobody(tmp_path: Path) -> None:
    clock = HandClock()
    began_ms = clock.wall
    agents = [Beside(tmp_path / f"agent{i}", i, clock) for i in range(AGENTS)]
    async with server(tmp_path, clock) as (house, url):
        senders = [agent.sender(url) for agent in agents]
        for _ in range(ROUNDS_BEFORE):
            for _ in range(INTERVAL_MS // 1_000):
                clock.pass_ms(1_000)
                await house.ears.tick()
            for agent, sender in zip(agents, senders, strict=True):
                agent.see()
                await asyncio.to_thread(sender.talk, False)
        assert [agent.spool.waiting_count for agent in agents] == [0] * AGENTS
        hang_up(senders)
    for _ in range(ROUNDS_OFF):
        clock.pass_ms(INTERVAL_MS)
        for agent in agents:
            agent.see()
    queued = max(agent.path.stat().st_size for agent in agents)
    async with server(tmp_path, clock) as (house, url):
        await house.judge.round()  # nobody has come back yet
        senders = [agent.sender(url) for agent in agents]
        posts = [await drained(sender, agent.spool) for agent, sender in zip(agents, senders, strict=True)]
        for _ in range(3):
            clock.pass_ms(1_000)
            await house.judge.round()
        async with house.database.read() as conn:
            assert await incidents.incidents(conn, TEAM, None, 100) == []
            ids = {row.name: row.id for row in await nodes.nodes(conn, TEAM)}
        for number, agent in enumerate(agents):
            told = await epochs(house, ids[f"n{number}"], began_ms, clock.wall + 1)
            assert [value for _, value in told] == list(range(1, agent.rounds + 1))
        hang_up(senders)
        assert await house.database.write(counted) == (0, AGENTS * (ROUNDS_BEFORE + ROUNDS_OFF))
    for agent in agents:
        agent.spool.close()
    print(f"{queued / 2**20:.1f} MiB waited beside each node, delivered in {posts} posts")
    assert queued < QUEUE_BYTES_MAX


async def test_an_agent_whose_clock_was_a_year_off_is_heard_once_its_machine_is_set_right(
    tmp_path: Path,
) -> None:
    clock, theirs = HandClock(), HandClock()
    theirs.step_ms(-365 * 24 * HOUR_MS)
    agent = Beside(tmp_path / "agent", 0, theirs)
    async with server(tmp_path, clock) as (house, url):
        sender = agent.sender(url)
        for _ in range(3):
            theirs.pass_ms(INTERVAL_MS)
            clock.pass_ms(INTERVAL_MS)
            agent.see()
            await asyncio.to_thread(sender.talk, False)
        assert agent.spool.waiting_count == 3
        assert await house.database.write(counted) == (0, 0)
        theirs.wall = clock.wall
        await asyncio.to_thread(sender.talk, False)  # refused again, and told the time
        agent.see()
        await drained(sender, agent.spool)
        hang_up([sender])
        assert agent.spool.dropped_count == 3  # of a year ago, as far as anyone can tell
        assert await house.database.write(counted) == (3, 4)
    agent.spool.close()
