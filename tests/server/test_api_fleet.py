"""Enrolment tokens, the map and versions over a real port."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.conftest import Api
from tests.server.people import key_of
from tests.server.stage import START_MS, TOKEN, Agent, HandClock, client, enrol, hear, served, settings
from tests.server.test_api_members import Desk
from vedette.conflux.networks import brought
from vedette.model.place import published
from vedette.store import chain
from vedette.store.enrolments import HOUR_MS


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def desk(tmp_path: Path, clock: HandClock) -> AsyncIterator[Desk]:
    given = settings(tmp_path, trust_loopback=False, public_url="https://vedette.example.org")
    async with served(given, clock) as (house, url), client() as http:
        yield Desk(house, url, http, Agent("asia-1"), await key_of(house.database))


async def _join(desk: Desk, token: str, agent: Agent | None = None) -> tuple[int, Any]:
    body = json.loads((agent or desk.agent).enrolment())
    return await desk.ask("POST", "/api/v1/agents", body, token=token)


async def test_a_ticket_lets_one_agent_in_and_tells_that_it_came(desk: Desk) -> None:
    status, ticket = await desk.ask("POST", "/api/v1/enrolments", {"name": "asia one"})
    assert status == 200
    assert ticket["expires_at_ms"] == START_MS + HOUR_MS
    words = f"vedette agent enroll https://vedette.example.org {ticket['token']} --name 'asia one'"
    assert ticket["line"] == words + " --dir /var/lib/vedette-agent"
    path = f"/api/v1/enrolments/{ticket['id']}"
    assert await desk.ask("GET", path) == (200, {"state": "waiting", "node_id": None})
    status, enrolled = await _join(desk, ticket["token"])
    assert (status, enrolled) == (200, {"node_id": desk.agent.node_id})
    assert await desk.ask("GET", path) == (200, {"state": "used", "node_id": desk.agent.node_id})
    status, problem = await _join(desk, ticket["token"], Agent("second"))
    assert (status, "works once" in problem["detail"]) == (401, True)
    assert (await _join(desk, ticket["token"]))[0] == 200, "its first answer may have been lost"
    await desk.report()
    assert (await desk.ask("GET", desk.path))[1]["name"] == "asia-1"


async def test_a_ticket_is_of_no_use_after_its_hour_or_after_its_node_was_forgotten(
    desk: Desk, clock: HandClock
) -> None:
    _, first = await desk.ask("POST", "/api/v1/enrolments", {})
    assert '--name "$(hostname)" --dir' in first["line"]
    await _join(desk, first["token"])
    assert (await desk.ask("DELETE", desk.path))[0] == 204
    assert (await _join(desk, first["token"]))[0] == 401
    _, second = await desk.ask("POST", "/api/v1/enrolments", {})
    clock.pass_ms(HOUR_MS)
    path = f"/api/v1/enrolments/{second['id']}"
    assert await desk.ask("GET", path) == (200, {"state": "expired", "node_id": None})
    assert (await _join(desk, second["token"]))[0] == 401
    assert (await _join(desk, TOKEN))[0] == 200, "the lasting token goes on working"


async def test_tickets_are_for_members(desk: Desk) -> None:
    _, ticket = await desk.ask("POST", "/api/v1/enrolments", {})
    path = f"/api/v1/enrolments/{ticket['id']}"
    assert (await desk.ask("POST", "/api/v1/enrolments", {}, token=None))[0] == 401
    assert (await desk.ask("POST", "/api/v1/enrolments", {}, token=ticket["token"]))[0] == 401
    assert (await desk.ask("POST", "/api/v1/enrolments", {}, Origin="https://evil.example"))[0] == 403
    assert (await desk.ask("POST", "/api/v1/enrolments", b"{}", Content_Type="text/plain"))[0] == 415
    assert (await desk.ask("POST", "/api/v1/enrolments", {"name": "a\nb"}))[0] == 422
    assert (await desk.ask("GET", path, token=None))[0] == 401
    assert (await desk.ask("GET", "/api/v1/enrolments/0"))[0] == 404
    assert (await desk.ask("PATCH", "/api/v1/nodes/0", {}, token=ticket["token"]))[0] == 401
    # The page's own address, as its operator told it, is no foreign origin.
    status, _ = await desk.ask("POST", "/api/v1/enrolments", {}, Origin="https://vedette.example.org")
    assert status == 200


async def _fleet(desk: Desk) -> list[Agent]:
    """Four nodes: two in Frankfurt (one public), one in the US (public, unpublished), one nowhere."""
    frankfurt = {"country": "DE", "city": "Frankfurt", "latitude": 50.1109, "longitude": 8.6821}
    said: list[dict[str, Any]] = [
        {"role": "voter", "is_public": True, "publish": "country", "place": frankfurt},
        {"role": "backup", "place": frankfurt},
        {"is_public": True, "place": {"country": "US"}},
        {"is_public": True, "publish": "city"},
    ]
    agents = [Agent(f"n{i}") for i in range(4)]
    for agent, words, release in zip(agents, said, ("3.0.2", "3.1.0", "unknown", "3.1.0"), strict=True):
        await enrol(desk.house, agent)
        told = agent.envelope(desk.house.ears.now_ms(), states={"node.release": release})
        await hear(desk.house, *agent.post(told))
        status, _ = await desk.ask("PATCH", f"/api/v1/nodes/{agent.node_id}", words)
        assert status == 200
    return agents


async def test_the_map_counts_nodes_by_place(desk: Desk) -> None:
    assert await desk.ask("GET", "/api/v1/map") == (200, {"places": [], "unplaced": 0, "data": None})
    await _fleet(desk)
    _, found = await desk.ask("GET", "/api/v1/map")
    assert found["unplaced"] == 1
    assert found["places"] == [
        {
            "country": "DE", "city": "Frankfurt", "latitude": 50.1109, "longitude": 8.6821, "nodes": 2,
            "voting_nodes": 1, "up": 2, "releases": {"3.1.0": 1, "3.0.2": 1}, "names": ["n0", "n1"],
        },
        {
            "country": "US", "city": None, "latitude": 39.5, "longitude": -98.5, "nodes": 1,
            "voting_nodes": 0, "up": 1, "releases": {}, "names": ["n2"],
        },
    ]  # fmt: skip


async def test_the_publics_map_has_public_nodes_alone_and_no_finer_than_published(desk: Desk) -> None:
    await _fleet(desk)
    _, found = await desk.ask("GET", "/api/v1/map", token=None)
    (place,) = found["places"]
    assert (place["country"], place["city"], place["names"]) == ("DE", None, ["n0"])
    assert (place["latitude"], place["longitude"], found["unplaced"]) == (51.0, 10.0, 2)
    assert "n1" not in json.dumps(found)


async def test_versions_are_counted_and_the_public_hears_of_public_nodes_without_seats(desk: Desk) -> None:
    agents = await _fleet(desk)
    await desk.house.database.write(lambda conn: chain.remember_chain_id(conn, 1029))
    _, found = await desk.ask("GET", "/api/v1/versions")
    assert [(one["release"], one["nodes"], one["voting_nodes"]) for one in found["releases"]] == [
        ("3.1.0", 2, 0),
        ("3.0.2", 1, 1),
    ]
    assert (found["unknown_nodes"], found["data_as_of"]) == (1, str(brought().as_of))
    last = found["forks"][-1]
    assert (last["version"], last["ready_nodes"], last["not_ready_nodes"], last["unknown_nodes"]) == (
        "3.1.0", 2, 1, 1,
    )  # fmt: skip
    assert last["not_ready"] == [{"id": agents[0].node_id, "name": "n0", "release": "3.0.2"}]
    _, seen = await desk.ask("GET", "/api/v1/versions", token=None)
    assert [(one["release"], one["nodes"]) for one in seen["releases"]] == [("3.1.0", 1), ("3.0.2", 1)]
    told = [seen["seats_known"], *(fork["ready_seats"] for fork in seen["forks"])]
    assert set(told) == {None}
    assert all(one["seats"] is None and one["seats_ppm"] is None for one in seen["releases"])


async def test_a_release_is_weighed_by_the_seats_that_its_nodes_hold_now(api: Api) -> None:
    tip = await api.house.tips.now()
    assert tip.committee_votes is not None
    address, votes = max(tip.committee_votes.items(), key=lambda pair: pair[1])
    for agent, voting in ((Agent("backup"), "false"), (Agent("voter"), "true")):
        await enrol(api.house, agent)
        states = {"node.release": "3.0.2" if voting == "true" else "3.1.0", "node.voting": voting}
        told = agent.envelope(api.house.ears.now_ms(), states=states | {"node.pos_address": address})
        await hear(api.house, *agent.post(told))
    found = await api.get("/versions")
    total = sum(tip.committee_votes.values())
    assert (found["seats_known"], found["seats_total"]) == (votes, total)
    assert sum(one["voting_nodes"] for one in found["releases"]) == 1
    assert [(one["release"], one["seats"], one["seats_ppm"]) for one in found["releases"]] == [
        ("3.1.0", 0, 0),
        ("3.0.2", votes, 10**6 * votes // total),
    ]


def test_nothing_is_published_of_what_is_not_known() -> None:
    assert published(None, "city") is None
