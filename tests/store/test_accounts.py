"""People, sessions, tokens that work once and counted tries, on both databases."""

import asyncio
from collections.abc import Awaitable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select, update

from vedette.model.people import FIRST_TEAM, Role, Who
from vedette.store import forget, proofs, sessions, tables, teams, tickets, tries, users
from vedette.store.database import Conn, Database
from vedette.store.sessions import Lasting
from vedette.store.tries import FORGET_MS, WAIT_FIRST_MS, WAIT_MAX_MS, Subject, wait_after
from vedette.store.users import NameTakenError, UserRow

NOW = 1_800_000_000_000
SERVER = Who(FIRST_TEAM, Role.OWNER, is_admin=True)
MINUTE = 60_000
LASTING = Lasting(whole_ms=10 * MINUTE, idle_ms=3 * MINUTE, fresh_ms=MINUTE)


async def person(database: Database, name: str = "alice", **more: Any) -> UserRow:
    return await database.write(lambda conn: users.create(conn, name, NOW, **more))


async def entered(database: Database, user: UserRow, now_ms: int = NOW) -> tuple[str, str]:
    """A new session's token and id."""
    token, who = await database.write(lambda conn: sessions.begin(conn, user.id, "test", now_ms, LASTING))
    assert who.session_id is not None
    return token, who.session_id


async def still(database: Database, token: str, now_ms: int) -> bool:
    async with database.read() as conn:
        return await sessions.of_session(conn, token.encode(), now_ms) is not None


async def at_once(*deeds: Awaitable[Any]) -> list[Any]:
    return await asyncio.gather(*deeds, return_exceptions=True)


async def test_a_name_is_given_once(database: Database) -> None:
    made = await at_once(*(person(database) for _ in range(4)))
    assert sum(isinstance(one, NameTakenError) for one in made) == 3
    bob = await person(database, "bob")
    with pytest.raises(NameTakenError):
        await database.write(lambda conn: users.rename(conn, bob.id, "alice"))
    await database.write(lambda conn: users.rename(conn, bob.id, "bob"))


async def test_one_person_sets_up(database: Database) -> None:
    """Whoever comes second at the same moment sees the first."""

    async def first(name: str, conn: Conn) -> bool:
        await users.hold_first_team(conn, FIRST_TEAM)
        if await users.anybody(conn):
            return False
        await users.create(conn, name, NOW)
        return True

    done = await at_once(*(database.write(partial(first, f"p{at}")) for at in range(4)))
    assert sorted(done) == [False, False, False, True]


async def test_a_session_lasts_while_it_is_used_but_not_for_ever(database: Database) -> None:
    token, mine = await entered(database, await person(database))
    for at in range(1, 10):
        assert await still(database, token, NOW + at * MINUTE), at
        at_ms = NOW + at * MINUTE
        await database.write(partial(sessions.seen, session_id=mine, now_ms=at_ms, lasting=LASTING))
    assert await still(database, token, NOW + 10 * MINUTE - 1)
    assert not await still(database, token, NOW + 10 * MINUTE)


async def test_a_session_that_nobody_uses_ends(database: Database) -> None:
    token, mine = await entered(database, await person(database))
    assert await still(database, token, NOW + 3 * MINUTE - 1)
    assert not await still(database, token, NOW + 3 * MINUTE)
    await database.write(lambda conn: sessions.seen(conn, mine, NOW + MINUTE - 1, LASTING))
    async with database.read() as conn:
        assert await sessions.ends_at(conn, mine) == NOW + 3 * MINUTE, "written once a minute"


async def test_whoever_is_disabled_is_signed_in_nowhere(database: Database) -> None:
    alice = await person(database)
    token, _ = await entered(database, alice)
    await database.write(lambda conn: users.change(conn, alice.id, disabled_at_ms=NOW))
    assert not await still(database, token, NOW)


async def test_sessions_that_ended_are_swept_out(database: Database) -> None:
    alice = await person(database)
    await entered(database, alice)
    await entered(database, alice, NOW + 3 * MINUTE)
    async with database.read() as conn:
        assert (await conn.execute(select(func.count()).select_from(tables.sessions))).scalar_one() == 1


async def test_one_ends_ones_own_sessions_only(database: Database) -> None:
    alice, bob = await person(database), await person(database, "bob")
    (_, one), (_, two) = await entered(database, alice), await entered(database, alice)
    theirs, _ = await entered(database, bob)
    assert await database.write(lambda conn: sessions.end(conn, bob.id, session_id=one)) == []
    assert await database.write(lambda conn: sessions.end(conn, alice.id, but=one)) == [two]
    assert await database.write(lambda conn: sessions.end(conn, alice.id)) == [one]
    assert await still(database, theirs, NOW)


async def test_he_looks_at_the_team_that_he_joined_first(database: Database) -> None:
    alice = await person(database)

    async def join(conn: Conn) -> None:
        await conn.execute(tables.teams.insert().values(id=7, name="late"))
        await teams.join(conn, 7, alice.id, Role.OWNER, NOW + 1)
        await teams.join(conn, FIRST_TEAM, alice.id, Role.VIEWER, NOW)

    await database.write(join)
    _, who = await database.write(lambda conn: sessions.begin(conn, alice.id, "test", NOW, LASTING))
    assert (who.team_id, who.role, who.fresh_until_ms) == (FIRST_TEAM, Role.VIEWER, NOW + MINUTE)
    async with database.read() as conn:
        assert [one.id for one in await users.teams_of(conn, alice.id)] == [FIRST_TEAM, 7]
        assert [one.team_name for one in await teams.owned_alone(conn, alice.id)] == ["late"]
    bob = await person(database, "bob")
    await database.write(lambda conn: teams.join(conn, 7, bob.id, Role.OWNER, NOW))
    async with database.read() as conn:
        assert await teams.owned_alone(conn, alice.id) == []


async def test_a_ticket_is_used_once_by_whoever_comes_first(database: Database) -> None:
    alice = await person(database)
    token = await database.write(
        lambda conn: tickets.make(conn, "reset", NOW, MINUTE, user_id=alice.id, payload=b"x")
    )
    use = [database.write(lambda conn: tickets.use(conn, "reset", token, NOW)) for _ in range(4)]
    used = [one for one in await at_once(*use) if one is not None]
    assert [(one.user_id, one.payload) for one in used] == [(alice.id, b"x")]


async def test_a_ticket_is_for_one_purpose_and_a_time(database: Database) -> None:
    token = await database.write(lambda conn: tickets.make(conn, "reset", NOW, MINUTE))
    assert await database.write(lambda conn: tickets.use(conn, "email", token, NOW)) is None
    assert await database.write(lambda conn: tickets.use(conn, "reset", token, NOW + MINUTE)) is None
    assert await database.write(lambda conn: tickets.use(conn, "reset", token, NOW)) is not None


async def test_an_authenticators_code_is_used_once(database: Database) -> None:
    alice = await person(database)
    use = [database.write(lambda conn: proofs.use_step(conn, alice.id, 60)) for _ in range(4)]
    assert sorted(await at_once(*use)) == [False, False, False, True]
    assert not await database.write(lambda conn: proofs.use_step(conn, alice.id, 59))


async def test_a_recovery_code_is_its_owners_and_used_once(database: Database) -> None:
    alice, bob = await person(database), await person(database, "bob")
    await database.write(lambda conn: proofs.set_recovery_codes(conn, alice.id, ["one", "two"]))
    assert not await database.write(lambda conn: proofs.use_recovery_code(conn, bob.id, "one", NOW))
    use = [
        database.write(lambda conn: proofs.use_recovery_code(conn, alice.id, "one", NOW)) for _ in range(3)
    ]
    assert sorted(await at_once(*use)) == [False, False, True]
    async with database.read() as conn:
        assert await proofs.recovery_codes_left(conn, alice.id) == 1


async def test_a_passkey_counts_on_from_what_was_seen(database: Database) -> None:
    alice = await person(database)
    await database.write(lambda conn: proofs.add_passkey(conn, alice.id, b"id", b"key", 0, "ring", NOW))
    async with database.read() as conn:
        held = await proofs.passkey(conn, b"id")
    assert held is not None
    use = [database.write(lambda conn: proofs.passkey_used(conn, held, 1, NOW)) for _ in range(3)]
    assert sorted(await at_once(*use)) == [False, False, True]
    assert not await database.write(lambda conn: proofs.remove_passkey(conn, alice.id + 1, held.id))
    assert await database.write(lambda conn: proofs.remove_passkey(conn, alice.id, held.id))


async def test_an_address_is_the_ones_who_showed_it(database: Database) -> None:
    alice, bob = await person(database), await person(database, "bob", email="a@b.example")
    assert await database.write(lambda conn: users.take_email(conn, alice.id, "a@b.example", NOW))
    assert not await database.write(lambda conn: users.take_email(conn, bob.id, "a@b.example", NOW))
    async with database.read() as conn:
        found, other = await users.by_email(conn, "a@b.example"), await users.by_id(conn, bob.id)
    assert found is not None
    assert other is not None
    assert (found.name, other.email) == ("alice", None), "who only said so has lost it"


async def test_with_a_person_all_that_is_his_own_goes(database: Database) -> None:
    alice = await person(database)
    token, _ = await entered(database, alice)
    await database.write(lambda conn: proofs.add_passkey(conn, alice.id, b"id", b"key", 0, "ring", NOW))
    await database.write(lambda conn: proofs.set_recovery_codes(conn, alice.id, ["one"]))
    await database.write(lambda conn: tickets.make(conn, "reset", NOW, MINUTE, user_id=alice.id))
    await database.write(lambda conn: teams.join(conn, FIRST_TEAM, alice.id, Role.VIEWER, NOW))
    await database.write(lambda conn: forget.forget_user(conn, SERVER, alice.id, NOW))
    assert not await still(database, token, NOW)
    async with database.read() as conn:
        for table in (tables.passkeys, tables.recovery_codes, tables.tickets, tables.memberships):
            assert (await conn.execute(select(func.count()).select_from(table))).scalar_one() == 0


# --- tries

NAME, ADDRESS = Subject(b"n" * 32, 2), Subject(b"a" * 32, 100)


async def take(database: Database, now_ms: int, *subjects: Subject) -> int:
    return await database.write(lambda conn: tries.take(conn, subjects or (NAME, ADDRESS), now_ms))


async def test_a_few_tries_are_free_and_each_further_one_waits_twice_as_long(database: Database) -> None:
    assert [await take(database, NOW) for _ in range(3)] == [0, 0, WAIT_FIRST_MS]
    now = NOW + WAIT_FIRST_MS
    assert [await take(database, now) for _ in range(2)] == [0, 2 * WAIT_FIRST_MS]
    assert await take(database, now + 1_000) == 2 * WAIT_FIRST_MS - 1_000, "a try that waits is not counted"
    assert await take(database, now + 1_000, ADDRESS) == 0, "others from there may go on"


async def test_many_at_once_are_counted_each(database: Database) -> None:
    waits = await at_once(*(take(database, NOW) for _ in range(12)))
    assert sorted(waits) == [0, 0] + [WAIT_FIRST_MS] * 10


async def test_tries_are_given_back_and_forgotten(database: Database) -> None:
    await take(database, NOW)
    await database.write(lambda conn: tries.give_back(conn, NAME.hash))
    assert [await take(database, NOW) for _ in range(3)] == [0, 0, WAIT_FIRST_MS]
    await database.write(lambda conn: tries.forget(conn, NAME.hash))
    assert await take(database, NOW) == 0
    await database.write(lambda conn: conn.execute(update(tables.tries).values(count=1_000)))
    assert await take(database, NOW) == WAIT_MAX_MS
    assert await take(database, NOW + FORGET_MS) == 0, "after a day nothing is known of it"


@pytest.mark.parametrize(
    ("count", "wait"), [(0, 0), (4, 0), (5, WAIT_FIRST_MS), (6, 2 * WAIT_FIRST_MS), (500, WAIT_MAX_MS)]
)
def test_the_wait_grows_to_an_hour(count: int, wait: int) -> None:
    assert wait_after(count, 5) == wait
