"""The log knows no visitor's address, whatever he does, nor what a statement held that failed."""

import asyncio
import logging
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from tests.server.accounts import PASSWORD
from tests.server.stage import Agent, bearer, served, settings
from vedette.server.caller import Trusted
from vedette.server.house import House
from vedette.store.database import Database

VISITOR, BEHIND = "127.0.0.77", "203.0.113.77"
MAIL = "canary@example.org"


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """All that it says, and more of what concerns visitors."""
    caplog.set_level(logging.INFO)  # as `vedette serve` has it
    for name in ("uvicorn.error", "uvicorn.access", "vedette"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    return caplog


def visitor() -> aiohttp.ClientSession:
    """He comes from an address of his own."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(local_addr=(VISITOR, 0), force_close=True), trust_env=False
    )


async def badly(url: str) -> None:
    """Bytes that are no HTTP, and a request that is broken off."""
    host, port = url.removeprefix("http://").split(":")
    for said in (b"\x16\x03\x01 hello\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"):
        reader, writer = await asyncio.open_connection(host, int(port), local_addr=(VISITOR, 0))
        writer.write(said)
        writer.write_eof()
        await reader.read(1_000)
        writer.close()


async def everything_wrong(house: House, http: aiohttp.ClientSession, url: str) -> set[int]:
    """What a visitor can do to be complained of; the statuses that he got."""
    agent = Agent("one")
    body, headers = agent.post(agent.envelope(house.ears.now_ms()))
    asks: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "/nothing", {}),
        ("GET", "/api/v1/blocks?limit=x", {}),
        ("GET", "/api/v1/nodes", {"headers": bearer("vdt_wrong")}),
        ("GET", "/api/v1/network", {}),
        ("POST", "/api/v1/agents", {"data": agent.enrolment(), "headers": bearer("wrong-wrong-wrong-wrong")}),
        ("POST", "/api/v1/reports", {"data": body, "headers": headers}),
        ("POST", "/api/v1/session", {"json": {"name": "ada", "password": PASSWORD}}),
        ("POST", "/api/v1/users", {"json": {"name": "ada", "password": PASSWORD, "email": MAIL}}),
    ]
    found = set()
    for method, path, given in asks:
        given["headers"] = given.get("headers", {}) | {"X-Forwarded-For": BEHIND}
        async with http.request(method, url + path, **given) as reply:
            found.add(reply.status)
    return found


@pytest.mark.parametrize("trusted", [False, True])
async def test_no_visitors_address_is_in_the_log(
    tmp_path: Path, told: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    networks = (ip_network(f"{VISITOR}/32"),) if trusted else ()
    given = settings(tmp_path, trusted=Trusted(networks))
    async with served(given) as (house, url), visitor() as http:

        async def fails(*_: object) -> None:
            raise RuntimeError("a bug")

        monkeypatch.setattr(house.tips, "now", fails)
        statuses = await everything_wrong(house, http, url)
        await badly(url)
    assert {401, 403, 422, 500} <= statuses
    assert "a bug" in told.text, "what is wrong with the server is told"
    for private in (VISITOR, BEHIND, MAIL, PASSWORD, "vdt_wrong"):
        assert private not in told.text


async def test_a_failed_statement_does_not_quote_what_it_held(tmp_path: Path) -> None:
    database = await Database.open(str(tmp_path / "v.db"))
    wrong = text("INSERT INTO users (name) VALUES (:email)").bindparams(email=MAIL)
    with pytest.raises(SQLAlchemyError) as failure:
        await database.write(lambda conn: conn.execute(wrong))
    await database.close()
    assert MAIL not in str(failure.value)
