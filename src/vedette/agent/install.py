"""A hardened systemd unit for the agent, made from the template beside this file."""

import os
import pwd
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vedette.agent.files import write_whole
from vedette.agent.node_process import NodeProcess
from vedette.agent.options import NODE, Options
from vedette.agent.place import Finder, NodeFiles
from vedette.model.errors import SettingError

TEMPLATE = Path(__file__).with_name("vedette-agent.service")
UNIT_DIR = Path("/etc/systemd/system")
STATE_DIR = Path("/var/lib")
DYNAMIC = "dynamic"
ROOT_NEEDS = "CAP_SYS_PTRACE CAP_DAC_READ_SEARCH"
"""With no capability at all, root sees less of another root's process than a user of his own."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whom the agent runs as. The kernel shows a process to its own user *and* group."""

    user: str
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """What the template leaves open."""

    command: str
    folder: Path
    account: Account
    read: Sequence[Path] = ()

    def text(self) -> str:
        text = TEMPLATE.read_text(encoding="utf-8")
        for name, value in self._parts().items():
            text = text.replace(f"@{name}@", value)
        return text

    @property
    def _is_state(self) -> bool:
        """Whether systemd makes the folder and gives it to the user."""
        return self.folder.parent == STATE_DIR

    def _parts(self) -> dict[str, str]:
        folder = quoted(self.folder)
        state = f"StateDirectory={quoted(self.folder.name)}\nStateDirectoryMode=0700"
        # A name may change and a volume may be missing at boot: the minus lets the agent start all the same.
        read = " ".join(quoted(path, "-") for path in self.read)
        is_private = not any(path.is_relative_to("/tmp") for path in (*self.read, self.folder))  # noqa: S108
        return {
            "COMMAND": self.command,
            "DIR": folder,
            "USER": "\n".join(self._user()),
            "WRITE": state if self._is_state else f"ReadWritePaths={folder}",
            "READ": f"ReadOnlyPaths={read}",
            "PRIVATE_TMP": "yes" if is_private else "no",
            "CAPABILITIES": ROOT_NEEDS if self.account.user == "root" else "",
        }

    def _user(self) -> Iterator[str]:
        if self.account.user == DYNAMIC:
            yield "DynamicUser=yes"
            return
        yield f"User={self.account.user}"
        if self.account.group is not None:
            yield f"Group={self.account.group}"

    def steps(self, name: str, enrolled: bool) -> Iterator[str]:
        """What is left for the operator."""
        user = self.account.user
        by_user = "" if user in {"root", DYNAMIC} else f"sudo -u {user} "
        if not enrolled:
            yield f"vedette agent enroll URL - --name NAME --dir {self.folder} < TOKEN_FILE"
        if user != DYNAMIC and not self._is_state:
            yield f"chown -R {user}: {self.folder}"
        yield "systemctl daemon-reload"
        yield f"systemctl enable --now {name}"
        yield f"{by_user}{self.command} agent check --dir {self.folder}"


def quoted(path: Path | str, sign: str = "") -> str:
    """A word of a unit file. Raises SettingError for what none can hold."""
    text = str(path)
    if not text.isprintable() or '"' in text or "\\" in text:
        raise SettingError(f"{text!a} cannot stand in a unit file: rename it")
    text = f"{sign}{text}".replace("%", "%%").replace("$", "$$")
    return f'"{text}"' if " " in text else text


def unit_name(name: str) -> str:
    """Raises SettingError."""
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}", name) is None:
        raise SettingError(f"--unit: {name[:80]!a} is no name of a unit, like vedette-agent")
    return name.removesuffix(".service")


def command_here() -> str:
    """This very program, by its full path."""
    script = Path(sys.executable).with_name("vedette")
    return quoted(script) if script.exists() else f"{quoted(sys.executable)} -m vedette.cli"


def unit_for(folder: Path, options: Options, user: str | None) -> Unit:
    """Look at the node's process for whom to run as and what to read. Raises SettingError."""
    process = NodeProcess(options.node or NODE, lambda: 0, lambda _: None)
    try:
        process.look()
        watch = process.watch
        files = _files(process, options.config)
    finally:
        process.close()
    seen = None if watch.pid is None else _account_of(watch.pid)
    if user is None and seen is None:
        why = watch.reason or "the node is on another machine"
        raise SettingError(
            f"--user: whom the node runs as cannot be seen ({why}); name the user, or `{DYNAMIC}`"
        )
    account = seen if seen is not None and user in {None, seen.user} else _account(user or "")
    return Unit(command_here(), folder.absolute(), account, tuple(_read_paths(files)))


def _account_of(pid: int) -> Account:
    status = Path(f"/proc/{pid}").stat()
    try:
        return Account(pwd.getpwuid(status.st_uid).pw_name, str(status.st_gid))
    except KeyError:
        return Account(str(status.st_uid), str(status.st_gid))


def _account(user: str) -> Account:
    if user == DYNAMIC:
        return Account(DYNAMIC)
    try:
        return Account(pwd.getpwnam(user).pw_name)
    except (KeyError, ValueError) as error:
        raise SettingError(f"--user: there is no user {user[:40]!a}; make one, or name the node's") from error


def _files(process: NodeProcess, given: Path | None) -> NodeFiles | None:
    return Finder(lambda: process.watch, lambda: 0, given, None, lambda _: None).known()


def _read_paths(files: NodeFiles | None) -> Iterator[Path]:
    """Everything but the agent's folder is read-only anyhow; these say so by name."""
    if files is None:
        return
    logs = (*files.node_logs, files.pos_log)
    folders = {files.config.parent, files.data_dir, files.pos_dir, *(path.parent for path in logs)}
    resolved = sorted({folder.resolve() for folder in folders})
    yield from (
        each for each in resolved if not any(each.is_relative_to(up) for up in resolved if up != each)
    )


def write_unit(path: Path, text: str) -> None:
    """Raises SettingError."""
    try:
        write_whole(path, text.encode(), mode=0o644)
        path.chmod(0o644)  # whatever the umask
    except OSError as error:
        hint = "run it as root, or see the unit with --dry-run" if os.geteuid() else "see --unit-dir"
        raise SettingError(f"{path} cannot be written: {error.strerror or error}; {hint}") from error
