"""What SQLAlchemy has compiled once in a process is not compiled again for the next test's database.

Its cache of compiled statements belongs to one engine, and its keys to one dialect; each test opens a
database of its own and would compile every statement anew, which was a third of what a test of the server
took. Here all engines share one dialect of each kind and one cache, by SQLAlchemy's own doors: a registered
dialect, and the option `compiled_cache`.
"""

from typing import Any, ClassVar, Self

from sqlalchemy import Dialect, Engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.util import LRUCache

STATEMENTS = 2_000
COMPILED: LRUCache[Any, Any] = LRUCache(STATEMENTS)


class _One(Dialect):
    """The first that was made stands for all that are made alike, whichever module of the driver they get."""

    _made: ClassVar[dict[tuple[Any, ...], Any]] = {}
    _is_ready = False

    def __new__(cls, **given: Any) -> Self:
        alike = (cls, *sorted((name, str(value)) for name, value in given.items() if name != "dbapi"))
        one: Self = cls._made.setdefault(alike, super().__new__(cls))
        return one

    def __init__(self, **given: Any) -> None:
        if not self._is_ready:
            super().__init__(**given)
            self._is_ready = True

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        engine.update_execution_options(compiled_cache=COMPILED)


class SQLite(_One, SQLiteDialect_aiosqlite):
    supports_statement_cache = True


class PostgreSQL(_One, PGDialect_asyncpg):
    supports_statement_cache = True


def share() -> None:
    """From now on, in this process."""
    for name, kind in (("sqlite.aiosqlite", SQLite), ("postgresql.asyncpg", PostgreSQL)):
        registry.register(name, __name__, kind.__name__)
