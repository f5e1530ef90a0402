"""A team's status page over a real port: what was published is on it, and nothing else."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import insert, select, update

from tests.server.people import cookie, signed_in, team_of
from tests.server.stage import TOKEN, Agent, HandClock, bearer, client, hear, served, settings
from tests.store.doubles import account, block, committee
from vedette.model.incident import Incident, Reason, Severity, Subject, SubjectKind
from vedette.model.people import FIRST_TEAM, Role
from vedette.model.spans import Span
from vedette.server.house import House
from vedette.store import incidents, votes
from vedette.store import tables as t
from vedette.store.incidents import Change

DAY_MS = 86_400_000
OURS, HIDDEN, THEIRS = account("ours"), account("hidden"), account("theirs")
POOL = {"label": "Pool", "url": "https://pool.example"}


class Page:
    """A team with a public node and a private one, a public claim and a hidden one; and another team."""

    def __init__(self, house: House, url: str, http: aiohttp.ClientSession) -> None:
        self.house, self.url, self.http = house, url, http
        self.public, self.private = Agent("shown-node"), Agent("secret-node")
        self.theirs = 0
        self.owner = ""

    async def fill(self) -> None:
        self.owner = await signed_in(self.house.database, "olga")
        self.theirs = await team_of(self.house.database, "rivals")
        for agent in (self.public, self.private):
            body, token = agent.enrolment(), bearer(TOKEN)
            async with self.http.post(f"{self.url}/api/v1/agents", data=body, headers=token) as reply:
                assert reply.status == 200
            now = self.house.ears.now_ms()
            states = {"node.pos_address": HIDDEN, "node.path": "/srv/secret-path"}
            await hear(self.house, *agent.post(agent.envelope(now, states=states)))
        votes_of = dict.fromkeys((OURS, HIDDEN, THEIRS), 10)
        seen = [block(height, votes_of, votes=votes_of) for height in range(1, 5)]
        await self.house.database.write(lambda conn: votes.remember_committee(conn, committee(1, votes_of)))
        await self.house.database.write(lambda conn: votes.witness_blocks(conn, "w", seen, Span(1, 4)))
        self.house.tips.forget()
        for address, team_id, is_public in (
            (OURS, FIRST_TEAM, True),
            (HIDDEN, FIRST_TEAM, False),
            (THEIRS, self.theirs, True),
        ):
            await self._claimed(address, team_id, is_public)

    async def _claimed(self, address: str, team_id: int, is_public: bool) -> None:
        row = {"address": address, "team_id": team_id, "signer": "cfx:x", "space": "core", "message": ""}
        row |= {"signature": b"", "claimed_at_ms": 0, "is_public": is_public}
        row |= {"name": "Our pool" if address == OURS else None, "about": "notes", "links": [POOL]}
        await self.house.database.write(lambda conn: conn.execute(insert(t.claims).values(row)))
        self.house.claims.forget()

    async def ask(
        self, method: str, path: str, body: Any = None, token: str | None = None
    ) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json"} | (cookie(token) if token else {})
        data = None if body is None else json.dumps(body)
        async with self.http.request(method, f"{self.url}/api/v1{path}", data=data, headers=headers) as reply:
            return reply.status, json.loads(await reply.text())

    async def publish(self, **said: Any) -> dict[str, Any]:
        wanted = {"slug": "our-team", "is_public": True, "about": "We validate.", "links": [POOL]} | said
        status, told = await self.ask("PATCH", "/team/profile", wanted, self.owner)
        assert status == 200, told
        profile: dict[str, Any] = told
        return profile

    async def show_node(self) -> None:
        shown = update(t.nodes).where(t.nodes.c.id == self.public.node_id).values(is_public=True)
        await self.house.database.write(lambda conn: conn.execute(shown))

    async def status(self) -> dict[str, Any]:
        status, told = await self.ask("GET", "/teams/our-team")
        assert status == 200, told
        page: dict[str, Any] = told
        return page

    async def trouble(self, subject: Subject, key: str, **other: Any) -> None:
        now = self.house.ears.now_ms()
        facts: dict[str, str | int | float] = {
            "absent_blocks": 12,
            "validator_absent": 1,
            "votes": 99,
            "heard_at_ms": now,
            "address": "10.1.2.3",
        }
        one = Incident(0, key, key.partition("/")[0], FIRST_TEAM, Severity.WARNING, subject, facts, now, now)
        change = Change(replace(one, **other), Reason.OPENED, (), now)
        await self.house.database.write(lambda conn: incidents.save(conn, [change]))


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    # Time stands, or the house's own judge, who finds no such trouble, would soon end what the tests save.
    given = settings(tmp_path, trust_loopback=False)
    async with served(given, HandClock()) as (house, url), client() as http:
        found = Page(house, url, http)
        await found.fill()
        yield found


async def test_a_team_has_a_page_when_it_wishes_and_not_before(page: Page) -> None:
    assert (await page.ask("GET", "/team/profile", token=page.owner))[1] == {
        "name": "first",
        "slug": None,
        "is_public": False,
        "about": "",
        "links": [],
        "shows_incidents": False,
    }
    status, problem = await page.ask("PATCH", "/team/profile", {"is_public": True}, page.owner)
    assert (status, "slug" in problem["detail"]) == (409, True)
    await page.publish(is_public=False)
    assert (await page.ask("GET", "/teams/our-team"))[0] == 404
    await page.publish()
    told = await page.status()
    assert (told["name"], told["slug"], told["about"], told["links"]) == (
        "first",
        "our-team",
        "We validate.",
        [POOL],
    )
    status, problem = await page.ask("PATCH", "/team/profile", {"slug": None}, page.owner)
    assert (status, "name to stand under" in problem["detail"]) == (409, True)
    await page.publish(is_public=False, slug=None)
    assert (await page.ask("GET", "/teams/our-team"))[0] == 404
    query = select(t.audit.c.act, t.audit.c.subject)
    async with page.house.database.read() as conn:
        acts = {tuple(row) for row in await conn.execute(query)}
    assert ("profile.change", f"team:{FIRST_TEAM}") in acts


async def test_a_public_name_is_taken_once(page: Page) -> None:
    await page.publish()
    rival = await signed_in(page.house.database, "rita", team_id=page.theirs)
    status, problem = await page.ask("PATCH", "/team/profile", {"slug": "our-team"}, rival)
    assert (status, "another team" in problem["detail"]) == (409, True)
    for wrong in ("ab", "-abc", "abc-", "Abc", "a/b", "a" * 41, "ab c"):
        assert (await page.ask("PATCH", "/team/profile", {"slug": wrong}, rival))[0] == 422, wrong
    viewer = await signed_in(page.house.database, "vera", Role.VIEWER)
    assert (await page.ask("PATCH", "/team/profile", {"slug": "other"}, viewer))[0] == 403


async def test_on_the_page_are_public_nodes_and_public_claims_and_nothing_else(page: Page) -> None:
    await page.publish()
    assert (await page.status())["nodes"] == []
    await page.show_node()
    told = await page.status()
    (node,) = told["nodes"]
    assert (node["id"], node["name"], node["state"]) == (page.public.node_id, "shown-node", "up")
    assert len(node["process"]["days_ppm"]) == len(node["rpc"]["days_ppm"]) == 90
    assert node["process"]["days_ppm"][:89] == [None] * 89
    assert told["days_from_ms"] == told["as_of_ms"] // DAY_MS * DAY_MS - 89 * DAY_MS
    (validator,) = told["validators"]
    assert validator["address"] == OURS
    assert validator["claimed"] == {
        "name": "Our pool",
        "team": "first",
        "slug": "our-team",
        "about": "notes",
        "links": [POOL],
    }
    assert validator["votes"]["signed"] == 4
    assert told["incidents"] is None
    text = json.dumps(told)
    for secret in ("secret", HIDDEN, THEIRS, "cfx:x", page.private.node_id, "olga"):
        assert secret not in text, secret


async def test_incidents_are_told_when_the_team_shows_them_and_only_of_what_is_public(page: Page) -> None:
    await page.publish(shows_incidents=True)
    await page.show_node()
    now = page.house.ears.now_ms()
    node = Subject(SubjectKind.NODE, page.public.node_id, "an old secret name")
    await page.trouble(node, "node_silent/a")
    await page.trouble(node, "node_down/ended", resolved_at_ms=now - DAY_MS)
    await page.trouble(node, "node_down/long-ago", resolved_at_ms=now - 15 * DAY_MS)
    await page.trouble(node, "node_down/muted", muted_by="other")
    await page.trouble(node, "node_down/untold", told_at_ms=None)
    await page.trouble(Subject(SubjectKind.NODE, page.private.node_id, "secret-node"), "node_down/private")
    await page.trouble(Subject(SubjectKind.VALIDATOR, OURS, "secret-node"), "absent_votes/ours")
    await page.trouble(Subject(SubjectKind.VALIDATOR, HIDDEN, "secret-node"), "absent_votes/hidden")
    told = await page.status()
    found = [(one["rule"], one["state"], one["subject"]["name"], one["title"]) for one in told["incidents"]]
    assert found == [
        ("absent_votes", "open", "Our pool", "Validator Our pool has missed 12 blocks"),
        ("node_silent", "open", "shown-node", "Node shown-node is silent"),
        ("node_down", "resolved", "shown-node", "Node shown-node is down"),
    ]
    text = json.dumps(told)
    assert "secret" not in text
    assert "10.1.2.3" not in text
    assert HIDDEN not in text


async def test_the_slug_is_told_with_a_claim_only_while_the_page_is_there(page: Page) -> None:
    path = f"/validators/{OURS}"
    assert (await page.ask("GET", path))[1]["claimed"]["slug"] is None
    await page.publish()
    assert (await page.ask("GET", path))[1]["claimed"]["slug"] == "our-team"
    await page.publish(is_public=False)
    assert (await page.ask("GET", path))[1]["claimed"]["slug"] is None
