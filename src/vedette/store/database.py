"""One door to the database: `write` a deed, or `read`.

SQLite has one writer behind a queue (see `writer`) and a few readers that cannot write; on PostgreSQL every
deed has a transaction of its own from the pool, and is tried again when the database asked for that.
"""

import asyncio
import random
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Literal, TypeVar, cast

from sqlalchemy import URL, ColumnElement, Table, event, false, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from vedette.model.errors import StoreError
from vedette.model.people import Who
from vedette.store import migrate
from vedette.store.writer import Writer

Conn = AsyncConnection
T = TypeVar("T")
Deed = Callable[[Conn], Awaitable[T]]

READERS = 4
POOL = 8
BUSY_MS = 10_000
"""How long one process waits for another one's write to the same SQLite file."""
READER = "vedette_reader"
"""The mark of a connection that sees only what was committed."""
TRIES = 6
TRY_AGAIN = {"40001", "40P01"}  # serialization failure, deadlock


@dataclass(frozen=True, slots=True)
class WriteStats:
    """How writing goes: deeds waiting, how long the last commit took, and how many commits there were."""

    queue_depth: int
    commit_ms_last: float
    commits: int


class Database(ABC):
    """An open database. Make one with `Database.open`."""

    dialect: Literal["sqlite", "postgresql"]

    @staticmethod
    async def open(url: str) -> "Database":
        """Open a SQLite file (a path) or PostgreSQL (`postgresql://...`) and bring its schema up to date.

        Raises StoreError, in one line, when it is newer, older than can be upgraded, or no database of ours.
        """
        where = address(url)
        if where.get_backend_name() == "sqlite":
            return await SQLite.start(where)
        return await PostgreSQL.start(where)

    @abstractmethod
    async def close(self) -> None:
        """Let every accepted deed finish, then close."""

    @abstractmethod
    async def write(self, deed: Deed[T]) -> T:
        """Run the deed in a transaction and return its result once that is on disk.

        A caller that is cancelled meanwhile does not undo it. A deed must not call `write` itself, and may be
        run again from its start on PostgreSQL.
        """

    @abstractmethod
    def read(self) -> AbstractAsyncContextManager[Conn]:
        """A connection that sees one moment and cannot write: `async with database.read() as conn`."""

    @property
    @abstractmethod
    def stats(self) -> WriteStats: ...


class SQLite(Database):
    """One file, one writer, a few readers; other processes may use the same file."""

    dialect = "sqlite"

    def __init__(self, writing: AsyncEngine, reading: AsyncEngine) -> None:
        self._writing = writing
        self._reading = reading
        self._writer = Writer(writing)

    @classmethod
    async def start(cls, where: URL) -> "SQLite":
        writing = _sqlite_engine(where, "BEGIN IMMEDIATE", pool_size=1, query_only=False)
        await _upgrade(writing, where)
        reading = _sqlite_engine(where, "BEGIN", pool_size=READERS, query_only=True)
        return cls(writing, reading.execution_options(**{READER: True}))

    async def close(self) -> None:
        await self._writer.close()
        await self._reading.dispose()
        await self._writing.dispose()

    async def write(self, deed: Deed[T]) -> T:
        try:
            return cast("T", await self._writer.write(deed))
        except OperationalError as error:
            if "database is locked" not in str(error.orig):
                raise
            raise StoreError(
                f"another process has held the database for {BUSY_MS // 1000} s: try again, or stop it"
            ) from error

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Conn]:
        async with self._reading.begin() as conn:
            yield conn

    @property
    def stats(self) -> WriteStats:
        return WriteStats(self._writer.depth, self._writer.commit_ms_last, self._writer.commits)


class PostgreSQL(Database):
    """A pool of connections; several servers may share the database."""

    dialect = "postgresql"

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reading = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True, **{READER: True}
        )
        self._under_way: set[asyncio.Task[Any]] = set()
        self._closing = False
        self._commits = 0
        self._commit_ms_last = 0.0

    @classmethod
    async def start(cls, where: URL) -> "PostgreSQL":
        engine = create_async_engine(where, pool_size=POOL, pool_pre_ping=True, hide_parameters=True)
        await _upgrade(engine, where)
        return cls(engine)

    async def close(self) -> None:
        self._closing = True
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._engine.dispose()

    async def write(self, deed: Deed[T]) -> T:
        if self._closing:
            raise StoreError("the database is being closed: nothing more is written")
        task = asyncio.ensure_future(self._persist(deed))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def _persist(self, deed: Deed[T]) -> T:
        """Run the deed until PostgreSQL stops asking to try it again."""
        for attempt in range(TRIES - 1):
            try:
                return await self._transaction(deed)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in TRY_AGAIN:
                    raise
            await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - spreads rivals apart
        return await self._transaction(deed)

    async def _transaction(self, deed: Deed[T]) -> T:
        async with self._engine.begin() as conn:
            result = await deed(conn)
            started = perf_counter()
        self._commits += 1
        self._commit_ms_last = (perf_counter() - started) * 1000
        return result

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Conn]:
        async with self._reading.begin() as conn:
            yield conn

    @property
    def stats(self) -> WriteStats:
        return WriteStats(len(self._under_way), self._commit_ms_last, self._commits)


def address(url: str) -> URL:
    """The database that a setting means, with the driver that we use. Raises StoreError."""
    try:
        where = make_url(url) if "://" in url else URL.create("sqlite", database=url)
    except ArgumentError as error:
        raise StoreError(f"database: cannot read the address as a URL ({error})") from error
    backend = where.get_backend_name()
    if backend in {"postgres", "postgresql"}:
        return where.set(drivername="postgresql+asyncpg")
    if backend != "sqlite":
        raise StoreError(f"database: {backend}:// is not supported: give a file's path or postgresql://...")
    if not where.database or where.database == ":memory:":
        raise StoreError("database: give SQLite a file's path: what is in memory is gone after a restart")
    return where.set(drivername="sqlite+aiosqlite")


def _sqlite_engine(where: URL, begin: str, *, pool_size: int, query_only: bool) -> AsyncEngine:
    # What was to be written is somebody's: an error that is logged does not quote it.
    engine = create_async_engine(where, pool_size=pool_size, max_overflow=0, hide_parameters=True)
    pragmas = (
        f"PRAGMA busy_timeout = {BUSY_MS}",
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        "PRAGMA wal_autocheckpoint = 2000",  # pages: about 8 MB, one checkpoint for some hundred commits
        "PRAGMA foreign_keys = ON",
        "PRAGMA cache_size = -16384",
        f"PRAGMA query_only = {int(query_only)}",
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _connected(connection: Any, _: object) -> None:
        connection.isolation_level = None  # we say ourselves when a transaction begins, and how
        try:
            cursor = connection.cursor()
            for pragma in pragmas:
                cursor.execute(pragma)
            cursor.close()
        except Exception:
            connection.close()  # nobody else knows of it yet, and its thread would go on
            raise

    @event.listens_for(engine.sync_engine, "begin")
    def _begun(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


async def _upgrade(engine: AsyncEngine, where: URL) -> None:
    """Migrate in one transaction: SQLite's own write lock, or an advisory lock, lets one server do it."""
    try:
        async with engine.begin() as conn:
            await conn.run_sync(migrate.upgrade)
    except StoreError as error:
        await engine.dispose()
        raise StoreError(f"database {_name(where)}: {error}") from error
    except (SQLAlchemyError, OSError, sqlite3.Error) as error:
        await engine.dispose()
        raise StoreError(f"database {_name(where)}: {_why(error, where)}") from error


def _name(where: URL) -> str:
    if where.get_backend_name() == "sqlite":
        return str(where.database)
    return where.set(drivername="postgresql").render_as_string()  # with the password as ***


def _why(error: Exception, where: URL) -> str:
    """The driver's own words, in one line, and what to do about the common ones."""
    words = " ".join(str(getattr(error, "orig", None) or error).split())
    if where.get_backend_name() != "sqlite":
        return f"PostgreSQL cannot be used: {words}"
    if "not a database" in words:
        return "this file is not a SQLite database: name another one"
    if "unable to open" in words:
        folder = Path(where.database or "").absolute().parent
        return f"cannot be opened: {folder} must be a directory in which we may write"
    return f"cannot be used: {words}"


def visible_to(who: Who, table: Table) -> ColumnElement[bool]:
    """The rows of the reader's own team; none for the public, whose few queries say so by name."""
    return false() if who.team_id is None else table.c.team_id == who.team_id


def insert_into(conn: Conn, table: Table) -> sqlite.Insert:
    """An INSERT that knows `on_conflict_do_update` and `on_conflict_do_nothing`, on either database."""
    if conn.dialect.name == "sqlite":
        return sqlite.insert(table)
    return cast("sqlite.Insert", postgresql.insert(table))  # the same methods with the same names


def is_reader(conn: Conn) -> bool:
    """Whether this connection sees only what was committed."""
    return conn.sync_connection is not None and READER in conn.sync_connection.get_execution_options()
