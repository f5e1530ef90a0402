"""Whether the machine's clock is true: what its kernel knows from whoever keeps it, chrony or another.

`adjtimex` without a change needs no right. With chrony the kernel's own offset stays near nothing and the
largest possible error is what tells. Where nobody keeps it, or a container's kernel does not say, all that
is measured is what lies between it and the server's clock, beyond what the way there can explain.
"""

import ctypes
import os

from vedette.agent.probes.reading import Reading

EVERY_S = 60
UNSYNCHRONISED = 0x0040
NANOSECONDS = 0x2000


class Timex(ctypes.Structure):
    """As <sys/timex.h> has it, with room for what follows."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_long * 32),
    )


def read(apart_ms: int | None) -> Reading:
    """`apart_ms`: how far ahead of the server's the clock surely is, if that is known. Raises OSError."""
    timex = Timex()
    if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex)) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return told(timex.offset, timex.maxerror, timex.status, apart_ms)


def told(offset: int, error_us: int, status: int, apart_ms: int | None) -> Reading:
    """`offset` is in nanoseconds or microseconds, as the status says."""
    offset_ms = offset / (1_000_000 if status & NANOSECONDS else 1_000)
    synchronised = not status & UNSYNCHRONISED
    numbers: dict[str, int | float] = {"host.clock.synchronised": int(synchronised)}
    if synchronised:  # or else both are what was last believed, and grow without a meaning
        numbers |= {
            "host.clock.offset_ms": round(offset_ms, 3),
            "host.clock.error_ms": round(error_us / 1_000, 3),
        }
    if apart_ms is not None:
        numbers["host.clock.server_ms"] = apart_ms
    return Reading(numbers)
