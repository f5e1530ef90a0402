"""Subscriptions of web push, on both databases."""

from dataclasses import replace

from sqlalchemy import func, select

from tests.store.doubles import ALICE, BOB, NOON
from vedette.model.incident import Incident, Reason, Severity, Subject, SubjectKind
from vedette.model.people import EVERYBODY
from vedette.store import incidents, push
from vedette.store import tables as t
from vedette.store.database import Database
from vedette.store.incidents import Change
from vedette.store.push import Wish
from vedette.store.view import views

FIRST = Wish("s1", "token-1", "https://push.example/1", b"sealed", (ALICE, BOB), "en")
SECOND = Wish("s2", "token-2", "https://push.example/2", b"sealed", (ALICE,), "zh")


async def subscribed(database: Database, *wishes: Wish) -> None:
    for wish in wishes:
        assert await database.write(lambda conn, wish=wish: push.subscribe(conn, wish, NOON))  # type: ignore[misc]


async def test_everybody_who_asked_is_told_of_a_validator(database: Database) -> None:
    await subscribed(database, FIRST, SECOND)
    async with database.read() as conn:
        assert await push.audience(conn) == {ALICE: ("s1", "s2"), BOB: ("s1",)}
        kept = await push.kept(conn, "s2")
        assert kept is not None
        assert (kept.sealed, kept.language) == (b"sealed", "zh")


async def test_one_browser_has_one_subscription(database: Database) -> None:
    await subscribed(database, FIRST, SECOND, replace(FIRST, id="s3", addresses=(BOB,)))
    async with database.read() as conn:
        assert await push.audience(conn) == {ALICE: ("s2",), BOB: ("s3",)}
    moved = (FIRST.endpoint, b"anew")
    deed = lambda conn: push.change(conn, "s2", b"token-2", [BOB], "en", moved)  # noqa: E731
    assert await database.write(deed)
    async with database.read() as conn:
        assert await push.audience(conn) == {BOB: ("s2",)}


async def test_only_the_token_changes_and_ends(database: Database) -> None:
    await subscribed(database, FIRST)
    assert not await database.write(lambda conn: push.change(conn, "s1", b"no", [BOB], "en", None))
    assert not await database.write(lambda conn: push.end(conn, "s1", b"token-2"))
    assert await database.write(lambda conn: push.end(conn, "s1", b"token-1"))
    assert not await database.write(lambda conn: push.end(conn, "s1", b"token-1"))


async def test_a_full_house_takes_nobody_new(database: Database) -> None:
    await subscribed(database, FIRST)
    held, push.SUBSCRIPTIONS_MAX = push.SUBSCRIPTIONS_MAX, 1  # type: ignore[misc]
    try:
        assert not await database.write(lambda conn: push.subscribe(conn, SECOND, NOON))
        await subscribed(database, replace(FIRST, id="s4"))
    finally:
        push.SUBSCRIPTIONS_MAX = held  # type: ignore[misc]


async def test_what_waits_for_a_browser_goes_with_it(database: Database) -> None:
    await subscribed(database, FIRST, SECOND)
    subject = Subject(SubjectKind.VALIDATOR, ALICE, "alice")
    trouble = Incident(0, "a/1", "absent_votes", EVERYBODY, Severity.WARNING, subject, {}, NOON, NOON)
    channels = (push.channel_of("s1"), push.channel_of("s2"), "mail")
    change = Change(trouble, Reason.OPENED, channels, NOON)
    await database.write(lambda conn: incidents.save(conn, [change]))
    await database.write(lambda conn: push.remove(conn, ["s1"]))
    async with database.read() as conn:
        waiting = set((await conn.execute(select(t.outbox.c.channel))).scalars())
    assert waiting == {"push:s2", "mail"}


async def test_three_refusals_one_after_another_end_it(database: Database) -> None:
    await subscribed(database, FIRST)

    async def refused() -> bool:
        return await database.write(lambda conn: push.refused(conn, "s1"))

    assert [await refused(), await refused()] == [False, False]
    await database.write(lambda conn: push.told(conn, "s1"))
    assert [await refused() for _ in range(3)] == [False, False, True]
    assert not await refused(), "it is gone already"
    async with database.read() as conn:
        count = (await conn.execute(select(func.count()).select_from(t.push_subscriptions))).scalar_one()
    assert count == 0


async def test_the_first_key_that_was_made_counts(database: Database) -> None:
    assert await database.write(lambda conn: push.keep_key(conn, b"one", NOON)) == b"one"
    assert await database.write(lambda conn: push.keep_key(conn, b"two", NOON)) == b"one"
    async with database.read() as conn:
        assert await push.key(conn) == b"one"


async def test_strangers_validators_are_seen_without_any_node(database: Database) -> None:
    async with database.read() as conn:
        seen = await views(conn, NOON, everybody=[ALICE])
    assert seen[EVERYBODY].validators.keys() == {ALICE}
    assert seen[EVERYBODY].nodes == {}
    async with database.read() as conn:
        assert EVERYBODY not in await views(conn, NOON)
