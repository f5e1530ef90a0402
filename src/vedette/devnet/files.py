"""Files that others read while we write them, and the folder that outlives a devnet."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vedette.model.errors import SettingError


def replace_file(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all."""
    data = content.encode() if isinstance(content, str) else content
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def cache_folder() -> Path:
    """Where downloads stay: $XDG_CACHE_HOME/vedette, or ~/.cache/vedette. It may be deleted at any time."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(given) if Path(given).is_absolute() else Path.home() / ".cache"
    folder = base / "vedette"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = f"{error.strerror}; let XDG_CACHE_HOME name a folder that can be written"
        raise SettingError(f"the cache folder {folder} cannot be made: {why}") from error
    return folder


@contextmanager
def turn(lock: Path) -> Iterator[None]:
    """Wait until no other process of this machine is at the same work, and keep the others waiting."""
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
