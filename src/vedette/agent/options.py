"""What an agent is told: options of the command line, over the settings file in its folder, over defaults.

`vedette agent enroll` writes the file, agent.toml; its names are those of the options.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import msgspec
from cyclopts import Parameter

from vedette.agent.config import Role, Settings, checked
from vedette.agent.files import read_small, write_whole
from vedette.model.errors import SettingError

FILE_NAME = "agent.toml"
BYTES_MAX = 65_536
NODE = "http://127.0.0.1:12539"
INTERVAL_S = 5.0
HEAD = "# Written by `vedette agent enroll`. Names are those of the options of `vedette agent run`.\n"
PATHS = ("token_file", "planned_stop_file", "disk", "config")


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was given; None where nothing was."""

    server: Annotated[
        str | None, Parameter(help="URL of the Vedette server, as https://watch.example.org")
    ] = None
    name: Annotated[str | None, Parameter(help="The node's name, as people will read it.")] = None
    node: Annotated[str | None, Parameter(help=f"URL of the node's local RPC port (default: {NODE}).")] = None
    token_file: Annotated[
        Path | None,
        Parameter(help="File with an enrolment token, for an agent that was not enrolled by hand."),
    ] = None
    interval: Annotated[
        float | None, Parameter(help=f"Seconds between two rounds, 1 to 60 (default: {INTERVAL_S:g}).")
    ] = None
    planned_stop_file: Annotated[
        Path | None,
        Parameter(help="Where stops are announced (default: planned-stop.json in the folder)."),
    ] = None
    disk: Annotated[
        Path | None, Parameter(help="A path on the file system that holds the node's data (default: /).")
    ] = None
    role: Annotated[Role | None, Parameter(help="What the node is (default: full).")] = None
    insecure_http: Annotated[
        bool | None, Parameter(help="Allow plain http to a server on another machine.", negative=())
    ] = None
    config: Annotated[
        Path | None,
        Parameter(help="The node's configuration (default: the one that its command line names)."),
    ] = None
    metrics: Annotated[
        str | None,
        Parameter(help="URL of the node's Prometheus metrics (default: the one in its configuration)."),
    ] = None
    pos_address: Annotated[
        str | None, Parameter(help="The PoS address that the node should have: another one is told.")
    ] = None

    def given(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}


NOTHING = Options()


def read_options(folder: Path) -> Options:
    """What the folder's file says; nothing if there is none. Raises SettingError naming all that is wrong."""
    path = folder / FILE_NAME
    try:
        content = read_small(path, BYTES_MAX)
        told = tomllib.loads((content or b"").decode())
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise SettingError(f"{path} is no TOML: {error}") from error
    problems = list(_problems(told))
    if problems:
        raise SettingError("\n".join(f"{path}: {problem}" for problem in problems))
    # A relative path begins beside the file, not wherever the agent was started.
    return Options(**told | {name: folder.absolute() / told[name] for name in PATHS if name in told})


def _problems(told: Mapping[str, object]) -> Iterator[str]:
    kinds = get_type_hints(Options)
    for name, value in told.items():
        if name not in kinds:
            yield f"unknown setting: {name}"
            continue
        try:
            msgspec.convert(value, str if name in PATHS else kinds[name], strict=True)
        except msgspec.ValidationError as error:
            yield f"{name}: {error}"


def write_options(folder: Path, options: Options) -> Path:
    """Replace the folder's file, for its owner only. Raises SettingError."""
    path = folder / FILE_NAME
    lines = [f"{name} = {_toml(value)}\n" for name, value in options.given().items()]
    try:
        write_whole(path, (HEAD + "".join(lines)).encode(), mode=0o600)
    except OSError as error:
        raise SettingError(f"{path} cannot be written: {error.strerror or error}") from error
    return path


def _toml(value: object) -> str:
    # A JSON string is a TOML string, but for DEL, which no checked option holds.
    return json.dumps(str(value.absolute()) if isinstance(value, Path) else value, ensure_ascii=False)


def over(told: Options, given: Options) -> Options:
    """What is given outranks what was told before."""
    return Options(**told.given() | given.given())


def settings_of(folder: Path, options: Options) -> Settings:
    """Whole and checked. Raises SettingError naming all that is wrong or missing."""
    missing = [name for name in ("server", "name") if getattr(options, name) is None]
    if missing:
        needed = " and ".join(f"--{name}" for name in missing)
        raise SettingError(
            f"{needed} must be given: {folder / FILE_NAME} does not say. Enrol first: vedette agent enroll"
        )
    return checked(
        server=options.server or "",
        name=options.name or "",
        folder=folder,
        node=options.node or NODE,
        token_file=options.token_file,
        interval_s=INTERVAL_S if options.interval is None else options.interval,
        planned_stop_file=options.planned_stop_file,
        disk=options.disk or Path("/"),
        role=options.role or "full",
        insecure_http=bool(options.insecure_http),
        config=options.config,
        metrics=options.metrics,
        pos_address=options.pos_address,
    )


def settings_in(folder: Path, given: Options) -> Settings:
    """What the folder's file says, under what is given. Raises SettingError."""
    return settings_of(folder, over(read_options(folder), given))
