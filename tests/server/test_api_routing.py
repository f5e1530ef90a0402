"""Routes, on-call, silences and maintenance over a real port."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.server.people import cookie, signed_in, team_of
from tests.server.stage import Agent, client, enrol, hear, served, settings
from tests.server.test_api_keys import Desk
from vedette.model.people import FIRST_TEAM, Role
from vedette.server.settings import WebhookSetting
from vedette.store import tables as t

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
HOOK = WebhookSetting("hook", "http://127.0.0.1:9/hook", None)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with served(settings(tmp_path, webhooks=(HOOK,))) as (house, url), client() as http:
        yield Desk(house, url, http, await signed_in(house.database, "ada"))


def routing(version: int = 0, **other: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"routes": [], "escalations": [], "schedules": [], "quiet": []}
    return empty | other | {"version": version}


def route(name: str, *contacts: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "name": name, "match": {}, "contacts": list(contacts), **more}


WEEK = {
    "id": "week",
    "name": "Weeks",
    "zone": "Europe/Berlin",
    "rotation": {
        "people": ["settings:hook", "contact:ana"],
        "handover": {"weekday": 0, "hour": 9, "minute": 0},
        "every_days": 7,
        "starts_on": "2025-01-06",
    },
}
NIGHT = {"id": "night", "name": "Night", "zone": "UTC", "from": "00:00", "until": "00:00"}


async def with_contact(desk: Desk, team_id: int = FIRST_TEAM) -> None:
    row = {"id": "ana", "team_id": team_id, "name": "Ana's phone", "kind": "ntfy", "sealed": b"", "hint": ""}
    row |= {"language": "en", "created_at_ms": 0}
    await desk.house.database.write(lambda conn: conn.execute(t.contact_points.insert().values(row)))


async def acts(desk: Desk) -> list[str]:
    async with desk.house.database.read() as conn:
        return list((await conn.execute(select(t.audit.c.act).order_by(t.audit.c.seq))).scalars())


async def test_routing_is_read_as_it_was_set_and_noted(desk: Desk) -> None:
    """The version moves, and an old one is refused."""
    await with_contact(desk)
    assert (await desk.ask("GET", "/alerts/routing"))[1] == routing()
    wish = routing(
        routes=[route("all", "schedule:week", "settings:hook", quiet="night", match={"kinds": ["node"]})],
        schedules=[WEEK],
        quiet=[NIGHT],
    )
    status, told = await desk.ask("PUT", "/alerts/routing", wish)
    assert (status, told["version"]) == (200, 1)
    assert told == (await desk.ask("GET", "/alerts/routing"))[1]
    assert (told["quiet"][0]["from"], told["routes"][0]["goes_on"]) == ("00:00", False)
    again = {name: told[name] for name in ("routes", "escalations", "schedules", "quiet")}
    assert (await desk.ask("PUT", "/alerts/routing", again | {"version": 0}))[0] == 409
    assert (await desk.ask("PUT", "/alerts/routing", again | {"version": 1}))[1]["version"] == 2
    assert await acts(desk) == ["alerts.routing", "alerts.routing"]


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        (routing(routes=[route("a", "contact:none")]), "there is no contact contact:none"),
        (routing(routes=[route("a", "settings:hook", match={"rules": ["no"]})]), "there is no rule no"),
        (routing(routes=[route("a", "settings:hook", escalation="up")]), "there is no escalation up"),
        (routing(quiet=[NIGHT | {"zone": "Mars"}]), "there is no time zone 'Mars'"),
        (routing(quiet=[NIGHT | {"until": "7 am"}]), "until"),
        (routing(routes=[route("a", "members")]), "there is no contact members"),
    ],
)
async def test_what_is_wrong_with_it_is_told_in_one_line(desk: Desk, wish: Any, says: str) -> None:
    """And nothing is kept of it."""
    status, told = await desk.ask("PUT", "/alerts/routing", wish)
    assert (status, says in told["detail"], "\n" in told["detail"]) == (422, True, False)
    assert (await desk.ask("GET", "/alerts/routing"))[1] == routing()


async def test_another_teams_contacts_are_none(desk: Desk) -> None:
    """Nor are the settings' channels anybody's but the first team's."""
    other = await team_of(desk.house.database, "other")
    eve = cookie(await signed_in(desk.house.database, "eve", team_id=other))
    await with_contact(desk)
    for ref in ("contact:ana", "settings:hook"):
        wish = routing(routes=[route("a", ref)])
        assert (await desk.ask("PUT", "/alerts/routing", wish, eve))[0] == 422
        assert (await desk.ask("PUT", "/alerts/routing", wish | {"version": 9}, eve))[0] == 422


async def test_a_try_says_who_would_be_told_when_and_why_not(desk: Desk) -> None:
    """Without telling anybody."""
    await with_contact(desk)
    agent = Agent()
    await enrol(desk.house, agent)
    await hear(desk.house, *agent.post(agent.envelope(desk.house.ears.now_ms())))
    up = {"id": "up", "name": "Up", "steps": [{"after_minutes": 15, "contacts": ["contact:ana"]}]}
    wish = routing(
        routes=[route("nodes", "settings:hook", match={"subjects": [agent.node_id]}, escalation="up")],
        escalations=[up],
    )
    assert (await desk.ask("PUT", "/alerts/routing", wish))[0] == 200
    asked = {"rule": "node_down", "severity": "critical", "subject_id": agent.node_id}
    _, told = await desk.ask("POST", "/alerts/routing/tries", asked)
    assert told == {
        "decision": "told",
        "told": [
            {"ref": "settings:hook", "name": "hook", "after_minutes": 0},
            {"ref": "contact:ana", "name": "Ana's phone", "after_minutes": 15},
        ],
        "route": "nodes",
        "why": None,
        "until_ms": None,
    }
    _, told = await desk.ask("POST", "/alerts/routing/tries", asked | {"subject_id": None})
    assert (told["decision"], told["told"], told["route"]) == ("no_contact", [], None)
    ends = desk.house.ears.now_ms() + HOUR_MS
    silence = {"matcher": {"rules": ["node_down"]}, "comment": "works", "ends_at_ms": ends}
    _, made = await desk.ask("POST", "/alerts/silences", silence)
    _, told = await desk.ask("POST", "/alerts/routing/tries", asked)
    assert (told["decision"], told["why"], told["told"]) == ("silenced", made["id"], [])
    _, told = await desk.ask("POST", "/alerts/routing/tries", asked | {"at_ms": ends})
    assert told["decision"] == "told"
    assert (await desk.ask("POST", "/alerts/routing/tries", asked | {"rule": "no"}))[0] == 422


async def test_on_call_names_who_is_and_who_comes(desk: Desk) -> None:
    """By their names."""
    await with_contact(desk)
    wish = routing(schedules=[WEEK], routes=[route("a", "schedule:week")])
    assert (await desk.ask("PUT", "/alerts/routing", wish))[0] == 200
    _, told = await desk.ask("GET", "/alerts/on-call")
    (week,) = told["schedules"]
    assert {week["now"]["name"], week["next"]["name"]} == {"hook", "Ana's phone"}
    assert week["until_ms"] == week["next"]["from_ms"] > desk.house.ears.now_ms()


async def test_a_silence_is_made_listed_and_ended(desk: Desk) -> None:
    """It stays in the list, and each change is noted."""
    now_ms = desk.house.ears.now_ms()
    wish = {"matcher": {"labels": ["paris"]}, "comment": "new disk", "ends_at_ms": now_ms + HOUR_MS}
    status, made = await desk.ask("POST", "/alerts/silences", wish)
    assert (status, made["state"], made["made_by"], made["comment"]) == (201, "on", "ada", "new disk")
    assert made["matcher"]["labels"] == ["paris"]
    later = wish | {"starts_at_ms": now_ms + 1_000_000}
    assert (await desk.ask("POST", "/alerts/silences", later))[1]["state"] == "ahead"
    assert (await desk.ask("DELETE", f"/alerts/silences/{made['id']}"))[0] == 204
    _, told = await desk.ask("GET", "/alerts/silences")
    assert {one["id"]: one["state"] for one in told["silences"]}[made["id"]] == "over"
    assert (await desk.ask("DELETE", f"/alerts/silences/{made['id']}"))[0] == 204, "it has ended"
    assert await acts(desk) == ["silence.make", "silence.make", "silence.end"]


@pytest.mark.parametrize(
    "other",
    [
        {"ends_at_ms": 1},
        {"ends_at_ms": 2**53},
        {"comment": ""},
        {"comment": " "},
        {"matcher": {"rules": ["no"]}},
    ],
)
async def test_a_silence_without_end_reason_or_sense_is_refused(desk: Desk, other: Any) -> None:
    """In one line."""
    good = {"matcher": {}, "comment": "works", "ends_at_ms": desk.house.ears.now_ms() + HOUR_MS}
    status, told = await desk.ask("POST", "/alerts/silences", good | other)
    assert (status, "\n" in told["detail"]) == (422, False)


async def test_a_maintenance_is_made_changed_shown_in_the_calendar_and_dropped(desk: Desk) -> None:
    """Once or by cron."""
    start = 1_790_000_000_000
    wish = {"name": "backup", "matcher": {}, "starts_at_ms": start, "zone": "Europe/Berlin"}
    wish |= {"cron": "30 2 * * *", "duration_minutes": 60}
    status, made = await desk.ask("POST", "/alerts/maintenances", wish)
    assert (status, made["duration_minutes"], made["made_by"]) == (201, 60, "ada")
    path = f"/alerts/maintenances/{made['id']}"
    query = f"?from_ms={start}&until_ms={start + 7 * DAY_MS}"
    _, told = await desk.ask("GET", "/alerts/maintenances/calendar" + query)
    assert len(told["windows"]) == 7
    assert all(one["until_ms"] - one["from_ms"] == HOUR_MS for one in told["windows"])
    status, changed = await desk.ask("PATCH", path, {"duration_minutes": 30, "name": "quick backup"})
    assert (status, changed["duration_minutes"], changed["name"]) == (200, 30, "quick backup")
    assert changed["cron"] == "30 2 * * *"
    for bad in ({"cron": "nonsense here"}, {"zone": None}, {"name": None}, {"ends_at_ms": start}):
        assert (await desk.ask("PATCH", path, bad))[0] == 422, bad
    once = {"name": "move", "matcher": {}, "starts_at_ms": start, "ends_at_ms": start + 1_000}
    assert (await desk.ask("POST", "/alerts/maintenances", once))[0] == 201
    _, told = await desk.ask("GET", "/alerts/maintenances/calendar" + query)
    assert (len(told["windows"]), told["windows"][0]["name"]) == (8, "move")
    _, listed = await desk.ask("GET", "/alerts/maintenances")
    assert sorted(one["name"] for one in listed["maintenances"]) == ["move", "quick backup"]
    assert (await desk.ask("DELETE", path))[0] == 204
    assert (await desk.ask("DELETE", path))[0] == 404
    wanted = ["maintenance.make", "maintenance.change", "maintenance.make", "maintenance.drop"]
    assert await acts(desk) == wanted


@pytest.mark.parametrize("query", ["from_ms=5&until_ms=5", "from_ms=0&until_ms=34560000001", "from_ms=0"])
async def test_a_calendar_has_an_end(desk: Desk, query: str) -> None:
    """At most 400 days."""
    assert (await desk.ask("GET", f"/alerts/maintenances/calendar?{query}"))[0] == 422


async def test_what_is_another_teams_is_not_there(desk: Desk) -> None:
    """Neither seen nor ended."""
    other = await team_of(desk.house.database, "other")
    eve = cookie(await signed_in(desk.house.database, "eve", team_id=other))
    viewer = cookie(await signed_in(desk.house.database, "vi", Role.VIEWER))
    wish = {"matcher": {}, "comment": "works", "ends_at_ms": desk.house.ears.now_ms() + HOUR_MS}
    _, silence = await desk.ask("POST", "/alerts/silences", wish)
    _, work = await desk.ask(
        "POST", "/alerts/maintenances", {"name": "work", "matcher": {}, "starts_at_ms": 0}
    )
    assert (await desk.ask("GET", "/alerts/silences", headers=eve))[1] == {"silences": []}
    assert (await desk.ask("GET", "/alerts/maintenances", headers=eve))[1] == {"maintenances": []}
    for path in (f"/alerts/silences/{silence['id']}", f"/alerts/maintenances/{work['id']}"):
        assert (await desk.ask("DELETE", path, headers=eve))[0] == 404
        assert (await desk.ask("DELETE", path, headers=viewer))[0] == 403
    _, told = await desk.ask("GET", "/alerts/silences", headers=viewer)
    assert [one["id"] for one in told["silences"]] == [silence["id"]]
    assert json.dumps(told).count("works") == 1
