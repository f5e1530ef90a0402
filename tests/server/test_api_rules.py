"""The rules and a team's limits over a real port."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from tests.server.people import cookie, signed_in, team_of
from tests.server.stage import client, served, settings
from tests.server.test_api_keys import Desk
from vedette.alerts.rules import RULES
from vedette.model.people import FIRST_TEAM, Role
from vedette.server.settings import AlertSetting
from vedette.store import tables as t

DAY_MS = 86_400_000


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    alerts = AlertSetting(rules={"few_peers": {"few_count": 2}})
    async with served(settings(tmp_path, alerts=alerts)) as (house, url), client() as http:
        yield Desk(house, url, http, await signed_in(house.database, "ada"))


def limit(told: dict[str, Any], rule: str, name: str) -> dict[str, Any]:
    rules = {one["name"]: one for one in told["rules"]}
    found: dict[str, Any] = next(one for one in rules[rule]["limits"] if one["name"] == name)
    return found


async def test_every_rule_is_told_with_why_and_what_it_goes_by(desk: Desk) -> None:
    status, told = await desk.ask("GET", "/alerts/rules")
    assert status == 200
    assert [one["name"] for one in told["rules"]] == [rule.name for rule in RULES]
    assert (told["preset"], told["presets"], told["version"]) == (
        "normal",
        ["quiet", "normal", "paranoid"],
        0,
    )
    disk = next(one for one in told["rules"] if one["name"] == "disk_filling")
    assert disk["title"] == {"en": "Disk filling", "zh": "磁盘将满"}
    assert (disk["about"], disk["docs"], disk["is_on"]) == ("node", "reference/alerts#disk_filling", True)
    assert limit(told, "disk_filling", "warning_days") == {
        "name": "warning_days",
        "kind": "number",
        "unit": "days",
        "default": 14.0,
        "preset": 14.0,
        "team": None,
        "value": 14.0,
    }
    few = limit(told, "few_peers", "few_count")
    assert (few["default"], few["preset"], few["value"]) == (3, 2, 2), "the settings stand below the team"
    kinds = {one["kind"] for rule in told["rules"] for one in rule["limits"]}
    assert kinds == {"whole", "number", "flag", "severity"}


async def test_a_team_sets_a_preset_limits_and_those_of_one_node(desk: Desk) -> None:
    wish = {
        "preset": "quiet",
        "rules": {"disk_filling": {"warning_days": 30}},
        "subjects": {"0xabc": {"absent_votes": {"loudest": "warning"}}},
        "version": 0,
    }
    status, told = await desk.ask("PUT", "/alerts/limits", wish)
    assert (status, told["preset"], told["version"]) == (200, "quiet", 1)
    days = limit(told, "disk_filling", "warning_days")
    assert (days["default"], days["preset"], days["team"], days["value"]) == (14.0, 7.0, 30.0, 30.0)
    assert told["subjects"] == [
        {
            "id": "0xabc",
            "name": "0xabc",
            "kind": "validator",
            "rules": {"absent_votes": {"loudest": "warning"}},
        }
    ]
    assert (await desk.ask("GET", "/alerts/rules"))[1] == told
    ours = desk.house.policies
    await ours.look(desk.house.database)
    assert ours.of(FIRST_TEAM).limits.rules["disk_filling"] == {"warning_days": 30.0}
    _, log = await desk.ask("GET", "/audit")
    assert log["entries"][0]["act"] == "alerts.limits"


async def test_the_second_of_two_editors_is_told(desk: Desk) -> None:
    assert (await desk.ask("PUT", "/alerts/limits", {"preset": "quiet", "version": 0}))[0] == 200
    status, told = await desk.ask("PUT", "/alerts/limits", {"preset": "paranoid", "version": 0})
    assert status == 409
    assert "read them anew" in told["detail"]
    assert (await desk.ask("GET", "/alerts/rules"))[1]["preset"] == "quiet"


@pytest.mark.parametrize(
    ("wish", "line"),
    [
        ({"rules": {"disk_filing": {}}}, "there is no rule disk_filing"),
        ({"rules": {"disk_filling": {"days": 3}}}, "unknown limit days"),
        ({"rules": {"disk_filling": {"warning_days": -3}}}, "must be a number, not negative"),
        ({"rules": {"disk_filling": {"is_on": 1}}}, "must be true or false"),
        ({"subjects": {"n1": {"few_peers": {"loudest": "shrill"}}}}, "info or warning or critical"),
    ],
)
async def test_what_cannot_be_is_refused_with_what_would_be_right(
    desk: Desk, wish: dict[str, Any], line: str
) -> None:
    status, told = await desk.ask("PUT", "/alerts/limits", {**wish, "version": 0})
    assert status == 422
    assert line in told["detail"]
    assert (await desk.ask("GET", "/alerts/rules"))[1]["version"] == 0


async def test_another_teams_limits_are_its_own(desk: Desk) -> None:
    bob = await signed_in(
        desk.house.database, "bob", Role.OWNER, team_id=await team_of(desk.house.database, "others")
    )
    await desk.ask("PUT", "/alerts/limits", {"preset": "quiet", "version": 0})
    status, told = await desk.ask("GET", "/alerts/rules", headers=cookie(bob))
    assert (status, told["preset"], told["version"]) == (200, "normal", 0)


async def test_how_often_a_rule_fired_is_counted_for_thirty_days(desk: Desk) -> None:
    now_ms = desk.house.ears.now_ms()
    usual = {
        "team_id": FIRST_TEAM,
        "rule": "node_down",
        "severity": "warning",
        "subject_kind": "node",
        "subject_id": "n1",
        "subject_name": "n1",
        "facts": {},
        "told_count": 0,
    }
    ages = {"a": 1, "b": 29, "c": 31}  # days
    rows = [
        {**usual, "key": key, "opened_at_ms": now_ms - days * DAY_MS, "told_at_ms": now_ms}
        for key, days in ages.items()
    ]
    rows += [{**usual, "key": "d", "opened_at_ms": now_ms, "told_at_ms": None}]
    async with desk.house.database.read() as conn:
        assert (await conn.execute(t.incidents.select())).all() == []
    await desk.house.database.write(lambda conn: conn.execute(insert(t.incidents), rows))
    _, told = await desk.ask("GET", "/alerts/rules")
    counts = {one["name"]: one["recent"]["fired_30d"] for one in told["rules"]}
    assert counts["node_down"] == 2
    assert sum(counts.values()) == 2
