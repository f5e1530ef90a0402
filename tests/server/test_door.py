"""What holds for every request, at the real server: budgets, and who pays."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import text

from tests.server.people import cookie, key_of, signed_in
from tests.server.stage import READ_TOKEN, bearer, client, raw, served, settings, until
from vedette.model.people import FIRST_TEAM
from vedette.server.budgets import WRONG_KEYS
from vedette.server.caller import Trusted
from vedette.server.house import House
from vedette.server.settings import LimitSetting, network

STRANGER = {"X-Forwarded-For": "203.0.113.8"}
FEW = LimitSetting(per_minute=5, known_per_minute=9, searches_per_minute=2, live_streams=2)
PROXIED = Trusted((network("127.0.0.1"),))


@dataclass
class Public:
    """A server behind a trusted proxy on this machine, asked as whoever."""

    house: House
    url: str
    http: aiohttp.ClientSession

    async def ask(self, path: str, address: str = "203.0.113.7", method: str = "GET", **headers: str) -> Any:
        told = {"X-Forwarded-For": address} | {name.replace("_", "-"): text for name, text in headers.items()}
        async with self.http.request(method, self.url + path, headers=told) as reply:
            await reply.read()
            return reply


@pytest.fixture
async def public(tmp_path: Path) -> AsyncIterator[Public]:
    given = settings(tmp_path, limits=FEW, trusted=PROXIED, public_references=False)
    async with served(given) as (house, url), client() as http:
        yield Public(house, url, http)


async def test_an_address_has_a_budget_and_is_told_of_it(public: Public) -> None:
    replies = [await public.ask("/api/v1/network") for _ in range(7)]
    assert [reply.status for reply in replies] == [200] * 5 + [429] * 2
    assert replies[0].headers["RateLimit-Policy"] == '"address";q=5;w=60'
    assert replies[0].headers["RateLimit"] == '"address";r=4;t=12'
    assert replies[5].content_type == "application/problem+json"
    assert 1 <= int(replies[5].headers["Retry-After"]) <= 12
    assert (await public.ask("/api/v1/network", "203.0.113.8")).status == 200
    assert [(await public.ask(path)).status for path in ("/", "/validators", "/healthz")] == [200] * 3
    assert "RateLimit" not in (await public.ask("/")).headers


async def test_whoever_is_known_pays_from_his_own(public: Public) -> None:
    while (await public.ask("/api/v1/network")).status == 200:
        pass
    known = [await public.ask("/api/v1/nodes", **bearer(READ_TOKEN)) for _ in range(10)]
    assert [reply.status for reply in known] == [200] * 9 + [429]
    assert known[0].headers["RateLimit-Policy"] == '"key";q=9;w=60'
    wrong = await public.ask("/api/v1/network", **bearer("vdt_" + "x" * 40))
    assert wrong.status == 429, "a key that nobody knows is no key"


async def test_nobody_who_is_not_trusted_chooses_whose_budget_pays(tmp_path: Path) -> None:
    given = settings(tmp_path, limits=FEW, public_references=False)
    async with served(given) as (house, url), client() as http:
        public = Public(house, url, http)
        replies = [await public.ask("/api/v1/network", f"203.0.113.{number}") for number in range(7)]
        assert [reply.status for reply in replies] == [200] * 5 + [429] * 2
        async with http.get(url + "/api/v1/network") as neighbour:
            assert (neighbour.status, "RateLimit" in neighbour.headers) == (200, False)


async def test_keys_that_nobody_knows_are_looked_up_so_often_and_no_more(tmp_path: Path) -> None:
    given = settings(tmp_path, trusted=PROXIED, public_references=False)
    async with served(given) as (house, url), client() as http:
        public = Public(house, url, http)
        right = bearer(await key_of(house.database))
        tried = [await public.ask("/api/v1/network", **bearer(f"vdt_{n}")) for n in range(WRONG_KEYS + 3)]
        assert [reply.status for reply in tried] == [200] * WRONG_KEYS + [429] * 3
        assert tried[-1].headers["Retry-After"] == "60"
        assert (await public.ask("/api/v1/nodes", **right)).status == 429, "nor is a right one looked up then"
        assert (await public.ask("/api/v1/nodes", "203.0.113.8", **right)).status == 200
        assert (await public.ask("/api/v1/network")).status == 200
        assert (await public.ask("/api/v1/network", **bearer(READ_TOKEN))).status == 200


async def test_agents_deliver_without_a_budget(public: Public) -> None:
    refused = [await public.ask("/api/v1/reports", method="POST") for _ in range(8)]
    assert {reply.status for reply in refused} == {401}


async def test_an_address_has_so_many_live_streams(public: Public) -> None:
    async def listen(address: str) -> aiohttp.ClientResponse:
        headers = {"X-Forwarded-For": address}
        return await public.http.get(f"{public.url}/api/v1/live", headers=headers)

    replies = [await listen("203.0.113.7") for _ in range(3)] + [await listen("203.0.113.8")]
    assert [reply.status for reply in replies] == [200, 200, 429, 200]
    replies[0].close()
    await until(lambda: len(public.house.live) == 2)
    again = await listen("203.0.113.7")
    assert again.status == 200
    for reply in [*replies, again]:
        reply.close()


ORIGIN = "https://pool.example"


async def test_other_sites_may_read_what_is_public_and_never_by_a_cookie(public: Public) -> None:
    read = await public.ask("/api/v1/network", Origin=ORIGIN)
    assert read.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in read.headers
    assert {"ETag", "RateLimit", "RateLimit-Policy", "Retry-After"} <= set(
        read.headers["Access-Control-Expose-Headers"].split(", ")
    )
    assert read.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    varies = {one.strip() for line in read.headers.getall("Vary") for one in line.split(",")}
    assert {"Origin", "Authorization", "Cookie"} <= varies
    closed = [
        await public.ask("/api/v1/network", Origin=ORIGIN, Cookie="vedette-session=x"),
        await public.ask("/api/v1/network"),
        await public.ask("/", Origin=ORIGIN),
        await public.ask("/api/v1/agents", method="POST", Origin=ORIGIN),
        await public.ask("/api/v1/nodes/n", method="DELETE", Origin=ORIGIN),
    ]
    assert not any("Access-Control-Allow-Origin" in reply.headers for reply in closed)
    by_key = await public.ask("/api/v1/nodes", Origin=ORIGIN, **bearer(READ_TOKEN))
    assert by_key.headers["Access-Control-Allow-Origin"] == "*"
    assert by_key.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    for _ in range(5):
        refused = await public.ask("/api/v1/network", Origin=ORIGIN)
    assert (refused.status, refused.headers["Access-Control-Allow-Origin"]) == (429, "*")


async def test_a_browser_that_asks_before_is_answered(public: Public) -> None:
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
    for _ in range(8):  # it costs nothing
        reply = await public.ask("/api/v1/nodes", method="OPTIONS", **asked)
    assert reply.status == 204
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert reply.headers["Access-Control-Allow-Methods"] == "GET, HEAD"
    assert "Authorization" in reply.headers["Access-Control-Allow-Headers"]
    assert (await public.ask("/validators", method="OPTIONS", **asked)).status == 405


async def test_another_sites_page_in_the_neighbours_browser_is_the_public(tmp_path: Path) -> None:
    async with served(settings(tmp_path, public_references=False)) as (_, url), client() as http:

        async def team(**headers: str) -> bool:
            told = {name.replace("_", "-"): text for name, text in headers.items()}
            async with http.get(url + "/api/v1/live", headers=told) as reply:
                while not (line := await reply.content.readline()).startswith(b"data:"):
                    pass
                return b'"team": true' in line

        assert await team()
        assert await team(Origin=url, Sec_Fetch_Site="same-origin")
        assert await team(Sec_Fetch_Site="none")
        assert not await team(Origin=ORIGIN)
        assert not await team(Origin="null")
        assert not await team(Origin=url.replace("http:", "https:").replace("127.0.0.1", "localhost"))
        assert not await team(Sec_Fetch_Site="cross-site")
        assert not await team(Sec_Fetch_Site="same-site")


async def test_tls_is_remembered_once_it_was_spoken(public: Public, tmp_path: Path) -> None:
    name = "Strict-Transport-Security"
    assert name not in (await public.ask("/")).headers
    assert (await public.ask("/", X_Forwarded_Proto="https")).headers[name] == "max-age=31536000"
    given = settings(tmp_path / "other", public_url="https://watch.example", public_references=False)
    (tmp_path / "other").mkdir()
    async with served(given) as (house, url), client() as http:
        assert name in (await Public(house, url, http).ask("/")).headers


async def test_only_what_is_made_for_it_stands_in_other_sites_pages(public: Public) -> None:
    policies = {}
    for path in ("/", "/api/v1/network", "/embed/0xab", "/embed", "/badge/0xab.svg"):
        reply = await public.ask(path)
        rules = dict(rule.split(" ", 1) for rule in reply.headers["Content-Security-Policy"].split("; "))
        policies[path] = rules.pop("frame-ancestors")
        assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
        assert not any("unsafe" in rule or "*" in rule for rule in rules.values())
    assert {path for path, rule in policies.items() if rule == "*"} == {"/embed/0xab"}
    assert set(policies.values()) == {"*", "'none'"}
    assert (await public.ask("/embed/nothing-of-the-kind")).status == 404, "our own page is in nobody's frame"


async def heard(reply: aiohttp.ClientResponse) -> tuple[str, str, str]:
    """The next event of a stream: its id, its name and its data; nothing when the stream is over."""
    told = {"id": "", "event": "", "data": ""}
    async with asyncio.timeout(30):
        while line := (await reply.content.readline()).decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name in told:
                told[name] = value
            elif not name and told["event"]:
                break
    return told["id"], told["event"], told["data"]


async def test_a_stream_goes_on_over_http_ends_with_its_session_and_not_across_starts(public: Public) -> None:
    token = await signed_in(public.house.database, "alice")
    session = (await public.house.access.who({"headers": raw(cookie(token)), "client": None})).session_id
    assert session is not None
    live, headers = f"{public.url}/api/v1/live", cookie(token) | {"X-Forwarded-For": "203.0.113.7"}
    async with public.http.get(live, headers=headers) as reply:
        first, event, data = await heard(reply)
        assert (event, '"team": true' in data) == ("hello", True)
        public.house.live.publish("node", b'{"id":"n"}', FIRST_TEAM)
        second, event, _ = await heard(reply)
        assert event == "node"
    public.house.live.publish("node", b'{"id":"m"}', FIRST_TEAM)
    async with public.http.get(live, headers=headers | {"Last-Event-ID": second}) as reply:
        assert [(await heard(reply))[1:] for _ in range(2)][1] == ("node", '{"id":"m"}')
        public.house.live.end_session(session)
        assert await heard(reply) == ("", "", "")
    async with public.http.get(f"{live}?last_event_id={first}", headers=STRANGER) as reply:
        assert '"team": false, "resumed": true' in (await heard(reply))[2]
        public.house.live.publish("block", b"{}")
        assert (await heard(reply))[1] == "block", "and nothing of the team's before it"
    elsewhere = first.replace(first[:4], "ffff")
    async with public.http.get(live, headers=STRANGER | {"Last-Event-ID": elsewhere}) as reply:
        assert [(await heard(reply))[1] for _ in range(2)] == ["hello", "reset"]


async def test_what_needs_no_reader_answers_when_nobody_can_be_found(
    public: Public, caplog: pytest.LogCaptureFixture
) -> None:
    headers = cookie(await signed_in(public.house.database, "alice"))
    await public.house.database.write(lambda conn: conn.execute(text("DROP TABLE sessions")))
    assert (await public.ask("/readyz", **headers)).status == 200
    broken = await public.ask("/api/v1/nodes", **headers)
    assert (broken.status, broken.content_type) == (500, "application/problem+json")
    assert "who asks could not be found out" in caplog.text
