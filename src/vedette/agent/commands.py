"""`vedette agent …`: what an operator types beside a node."""

import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import App, Parameter

from vedette.agent.checks.all import findings
from vedette.agent.checks.finding import State
from vedette.agent.enroll import enrol, token_of
from vedette.agent.install import UNIT_DIR, unit_for, unit_name, write_unit
from vedette.agent.options import FILE_NAME as SETTINGS_FILE
from vedette.agent.options import NOTHING, Options, over, read_options, settings_in
from vedette.agent.outcry import NotTold, contact_of
from vedette.agent.planned import FILE_NAME, PlannedStop, announce, withdraw
from vedette.agent.sentinel import end_watch, read_watch, silence_of, trial_of, watch_of, write_watch
from vedette.agent.trust import Trust, Trusted
from vedette.model.errors import SettingError

app = App(name="agent", help="Watch the node beside it and report to a server.")

MINUTES_MAX = 7 * 24 * 60


Folder = Annotated[Path, Parameter(name="--dir", help="The agent's folder; each agent has its own.")]


@app.command
def enroll(
    url: str,
    token: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    *,
    folder: Folder,
    options: Options = NOTHING,
) -> None:
    """Introduce this agent to its server: makes its key, enrols it once, writes its settings.

    Parameters
    ----------
    url
        The server's URL, as https://watch.example.org
    token
        The enrolment token; - reads it from standard input, where no other user's `ps` shows it.
    """
    if options.server not in {None, url}:
        raise SettingError(f"--server: {options.server} is another one than {url}")
    agent = enrol(
        folder,
        replace(options, server=url, token_file=None),
        token_of(token, options.token_file),
    )
    sys.stdout.write(
        f"enrolled at {url}, agent {agent}; its settings are in {folder / SETTINGS_FILE}\n"
        f"see whether all is well:  vedette agent check --dir {folder}\n"
        f"and let it run:           vedette agent run --dir {folder}   (or: vedette agent install)\n"
    )


@app.command
def run(*, folder: Folder, options: Options = NOTHING) -> None:
    """Stand beside one node and report what it does.

    What is not given here is taken from the settings file that `vedette agent enroll` wrote.
    """
    settings = settings_in(folder, options)
    sys.stderr.flush()
    become = [sys.executable, "-m", "vedette.agent", msgspec.json.encode(settings).decode()]
    # The same process goes on under the same number, without the memory of the command line.
    os.execve(sys.executable, become, {"MALLOC_ARENA_MAX": "2", **os.environ})  # noqa: S606  no shell wanted


@app.command
def check(
    *,
    folder: Folder,
    options: Options = NOTHING,
    json: Annotated[bool, Parameter(negative=(), help="Print JSON instead of lines.")] = False,
) -> None:
    """Say what the agent can and cannot see, and how to mend it; status 0 if all that matters is well.

    Run it as the user that the agent runs as.
    """
    found = []
    for finding in findings(folder, options):
        found.append(finding)
        if not json:
            sys.stdout.write(f"{finding.line}\n")
            sys.stdout.flush()
    if json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found)).decode() + "\n")
    if any(finding.state is State.FAILED for finding in found):
        raise SystemExit(1)


@app.command
def install(
    *,
    folder: Folder = Path("/var/lib/vedette-agent"),
    user: str | None = None,
    unit_dir: Path = UNIT_DIR,
    unit: str = "vedette-agent",
    node: str | None = None,
    config: Path | None = None,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Write a hardened systemd unit for this agent, and say what is left to do.

    Parameters
    ----------
    user
        Whom the agent runs as (default: the user of the node's process, who alone may see the process and
        its files); `dynamic` for a user of its own, who sees the node's RPC only.
    unit_dir
        Where the unit is put.
    unit
        The unit's name, where several agents run on a machine.
    node
        URL of the node's local RPC port (default: as in the settings).
    config
        The node's configuration (default: as in the settings).
    dry_run
        Print the unit, and write nothing.
    """
    path = unit_dir / f"{unit_name(unit)}.service"
    made = unit_for(folder, over(read_options(folder), Options(node=node, config=config)), user)
    if dry_run:
        sys.stdout.write(made.text())
        return
    write_unit(path, made.text())
    steps = made.steps(path.stem, enrolled=(folder / SETTINGS_FILE).exists())
    sys.stdout.write(f"{path} is written. What is left:\n" + "".join(f"    {step}\n" for step in steps))


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


@app.command
def sentinel(
    contact: Annotated[str | None, Parameter(name="--contact", allow_leading_hyphen=True)] = None,
    *,
    folder: Folder,
    after: float = 120.0,
    every: float = 15.0,
    pause: float = 1_800.0,
    language: Literal["en", "zh"] = "en",
    off: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Let this agent watch the server itself, and tell people by its own contact point when it is lost.

    It sends a test there first. A running agent begins by itself, within a quarter of a minute.

    Parameters
    ----------
    contact
        Where to tell: ntfy://:TOKEN@host/topic, telegram://BOT_TOKEN@telegram/CHAT_ID, https://… (a POST of
        JSON), or smtp://user:password@host?from=a@b.c&to=d@e.f; - reads it from standard input, where no
        other user's `ps` shows it.
    after
        Seconds without a sign of life, after which the server counts as lost.
    every
        Seconds between two looks.
    pause
        Seconds that must pass before a loss is told once more.
    language
        Of the messages: en or zh.
    off
        Watch the server no longer.
    """
    if off:
        sys.stdout.write("the server is watched no longer\n" if end_watch(folder) else "it was not watched\n")
        return
    server = settings_in(folder, NOTHING).server
    if contact is None:
        watch = read_watch(folder)
        said = "is not watched" if watch is None else f"is watched; told is {contact_of(watch.contact).hint}"
        sys.stdout.write(f"the server {said}\n")
        return
    watch = watch_of(
        sys.stdin.readline().strip() if contact == "-" else contact, after, every, pause, language
    )
    told = contact_of(watch.contact)
    try:
        told.send(trial_of(server, watch))
    except NotTold as error:
        raise SettingError(
            f"--contact: {told.hint} did not take the test: {error}; nothing was changed"
        ) from error
    path = write_watch(folder, watch)
    why = silence_of(server)
    sys.stdout.write(f"{told.hint} took the test; {path} is written, for its owner alone\n")
    sys.stdout.write(f"the server {'answers' if why is None else f'does not answer now: {why}'}\n")


trust = App(name="trust", help="Keys that may command this agent: named here alone, never by the server.")
app.command(trust)


@trust.default
def trust_key(key: str, *, folder: Folder, comment: str = "") -> None:
    """Trust a key. Nothing uses trusted keys yet: commands come with a later version.

    Parameters
    ----------
    key
        An Ed25519 public key: 64 hex digits, base64, or an OpenSSH line in quotes.
    comment
        Whose key it is.
    """
    told = Trust(folder).add(key, comment)
    sys.stdout.write(f"trusted: {_line(told)}\nno command exists yet that it could sign\n")


@trust.command(name="list")
def trust_list(*, folder: Folder) -> None:
    """Show the keys that may command this agent."""
    keys = Trust(folder).trusted()
    lines = [_line(each) for each in keys] or ["no key may command this agent"]
    sys.stdout.write("".join(f"{line}\n" for line in lines))


@trust.command
def revoke(key: str, *, folder: Folder) -> None:
    """Trust a key no longer.

    Parameters
    ----------
    key
        The key, or its first eight hex digits or more.
    """
    sys.stdout.write(f"revoked: {_line(Trust(folder).revoke(key))}\n")


def _line(trusted: Trusted) -> str:
    return f"{trusted.key}  {trusted.since}  {trusted.comment}".rstrip()
