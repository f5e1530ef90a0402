"""What the node's control group (version 2) allows it, and whether memory ran out within it."""

from collections.abc import Callable, Iterator
from pathlib import Path

from vedette.agent.node_process import PROC, Watch
from vedette.agent.probes.reading import Reading, present

EVERY_S = 30
CGROUPS = Path("/sys/fs/cgroup")


class Cgroup:
    def __init__(self, watch: Callable[[], Watch], proc: Path = PROC, cgroups: Path = CGROUPS) -> None:
        self._watch = watch
        self._proc = proc
        self._cgroups = cgroups

    def __call__(self) -> Reading:
        pid = self._watch().pid
        if pid is None:
            return Reading()
        group = self._group((self._proc / str(pid) / "cgroup").read_text())
        return Reading() if group is None else self._told(group)

    def _group(self, text: str) -> Path | None:
        """The folder of the process's group; None on version 1, or where it is outside of our own view."""
        paths = [line.removeprefix("0::/") for line in text.splitlines() if line.startswith("0::/")]
        if not paths or ".." in Path(paths[0]).parts:
            return None
        group = self._cgroups / paths[0]
        return group if (group / "cgroup.procs").exists() else None

    def _told(self, group: Path) -> Reading:
        return Reading(
            present(
                {
                    "process.cgroup.memory_max_bytes": self._tightest(group, "memory.max", _limit),
                    "process.cgroup.memory_used_bytes": _number(group / "memory.current"),
                    "process.cgroup.cpu_max_cores": self._tightest(group, "cpu.max", _cores),
                    "process.cgroup.oom_kills_count": _named(group / "memory.events", "oom_kill"),
                }
            )
        )

    def _tightest(self, group: Path, name: str, read: Callable[[str], float | None]) -> int | float | None:
        """The least of the limits from here up to the root: each holds."""
        limits = [read(text) for each in self._upwards(group) if (text := _text(each / name)) is not None]
        return min((limit for limit in limits if limit is not None), default=None)

    def _upwards(self, group: Path) -> Iterator[Path]:
        yield group
        if group != self._cgroups:
            yield from self._upwards(group.parent)


def _text(path: Path) -> str | None:
    """A controller that is off has no file: that is no limit, and no failure."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def _number(path: Path) -> int | None:
    text = _text(path)
    return None if text is None else _limit(text)


def _named(path: Path, name: str) -> int | None:
    found = [line.split()[1] for line in (_text(path) or "").splitlines() if line.startswith(f"{name} ")]
    return int(found[0]) if found and found[0].isdigit() else None


def _limit(text: str) -> int | None:
    """A number of bytes, or `max`."""
    return int(text) if text.strip().isdigit() else None


def _cores(text: str) -> float | None:
    """`200000 100000`: two cores; `max 100000`: no limit."""
    words = text.split()
    if len(words) != 2 or not all(word.isdigit() for word in words) or int(words[1]) == 0:  # noqa: PLR2004
        return None
    return round(int(words[0]) / int(words[1]), 3)
