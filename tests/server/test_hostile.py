"""Agents that mean harm, at the real server over real HTTP: one clear line, nothing stored, it goes on."""

import asyncio
import io
import json
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import zstandard

from tests.server.stage import TOKEN, Agent, bearer, client, served, settings
from vedette.model.clock import MachineClock
from vedette.model.people import FIRST_TEAM, Who
from vedette.model.report import ENVELOPE_BYTES_MAX, SERVER_TIME, Ack
from vedette.server.house import House
from vedette.store import nodes
from vedette.store import tables as t
from vedette.store.database import Conn

NOW = MachineClock().now_ms
YEAR_MS = 365 * 86_400_000
TEAM = Who(FIRST_TEAM)
Headers = dict[str, str]


@dataclass
class Scene:
    """A server, an honest agent with one report in it, and mallory, who is enrolled as well."""

    house: House
    url: str
    http: aiohttp.ClientSession
    honest: Agent = field(default_factory=lambda: Agent(name="honest"))
    mallory: Agent = field(default_factory=lambda: Agent(name="mallory"))

    async def enrol(self, agent: Agent, token: str = TOKEN) -> tuple[int, str]:
        headers = bearer(token) | {"Content-Type": "application/json"}
        async with self.http.post(
            self.url + "/api/v1/agents", data=agent.enrolment(), headers=headers
        ) as reply:
            return reply.status, await reply.text()

    async def send(self, body: bytes, headers: Headers) -> tuple[int, bytes, Any]:
        data = io.BytesIO(body)
        async with self.http.post(self.url + "/api/v1/reports", data=data, headers=headers) as reply:
            return reply.status, await reply.read(), reply.headers

    async def report(self, agent: Agent) -> float:
        """One honest delivery; how many ms it took."""
        began = time.perf_counter()
        status, body, _ = await self.send(*agent.post(agent.envelope(NOW())))
        assert status == 200, body
        assert msgspec.msgpack.decode(body, type=Ack).acknowledged_seq == agent.seq
        return (time.perf_counter() - began) * 1000

    async def refused(self, body: bytes, headers: Headers) -> tuple[int, str]:
        status, told, _ = await self.send(body, headers)
        detail = json.loads(told)["detail"] if status != 200 else "it was taken"
        assert "\n" not in detail
        return status, detail

    async def stored(self) -> dict[str, int]:
        """Samples of each node, by name, wherever in time."""

        async def count(conn: Conn) -> dict[str, int]:
            rows = list(await conn.execute(t.hot.select()))
            names = {row.id: row.name for row in await nodes.nodes(conn, TEAM)}
            return {name: sum(row.node_id == key for row in rows) for key, name in names.items()}

        return await self.house.database.write(count)

    async def row(self, agent: Agent) -> nodes.NodeRow:
        async with self.house.database.read() as conn:
            row = await nodes.node(conn, TEAM, agent.node_id)
        assert row is not None
        return row


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with (
        served(settings(tmp_path, public_references=False)) as (house, url),
        client() as http,
    ):
        scene = Scene(house, url, http)
        for agent in (scene.honest, scene.mallory):
            assert (await scene.enrol(agent))[0] in {200, 201}
        await scene.report(scene.honest)
        yield scene


def packed(envelope: Any, **other: Any) -> bytes:
    return zstandard.compress(msgspec.msgpack.encode(msgspec.to_builtins(envelope) | other))


def reports(agent: Agent, **other: Any) -> bytes:
    """An envelope of one report in which something is wrong."""
    report = {"seq": agent.seq + 1, "at_ms": NOW(), "numbers": {}} | other
    return packed(agent.envelope(NOW()), reports=[report])


def forged(liar: Agent, victim: Agent) -> tuple[bytes, Headers]:
    """The victim's name, the liar's key."""
    body, headers = liar.sign(packed(victim.envelope(NOW())))
    return body, headers | {"Vedette-Agent": victim.id}


def dated(agent: Agent, off_ms: int) -> bytes:
    return packed(agent.envelope(NOW() + off_ms))


ATTACKS: dict[str, tuple[Callable[[Scene], tuple[bytes, Headers]], int, str]] = {
    "a clock a year ahead": (lambda s: s.mallory.sign(dated(s.mallory, YEAR_MS)), 400, "days ahead of"),
    "a clock a year behind": (lambda s: s.mallory.sign(dated(s.mallory, -YEAR_MS)), 400, "365 days behind"),
    "reports of next year": (
        lambda s: s.mallory.sign(reports(s.mallory, at_ms=NOW() + YEAR_MS)),
        400,
        "10 minutes after it was sent",
    ),
    "reordered reports": (
        lambda s: s.mallory.sign(
            packed(
                s.mallory.envelope(NOW()),
                reports=[{"seq": seq, "at_ms": NOW(), "numbers": {}} for seq in (1, 3, 2)],
            )
        ),
        400,
        "must ascend in seq: 2 comes after 3",
    ),
    "ten megabytes": (lambda s: s.mallory.sign(os.urandom(10 << 20)), 413, "longer than 1,048,576 bytes"),
    "a bomb that tells its size": (
        lambda s: s.mallory.sign(zstandard.compress(bytes(ENVELOPE_BYTES_MAX + 1))),
        413,
        "longer than 4,194,304 bytes",
    ),
    "a bomb that does not": (lambda s: s.mallory.sign(bomb(1 << 30)), 400, "not one zstd frame"),
    "a number beyond 64 bits": (
        lambda s: s.mallory.sign(reports(s.mallory, numbers={"a.b": 2**64 - 1})),
        400,
        "numbers",
    ),
    "a number of a thousand bits": (
        lambda s: s.mallory.sign(zstandard.compress(b"\x81\xa1a\xc7\x80\x02" + b"\xff" * 128)),
        400,
        "envelope",
    ),
    "a seq beyond all": (lambda s: s.mallory.sign(reports(s.mallory, seq=2**60)), 400, "seq"),
    "a million names": (
        lambda s: s.mallory.sign(reports(s.mallory, numbers={f"a{i}": 1 for i in range(100_000)})),
        400,
        "numbers",
    ),
    "names that are none": (
        lambda s: s.mallory.sign(reports(s.mallory, numbers={"x\n<script>": 1})),
        400,
        "is no name",
    ),
    "another's envelope": (
        lambda s: s.mallory.sign(packed(s.honest.envelope(NOW()))),
        400,
        "another agent's",
    ),
    "another's name over one's own key": (
        lambda s: forged(s.mallory, s.honest),
        401,
        "signature does not fit",
    ),
    "nobody's name": (lambda _: Agent().post(Agent().envelope(NOW())), 401, "does not know the agent"),
    "no name": (lambda _: (b"x", {}), 401, "Vedette-Agent"),
}


def bomb(size: int) -> bytes:
    made = zstandard.ZstdCompressor(level=1).compressobj()
    return b"".join(made.compress(bytes(1 << 20)) for _ in range(size >> 20)) + made.flush()


@pytest.mark.parametrize("attack", ATTACKS)
async def test_it_is_refused_with_a_reason_and_nothing_is_stored(scene: Scene, attack: str) -> None:
    make, status, says = ATTACKS[attack]
    seq = scene.honest.seq
    told, detail = await scene.refused(*make(scene))
    scene.honest.seq = seq  # an envelope of its own was only borrowed
    assert (told, says in detail) == (status, True), detail
    assert await scene.stored() == {"honest": 1, "mallory": 0}
    assert (await scene.row(scene.mallory)).live_at_ms is None
    await scene.report(scene.honest)
    assert (await scene.stored())["honest"] == 2


async def test_a_wrong_token_enrols_nobody(scene: Scene) -> None:
    stranger = Agent(name="stranger")
    for token in ("", "wrong", TOKEN[:-1], TOKEN + "x", TOKEN.upper()):
        status, told = await scene.enrol(stranger, token)
        assert (status, "token is missing or wrong" in told) == (401, True)
        assert TOKEN not in told
    assert await scene.stored() == {"honest": 1, "mallory": 0}
    status, detail = await scene.refused(*stranger.post(stranger.envelope(NOW())))
    assert (status, "does not know the agent" in detail) == (401, True)


async def test_a_replayed_post_stores_nothing_and_is_no_sign_of_life(scene: Scene) -> None:
    recorded = scene.honest.post(scene.honest.envelope(NOW()))
    assert (await scene.send(*recorded))[0] == 200
    await scene.report(scene.honest)
    before, samples = await scene.row(scene.honest), await scene.stored()
    for _ in range(5):
        status, body, _ = await scene.send(*recorded)
        assert (status, msgspec.msgpack.decode(body, type=Ack).acknowledged_seq) == (200, scene.honest.seq)
    assert await scene.row(scene.honest) == before
    assert await scene.stored() == samples


async def test_an_old_post_replayed_does_not_bring_a_dead_node_back(scene: Scene) -> None:
    now = NOW()
    recorded = scene.honest.post(scene.honest.envelope(now - 600_000))
    assert (await scene.send(*recorded))[0] == 200
    assert (await scene.send(*scene.honest.post(scene.honest.died(now))))[0] == 200
    before = await scene.row(scene.honest)
    assert before.states["process.state"] == "gone"
    assert (await scene.send(*recorded))[0] == 200
    after = await scene.row(scene.honest)
    # A busy machine that was deaf for a moment has moved every deadline; when it was heard tells of life.
    assert replace(after, due_at_ms=before.due_at_ms) == before


async def test_who_sends_again_because_no_answer_came_is_alive(scene: Scene) -> None:
    envelope = scene.honest.envelope(NOW())
    await scene.send(*scene.honest.post(envelope))
    before = await scene.row(scene.honest)
    await asyncio.sleep(0.05)
    assert envelope.live is not None
    live = msgspec.structs.replace(envelope.live, at_ms=NOW())
    again = msgspec.structs.replace(envelope, sent_at_ms=live.at_ms, live=live)
    await scene.send(*scene.honest.post(again))
    after = await scene.row(scene.honest)
    assert after.heard_at_ms > before.heard_at_ms
    assert after.live_at_ms == live.at_ms


async def test_reports_that_come_out_of_order_are_taken_once_and_gaps_are_counted(scene: Scene) -> None:
    first, second, third = (scene.honest.post(scene.honest.envelope(NOW() + i)) for i in range(3))
    for post in (third, first, second, third):
        assert (await scene.send(*post))[0] == 200
    assert (await scene.stored())["honest"] == 2


async def test_the_time_is_told_to_whoever_has_it_wrong(scene: Scene) -> None:
    status, _, headers = await scene.send(*scene.mallory.sign(dated(scene.mallory, YEAR_MS)))
    assert status == 400
    assert abs(int(headers[SERVER_TIME]) - NOW()) < 10_000


async def test_no_number_stands_for_one_that_is_none(scene: Scene) -> None:
    odd = {"a.nan": float("nan"), "a.inf": float("inf"), "a.huge": 1e308, "a.least": -(2**63)}
    envelope = scene.mallory.envelope(NOW(), numbers=odd)
    assert (await scene.send(*scene.mallory.post(envelope)))[0] == 200
    assert (await scene.row(scene.mallory)).numbers.keys() & odd.keys() == {"a.huge", "a.least"}
    url = f"{scene.url}/api/v1/nodes/{scene.mallory.node_id}/series?names=a.nan,a.huge,a.least"
    async with scene.http.get(url) as reply:
        assert reply.status == 200
        columns = json.loads(await reply.text(), parse_constant=pytest.fail)
    assert [any(value is not None for value in column) for column in columns["mean"]] == [False, True, True]


async def hammer(scene: Scene, until: asyncio.Event) -> int:
    """Mallory's worst, one after another; how many were refused."""
    bodies = [make(scene) for make, _, _ in ATTACKS.values()]
    refused = 0
    while not until.is_set():
        for body, headers in bodies:
            try:
                refused += (await scene.send(body, headers))[0] in {400, 401, 413}
            except aiohttp.ClientError:
                refused += 1  # cut off in the middle of ten megabytes
    return refused


async def slow_loris(url: str, until: Awaitable[Any]) -> None:
    """A hundred connections that never end their sentence."""
    host, port = url.removeprefix("http://").split(":")
    writers = []
    for _ in range(100):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /api/v1/reports HTTP/1.1\r\nContent-Length: 1000000\r\n\r\nx")
        writers.append(writer)
    await until
    for writer in writers:
        writer.transport.abort()


@pytest.mark.slow
async def test_the_server_is_steady_under_all_of_it_at_once(scene: Scene) -> None:
    """Attackers and server share this process, so the honest agent's times are upper bounds."""
    quiet = sorted([await scene.report(scene.honest) for _ in range(40)])
    over, names = asyncio.Event(), {secrets.token_hex(2) for _ in range(4)}
    seq = scene.honest.seq
    attackers = [asyncio.create_task(hammer(scene, over)) for _ in names]
    attackers.append(asyncio.create_task(slow_loris(scene.url, over.wait())))  # type: ignore[arg-type]
    scene.honest.seq = seq
    before = rss_bytes()
    await asyncio.sleep(1)
    scene.honest.seq = seq
    loud = sorted([await scene.report(scene.honest) for _ in range(40)])
    over.set()
    refused = sum(count or 0 for count in await asyncio.gather(*attackers))
    grown = (rss_bytes() - before) / 2**20
    print(
        f"{refused} refused; an honest report took {quiet[20]:.1f} ms, 95th of 100 {quiet[37]:.1f};"
        f" meanwhile {loud[20]:.1f} and {loud[37]:.1f}; memory grew by {grown:.0f} MiB"
    )
    assert refused > 50
    assert await scene.stored() == {"honest": 81, "mallory": 0}
    assert loud[37] < 2_000
    assert grown < 200
    async with scene.http.get(scene.url + "/readyz") as reply:
        assert reply.status == 200


def rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
