"""`vedette key`: API keys, made and revoked on the server itself."""

import sys
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import App, Parameter

from vedette.model.clock import MachineClock
from vedette.model.errors import SettingError
from vedette.model.people import FIRST_TEAM, Role, Scope, Who
from vedette.server.at_hand import Config, DatabaseUrl, Team, say, settings_of, with_database
from vedette.store import keys
from vedette.store.database import Conn, Database
from vedette.store.keys import DAYS_MAX, NAME_CHARS_MAX, KeyRow, NewKey, TooManyKeysError
from vedette.store.teams import team_name

app = App(name="key", help="API keys: tokens for programs that read or change what a team owns.")

DAY_MS = 86_400_000


def machine(team_id: int) -> Who:
    """Whoever may run commands on the server could change its database as well."""
    return Who(team_id, Role.OWNER, is_admin=True)


@app.command
def add(
    name: str,
    *,
    scope: Annotated[list[Scope] | None, Parameter(help="what it opens; once for each")] = None,
    days: Annotated[int | None, Parameter(help="how long it lasts [until it is revoked]")] = None,
    team: Team = FIRST_TEAM,
    config: Config = None,
    database: DatabaseUrl = None,
) -> None:
    """Make a key and print its token, once. Without --scope it opens no more than anybody sees.

    Parameters
    ----------
    name
        What it is for.
    """
    if not name.isprintable() or not 0 < len(name) <= NAME_CHARS_MAX:
        raise SettingError(f"the name must be 1 to {NAME_CHARS_MAX} printable characters")
    if days is not None and not 1 <= days <= DAYS_MAX:
        raise SettingError(f"--days must be a number from 1 to {DAYS_MAX}")
    now_ms = MachineClock().now_ms()
    ends_ms = None if days is None else now_ms + days * DAY_MS

    async def deed(conn: Conn) -> NewKey:
        await _known(conn, team)
        return await keys.make_key(conn, machine(team), name, scope or (), ends_ms, now_ms)

    try:
        made = with_database(settings_of(config, database), lambda opened: opened.write(deed))
    except TooManyKeysError:
        raise SettingError(f"a team has at most {keys.LIVE_MAX} keys that work: revoke one first") from None
    say(made.token)
    sys.stderr.write(f"key {made.row.id}: its token stands above, and is told this once\n")


@app.command(name="list")
def list_(*, team: Team = FIRST_TEAM, config: Config = None, database: DatabaseUrl = None) -> None:
    """List a team's keys."""

    async def read(opened: Database) -> list[KeyRow]:
        async with opened.read() as conn:
            await _known(conn, team)
            return await keys.keys(conn, machine(team))

    now_ms = MachineClock().now_ms()
    for row in with_database(settings_of(config, database), read):
        say(_line(row, now_ms))


@app.command
def revoke(key: str, *, team: Team = FIRST_TEAM, config: Config = None, database: DatabaseUrl = None) -> None:
    """Revoke a key by its id: it opens nothing from now on.

    Parameters
    ----------
    key
        The id, as `vedette key list` tells it.
    """
    now_ms = MachineClock().now_ms()
    done = with_database(
        settings_of(config, database),
        lambda opened: opened.write(lambda conn: keys.revoke(conn, machine(team), key, now_ms)),
    )
    if not done:
        raise SettingError(f"team {team} has no key {key}: see vedette key list")
    say(f"revoked: {key}")


async def _known(conn: Conn, team_id: int) -> None:
    if await team_name(conn, team_id) is None:
        raise SettingError(f"there is no team {team_id}")


def _line(row: KeyRow, now_ms: int) -> str:
    scopes = ",".join(row.scopes) or "nothing"
    used = "never used" if row.used_at_ms is None else f"used {_day(row.used_at_ms)}"
    made = "" if row.made_by is None else f" by {row.made_by}"
    return (
        f"{row.id}  …{row.hint}  {scopes}  {_state(row, now_ms)}  {used}"
        f"  made {_day(row.created_at_ms)}{made}  {ascii(row.name)[1:-1]}"
    )


def _state(row: KeyRow, now_ms: int) -> str:
    if row.revoked_at_ms is not None:
        return f"revoked {_day(row.revoked_at_ms)}"
    if row.expires_at_ms is None:
        return "works"
    word = "expired" if row.expires_at_ms <= now_ms else "works until"
    return f"{word} {_day(row.expires_at_ms)}"


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")
