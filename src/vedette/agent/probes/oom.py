"""How often the kernel killed a process for want of memory, since boot."""

from pathlib import Path

from vedette.agent.probes.reading import Reading

VMSTAT = Path("/proc/vmstat")


def read() -> Reading:
    return kills(VMSTAT.read_text())


def kills(vmstat: str) -> Reading:
    """Kernels before 4.13 do not count them."""
    counts = dict(line.split(" ", 1) for line in vmstat.splitlines() if " " in line)
    told = counts.get("oom_kill", "")
    return Reading({"host.oom_kills_count": int(told)} if told.isdigit() else {})
