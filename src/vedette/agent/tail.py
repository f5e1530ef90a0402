"""What was added to a log since the last look: bounded, through rotation and truncation, over our restarts.

A file is known by its device and inode. If another file stands in its place, the rest of the old one is
looked for beside it, where a rotation by renaming leaves it (one that packs it at once leaves nothing).
"""

import contextlib
import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path

ENTRIES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Position:
    """So far a file was read."""

    device: int
    inode: int
    offset: int


NOTHING_YET = Position(0, 0, 0)
"""No file has this inode."""


@dataclass(frozen=True, slots=True)
class Added:
    """Whole lines, oldest first. `skipped_bytes`: what was too much to read, before them."""

    text: bytes
    position: Position | None
    skipped_bytes: int = 0


def read_on(path: Path, before: Position | None, bytes_max: int, first_bytes: int = 0) -> Added:
    """What was added since `before`; of a file never seen, the last `first_bytes`. Raises OSError."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        # Its writer is about to make it, or to make it anew: then all of it is new.
        return Added(b"", before or NOTHING_YET)
    try:
        return _read_on(handle, path, before, bytes_max, first_bytes)
    finally:
        os.close(handle)


def _read_on(handle: int, path: Path, before: Position | None, bytes_max: int, first_bytes: int) -> Added:
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        raise OSError("is no file")
    here = Position(status.st_dev, status.st_ino, 0)
    if before is None:
        begin = replace(here, offset=max(0, status.st_size - first_bytes))
        return _lines(handle, begin, status.st_size, bytes_max)
    if (before.device, before.inode) == (here.device, here.inode):
        # Less than we have read: it was truncated, and written anew.
        begin = before if before.offset <= status.st_size else here
        return _lines(handle, begin, status.st_size, bytes_max)
    rest = _rest(path.parent, before, bytes_max)
    added = _lines(handle, here, status.st_size, bytes_max)
    return Added(rest.text + added.text, added.position, rest.skipped_bytes + added.skipped_bytes)


def _lines(handle: int, begin: Position, size: int, bytes_max: int) -> Added:
    skipped = max(0, size - begin.offset - bytes_max)
    offset = begin.offset + skipped
    text = os.pread(handle, min(size - offset, bytes_max), offset)
    whole = text.rfind(b"\n") + 1
    if not whole and len(text) == bytes_max:  # a line that is longer than all we ever read
        whole = len(text)
    return Added(text[:whole], Position(begin.device, begin.inode, offset + whole), skipped)


def _rest(folder: Path, before: Position, bytes_max: int) -> Added:
    """The end of a file that was renamed, with its last line though it may lack its end."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry, _ in zip(entries, range(ENTRIES_MAX), strict=False):
            if entry.inode() == before.inode and entry.stat().st_dev == before.device:
                with open(entry.path, "rb", buffering=0) as file:  # noqa: PTH123  scandir's path is text
                    added = _lines(file.fileno(), before, entry.stat().st_size, bytes_max)
                return Added(added.text, None, added.skipped_bytes)
    return Added(b"", None)
