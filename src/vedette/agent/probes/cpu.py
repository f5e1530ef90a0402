"""How busy the machine is. /proc is read directly: that is all psutil would do, for 5 MB less."""

import os
from dataclasses import dataclass
from pathlib import Path

from vedette.agent.probes.reading import Reading, present

STAT = Path("/proc/stat")
COUNTED = 8  # user nice system idle iowait irq softirq steal; guest time is already within user
IDLE = (3, 4)


@dataclass(frozen=True, slots=True)
class Ticks:
    """Since boot, over all cores."""

    all: int
    idle: int


def ticks(stat: str) -> Ticks:
    """Read the first line of /proc/stat. Raises OSError."""
    try:
        counts = [int(word) for word in stat.split("\n", 1)[0].split()[1 : COUNTED + 1]]
        return Ticks(sum(counts), sum(counts[at] for at in IDLE))
    except (ValueError, IndexError) as error:
        raise OSError("/proc/stat is not as Linux writes it") from error


def used_ratio(before: Ticks | None, now: Ticks) -> float | None:
    """The share of all cores that was busy in between; None when nothing is known yet."""
    if before is None or now.all <= before.all:
        return None
    busy = (now.all - now.idle) - (before.all - before.idle)
    return round(min(max(busy / (now.all - before.all), 0.0), 1.0), 4)


class Cpu:
    """Remembers the last round's ticks."""

    def __init__(self) -> None:
        self._before: Ticks | None = None

    def __call__(self) -> Reading:
        now = ticks(STAT.read_text())
        ratio = used_ratio(self._before, now)
        self._before = now
        return Reading(present({"host.cpu.used_ratio": ratio, "host.load_1m": round(os.getloadavg()[0], 2)}))
