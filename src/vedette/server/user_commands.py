"""`vedette user`: people who may sign in, by hand on the server's machine. A server may run meanwhile."""

import getpass
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from cyclopts import App, Parameter

from vedette.model.clock import MachineClock
from vedette.model.errors import SettingError
from vedette.model.people import FIRST_TEAM, Role, sign_in_name
from vedette.server.access import NEIGHBOUR
from vedette.server.account import drop_totp
from vedette.server.at_hand import Config, DatabaseUrl, Team, say, settings_of, with_database
from vedette.server.passwords import Passwords, weakness
from vedette.server.settings import Settings
from vedette.server.signing import make_first, subject_of
from vedette.store import audit, sessions, teams, users
from vedette.store.database import Conn
from vedette.store.users import NameTakenError, UserRow

T = TypeVar("T")

app = App(name="user", help="People who may sign in.")

Name = Annotated[str, Parameter(help="the name with which the person signs in")]
FromStdin = Annotated[
    bool, Parameter(name="--password-stdin", negative=(), help="read the password from standard input")
]
Off = Annotated[bool, Parameter(name="--off", negative=(), help="take it back")]


@app.command
def add(
    name: Name,
    *,
    role: Annotated[Role | None, Parameter(help="make the person a member of the team, as this")] = None,
    team: Team = FIRST_TEAM,
    admin: Annotated[bool, Parameter(negative=(), help="let the person look after the installation")] = False,
    password_stdin: FromStdin = False,
    config: Config = None,
    database: DatabaseUrl = None,
) -> None:
    """Make an account. The first person becomes administrator, and owner of the first team."""
    settings, wanted = settings_of(config, database), _named(name)
    password = _new_password(wanted, from_stdin=password_stdin)
    kept = with_database(settings, lambda _: _passwords(settings).hashed(password))

    async def make(conn: Conn, now_ms: int) -> UserRow:
        if not await users.anybody(conn):
            user = await make_first(conn, wanted, kept, now_ms, None)
        else:
            user = await users.create(conn, wanted, now_ms, password_hash=kept, is_admin=admin)
            if role is not None:
                await _demand_team(conn, team)
                await teams.join(conn, team, user.id, role, now_ms)
        await audit.note(conn, now_ms, NEIGHBOUR, "account.add", subject_of(user))
        return user

    try:
        user = _written(settings, make)
    except NameTakenError as error:
        raise SettingError(f"{wanted} is there already: choose another name") from error
    able = " as administrator" if user.is_admin else ""
    say(f"{user.name} may sign in at {settings.page_url}/sign-in{able}")


@app.command(name="list")
def list_(*, config: Config = None, database: DatabaseUrl = None) -> None:
    """Everybody who has an account."""

    async def read(conn: Conn, _now_ms: int) -> list[str]:
        return [_line(user, await users.teams_of(conn, user.id)) for user in await users.everybody(conn)]

    lines = _written(settings_of(config, database), read)
    for line in lines or ["nobody has an account yet: vedette user add NAME"]:
        say(line)


@app.command
def password(
    name: Name,
    *,
    password_stdin: FromStdin = False,
    drop_authenticator: Annotated[
        bool,
        Parameter(negative=(), help="ask for no code any more: all of that is lost"),
    ] = False,
    config: Config = None,
    database: DatabaseUrl = None,
) -> None:
    """Set a new password. All of the person's sign-ins end."""
    settings, wanted = settings_of(config, database), _named(name)
    new = _new_password(wanted, from_stdin=password_stdin)
    kept = with_database(settings, lambda _: _passwords(settings).hashed(new))

    async def change(conn: Conn, now_ms: int) -> int:
        user = await _user(conn, wanted)
        await users.change(conn, user.id, password_hash=kept)
        ended = await sessions.end(conn, user.id)
        await audit.note(conn, now_ms, NEIGHBOUR, "account.password", subject_of(user))
        if drop_authenticator:
            await drop_totp(conn, user, NEIGHBOUR, now_ms)
        return len(ended)

    ended = _written(settings, change)
    kept_too = "" if drop_authenticator else "; an authenticator is still asked for"
    say(f"{wanted} has a new password; {ended} sign-ins ended{kept_too}")


@app.command
def disable(name: Name, *, off: Off = False, config: Config = None, database: DatabaseUrl = None) -> None:
    """Let a person in no more, and end all sign-ins; with --off let the person in again."""
    wanted = _named(name)

    async def change(conn: Conn, now_ms: int) -> None:
        user = await _user(conn, wanted)
        await _spare(conn, user, leaves=not off)
        await users.change(conn, user.id, disabled_at_ms=None if off else now_ms)
        if not off:
            await sessions.end(conn, user.id)
        act = "account.enable" if off else "account.disable"
        await audit.note(conn, now_ms, NEIGHBOUR, act, subject_of(user))

    _written(settings_of(config, database), change)
    again = f"vedette user disable {wanted} --off lets the person in again"
    say(f"{wanted} may sign in again" if off else f"{wanted} may not come in any more; {again}")


@app.command
def admin(name: Name, *, off: Off = False, config: Config = None, database: DatabaseUrl = None) -> None:
    """Let a person look after the installation, or with --off no more."""
    wanted = _named(name)

    async def change(conn: Conn, now_ms: int) -> None:
        user = await _user(conn, wanted)
        await _spare(conn, user, leaves=off)
        await users.change(conn, user.id, is_admin=not off)
        act = "account.admin-off" if off else "account.admin-on"
        await audit.note(conn, now_ms, NEIGHBOUR, act, subject_of(user))

    _written(settings_of(config, database), change)
    say(f"{wanted} is {'no ' if off else 'an '}administrator{' any more' if off else ''}")


def _written(settings: Settings, deed: Callable[[Conn, int], Awaitable[T]]) -> T:
    now_ms = MachineClock().now_ms()
    return with_database(settings, lambda opened: opened.write(lambda conn: deed(conn, now_ms)))


async def _user(conn: Conn, name: str) -> UserRow:
    user = await users.by_name(conn, name)
    if user is None:
        raise SettingError(f"nobody is called {name}: vedette user list shows who is there")
    return user


async def _spare(conn: Conn, user: UserRow, *, leaves: bool) -> None:
    if leaves and user.is_admin and not await users.another_admin(conn, user.id):
        raise SettingError(
            f"{user.name} is the only administrator: vedette user admin NAME makes somebody else one"
        )


async def _demand_team(conn: Conn, team: int) -> None:
    if await teams.team_name(conn, team) is None:
        raise SettingError(f"there is no team {team}: leave --team out for the first one")


def _named(name: str) -> str:
    try:
        return sign_in_name(name)
    except ValueError as error:
        raise SettingError(f"the name {error}") from error


def _passwords(settings: Settings) -> Passwords:
    return Passwords(settings.accounts.password_memory_kib, settings.accounts.password_rounds)


def _new_password(name: str, *, from_stdin: bool) -> str:
    """A password that will do: from a pipe, or typed twice without being shown."""
    if from_stdin:
        given = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        given = getpass.getpass("New password: ")
        if getpass.getpass("Once more: ") != given:
            raise SettingError("the two passwords differ: try again")
    else:
        raise SettingError("nobody is there to type a password: pipe it in with --password-stdin")
    why = weakness(given, name)
    if why is not None:
        raise SettingError(why[0].lower() + why[1:].rstrip("."))
    return given


def _line(user: UserRow, teams: list[users.TeamOf]) -> str:
    since = datetime.fromtimestamp(user.created_at_ms / 1000, UTC).date()
    facts = [f"{one.role} of {one.name}" for one in teams] or ["in no team"]
    facts += ["administrator"] * user.is_admin + ["disabled"] * (user.disabled_at_ms is not None)
    facts += ["no password"] * (user.password_hash is None) + ["authenticator"] * user.has_totp
    return f"{user.name}  since {since}  {', '.join(facts)}"
