"""`vedette history`: carry the PoS chain's past between installations, and see how far it is read."""

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final

import aiohttp
import msgspec
import uvloop
from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from sqlalchemy.exc import DBAPIError

import vedette
from vedette.conflux.wire import checked_url, endpoint_name
from vedette.model.errors import SettingError, StoreError
from vedette.server.history_check import SpotCheck
from vedette.server.settings import DEFAULT_PORT, EndpointSetting, load
from vedette.store import votes
from vedette.store.carry.arrive import Arrived, arrive
from vedette.store.carry.file import checked
from vedette.store.carry.leave import Left, leave
from vedette.store.database import Database, address

app = App(name="history", help="Carry the chain's past between installations, and see how far it is read.")

LOOK_S: Final = 2.0
DEADLINE_S: Final = 10.0

Config = Annotated[Path | None, Parameter(help="the server's settings, a TOML file")]
DatabaseUrl = Annotated[str | None, Parameter(help="path of an SQLite file, or postgresql://...")]
Epoch = Annotated[int | None, Parameter(help="a PoS epoch, included")]
Tell = Callable[[str, int, int], None]


@app.command
def export(
    file: Path,
    *,
    database: DatabaseUrl = None,
    config: Config = None,
    from_epoch: Epoch = None,
    to_epoch: Epoch = None,
) -> None:
    """Write what the database holds of the chain's finished epochs into one file.

    Blocks with their signers, committees, rewards, elections, events, stakes and parameters; nothing of
    teams, nodes or incidents. A server may run meanwhile.
    """
    where = _there(_database(config, database))
    with telling() as tell:
        left = uvloop.run(_export(where, file, from_epoch, to_epoch, tell))
    _say(
        f"{file}: {left.epochs:,} epochs from {left.first_epoch:,} to {left.last_epoch:,},"
        f" {left.size_bytes / 1e6:,.1f} MB"
    )
    _say(f"SHA-256 {left.sha256}")


async def _export(where: str, file: Path, first: int | None, last: int | None, tell: Tell) -> Left:
    async with _opened(where) as database:
        return await leave(
            database,
            file,
            first_epoch=first,
            last_epoch=last,
            written_by=f"vedette {vedette.__version__}",
            tell=lambda done, whole: tell("writing epochs", done, whole),
        )


@app.command(name="import")
def import_(
    file: Path,
    *,
    database: DatabaseUrl = None,
    config: Config = None,
    endpoint: Annotated[
        str | None, Parameter(help="URL of a node to compare with [the first of the settings]")
    ] = None,
    compare: Annotated[bool, Parameter(help="ask it about epochs drawn by chance")] = True,
) -> None:
    """Merge a file that `export` wrote into the database, which is made if there is none.

    The whole file is looked at before anything is written. To import it twice, or again after it was stopped,
    is harmless. Restart a server that uses the database, so that it does not ask again for what arrived.
    """
    sha256 = checked(file)  # before a database is made for nothing
    settings = load(config, os.environ, database=database)
    nodes = [_named(endpoint)] if endpoint else settings.endpoints
    check = SpotCheck(nodes[0]) if compare and nodes else None
    with telling() as tell:
        try:
            arrived = uvloop.run(_import(settings.database, file, tell, check))
        except KeyboardInterrupt:
            line = "vedette: stopped; what is written is whole: import again, and it goes on"
            print(line, file=sys.stderr)  # noqa: T201 - as errors are told
            raise
    _say(
        f"{file}: {arrived.epochs:,} epochs from {arrived.first_epoch:,} to {arrived.last_epoch:,},"
        f" {arrived.new_epochs:,} of them new"
    )
    _say(f"SHA-256 {sha256}: the export told the same, or it is another file")
    _say(check.line if check else "nothing in it was compared with a node: --endpoint URL names one")


def _named(url: str) -> EndpointSetting:
    checked_url(url, "--endpoint")
    return EndpointSetting(endpoint_name(url), url)


async def _import(where: str, file: Path, tell: Tell, check: SpotCheck | None) -> Arrived:
    async with _opened(where) as database:
        return await arrive(database, file, tell, check)


@asynccontextmanager
async def _opened(where: str) -> AsyncIterator[Database]:
    """The database while it is used; what it refuses meanwhile is one line."""
    database = await Database.open(where)
    try:
        yield database
    except (DBAPIError, sqlite3.Error, OSError) as error:
        why = " ".join(str(getattr(error, "orig", None) or error).split())
        raise StoreError(f"the database cannot go on ({why}): put that right, then do it again") from error
    finally:
        await database.close()


def _database(config: Path | None, given: str | None) -> str:
    return load(config, os.environ, database=given).database


@app.command
def witnesses(*, database: DatabaseUrl = None, config: Config = None) -> None:
    """List whose word the database holds, and of how many blocks: what was imported is named so."""
    where = _there(_database(config, database))
    for name, blocks in uvloop.run(_witnesses(where)):
        _say(f"{name}: {blocks:,} blocks")


async def _witnesses(where: str) -> list[tuple[str, int]]:
    async with _opened(where) as database, database.read() as conn:
        return [(name, sum(span.size for span in read)) for name, read in await votes.witnesses(conn)]


def _there(where: str) -> str:
    """The same database, if it need not be made."""
    url = address(where)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        raise SettingError(f"database {where}: there is no such file")
    return where


def _say(line: str) -> None:
    print(line)  # noqa: T201 - it is the product


# --- how far it is read -----------------------------------------------------------------------------------


class HistoryNow(msgspec.Struct, frozen=True):
    """How far a server has read the past (`GET /api/v1/history`); None where it does not know yet."""

    unread_blocks: int | None
    settled_blocks: int | None
    blocks_per_s: float | None
    eta_s: int | None


@app.command
def status(
    *,
    server: Annotated[str, Parameter(help="URL of the server")] = f"http://127.0.0.1:{DEFAULT_PORT}",
) -> None:
    """Show how far a server has read the chain's past: a bar until it is read, elsewhere one line."""
    uvloop.run(_status(server))


async def _status(server: str) -> None:
    console = Console()
    if not console.is_terminal:
        _say(line_of(await asked(server)))
        return
    with Progress(
        BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"), console=console
    ) as bar:
        task = bar.add_task("asking", total=None)
        while True:
            now = await asked(server)
            read = (now.settled_blocks or 0) - (now.unread_blocks or 0)
            bar.update(task, description=line_of(now), total=now.settled_blocks, completed=read)
            if now.unread_blocks == 0:
                return
            await asyncio.sleep(LOOK_S)


async def asked(server: str) -> HistoryNow:
    """What the server says. Raises SettingError in one line."""
    url = f"{server.rstrip('/')}/api/v1/history"
    try:
        timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
        async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as http, http.get(url) as response:
            body = await response.read()
            if response.status != 200:  # noqa: PLR2004  OK
                raise SettingError(f"--server {server}: it answers {url} with HTTP {response.status}")
        return msgspec.json.decode(body, type=HistoryNow)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise SettingError(f"--server {server}: no Vedette answers there ({why})") from error


def line_of(now: HistoryNow) -> str:
    """In one line how far the past is read, and for how long it will take."""
    if now.unread_blocks is None or now.settled_blocks is None:
        return "how far the past is read is not known yet"
    if now.unread_blocks == 0:
        return f"all {now.settled_blocks:,} blocks are read"
    left = f"{now.unread_blocks:,} of {now.settled_blocks:,} blocks are to be read"
    if now.eta_s is None or now.blocks_per_s is None:
        return left
    return f"{left}, {now.blocks_per_s:,.1f} a second: {duration(now.eta_s)} left"


UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def duration(seconds: int) -> str:
    """In its two largest units."""
    for (name, size), (smaller, part) in pairwise(UNITS):
        if seconds >= size:
            rest = seconds % size // part
            return f"{seconds // size} {name}" + (f" {rest} {smaller}" if rest else "")
    return f"{seconds} s"


# --- progress ---------------------------------------------------------------------------------------------


@contextmanager
def telling() -> Iterator[Tell]:
    """A bar on stderr for each thing that is done, with the time it will take; nothing where nobody looks."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:

        def tell(what: str, done: int, whole: int) -> None:
            if what not in tasks:
                _finish(progress, tasks)
                tasks[what] = progress.add_task(what)
            progress.update(tasks[what], completed=done, total=whole or None)

        yield tell
        _finish(progress, tasks)
    sys.stderr.flush()


def _finish(progress: Progress, tasks: dict[str, TaskID]) -> None:
    for task in progress.tasks:
        if task.id in tasks.values():
            progress.update(task.id, total=task.total or 1, completed=task.total or 1)
