"""What people do with an incident is kept with it, with the log's line, and undone by no judge."""

from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import select

from tests.store.doubles import NOON, TROUBLE, told
from tests.store.test_contacts import PHONE, add
from vedette.model.incident import Incident, Reason, Severity
from vedette.model.people import FIRST_TEAM, PUBLIC, Role, Who
from vedette.model.timeline import Event
from vedette.store import acks, actors, outbox
from vedette.store import tables as t
from vedette.store.acks import FullError, OverError
from vedette.store.database import Conn, Database
from vedette.store.incidents import Change, one_of, save
from vedette.store.timeline import timeline

OURS = Who(FIRST_TEAM, Role.OPERATOR, is_admin=True)
THEIRS = Who(2, Role.OWNER)


async def _opened(database: Database) -> Incident:
    change = Change(told(TROUBLE), Reason.OPENED, ("email",), NOON)
    [kept] = await database.write(lambda conn: save(conn, [change]))
    return kept


async def _now(database: Database, incident_id: int) -> Incident:
    async with database.read() as conn:
        found = await one_of(conn, OURS, incident_id)
    assert found is not None
    return found


async def _events(database: Database, incident_id: int, who: Who = OURS) -> list[Event]:
    async with database.read() as conn:
        return await timeline(conn, who, incident_id)


async def _acts(database: Database) -> list[str]:
    async with database.read() as conn:
        return list((await conn.execute(select(t.audit.c.act).order_by(t.audit.c.seq))).scalars())


async def test_whoever_takes_it_on_has_it_though_the_judge_goes_on(database: Database) -> None:
    kept = await _opened(database)
    await database.write(lambda conn: acks.acknowledge(conn, OURS, kept.id, NOON + 60_000, "mine", NOON))
    worse = replace(kept, severity=Severity.CRITICAL)  # the judge read it before
    await database.write(lambda conn: save(conn, [Change(worse, None, (), NOON + 1)]))
    acked = (await _now(database, kept.id)).acked
    assert acked is not None
    assert (acked.by, acked.until_ms, acked.severity) == ("machine", NOON + 60_000, Severity.WARNING)
    events = await _events(database, kept.id)
    assert [event.kind for event in events] == ["found", "told", "acknowledged", "severity"]
    assert events[2].detail == {"by": "machine", "until_ms": NOON + 60_000, "comment": "mine"}
    assert await _acts(database) == ["incident.acknowledge"]


async def test_what_rings_until_it_knows_is_told_and_nobody_else(database: Database) -> None:
    pager = replace(PHONE, id="pager", name="pager", kind="pagerduty")
    idle = replace(PHONE, id="idle", name="idle", kind="pagerduty")
    for point in (PHONE, pager, idle):
        await add(database, point)
    told_to = ("email", PHONE.channel, pager.channel)
    change = Change(told(TROUBLE), Reason.OPENED, told_to, NOON)
    [kept] = await database.write(lambda conn: save(conn, [change]))
    first = await database.write(lambda conn: outbox.due(conn, NOON, 10))
    for one in first:
        await database.write(partial(outbox.sent, notice_id=one.id, now_ms=NOON))
    await database.write(lambda conn: acks.acknowledge(conn, OURS, kept.id, None, "", NOON + 1))
    notices = await database.write(lambda conn: outbox.due(conn, NOON + 1, 10))
    assert [(one.channel, one.reason) for one in notices] == [(pager.channel, Reason.ACKNOWLEDGED)]
    await database.write(partial(outbox.sent, notice_id=notices[0].id, now_ms=NOON + 1))
    for at_ms in (NOON + 2, NOON + 3):  # given back twice is given back once
        await database.write(partial(acks.take_back, who=OURS, incident_id=kept.id, now_ms=at_ms))
    notices = await database.write(lambda conn: outbox.due(conn, NOON + 3, 10))
    assert [(one.channel, one.reason) for one in notices] == [(pager.channel, Reason.TAKEN_BACK)]
    assert notices[0].incident.acked is None


async def test_the_end_of_its_time_gives_it_back_once_and_not_what_was_taken_anew(database: Database) -> None:
    pager = replace(PHONE, id="pager", name="pager", kind="pagerduty")
    await add(database, pager)
    [kept] = await database.write(
        lambda conn: save(conn, [Change(told(TROUBLE), Reason.OPENED, (pager.channel,), NOON)])
    )
    await database.write(lambda conn: acks.acknowledge(conn, OURS, kept.id, NOON + 60, "", NOON + 1))
    mine = await _now(database, kept.id)
    after = replace(mine, acked=None, facts={**mine.facts, "first_told_at_ms": NOON + 60})

    async def run_out(now_ms: int) -> bool:
        return await database.write(partial(acks.run_out, before=mine, after=after, now_ms=now_ms))

    await database.write(lambda conn: acks.acknowledge(conn, OURS, kept.id, NOON + 90, "", NOON + 2))
    assert not await run_out(NOON + 61)
    await database.write(lambda conn: acks.acknowledge(conn, OURS, kept.id, NOON + 60, "", NOON + 3))
    assert [await run_out(NOON + 61), await run_out(NOON + 62)] == [True, False]
    now = await _now(database, kept.id)
    assert (now.acked, now.facts["first_told_at_ms"]) == (None, NOON + 60)
    async with database.read() as conn:
        reasons = list((await conn.execute(select(t.outbox.c.reason).order_by(t.outbox.c.id))).scalars())
    assert reasons == ["opened", *["acknowledged"] * 3, "taken_back"]
    (last,) = (await _events(database, kept.id))[-1:]
    assert (last.kind, last.detail) == ("ran_out", {"by": "machine"})


async def test_who_was_never_told_that_somebody_has_it_is_not_told_that_nobody_does(
    database: Database,
) -> None:
    pager = replace(PHONE, id="pager", name="pager", kind="pagerduty")
    await add(database, pager)
    kept = await _opened(database)
    await database.write(lambda conn: acks.acknowledge(conn, OURS, kept.id, None, "", NOON))
    worse = Change(replace(kept, told_count=9), Reason.ESCALATED, (pager.channel,), NOON + 1)
    await database.write(lambda conn: save(conn, [worse]))
    await database.write(partial(acks.take_back, who=OURS, incident_id=kept.id, now_ms=NOON + 2))
    notices = await database.write(lambda conn: outbox.due(conn, NOON + 2, 10))
    assert Reason.TAKEN_BACK not in {one.reason for one in notices}
    async with database.read() as conn:
        assert await outbox.late(conn, NOON + 600_000) == []


async def test_it_is_given_back_once(database: Database) -> None:
    kept = await _opened(database)
    await database.write(lambda conn: acks.acknowledge(conn, OURS, kept.id, None, "", NOON))
    for _ in range(2):
        await database.write(lambda conn: acks.take_back(conn, OURS, kept.id, NOON + 1))
    assert (await _now(database, kept.id)).acked is None
    assert await _acts(database) == ["incident.acknowledge", "incident.take_back"]


async def test_what_is_closed_is_nobodys_to_take(database: Database) -> None:
    kept = await _opened(database)
    await database.write(lambda conn: acks.close(conn, OURS, kept.id, "sold the box", NOON))
    assert (await _now(database, kept.id)).closed_by == "machine"
    with pytest.raises(OverError):
        await database.write(lambda conn: acks.acknowledge(conn, OURS, kept.id, None, "", NOON))
    with pytest.raises(OverError):
        await database.write(lambda conn: acks.close(conn, OURS, kept.id, "", NOON))


async def test_what_was_closed_is_open_again_once_it_is_worse(database: Database) -> None:
    kept = await _opened(database)
    assert kept.severity is Severity.WARNING
    await database.write(lambda conn: acks.close(conn, OURS, kept.id, "it can wait", NOON))
    for severity, closed_by in ((Severity.CRITICAL, None), (Severity.INFO, "machine")):
        change = Change(replace(await _now(database, kept.id), severity=severity), None, (), NOON + 1)
        await database.write(partial(save, changes=[change]))
        assert (await _now(database, kept.id)).closed_by == closed_by


@pytest.mark.parametrize("stranger", [THEIRS, PUBLIC])
async def test_nobody_else_may(database: Database, stranger: Who) -> None:
    kept = await _opened(database)
    assert await database.write(lambda c: acks.acknowledge(c, stranger, kept.id, None, "", NOON)) is None
    assert await database.write(lambda c: acks.take_back(c, stranger, kept.id, NOON)) is None
    assert await database.write(lambda c: acks.close(c, stranger, kept.id, "", NOON)) is None
    assert await database.write(lambda c: acks.comment(c, stranger, kept.id, "", NOON)) is None
    assert await _events(database, kept.id, stranger) == []
    assert await _now(database, kept.id) == kept
    assert await _acts(database) == []


async def test_comments_have_an_end(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = await _opened(database)
    monkeypatch.setattr(acks, "COMMENTS_MAX", 2)
    for text in ("one", "two"):
        await database.write(lambda conn, text=text: acks.comment(conn, OURS, kept.id, text, NOON))  # type: ignore[misc]
    with pytest.raises(FullError):
        await database.write(lambda conn: acks.comment(conn, OURS, kept.id, "three", NOON))
    said = [event.detail["text"] for event in await _events(database, kept.id) if event.kind == "comment"]
    assert said == ["one", "two"]


async def test_codes_get_the_names_of_today(database: Database) -> None:
    async def people(conn: Conn) -> None:
        user = {"name": "ana", "pseudonym": "u-1", "created_at_ms": 0}
        await conn.execute(t.users.insert().values(user))
        key = {"id": "k1", "team_id": 1, "name": "bot", "hint": "", "token_hash": b"1", "scopes": []}
        await conn.execute(t.api_keys.insert().values(key | {"created_at_ms": 0}))

    await database.write(people)
    async with database.read() as conn:
        names = await actors.names_of(conn, {"u-1", "key:k1", "key:k2", "contact:k1", "machine"})
    assert names == {
        "u-1": "ana", "key:k1": "bot", "key:k2": "key:k2", "contact:k1": "contact:k1", "machine": "machine",
    }  # fmt: skip
