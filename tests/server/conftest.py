"""A past behind a real port, for all tests of the API's history: grown and stored once."""

import asyncio
import csv
import json
import shutil
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.server.history import Past, filled, grown
from tests.server.stage import client, served, settings
from vedette.server.house import House

STRANGER = {"X-Forwarded-For": "203.0.113.7"}


class Api:
    """A reader of one server."""

    def __init__(self, house: House, url: str, http: aiohttp.ClientSession) -> None:
        self.house, self.url, self.http = house, url, http

    async def raw(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        async with self.http.get(f"{self.url}/api/v1{path}", headers=headers) as reply:
            return (
                reply.status,
                {name.lower(): ", ".join(reply.headers.getall(name)) for name in reply.headers},
                await reply.read(),
            )

    async def get(self, path: str, **headers: str) -> Any:
        status, _, body = await self.raw(path, **headers)
        assert status == 200, (path, status, body)
        return json.loads(body)

    async def table(self, path: str) -> list[dict[str, str]]:
        """The rows of a CSV; its form is checked on the way."""
        async with self.http.get(f"{self.url}/api/v1{path}") as reply:
            assert reply.status == 200, (path, await reply.text())
            assert reply.content_type == "text/csv"
            assert reply.headers["Content-Disposition"].startswith("attachment; filename=")
            text = (await reply.read()).decode()
        assert text.replace("\r\n", "").count("\n") == 0, "lines end as RFC 4180 has it"
        return list(csv.DictReader(StringIO(text, newline="")))

    async def problem(self, path: str) -> tuple[int, str]:
        """An error, which must be one problem in one line."""
        async with self.http.get(f"{self.url}/api/v1{path}") as reply:
            assert reply.content_type == "application/problem+json", (path, reply.status)
            told = json.loads(await reply.read())
        assert told.keys() == {"type", "title", "status", "detail"}
        assert told["status"] == reply.status
        assert "\n" not in told["detail"]
        return reply.status, told["detail"]

    async def pages(self, path: str, rows: str, limit: int) -> list[dict[str, Any]]:
        """All rows of a list, a page at a time."""
        found: list[dict[str, Any]] = []
        before = ""
        while True:
            page = await self.get(f"{path}?limit={limit}{before}")
            found += page[rows]
            if page["next_before"] is None:
                return found
            assert page[rows], "a page that is not the last has rows"
            before = f"&before={page['next_before']}"


@pytest.fixture(scope="session")
def past() -> Past:
    return grown()


@pytest.fixture(scope="session")
def stored(past: Past, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("past") / "past.db"
    asyncio.run(filled(past, place))
    return place


@pytest.fixture
def database_file(stored: Path, tmp_path: Path) -> Path:
    """A copy of its own, to be changed."""
    return Path(shutil.copy(stored, tmp_path / "vedette.db"))


@pytest.fixture
async def api(database_file: Path, tmp_path: Path) -> AsyncIterator[Api]:
    given = settings(tmp_path, database=str(database_file))
    async with served(given) as (house, url), client() as http:
        yield Api(house, url, http)
