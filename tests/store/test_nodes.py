import asyncio
import json
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from tests.store.doubles import NOON, TEN_S, delivery, enrolled, envelope, report
from vedette.model.people import FIRST_TEAM, PUBLIC, Who
from vedette.model.report import Live, Report
from vedette.store import tables as t
from vedette.store.database import Conn, Database
from vedette.store.nodes import (
    Delivery,
    agent_keys,
    alive_at,
    enroll,
    node,
    nodes,
    note_alive,
    public_nodes,
    shift_due,
    witness_reports,
)

OURS = Who(FIRST_TEAM)


async def _enrolled(database: Database, name: str = "node one") -> tuple[str, str]:
    return await database.write(lambda conn: enrolled(conn, name))


async def _deliver(database: Database, *deliveries: Delivery) -> list[int]:
    return await database.write(lambda conn: witness_reports(conn, deliveries))


async def _hot(database: Database, node_id: str) -> list[tuple[int, bool]]:
    query = select(t.hot.c.at_ms, t.hot.c.late).where(t.hot.c.node_id == node_id).order_by(t.hot.c.at_ms)
    async with database.read() as conn:
        return [(row.at_ms, row.late) for row in await conn.execute(query)]


def _reports(first: int, last: int) -> list[Report]:
    return [report(seq, NOON + seq) for seq in range(first, last + 1)]


async def test_the_same_key_again_is_the_same_node_renamed(database: Database) -> None:
    first = await database.write(lambda conn: enroll(conn, 1, "ab" * 32, "old name", "full", NOON))
    again = await database.write(lambda conn: enroll(conn, 1, "ab" * 32, "new name", "archive", NOON + 5))
    async with database.read() as conn:
        held = await nodes(conn, OURS)
        keys = await agent_keys(conn, (await conn.execute(select(t.nodes.c.agent))).scalar_one())
    assert first == again
    assert [(row.name, row.role, row.heard_at_ms, row.live_at_ms) for row in held] == [
        ("new name", "archive", NOON, None)
    ]
    assert keys is not None
    assert (keys.node_id, keys.team_id, keys.public_key.hex()) == (first, 1, "ab" * 32)


async def test_nobody_signs_as_an_agent_that_was_never_enrolled(database: Database) -> None:
    async with database.read() as conn:
        assert await agent_keys(conn, "0" * 32) is None


async def test_another_team_renames_nothing_by_knowing_the_key(database: Database) -> None:
    await database.write(lambda conn: conn.execute(insert(t.teams).values(id=2, name="rivals")))
    node_id = await database.write(lambda conn: enroll(conn, 1, "ab" * 32, "ours", "full", NOON))
    await database.write(lambda conn: enroll(conn, 2, "ab" * 32, "theirs", "full", NOON))
    async with database.read() as conn:
        held = await node(conn, OURS, node_id)
        assert await nodes(conn, Who(2)) == []
    assert held is not None
    assert held.name == "ours"


async def test_reports_are_taken_once_however_often_they_are_delivered(database: Database) -> None:
    node_id, agent = await _enrolled(database)
    assert await _deliver(database, delivery(node_id, envelope(agent, *_reports(1, 5)))) == [5]
    assert await _deliver(database, delivery(node_id, envelope(agent, *_reports(1, 5)))) == [5]
    assert await _deliver(database, delivery(node_id, envelope(agent, *_reports(4, 8)))) == [8]
    assert await _deliver(database, delivery(node_id, envelope(agent))) == [8]
    assert [at - NOON for at, _ in await _hot(database, node_id)] == list(range(1, 9))


async def test_two_deliveries_of_one_spool_in_one_batch_are_taken_in_order(database: Database) -> None:
    node_id, agent = await _enrolled(database)
    first, second = (delivery(node_id, envelope(agent, *_reports(*span))) for span in ((1, 3), (2, 6)))
    assert await _deliver(database, first, second, first) == [3, 6, 6]
    assert len(await _hot(database, node_id)) == 6


async def test_each_spool_has_its_own_numbers(database: Database) -> None:
    node_id, agent = await _enrolled(database)
    old, new = envelope(agent, *_reports(1, 3)), envelope(agent, report(1, NOON + 900), spool="spool002")
    assert await _deliver(database, delivery(node_id, old), delivery(node_id, new)) == [3, 1]
    assert len(await _hot(database, node_id)) == 4


async def test_what_a_spool_dropped_is_a_gap_that_is_counted(database: Database) -> None:
    node_id, agent = await _enrolled(database)
    await _deliver(database, delivery(node_id, envelope(agent, *_reports(1, 2))))
    assert await _deliver(database, delivery(node_id, envelope(agent, *_reports(10, 11)))) == [11]
    async with database.read() as conn:
        assert (await conn.execute(select(t.spools.c.gap_count))).scalar_one() == 7


async def test_late_reports_are_marked_late(database: Database) -> None:
    node_id, agent = await _enrolled(database)
    told = envelope(agent, report(1, NOON - 3_600_000), report(2, NOON - 1_000))
    await _deliver(database, delivery(node_id, told))
    assert await _hot(database, node_id) == [(NOON - 3_600_000, True), (NOON - 1_000, False)]


async def test_the_newest_live_state_stays_whatever_comes_later(database: Database) -> None:
    node_id, agent = await _enrolled(database)
    new = Live(NOON, {"pow.latest_epoch": 7}, {"process.state": "gone"}, NOON + 600_000, NOON - 5)
    old = Live(NOON - 20_000, {"pow.latest_epoch": 5}, {"process.state": "running"})
    await _deliver(database, delivery(node_id, envelope(agent, live=new)))
    await _deliver(database, delivery(node_id, envelope(agent, live=old), heard_at_ms=NOON + 3))
    await _deliver(database, delivery(node_id, envelope(agent, report(1, NOON - 50)), heard_at_ms=NOON + 4))
    async with database.read() as conn:
        held = await node(conn, OURS, node_id)
    assert held is not None
    assert (held.heard_at_ms, held.due_at_ms, held.live_at_ms) == (NOON + 4, NOON + 30_004, NOON)
    assert (held.numbers, held.states) == ({"pow.latest_epoch": 7}, {"process.state": "gone"})
    assert (held.planned_stop_until_ms, held.died_at_ms) == (NOON + 600_000, NOON - 5)


async def test_a_clock_that_was_set_back_does_not_hide_a_node_s_death(database: Database) -> None:
    node_id, agent = await _enrolled(database)
    running = Live(NOON, {}, {"process.state": "running"})
    gone = Live(NOON - 3_600_000, {}, {"process.state": "gone"}, None, NOON - 3_600_001)
    await _deliver(database, delivery(node_id, envelope(agent, live=running)))
    await _deliver(database, delivery(node_id, envelope(agent, live=gone)))
    async with database.read() as conn:
        held = await node(conn, OURS, node_id)
    assert held is not None
    assert held.states == {"process.state": "gone"}


async def test_without_a_live_state_the_newest_report_stands_for_it(database: Database) -> None:
    node_id, agent = await _enrolled(database)
    await _deliver(database, delivery(node_id, envelope(agent, *_reports(1, 3))))
    async with database.read() as conn:
        held = await node(conn, OURS, node_id)
    assert held is not None
    assert (held.live_at_ms, held.numbers) == (NOON + 3, {"pow.latest_epoch": 3})


async def test_a_node_is_seen_by_its_team_alone_and_is_found_public_when_it_is(database: Database) -> None:
    node_id, _ = await _enrolled(database)
    async with database.read() as conn:
        assert [row.id for row in await nodes(conn, OURS)] == [node_id]
        for stranger in (PUBLIC, Who(2)):
            assert await nodes(conn, stranger) == []
            assert await node(conn, stranger, node_id) is None
        assert await public_nodes(conn) == []
    await database.write(lambda conn: conn.execute(t.nodes.update().values(is_public=True)))
    async with database.read() as conn:
        assert [row.id for row in await public_nodes(conn)] == [node_id]
        for stranger in (PUBLIC, Who(2)):
            assert await node(conn, stranger, node_id) is None


async def test_our_own_deaf_time_moves_every_deadline(database: Database) -> None:
    for name in ("node one", "node two"):
        await _enrolled(database, name)
    await database.write(lambda conn: shift_due(conn, 7_000))
    await database.write(lambda conn: shift_due(conn, -2_000))
    async with database.read() as conn:
        assert {row.due_at_ms for row in await nodes(conn, OURS)} == {NOON + 65_000}


async def test_the_server_remembers_when_it_last_ran(database: Database) -> None:
    async with database.read() as conn:
        assert await alive_at(conn) is None
    for moment in (NOON, NOON + 5):
        await database.write(lambda conn, moment=moment: note_alive(conn, moment))  # type: ignore[misc]
    async with database.read() as conn:
        assert await alive_at(conn) == NOON + 5


async def test_rivals_delivering_the_same_reports_store_each_once(database_url: str) -> None:
    """Two servers on one database, each given the same shuffled, overlapping deliveries."""
    servers = [await Database.open(database_url) for _ in range(2)]
    held = [await _enrolled(servers[0], f"node {n}") for n in range(6)]
    batches = []
    for start in range(1, 60, 6):
        batch = [delivery(n, envelope(a, *_reports(start, start + 8))) for n, a in held]
        batches.append(batch)

    async def one(server: Database, seed: int) -> None:
        chance = random.Random(seed)
        for batch in batches:
            chance.shuffle(batch)
            acknowledged = await _deliver(server, *batch)
            assert min(acknowledged) >= batch[0].envelope.reports[-1].seq

    await asyncio.gather(*(one(server, seed) for seed, server in enumerate(servers * 2)))
    for node_id, _ in held:
        assert [at - NOON for at, _ in await _hot(servers[0], node_id)] == list(range(1, 64))
    for server in servers:
        await server.close()


WRITER = """
import asyncio, json, sys
from tests.store.doubles import NOON, delivery, enrolled, envelope, report
from vedette.store.database import Database
from vedette.store.nodes import witness_reports

async def one(database, name):
    node_id, agent = await database.write(lambda conn: enrolled(conn, name))
    acknowledged = 0
    while True:
        first = max(acknowledged - 1, 1)
        told = envelope(agent, *(report(seq, NOON + seq) for seq in range(first, acknowledged + 4)))
        [acknowledged] = await database.write(
            lambda conn: witness_reports(conn, [delivery(node_id, told)]))
        print(json.dumps([node_id, acknowledged]), flush=True)

async def main(path):
    database = await Database.open(path)
    await asyncio.gather(*(one(database, f"node {n}") for n in range(8)))

asyncio.run(main(sys.argv[1]))
"""


def _acknowledged_before_kill(path: Path, lines: int) -> dict[str, int]:
    """Run a writer, kill it in the middle, and return what it had acknowledged of each node."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert writer.stdout is not None
    acknowledged: dict[str, int] = {}
    for number, line in enumerate(writer.stdout):
        if number == lines:
            writer.send_signal(signal.SIGKILL)
        if line.endswith(b"\n"):
            node_id, seq = json.loads(line)
            acknowledged[node_id] = max(seq, acknowledged.get(node_id, 0))
    assert writer.wait() == -signal.SIGKILL
    writer.stdout.close()
    return acknowledged


@pytest.mark.parametrize("lines", [40, 200])
@pytest.mark.slow  # kills a real writer again and again
def test_what_was_acknowledged_is_there_once_after_kill_nine(tmp_path: Path, lines: int) -> None:
    path = tmp_path / "v.db"
    acknowledged = _acknowledged_before_kill(path, lines)
    assert len(acknowledged) == 8
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for node_id, seq in acknowledged.items():
            times = [
                at for (at,) in connection.execute("SELECT at_ms FROM hot WHERE node_id = ?", (node_id,))
            ]
            assert sorted(times) == [NOON + n for n in range(1, len(times) + 1)]
            assert len(times) >= seq
    connection.close()


async def test_a_batch_of_many_nodes_is_one_transaction(database: Database) -> None:
    async def enroll_all(conn: Conn) -> Sequence[tuple[str, str]]:
        return [await enrolled(conn, f"node {n}") for n in range(50)]

    held = await database.write(enroll_all)
    told = [delivery(n, envelope(a, report(1, NOON + TEN_S), live=Live(NOON, {}, {}))) for n, a in held]
    before = database.stats.commits
    assert await _deliver(database, *told) == [1] * 50
    assert database.stats.commits == before + 1
    async with database.read() as conn:
        assert (await conn.execute(select(func.count()).select_from(t.hot))).scalar_one() == 50
