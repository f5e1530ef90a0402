"""The agent's own folder: who it belongs to, what it holds, and how much room it has."""

import fcntl
import os
import pwd
from collections.abc import Iterator
from pathlib import Path

from vedette.agent.checks.finding import Finding, failed, ok, warning
from vedette.agent.files import LOCK
from vedette.agent.spool import BOUNDS
from vedette.agent.trust import Trust
from vedette.model.errors import SettingError

ROOM_BYTES_MIN = 16 << 20
MIB = 1 << 20


def own_findings(folder: Path) -> Iterator[Finding]:
    yield _folder(folder)
    yield _trusted(folder)
    if folder.is_dir():
        yield _room(folder)


def _folder(folder: Path) -> Finding:
    what = "agent folder"
    if not folder.is_dir():
        return failed(
            what, f"there is no {folder}", "enrol first: vedette agent enroll URL TOKEN --name NAME --dir DIR"
        )
    status = folder.stat()
    owner = _name(status.st_uid)
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return failed(
            what,
            f"{folder} belongs to {owner} and cannot be written",
            f"sudo -u {owner} vedette agent check …",
        )
    if status.st_mode & 0o022:
        return warning(what, f"{folder} can be written by others", f"chmod 700 {folder}")
    runs = "an agent runs on it" if _in_use(folder) else "no agent runs on it now"
    if status.st_uid != os.geteuid():
        told = f"{folder} belongs to {owner}, and this check is made as {_name(os.geteuid())}; {runs}"
        return warning(what, told, f"see what the agent itself sees: sudo -u {owner} vedette agent check …")
    return ok(what, f"{folder} can be written; {runs}")


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _in_use(folder: Path) -> bool:
    try:
        with (folder / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _trusted(folder: Path) -> Finding:
    what = "trusted keys"
    try:
        keys = Trust(folder).trusted()
    except SettingError as error:
        return failed(what, str(error), "put it right: until then no key is trusted")
    if not keys:
        return ok(what, "no key may command this agent")
    return ok(
        what,
        f"{len(keys)} may command this agent: " + ", ".join(each.comment or each.key[:8] for each in keys),
    )


def _room(folder: Path) -> Finding:
    what = "disk room"
    found = os.statvfs(folder)
    if found.f_flag & os.ST_RDONLY:
        return failed(
            what, f"{folder} is on a file system that is read-only", "give --dir a folder that can be written"
        )
    room = found.f_bavail * found.f_frsize
    wanted = BOUNDS.bytes_max - sum(path.stat().st_size for path in folder.glob("spool.db*"))
    told = f"{room // MIB} MiB are free; the queue may still take {max(wanted, 0) // MIB}"
    if room < ROOM_BYTES_MIN:
        return failed(what, told, "make room: without it nothing waits when the server is away")
    if room < wanted:
        return warning(what, told, "make room: the queue would be full before its own bound")
    return ok(what, told)
