"""Changing nodes over a real port: what an operator says, who may, and what anybody sees of it."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.server.people import cookie, key_of, signed_in
from tests.server.stage import READ_TOKEN, TOKEN, Agent, bearer, client, hear, served, settings
from vedette.model.people import Role
from vedette.server.changes import CHANGES_A_MINUTE, Changes
from vedette.server.house import House

PLACE = {"country": "DE", "city": "Frankfurt am Main", "latitude": 50.1109, "longitude": 8.6821}
TOLD = {
    "node.version": "conflux-rust/v3.0.2-fd68efe-20260110/x86_64-linux-gnu/rustc1.77.2",
    "node.release": "3.0.2",
    "node.pos_address": "0x" + "ab" * 32,
    "node.path": "/srv/secret-path",
    "probe.pow.error": "no answer from 10.1.2.3:12537",
}


class Desk:
    """A served house with one node, a member's client and anybody's."""

    def __init__(self, house: House, url: str, http: aiohttp.ClientSession, agent: Agent, key: str) -> None:
        self.house, self.url, self.http, self.agent, self.key = house, url, http, agent, key
        self.path = f"/api/v1/nodes/{agent.node_id}"

    async def ask(
        self, method: str, path: str, body: Any = None, *, token: str | None = "its key", **headers: str
    ) -> tuple[int, Any]:
        held = bearer(self.key if token == "its key" else token) if token else {}
        sent = {"Content-Type": "application/json"} | held | _spelled(headers)
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body)
        async with self.http.request(method, self.url + path, data=data, headers=sent) as reply:
            text = await reply.text()
            return reply.status, json.loads(text) if text else None

    async def report(self, **states: str) -> None:
        now = self.house.ears.now_ms()
        await hear(
            self.house,
            *self.agent.post(self.agent.envelope(now, states=TOLD | states, numbers={"a.b": 4711})),
        )


def _spelled(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    given = settings(tmp_path, trust_loopback=False)
    async with served(given) as (house, url), client() as http:
        agent = Agent("asia-1")
        async with http.post(f"{url}/api/v1/agents", data=agent.enrolment(), headers=bearer(TOKEN)) as reply:
            assert reply.status == 200
        found = Desk(house, url, http, agent, await key_of(house.database))
        await found.report()
        yield found


async def test_what_an_operator_says_is_kept_and_outranks_what_the_agent_tells(desk: Desk) -> None:
    said = {
        "name": "Asia One",
        "role": "voter",
        "labels": ["rack-7", "pool"],
        "group": "Asia",
        "is_public": True,
        "publish": "city",
        "place": PLACE,
    }
    status, node = await desk.ask("PATCH", desk.path, said)
    assert status == 200
    place = node["place"]
    assert {**node, "place": None} | said == node | said
    assert place == {**PLACE, "source": "operator", "hosting": None}
    async with desk.http.post(
        f"{desk.url}/api/v1/agents", data=desk.agent.enrolment(), headers=bearer(TOKEN)
    ) as reply:
        assert reply.status == 200
    status, again = await desk.ask("GET", desk.path)
    assert (again["name"], again["role"]) == ("Asia One", "voter")


async def test_what_is_left_out_stays_and_null_takes_a_word_back(desk: Desk) -> None:
    await desk.ask(
        "PATCH", desk.path, {"name": "Asia One", "role": "backup", "group": "Asia", "place": PLACE}
    )
    status, node = await desk.ask("PATCH", desk.path, {"labels": ["a"]})
    assert (status, node["name"], node["group"], node["labels"]) == (200, "Asia One", "Asia", ["a"])
    status, node = await desk.ask("PATCH", desk.path, dict.fromkeys(("name", "role", "group", "place")))
    assert (node["name"], node["role"], node["group"], node["place"]) == ("asia-1", "full", None, None)
    assert node["labels"] == ["a"]
    status, node = await desk.ask("PATCH", desk.path, {})
    assert (status, node["labels"]) == (200, ["a"])


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"role": "king"}, "role"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "printable"),
        ({"name": "x" * 81}, "name"),
        ({"labels": ["x"] * 21}, "labels"),
        ({"labels": ["x" * 41]}, "labels"),
        ({"labels": None}, "labels"),
        ({"is_public": None}, "is_public"),
        ({"publish": "street"}, "publish"),
        ({"place": {"country": "Germany"}}, "country"),
        ({"place": {"country": "DE", "latitude": 91, "longitude": 0}}, "latitude"),
        ({"place": {"country": "DE", "latitude": 9}}, "belong together"),
        ({"team_id": 7}, "team_id"),
        (b"{", "JSON"),
        (b'{"place": {"country": "DE", "latitude": NaN, "longitude": 1}}', "latitude"),
    ],
)
async def test_what_cannot_be_meant_is_refused_in_one_line(desk: Desk, said: Any, word: str) -> None:
    before = await desk.ask("GET", desk.path)
    status, problem = await desk.ask("PATCH", desk.path, said)
    assert status == 422
    assert word in problem["detail"]
    assert "\n" not in problem["detail"]
    after = await desk.ask("GET", desk.path)
    assert _owned(before[1]) == _owned(after[1])


def _owned(node: Mapping[str, Any]) -> dict[str, Any]:
    return {name: node[name] for name in ("name", "role", "labels", "group", "is_public", "publish", "place")}


async def test_only_a_members_own_client_changes_anything(desk: Desk) -> None:
    said = {"name": "mine now"}
    refused = [
        (await desk.ask("PATCH", desk.path, said, token=None), 401),
        (await desk.ask("PATCH", desk.path, said, token=READ_TOKEN + "x"), 401),
        (await desk.ask("PATCH", desk.path, said, token=READ_TOKEN), 403),
        (await desk.ask("PATCH", desk.path, said, token=await key_of(desk.house.database, ["read"])), 403),
        (await desk.ask("DELETE", desk.path, token=None), 401),
        (await desk.ask("PATCH", desk.path, said, Origin="https://evil.example"), 403),
        (await desk.ask("PATCH", desk.path, said, Origin="null"), 403),
        (await desk.ask("PATCH", desk.path, said, Origin=desk.url + ".evil.example"), 403),
        (await desk.ask("DELETE", desk.path, Origin="http://127.0.0.1:1"), 403),
        (await desk.ask("PATCH", desk.path, said, Content_Type="text/plain"), 415),
        (await desk.ask("PATCH", desk.path, said, Content_Type="application/x-www-form-urlencoded"), 415),
        (await desk.ask("PATCH", "/api/v1/nodes/0123456789abcdef", said), 404),
        (await desk.ask("DELETE", "/api/v1/nodes/0123456789abcdef"), 404),
    ]
    for (status, problem), wanted in refused:
        assert (status, problem["status"]) == (wanted, wanted)
        assert "\n" not in problem["detail"]
    status, node = await desk.ask("GET", desk.path)
    assert (status, node["name"]) == (200, "asia-1")
    status, node = await desk.ask("PATCH", desk.path, said, Origin=desk.url)
    assert (status, node["name"]) == (200, "mine now")


async def test_who_changes_too_often_is_told_to_wait_and_no_stranger_uses_that_up(desk: Desk) -> None:
    for _ in range(CHANGES_A_MINUTE + 1):
        assert (await desk.ask("DELETE", desk.path, token=None))[0] == 401
    answers = [await desk.ask("PATCH", desk.path, {"labels": [str(n)]}) for n in range(CHANGES_A_MINUTE + 1)]
    assert [status for status, _ in answers] == [200] * CHANGES_A_MINUTE + [429]
    _, node = await desk.ask("GET", desk.path)
    assert node["labels"] == [str(CHANGES_A_MINUTE - 1)]


def test_a_minute_later_one_may_try_again() -> None:
    now = 0
    changes = Changes(lambda: now, most=2)
    assert [changes.take("a"), changes.take("a"), changes.take("b")] == [0, 0, 0]
    assert changes.take("a") == 61
    now = 60_000
    assert changes.take("a") == 0


async def test_a_forgotten_node_is_gone_and_its_agent_is_refused_until_it_is_enrolled_again(
    desk: Desk,
) -> None:
    assert await desk.ask("DELETE", desk.path) == (204, None)
    assert (await desk.ask("GET", desk.path))[0] == 404
    assert (await desk.ask("GET", "/api/v1/nodes"))[1] == {"nodes": [], "next_cursor": None}
    body, headers = desk.agent.post(desk.agent.envelope(desk.house.ears.now_ms()))
    async with desk.http.post(f"{desk.url}/api/v1/reports", data=body, headers=headers) as reply:
        assert reply.status == 401
        assert "Enrol it first" in (await reply.json(content_type=None))["detail"]
    async with desk.http.post(
        f"{desk.url}/api/v1/agents", data=desk.agent.enrolment(), headers=bearer(TOKEN)
    ) as reply:
        assert reply.status == 200
    await desk.report()
    status, node = await desk.ask("GET", desk.path)
    assert (status, node["labels"], node["numbers"]["a.b"]) == (200, [], 4711)


async def test_a_report_under_way_while_its_node_is_forgotten_is_refused(desk: Desk) -> None:
    keys = dict(desk.house.ingest._keys)
    assert await desk.ask("DELETE", desk.path) == (204, None)
    desk.house.ingest._keys.update(keys)  # another server's, which was not told
    for _ in range(2):
        body, headers = desk.agent.post(desk.agent.envelope(desk.house.ears.now_ms()))
        async with desk.http.post(f"{desk.url}/api/v1/reports", data=body, headers=headers) as reply:
            assert reply.status == 401
    assert (await desk.ask("GET", desk.path))[0] == 404


async def test_nothing_of_a_node_is_public_that_was_not_meant_to_be(desk: Desk) -> None:
    said = {"name": "Asia One", "role": "voter", "labels": ["rack-7"], "group": "inner", "place": PLACE}
    await desk.ask("PATCH", desk.path, said)
    assert await desk.ask("GET", "/api/v1/nodes", token=None) == (200, {"nodes": [], "next_cursor": None})
    await desk.ask("PATCH", desk.path, {"is_public": True})
    _, found = await desk.ask("GET", "/api/v1/nodes", token=None)
    (node,) = found["nodes"]
    told = {name for name, value in node.items() if value not in (None, [], {})}
    assert told == {
        "id", "name", "kind", "role", "state", "heard_at_ms", "due_at_ms", "version", "is_public", "publish"
    }  # fmt: skip
    assert (node["version"], node["place"], node["publish"]) == ("3.0.2", None, "nothing")
    whole = json.dumps(found)
    for secret in ("rack-7", "inner", "Frankfurt", "DE", "10.1.2.3", "secret-path", "0x", "4711", "rustc"):
        assert secret not in whole
    for path in ("", "/series", "/states", "/availability"):
        assert (await desk.ask("GET", desk.path + path, token=None))[0] == 404


async def test_of_a_public_nodes_place_no_more_is_told_than_was_allowed(desk: Desk) -> None:
    await desk.ask("PATCH", desk.path, {"is_public": True, "place": PLACE | {"hosting": "Secret Ltd"}})
    seen = {}
    for publish in ("nothing", "country", "city"):
        await desk.ask("PATCH", desk.path, {"publish": publish})
        _, found = await desk.ask("GET", "/api/v1/nodes", token=None)
        seen[publish] = found["nodes"][0]["place"]
    assert seen["nothing"] is None
    plain = {"country": "DE", "source": "operator", "hosting": None}
    assert seen["country"] == plain | {"city": None, "latitude": 51.0, "longitude": 10.0}
    assert seen["city"] == plain | {"city": "Frankfurt am Main", "latitude": 50.1, "longitude": 8.7}


@pytest.mark.parametrize(
    ("role", "headers", "status"),
    [
        (Role.OPERATOR, {}, 200),
        (Role.OWNER, {}, 200),
        (Role.VIEWER, {}, 403),
        (Role.OWNER, {"Sec-Fetch-Site": "cross-site"}, 403),
        (Role.OWNER, {"Sec-Fetch-Site": "same-site"}, 403),
        (Role.OWNER, {"Sec-Fetch-Site": "none"}, 403),
        (Role.OWNER, {"Origin": "https://evil.example"}, 403),
    ],
)
async def test_a_signed_in_browser_changes_what_its_role_may_and_only_from_our_own_page(
    desk: Desk, role: Role, headers: dict[str, str], status: int
) -> None:
    held = cookie(await signed_in(desk.house.database, "ann", role)) | headers
    assert (await desk.ask("PATCH", desk.path, {"name": "Asia"}, token=None, **held))[0] == status


async def test_a_cookie_that_does_not_say_where_it_comes_from_changes_nothing(desk: Desk) -> None:
    held = {"Cookie": cookie(await signed_in(desk.house.database, "ann"))["Cookie"]}
    status, problem = await desk.ask("PATCH", desk.path, {"name": "Asia"}, token=None, **held)
    assert (status, "Another site" in problem["detail"]) == (403, True)
    assert (await desk.ask("PATCH", desk.path, {"name": "Asia"}, token=None, **held, Origin=desk.url))[
        0
    ] == 200
