"""Web push, the whole way: anybody subscribes, a validator stops signing, and his browser reads why."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from sqlalchemy import func, select

from tests.notify.browser import Browser, decoded
from tests.notify.tls import strangers_tls
from tests.server.people import cookie, signed_in
from tests.server.stage import bearer, client, served, settings, until
from tests.store.doubles import committee
from tests.stub_node import StubNode, person
from tests.stub_node import served as nodes_served
from vedette.model.incident import Incident, Notice, Reason, Severity, Subject, SubjectKind
from vedette.model.people import EVERYBODY
from vedette.model.pos import PosAddress
from vedette.notify.errors import ChannelError
from vedette.notify.guard import Guard
from vedette.notify.push import Pusher
from vedette.notify.targets import Targets
from vedette.server.house import House
from vedette.server.settings import EndpointSetting, SecuritySetting
from vedette.store import push, votes
from vedette.store import tables as t

MINE, OTHER = person(1), person(2)
HERE = ip_network("127.0.0.0/8")


@dataclass
class PushService:
    """What a browser's maker runs: takes sealed messages for its browsers, over TLS."""

    status: int = 201
    taken: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0

    def endpoint(self, name: str) -> str:
        return f"https://127.0.0.1:{self.port}/send/{name}"

    async def take(self, request: web.Request) -> web.Response:
        if self.status == 201:
            self.taken.append((request.path, dict(request.headers), await request.read()))
        return web.Response(status=self.status)

    @asynccontextmanager
    async def open(self, folder: Path) -> AsyncIterator[ssl.SSLContext]:
        """Yields what trusts it."""
        app = web.Application()
        app.router.add_post("/send/{name}", self.take)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=strangers_tls(folder))
        await site.start()
        assert site._server is not None
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        trust = ssl.create_default_context(cafile=folder / "tls.pem")
        trust.check_hostname = False  # its certificate names no address
        try:
            yield trust
        finally:
            await runner.cleanup()


@dataclass
class Street:
    """A served house, a push service, and browsers that nobody knows."""

    house: House
    url: str
    http: aiohttp.ClientSession
    service: PushService

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        sent = {"Content-Type": "application/json", **headers}
        data = None if body is None else json.dumps(body)
        async with self.http.request(
            method, f"{self.url}/api/v1/push{path}", data=data, headers=sent
        ) as reply:
            text = await reply.text()
            return reply.status, json.loads(text) if text else None

    async def subscribe(self, browser: Browser, name: str = "a", language: str = "en") -> dict[str, str]:
        wish = {
            "subscription": browser.json(self.service.endpoint(name)),
            "addresses": [MINE.upper().replace("0X", "0x")],
            "language": language,
        }
        status, made = await self.ask("POST", "/subscriptions", wish)
        assert status == 201, made
        told: dict[str, str] = made
        return told

    async def count(self) -> int:
        async with self.house.database.read() as conn:
            query = select(func.count()).select_from(t.push_subscriptions)
            return int((await conn.execute(query)).scalar_one())


@asynccontextmanager
async def street(tmp_path: Path, **other: Any) -> AsyncIterator[Street]:
    service = PushService()
    async with service.open(tmp_path) as trust:
        security = SecuritySetting(allow_private_targets=(HERE,))
        given = settings(tmp_path, trust_loopback=False, security=security, **other)
        async with served(given) as (house, url), client() as http:
            guard = Guard(targets=Targets([HERE]), tls=trust)
            house.push.pusher = Pusher(guard, "https://vedette.example", lambda: int(time.time()))
            yield Street(house, url, http, service)
            await house.push.pusher.close()


@pytest.fixture
async def quiet(tmp_path: Path) -> AsyncIterator[Street]:
    async with street(tmp_path) as found:
        seats = committee(1, {PosAddress(MINE): 10, PosAddress(OTHER): 10})
        await found.house.database.write(lambda conn: votes.remember_committee(conn, seats))
        found.house.tips.forget()
        yield found


async def test_a_browser_reads_that_its_validator_stopped_and_that_it_signs_again(tmp_path: Path) -> None:
    node = StubNode(committed=46, signs=lambda who, height: who != MINE or height <= 20)
    async with (
        nodes_served(node),
        street(tmp_path, endpoints=(EndpointSetting("stub", node.url),)) as found,
    ):
        browser, chinese = Browser(), Browser()
        while MINE not in (await found.house.tips.now()).strips:
            await found.house.ears.sleep_ms(20)
        await found.subscribe(browser, "a")
        await found.subscribe(chinese, "b", "zh")
        taken = found.service.taken
        await until(lambda: len(taken) == 2, timeout_s=60)
        by_path = {path: (headers, body) for path, headers, body in taken}
        headers, body = by_path["/send/a"]
        told = json.loads(browser.read(body))
        assert (told["reason"], told["address"], told["tag"]) == ("opened", MINE, f"absent_votes/{MINE}")
        assert "missed" in told["title"]
        assert headers["Authorization"].startswith("vapid t=")
        assert (headers["Content-Encoding"], headers["Urgency"]) == ("aes128gcm", "high")
        point = (await found.ask("GET", "/key"))[1]["public_key"]
        assert headers["Authorization"].endswith(f"k={point}")
        assert len(decoded(point)) == 65
        assert "漏签" in json.loads(chinese.read(by_path["/send/b"][1]))["title"]

        taken.clear()
        node.signs = lambda who, height: who != MINE or height <= 20 or height > 44
        node.committed += 10
        await until(lambda: len(taken) == 2, timeout_s=60)
        later = json.loads(browser.read(next(body for path, _, body in taken if path == "/send/a")))
        assert (later["reason"], later["tag"]) == ("resolved", told["tag"])
        assert later["resolved_at_ms"] >= told["opened_at_ms"]
        async with found.house.database.read() as conn:
            teams = set((await conn.execute(select(t.incidents.c.team_id))).scalars())
        assert teams == {EVERYBODY}, "what strangers watch pages no team"
        member = cookie(await signed_in(found.house.database, "olga"))
        async with found.http.get(f"{found.url}/api/v1/incidents", headers=member) as reply:
            assert (await reply.json())["incidents"] == []


def notice(subscription_id: str, created_at_ms: int) -> Notice:
    incident = Incident(
        id=1,
        key=f"absent_votes/{MINE}",
        rule="absent_votes",
        team_id=EVERYBODY,
        severity=Severity.WARNING,
        subject=Subject(SubjectKind.VALIDATOR, MINE, "0x0000…0001"),
        facts={"absent_blocks": 12},
        opened_at_ms=created_at_ms,
    )
    channel = push.channel_of(subscription_id)
    return Notice(1, incident, channel, Reason.OPENED, f"1/1/opened/{channel}", created_at_ms, 0)


async def test_a_browser_that_is_gone_is_forgotten(quiet: Street) -> None:
    for status in (404, 410):
        made = await quiet.subscribe(Browser())
        quiet.service.status = status
        with pytest.raises(ChannelError) as refused:
            await quiet.house.push.send(notice(made["id"], quiet.house.ears.now_ms()))
        assert refused.value.permanent
        assert await quiet.count() == 0
        assert not await quiet.house.push.audience()


async def test_a_service_that_fails_is_tried_again_and_one_that_refuses_thrice_is_left(quiet: Street) -> None:
    made = await quiet.subscribe(Browser())

    async def outcome(status: int) -> bool:
        """Whether it may be tried again."""
        quiet.service.status = status
        with pytest.raises(ChannelError) as refused:
            await quiet.house.push.send(notice(made["id"], quiet.house.ears.now_ms()))
        return not refused.value.permanent

    assert [await outcome(status) for status in (500, 503, 429)] == [True, True, True]
    assert [await outcome(status) for status in (403, 413)] == [False, False]
    quiet.service.status = 201
    await quiet.house.push.send(notice(made["id"], quiet.house.ears.now_ms()))
    assert [await outcome(403) for _ in range(3)] == [False] * 3
    assert await quiet.count() == 0


async def test_old_news_and_news_for_nobody_are_not_sent(quiet: Street) -> None:
    made = await quiet.subscribe(Browser())
    now = quiet.house.ears.now_ms()
    for one in (notice(made["id"], now - 5 * 3_600_000), notice("nobody", now)):
        with pytest.raises(ChannelError) as refused:
            await quiet.house.push.send(one)
        assert refused.value.permanent
    assert quiet.service.taken == []


async def test_whoever_holds_the_token_changes_and_ends_a_subscription_and_nobody_else(quiet: Street) -> None:
    made = await quiet.subscribe(Browser())
    path, change = f"/subscriptions/{made['id']}", {"addresses": [OTHER], "language": "zh"}
    for token, status in (("wrong", 404), (made["token"], 204)):
        assert (await quiet.ask("PUT", path, change, **bearer(token)))[0] == status
    assert (await quiet.ask("PUT", path, change))[0] == 401
    assert await quiet.house.push.audience() == {PosAddress(OTHER): (made["id"],)}
    moved = change | {"subscription": Browser().json(quiet.service.endpoint("z"))}
    assert (await quiet.ask("PUT", path, moved, **bearer(made["token"])))[0] == 204
    await quiet.house.push.send(notice(made["id"], quiet.house.ears.now_ms()))
    assert [path for path, *_ in quiet.service.taken] == ["/send/z"]
    assert (await quiet.ask("DELETE", path, **bearer("wrong")))[0] == 404
    assert (await quiet.ask("DELETE", path, **bearer(made["token"])))[0] == 204
    assert (await quiet.ask("DELETE", path, **bearer(made["token"])))[0] == 404
    assert await quiet.house.push.audience() == {}


async def test_the_same_browser_again_is_the_same_subscription(quiet: Street) -> None:
    browser = Browser()
    first = await quiet.subscribe(browser)
    second = await quiet.subscribe(browser)
    assert await quiet.count() == 1
    assert (await quiet.ask("DELETE", f"/subscriptions/{first['id']}", **bearer(first["token"])))[0] == 404
    assert (await quiet.ask("DELETE", f"/subscriptions/{second['id']}", **bearer(second["token"])))[0] == 204


async def test_nothing_of_a_browser_stands_in_the_database_in_clear(quiet: Street, tmp_path: Path) -> None:
    browser = Browser()
    made = await quiet.subscribe(browser, "canary-endpoint")
    await quiet.ask("GET", "/key")
    held = b"".join(one.read_bytes() for one in tmp_path.glob("vedette.db*"))  # noqa: ASYNC240 - a few files
    for secret in (b"canary-endpoint", browser.point, browser.auth, made["token"].encode()):
        assert secret not in held


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"endpoint": "http://push.example/a"}, "https://"),
        ({"endpoint": "https://10.1.2.3/a"}, "not public"),
        ({"endpoint": "https://169.254.169.254/latest"}, "not public"),
        ({"endpoint": "https://[::1]/a"}, "not public"),
        ({"endpoint": "https://2130706433/a"}, "odd spelling"),
        ({"endpoint": "https://push.example:25/a"}, "port 25"),
        ({"keys": {"p256dh": "AAAA", "auth": "AAAA"}}, "65 bytes"),
        ({"extra": 1}, "extra"),
    ],
)
async def test_what_is_no_browser_s_subscription_is_refused(
    change: dict[str, Any], line: str, quiet: Street
) -> None:
    given = Browser().json("https://push.example/a") | change
    wish = {"subscription": given, "addresses": [MINE], "language": "en"}
    status, problem = await quiet.ask("POST", "/subscriptions", wish)
    assert status == 422
    assert line in problem["detail"]
    assert await quiet.count() == 0


async def test_another_site_s_page_subscribes_nobody(quiet: Street) -> None:
    wish = {
        "subscription": Browser().json(quiet.service.endpoint("a")),
        "addresses": [MINE],
        "language": "en",
    }
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert (await quiet.ask("POST", "/subscriptions", wish, **foreign))[0] == 403
    assert (await quiet.ask("POST", "/subscriptions", wish | {"addresses": []}))[0] == 422
    assert (await quiet.ask("POST", "/subscriptions", wish | {"addresses": ["0x12"]}))[0] == 422


async def test_nobody_is_told_of_a_validator_that_nobody_knows(quiet: Street) -> None:
    stranger = {"addresses": [MINE, person(9)], "language": "en"}
    wish = stranger | {"subscription": Browser().json(quiet.service.endpoint("a"))}
    status, problem = await quiet.ask("POST", "/subscriptions", wish)
    assert (status, person(9) in problem["detail"]) == (422, True)
    made = await quiet.subscribe(Browser())
    path = f"/subscriptions/{made['id']}"
    assert (await quiet.ask("PUT", path, stranger, **bearer(made["token"])))[0] == 422
    assert await quiet.house.push.audience() == {PosAddress(MINE): (made["id"],)}


async def test_two_who_ask_at_once_are_told_the_same_key(quiet: Street) -> None:
    replies = await asyncio.gather(*(quiet.ask("GET", "/key") for _ in range(4)))
    assert len({reply[1]["public_key"] for reply in replies}) == 1
