"""One door to the database: `write` a deed, or `read`."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, TypeVar

from sqlalchemy import ColumnElement, Table
from sqlalchemy.ext.asyncio import AsyncConnection

from vedette.model.people import Who

Conn = AsyncConnection
T = TypeVar("T")
Deed = Callable[[Conn], Awaitable[T]]


@dataclass(frozen=True, slots=True)
class WriteStats:
    """How writing goes: deeds waiting, how long the last commit took, and how many commits there were."""

    queue_depth: int
    commit_ms_last: float
    commits: int


class Database:
    """An open database. Make one with `Database.open`."""

    dialect: Literal["sqlite", "postgresql"]

    @staticmethod
    async def open(url: str) -> "Database":
        """Open a SQLite file (a path) or PostgreSQL (`postgresql://...`) and bring its schema up to date.

        Raises StoreError, in one line, when it is newer, older than can be upgraded, or no database of ours.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Let every accepted deed finish, then close."""
        raise NotImplementedError

    async def write(self, deed: Deed[T]) -> T:
        """Run the deed in a transaction and return its result once that is on disk."""
        raise NotImplementedError

    def read(self) -> AbstractAsyncContextManager[Conn]:
        """A connection that sees one moment and cannot write: `async with database.read() as conn`."""
        raise NotImplementedError

    @property
    def stats(self) -> WriteStats:
        raise NotImplementedError


def visible_to(who: Who, table: Table) -> ColumnElement[bool]:
    """The rows of the reader's own team; for the public only what was published."""
    raise NotImplementedError
