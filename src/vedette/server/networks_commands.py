"""`vedette networks`: what is known of the public networks, and newer data in its place."""

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.markup import escape

from vedette.conflux import networks
from vedette.model.errors import SettingError
from vedette.server.settings import load

app = App(name="networks", help="What is known of the public networks: endpoints, forks, constants, pools.")

Config = Annotated[Path | None, Parameter(help="the server's settings, a TOML file")]


@app.command
def show(*, config: Config = None) -> None:
    """Say of which day the data is, and what it holds."""
    path = load(config, os.environ).networks_file
    known = networks.of_file(path) if path.exists() else networks.brought()
    where = str(path) if path.exists() else "what this version brings"
    _say(f"{where}: of {known.as_of}")
    for each in known.networks:
        newest = each.forks[-1] if each.forks else None
        fork = "no fork" if newest is None else f"newest fork {newest.name} ({newest.version})"
        _say(f"{each.name}: chain {each.chain_id}, eSpace {each.espace_chain_id}; {fork}")
        _say(f"  {len(each.pools)} pools; endpoints {', '.join(each.endpoints)}")
    for line in networks.doubts(known, datetime.now(UTC).date(), {}):
        _say(line)


@app.command
def update(
    *,
    from_: Annotated[Path, Parameter(name="--from", help="a file like networks.toml")],
    config: Config = None,
) -> None:
    """Put a newer file in the place of the data.

    It is checked as a whole first, and kept where the setting `networks` says; a running server takes it
    over within a minute.
    """
    path = load(config, os.environ).networks_file
    given = networks.of_file(from_)
    held = networks.of_file(path) if path.exists() else networks.brought()
    if given.as_of < held.as_of:
        raise SettingError(f"{from_} is of {given.as_of}, and the data in use is newer: of {held.as_of}")
    _put(path, from_.read_bytes())
    _say(f"{path}: the data of {given.as_of} is in use now, in place of that of {held.as_of}")


def _put(path: Path, body: bytes) -> None:
    """Whole or not at all: a server may look at any moment."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).chmod(0o644)
        Path(file.name).replace(path)
    except OSError as error:
        raise SettingError(f"cannot write {path}: {error.strerror}") from error


def _say(line: str) -> None:
    Console(soft_wrap=True, highlight=False).print(escape(line))
