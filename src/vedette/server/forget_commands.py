"""`vedette forget`: a team, a person or a node, with all that is theirs."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from cyclopts import App, Parameter
from sqlalchemy import ColumnElement, or_, select

from vedette.model.clock import MachineClock
from vedette.model.errors import SettingError
from vedette.server.access import NEIGHBOUR
from vedette.server.at_hand import Config, DatabaseUrl, Yes, agreed, say, settings_of, with_database
from vedette.server.settings import Settings
from vedette.store import forget
from vedette.store import tables as t
from vedette.store.database import Conn
from vedette.store.forget import Counts

app = App(name="forget", help="Forget a team, a person or a node, with all that is theirs.")

DryRun = Annotated[bool, Parameter(name="--dry-run", negative=(), help="only count what would go")]
T = TypeVar("T", int, str)
Forget = Callable[[Conn, int], Awaitable[Counts]]


class _OnlyLookedError(Exception):
    """Undoes what was done to count it."""

    def __init__(self, counts: Counts) -> None:
        self.counts = counts


@app.command
def team(
    team: str,
    *,
    dry_run: DryRun = False,
    yes: Yes = False,
    config: Config = None,
    database: DatabaseUrl = None,
) -> None:
    """Forget a team: its nodes with their past, incidents, keys and claims. Its people keep their accounts.

    Parameters
    ----------
    team
        Its number, or its name.
    """

    async def deed(conn: Conn, now_ms: int) -> Counts:
        number = int(team) if team.isascii() and team.isdigit() else -1
        named = or_(t.teams.c.id == number, t.teams.c.name == team)
        return await forget.forget_team(conn, NEIGHBOUR, await _one(conn, t.teams.c.id, named, team), now_ms)

    _forget(settings_of(config, database), f"the team {team}", deed, dry_run=dry_run, yes=yes)


@app.command
def user(
    user: str,
    *,
    dry_run: DryRun = False,
    yes: Yes = False,
    config: Config = None,
    database: DatabaseUrl = None,
) -> None:
    """Forget a person: the account, what proves it, and its keys. The audit log keeps a pseudonym.

    Parameters
    ----------
    user
        The name with which the person signs in.
    """

    async def deed(conn: Conn, now_ms: int) -> Counts:
        named = t.users.c.name == user.lower()
        return await forget.forget_user(conn, NEIGHBOUR, await _one(conn, t.users.c.id, named, user), now_ms)

    _forget(settings_of(config, database), f"the person {user}", deed, dry_run=dry_run, yes=yes)


@app.command
def node(
    node: str,
    *,
    dry_run: DryRun = False,
    yes: Yes = False,
    config: Config = None,
    database: DatabaseUrl = None,
) -> None:
    """Forget a node: its key, its past, and what was told of it. Its agent is refused from then on.

    Parameters
    ----------
    node
        Its id, or its name.
    """

    async def deed(conn: Conn, now_ms: int) -> Counts:
        columns = t.nodes.c
        named = or_(columns.id == node, columns.set_name == node, columns.name == node)
        return await forget.forget_node(conn, NEIGHBOUR, await _one(conn, columns.id, named, node), now_ms)

    _forget(settings_of(config, database), f"the node {node}", deed, dry_run=dry_run, yes=yes)


def _forget(settings: Settings, what: str, deed: Forget, *, dry_run: bool, yes: bool) -> None:
    """Count what would go, ask, and do it in one transaction."""
    now_ms = MachineClock().now_ms()

    async def look(conn: Conn) -> Counts:
        raise _OnlyLookedError(await deed(conn, now_ms))

    try:
        with_database(settings, lambda opened: opened.write(look))
    except _OnlyLookedError as looked:
        _tell(f"would forget {what}:", looked.counts)
    if dry_run:
        return
    if not agreed(f"Forget {what} for ever?", yes=yes):
        say("nothing was changed")
        return
    _tell(
        f"forgot {what}:",
        with_database(settings, lambda opened: opened.write(lambda conn: deed(conn, now_ms))),
    )


def _tell(line: str, counts: Counts) -> None:
    rows = ", ".join(f"{count:,} {table}" for table, count in sorted(counts.items()) if count)
    say(ascii(f"{line} {rows}")[1:-1])


async def _one(conn: Conn, column: ColumnElement[T], named: ColumnElement[bool], given: str) -> T:
    """The one that is meant; a name may be several nodes'."""
    found = (await conn.execute(select(column).where(named))).scalars().all()
    if len(found) == 1:
        return found[0]
    if not found:
        raise SettingError(f"there is none called {given!a}")
    told = ", ".join(map(str, found))
    raise SettingError(f"{len(found)} are called {given!a}: name one by its number ({told})")
