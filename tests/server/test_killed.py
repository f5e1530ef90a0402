"""The server killed within a second of a person's word: it holds after the restart, on either database."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.ports import free_port
from tests.postgres import postgres
from tests.server.stage import TOKEN, Agent, bearer
from tests.server.test_serve import NOW, dead, deliver, running

pytestmark = pytest.mark.slow  # starts the real process again and again


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    database = "vedette.db"
    if request.param == "postgresql":
        database = request.getfixturevalue("postgres_url")
    path = tmp_path / "server.toml"
    path.write_text(
        f'database = "{database}"\ningest_token = "{TOKEN}"\n[server]\nport = {free_port()}\n'
        "trust_loopback = true\n"
    )
    return path


async def ask(http: aiohttp.ClientSession, method: str, url: str, body: Any = None) -> Any:
    async with http.request(method, url, json=body) as reply:
        assert reply.status < 300, (url, await reply.text())
        return await reply.json()


async def first_incident(http: aiohttp.ClientSession, api: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            found = (await ask(http, "GET", f"{api}/incidents"))["incidents"]
            if found:
                incident: dict[str, Any] = found[0]
                return incident
            await asyncio.sleep(0.05)


async def test_what_a_person_said_a_moment_before_the_kill_still_holds(config: Path) -> None:
    """A silence, an acknowledgement, a maintenance: each was answered, so each is kept (kill -9)."""
    agent = Agent()
    async with running(config) as (process, http, url):
        api = f"{url}/api/v1"
        async with http.post(f"{api}/agents", data=agent.enrolment(), headers=bearer(TOKEN)) as reply:
            assert reply.status == 200, await reply.text()
        await deliver(http, url, agent.envelope(NOW()), agent)
        await deliver(http, url, dead(agent), agent)
        incident = await first_incident(http, api)
        silence, work, _ = await asyncio.gather(
            ask(http, "POST", f"{api}/alerts/silences", silencing()),
            ask(http, "POST", f"{api}/alerts/maintenances", {**WORK, "starts_at_ms": NOW()}),
            ask(http, "POST", f"{api}/incidents/{incident['id']}/acknowledge", {"minutes": 60}),
        )
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    async with running(config) as (_, http, url):
        api = f"{url}/api/v1"
        silences = (await ask(http, "GET", f"{api}/alerts/silences"))["silences"]
        assert [(one["id"], one["state"]) for one in silences] == [(silence["id"], "on")]
        kept = (await ask(http, "GET", f"{api}/alerts/maintenances"))["maintenances"]
        assert [(one["id"], one["state"]) for one in kept] == [(work["id"], "on")]
        after = await ask(http, "GET", f"{api}/incidents/{incident['id']}")
        assert after["acked"] is not None
        assert after["acked"]["until_ms"] > NOW()


WORK = {"name": "new disk", "matcher": {"rules": ["clock_off"]}, "ends_at_ms": None}


def silencing() -> dict[str, Any]:
    return {"matcher": {"rules": ["clock_off"]}, "comment": "works", "ends_at_ms": NOW() + 3_600_000}
