"""The agent's time: steady like the machine's uptime, true like the world's clock.

A report's time is written once and charts are drawn from it, so a machine whose clock is stepped by an hour
must make neither an hour's hole nor an hour that happens twice. Hence our time is the wall clock at our start
plus the steady time since (CLOCK_BOOTTIME, which goes on while the machine sleeps).

A small difference (an NTP daemon slews the wall clock, our oscillator drifts) is followed slowly, at most
1 ms in 10 ms: two reports never change places. A large one is followed at once, but only if a third witness,
the server, sides with the wall clock: then it was *our* start that was wrong, as on a board without a
battery. If the server sides with us, the machine's clock is wrong and we keep ours; if it sides with nobody,
we keep ours too, because three clocks that disagree prove nothing.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

STEP_MS = 2_000
"""A greater disagreement is a step, a smaller one a drift."""

STILL_MS = 20
"""A smaller disagreement is the grain of reading two clocks one after the other."""

SLEW_STEADY_MS = 10
"""Steady milliseconds that pay for one millisecond of correction."""

APART_FOR_MS = 600_000
"""So long what was measured against the server is worth telling."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """Our time is `steady + offset_ms`; the offset was last corrected at `slewed_at_ms` of steady time."""

    offset_ms: int
    slewed_at_ms: int


def drop_anchor(wall_ms: int, steady_ms: int) -> Anchor:
    """Believe the wall clock."""
    return Anchor(wall_ms - steady_ms, steady_ms)


def follow(anchor: Anchor, wall_ms: int, steady_ms: int) -> Anchor:
    """Follow a drift of the wall clock, slowly; leave a step alone."""
    ahead = wall_ms - (steady_ms + anchor.offset_ms)
    if not STILL_MS < abs(ahead) <= STEP_MS:
        return replace(anchor, slewed_at_ms=steady_ms)
    most = (steady_ms - anchor.slewed_at_ms) // SLEW_STEADY_MS
    if most <= 0:
        return anchor
    return Anchor(anchor.offset_ms + max(-most, min(most, ahead)), steady_ms)


def believe(anchor: Anchor, wall_ms: int, steady_ms: int, server_ms: int) -> Anchor:
    """Take the wall clock's side in a large disagreement if the server does."""
    ours_ms = steady_ms + anchor.offset_ms
    disagree = abs(wall_ms - ours_ms) > STEP_MS
    server_sides_with_wall = abs(server_ms - wall_ms) <= STEP_MS < abs(server_ms - ours_ms)
    return drop_anchor(wall_ms, steady_ms) if disagree and server_sides_with_wall else anchor


def surely_apart(wall_ms: int, server_ms: int, took_ms: int) -> int:
    """By how much the wall clock, read now, is at least ahead (or, negative, behind) of the server's.

    The server read its own clock within the last `took_ms`; what that can explain is no difference.
    """
    most, least = wall_ms - server_ms, wall_ms - took_ms - server_ms
    return max(least, 0) + min(most, 0)


Reading = tuple[int, int]
"""(wall_ms, steady_ms), read together."""


def read_machine() -> Reading:
    return time.time_ns() // 1_000_000, time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


class SteadyClock:
    """The shell around the pure functions above; any thread may ask."""

    def __init__(self, read: Callable[[], Reading] = read_machine) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._anchor = drop_anchor(*read())
        self._apart: tuple[int, int] | None = None  # at which steady time, and by how much

    def steady_ms(self) -> int:
        return self._read()[1]

    def now_ms(self) -> int:
        """Our time, unix milliseconds."""
        return self.at_ms()

    def at_ms(self, steady_ms: int | None = None) -> int:
        """Our time at some moment of steady time (by default: now)."""
        with self._lock:
            wall, steady = self._read()
            self._anchor = follow(self._anchor, wall, steady)
            return self._anchor.offset_ms + (steady if steady_ms is None else steady_ms)

    def apart_ms(self) -> int | None:
        """By how much the machine's clock is surely ahead of the server's; None: not measured lately."""
        with self._lock:
            if self._apart is None or self._read()[1] - self._apart[0] > APART_FOR_MS:
                return None
            return self._apart[1]

    def hear(self, server_ms: int, asked_steady_ms: int) -> int:
        """Hear the server's time, asked for at this steady time; return by how many ms ours was moved."""
        with self._lock:
            wall, steady = self._read()
            self._apart = steady, surely_apart(wall, server_ms, max(0, steady - asked_steady_ms))
            before = self._anchor
            self._anchor = believe(before, wall, steady, server_ms)
            return self._anchor.offset_ms - before.offset_ms
