"""A browser that has an account on a served house: what tests of accounts ask with."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.server.stage import HandClock, served, settings
from vedette.server.house import House
from vedette.store.database import Database

PASSWORD = "a heron stands in the reeds"
ORIGIN = {
    "Sec-Fetch-Site": "same-origin",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0",
}


class Browser:
    """One person's browser: it keeps its cookies, and says where its requests come from."""

    def __init__(
        self, house: House, url: str, http: aiohttp.ClientSession, client: str | None = None
    ) -> None:
        self.house, self.url, self.http = house, url, http
        self.cookies: dict[str, str] = {}
        self.set_cookies: list[str] = []
        self.headers: dict[str, str] = {}

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        sent = (
            ORIGIN
            | {"Content-Type": "application/json"}
            | {k.replace("_", "-"): v for k, v in headers.items()}
        )
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        data = None if body is None else json.dumps(body)
        url = f"{self.url}/api/v1{path}"
        async with self.http.request(method, url, data=data, headers=sent, allow_redirects=False) as reply:
            self._keep(reply)
            text = await reply.text()
            return reply.status, json.loads(text) if text else None

    def _keep(self, reply: aiohttp.ClientResponse) -> None:
        self.headers = dict(reply.headers)
        self.set_cookies = reply.headers.getall("Set-Cookie", [])
        for line in self.set_cookies:
            name, _, rest = line.partition("=")
            value = rest.partition(";")[0].strip('"')
            if "Max-Age=0" in line:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value

    async def sign_in(self, name: str = "alice", password: str = PASSWORD, **more: Any) -> tuple[int, Any]:
        return await self.ask("POST", "/session", {"name": name, "password": password} | more)

    async def session(self) -> Any:
        status, told = await self.ask("GET", "/session")
        assert status == 200
        return told


class Place:
    """A served house whose clock is set by hand, and browsers that visit it."""

    def __init__(self, house: House, url: str, http: aiohttp.ClientSession, clock: HandClock) -> None:
        self.house, self.url, self.http, self.clock = house, url, http, clock

    def browser(self) -> Browser:
        return Browser(self.house, self.url, self.http)

    async def first(self, name: str = "alice", password: str = PASSWORD) -> Browser:
        """The browser of the person who set the house up."""
        browser = self.browser()
        code = await self.house.signing.setup_code()
        wish = {"name": name, "password": password, "team_name": "North", "code": code}
        status, told = await browser.ask("POST", "/setup", wish)
        assert status == 200, told
        return browser


_template: list[bytes] = []


async def _migrated(where: Path) -> None:
    """A database with its tables: copied, because that is quicker than to make it."""
    if not _template:
        await (await Database.open(str(where))).close()
        _keep(where)
    _lay(where)


def _keep(where: Path) -> None:
    _template.append(where.read_bytes())


def _lay(where: Path) -> None:
    if not where.exists():
        where.write_bytes(_template[0])


@asynccontextmanager
async def place(tmp_path: Path, **given: Any) -> AsyncIterator[Place]:
    clock = HandClock()
    chosen = settings(tmp_path, **({"trust_loopback": False} | given))
    if chosen.database == str(tmp_path / "vedette.db"):
        await _migrated(Path(chosen.database))
    async with (
        served(chosen, clock) as (house, url),
        aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar()) as http,
    ):
        yield Place(house, url, http, clock)
