"""The API over a real port: every route for a member and for the public, and every error as one problem."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.server.stage import READ_TOKEN, TOKEN, Agent, HandClock, bearer, client, served, settings, until
from vedette.model.pos import Account, Committee, PosAddress, PosBlock
from vedette.model.spans import Span
from vedette.server import news
from vedette.server.app import openapi_document
from vedette.server.door import BODY_BYTES_MAX
from vedette.server.house import House
from vedette.store import accounts, votes

ALICE, BOB, CAROL = (PosAddress("0x" + letter * 64) for letter in "abc")
NOBODY = "0x" + "9" * 64
STRANGER = {"X-Forwarded-For": "203.0.113.7"}


def block(height: int, *signers: PosAddress) -> PosBlock:
    return PosBlock(
        height=height,
        hash=f"0x{height:064x}",
        epoch=1,
        round=height,
        at_us=1_800_000_000_000_000 + height * 60_000_000,
        proposer=ALICE,
        pivot_height=None,
        last_tx_number=0,
        signers=dict.fromkeys(signers, 10),
    )


async def chain(house: House) -> None:
    """Five blocks of Alice, Bob and Carol; Carol is absent from the last two, and Bob once."""
    signers = [(ALICE, BOB, CAROL), (ALICE, CAROL), (ALICE, BOB, CAROL), (ALICE, BOB), (ALICE, BOB)]
    blocks = [block(height + 1, *who) for height, who in enumerate(signers)]
    stake = Account(ALICE, 5, 10, 0, (), (), 0, 0, None)
    await house.database.write(
        lambda conn: votes.remember_committee(
            conn, Committee(1, 20, 30, dict.fromkeys((ALICE, BOB, CAROL), 10))
        )
    )
    await house.database.write(lambda conn: votes.witness_blocks(conn, "mine", blocks, Span(1, 5)))
    await house.database.write(lambda conn: accounts.remember_accounts(conn, [stake], 1_800_000_000_000))
    house.news.blocks_changed([block.height for block in blocks])


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator["Stage"]:
    given = settings(tmp_path, watch=(PosAddress("0x" + "d" * 64),))
    async with served(given) as (house, url), client() as http:
        await chain(house)
        agent = Agent(states={"node.pos_address": ALICE, "node.version": "3.0.2", "node.voting": "true"})
        stage = Stage(house, url, http, agent)
        await stage.post("/api/v1/agents", agent.enrolment(), bearer(TOKEN))
        now = house.ears.now_ms()
        broken = {"probe.peers.error": "refused"}
        envelope = agent.envelope(now, states=broken, numbers={"process.up_seconds": 60})
        await stage.post("/api/v1/reports", *agent.post(envelope))
        yield stage


class Stage:
    def __init__(self, house: House, url: str, http: aiohttp.ClientSession, agent: Agent) -> None:
        self.house, self.url, self.http, self.agent = house, url, http, agent

    async def get(self, path: str, headers: dict[str, str] | None = None) -> Any:
        async with self.http.get(self.url + path, headers=headers) as reply:
            assert reply.status == 200, (path, reply.status, await reply.text())
            return await reply.json()

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        async with self.http.post(self.url + path, data=body, headers=headers) as reply:
            assert reply.status == 200, (path, reply.status, await reply.text())
            return await reply.read()

    async def problem(self, method: str, path: str, **more: Any) -> tuple[int, str]:
        """An error, which must be one problem in one line."""
        async with self.http.request(method, self.url + path, **more) as reply:
            assert reply.content_type == "application/problem+json", (path, reply.status)
            told = json.loads(await reply.read())
            assert told.keys() == {"type", "title", "status", "detail"}
            assert told["status"] == reply.status
            assert "\n" not in told["detail"]
            return reply.status, told["detail"]


async def test_a_member_sees_the_whole(stage: Stage) -> None:
    network = await stage.get("/api/v1/network")
    assert network["pos"]["height"] == 5
    assert network["pos"]["members"] == 3
    assert network["pos"]["participation"] == pytest.approx(12 / 15)
    assert network["nodes"] == {"up": 1}
    assert network["validators"] == 4

    validators = await stage.get("/api/v1/validators")
    by_address = {one["address"]: one for one in validators["validators"]}
    assert validators["height"] == 5
    assert by_address[ALICE]["votes"] == {
        "first": by_address[ALICE]["votes"]["first"], "strip": by_address[ALICE]["votes"]["strip"],
        "signed": 5, "known": 5, "rate": 1.0,
    }  # fmt: skip
    assert by_address[ALICE]["name"] == "n1"
    assert by_address[ALICE]["node_id"] == stage.agent.node_id
    assert by_address[ALICE]["stake"]["available_votes"] == 10
    assert by_address[ALICE]["stake"]["states"] == ["active"]
    assert by_address[BOB]["votes"]["strip"].endswith("sasss")
    assert by_address[CAROL]["votes"]["strip"].endswith("sssaa")
    assert by_address[CAROL]["last_signed_height"] == 3
    assert by_address[CAROL]["stake"] is None
    assert by_address["0x" + "d" * 64]["committee_votes"] == 0

    nodes = (await stage.get("/api/v1/nodes"))["nodes"]
    assert [(node["name"], node["state"], node["voting"]) for node in nodes] == [("n1", "up", True)]
    assert nodes[0]["failures"] == [{"probe": "peers", "reason": "refused"}]
    assert nodes[0]["numbers"]["pos.epoch"] == 7
    alone = await stage.get(f"/api/v1/nodes/{stage.agent.node_id}")
    moving = {"heard_at_ms", "due_at_ms"}  # a busy machine hears, or moves its deadlines, in between
    assert {k: v for k, v in nodes[0].items() if k not in moving} == {
        k: v for k, v in alone.items() if k not in moving
    }


async def test_health_names_what_is_missing_and_finds_a_zombie(stage: Stage) -> None:
    path = f"/api/v1/nodes/{stage.agent.node_id}"
    health = (await stage.get(path))["health"]
    assert health["pos"] == {"state": "unknown", "reason": "phase_unknown", "figures": {}, "since_ms": None}
    now = stage.house.ears.now_ms()
    numbers = {"pos.committed_height": 1, "pos.still_seconds": 700, "pow.still_seconds": 1}
    told = stage.agent.envelope(now, numbers=numbers, states={"node.sync_phase": "NormalSyncPhase"})
    await stage.post("/api/v1/reports", *stage.agent.post(told))
    health = (await stage.get(path))["health"]
    assert (health["pos"]["reason"], health["pos"]["figures"]["still_seconds"]) == ("pos_still", 700)
    assert health["state"] in {"stalled", "zombie"}
    assert health["pos"]["since_ms"] <= now - 690_000


async def test_one_validator_and_its_votes(stage: Stage) -> None:
    carol = await stage.get(f"/api/v1/validators/{CAROL.upper().replace('0X', '0x')}")
    assert carol["votes"]["strip"].endswith("sssaa")
    strip = await stage.get(f"/api/v1/validators/{CAROL}/votes?last=2")
    assert strip == {"first": 4, "strip": "aa"}
    window = await stage.get("/api/v1/validators?last=2")
    assert {one["votes"]["strip"] for one in window["validators"]} == {"ll", "ss", "aa", "--"}


async def test_blocks_go_back_page_by_page(stage: Stage) -> None:
    first = await stage.get("/api/v1/blocks?limit=2")
    assert [one["height"] for one in first["blocks"]] == [5, 4]
    assert first["blocks"][0]["absent"] == [CAROL]
    assert (first["blocks"][0]["signers"], first["blocks"][0]["signed_votes"]) == (2, 20)
    rest = await stage.get(f"/api/v1/blocks?limit=4&before={first['next_before']}")
    assert [one["height"] for one in rest["blocks"]] == [3, 2, 1]
    assert rest["next_before"] is None


async def test_a_chart_is_columns(stage: Stage) -> None:
    series = await stage.get(f"/api/v1/nodes/{stage.agent.node_id}/series?names=pos.epoch,no.such")
    assert series["names"] == ["pos.epoch", "no.such"]
    assert [value for value in series["mean"][0] if value is not None] == [7]
    assert all(value is None for value in series["mean"][1])
    assert "host.cpu.used_ratio" in series["available"]


async def test_a_death_is_an_incident_at_once(stage: Stage) -> None:
    now = stage.house.ears.now_ms()
    await stage.post("/api/v1/reports", *stage.agent.post(stage.agent.died(now)))
    async with asyncio.timeout(20):
        while not (told := (await stage.get("/api/v1/incidents"))["incidents"]):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert (told[0]["rule"], told[0]["state"], told[0]["subject"]["name"]) == ("node_down", "open", "n1")
    assert told[0].items() <= (await stage.get(f"/api/v1/incidents/{told[0]['id']}")).items()
    node = await stage.get(f"/api/v1/nodes/{stage.agent.node_id}")
    assert (node["state"], node["since_ms"], node["incidents"]) == ("down", now, [told[0]["id"]])
    assert (await stage.get(f"/api/v1/validators/{ALICE}"))["incidents"] == [told[0]["id"]]
    network = await stage.get("/api/v1/network")
    assert network["incidents_open"] == 1
    assert network["nodes"] == {"down": 1}

    assert (await stage.get("/api/v1/incidents", STRANGER))["incidents"] == []
    assert (await stage.problem("GET", f"/api/v1/incidents/{told[0]['id']}", headers=STRANGER))[0] == 404
    assert (await stage.get(f"/api/v1/validators/{ALICE}", STRANGER))["incidents"] == []
    assert (await stage.get("/api/v1/network", STRANGER))["incidents_open"] == 0


async def test_the_public_sees_the_chain_and_nothing_that_is_owned(stage: Stage) -> None:
    network = await stage.get("/api/v1/network", STRANGER)
    assert network["pos"]["height"] == 5
    assert network["nodes"] == {}
    validators = (await stage.get("/api/v1/validators", STRANGER))["validators"]
    assert all(one["name"] is None and one["node_id"] is None for one in validators)
    assert (await stage.get("/api/v1/nodes", STRANGER)) == {"nodes": [], "next_cursor": None}
    assert (await stage.get("/api/v1/blocks", STRANGER))["blocks"]
    for path in ("", "/series?names=pos.epoch", "/states?names=node.version", "/availability"):
        whole = f"/api/v1/nodes/{stage.agent.node_id}{path}"
        assert (await stage.problem("GET", whole, headers=STRANGER))[0] == 404
    assert (await stage.problem("GET", "/metrics", headers=STRANGER))[0] == 401
    whole = json.dumps([network, validators])
    assert stage.agent.node_id not in whole
    assert "n1" not in whole


async def test_the_read_token_opens_from_anywhere(stage: Stage) -> None:
    opened = await stage.get("/api/v1/nodes", STRANGER | bearer(READ_TOKEN))
    assert len(opened["nodes"]) == 1


async def test_what_happens_is_told_live_to_those_who_may_see_it(stage: Stage) -> None:
    async def listen(headers: dict[str, str], events: list[tuple[str, Any]]) -> None:
        async with stage.http.get(stage.url + "/api/v1/live", headers=headers) as reply:
            assert reply.content_type == "text/event-stream"
            name = ""
            async for line in reply.content:
                if line.startswith(b"event: "):
                    name = line[7:].decode().strip()
                elif line.startswith(b"data: "):
                    events.append((name, json.loads(line[6:])))

    mine: list[tuple[str, Any]] = []
    theirs: list[tuple[str, Any]] = []
    tasks = [asyncio.create_task(listen({}, mine)), asyncio.create_task(listen(STRANGER, theirs))]
    await until(lambda: len(stage.house.live) == 2 and mine and theirs)
    await stage.post("/api/v1/reports", *stage.agent.post(stage.agent.died(stage.house.ears.now_ms())))
    await stage.house.database.write(
        lambda conn: votes.witness_blocks(conn, "mine", [block(6, ALICE, BOB, CAROL)], Span(6, 6))
    )
    stage.house.news.blocks_changed([6])
    await until(lambda: {name for name, _ in mine} == {"hello", "node", "incident", "block"})
    await until(lambda: {name for name, _ in theirs} == {"hello", "block"})
    told = dict(theirs)["block"]
    assert (told["height"], told["signed_votes"], told["cells"][CAROL]) == (6, 30, "s")
    assert told["cells"]["0x" + "d" * 64] == "-"
    assert dict(mine)["node"]["id"] == stage.agent.node_id
    for task in tasks:
        task.cancel()
    await until(lambda: len(stage.house.live) == 0)


async def test_what_cannot_be_told_holds_up_nothing_else_of_the_stream(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def odd(*_: Any) -> Any:
        raise ValueError("a block that nobody can spell")

    async with stage.http.get(stage.url + "/api/v1/live") as reply:
        await until(lambda: len(stage.house.live) == 1)
        monkeypatch.setattr(news, "_live_block", odd)
        stage.house.news.blocks_changed([5])
        await stage.post("/api/v1/reports", *stage.agent.post(stage.agent.died(stage.house.ears.now_ms())))
        async with asyncio.timeout(30):
            while await reply.content.readline() != b"event: node\n":
                pass
    assert "a block could not be told" in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "status", "says"),
    [
        ("GET", "/api/v1/nope", 404, "/api/openapi.json"),
        ("GET", "/api/v1/nodes/nope", 404, "no such node"),
        ("GET", f"/api/v1/validators/{NOBODY}", 404, "No validator"),
        ("GET", "/api/v1/validators/0x12", 422, "address"),
        ("GET", f"/api/v1/validators/{ALICE}/votes?last=1001", 422, "less than or equal to 1000"),
        ("GET", f"/api/v1/validators/{ALICE}/votes?last=0", 422, "greater than or equal to 1"),
        ("GET", "/api/v1/validators?last=x", 422, "valid integer"),
        ("GET", "/api/v1/blocks?limit=0", 422, "limit"),
        ("GET", "/api/v1/blocks?before=-1", 422, "before"),
        ("GET", "/api/v1/blocks?before=99999999999999999999", 422, "before"),
        ("GET", "/api/v1/incidents/x", 422, "incident_id"),
        ("GET", "/api/v1/incidents/99999999999999999999", 422, "incident_id"),
        ("GET", "/api/v1/nodes/n/series?from_ms=5&to_ms=5", 422, "before to_ms"),
        ("GET", "/api/v1/nodes/n/series?from_ms=0&to_ms=999999999999", 422, "20 years"),
        ("GET", "/api/v1/nodes/n/series?points=0", 422, "points"),
        ("GET", "/api/v1/nodes/n/states?from_ms=5&to_ms=5", 422, "before to_ms"),
        ("GET", "/api/v1/nodes/n/states?names=" + ",".join("abcdefghijklmnopqrstuv"), 422, "at most 20"),
        ("GET", "/api/v1/nodes/n/availability?window=1h", 422, "window"),
        ("GET", "/api/v1/nodes/n/availability?window=all&cell=hour", 422, "24h, 7d, 30d"),
        ("GET", "/api/v1/nodes/n/availability", 404, "There is no such node"),
        ("GET", "/api/v1/nodes/n/series?names=" + ",".join("abcdefghijklmnopqrstuv"), 422, "at most 20"),
        ("DELETE", "/api/v1/nodes", 405, "does not take DELETE"),
        ("GET", "/api/v1/reports", 405, "does not take GET"),
        ("PUT", "/api/v1/reports", 405, "does not take PUT"),
        ("POST", "/api/v1/agents", 401, "token"),
        ("POST", "/api/v1/reports", 401, "Vedette-Agent"),
        ("GET", "/assets/none.js", 404, "nothing at"),
    ],
)
async def test_what_is_wrong_is_told_in_one_line(
    stage: Stage, method: str, path: str, status: int, says: str
) -> None:
    told, detail = await stage.problem(method, path)
    assert told == status, detail
    assert says in detail


async def test_a_long_body_is_refused_on_every_route_however_it_is_sent(stage: Stage) -> None:
    async def drop_by_drop() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * (BODY_BYTES_MAX // 16)

    long = b"x" * (BODY_BYTES_MAX + 1)
    assert (await stage.problem("POST", "/api/v1/agents", data=long))[0] == 413
    assert (await stage.problem("POST", "/api/v1/agents", data=drop_by_drop()))[0] == 413
    assert (await stage.problem("POST", "/api/v1/nope", data=long))[0] == 413


async def test_a_head_without_an_end_is_cut_off(stage: Stage) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(stage.url.rsplit(":", 1)[1]))
    writer.write(b"GET / HTTP/1.1\r\n")
    with suppress(ConnectionError):
        for number in range(2_000):
            writer.write(b"X-%d: " % number + b"y" * 1_000 + b"\r\n")
            await writer.drain()
        await asyncio.wait_for(reader.read(), 30)
    assert not await _still_open(reader, writer)


async def _still_open(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    try:
        writer.write(b"X: y\r\n\r\n")
        await writer.drain()
        return bool(await asyncio.wait_for(reader.read(1), 30))
    except ConnectionError:
        return False
    finally:
        writer.close()


async def test_a_head_request_is_answered_without_a_body(stage: Stage) -> None:
    for path, status in (("/healthz", 200), ("/api/v1/nodes", 200), ("/", 200), ("/api/v1/live", 405)):
        async with stage.http.head(stage.url + path) as reply:
            assert reply.status == status, path
            assert await reply.read() == b""


async def test_a_bug_is_loud_in_the_log_and_says_nothing_to_the_reader(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> None:
        raise ValueError("a secret of the house")

    monkeypatch.setattr(votes, "blocks_before", broken)
    status, detail = await stage.problem("GET", "/api/v1/blocks")
    assert status == 500
    assert "secret" not in detail


async def test_every_answer_carries_the_headers_that_browsers_obey(stage: Stage) -> None:
    for path in ("/", "/nodes/n1", "/api/v1/network", "/api/v1/nope", "/healthz", "/api/openapi.json"):
        async with stage.http.get(stage.url + path) as reply:
            policy = reply.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'")
            assert "unsafe" not in policy
            assert reply.headers["X-Content-Type-Options"] == "nosniff"
            assert reply.headers["Referrer-Policy"] == "no-referrer"
            assert "server" not in reply.headers


async def test_readiness_and_metrics(stage: Stage) -> None:
    async with stage.http.get(stage.url + "/healthz") as reply:
        assert (reply.status, await reply.text()) == (200, "alive\n")
    async with stage.http.get(stage.url + "/readyz") as reply:
        assert reply.status == 200
    async with stage.http.get(stage.url + "/metrics") as reply:
        text = await reply.text()
    for line in (
        "vedette_reports_total 1.0",
        "vedette_ingest_queue_depth 0.0",
        'vedette_http_requests_total{method="POST",route="/api/v1/reports",status="200"} 1.0',
        "process_resident_memory_bytes",
        "vedette_loop_lag_seconds",
        "vedette_commit_seconds",
        "vedette_outbox_oldest_age_seconds 0.0",
        "# TYPE vedette_follower_lag_blocks gauge",
    ):
        assert line in text, line


async def test_a_large_answer_is_compressed_for_whoever_asks(stage: Stage) -> None:
    async with stage.http.get(stage.url + "/api/v1/validators", headers={"Accept-Encoding": "gzip"}) as reply:
        assert reply.headers["Content-Encoding"] == "gzip"
        assert (await reply.json())["height"] == 5


def test_the_openapi_document_describes_every_route_and_every_error_as_a_problem() -> None:
    document = openapi_document()
    assert set(document["paths"]) >= {
        "/api/v1/network", "/api/v1/validators", "/api/v1/validators/{address}/votes", "/api/v1/nodes",
        "/api/v1/nodes/{node_id}/series", "/api/v1/blocks", "/api/v1/incidents", "/api/v1/live",
        "/api/v1/agents", "/api/v1/reports", "/healthz", "/readyz", "/metrics",
    }  # fmt: skip
    schemas = document["components"]["schemas"]
    assert {"Network", "Validators", "Node", "Series", "LiveBlock", "IncidentShape", "Problem"} <= set(
        schemas
    )
    assert "HTTPValidationError" not in json.dumps(document)
    for reference in set(_references(document)):
        assert reference.removeprefix("#/components/schemas/") in schemas, reference


def _references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [found for value in part.values() for found in _references(value)]
    if isinstance(part, list):
        return [found for value in part for found in _references(value)]
    return []


async def test_the_clock_of_the_house_is_the_one_that_was_given(tmp_path: Path) -> None:
    clock = HandClock()
    async with (
        served(settings(tmp_path), clock) as (_, url),
        client() as http,
        http.get(url + "/api/v1/network") as reply,
    ):
        assert (await reply.json())["at_ms"] == clock.now_ms()
