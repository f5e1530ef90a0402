"""`vedette agent run` and `vedette agent planned-stop`."""

import os
import sys
import time
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from vedette.agent.config import Role, checked
from vedette.agent.planned import FILE_NAME, PlannedStop, announce, withdraw
from vedette.model.errors import SettingError

app = App(name="agent", help="Watch the node beside it and report to a server.")

MINUTES_MAX = 7 * 24 * 60


@app.command
def run(
    *,
    server: str,
    name: str,
    dir: Path,  # noqa: A002  the option's name
    token_file: Path | None = None,
    node: str = "http://127.0.0.1:12539",
    interval: float = 5.0,
    planned_stop_file: Path | None = None,
    disk: Path = Path("/"),
    role: Role = "full",
    insecure_http: Annotated[bool, Parameter(negative=())] = False,
    config: Path | None = None,
    metrics: str | None = None,
    pos_address: str | None = None,
) -> None:
    """Stand beside one node and report what it does.

    Parameters
    ----------
    server
        URL of the Vedette server, as https://watch.example.org
    name
        The node's name, as people will read it.
    dir
        Folder for the agent's key and its spool; each agent has its own.
    token_file
        File with an enrolment token; needed until the server knows this agent.
    node
        URL of the node's local RPC port.
    interval
        Seconds between two rounds, 1 to 60.
    planned_stop_file
        Where stops are announced (default: planned-stop.json in the folder).
    disk
        A path on the file system that holds the node's data.
    role
        What the node is.
    insecure_http
        Allow plain http to a server on another machine.
    config
        The node's configuration (default: the one that its command line names).
    metrics
        URL of the node's Prometheus metrics (default: the one in its configuration).
    pos_address
        The PoS address that the node should have: another one is told.
    """
    settings = checked(
        server=server,
        node=node,
        name=name,
        folder=dir,
        token_file=token_file,
        interval_s=interval,
        planned_stop_file=planned_stop_file,
        disk=disk,
        role=role,
        insecure_http=insecure_http,
        config=config,
        metrics=metrics,
        pos_address=pos_address,
    )
    sys.stderr.flush()
    become = [sys.executable, "-m", "vedette.agent", msgspec.json.encode(settings).decode()]
    # The same process goes on under the same number, without the memory of the command line.
    os.execve(sys.executable, become, {"MALLOC_ARENA_MAX": "2", **os.environ})  # noqa: S606  no shell wanted


@app.command(name="planned-stop")
def planned_stop(
    *,
    dir: Path,  # noqa: A002  the option's name
    minutes: float = 10.0,
    why: str = "",
    clear: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Announce that the node will be stopped: for so long its end is no incident.

    Parameters
    ----------
    dir
        The agent's folder.
    minutes
        How long the stop may last, from now.
    why
        A word for those who see it.
    clear
        Withdraw the announcement.
    """
    path = dir / FILE_NAME
    try:
        if clear:
            said = "withdrawn" if withdraw(path) else "none was announced"
        else:
            if not 0 < minutes <= MINUTES_MAX:
                raise SettingError(f"--minutes: {minutes:g} is not within 0 and {MINUTES_MAX} (a week)")
            until_ms = int(time.time() * 1000 + minutes * 60_000)
            announce(path, PlannedStop(until_ms, why))
            said = f"announced for {minutes:g} minutes, in {path}"
    except OSError as error:
        raise SettingError(f"{path}: {error.strerror or error}") from error
    sys.stdout.write(f"planned stop: {said}\n")
