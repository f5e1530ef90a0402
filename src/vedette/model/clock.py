"""Time as an argument. Only the loops at the top hold a clock; everything below is told the time."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """A wall clock for dates and a steady one for durations; tests bring their own."""

    def now_ms(self) -> int:
        """Unix time in milliseconds; may be stepped by whoever owns the machine."""

    def steady_ms(self) -> int:
        """Milliseconds since some fixed moment; never stepped, never backwards."""

    async def sleep_ms(self, duration_ms: int) -> None:
        """Let that much steady time pass."""


class MachineClock:
    """The clocks of this machine."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def steady_ms(self) -> int:
        # CLOCK_BOOTTIME counts a suspended machine's sleep too: that time was deaf time.
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    async def sleep_ms(self, duration_ms: int) -> None:
        await asyncio.sleep(duration_ms / 1000)


async def rounds(clock: Clock, interval_ms: int) -> AsyncIterator[int]:
    """Wake each interval of steady time and yield the wall time; a late round is skipped, not caught up."""
    start = clock.steady_ms()
    while True:
        elapsed = clock.steady_ms() - start
        await clock.sleep_ms(interval_ms - elapsed % interval_ms)
        yield clock.now_ms()


@dataclass(frozen=True, slots=True)
class Tick:
    """One reading of both clocks, taken together."""

    wall_ms: int
    steady_ms: int

    @classmethod
    def of(cls, clock: Clock) -> "Tick":
        return cls(clock.now_ms(), clock.steady_ms())


def deaf_ms(before: Tick, after: Tick, expected_ms: int) -> int:
    """How far deadlines must move, because between two of our own ticks we could not have heard anyone.

    The wall clock's step (either way) plus any steady time beyond the pace we meant to keep.
    """
    steady = after.steady_ms - before.steady_ms
    stepped = (after.wall_ms - before.wall_ms) - steady
    stalled = max(0, steady - expected_ms)
    return stepped + stalled
