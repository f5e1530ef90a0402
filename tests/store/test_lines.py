"""What waits before one channel, on both databases: superseded, told together, claimed once."""

import asyncio
from dataclasses import replace
from functools import partial

from tests.store.doubles import NOON, TROUBLE, told
from vedette.model.incident import Incident, Reason
from vedette.model.people import FIRST_TEAM, Who
from vedette.model.waiting import GATHER_MS, MANY
from vedette.store.database import Database
from vedette.store.incidents import Change, save
from vedette.store.lines import claim
from vedette.store.outbox import CLAIM_MS, Delivery, deliveries, failed, sent

HOUR_MS = 3_600_000
LATER = NOON + HOUR_MS


async def tell(
    database: Database, what: Incident, reason: Reason, at_ms: int = NOON, *, is_held: bool = False
) -> Incident:
    change = Change(what, reason, ("email",), at_ms, is_held=is_held)
    [kept] = await database.write(lambda conn: save(conn, [change]))
    return kept


async def begun(database: Database, name: str, **how: bool) -> Incident:
    return await tell(database, told(replace(TROUBLE, key=f"node_down/{name}")), Reason.OPENED, **how)


async def log(database: Database) -> list[Delivery]:
    async with database.read() as conn:
        return (await deliveries(conn, Who(FIRST_TEAM), limit=100))[::-1]


async def test_what_is_no_longer_news_says_what_was_told_instead(database: Database) -> None:
    kept = await begun(database, "n1")
    for minute in (10, 20):
        kept = replace(kept, told_count=kept.told_count + 1)
        await tell(database, kept, Reason.REMINDED, NOON + minute * 60_000)
    [ill] = await database.write(lambda conn: claim(conn, "email", NOON + HOUR_MS // 2, for_people=True))
    assert ill.reason is Reason.OPENED
    await database.write(lambda conn: failed(conn, ill.id, NOON + HOUR_MS // 2, "503", LATER))
    over = replace(kept, told_count=9, resolved_at_ms=LATER)
    await tell(database, over, Reason.RESOLVED, LATER)
    [notice] = await database.write(lambda conn: claim(conn, "email", LATER, for_people=True))
    assert notice.reason is Reason.RESOLVED
    await database.write(lambda conn: sent(conn, notice.id, LATER))
    assert [(one.state, one.told_with) for one in await log(database)] == [
        ("superseded", notice.id),
        ("superseded", notice.id),
        ("superseded", notice.id),
        ("sent", None),
    ]


async def test_a_machine_hears_its_beginning_and_its_end(database: Database) -> None:
    kept = await begun(database, "n1")
    await tell(database, replace(kept, told_count=2), Reason.REMINDED, NOON + 60_000)
    await tell(database, replace(kept, told_count=3, resolved_at_ms=LATER), Reason.RESOLVED, LATER)
    said = []
    while found := await database.write(lambda conn: claim(conn, "email", LATER, for_people=False)):
        [notice] = found
        said.append(notice.reason)
        await database.write(partial(sent, notice_id=notice.id, now_ms=LATER))
    assert said == [Reason.OPENED, Reason.RESOLVED]


async def test_what_is_being_sent_is_neither_superseded_nor_overtaken(database: Database) -> None:
    kept = await begun(database, "n1")
    [first] = await database.write(lambda conn: claim(conn, "email", LATER, for_people=True))
    await tell(database, replace(kept, told_count=2, resolved_at_ms=LATER), Reason.RESOLVED, LATER)
    assert await database.write(lambda conn: claim(conn, "email", LATER + 1, for_people=True)) == []
    await database.write(lambda conn: failed(conn, first.id, LATER + 2, "503", LATER + 3))
    [last] = await database.write(lambda conn: claim(conn, "email", LATER + 3, for_people=True))
    assert (last.reason, last.attempts) == (Reason.RESOLVED, 0)


async def test_what_quiet_hours_held_back_is_claimed_as_one(database: Database) -> None:
    for name in ("n1", "n2", "n3"):
        await begun(database, name, is_held=True)
    assert await database.write(lambda conn: claim(conn, "email", NOON, for_people=True)) == []
    morning = NOON + GATHER_MS
    found = await database.write(lambda conn: claim(conn, "email", morning, for_people=True))
    assert [(one.incident.key, one.is_held) for one in found] == [
        ("node_down/n1", True),
        ("node_down/n2", True),
        ("node_down/n3", True),
    ]
    assert await database.write(lambda conn: claim(conn, "email", morning, for_people=True)) == []
    again = await database.write(lambda conn: claim(conn, "email", morning + CLAIM_MS, for_people=True))
    assert [one.id for one in again] == [one.id for one in found]


async def test_two_senders_never_claim_the_same_of_a_line(database_url: str) -> None:
    senders = [await Database.open(database_url) for _ in range(2)]
    for n in range(MANY + 1):
        await begun(senders[0], f"n{n}")
    claims = await asyncio.gather(
        *(
            sender.write(lambda conn: claim(conn, "email", NOON, for_people=True))
            for sender in senders
            for _ in range(3)
        )
    )
    numbers = [notice.id for found in claims for notice in found]
    assert len(numbers) == len(set(numbers))
    for sender in senders:
        await sender.close()
