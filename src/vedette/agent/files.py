"""Small files that must be whole or absent, and the folder that holds them."""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import BinaryIO

from vedette.model.errors import SettingError

LOCK = "agent.lock"


def write_whole(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace the file in one step and on the disk: a crash leaves the old one or the new one."""
    young = path.with_name(f".{path.name}.{os.getpid()}")
    # The folder may be another user's while we are root: a link laid there must not lead us elsewhere.
    handle = os.open(young, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            _give(file.fileno(), path.parent)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        young.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            young.unlink()
        raise


def _give(handle: int, folder: Path) -> None:
    """What root writes into a user's folder is the user's, or the agent could not read it."""
    owner = folder.stat()
    # Where root is confined, even a chown that changes nothing is refused.
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.fchown(handle, owner.st_uid, owner.st_gid)


def own(folder: Path) -> BinaryIO:
    """Make the folder if need be, and hold its lock until the file is closed. Raises SettingError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder / LOCK, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        _give(handle, folder)
    except OSError as error:
        raise SettingError(f"--dir: {folder} cannot be used: {error.strerror}") from error
    lock = os.fdopen(handle, "wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise SettingError(f"--dir: another agent uses {folder}; stop it, or give each its own") from error
    return lock


def read_small(path: Path, bytes_max: int) -> bytes | None:
    """The content, or None if there is no such file. Raises OSError, also for a file that is too large."""
    try:
        # A pipe in the file's place must not make us wait.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            content = file.read(bytes_max + 1)
    except FileNotFoundError:
        return None
    if len(content) > bytes_max:
        raise OSError(f"is larger than {bytes_max} bytes")
    return content
