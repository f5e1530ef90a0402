"""The machine's memory. Used is what could not be given to a new process without swapping."""

from pathlib import Path

from vedette.agent.probes.reading import Reading

MEMINFO = Path("/proc/meminfo")


def read() -> Reading:
    return memory(MEMINFO.read_text())


def memory(meminfo: str) -> Reading:
    """Read /proc/meminfo. Raises OSError."""
    lines = dict(line.split(":", 1) for line in meminfo.splitlines() if ":" in line)
    try:
        total, available = (int(lines[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
    except (KeyError, ValueError, IndexError) as error:
        raise OSError("/proc/meminfo is not as Linux writes it") from error
    return Reading({"host.memory.used_bytes": total - available, "host.memory.total_bytes": total})
