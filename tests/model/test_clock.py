"""Deaf time: what we could not have heard must never be counted against anyone."""

import pytest

from vedette.model.clock import MachineClock, Tick, deaf_ms, rounds

HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("wall_ms", "steady_ms", "deaf"),
    [
        (1_000, 1_000, 0),  # an ordinary second
        (1_000 + HOUR_MS, 1_000, HOUR_MS),  # the clock was put forward
        (1_000 - HOUR_MS, 1_000, -HOUR_MS),  # and back
        (61_000, 61_000, 60_000),  # the process stood still for a minute
        (61_000 + HOUR_MS, 61_000, 60_000 + HOUR_MS),  # both
        (900, 900, 0),  # an early round owes nothing
    ],
)
def test_deaf_time_is_the_step_and_the_stall(wall_ms: int, steady_ms: int, deaf: int) -> None:
    before = Tick(wall_ms=5_000_000, steady_ms=70_000)
    after = Tick(before.wall_ms + wall_ms, before.steady_ms + steady_ms)
    assert deaf_ms(before, after, expected_ms=1_000) == deaf


class ToldClock:
    """A clock that passes time only when slept on, and then too much of it once."""

    def __init__(self) -> None:
        self.at_ms = 0
        self.naps: list[int] = []

    def now_ms(self) -> int:
        return 1_000_000 + self.at_ms

    def steady_ms(self) -> int:
        return self.at_ms

    async def sleep_ms(self, duration_ms: int) -> None:
        self.naps.append(duration_ms)
        self.at_ms += duration_ms


async def test_a_late_round_is_skipped_and_the_pace_is_kept() -> None:
    clock = ToldClock()
    seen = []
    async for at_ms in rounds(clock, 1_000):
        seen.append(at_ms - 1_000_000)
        clock.at_ms += 2_300 if len(seen) == 1 else 100  # the first round's work takes too long
        if len(seen) == 4:
            break
    assert seen == [1_000, 4_000, 5_000, 6_000]


def test_the_machines_steady_clock_runs_beside_its_wall_clock() -> None:
    clock = MachineClock()
    first, second = Tick.of(clock), Tick.of(clock)
    assert second.steady_ms >= first.steady_ms
    assert abs(deaf_ms(first, second, expected_ms=0)) < 1_000
