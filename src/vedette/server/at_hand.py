"""What the commands share that change a server's database by hand; a server may run meanwhile."""

import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import uvloop
from cyclopts import Parameter
from sqlalchemy.exc import DBAPIError

from vedette.model.errors import SettingError, StoreError
from vedette.server.settings import Settings, load
from vedette.store.database import Database, address

T = TypeVar("T")

Config = Annotated[Path | None, Parameter(help="the server's settings, a TOML file")]
DatabaseUrl = Annotated[str | None, Parameter(help="path of an SQLite file, or postgresql://...")]
Team = Annotated[int, Parameter(help="the team's number")]
Yes = Annotated[bool, Parameter(name="--yes", negative=(), help="do not ask")]


def settings_of(config: Path | None, database: str | None) -> Settings:
    """The server's settings; its database must be there."""
    settings = load(config, os.environ, database=database)
    url = address(settings.database)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        raise SettingError(f"database {settings.database}: there is no such file")
    return settings


def with_database(settings: Settings, deed: Callable[[Database], Awaitable[T]]) -> T:
    """Do it over the open database; what that refuses meanwhile is one line."""

    async def run() -> T:
        async with _opened(settings.database) as database:
            return await deed(database)

    return uvloop.run(run())


@asynccontextmanager
async def _opened(where: str) -> AsyncIterator[Database]:
    database = await Database.open(where)
    try:
        yield database
    except (DBAPIError, sqlite3.Error, OSError) as error:
        why = " ".join(str(getattr(error, "orig", None) or error).split())
        raise StoreError(f"the database cannot go on ({why}): put that right, then do it again") from error
    finally:
        await database.close()


def say(line: str) -> None:
    print(line)  # noqa: T201 - it is the product


def agreed(question: str, *, yes: bool) -> bool:
    """Whether a person says yes; without a terminal nobody can."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise SettingError("nobody is there to be asked: add --yes")
    return input(f"{question} [yes/no] ").strip().lower() == "yes"
