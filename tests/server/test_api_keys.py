"""Keys and tokens over a real port: a team's API keys, its enrolments, and agents that are refused."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.server.people import cookie, key_of, signed_in, team_of
from tests.server.stage import TOKEN, Agent, bearer, client, hear, refusal, served, settings
from vedette.model.errors import SettingError
from vedette.model.people import Role, Scope, Who
from vedette.server.house import House
from vedette.server.key_commands import add, list_, revoke
from vedette.store import registry
from vedette.store.view import views

STRANGER = {"X-Forwarded-For": "203.0.113.7", "Content-Type": "application/json"}


class Desk:
    """A served house, its owner's browser and a client."""

    def __init__(self, house: House, url: str, http: aiohttp.ClientSession, owner: str) -> None:
        self.house, self.url, self.http = house, url, http
        self.owner = cookie(owner)

    async def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        sent = STRANGER | (self.owner if headers is None else headers)
        data = None if body is None else json.dumps(body)
        async with self.http.request(method, f"{self.url}/api/v1{path}", data=data, headers=sent) as reply:
            text = await reply.text()
            return reply.status, json.loads(text) if text else None

    async def enrolled(self, token: str, agent: Agent) -> int:
        async with self.http.post(
            f"{self.url}/api/v1/agents", data=agent.enrolment(), headers=bearer(token)
        ) as reply:
            return reply.status


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with served(settings(tmp_path)) as (house, url), client() as http:
        yield Desk(house, url, http, await signed_in(house.database, "ada"))


async def test_an_owner_makes_a_key_and_its_token_is_told_once(desk: Desk) -> None:
    status, made = await desk.ask(
        "POST", "/keys", {"name": "grafana", "scopes": ["read"], "expires_in_days": 3}
    )
    assert status == 200
    key = made["key"]
    assert made["token"].endswith(key["hint"])
    assert (key["made_by"], key["used_at_ms"], key["expires_at_ms"] - key["created_at_ms"]) == (
        "ada", None, 3 * 86_400_000,
    )  # fmt: skip
    assert (await desk.ask("GET", "/nodes", headers=bearer(made["token"])))[0] == 200
    assert (await desk.ask("GET", "/keys", headers=bearer(made["token"])))[0] == 403
    await desk.house.key_use.write()
    _, listed = await desk.ask("GET", "/keys")
    assert listed["keys"][0]["used_at_ms"] is not None
    assert made["token"] not in json.dumps(listed)
    assert (await desk.ask("DELETE", f"/keys/{key['id']}"))[0] == 204
    status, _ = await desk.ask("GET", "/enrolments", headers=bearer(made["token"]))
    assert status == 401
    _, listed = await desk.ask("GET", "/keys")
    assert listed["keys"][0]["revoked_at_ms"] is not None
    assert (await desk.ask("DELETE", "/keys/nobodys"))[0] == 404


async def test_keys_are_the_owners_of_their_own_team(desk: Desk) -> None:
    other = await team_of(desk.house.database, "other")
    rival = cookie(await signed_in(desk.house.database, "eve", team_id=other))
    operator = cookie(await signed_in(desk.house.database, "oz", Role.OPERATOR))
    _, made = await desk.ask("POST", "/keys", {"name": "bot", "scopes": []})
    path = f"/keys/{made['key']['id']}"
    assert (await desk.ask("DELETE", path, headers=rival))[0] == 404
    assert (await desk.ask("GET", "/keys", headers=rival))[1] == {"keys": []}
    writing = bearer(await key_of(desk.house.database))
    for method, where, body in (("GET", "/keys", None), ("POST", "/keys", {}), ("DELETE", path, None)):
        for who, wanted in ((operator, 403), (writing, 403), ({}, 401)):
            assert (await desk.ask(method, where, body, headers=who))[0] == wanted


@pytest.mark.parametrize(
    "wish",
    [
        {"name": "", "scopes": []},
        {"name": "a\nb", "scopes": []},
        {"name": "a", "scopes": ["everything"]},
        {"name": "a", "scopes": ["read"], "expires_in_days": 0},
        {"name": "a", "scopes": ["read"], "is_admin": True},
        {"name": "a"},
    ],
)
async def test_a_wrong_wish_for_a_key_is_one_line(desk: Desk, wish: Any) -> None:
    status, problem = await desk.ask("POST", "/keys", wish)
    assert status == 422
    assert "\n" not in problem["detail"]


async def test_waiting_enrolments_are_listed_and_taken_back(desk: Desk) -> None:
    tickets = [(await desk.ask("POST", "/enrolments", {}))[1] for _ in range(3)]
    assert await desk.enrolled(tickets[0]["token"], Agent("one")) == 200
    _, listed = await desk.ask("GET", "/enrolments")
    assert {one["id"] for one in listed["enrolments"]} == {one["id"] for one in tickets[1:]}
    assert (await desk.ask("DELETE", f"/enrolments/{tickets[1]['id']}"))[0] == 204
    assert (await desk.ask("DELETE", f"/enrolments/{tickets[0]['id']}"))[0] == 404, "it was used"
    assert await desk.enrolled(tickets[1]["token"], Agent("two")) == 401
    assert await desk.enrolled(tickets[2]["token"], Agent("two")) == 200


async def test_a_revoked_agent_is_refused_until_its_team_lets_it_in_again(desk: Desk) -> None:
    agent, house = Agent("one"), desk.house
    assert await desk.enrolled(TOKEN, agent) == 200
    now = house.ears.now_ms()
    await hear(house, *agent.post(agent.envelope(now)))
    status, node = await desk.ask("POST", f"/nodes/{agent.node_id}/revoke", {})
    assert (status, node["revoked_at_ms"] is not None) == (200, True)
    assert (await refusal(house, *agent.post(agent.envelope(now)))).status_code == 401
    assert await desk.enrolled(TOKEN, agent) == 401, "the lasting token undoes no revocation"
    async with house.database.read() as conn:
        assert agent.node_id not in (await views(conn, now))[1].nodes, "nobody is woken by its silence"
    _, kept = await desk.ask("GET", f"/nodes/{agent.node_id}")
    assert kept["numbers"]["pos.epoch"] == 7, "what it told stays"
    _, ticket = await desk.ask("POST", "/enrolments", {})
    assert await desk.enrolled(ticket["token"], agent) == 200
    await hear(house, *agent.post(agent.envelope(now)))
    assert (await desk.ask("POST", "/nodes/nobodys/revoke", {}))[0] == 404


async def test_a_revocation_by_another_server_is_noticed(desk: Desk) -> None:
    agent, house = Agent("one"), desk.house
    await desk.enrolled(TOKEN, agent)
    now = house.ears.now_ms()
    await hear(house, *agent.post(agent.envelope(now)))
    who = Who(1, Role.OWNER, is_admin=True)
    await house.database.write(lambda conn: registry.revoke_node(conn, who, agent.node_id, now))
    await house.ingest.look()
    assert (await refusal(house, *agent.post(agent.envelope(now)))).status_code == 401


async def test_what_is_done_to_nodes_is_in_the_log(desk: Desk) -> None:
    agent = Agent("one")
    _, ticket = await desk.ask("POST", "/enrolments", {})
    await desk.enrolled(ticket["token"], agent)
    await desk.ask("PATCH", f"/nodes/{agent.node_id}", {"name": "Asia One", "is_public": True})
    await desk.ask("POST", f"/nodes/{agent.node_id}/revoke", {})
    await desk.ask("DELETE", f"/nodes/{agent.node_id}")
    _, log = await desk.ask("GET", "/audit")
    assert [entry["act"] for entry in log["entries"]] == [
        "node.forget", "node.revoke", "node.change", "node.enrol", "enrolment.make",
    ]  # fmt: skip
    assert {entry["actor_name"] for entry in log["entries"]} == {"ada", None}
    assert log["entries"][2]["detail"] == {"changed": "is_public name", "is_public": True}


def test_a_key_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = str(tmp_path / "vedette.db")
    (tmp_path / "vedette.db").touch()
    with pytest.raises(SettingError, match="printable"):
        add("a\x1b", database=where)
    with pytest.raises(SettingError, match="there is no team 7"):
        add("a", team=7, database=where)
    add("grafana", scope=[Scope.READ, Scope.METRICS], days=30, database=where)
    told = capsys.readouterr()
    assert told.out.startswith("vdt_")
    key_id = told.err.split()[1].rstrip(":")
    list_(database=where)
    line = capsys.readouterr().out
    assert line.startswith(f"{key_id}  …{told.out.strip()[-4:]}  read,metrics  works until ")
    assert line.rstrip().endswith("grafana")
    revoke(key_id, database=where)
    capsys.readouterr()
    list_(database=where)
    assert "revoked" in capsys.readouterr().out
    with pytest.raises(SettingError, match="has no key nobodys"):
        revoke("nobodys", database=where)
