"""What a team wants of digests, kept; what was told, noted with its messages; and the calendar's token."""

from dataclasses import replace
from functools import partial

from sqlalchemy import select

from tests.store.doubles import NOON
from vedette.model.digest import DigestMatter, DigestPlan, Row, Told
from vedette.model.people import FIRST_TEAM, Role, Who
from vedette.store import digests, outbox
from vedette.store import tables as t
from vedette.store.database import Database

OURS = Who(FIRST_TEAM, role=Role.OPERATOR)
STRANGER = Who(9, role=Role.OPERATOR)
DAY_MS = 86_400_000
PLAN = DigestPlan(every="weekly", hour=7, weekday=2, zone="Asia/Shanghai", contacts=("members",))
MATTER = DigestMatter(
    every="weekly",
    zone="Asia/Shanghai",
    from_ms=NOON - 7 * DAY_MS,
    until_ms=NOON,
    incidents=(
        Told(severity="warning", titles={"en": "x", "zh": "某"}, opened_at_ms=NOON, resolved_at_ms=None),
    ),
    nodes=(Row(name="n1", ppm=None, parts=(0.5, None)),),
)


async def wish(database: Database, plan: DigestPlan = PLAN) -> None:
    await database.write(lambda conn: digests.keep(conn, OURS, plan, NOON))


async def test_a_plan_is_kept_and_is_nobody_elses(database: Database) -> None:
    await wish(database)
    async with database.read() as conn:
        assert await digests.plan(conn, OURS) == PLAN
        assert await digests.plan(conn, STRANGER) == DigestPlan()
        assert await digests.plans(conn) == {FIRST_TEAM: PLAN}


async def test_the_rest_of_the_teams_policy_stays_as_it_is(database: Database) -> None:
    row = {"team_id": FIRST_TEAM, "routing": {"routes": []}, "version": 4, "changed_at_ms": 1}
    await database.write(lambda conn: conn.execute(t.alert_policies.insert().values(row)))
    await wish(database)
    async with database.read() as conn:
        kept = (await conn.execute(select(t.alert_policies))).one()
    assert (kept.routing, kept.version) == ({"routes": []}, 4)


async def test_it_is_told_once_on_each_channel_and_comes_out_as_it_went_in(database: Database) -> None:
    await wish(database)
    for _ in range(2):
        await database.write(
            lambda conn: digests.tell(conn, FIRST_TEAM, PLAN, ["members", "contact:c1"], MATTER, NOON)
        )
    async with database.read() as conn:
        assert await digests.plan(conn, OURS) == replace(PLAN, told_until_ms=NOON)
    notices = await database.write(lambda conn: outbox.due(conn, NOON, 10))
    assert sorted(one.channel for one in notices) == ["contact:c1", "members"]
    assert {(one.kind, one.incident.id, one.incident.team_id) for one in notices} == {
        ("digest", 0, FIRST_TEAM)
    }
    assert {one.matter["until_ms"] for one in notices} == {NOON}


async def test_a_token_opens_its_teams_calendar_until_there_is_a_newer_one(database: Database) -> None:
    for token in (b"old", b"new"):
        await database.write(partial(digests.keep_feed_token, who=OURS, token_hash=token, now_ms=NOON))
    async with database.read() as conn:
        assert await digests.team_of_feed(conn, b"new") == FIRST_TEAM
        assert await digests.team_of_feed(conn, b"old") is None
