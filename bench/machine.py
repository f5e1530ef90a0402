"""What a measurement needs of the machine: processes of its own, their cost, and the conditions to state."""

import json
import os
import platform
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from vedette import __version__

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def conditions() -> dict[str, str | int | float]:
    """What a reader must know to judge a figure."""
    return {
        "cores": os.cpu_count() or 0,
        "load_1m": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "vedette": __version__,
    }


def print_figures(figures: Mapping[str, str | float | None]) -> None:
    """The measurement's one line."""
    print(json.dumps(dict(figures) | conditions()))


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used so far, user and system, from /proc."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def rss_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES / 1e6


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value that `share` of all do not exceed; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@contextmanager
def running(arguments: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A `vedette` command in a process of its own, ended when the measurement ends."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "vedette.cli", *arguments],
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path, timeout_s: float = 60) -> None:
    """Until the URL answers 200; a process that ended first is told with its log's end."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if process.poll() is not None:
            sys.exit(f"{process.args!r} ended with {process.returncode}:\n{log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    sys.exit(f"{url} did not answer in {timeout_s:.0f} s:\n{log.read_text()[-2000:]}")
