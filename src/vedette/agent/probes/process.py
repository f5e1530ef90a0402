"""What the node's process costs the machine."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vedette.agent.node_process import PROC, TICKS_PER_SECOND, Watch
from vedette.agent.probes.reading import Reading, present
from vedette.model.process import ProcessState

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Usage:
    """One look at /proc/PID/stat. `started_ms` is since boot."""

    pid: int
    cpu_ms: int
    started_ms: int
    rss_bytes: int
    threads_count: int


def usage(pid: int, stat: str) -> Usage:
    """Read /proc/PID/stat. Raises OSError."""
    # The name in brackets may hold anything, brackets and spaces too.
    words = stat.rpartition(")")[2].split()
    try:
        user, system, threads, started, rss = (int(words[at]) for at in (11, 12, 17, 19, 21))
    except (ValueError, IndexError) as error:
        raise OSError(f"/proc/{pid}/stat is not as Linux writes it") from error
    return Usage(
        pid,
        (user + system) * 1000 // TICKS_PER_SECOND,
        started * 1000 // TICKS_PER_SECOND,
        rss * PAGE_BYTES,
        threads,
    )


def open_files_max(limits: str) -> int | None:
    """The soft limit in /proc/PID/limits; None if there is none."""
    for line in limits.splitlines():
        if line.startswith("Max open files"):
            word = line.split()[3]
            return int(word) if word.isdigit() else None
    return None


def swap_bytes(status: str) -> int | None:
    """What of it lies in swap, by /proc/PID/status."""
    for line in status.splitlines():
        if line.startswith("VmSwap:"):
            return int(line.split()[1]) * 1024
    return None


class Process:
    """Remembers the last round's CPU time."""

    def __init__(self, watch: Callable[[], Watch], steady_ms: Callable[[], int], proc: Path = PROC) -> None:
        self._watch = watch
        self._steady_ms = steady_ms
        self._proc = proc
        self._before: tuple[Usage, int] | None = None

    def __call__(self) -> Reading:
        watch = self._watch()
        if watch.state is ProcessState.UNKNOWN and watch.reason:
            raise OSError(watch.reason)
        if watch.pid is None:
            return Reading()
        folder = self._proc / str(watch.pid)
        now, at_ms = usage(watch.pid, (folder / "stat").read_text()), self._steady_ms()
        cores = self._used_cores(now, at_ms)
        self._before = (now, at_ms)
        return Reading(
            present(
                {
                    "process.rss_bytes": now.rss_bytes,
                    "process.swap_bytes": swap_bytes((folder / "status").read_text()),
                    "process.threads_count": now.threads_count,
                    "process.restarts_count": max(watch.starts - 1, 0),
                    "process.open_files_max_count": open_files_max((folder / "limits").read_text()),
                    "process.cpu.used_cores": cores,
                    "process.open_files_count": len(os.listdir(folder / "fd")),  # noqa: PTH208  names, not Paths
                    "process.up_seconds": max(at_ms - now.started_ms, 0) // 1000,
                }
            )
        )

    def _used_cores(self, now: Usage, at_ms: int) -> float | None:
        if self._before is None:
            return None
        before, before_ms = self._before
        same = (before.pid, before.started_ms) == (now.pid, now.started_ms)
        if not same or at_ms <= before_ms:
            return None
        return round((now.cpu_ms - before.cpu_ms) / (at_ms - before_ms), 4)
