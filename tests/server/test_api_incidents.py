"""What people see of an incident and do with it, over HTTP."""

import json
from pathlib import Path
from typing import Any

from tests.server.history import Past
from tests.server.world import World, world
from vedette.store import tables as t


async def asked(street: World, method: str, path: str, person: str = "operator", body: Any = None) -> Any:
    status, _, told = await street.ask(method, f"/api/v1/incidents{path}", person, body)
    assert status == 200, (path, status, told)
    return json.loads(told)


async def test_one_is_told_in_both_languages_with_what_to_do(
    past: Past, database_file: Path, tmp_path: Path
) -> None:
    async with world(past, database_file, tmp_path) as street:
        whole = await asked(street, "GET", f"/{await street.new_trouble()}")
        english, chinese = whole["texts"]["en"], whole["texts"]["zh"]
        assert english["title"] == whole["titles"]["en"] == whole["title"]
        assert chinese["title"] == whole["titles"]["zh"] != english["title"]
        assert all(one["hint"] and one["why"] and one["lines"] for one in (english, chinese))
        assert "What to do" not in english["hint"]
        assert [event["kind"] for event in whole["timeline"]] == ["found", "told"]


async def test_somebody_takes_it_gives_it_back_speaks_of_it_and_closes_it(
    past: Past, database_file: Path, tmp_path: Path
) -> None:
    async with world(past, database_file, tmp_path) as street:
        mine = await street.new_trouble()
        wish = {"minutes": 30, "comment": " on my way "}
        taken = await asked(street, "POST", f"/{mine}/acknowledge", body=wish)
        assert taken["acked"]["by"] == "operator"
        assert taken["acked"]["until_ms"] == taken["acked"]["at_ms"] + 1_800_000
        assert taken["actions"] == {"can_close": True}
        assert (await asked(street, "GET", f"/{mine}", "viewer"))["actions"] == {"can_close": False}
        assert (await asked(street, "DELETE", f"/{mine}/acknowledge"))["acked"] is None
        await asked(street, "POST", f"/{mine}/comments", body={"text": "disk swapped"})
        closed = await asked(street, "POST", f"/{mine}/close", body={"comment": "done"})
        assert (closed["closed_by"], closed["actions"]) == ("operator", {"can_close": False})
        said = [(one["kind"], one["detail"].get("by")) for one in closed["timeline"] if "by" in one["detail"]]
        kinds = ["acknowledged", "taken_back", "comment", "closed"]
        assert said == [(kind, "operator") for kind in kinds]
        assert closed["timeline"][2]["detail"]["comment"] == "on my way"
        for path in (f"/{mine}/acknowledge", f"/{mine}/close"):
            status, _, told = await street.ask("POST", f"/api/v1/incidents{path}", "operator", {})
            assert (status, b"over, or was closed" in told) == (409, True)


async def test_a_forgotten_person_leaves_no_name_behind(
    past: Past, database_file: Path, tmp_path: Path
) -> None:
    async with world(past, database_file, tmp_path) as street:
        mine = await street.new_trouble()
        await asked(street, "POST", f"/{mine}/acknowledge", body={})
        gone = t.users.delete().where(t.users.c.name == "operator")
        await street.house.database.write(lambda conn: conn.execute(t.sessions.delete()))
        await street.house.database.write(lambda conn: conn.execute(t.memberships.delete()))
        await street.house.database.write(lambda conn: conn.execute(gone))
        async with street.house.database.read() as conn:
            rows = [list(await conn.execute(one.select())) for one in (t.incidents, t.incident_events)]
        assert "operator" not in repr(rows)


async def test_a_list_is_of_what_was_asked_for(past: Past, database_file: Path, tmp_path: Path) -> None:
    async with world(past, database_file, tmp_path) as street:
        mine = await street.new_trouble()
        node_id = (await asked(street, "GET", f"/{mine}"))["subject"]["id"]

        async def ids(query: str) -> list[int]:
            return [one["id"] for one in (await asked(street, "GET", query))["incidents"]]

        everything, over = await ids(""), street.ids["incident_id"]
        assert {mine, over} <= set(everything)
        assert over not in await ids("?state=open")
        assert mine not in await ids("?state=resolved")
        assert await ids(f"?subject={node_id}&rule=node_down&severity=warning") == [mine]
        assert await ids(f"?subject={node_id}&severity=critical") == []
        assert (await street.ask("GET", "/api/v1/incidents?state=x", "viewer"))[0] == 422


async def test_one_says_which_others_tell_nobody_because_of_it(
    past: Past, database_file: Path, tmp_path: Path
) -> None:
    async with world(past, database_file, tmp_path) as street:
        cause, effect = await street.new_trouble(), await street.new_trouble()
        key = (await asked(street, "GET", f"/{cause}"))["key"]
        hidden = t.incidents.update().where(t.incidents.c.id == effect).values(muted_by=key)
        await street.house.database.write(lambda conn: conn.execute(hidden))
        assert (await asked(street, "GET", f"/{cause}"))["hidden"] == [effect]
