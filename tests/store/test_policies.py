"""Policies, silences and maintenance, on both databases."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import insert, select

from tests.store.doubles import NOON
from vedette.model.incident import Severity
from vedette.model.people import FIRST_TEAM, Who
from vedette.model.policy import Contact, Maintenance, Matcher
from vedette.store import maintenances, policies, silences
from vedette.store import tables as t
from vedette.store.database import Database
from vedette.store.policies import Kept, StalePolicyError

OURS = Who(FIRST_TEAM, is_admin=True)
MATCHER = Matcher(Severity.WARNING, rules=("node_down",), labels=("paris",))
WORK = Maintenance("", 0, "backup", MATCHER, "", "", 0, NOON, NOON + 1_000)
HOUR_MS = 3_600_000


async def other_team(database: Database) -> Who:
    add = insert(t.teams).values(name="Other").returning(t.teams.c.id)
    team_id = await database.write(lambda conn: conn.execute(add))
    return Who(int(team_id.scalar_one()), is_admin=True)


async def test_a_policy_is_kept_part_by_part_under_one_version(database: Database) -> None:
    """What was not set is None, and another team's is its own."""
    other = await other_team(database)
    async with database.read() as conn:
        assert await policies.policy(conn, OURS) == Kept(FIRST_TEAM)
        assert await policies.versions(conn) == {}
    routing: dict[str, list[str]] = {"routes": []}
    limits = {"preset": "quiet"}
    assert await database.write(lambda conn: policies.keep(conn, OURS, "routing", routing, 0, NOON)) == 1
    assert await database.write(lambda conn: policies.keep(conn, OURS, "limits", limits, 1, NOON)) == 2
    assert await database.write(lambda conn: policies.keep(conn, other, "limits", {}, 0, NOON)) == 1
    async with database.read() as conn:
        assert await policies.policy(conn, OURS) == Kept(FIRST_TEAM, 2, routing, limits)
        assert await policies.versions(conn) == {FIRST_TEAM: 2, other.team_id: 1}
        assert await policies.kept_of(conn, [FIRST_TEAM]) == [Kept(FIRST_TEAM, 2, routing, limits)]


async def test_of_many_editors_at_once_one_is_kept_and_the_others_are_told(database: Database) -> None:
    """Whichever comes first."""

    async def edit(version: int, number: int) -> bool:
        try:
            await database.write(
                lambda conn: policies.keep(conn, OURS, "limits", {"by": number}, version, NOON)
            )
        except StalePolicyError:
            return False
        return True

    for version in (0, 1):
        assert sum(await asyncio.gather(*(edit(version, number) for number in range(6)))) == 1
    async with database.read() as conn:
        acts = (await conn.execute(select(t.audit.c.act))).scalars().all()
        assert (await policies.policy(conn, OURS)).version == 2
    assert acts == ["alerts.limits"] * 2


async def test_contact_points_are_seen_as_far_as_telling_goes(database: Database) -> None:
    """By their team, with whoever stands in."""
    row = {"team_id": FIRST_TEAM, "kind": "ntfy", "sealed": b"", "hint": "", "language": "en"}
    rows = [
        row | {"id": "b", "name": "Bo", "created_at_ms": 0, "disabled_at_ms": 5, "fallback_id": "a"},
        row | {"id": "a", "name": "Ana", "created_at_ms": 0, "disabled_at_ms": None, "fallback_id": None},
    ]
    await database.write(lambda conn: conn.execute(insert(t.contact_points), rows))
    async with database.read() as conn:
        found = await policies.contacts(conn)
    ana = Contact("contact:a", "Ana", kind="ntfy")
    bo = Contact("contact:b", "Bo", is_enabled=False, fallback="contact:a", kind="ntfy")
    assert found == {FIRST_TEAM: [ana, bo]}


async def test_a_silence_stands_until_its_end_and_is_forgotten_long_after(database: Database) -> None:
    """It comes back as it was made."""
    span = (NOON, NOON + HOUR_MS)
    made = await database.write(lambda conn: silences.make(conn, OURS, MATCHER, "works", span, NOON))
    async with database.read() as conn:
        assert await silences.standing(conn, NOON) == {FIRST_TEAM: [made]}
        assert await silences.standing(conn, NOON + HOUR_MS) == {}
        assert await silences.silences(conn, OURS) == [made]
    later = NOON + silences.KEPT_MS + 2 * HOUR_MS
    span = (later, later + HOUR_MS)
    second = await database.write(lambda conn: silences.make(conn, OURS, MATCHER, "again", span, later))
    async with database.read() as conn:
        assert await silences.silences(conn, OURS) == [second]


async def test_one_that_has_not_begun_ends_without_having_been(database: Database) -> None:
    """Its end is no earlier than its start; another team's is left alone."""
    other, span = await other_team(database), (NOON + HOUR_MS, NOON + 2 * HOUR_MS)
    made = await database.write(lambda conn: silences.make(conn, OURS, MATCHER, "works", span, NOON))
    assert not await database.write(lambda conn: silences.end(conn, other, made.id, NOON))
    assert await database.write(lambda conn: silences.end(conn, OURS, made.id, NOON))
    async with database.read() as conn:
        (ended,) = await silences.silences(conn, OURS)
    assert (ended.starts_at_ms, ended.ends_at_ms) == (NOON + HOUR_MS, NOON + HOUR_MS)


async def test_a_team_has_only_so_many(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are over do not count."""
    monkeypatch.setattr(silences, "STANDING_MAX", 1)
    monkeypatch.setattr(maintenances, "STANDING_MAX", 1)
    span = (NOON, NOON + 1_000)
    for now_ms in (NOON, NOON + 2_000):
        live = (now_ms, now_ms + 1_000)
        await database.write(lambda conn, live=live: silences.make(conn, OURS, MATCHER, "a", live, live[0]))  # type: ignore[misc]
        one = replace(WORK, starts_at_ms=now_ms, ends_at_ms=now_ms + 1_000)
        await database.write(lambda conn, one=one: maintenances.make(conn, OURS, one, one.starts_at_ms))  # type: ignore[misc]
    with pytest.raises(silences.TooManyError):
        await database.write(lambda conn: silences.make(conn, OURS, MATCHER, "b", span, NOON))
    with pytest.raises(maintenances.TooManyError):
        await database.write(lambda conn: maintenances.make(conn, OURS, WORK, NOON))


async def test_a_maintenance_is_kept_changed_and_dropped(database: Database) -> None:
    """By its own team alone."""
    other = await other_team(database)
    made = await database.write(lambda conn: maintenances.make(conn, OURS, WORK, NOON))
    by_cron = replace(made, ends_at_ms=None, cron="0 3 * * *", zone="UTC", duration_ms=60_000)
    assert not await database.write(lambda conn: maintenances.change(conn, other, by_cron, {}, NOON))
    assert await database.write(lambda conn: maintenances.change(conn, OURS, by_cron, {"cron": 1}, NOON))
    async with database.read() as conn:
        assert await maintenances.maintenances(conn, OURS) == [by_cron]
        assert await maintenances.maintenances(conn, other) == []
        assert await maintenances.standing(conn, NOON + HOUR_MS) == {FIRST_TEAM: [by_cron]}
    assert not await database.write(lambda conn: maintenances.drop(conn, other, made.id, NOON))
    assert await database.write(lambda conn: maintenances.drop(conn, OURS, made.id, NOON))


async def test_an_acts_own_maintenance_ends_with_the_act(database: Database) -> None:
    """And by itself, should the act never say so. Nobody else's is ended with it."""
    act = await database.write(
        lambda conn: maintenances.begin_act(conn, FIRST_TEAM, "n1", "restart", NOON + HOUR_MS, NOON)
    )
    mine = await database.write(lambda conn: maintenances.make(conn, OURS, WORK, NOON))
    for one in (act, mine):
        await database.write(lambda conn, one=one: maintenances.end_act(conn, one.id, NOON + 10))  # type: ignore[misc]
    async with database.read() as conn:
        standing = await maintenances.standing(conn, NOON + 10)
        acts = (await conn.execute(select(t.audit.c.act, t.audit.c.actor))).all()
    assert standing == {FIRST_TEAM: [mine]}
    assert act.made_by == maintenances.CONTROL
    assert ("maintenance.make", "server") in [tuple(row) for row in acts]
