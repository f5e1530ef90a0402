"""What was told long ago is dropped, and nothing that somebody may still be told, or be told the end of."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from tests.store.doubles import NOON, TROUBLE, told
from vedette.model.digest import DigestMatter, DigestPlan
from vedette.model.incident import Incident, Reason
from vedette.model.people import FIRST_TEAM, Who
from vedette.store import digests, evidence, outbox
from vedette.store import tables as t
from vedette.store.database import Database
from vedette.store.incidents import Change, save, told_on
from vedette.store.outbox import Attempt

OURS = Who(FIRST_TEAM)
DAY = 86_400_000
LATER = NOON + 100 * DAY
BOTH = ("email", "hook")


async def happened(database: Database, name: str, at_ms: int, ended_ms: int | None) -> Incident:
    """An incident that was told on both channels, with what led to it."""
    opened = replace(told(TROUBLE, at_ms), key=f"node_down/{name}", opened_at_ms=at_ms)
    seen = ("opened", {"facts": {"name": name}})
    change = Change(opened, Reason.OPENED, BOTH, at_ms, evidence=seen)
    [kept] = await database.write(lambda conn: save(conn, [change]))
    if ended_ms is not None:
        over = Change(replace(kept, resolved_at_ms=ended_ms), None, (), ended_ms)
        await database.write(lambda conn: save(conn, [over]))
    return kept


async def deliver(database: Database, *, but: int = 0) -> None:
    """Every message is taken, but that of this number."""
    async with database.read() as conn:
        numbers = list((await conn.execute(select(t.outbox.c.id).where(t.outbox.c.id != but))).scalars())
    for number in numbers:
        await database.write(lambda conn, n=number: outbox.sent(conn, n, NOON, None, Attempt(NOON, 5)))  # type: ignore[misc]


async def tidied(database: Database, until_ms: int) -> list[int | None]:
    """The incidents of the messages that are left."""
    after: int | None = 0
    while after is not None:
        after = await database.write(lambda conn, a=after: outbox.forget_old(conn, until_ms, a))  # type: ignore[misc]
    async with database.read() as conn:
        left = await conn.execute(select(t.outbox.c.incident_id).order_by(t.outbox.c.id))
        return list(left.scalars())


async def attempts(database: Database) -> int:
    async with database.read() as conn:
        return int((await conn.execute(select(func.count()).select_from(t.deliveries))).scalar_one())


async def test_old_messages_go_with_their_attempts(database: Database) -> None:
    await happened(database, "old", NOON, NOON + DAY)
    new = await happened(database, "new", LATER, LATER + 1)
    await deliver(database)
    assert await attempts(database) == 4
    assert await tidied(database, LATER - 50 * DAY) == [new.id, new.id]
    assert await attempts(database) == 2


async def test_whoever_was_told_hears_of_the_end_however_late(database: Database) -> None:
    """It lasts, or ended only lately: nothing of it goes."""
    lasts = await happened(database, "lasts", NOON, None)
    ended = await happened(database, "ended", NOON, LATER - 1)
    await deliver(database)
    assert await tidied(database, LATER - 50 * DAY) == [lasts.id, lasts.id, ended.id, ended.id]
    async with database.read() as conn:
        assert await told_on(conn, [lasts.id]) == {lasts.id: BOTH}


async def test_what_waits_for_its_channel_stays(database: Database) -> None:
    over = await happened(database, "over", NOON, NOON + 1)
    async with database.read() as conn:
        waiting = (await conn.execute(select(func.max(t.outbox.c.id)))).scalar_one()
    await deliver(database, but=waiting)
    assert await tidied(database, LATER) == [over.id]
    async with database.read() as conn:
        assert await outbox.lines_due(conn, LATER) == ["hook"]
    await database.write(lambda conn: outbox.failed(conn, waiting, LATER, "gone", None))
    assert await tidied(database, LATER) == [], "what was given up is settled"


async def test_old_digests_and_tests_go_too(database: Database) -> None:
    wish = DigestPlan(every="daily", contacts=("c1",))
    for at_ms in (NOON, LATER):
        matter = DigestMatter(every="daily", zone="UTC", from_ms=at_ms - DAY, until_ms=at_ms)
        await database.write(
            lambda conn, m=matter, at=at_ms: digests.tell(conn, FIRST_TEAM, wish, BOTH, m, at)  # type: ignore[misc]
        )
        tried = Attempt(at_ms, 5)
        await database.write(
            lambda conn, one=tried: outbox.keep_test(conn, FIRST_TEAM, "hook", one, None, None)  # type: ignore[misc]
        )
    await deliver(database)
    assert await tidied(database, LATER) == [None] * 3
    async with database.read() as conn:
        left = await outbox.deliveries(conn, OURS, limit=9)
    assert {one.created_at_ms for one in left} == {LATER}


async def test_more_than_one_page_is_gone_through(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that stay, be they a page full, keep none behind them from going."""
    monkeypatch.setattr(outbox, "FORGOTTEN_AT_ONCE", 2)
    lasts = await happened(database, "lasts", NOON, None)
    for name in ("a", "b", "c"):
        await happened(database, name, NOON + 1, NOON + 2)
    new = await happened(database, "new", LATER, None)
    await deliver(database)
    assert await tidied(database, LATER) == [lasts.id, lasts.id, new.id, new.id]


async def test_what_led_to_an_incident_goes_long_after_its_end(database: Database) -> None:
    old = await happened(database, "old", NOON, NOON + DAY)
    lasts = await happened(database, "lasts", NOON, None)
    ended = await happened(database, "ended", NOON, LATER)
    async with database.read() as conn:
        assert await evidence.old(conn, LATER, 9) == [old.id]
    await database.write(lambda conn: evidence.drop_of(conn, [old.id]))
    async with database.read() as conn:
        assert await evidence.old(conn, LATER, 9) == []
        kept = [len(await evidence.evidence(conn, OURS, one.id)) for one in (old, lasts, ended)]
    assert kept == [0, 1, 1]
