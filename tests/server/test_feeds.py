"""The calendar of deadlines and the feeds of public incidents: well formed, with no more than they may."""

from typing import Any
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import insert, update

from tests.server.conftest import STRANGER, Api
from tests.server.stage import Agent, enrol, hear
from vedette.model.people import FIRST_TEAM
from vedette.server.feeds import Deadline, Item, atom, calendar, rss
from vedette.store import tables as t

NOW_MS = 1_763_798_400_000
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
ATOM = {"a": "http://www.w3.org/2005/Atom"}
EVIL = "a; b, c\\ <&> \x00\r\nBEGIN:VEVENT 节点"
ITEM = Item(7, EVIL, "team", "Since then.", "https://watch.example.org/teams/ours", NOW_MS, NOW_MS + 1)


def unfolded(body: bytes) -> list[str]:
    assert body.endswith(b"\r\n")
    assert all(len(line) <= 75 for line in body.split(b"\r\n"))
    return body.decode().replace("\r\n ", "").split("\r\n")[:-1]


def test_a_calendar_is_as_its_standard_has_it() -> None:
    long = Deadline("u1", NOW_MS, NOW_MS + HOUR_MS, EVIL * 3, "节点" * 60, "https://watch.example.org/x")
    lines = unfolded(calendar([long], "zh", NOW_MS))
    assert (lines[0], lines[-1]) == ("BEGIN:VCALENDAR", "END:VCALENDAR")
    assert lines.count("BEGIN:VEVENT") == lines.count("END:VEVENT") == 1
    said = dict(line.split(":", 1) for line in lines if ":" in line)
    assert (said["DTSTART"], said["DTEND"]) == ("20251122T080000Z", "20251122T090000Z")
    assert said["SUMMARY"].startswith("a\\; b\\, c\\\\ <&> \\nBEGIN:VEVENT 节点")
    assert said["UID"] == "u1@vedette"


def test_atom_is_xml_whatever_a_title_holds() -> None:
    feed = ET.fromstring(atom([ITEM], "https://watch.example.org", "https://watch.example.org/f?a=1&b", "en"))
    (entry,) = feed.findall("a:entry", ATOM)
    assert entry.findtext("a:title", None, ATOM) == "a; b, c\\ <&> BEGIN:VEVENT 节点"
    assert entry.findtext("a:updated", None, ATOM) == "2025-11-22T08:00:00Z"
    assert all(entry.findtext(f"a:{name}", None, ATOM) for name in ("id", "published", "content"))
    assert feed.findtext("a:updated", None, ATOM) is not None


def test_rss_has_a_new_item_when_an_incident_changes() -> None:
    later = Item(7, "x", "team", "Over.", ITEM.url, NOW_MS, NOW_MS + HOUR_MS)
    channel = ET.fromstring(rss([later, ITEM], "https://w.example", "https://w.example/f", "zh")).find(
        "channel"
    )
    assert channel is not None
    ids = [item.findtext("guid") for item in channel.findall("item")]
    assert len(set(ids)) == 2
    assert channel.findtext("language") == "zh-CN"
    assert channel.findall("item")[1].findtext("pubDate") == "Sat, 22 Nov 2025 08:00:00 GMT"


def test_an_empty_feed_is_one_all_the_same() -> None:
    assert (
        ET.fromstring(atom([], "https://w.example", "https://w.example/f", "en")).findall("a:entry", ATOM)
        == []
    )


# --- over the door ----------------------------------------------------------------------------------------


async def root(api: Api, path: str, **headers: str) -> tuple[int, str, bytes]:
    async with api.http.get(f"{api.url}{path}", headers=headers) as reply:
        return reply.status, reply.headers.get("Content-Type", ""), await reply.read()


async def new_url(api: Api) -> str:
    async with api.http.post(f"{api.url}/api/v1/alerts/feed-token", json={}) as reply:
        assert reply.status == 200
        found: str = (await reply.json())["url"]
    return found[found.index("/feeds/") :]


async def plan_work(api: Api, name: str, team_id: int = FIRST_TEAM) -> None:
    now = api.house.ears.now_ms()
    row: dict[str, Any] = {
        "id": name,
        "team_id": team_id,
        "name": name,
        "matcher": {},
        "made_by": "machine",
        "created_at_ms": now,
        "starts_at_ms": now + DAY_MS,
        "ends_at_ms": now + DAY_MS + HOUR_MS,
    }
    await api.house.database.write(lambda conn: conn.execute(insert(t.maintenances).values(row)))


async def test_a_calendar_opens_with_its_token_from_anywhere_and_no_longer_with_an_older_one(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="vedette")
    await plan_work(api, "disk-swap")
    old = await new_url(api)
    status, kind, body = await root(api, old, **STRANGER)
    assert (status, kind) == (200, "text/calendar; charset=utf-8")
    assert "disk-swap" in "".join(unfolded(body))
    new = await new_url(api)
    assert (await root(api, old, **STRANGER))[0] == 404
    assert (await root(api, f"{new}&lang=zh", **STRANGER))[0] == 200
    assert new.partition("token=")[2] not in caplog.text


async def test_a_calendar_shows_no_other_teams_work(api: Api) -> None:
    url = await new_url(api)
    other = {"id": 77, "name": "others", "created_at_ms": 1}
    await api.house.database.write(lambda conn: conn.execute(insert(t.teams).values(other)))
    await plan_work(api, "theirs", 77)
    assert b"theirs" not in (await root(api, url))[2]


@pytest.mark.parametrize("token", ["", "x", "%00", "y" * 100])
async def test_a_wrong_token_opens_nothing(api: Api, token: str) -> None:
    assert (await root(api, f"/feeds/deadlines.ics?token={token}", **STRANGER))[0] in {404, 422}


async def bury(api: Api) -> Agent:
    agent, now = Agent(name="paris-1"), api.house.ears.now_ms()
    await enrol(api.house, agent)
    await hear(api.house, *agent.post(agent.envelope(now - 10)))
    await hear(api.house, *agent.post(agent.died(now)))
    await api.house.judge.round()
    return agent


async def show(api: Api, agent: Agent | None, *, incidents: bool = True) -> None:
    async def deed(conn: Any) -> None:
        shown = {"slug": "ours", "is_public": True, "shows_incidents": incidents}
        await conn.execute(update(t.teams).where(t.teams.c.id == FIRST_TEAM).values(shown))
        if agent is not None:
            await conn.execute(update(t.nodes).where(t.nodes.c.id == agent.node_id).values(is_public=True))

    await api.house.database.write(deed)


@pytest.mark.parametrize("kind", ["atom", "rss"])
async def test_what_is_not_public_is_in_no_feed(api: Api, kind: str) -> None:
    agent = await bury(api)
    assert b"paris-1" not in (await root(api, f"/feeds/incidents.{kind}", **STRANGER))[2]
    await show(api, None)
    assert b"paris-1" not in (await root(api, f"/feeds/incidents.{kind}", **STRANGER))[2]
    await show(api, agent, incidents=False)
    assert b"paris-1" not in (await root(api, f"/feeds/incidents.{kind}", **STRANGER))[2]


@pytest.mark.parametrize("kind", ["atom", "rss"])
async def test_a_public_nodes_incident_is_in_the_feed_of_its_team(api: Api, kind: str) -> None:
    await show(api, await bury(api))
    for query in ("", "?team=ours", "?lang=zh&team=ours"):
        status, _, body = await root(api, f"/feeds/incidents.{kind}{query}", **STRANGER)
        assert (status, b"paris-1" in body) == (200, True)
        ET.fromstring(body)
    assert b"paris-1" not in (await root(api, f"/feeds/incidents.{kind}?team=others"))[2]
