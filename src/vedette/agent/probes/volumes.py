"""The file systems under the node's data and logs, and when they will be full if all goes on as it does."""

import os
import stat
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from vedette.agent.place import Finder, NodeFiles
from vedette.agent.probes.reading import Reading

EVERY_S = 60
TREND_S = 6 * 3_600
TREND_S_MIN = 600
CLEANED_RATIO = 0.01
"""Less used by so much of the whole: somebody cleaned up, and the trend begins anew."""
FAR_S = 10 * 365 * 86_400


class Trend:
    """How fast a file system fills: the slope of a line through the last hours."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()  # (seconds, used bytes), oldest first

    def see(self, at_s: float, used: int, total: int) -> None:
        if self._seen and used < self._seen[-1][1] - total * CLEANED_RATIO:
            self._seen.clear()
        while self._seen and at_s - self._seen[0][0] > TREND_S:
            self._seen.popleft()
        self._seen.append((at_s, used))

    def bytes_per_second(self) -> float | None:
        """None before there is enough to tell."""
        if not self._seen or self._seen[-1][0] - self._seen[0][0] < TREND_S_MIN:
            return None
        count = len(self._seen)
        mean_s = sum(at for at, _ in self._seen) / count
        mean = sum(used for _, used in self._seen) / count
        spread = sum((at - mean_s) ** 2 for at, _ in self._seen)
        return sum((at - mean_s) * (used - mean) for at, used in self._seen) / spread

    def seconds_to_full(self, free: int) -> int | None:
        """None if it does not fill, or not within any time that matters."""
        slope = self.bytes_per_second()
        if slope is None or slope <= 0 or free / slope > FAR_S:
            return None
        return int(free / slope)


class Volumes:
    """Remembers the trend of each file system."""

    def __init__(self, finder: Finder, steady_ms: Callable[[], int]) -> None:
        self._finder = finder
        self._steady_ms = steady_ms
        self._trends: dict[int, Trend] = {}

    def __call__(self) -> Reading:
        files = self._finder.known()
        if files is None:
            return Reading()
        numbers: dict[str, int | float] = dict(_log_sizes(files))
        states: dict[str, str] = {}
        known: set[int] = set()
        for name, path in _places(files):
            device = os.stat(path).st_dev  # noqa: PTH116  beside statvfs, which has no other form
            states[f"disk.{name}.path"] = str(path)[:200]
            states[f"disk.{name}.mount"] = str(mount_of(path))[:200]
            if device not in known:
                known.add(device)
                numbers |= {f"disk.{name}.{what}": value for what, value in self._usage(path, device).items()}
        return Reading(numbers, states)

    def _usage(self, path: Path, device: int) -> dict[str, int | float]:
        found = os.statvfs(path)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        free = found.f_bavail * found.f_frsize  # the part kept for root is not the node's
        trend = self._trends.setdefault(device, Trend())
        trend.see(self._steady_ms() / 1000, used, used + free)
        told: dict[str, int | float] = {
            "used_bytes": used,
            "total_bytes": found.f_blocks * found.f_frsize,
            "read_only": int(bool(found.f_flag & os.ST_RDONLY)),
        }
        if used + free:
            told["used_ratio"] = round(used / (used + free), 4)
        if found.f_files:  # some file systems have no fixed number of them
            told["inodes_used_ratio"] = round(1 - found.f_ffree / found.f_files, 4)
        if (full_s := trend.seconds_to_full(free)) is not None:
            told["seconds_to_full"] = full_s
        return told


def _places(files: NodeFiles) -> Iterator[tuple[str, Path]]:
    """The folders that are there; a node that has never run has none yet."""
    log = files.node_logs[0].parent if files.node_logs else files.pos_log.parent
    for name, path in (("data", files.data_dir), ("pos", files.pos_dir), ("log", log)):
        if path.is_dir():
            yield name, path.resolve()


def mount_of(path: Path) -> Path:
    """Where the file system of a folder begins."""
    return next((each for each in (path, *path.parents) if each.is_mount()), path)


def _log_sizes(files: NodeFiles) -> Iterator[tuple[str, int]]:
    """pos.log is not rotated unless somebody sees to it."""
    if (size := _size(files.pos_log)) is not None:
        yield "disk.pos_log_bytes", size
    sizes = [size for path in files.node_logs if (size := _size(path)) is not None]
    if sizes:
        yield "disk.node_log_bytes", sum(sizes)


def _size(path: Path) -> int | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
