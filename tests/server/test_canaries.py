"""What must stay private, planted in a rich database and looked for in all that the public reads."""

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.server.history import Past
from tests.server.stage import READ_TOKEN, bearer, until
from tests.server.test_door_matrix import MATRIX, OPERATIONS
from tests.server.world import CANARIES, World, world
from vedette.server.app import openapi_document

QUIET = frozenset({"GET /api/v1/live"})
"""It has no end, and a test of its own."""
LEAST_READ = 0.6
"""Most of what is asked must be answered, or this test would look at nothing."""


@pytest.fixture
async def street(past: Past, database_file: Path, tmp_path: Path) -> AsyncIterator[World]:
    async with world(past, database_file, tmp_path) as made:
        yield made


def found_in(text: str) -> list[str]:
    """The canaries that sing in a text, however JSON, a URL or a form would spell them."""
    spellings = {
        what: {word, json.dumps(word)[1:-1], quote(word, safe="")} for what, word in CANARIES.items()
    }
    return [what for what, words in spellings.items() if any(word in text for word in words)]


def questions(world: World) -> list[str]:
    """Every GET of the document, in every form that it has, with every id that there is."""
    asked = []
    for operation in OPERATIONS:
        method, template = operation.split(" ")
        if method != "GET" or operation in QUIET:
            continue
        known = {parameter["name"] for parameter in parameters(template)}
        query = MATRIX[operation].query
        ids = defaultdict(lambda: "0" * 32, world.ids)
        path, query = template.format_map(ids), query.format_map(ids)
        asked.append(path + query)
        asked += [f"{path}{query or '?'}&{extra}" for name, extra in FORMS if name in known]
    return asked


FORMS = [("format", "format=csv"), ("format", "format=parquet"), ("limit", "limit=200"), ("q", "q=canary")]


def parameters(template: str) -> list[dict[str, str]]:
    told: list[dict[str, str]] = openapi_document()["paths"][template]["get"].get("parameters", [])
    return told


async def test_no_reply_to_a_stranger_holds_a_canary(street: World) -> None:
    """Neither in what is answered nor in what is refused, in no form, and in no header."""
    asked = questions(street)
    for person in ("anonymous", "key", "agent", "other"):
        read = 0
        for path in asked:
            status, headers, body = await street.ask("GET", path, person)
            assert status != 500, (person, path)
            read += status == 200
            text = f"{dict(headers)}\n{body.decode('latin-1')}\n{body.decode(errors='replace')}"
            assert not found_in(text), (person, path)
        print(f"{person} was answered {read} of {len(asked)} questions")
        assert read > LEAST_READ * len(asked)


async def test_a_member_does_find_them(street: World) -> None:
    """Or the test before would look for what is nowhere."""
    bodies = ""
    for path in questions(street):
        bodies += (await street.ask("GET", path, "owner"))[2].decode(errors="replace")
    found = set(found_in(bodies))
    wanted = {"a private node's name", "an address", "a path on a node's disk", "a label", "a trouble's text"}
    assert wanted | {"a coordinate"} <= found


async def test_the_public_live_stream_tells_none(street: World) -> None:
    heard = bytearray()

    async def listen() -> None:
        async with street.http.get(f"{street.url}/api/v1/live") as reply:
            async for part in reply.content.iter_any():
                heard.extend(part)

    async def owner() -> None:
        async with street.http.get(f"{street.url}/api/v1/live", headers=street.headers["owner"]) as reply:
            async for part in reply.content.iter_any():
                owned.extend(part)

    owned = bytearray()
    listening = [asyncio.create_task(listen()), asyncio.create_task(owner())]
    await until(lambda: heard and owned)
    change = {"name": CANARIES["a private node's name"], "group": "Asia"}
    for _ in range(3):
        assert (await street.ask("PATCH", f"/api/v1/nodes/{street.private.node_id}", "owner", change))[
            0
        ] == 200
        await street.report(street.private)
    await until(lambda: street.private.node_id.encode() in owned)
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
    assert not found_in(heard.decode())
    assert street.private.node_id not in heard.decode()


async def test_no_log_and_no_figure_holds_a_secret(street: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for path in questions(street):
        await street.ask("GET", path, "owner")
    secret = street.headers["owner"]["Cookie"].partition("=")[2]
    key = street.headers["key"]["Authorization"].partition(" ")[2]
    status, _, _ = await street.ask("GET", f"/api/v1/nodes?token={key}", "anonymous", **bearer(READ_TOKEN))
    assert status == 200
    _, _, figures = await street.ask("GET", "/metrics", "admin")
    told = "\n".join(record.getMessage() for record in caplog.records if "aiohttp" not in record.name)
    told += caplog.text + figures.decode()
    for word in (secret, key, CANARIES["the enrolment token"], CANARIES["an e-mail address"]):
        assert word not in told
    assert not found_in(figures.decode())
