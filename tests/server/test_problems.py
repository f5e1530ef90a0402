"""What an error tells: which methods there are, and nothing that was secret."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.server.stage import client, served, settings

Served = tuple[str, aiohttp.ClientSession]


@pytest.fixture
async def at(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(settings(tmp_path)) as (_, url), client() as http:
        yield url, http


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/api/v1/agents", 405, "POST"),
        ("GET", "/api/v1/reports", 405, "POST"),
        ("PUT", "/api/v1/nodes/n1", 405, "DELETE, GET, HEAD, PATCH"),
        ("DELETE", "/api/v1/network", 405, "GET, HEAD"),
        ("GET", "/api/v1/nothing", 404, None),
        ("GET", "/api/v1/nodes/n1/nothing", 404, None),
    ],
)
async def test_a_method_too_many_hears_of_all_that_there_are(
    at: Served, method: str, path: str, status: int, allow: str | None
) -> None:
    url, http = at
    async with http.request(method, url + path) as reply:
        told = await reply.json(content_type="application/problem+json")
        assert (reply.status, reply.headers.get("Allow"), told["status"]) == (status, allow, status)
        assert path in told["detail"]


async def test_a_password_that_is_refused_is_not_said_again(at: Served) -> None:
    url, http = at
    body = {"name": "alice", "password": 1234567890123}
    async with http.post(f"{url}/api/v1/session", json=body) as reply:
        text = await reply.text()
        assert (reply.status, "password" in text, "12345678" in text) == (422, True, False)
