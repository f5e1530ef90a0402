"""The command itself, in a process of its own: ports, signals, and the hardest of ends."""

import asyncio
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from tests.ports import free_port
from tests.server.stage import READ_TOKEN, TOKEN, Agent, bearer, client
from vedette.model.clock import MachineClock
from vedette.model.report import Ack, Envelope

pytestmark = pytest.mark.slow  # starts the real process again and again

NOW = MachineClock().now_ms
GARBAGE = (
    b"\x16\x03\x01garbage\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST /api/v1/reports HTTP/1.1\r\n",
)


class Hook:
    """A webhook that keeps what it is sent."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                hook.keys.append(self.headers["Idempotency-Key"])
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/hook"


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()
    yield hook
    hook.server.shutdown()
    hook.server.server_close()


@pytest.fixture
def config(tmp_path: Path, hook: Hook) -> Path:
    path = tmp_path / "server.toml"
    path.write_text(
        f"""
        database = "vedette.db"
        ingest_token = "{TOKEN}"
        read_token = "{READ_TOKEN}"
        [server]
        port = {free_port()}
        [[webhooks]]
        name = "hook"
        url = "{hook.url}"
        """
    )
    return path


def serve(*options: str, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "vedette.cli", "serve", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | (environment or {}),
    )


async def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, _ = await asyncio.to_thread(process.communicate, timeout=60)
    return process.returncode, out


def url_of(config: Path) -> str:
    port = next(line for line in config.read_text().splitlines() if "port" in line).split("=")[1].strip()
    return f"http://127.0.0.1:{port}"


async def answers(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url + "/healthz") as reply:
            return reply.status == 200
    except aiohttp.ClientError:
        return False


@asynccontextmanager
async def running(config: Path) -> AsyncIterator[tuple[subprocess.Popen[str], aiohttp.ClientSession, str]]:
    process, url = serve("--config", str(config)), url_of(config)
    try:
        async with client() as http:
            async with asyncio.timeout(120):
                while not await answers(http, url):
                    assert process.poll() is None, process.communicate()[0]
                    await asyncio.sleep(0.05)
            yield process, http, url
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


async def post(http: aiohttp.ClientSession, url: str, body: bytes, headers: dict[str, str]) -> bytes:
    async with http.post(url, data=body, headers=headers) as reply:
        assert reply.status == 200, await reply.text()
        return await reply.read()


async def deliver(http: aiohttp.ClientSession, url: str, envelope: Any, agent: Agent) -> int:
    answer = await post(http, url + "/api/v1/reports", *agent.post(envelope))
    return msgspec.msgpack.decode(answer, type=Ack).acknowledged_seq


async def told(hook: Hook, count: int) -> None:
    async with asyncio.timeout(60):
        while len(hook.keys) < count:  # noqa: ASYNC110 - the webhook tells nobody
            await asyncio.sleep(0.02)


def dead(agent: Agent) -> Envelope:
    return agent.envelope(NOW(), states={"process.state": "gone"}, died_at_ms=NOW())


async def until_it_is_gone(http: aiohttp.ClientSession, url: str, agent: Agent) -> int:
    """Deliver without a pause until the server dies; what it acknowledged last."""
    acknowledged = 0
    with suppress(aiohttp.ClientError):
        while True:
            acknowledged = await deliver(http, url, dead(agent), agent)
    return acknowledged


async def kept(http: aiohttp.ClientSession, url: str, agent: Agent) -> int:
    """Reports of the agent that the server has."""
    path = f"/api/v1/nodes/{agent.node_id}/series?names=pos.epoch&points=2000"
    async with http.get(url + path) as reply:
        series = json.loads(await reply.read())
    return sum(value is not None for value in series["mean"][0])


async def test_killed_at_any_moment_it_has_lost_nothing_that_it_acknowledged_and_tells_nothing_twice(
    config: Path, hook: Hook
) -> None:
    agent, acknowledged = Agent(interval_ms=60_000), 0
    async with running(config) as (process, http, url):
        await post(http, url + "/api/v1/agents", agent.enrolment(), bearer(TOKEN))
        await deliver(http, url, agent.envelope(NOW()), agent)
        await asyncio.sleep(0.01)
        acknowledged = await deliver(http, url, agent.died(NOW()), agent)
        await told(hook, 1)
        asyncio.get_running_loop().call_later(0.5, process.kill)
        acknowledged = await until_it_is_gone(http, url, agent)
    assert acknowledged > 1
    async with running(config) as (process, http, url):
        assert await deliver(http, url, agent.died(NOW()), agent) >= acknowledged
        assert await kept(http, url, agent) >= acknowledged
        await asyncio.sleep(3)  # three rounds of judging
        process.send_signal(signal.SIGTERM)
        status, out = await ended(process)
    assert status == 0, out
    assert hook.keys == ["1/1/opened/hook"]


async def test_asked_to_stop_it_stops_at_once_with_live_streams_open(config: Path) -> None:
    async with running(config) as (process, http, url), http.get(url + "/api/v1/live") as reply:
        await reply.content.readline()
        process.send_signal(signal.SIGTERM)
        rest = await asyncio.wait_for(reply.content.read(), 30)
        assert b"hello" in rest
        status, out = await ended(process)
    assert status == 0, out
    assert "Traceback" not in out


async def test_garbage_on_the_wire_harms_nobody(config: Path) -> None:
    async with running(config) as (process, http, url):
        port = int(url.rsplit(":", 1)[1])
        for line in (
            b"\x16\x03\x01garbage\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"POST /api/v1/reports HTTP/1.1\r\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(line)
            await writer.drain()
            writer.write_eof()
            await asyncio.wait_for(reader.read(), 30)
            writer.close()
        assert await answers(http, url)
        process.send_signal(signal.SIGTERM)
        _, out = await ended(process)
    assert "Traceback" not in out


async def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        status, out = await ended(serve("--port", str(port), "--database", str(tmp_path / "v.db")))
    assert status == 2
    why = "Address already in use; choose another with --port"
    assert out == f"vedette: cannot listen on 127.0.0.1 port {port}: {why}\n"
    assert not (tmp_path / "v.db").exists()


async def test_wrong_settings_are_lines_and_status_two(tmp_path: Path) -> None:
    config = tmp_path / "server.toml"
    config.write_text("surprise = 1\n[server]\nport = -1\n")
    status, out = await ended(serve("--config", str(config), environment={"VEDETTE_X": "1"}))
    assert status == 2
    assert [line.split(":")[0] for line in out.splitlines()] == [
        "vedette",
        "unknown setting",
        "wrong setting",
    ]


async def test_what_is_no_database_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "v.db").write_text("this is a letter to my aunt, and no database at all" * 50)
    status, out = await ended(serve("--port", "0", "--database", str(tmp_path / "v.db")))
    assert status == 2
    assert out.startswith("vedette: ")
    assert "Traceback" not in out
    assert out.count("\n") == 1
