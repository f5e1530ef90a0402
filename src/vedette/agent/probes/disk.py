"""The file system that holds the node's data."""

import os

from vedette.agent.probes.reading import Reading


def read(path: str) -> Reading:
    found = os.statvfs(path)
    used = (found.f_blocks - found.f_bfree) * found.f_frsize
    usable = used + found.f_bavail * found.f_frsize  # the part kept for root is not the node's
    numbers: dict[str, int | float] = {
        "host.disk.used_bytes": used,
        "host.disk.total_bytes": found.f_blocks * found.f_frsize,
    }
    if usable:
        numbers["host.disk.used_ratio"] = round(used / usable, 4)
    return Reading(numbers)
