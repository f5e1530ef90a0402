"""The log of who did what: no line of it can be changed, taken out or cut off unseen."""

import asyncio
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from vedette.model.people import FIRST_TEAM, PUBLIC, KeyHeld, Role, Scope, Who
from vedette.model.private import MASK, PRIVATE
from vedette.store import audit
from vedette.store import tables as t
from vedette.store.audit import Entry, Head, Walk
from vedette.store.database import Conn, Database

MACHINE = Who(FIRST_TEAM, Role.OWNER, is_admin=True)
AT_MS = 1_800_000_000_000


async def noted(database: Database, lines: int = 5) -> None:
    for line in range(lines):
        await add(database, MACHINE, f"t:{line}")


async def add(
    database: Database, who: Who | None, subject: str, detail: audit.Detail | None = None, at_ms: int = AT_MS
) -> None:
    await database.write(lambda conn: audit.note(conn, at_ms, who, "key.make", subject, detail))


async def walked(database: Database, *pins: Head) -> Walk:
    async with database.read() as conn:
        return await audit.walk(conn, pins)


async def head(database: Database) -> Head:
    async with database.read() as conn:
        return await audit.head(conn)


async def everything(database: Database) -> list[Entry]:
    async with database.read() as conn:
        return await audit.entries(conn, MACHINE, None, 100, every_team=True)


async def user(database: Database, name: str = "ada") -> int:
    row = {"name": name, "pseudonym": f"u-{name}", "created_at_ms": 0}

    async def make(conn: Conn) -> int:
        return int((await conn.execute(insert(t.users).values(row).returning(t.users.c.id))).scalar_one())

    return await database.write(make)


async def test_many_writers_at_once_leave_one_chain_without_a_gap(database: Database) -> None:
    async def change(number: int) -> None:
        await add(database, MACHINE, f"key:{number}", at_ms=AT_MS + number)

    await asyncio.gather(*(change(number) for number in range(40)))
    assert (await walked(database)).why is None
    told = await everything(database)
    assert [entry.seq for entry in told] == list(range(40, 0, -1))
    assert {entry.subject for entry in told} == {f"key:{number}" for number in range(40)}


async def test_a_change_that_fails_leaves_neither_line_nor_gap(database: Database) -> None:
    await noted(database, 1)

    async def fails(conn: Conn) -> None:
        await audit.note(conn, AT_MS, MACHINE, "team.rename", "t:x")
        raise RuntimeError("changed its mind")

    with pytest.raises(RuntimeError, match="changed its mind"):
        await database.write(fails)
    await noted(database, 1)
    assert (await walked(database)).head.seq == 2


async def test_two_servers_on_one_database_write_one_chain(database: Database, database_url: str) -> None:
    other = await Database.open(database_url)
    try:
        await asyncio.gather(noted(database, 10), noted(other, 10))
    finally:
        await other.close()
    walk = await walked(database)
    assert (walk.why, walk.head.seq) == (None, 20)


@pytest.mark.parametrize(
    "forged",
    [
        {"act": "team.forget"},
        {"at_ms": 1},
        {"actor": "u-eve"},
        {"team_id": 7},
        {"subject": "t"},
        {"detail": "{ }"},
    ],
)
async def test_a_changed_line_is_found(database: Database, forged: dict[str, object]) -> None:
    await noted(database)
    await database.write(lambda conn: conn.execute(update(t.audit).where(t.audit.c.seq == 3).values(forged)))
    walk = await walked(database)
    assert (walk.broken_seq, walk.why) == (3, "line 3 is not what was written")


async def test_a_line_taken_out_is_found(database: Database) -> None:
    await noted(database)
    await database.write(lambda conn: conn.execute(delete(t.audit).where(t.audit.c.seq == 2)))
    walk = await walked(database)
    assert (walk.broken_seq, walk.why) == (2, "line 2 is missing: line 3 follows")


async def test_a_log_cut_off_shows_by_a_head_told_outside(database: Database) -> None:
    await noted(database)
    pin = await head(database)
    assert (await walked(database, pin)).why is None
    await database.write(lambda conn: conn.execute(delete(t.audit).where(t.audit.c.seq > 3)))
    assert (await walked(database)).why is None, "the chain alone cannot know"
    walk = await walked(database, pin)
    assert walk.broken_seq == 4
    assert walk.why == "the log ends at line 3, and line 5 was once told: it was cut off"


async def test_a_log_written_anew_shows_by_a_head_told_outside(database: Database) -> None:
    await noted(database)
    pin = await head(database)
    await database.write(lambda conn: conn.execute(delete(t.audit)))
    for line in range(6):
        await add(database, None, f"{line}")
    walk = await walked(database, pin)
    assert walk.broken_seq == 5
    async with database.read() as conn:
        assert not await audit.holds(conn, pin)
        assert await audit.holds(conn, await audit.head(conn))


async def test_a_long_log_is_walked_in_parts(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "BATCH", 2)
    await noted(database)
    assert await walked(database) == Walk(await head(database))


async def test_actors_stand_by_pseudonym(database: Database) -> None:
    key = KeyHeld("k1", FIRST_TEAM, frozenset({Scope.WRITE}))
    actors = {
        "u-ada": Who(FIRST_TEAM, Role.OWNER, await user(database)),
        "key:k1": Who(FIRST_TEAM, Role.OPERATOR, key=key),
        "machine": MACHINE,
        "read-token": Who(FIRST_TEAM, Role.VIEWER),
        "public": PUBLIC,
        "server": None,
    }
    for who in actors.values():
        await add(database, who, "s")
    told = (await everything(database))[::-1]
    assert [entry.actor for entry in told] == list(actors)
    assert [entry.actor_name for entry in told] == ["ada", *[None] * 5]
    assert [entry.team_id for entry in told] == [FIRST_TEAM] * 4 + [None] * 2


async def test_a_team_reads_its_own_lines(database: Database) -> None:
    await noted(database, 2)
    await database.write(lambda conn: audit.note(conn, AT_MS, MACHINE, "team.make", "team:2", team_id=2))
    await database.write(lambda conn: audit.note(conn, AT_MS, None, "user.make", "u-1"))
    async with database.read() as conn:
        first = await audit.entries(conn, MACHINE, None, 10)
        second = await audit.entries(conn, Who(2, Role.OWNER), None, 10)
        older = await audit.entries(conn, MACHINE, 2, 10)
        nobody = await audit.entries(conn, PUBLIC, None, 10)
    assert ([e.seq for e in first], [e.seq for e in second], [e.seq for e in older]) == ([2, 1], [3], [1])
    assert nobody == []


@pytest.mark.parametrize(
    "text",
    [
        "to ada@example.org",
        "from 203.0.113.7",
        "vdt_abc-d",
        "2001:db8:0:0:1::7",
        "2001:db8::7",
        "::ffff:10.0.0.1",
    ],
)
async def test_private_data_is_not_kept(database: Database, text: str) -> None:
    detail: dict[str, str | int | bool | None] = {"name": text, "count": 3, "on": True, "none": None}
    await add(database, None, text, detail)
    (entry,) = await everything(database)
    assert MASK in entry.subject
    assert entry.detail == {**detail, "name": entry.subject}
    assert not PRIVATE.search(entry.subject)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.text(max_size=300), max_size=4),
    detail=st.dictionaries(
        st.text(max_size=5).filter(lambda key: "\0" not in key),
        st.text() | st.none() | st.integers() | st.booleans(),
    ),
)
async def test_any_words_are_kept_and_walked(
    database: Database, texts: list[str], detail: dict[str, str | int | bool | None]
) -> None:
    for text in texts:
        await add(database, None, text, detail)
    assert (await walked(database)).why is None


async def test_the_detail_is_canonical(database: Database) -> None:
    await add(database, None, "s", {"z": "ü", "a": 1})
    async with database.read() as conn:
        assert (await conn.execute(select(t.audit.c.detail))).scalar_one() == '{"a":1,"z":"ü"}'
        assert (
            json.loads('{"a":1,"z":"ü"}')
            == (await audit.entries(conn, PUBLIC, None, 1, every_team=True))[0].detail
        )
