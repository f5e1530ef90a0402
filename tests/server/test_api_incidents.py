"""What people see of an incident and do with it, over HTTP."""

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.server.history import Past
from tests.server.stage import hear
from tests.server.world import CANARIES, World, world
from vedette.model.incident import Reason
from vedette.model.people import FIRST_TEAM, Who
from vedette.store import incidents
from vedette.store import tables as t
from vedette.store.incidents import Change


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
        await asked(street, "POST", f"/{mine}/comments", body={"text": "disk\x00swapped\n by hand "})
        closed = await asked(street, "POST", f"/{mine}/close", body={"comment": "done"})
        assert (closed["closed_by"], closed["actions"]) == ("operator", {"can_close": False})
        said = [(one["kind"], one["detail"].get("by")) for one in closed["timeline"] if "by" in one["detail"]]
        kinds = ["acknowledged", "taken_back", "comment", "closed"]
        assert said == [(kind, "operator") for kind in kinds]
        assert closed["timeline"][2]["detail"]["comment"] == "on my way"
        assert closed["timeline"][4]["detail"]["text"] == "disk swapped\n by hand"
        assert (await street.ask("GET", "/api/v1/incidents?rule=%00", "viewer"))[0] == 422
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


def _proof(node_id: str) -> dict[str, Any]:
    return {
        "facts": {"reason": "it\n ended", "died_at_ms": 1_763_798_400_000, "hold_ms": 120_000},
        "blocks": [
            {"height": 7, "epoch": 2, "total_votes": 300, "signed_votes": 280},
            {"height": 8, "epoch": 2, "total_votes": None, "signed_votes": None},
        ],
        "nodes": {node_id: {"numbers": {"host.disk.used_ratio": 0.5}, "labels": ["a", "b"], "role": None}},
        "witnesses": {"public": "ss?"},
        "sources": [],
    }


async def test_what_was_seen_is_read_as_json_and_as_a_text(
    past: Past, database_file: Path, tmp_path: Path
) -> None:
    async with world(past, database_file, tmp_path) as street:
        mine = await street.new_trouble()
        now_ms, house = street.house.ears.now_ms(), street.house
        async with house.database.read() as conn:
            one = await incidents.one_of(conn, Who(FIRST_TEAM), mine)
        assert one is not None
        seen = ("escalated", _proof(one.subject.id))
        change = Change(one, Reason.ESCALATED, ("email",), now_ms, evidence=seen)
        await house.database.write(lambda conn: incidents.save(conn, [change]))
        told = await asked(street, "GET", f"/{mine}/evidence", "viewer")
        assert told["incident"]["id"] == mine
        assert [(each["what"], each["bundle"]["witnesses"]) for each in told["evidence"]] == [
            ("escalated", {"public": "ss?"})
        ]
        whole = await asked(street, "GET", f"/{mine}", "viewer")
        assert whole["evidence"] == [{"at_ms": now_ms, "what": "escalated"}]
        status, headers, body = await street.ask("GET", f"/api/v1/incidents/{mine}/evidence.txt", "viewer")
        lines = body.decode().splitlines()
        assert (status, headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
        assert headers["Cache-Control"] == "no-store"
        for line in (
            "INCIDENT", "TIMELINE", "MESSAGES", "SEEN WHEN IT ESCALATED", "  reason: it ended",
            "  7  epoch 2  280 of 300 votes", "  8  epoch 2  no certificate was seen", "    labels: a, b",
            "      host.disk.used_ratio: 0.5", "    role: unknown", "  ss?  public", "sources: none",
            "  died_at_ms: 2025-11-22 08:00:00 UTC", "  hold_ms: 120000",
        ):  # fmt: skip
            assert line in lines, (line, body.decode())
        assert any("escalated, email, waiting, not sent" in line for line in lines)


async def test_the_judge_keeps_what_it_saw(past: Past, database_file: Path, tmp_path: Path) -> None:
    """Of a node that its agent saw die: with its figures, in the step's own transaction."""
    async with world(past, database_file, tmp_path) as street:
        agent, house = street.public, street.house
        await street.report(agent)
        now_ms = house.ears.now_ms()
        dead = agent.envelope(now_ms, states={"process.state": "gone"}, died_at_ms=now_ms)
        await hear(house, *agent.post(dead))
        async with asyncio.timeout(20):
            while True:
                found = await asked(street, "GET", f"?subject={agent.node_id}&rule=node_down&state=open")
                proven = [one for one in found["incidents"] if one["told_at_ms"] is not None]
                kept = [await asked(street, "GET", f"/{one['id']}/evidence") for one in proven]
                seen = [each for one in kept for each in one["evidence"] if each["what"] == "opened"]
                if seen:
                    break
                await asyncio.sleep(0.1)
        assert agent.node_id in seen[0]["bundle"]["nodes"]
        words = json.dumps(seen)
        assert CANARIES["an address"] not in words
        assert CANARIES["an address of IPv6"] not in words
