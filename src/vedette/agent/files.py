"""Small files that must be whole or absent."""

import contextlib
import os
from pathlib import Path


def write_whole(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace the file in one step and on the disk: a crash leaves the old one or the new one."""
    young = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(young, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        young.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            young.unlink()
        raise


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
