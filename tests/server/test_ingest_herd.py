"""A thousand agents come back within one second, each with what waited on its disk."""

import asyncio
import os
import time
from pathlib import Path

import aiohttp
import msgspec
import pytest
from sqlalchemy import func, select

from tests.server.stage import TOKEN, Agent, bearer, raw, served, settings
from vedette.agent.sender import backoff_s
from vedette.model.clock import MachineClock
from vedette.model.people import FIRST_TEAM, Who
from vedette.model.report import Ack, Report
from vedette.store import incidents
from vedette.store import tables as t
from vedette.store.database import Conn

pytestmark = pytest.mark.slow

AGENTS, BACKLOG, INTERVAL_MS = 1_000, 36, 10_000
NOW = MachineClock().now_ms


def come_back(agent: Agent) -> tuple[bytes, dict[str, str]]:
    """Six minutes of reports and the live state."""
    now = NOW()
    envelope = agent.envelope(now)
    reports = [
        Report(n + 1, now - (BACKLOG - n) * INTERVAL_MS, {"pos.epoch": n, "host.cpu.used_ratio": n / 100})
        for n in range(BACKLOG)
    ]
    return agent.post(msgspec.structs.replace(envelope, reports=reports))


async def deliver(http: aiohttp.ClientSession, url: str, post: tuple[bytes, dict[str, str]]) -> int:
    """As the agent's sender does: again after a while if the server asks for it; how often it was asked."""
    body, headers = post
    for tries in range(20):
        async with http.post(url + "/api/v1/reports", data=body, headers=headers) as reply:
            told = await reply.read()
            if reply.status == 200:
                assert msgspec.msgpack.decode(told, type=Ack).acknowledged_seq == BACKLOG
                return tries
            assert reply.status == 503, told
            await asyncio.sleep(backoff_s(tries + 1, float(reply.headers["Retry-After"]), tries / 20))
    raise AssertionError("twenty times in vain")


async def counted(conn: Conn) -> tuple[int, int]:
    """Samples, and reports that never came."""
    samples = (await conn.execute(select(func.count()).select_from(t.hot))).scalar_one()
    folded = (await conn.execute(select(func.sum(t.chunks.c.sample_count)))).scalar() or 0
    gaps = (await conn.execute(select(func.sum(t.spools.c.gap_count)))).scalar_one()
    return samples + folded, gaps


async def test_a_thousand_agents_come_back_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    agents = [Agent(name=f"n{i}", interval_ms=INTERVAL_MS) for i in range(AGENTS)]
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        served(settings(tmp_path, public_references=False)) as (house, url),
        aiohttp.ClientSession(connector=connector, trust_env=False) as http,
    ):
        await asyncio.gather(*(house.ingest.enrol(raw(bearer(TOKEN)), one.enrolment()) for one in agents))
        posts = [come_back(agent) for agent in agents]
        before, began = rss_bytes(), time.perf_counter()
        tries = await asyncio.gather(*(deliver(http, url, post) for post in posts))
        took, grown = time.perf_counter() - began, (rss_bytes() - before) / 2**20
        assert await house.database.write(counted) == (AGENTS * BACKLOG, 0)
        async with house.database.read() as conn:
            assert await incidents.incidents(conn, Who(FIRST_TEAM), None, 100) == []
        print(
            f"{AGENTS} agents with {AGENTS * BACKLOG} reports taken in {took:.1f} s,"
            f" {sum(tries)} asked to come again; memory of both sides grew by {grown:.0f} MiB"
        )
    assert took < 60


def rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
