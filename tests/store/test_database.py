import asyncio
import sqlite3
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from vedette.model.errors import StoreError
from vedette.model.people import PUBLIC, Who
from vedette.store.database import Conn, Database, visible_to
from vedette.store.tables import incidents, marks, nodes, teams


async def _team(conn: Conn, number: int) -> int:
    await conn.execute(insert(teams).values(id=number, name=f"team {number}"))
    return number


async def _count(database: Database) -> int:
    async with database.read() as conn:
        return int((await conn.execute(select(func.count()).select_from(teams))).scalar_one())


async def test_what_was_written_is_read(database: Database) -> None:
    assert await database.write(lambda conn: _team(conn, 7)) == 7
    assert await _count(database) == 2
    assert database.stats.commits == 1
    assert database.stats.queue_depth == 0


async def test_a_deed_that_fails_is_undone_alone_and_tells_its_own_caller(database: Database) -> None:
    async def half(conn: Conn) -> None:
        await _team(conn, 100)
        raise ValueError("changed my mind")

    async def twice(conn: Conn) -> None:
        await _team(conn, 101)
        await _team(conn, 101)

    deeds = [database.write(lambda conn, n=n: _team(conn, n)) for n in range(10, 20)]  # type: ignore[misc]
    told = await asyncio.gather(*deeds, database.write(half), database.write(twice), return_exceptions=True)
    assert told[:10] == list(range(10, 20))
    assert isinstance(told[10], ValueError)
    assert isinstance(told[11], IntegrityError)
    assert await _count(database) == 11


async def test_small_deeds_share_a_commit(tmp_path: Path) -> None:
    database = await Database.open(str(tmp_path / "v.db"))
    await asyncio.gather(*(database.write(lambda conn, n=n: _team(conn, n)) for n in range(2, 52)))  # type: ignore[misc]
    assert await _count(database) == 51
    assert database.stats.commits < 25
    await database.close()


async def test_a_cancelled_caller_does_not_undo_its_deed(database: Database) -> None:
    begun = asyncio.Event()

    async def slow(conn: Conn) -> None:
        begun.set()
        await asyncio.sleep(0.05)
        await _team(conn, 5)

    caller = asyncio.create_task(database.write(slow))
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await database.write(lambda conn: _team(conn, 6))
    await asyncio.sleep(0.1)
    assert await _count(database) == 3


async def test_closing_finishes_what_was_accepted_and_accepts_nothing_more(database_url: str) -> None:
    database = await Database.open(database_url)
    accepted = [asyncio.create_task(database.write(lambda conn, n=n: _team(conn, n))) for n in range(2, 30)]  # type: ignore[misc]
    await asyncio.sleep(0)
    await database.close()
    assert sorted(await asyncio.gather(*accepted)) == list(range(2, 30))
    with pytest.raises(StoreError, match="being closed"):
        await database.write(lambda conn: _team(conn, 99))
    again = await Database.open(database_url)
    assert await _count(again) == 29
    await again.close()


async def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(DBAPIError, match=r"read-?only"):
        async with database.read() as conn:
            await _team(conn, 3)


async def test_a_reader_sees_one_moment(database: Database) -> None:
    async with database.read() as conn:
        before = (await conn.execute(select(func.count()).select_from(teams))).scalar()
        await database.write(lambda conn: _team(conn, 3))
        assert (await conn.execute(select(func.count()).select_from(teams))).scalar() == before


async def test_two_that_open_a_new_database_at_once_migrate_it_once(tmp_path: Path) -> None:
    opened = await asyncio.gather(*(Database.open(str(tmp_path / "v.db")) for _ in range(4)))
    assert [await _count(database) for database in opened] == [1, 1, 1, 1]
    await asyncio.gather(*(database.close() for database in opened))


async def test_two_processes_may_write_one_file(tmp_path: Path) -> None:
    ours, theirs = [await Database.open(str(tmp_path / "v.db")) for _ in range(2)]

    async def add(conn: Conn) -> None:
        held = (await conn.execute(select(marks.c.text).where(marks.c.name == "n"))).scalar()
        await conn.execute(marks.delete().where(marks.c.name == "n"))
        await conn.execute(insert(marks).values(name="n", text=str(int(held or 0) + 1)))

    await asyncio.gather(*(database.write(add) for _ in range(40) for database in (ours, theirs)))
    async with ours.read() as conn:
        assert (await conn.execute(select(marks.c.text).where(marks.c.name == "n"))).scalar() == "80"
    await ours.close()
    await theirs.close()


async def test_a_lock_that_another_program_holds_too_long_is_told_and_outlived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vedette.store.database.BUSY_MS", 50)
    database = await Database.open(str(tmp_path / "v.db"))
    other = sqlite3.connect(tmp_path / "v.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another process"):
        await database.write(lambda conn: _team(conn, 2))
    other.execute("ROLLBACK")
    other.close()
    assert await database.write(lambda conn: _team(conn, 3)) == 3
    assert await _count(database) == 2
    await database.close()


async def test_a_deadlock_on_postgresql_is_tried_again(postgres_database: Database) -> None:
    met = asyncio.Barrier(2)
    attempts = 0

    async def crossing(conn: Conn, first: int, second: int) -> None:
        nonlocal attempts
        attempts += 1
        await conn.execute(teams.update().where(teams.c.id == first).values(name="held"))
        if attempts <= 2:
            await met.wait()
        await conn.execute(teams.update().where(teams.c.id == second).values(name="wanted"))

    await postgres_database.write(lambda conn: _team(conn, 2))
    await asyncio.gather(
        postgres_database.write(lambda conn: crossing(conn, 1, 2)),
        postgres_database.write(lambda conn: crossing(conn, 2, 1)),
    )
    # One of the two begins anew; twice, if it is quicker than the other to what that waits for.
    assert attempts >= 3


async def test_two_servers_that_open_a_new_postgresql_at_once_migrate_it_once(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("CREATE DATABASE unheard_of")
    opened = await asyncio.gather(
        *(Database.open(postgres_url.replace("/postgres?", "/unheard_of?")) for _ in range(3))
    )
    assert [await _count(database) for database in opened] == [1, 1, 1]
    await asyncio.gather(*(database.close() for database in opened))
    await connection.execute("DROP DATABASE unheard_of")
    await connection.close()


async def test_a_full_disk_is_told_to_every_caller_and_the_next_deed_goes_on(tmp_path: Path) -> None:
    database = await Database.open(str(tmp_path / "v.db"))

    async def bound(conn: Conn, pages: int) -> None:
        await conn.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    async def big(conn: Conn, number: int) -> None:
        await conn.execute(insert(teams).values(id=number, name="x" * 2_000_000))

    await database.write(lambda conn: bound(conn, 100))
    small, too_big = await asyncio.gather(
        database.write(lambda conn: _team(conn, 2)),
        database.write(lambda conn: big(conn, 3)),
        return_exceptions=True,
    )
    assert isinstance(too_big, DBAPIError)
    await database.write(lambda conn: bound(conn, 1_000_000))
    await database.write(lambda conn: _team(conn, 4))
    assert await _count(database) == (2 if isinstance(small, Exception) else 3)
    await database.close()


@pytest.mark.parametrize(
    "content, line",
    [
        (b"not a database, however long this text may be" * 100, "this file is not a SQLite database"),
        (None, "must be a directory in which we may write"),
    ],
)
async def test_a_file_that_is_no_database_is_refused_in_one_line(
    tmp_path: Path, content: bytes | None, line: str
) -> None:
    path = tmp_path / "v.db" if content else tmp_path / "missing" / "v.db"
    if content:
        path.write_bytes(content)
    with pytest.raises(StoreError, match=line) as refusal:
        await Database.open(str(path))
    assert "\n" not in str(refusal.value)
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize(
    "change, line",
    [
        ("UPDATE alembic_version SET version_num = '9999'", "newer than this Vedette"),
        ("UPDATE marks SET text = 'another' WHERE name = 'schema'", "earlier trial version"),
        ("DELETE FROM marks WHERE name = 'schema'", "earlier trial version"),
        ("DROP TABLE alembic_version", "tables that are not Vedette's"),
    ],
)
async def test_a_database_of_another_version_is_refused_in_one_line(
    tmp_path: Path, change: str, line: str
) -> None:
    path = tmp_path / "v.db"
    await (await Database.open(str(path))).close()
    with sqlite3.connect(path) as connection:
        connection.execute(change)
    connection.close()
    with pytest.raises(StoreError, match=line) as refusal:
        await Database.open(f"sqlite:///{path}")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "url, line",
    [
        ("mysql://x/y", "mysql:// is not supported"),
        ("sqlite://", "give SQLite a file's path"),
        (":memory:", "give SQLite a file's path"),
        ("://", "cannot read the address"),
        ("postgresql://u:secret@127.0.0.1:1/x", "PostgreSQL cannot be used"),
        ("postgres://u:secret@127.0.0.1:1/x", "PostgreSQL cannot be used"),
    ],
)
async def test_an_address_that_leads_nowhere_is_refused_without_its_password(url: str, line: str) -> None:
    with pytest.raises(StoreError, match=line) as refusal:
        await Database.open(url)
    assert "\n" not in str(refusal.value)
    assert "secret" not in str(refusal.value)


async def test_a_team_sees_what_is_its_own_and_the_public_nothing_of_it() -> None:
    assert "team_id" in str(visible_to(Who(1), nodes))
    assert str(visible_to(PUBLIC, nodes)) == str(visible_to(PUBLIC, incidents)) == "false"
