"""The program that the node's process runs: its file, age and hash, and whether the file was replaced since.

The hash is made a piece at a time, and made again only when the file is another one, hourly at most: a
program of a hundred megabytes shall cost no visible second of a core.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vedette.agent.node_process import PROC, Watch
from vedette.agent.probes.reading import Reading

EVERY_S = 30
PIECE_BYTES = 16 << 20
CHUNK_BYTES = 1 << 16
HOUR_MS = 3_600_000
DELETED = " (deleted)"

Identity = tuple[int, int, int, int]


class Binary:
    """Remembers how far the hash has come."""

    def __init__(
        self,
        watch: Callable[[], Watch],
        steady_ms: Callable[[], int],
        proc: Path = PROC,
        piece_bytes: int = PIECE_BYTES,
    ) -> None:
        self._watch = watch
        self._steady_ms = steady_ms
        self._proc = proc
        self._piece_bytes = piece_bytes
        self._of: Identity | None = None
        self._began_ms = 0
        self._hash: Any = hashlib.sha256()
        self._hashed_bytes = 0

    def __call__(self) -> Reading:
        pid = self._watch().pid
        if pid is None:
            return Reading()
        link = self._proc / str(pid) / "exe"
        path = os.readlink(link)  # noqa: PTH115  a link of /proc is no file's
        with link.open("rb") as file:
            status = os.fstat(file.fileno())
            digest = self._hashed(file, status)
        states = {
            "node.binary.path": path.removesuffix(DELETED)[:200],
            "node.binary.replaced": "true" if _replaced(path, status) else "false",
        }
        if digest is not None:
            states["node.binary.sha256"] = digest
        return Reading({"node.binary.modified_at_seconds": int(status.st_mtime)}, states)

    def _hashed(self, file: Any, status: os.stat_result) -> str | None:
        """One piece more; the hash once it is whole."""
        identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        if identity != self._of:
            now_ms = self._steady_ms()
            if self._of is not None and now_ms - self._began_ms < HOUR_MS:
                return None
            self._of, self._began_ms = identity, now_ms
            self._hash, self._hashed_bytes = hashlib.sha256(), 0
        if self._hashed_bytes < status.st_size:
            self._add(file)
        return self._hash.hexdigest() if self._hashed_bytes >= status.st_size else None

    def _add(self, file: Any) -> None:
        file.seek(self._hashed_bytes)
        left = self._piece_bytes
        while left > 0 and (chunk := file.read(min(CHUNK_BYTES, left))):
            self._hash.update(chunk)
            self._hashed_bytes += len(chunk)
            left -= len(chunk)


def _replaced(path: str, running: os.stat_result) -> bool:
    """Another file stands where the process was started from: the next start is another version."""
    if path.endswith(DELETED):
        return True
    try:
        there = os.stat(path)  # noqa: PTH116  a path as the kernel tells it
    except OSError:
        return True
    return (there.st_dev, there.st_ino) != (running.st_dev, running.st_ino)
