"""API keys on both databases: shown once, kept as a hash, ended for good."""

import asyncio

import pytest
from sqlalchemy import insert, select

from vedette.model.people import FIRST_TEAM, PUBLIC, Role, Scope, Who
from vedette.store import audit, keys
from vedette.store import tables as t
from vedette.store.database import Conn, Database
from vedette.store.keys import KeyRow, NewKey
from vedette.store.sessions import hash_of, of_key

NOW = 1_800_000_000_000
DAY_MS = 86_400_000
MACHINE = Who(FIRST_TEAM, Role.OWNER, is_admin=True)
OTHERS = Who(2, Role.OWNER)


async def made(database: Database, who: Who = MACHINE, *scopes: Scope, ends_ms: int | None = None) -> NewKey:
    return await database.write(lambda conn: keys.make_key(conn, who, "bot", scopes, ends_ms, NOW))


async def listed(database: Database, who: Who = MACHINE) -> list[KeyRow]:
    async with database.read() as conn:
        return await keys.keys(conn, who)


async def bearer(database: Database, token: str, now_ms: int = NOW) -> Who | None:
    async with database.read() as conn:
        return await of_key(conn, token.encode(), now_ms)


async def user(database: Database, name: str) -> int:
    row = {"name": name, "pseudonym": f"u-{name}", "created_at_ms": 0}

    async def make(conn: Conn) -> int:
        return int((await conn.execute(insert(t.users).values(row).returning(t.users.c.id))).scalar_one())

    return await database.write(make)


async def test_a_key_opens_what_its_scopes_say_until_it_ends(database: Database) -> None:
    key = await made(database, MACHINE, Scope.READ, ends_ms=NOW + DAY_MS)
    assert key.token.startswith("vdt_")
    assert len(key.token) == len("vdt_") + 43
    assert key.token.endswith(key.row.hint)
    found = await bearer(database, key.token)
    assert found is not None
    assert (found.team_id, found.role, found.user_id) == (FIRST_TEAM, Role.VIEWER, None)
    assert await bearer(database, key.token, NOW + DAY_MS) is None
    assert await bearer(database, key.token[:-1] + "_") is None


async def test_the_token_is_nowhere_in_the_database(database: Database) -> None:
    key = await made(database)
    async with database.read() as conn:
        row = (await conn.execute(select(t.api_keys))).one()
        told = await audit.entries(conn, MACHINE, None, 9)
    assert key.token not in repr(row)
    assert row.token_hash == hash_of(key.token)
    assert key.token[len("vdt_") :] not in repr(told) + repr(key)


async def test_a_revoked_key_opens_nothing_and_stays_in_the_list(database: Database) -> None:
    key = await made(database, MACHINE, Scope.WRITE)
    for who in (OTHERS, PUBLIC):
        assert not await database.write(lambda conn, who=who: keys.revoke(conn, who, key.row.id, NOW))  # type: ignore[misc]
    assert await bearer(database, key.token) is not None
    for _ in range(2):
        assert await database.write(lambda conn: keys.revoke(conn, MACHINE, key.row.id, NOW + 1))
    assert await bearer(database, key.token) is None
    assert [row.revoked_at_ms for row in await listed(database)] == [NOW + 1]
    async with database.read() as conn:
        acts = [entry.act for entry in await audit.entries(conn, MACHINE, None, 9)]
    assert acts == ["key.revoke", "key.make"], "to revoke it twice changes nothing"


async def test_a_team_sees_its_own_keys(database: Database) -> None:
    await database.write(lambda conn: conn.execute(insert(t.teams).values(id=2, name="rivals")))
    ada = Who(FIRST_TEAM, Role.OWNER, await user(database, "ada"))
    key = await made(database, ada, Scope.METRICS, Scope.READ)
    await made(database, OTHERS)
    (row,) = await listed(database)
    assert row == key.row
    assert (row.made_by, row.scopes) == ("ada", (Scope.READ, Scope.METRICS))
    assert await listed(database, PUBLIC) == []


async def test_who_goes_takes_his_keys_with_him(database: Database) -> None:
    ada = await user(database, "ada")
    mine = await made(database, Who(FIRST_TEAM, Role.OWNER, ada), Scope.READ)
    other = await made(database, MACHINE, Scope.READ)
    assert await database.write(lambda conn: keys.revoke_of(conn, FIRST_TEAM, ada, NOW)) == 1
    assert await bearer(database, mine.token) is None
    assert await bearer(database, other.token) is not None


async def test_last_use_moves_forward_alone(database: Database) -> None:
    first, second = await made(database), await made(database)
    for at_ms in (NOW + 5, NOW + 3):
        await database.write(lambda conn, at_ms=at_ms: keys.used(conn, {first.row.id: at_ms, "gone": at_ms}))  # type: ignore[misc]
    used = {row.id: row.used_at_ms for row in await listed(database)}
    assert used == {first.row.id: NOW + 5, second.row.id: None}


async def test_nobody_has_keys_without_end(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "LIVE_MAX", 2)
    key = await made(database, ends_ms=NOW + DAY_MS)
    await made(database)
    with pytest.raises(keys.TooManyKeysError):
        await made(database)
    await database.write(lambda conn: keys.revoke(conn, MACHINE, key.row.id, NOW))
    await made(database)


async def test_two_servers_note_uses_at_once(database: Database) -> None:
    rows = [(await made(database)).row.id for _ in range(5)]
    uses = [dict.fromkeys(rows, NOW), dict.fromkeys(rows[::-1], NOW + 1)]
    await asyncio.gather(*(database.write(lambda conn, u=u: keys.used(conn, u)) for u in uses))  # type: ignore[misc]
    assert {row.used_at_ms for row in await listed(database)} == {NOW + 1}
