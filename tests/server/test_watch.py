"""Endpoints without an agent, watched for real: replayed nodes with faults, TLS, WebSocket, odd servers."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from tests.notify.tls import strangers_tls
from tests.server.stage import HandClock, client, quiet_house, settings
from tests.server.stage import served as served_house
from tests.server.watching import WHO, Stand, watched, watching
from vedette.alerts.engine import judge
from vedette.alerts.limits import Limits
from vedette.conflux import networks
from vedette.model.clock import MachineClock
from vedette.model.people import FIRST_TEAM, Who
from vedette.model.pivots import MARKS, pivots
from vedette.model.view import NodeState
from vedette.replay.faults import Faults
from vedette.replay.network import Network
from vedette.replay.options import ReplayOptions
from vedette.replay.serve import Served, served
from vedette.server.api.nodes import state_of
from vedette.server.settings import EndpointSetting
from vedette.server.watch import CUT
from vedette.store import nodes, reading
from vedette.store.endpoints import EndpointNode, keep_endpoints, node_id
from vedette.store.view import view

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def network() -> Network:
    return Network.grown(ReplayOptions(epochs=8))


@asynccontextmanager
async def beside_references(
    network: Network, tmp_path: Path, faults: Faults, references: int = 2, **other: Any
) -> AsyncIterator[tuple[Stand, Served]]:
    """One watched endpoint called `one`, and honest references."""
    async with AsyncExitStack() as stack:
        honest = [await stack.enter_async_context(served(network)) for _ in range(references)]
        subject = await stack.enter_async_context(served(network, faults))
        if other.pop("with_ws", False):
            other["ws"] = subject.url.replace("http", "ws") + "/ws"
        given = [EndpointSetting(f"r{n}", one.url) for n, one in enumerate(honest)]
        given.append(watched("one", subject.url, **other))
        stand = await stack.enter_async_context(watching(tmp_path, given))
        yield stand, subject


async def test_a_sound_endpoint_is_a_healthy_node_with_series(network: Network, tmp_path: Path) -> None:
    async with beside_references(network, tmp_path, Faults()) as (stand, _):
        node = await stand.word("one", "healthy")
        node = await stand.until("one", lambda one: one.version)
        assert (node.kind, node.role, node.state, node.failures) == ("endpoint", "full", "up", [])
        assert node.version is not None
        assert node.version.startswith("conflux-rust/v3.0.2")
        told = node.endpoint
        assert told is not None
        assert (told.lag_epochs, told.lag_blocks, told.references, told.pivot_agrees) == (0, 0, 2, True)
        assert (told.reason, told.tls_days, told.websocket_ms, told.archive) == (None, None, None, None)
        measured = {one.method: one for one in told.latencies}
        assert {"cfx_getStatus", "pos_getStatus", "cfx_getBlockByEpochNumber"} <= measured.keys()
        assert all(0 < one.p50_ms <= one.p95_ms < 2_000 for one in measured.values())
        names = ["pow.latest_epoch", "endpoint.lag_epochs", "rpc.cfx_get_status.p95_ms", "endpoint.answers"]
        now = stand.house.ears.now_ms()
        async with stand.house.database.read() as conn:
            chart = await reading.columns(conn, WHO, node.id, names, now - 60_000, now + 1_000, 500)
            row = await nodes.node(conn, WHO, node.id)
        assert chart is not None
        assert set(names) <= set(chart.available)
        assert row is not None
        assert len(pivots(row.states["pow.pivots"])) == MARKS
        assert set(stand.seen) == {node.id}


async def test_an_endpoint_that_lags_says_by_how_much(network: Network, tmp_path: Path) -> None:
    async with beside_references(network, tmp_path, Faults(lag_blocks=20)) as (stand, subject):
        node = await stand.word("one", "lagging")
        assert node.endpoint is not None
        head = network.pow_head(network.head)
        assert node.endpoint.lag_epochs == head - network.pow_head(network.head - 20)
        assert node.endpoint.lag_blocks == 20
        assert node.endpoint.reason is not None
        assert "epochs behind the median of 2 references; 20 PoS blocks behind" in node.endpoint.reason
        assert node.endpoint.pivot_agrees is True, "it is late, and on our chain"
        subject.faults.lag_blocks = 0
        await stand.word("one", "healthy")


async def test_an_endpoint_on_another_chain_is_forked(network: Network, tmp_path: Path) -> None:
    async with beside_references(network, tmp_path, Faults(lying_pivots_from=1)) as (stand, subject):
        node = await stand.word("one", "forked")
        assert node.endpoint is not None
        assert node.endpoint.pivot_agrees is False
        subject.faults.lying_pivots_from = None
        assert (await stand.word("one", "healthy")).endpoint is not None


async def test_with_one_reference_nothing_is_guessed(network: Network, tmp_path: Path) -> None:
    async with beside_references(network, tmp_path, Faults(lag_blocks=20), references=1) as (stand, _):
        node = await stand.until("one", lambda one: one.endpoint and one.endpoint.references)
        told = node.endpoint
        assert told is not None
        assert (told.state, told.lag_epochs, told.lag_blocks, told.pivot_agrees) == (
            "unknown",
            None,
            None,
            None,
        )
        assert told.reason == "1 references answer, and 2 are needed to compare with"
        assert node.state == "up", "that it answers is known"


async def test_two_references_that_contradict_each_other_accuse_nobody(
    network: Network, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        honest, subject = [await stack.enter_async_context(served(network)) for _ in range(2)]
        liar = await stack.enter_async_context(served(network, Faults(lying_pivots_from=1)))
        given = [EndpointSetting("a", honest.url), EndpointSetting("b", liar.url)]
        given.append(watched("one", subject.url))
        stand = await stack.enter_async_context(watching(tmp_path, given))
        node = await stand.word("one", "healthy")
        assert node.endpoint is not None
        assert node.endpoint.pivot_agrees is None


async def test_a_gateway_that_limits_us_is_limited_and_not_silent(network: Network, tmp_path: Path) -> None:
    async with beside_references(network, tmp_path, Faults(calls_per_s=0.5)) as (stand, subject):
        node = await stand.word("one", "limited")
        assert node.state == "up"
        assert node.endpoint is not None
        assert node.endpoint.reason is not None
        assert "HTTP 429" in node.endpoint.reason
        asked = subject.asked
        await asyncio.sleep(0.5)
        assert subject.asked - asked <= 1, "it is left alone for as long as it said"


async def test_answers_that_break_off_are_told_and_the_end_of_it_as_well(
    network: Network, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="vedette.server.watch")
    async with beside_references(network, tmp_path, Faults(cut_every=1)) as (stand, subject):
        node = await stand.word("one", "unreachable")
        assert [one.probe for one in node.failures] == ["status"]
        assert "cut off" in node.failures[0].reason
        heard_at = node.heard_at_ms
        await asyncio.sleep(0.3)
        assert (await stand.node("one")).heard_at_ms == heard_at
        subject.faults.cut_every = 0
        node = await stand.word("one", "healthy")
        assert node.heard_at_ms > heard_at
        assert node.failures == []
    told = [record.getMessage() for record in caplog.records]
    assert sum("the endpoint one does not answer" in line for line in told) == 1
    assert sum("the endpoint one answers again" in line for line in told) == 1


async def test_a_port_without_pos_is_no_failure(network: Network, tmp_path: Path) -> None:
    async with beside_references(network, tmp_path, Faults(no_pos=True)) as (stand, _):
        node = await stand.word("one", "healthy")
        assert node.failures == []
        assert node.states["endpoint.pos"] == "not offered"
        assert node.endpoint is not None
        assert node.endpoint.lag_blocks is None


async def test_espace_is_held_against_core_references(network: Network, tmp_path: Path) -> None:
    async with beside_references(network, tmp_path, Faults(), kind="espace", role="rpc") as (stand, subject):
        node = await stand.word("one", "healthy")
        told = node.endpoint
        assert told is not None
        assert (told.space, told.lag_epochs, told.lag_blocks, told.pivot_agrees) == ("espace", 0, None, True)
        subject.faults.lag_blocks = 20
        await stand.word("one", "lagging")
        subject.faults.lying_pivots_from = 1
        await stand.word("one", "forked")


@pytest.mark.parametrize("kind", ["core", "espace"])
async def test_a_websocket_tells_of_a_head_in_time_or_has_failed(
    network: Network, tmp_path: Path, kind: str
) -> None:
    async with beside_references(network, tmp_path, Faults(), kind=kind, with_ws=True) as (stand, subject):
        node = await stand.until("one", lambda one: one.endpoint and one.endpoint.websocket_ms)
        assert node.endpoint is not None
        assert node.endpoint.websocket_ms is not None
        assert 0 < node.endpoint.websocket_ms < 500
        subject.faults.silent_heads = True
        node = await stand.until("one", lambda one: one.failures)
        assert [(one.probe, one.reason) for one in node.failures] == [
            ("websocket", "No new head over WebSocket within 0.5 s.")
        ]
        assert node.endpoint is not None
        assert node.endpoint.state == "healthy", "its JSON-RPC is as good as before"


async def test_an_archive_is_compared_with_a_second_one(network: Network, tmp_path: Path) -> None:
    async with beside_references(network, tmp_path, Faults(), role="archive") as (stand, subject):
        node = await stand.until("one", lambda one: one.endpoint and one.endpoint.archive == "agrees")
        assert node.endpoint is not None
        assert node.endpoint.archive_epoch is not None
        subject.faults.lying_state = True
        node = await stand.until("one", lambda one: one.endpoint and one.endpoint.archive == "differs")
        assert "tell different things of epoch" in node.failures[0].reason
        assert node.failures[0].reason.endswith(": balance.")
        subject.faults.lying_state = False
        subject.faults.lost_state_below_epoch = 2**60
        node = await stand.until(
            "one", lambda one: one.failures and one.endpoint and not one.endpoint.archive
        )
        assert "does not exist" in node.failures[0].reason, "it is no archive"


async def test_an_archive_without_a_second_one_is_unknown(network: Network, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        full = [
            await stack.enter_async_context(served(network, Faults(lost_state_below_epoch=2**60)))
            for _ in range(2)
        ]
        subject = await stack.enter_async_context(served(network))
        given = [EndpointSetting(f"r{n}", one.url) for n, one in enumerate(full)]
        given.append(watched("one", subject.url, role="archive"))
        stand = await stack.enter_async_context(watching(tmp_path, given))
        node = await stand.until("one", lambda one: one.endpoint and one.endpoint.archive)
        assert node.endpoint is not None
        assert (node.endpoint.archive, node.failures) == ("unknown", [])


async def test_an_espace_archive_answers_for_the_past(network: Network, tmp_path: Path) -> None:
    faults = Faults()
    async with beside_references(network, tmp_path, faults, kind="espace", role="archive") as (stand, _):
        await stand.until("one", lambda one: one.endpoint and one.endpoint.archive == "answers")
        faults.lost_state_below_epoch = 2**60
        node = await stand.until("one", lambda one: one.failures)
        assert node.failures[0].probe == "archive"


async def test_a_certificate_that_ends_soon_or_that_nobody_trusts_is_told(
    network: Network, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        subject = await stack.enter_async_context(served(network, tls=strangers_tls(tmp_path)))
        stand = await stack.enter_async_context(watching(tmp_path, [watched("one", subject.url)]))
        node = await stand.until("one", lambda one: one.endpoint and one.endpoint.tls_days)
        assert node.endpoint is not None
        assert node.endpoint.tls_days == pytest.approx(1, abs=0.01)
        assert node.endpoint.state == "unreachable"
        assert "check its certificate" in node.failures[0].reason
        assert node.failures[1].reason == "Its certificate ends in 1.0 days: renew it."


# --- odd servers, and what must not be known


@asynccontextmanager
async def odd(handle: Callable[[web.Request], Any]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/{path:.*}", handle)
    app.router.add_get("/ws", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_header_is_sent_and_never_told(
    network: Network, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    got: list[Mapping[str, str]] = []

    async def echo(request: web.Request) -> web.Response:
        got.append(request.headers)
        error = {"code": -32000, "message": f"bad key {request.headers.get('Authorization')} {request.path}"}
        return web.json_response({"jsonrpc": "2.0", "id": 1, "error": error})

    async with odd(echo) as url:
        given = watched("one", url + "/swordfish", header=("Authorization", "Bearer hunter2hunter2"))
        async with watching(tmp_path, [given]) as stand:
            node = await stand.word("one", "unreachable")
    assert got[0]["Authorization"] == "Bearer hunter2hunter2"
    for secret in ("hunter2", "swordfish"):
        assert secret not in node.model_dump_json()
        assert secret not in caplog.text
    assert "bad key … /…" in node.failures[0].reason


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    reached: list[str] = []

    async def inner(_: web.Request) -> web.Response:
        reached.append("inner")
        return web.json_response({})

    async with odd(inner) as secret_place:

        async def elsewhere(_: web.Request) -> web.Response:
            raise web.HTTPTemporaryRedirect(secret_place)

        async with odd(elsewhere) as url, watching(tmp_path, [watched("one", url)]) as stand:
            node = await stand.word("one", "unreachable")
    assert "redirects are not followed" in node.failures[0].reason
    assert reached == []


async def test_a_websocket_that_leads_elsewhere_is_not_followed(network: Network, tmp_path: Path) -> None:
    async def elsewhere(_: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect(subject.url + "/ws")

    async with served(network) as subject, odd(elsewhere) as url:
        given = watched("one", subject.url, ws=url.replace("http", "ws") + "/ws")
        async with watching(tmp_path, [given]) as stand:
            node = await stand.until("one", lambda one: one.failures)
    assert [(one.probe, one.reason) for one in node.failures] == [
        ("websocket", "HTTP 307: redirects are not followed; give the final URL.")
    ]


async def test_a_websocket_that_talks_nonsense_is_told(network: Network, tmp_path: Path) -> None:
    async def nonsense(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str("[" * 5_000)
        await socket.receive()
        return socket

    async with served(network) as subject, odd(nonsense) as url:
        given = watched("one", subject.url, ws=url.replace("http", "ws") + "/ws")
        async with watching(tmp_path, [given]) as stand:
            node = await stand.until("one", lambda one: one.failures)
    assert "something that is not JSON" in node.failures[0].reason


@pytest.mark.parametrize("kind", ["core", "espace"])
async def test_public_references_are_asked_of_a_public_chain_only(
    network: Network, tmp_path: Path, kind: str
) -> None:
    chain = int(network.pow_status()["chainId"], 16)
    public = replace_network(networks.brought(), chain, "https://127.0.0.1:9")
    networks.use(public)
    try:
        for asked in (True, False):
            async with served(network) as subject:
                given = [watched("one", subject.url, kind=kind)]
                place = tmp_path / str(asked)
                place.mkdir()
                async with watching(place, given, public_references=asked) as stand:
                    await stand.until("one", lambda one: one.endpoint and one.endpoint.latencies)
                    await asyncio.sleep(0.3)
                    assert stand.watch.references.urls == (["https://127.0.0.1:9"] if asked else [])
    finally:
        networks.use(None)


def replace_network(known: networks.Networks, chain_id: int, url: str) -> networks.Networks:
    """The data with one network of that chain, whose only endpoint is there."""
    changed = msgspec.structs.replace(
        known.networks[0], chain_id=chain_id, espace_chain_id=chain_id + 1, endpoints=(url,)
    )
    return msgspec.structs.replace(known, networks=(changed,))


async def test_a_body_without_end_is_given_up(tmp_path: Path) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with suppress(ConnectionError):
            while True:
                await response.write(b" " * (1 << 20))
        return response

    async with odd(endless) as url, watching(tmp_path, [watched("one", url)]) as stand:
        node = await stand.word("one", "unreachable")
    assert "more than 16 MiB" in node.failures[0].reason


# --- a node like any other


async def test_an_endpoint_that_stays_silent_is_told_as_an_endpoint(tmp_path: Path) -> None:
    async with watching(tmp_path, [watched("one", NOWHERE)]) as stand:
        node = await stand.word("one", "unreachable")
        assert node.state == "unknown", "it may answer the next time"
        async with stand.house.database.read() as conn:
            seen = await view(conn, node.due_at_ms)
        (finding,) = judge(seen, Limits())
        assert (finding.rule, finding.facts["agentless"], finding.subject.name) == ("node_silent", 1, "one")
        row = await stand.row("one")
        late = replace(row, due_at_ms=0)
        assert state_of(late, stand.house.ears) is NodeState.SILENT


async def test_nobody_can_speak_for_an_endpoint(tmp_path: Path) -> None:
    given = [watched("one", NOWHERE)]
    async with watching(tmp_path, given) as stand, stand.house.database.read() as conn:
        assert await nodes.agent_keys(conn, node_id("one")) is None
        assert await nodes.node(conn, Who(FIRST_TEAM + 1), node_id("one")) is None


async def test_an_endpoint_that_left_the_settings_is_no_node_and_keeps_its_past(
    network: Network, tmp_path: Path
) -> None:
    async with served(network) as subject:
        async with watching(tmp_path, [watched("one", subject.url)]) as stand:
            await stand.until("one", lambda one: one.endpoint and one.endpoint.latencies)
        async with quiet_house(settings(tmp_path), MachineClock()) as house:
            await house.watch.keep()
            async with house.database.read() as conn:
                assert await nodes.nodes(conn, WHO) == []
            again = [EndpointNode("one", "archive")]
            await house.database.write(lambda conn: keep_endpoints(conn, FIRST_TEAM, again, 1))
            now = house.ears.now_ms()
            async with house.database.read() as conn:
                (row,) = await nodes.nodes(conn, WHO)
                told = await reading.columns(conn, WHO, row.id, ["pow.latest_epoch"], now - 60_000, now, 100)
    assert (row.role, row.kind) == ("archive", "endpoint")
    assert told is not None
    assert "pow.latest_epoch" in told.available


async def test_when_nobody_answers_it_is_our_own_line_for_a_quarter_of_an_hour(tmp_path: Path) -> None:
    clock = HandClock()
    given = [watched(name, NOWHERE + f"/{name}") for name in ("one", "two", "three")]
    async with watching(tmp_path, given, clock) as stand:
        node = await stand.word("one", "unreachable")
        due_at = node.due_at_ms
        clock.pass_ms(60_000)
        await stand.until(
            "one", lambda one: one.due_at_ms > due_at and one.endpoint and one.endpoint.reason == CUT
        )
        clock.pass_ms(900_000)
        await stand.word("one", "unreachable")


async def test_two_places_that_do_not_answer_are_two_silent_endpoints(tmp_path: Path) -> None:
    clock = HandClock()
    given = [watched(name, NOWHERE + f"/{name}") for name in ("one", "two")]
    async with watching(tmp_path, given, clock) as stand:
        before = await stand.word("one", "unreachable")
        clock.pass_ms(60_000)
        after = await stand.until("one", lambda one: one.states != before.states or len(stand.seen) > 8)
        assert after.due_at_ms == before.due_at_ms
        assert after.state == "silent"
        assert after.endpoint is not None
        assert after.endpoint.reason == before.failures[0].reason


async def test_an_endpoint_is_not_its_own_reference(network: Network, tmp_path: Path) -> None:
    async with served(network) as other, served(network) as subject:
        given = [
            EndpointSetting("other", other.url),
            EndpointSetting("itself", subject.url + "/"),
            watched("one", subject.url, follow=True),
        ]
        async with watching(tmp_path, given) as stand:
            node = await stand.until("one", lambda one: one.endpoint and one.endpoint.references)
            assert node.endpoint is not None
            assert (node.endpoint.references, node.endpoint.lag_epochs) == (1, None)


async def test_the_api_tells_of_endpoints_and_of_old_data(network: Network, tmp_path: Path) -> None:
    async with served(network) as a, served(network) as b, served(network) as subject:
        given = settings(
            tmp_path,
            endpoints=(EndpointSetting("a", a.url), EndpointSetting("b", b.url), watched("one", subject.url)),
            public_references=False,
        )
        async with served_house(given) as (house, url), client() as http:
            async with asyncio.timeout(30):
                while True:
                    async with http.get(f"{url}/api/v1/nodes") as reply:
                        (node,) = (await reply.json())["nodes"]
                    if node["endpoint"]["state"] == "healthy":
                        break
                    await asyncio.sleep(0.2)
            assert (node["name"], node["kind"], node["state"]) == ("one", "endpoint", "up")
            assert subject.url.rpartition(":")[2] not in str(node), "where it is asked is nobody's business"
            async with http.get(f"{url}/api/v1/nodes/{node['id']}") as reply:
                assert (await reply.json())["endpoint"]["interval_ms"] == 10_000
            async with http.get(f"{url}/api/v1/network") as reply:
                told = await reply.json()
            assert told["data_of"] == "2026-08-04"
            assert told["data_doubts"] == list(house.watch.data.doubts)
            stranger = {"X-Forwarded-For": "203.0.113.7"}
            async with http.get(f"{url}/api/v1/nodes", headers=stranger) as reply:
                assert (await reply.json())["nodes"] == []
