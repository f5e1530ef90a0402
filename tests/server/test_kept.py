"""Every JSON reply to a GET has a tag, says who may keep it, and is not sent twice to whoever has it."""

import itertools
import json
import re
from typing import Any

import pytest

from tests.server.conftest import Api
from tests.server.stage import Agent, enrol, hear
from vedette.server.app import openapi_document
from vedette.server.house import House

STRANGER = {"X-Forwarded-For": "203.0.113.7"}
NO_STORE = {
    "/alerts/rules",
    "/account/passkeys",
    "/alerts/maintenances",
    "/alerts/maintenances/calendar",
    "/alerts/on-call",
    "/alerts/routing",
    "/alerts/silences",
    "/alerts/contact-kinds",
    "/alerts/contacts",
    "/alerts/deliveries",
    "/alerts/digest",
    "/audit",
    "/audit/head",
    "/claims",
    "/enrolments",
    "/invitations/look",
    "/keys",
    "/operator-keys",
    "/session",
    "/sessions",
    "/team",
    "/team/profile",
    "/team/watches",
    "/users",
    "/wallets/{address}",
}
"""What a person or a team owns is in no cache at all: the next one at the same screen finds nothing."""
ELSEWHERE = {"/live"}


def paths() -> list[str]:
    found = openapi_document()["paths"]
    return sorted(
        path.removeprefix("/api/v1") for path in found if path.startswith("/api/v1") and "get" in found[path]
    )


async def known(api: Api) -> dict[str, str]:
    """Something real for each parameter of a path."""
    agent = Agent()
    await enrol(api.house, agent)
    await hear(api.house, *agent.post(agent.envelope(api.house.ears.now_ms())))
    return {
        "address": (await api.get("/validators"))["validators"][0]["address"],
        "epoch": str((await api.get("/epochs"))["epochs"][0]["epoch"]),
        "height": str((await api.get("/blocks"))["blocks"][0]["height"]),
        "node_id": agent.node_id,
    }


async def test_every_reply_is_tagged_and_not_sent_twice(api: Api) -> None:
    given, seen = await known(api), []
    for path in paths():
        names = re.findall(r"{(\w+)}", path)
        if path in ELSEWHERE or not set(names) <= given.keys():
            continue
        query = "?names=pos.epoch" if path.endswith(("/series", "/states")) else ""
        status, headers, body = await api.raw(path.format(**given) + query)
        if status != 200 or headers["content-type"] != "application/json":
            continue
        seen.append(path)
        if path in NO_STORE:
            assert headers["cache-control"] == "no-store", path
            continue
        assert re.fullmatch(r'"[0-9a-f]{24}(-gzip)?"', headers["etag"]), path
        assert headers["cache-control"] in {"no-cache", "private, no-cache", "public, max-age=300"}, path
        assert {"Origin", "Authorization", "Cookie"} <= set(headers["vary"].split(", ")), path
        again = await api.raw(path.format(**given) + query, **{"If-None-Match": headers["etag"]})
        moves = json.loads(body).keys() & {"at_ms", "to_ms", "times"} or path.startswith("/nodes")
        assert again[0] == 304 or moves, path
    assert len(seen) >= 20, seen


async def test_what_only_members_see_is_kept_by_nobody_between(api: Api) -> None:
    given = await known(api)
    for path in (
        "/nodes",
        "/incidents",
        "/network",
        "/map",
        "/versions",
        f"/nodes/{given['node_id']}",
        "/validators",
    ):
        _, headers, _ = await api.raw(path)
        assert headers["cache-control"] == "private, no-cache", path
        if not path.startswith(("/incidents", "/nodes/")):
            _, headers, _ = await api.raw(path, **STRANGER)
            assert headers["cache-control"] == "no-cache", path


async def test_the_description_is_tagged(api: Api) -> None:
    async with api.http.get(f"{api.url}/api/openapi.json") as reply:
        assert await reply.json() == openapi_document()
        tag = reply.headers["ETag"]
    async with api.http.get(f"{api.url}/api/openapi.json", headers={"If-None-Match": tag}) as reply:
        assert reply.status == 304


async def named(house: House, names: list[str]) -> None:
    for name in names:
        agent = Agent(name=name)
        await enrol(house, agent)
        await hear(house, *agent.post(agent.envelope(house.ears.now_ms())))


async def test_nodes_are_told_a_page_at_a_time(api: Api) -> None:
    await named(api.house, ["b", "a", "c", "a", "d~e"])
    everything: list[dict[str, Any]] = (await api.get("/nodes"))["nodes"]
    assert (await api.get("/nodes"))["next_cursor"] is None
    for limit in (1, 2, 5, 6):
        found: list[dict[str, Any]] = []
        cursor = ""
        for _ in itertools.repeat(None, 6):
            page = await api.get(f"/nodes?limit={limit}{cursor}")
            found += page["nodes"]
            if page["next_cursor"] is None:
                break
            assert len(page["nodes"]) == limit
            cursor = f"&cursor={page['next_cursor']}"
        assert [one["id"] for one in found] == [one["id"] for one in everything]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "cursor=nonsense", "cursor=" + "x" * 301])
async def test_a_page_that_is_none_is_said_to_be_none(api: Api, query: str) -> None:
    assert (await api.problem(f"/nodes?{query}"))[0] == 422


PAGED = re.compile(r"^(before|cursor|from_ms|first_epoch)$")
BOUNDED = {
    "/alerts/maintenances": "at most 300",
    "/alerts/maintenances/calendar": "at most 1,000 windows of 400 days",
    "/alerts/on-call": "at most 50 schedules",
    "/alerts/routing": "at most 50 of each",
    "/alerts/silences": "at most 300",
    "/validators/{address}/performance": "what goes into one figure",
    "/network": "the server's own endpoints, and a few words",
    "/map": "a place for each city",
    "/versions": "a row for each release",
    "/committee": "at most 300 members",
    "/committee/{epoch}": "at most 300 members",
    "/pools": "those of the settings",
    "/validators/{address}/outlook": "what is ahead of one",
    "/nodes/{node_id}/availability": "cells of a window",
    "/network/history": "as many points as asked for",
    "/account/passkeys": "at most 20",
    "/alerts/rules": "the rules, and at most 500 subjects with limits of their own",
    "/alerts/contact-kinds": "a file each",
    "/alerts/contacts": "at most 50, and those of the settings",
    "/alerts/digest": "at most 20 contact points",
    "/claims": "each was proved by a signature",
    "/enrolments": "each lasts for an hour",
    "/incidents/{incident_id}/evidence": "the moments of one incident at which its severity was told",
    "/keys": "at most 100 that work",
    "/operator-keys": "at most 100",
    "/session": "the teams of one person",
    "/sessions": "those of one person, which end by themselves",
    "/team": "the people of one team",
    "/team/profile": "at most five links",
    "/team/watches": "at most 200, and those of the settings",
}
"""Lists that end by themselves, and why."""


def lists_of(path: str) -> list[str]:
    """The lists in a reply's shape, by their names."""
    document = openapi_document()
    content = document["paths"][f"/api/v1{path}"]["get"]["responses"].get("200", {}).get("content", {})
    name = content.get("application/json", {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
    fields = document["components"]["schemas"].get(name, {}).get("properties", {})
    return [name for name, field in fields.items() if field.get("type") == "array"]


def test_every_list_has_pages_or_a_reason() -> None:
    endless = []
    for path in paths():
        operation = openapi_document()["paths"][f"/api/v1{path}"]["get"]
        paged = any(PAGED.match(one["name"]) for one in operation.get("parameters", []))
        is_one_thing = "{" in path.rpartition("/")[2]
        if not (paged or is_one_thing or path in BOUNDED) and lists_of(path):
            endless.append((path, lists_of(path)))
    assert not endless
