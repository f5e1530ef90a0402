"""Old tricks on the wire: paths that climb out of the page's folder, and values that would become headers."""

import asyncio
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.server.stage import served, settings

CLIMBS = (
    "/../../../../../../etc/passwd",
    "/assets/../../../../../../../../etc/passwd",
    "/assets/../../page.py",
    "/..%2f..%2f..%2f..%2fetc%2fpasswd",
    "/assets/%2e%2e/%2e%2e/page.py",
    "/assets/..%5c..%5cpage.py",
    "/assets/%252e%252e/%252e%252e/page.py",
    "//etc/passwd",
    "/assets/%00/../page.py",
    "/embed/../../page.py",
    "/badge/..%2f..%2fpage.py",
)
EVIL = "\r\nX-Evil: 1\r\n\r\nevil"
PLACES = (
    "/{}",
    "/api/v1/nodes/{}",
    "/api/v1/nodes?cursor={}",
    "/api/v1/nodes/x/series?format=csv&names={}",
    "/api/v1/validators?q={}",
    "/api/v1/oembed?url={}",
    "/api/v1/oidc/callback?state={0}&code={0}",
    "/api/v1/teams/{}",
    "/badge/validators/{0}/{0}.svg",
    "/embed/validators/{}",
    "/.well-known/{}",
)


async def said(url: str, target: str, headers: str = "") -> bytes:
    """The whole reply to a request whose target stands there letter for letter: clients would tidy it up."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n".encode())
        await writer.drain()
        async with asyncio.timeout(30):
            return await reader.read()
    finally:
        writer.close()


def status_of(reply: bytes) -> int:
    return int(reply.split(b" ", 2)[1])


async def test_no_path_climbs_out_of_the_pages_folder(tmp_path: Path) -> None:
    async with served(settings(tmp_path)) as (_, url):
        for target in CLIMBS:
            reply = await said(url, target)
            assert status_of(reply) in {200, 400, 404}, (target, reply[:200])
            assert b"root:" not in reply, target
            assert b"STATIC = Path" not in reply, target
            if status_of(reply) == 200:  # an address of the page, as far as the server is concerned
                assert b"<!doctype html>" in reply.lower(), target


async def test_nothing_that_is_asked_for_becomes_a_header(tmp_path: Path) -> None:
    async with served(settings(tmp_path)) as (_, url):
        for place in PLACES:
            reply = await said(url, place.format(quote(EVIL, safe="")))
            head = reply.partition(b"\r\n\r\n")[0]
            assert reply.startswith(b"HTTP/1.1 "), place
            assert status_of(reply) < 500, (place, reply[:300])
            assert b"\nx-evil:" not in head.lower(), place


@pytest.mark.parametrize(
    "headers",
    ["Last-Event-ID: 1\rX-Evil: 1\r\n", "Origin: http://a\nX-Evil: 1\r\n", "Accept-Language: \x00\r\n"],
)
async def test_a_header_that_is_broken_by_hand_breaks_nothing(tmp_path: Path, headers: str) -> None:
    async with served(settings(tmp_path)) as (_, url):
        reply = await said(url, "/api/v1/network", headers)
        assert status_of(reply) in {200, 400}
        assert b"\nx-evil:" not in reply.partition(b"\r\n\r\n")[0].lower()
        assert status_of(await said(url, "/healthz")) == 200
