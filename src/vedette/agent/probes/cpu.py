"""How busy the machine is. /proc is read directly: that is all psutil would do, for 5 MB less."""

import os
from dataclasses import dataclass
from pathlib import Path

from vedette.agent.probes.reading import Reading, present

STAT = Path("/proc/stat")
COUNTED = 8  # user nice system idle iowait irq softirq steal; guest time is already within user
IDLE = (3, 4)
IOWAIT, STEAL = 4, 7


@dataclass(frozen=True, slots=True)
class Ticks:
    """Since boot, over all cores."""

    all: int
    idle: int
    iowait: int = 0  # idle because a disk is slow
    steal: int = 0  # wanted, and given to another virtual machine


def ticks(stat: str) -> Ticks:
    """Read the first line of /proc/stat. Raises OSError."""
    try:
        counts = [int(word) for word in stat.split("\n", 1)[0].split()[1 : COUNTED + 1]]
        return Ticks(sum(counts), sum(counts[at] for at in IDLE), counts[IOWAIT], counts[STEAL])
    except (ValueError, IndexError) as error:
        raise OSError("/proc/stat is not as Linux writes it") from error


def shares(before: Ticks | None, now: Ticks) -> dict[str, float]:
    """The shares of all cores' time in between; nothing when nothing is known yet."""
    if before is None or now.all <= before.all:
        return {}
    passed = now.all - before.all

    def share(ticks: int) -> float:
        return round(min(max(ticks / passed, 0.0), 1.0), 4)

    return {
        "host.cpu.used_ratio": share(passed - (now.idle - before.idle)),
        "host.cpu.iowait_ratio": share(now.iowait - before.iowait),
        "host.cpu.steal_ratio": share(now.steal - before.steal),
    }


class Cpu:
    """Remembers the last round's ticks."""

    def __init__(self) -> None:
        self._before: Ticks | None = None

    def __call__(self) -> Reading:
        now = ticks(STAT.read_text())
        busy = shares(self._before, now)
        self._before = now
        cores = {"host.cpu.cores_count": os.cpu_count()}
        return Reading(present({**busy, **cores, "host.load_1m": round(os.getloadavg()[0], 2)}))
