"""`vedette audit`: read the log of who did what, and see that nobody changed it."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from vedette.model.errors import SettingError, StoreError
from vedette.model.people import PUBLIC
from vedette.server.at_hand import Config, DatabaseUrl, say, settings_of, with_database
from vedette.server.pins import read_pins
from vedette.store import audit
from vedette.store.audit import Entry, Head, Walk
from vedette.store.database import Database

app = App(name="audit", help="The log of who did what.")

HeadFile = Annotated[Path | None, Parameter(help="the heads that were told outside [as the settings say]")]


@app.command
def verify(*, config: Config = None, database: DatabaseUrl = None, head: HeadFile = None) -> None:
    """Walk the log's chain from its first line, and through every head that was told outside.

    Ends with status 2 and names the first line that is wrong.
    """
    settings = settings_of(config, database)
    path = head or settings.head_path
    if head is not None and not head.exists():
        raise SettingError(f"--head: there is no {head}")
    pins = read_pins(path)

    async def walked(opened: Database) -> Walk:
        async with opened.read() as conn:
            return await audit.walk(conn, pins)

    walk = with_database(settings, walked)
    if walk.why is not None:
        raise StoreError(f"the audit log is not whole from line {walk.broken_seq} on: {walk.why}")
    say(_sound(walk.head, len(pins), path))


def _sound(head: Head, pins: int, path: Path) -> str:
    if not head.seq:
        return "the audit log is empty"
    against = (
        f"with {pins:,} heads of {path}"
        if pins
        else f"but {path} told no head: what was cut off does not show"
    )
    return f"{head.seq:,} lines are whole, {against}\nhead {head.seq} {head.hash.hex()}"


@app.command
def show(
    *,
    config: Config = None,
    database: DatabaseUrl = None,
    last: Annotated[int, Parameter(help="so many of the newest lines")] = 50,
    as_json: Annotated[bool, Parameter(name="--json", negative=(), help="a JSON object a line")] = False,
) -> None:
    """Show the newest lines, the oldest of them first."""

    async def read(opened: Database) -> list[Entry]:
        async with opened.read() as conn:
            return await audit.entries(conn, PUBLIC, None, last, every_team=True)

    for entry in reversed(with_database(settings_of(config, database), read)):
        sys.stdout.write((_json(entry) if as_json else _line(entry)) + "\n")


def _line(entry: Entry) -> str:
    at = datetime.fromtimestamp(entry.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    actor = entry.actor if entry.actor_name is None else f"{entry.actor} ({entry.actor_name})"
    detail = " ".join(f"{key}={json.dumps(value)}" for key, value in entry.detail.items())
    # In ASCII: a terminal must not obey what somebody once called his node.
    return ascii(f"{entry.seq}  {at}  {actor}  {entry.act}  {entry.subject}  {detail}")[1:-1].rstrip()


def _json(entry: Entry) -> str:
    return json.dumps({name: getattr(entry, name) for name in Entry.__dataclass_fields__})
