"""Our time through steps, drifts and liars."""

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.agent.clock import SteadyClock, drop_anchor, follow, surely_apart

HOUR_MS = 3_600_000
START_MS = 1_795_000_000_000


@dataclass
class FakeMachine:
    """A wall clock that can be stepped, and a steady one."""

    wall_ms: int = START_MS
    steady_ms: int = 50_000

    def read(self) -> tuple[int, int]:
        return self.wall_ms, self.steady_ms

    def pass_ms(self, duration_ms: int) -> None:
        self.wall_ms += duration_ms
        self.steady_ms += duration_ms


@pytest.mark.parametrize("step_ms", [HOUR_MS, -HOUR_MS, 3_000, -3_000])
def test_a_step_of_the_wall_clock_makes_no_gap_and_no_overlap(step_ms: int) -> None:
    machine = FakeMachine()
    clock = SteadyClock(machine.read)
    times = [clock.now_ms()]
    for round_ in range(40):
        machine.pass_ms(5_000)
        if round_ == 20:
            machine.wall_ms += step_ms
        times.append(clock.now_ms())
    assert {after - before for before, after in pairwise(times)} == {5_000}


def test_a_small_difference_is_followed_slowly() -> None:
    machine = FakeMachine()
    clock = SteadyClock(machine.read)
    machine.pass_ms(60_000)
    clock.now_ms()
    machine.wall_ms += 1_500
    before = clock.now_ms()
    machine.pass_ms(100)
    assert clock.now_ms() - before == 110
    machine.pass_ms(20_000)
    assert clock.now_ms() == machine.wall_ms


def test_the_grain_of_two_readings_is_not_followed() -> None:
    machine = FakeMachine()
    clock = SteadyClock(machine.read)
    machine.pass_ms(10_000)
    machine.wall_ms += 3
    assert clock.now_ms() == START_MS + 10_000


@pytest.mark.parametrize("step_ms", [HOUR_MS, -HOUR_MS])
def test_a_wrong_start_is_put_right_when_the_server_sides_with_the_machine(step_ms: int) -> None:
    machine = FakeMachine()
    clock = SteadyClock(machine.read)
    machine.wall_ms += step_ms
    assert clock.hear(machine.wall_ms + 400, machine.steady_ms) == step_ms
    assert clock.now_ms() == machine.wall_ms


def test_a_wrong_step_is_ignored_when_the_server_sides_with_us() -> None:
    machine = FakeMachine()
    clock = SteadyClock(machine.read)
    machine.wall_ms += HOUR_MS
    assert clock.hear(START_MS + 400, machine.steady_ms) == 0
    assert clock.now_ms() == START_MS


def test_three_clocks_that_disagree_prove_nothing() -> None:
    machine = FakeMachine()
    clock = SteadyClock(machine.read)
    machine.wall_ms += HOUR_MS
    assert clock.hear(START_MS + 5 * HOUR_MS, machine.steady_ms) == 0


def test_a_server_that_is_wrong_alone_moves_nothing() -> None:
    machine = FakeMachine()
    clock = SteadyClock(machine.read)
    assert clock.hear(START_MS + HOUR_MS, machine.steady_ms) == 0


@given(st.integers(-10_000, 10_000), st.integers(0, 10_000), st.floats(0, 1))
def test_what_the_way_can_explain_is_no_difference(ahead_ms: int, took_ms: int, when: float) -> None:
    """The server reads its clock at any moment of a post."""
    server_ms = START_MS - ahead_ms - round(took_ms * when)
    surely = surely_apart(START_MS, server_ms, took_ms)
    assert min(0, ahead_ms) <= surely <= max(0, ahead_ms)
    assert abs(ahead_ms - surely) <= took_ms


def test_what_was_measured_long_ago_is_not_told() -> None:
    machine = FakeMachine()
    clock = SteadyClock(machine.read)
    clock.hear(machine.wall_ms - 5_000, machine.steady_ms)
    machine.pass_ms(600_000)
    assert clock.apart_ms() == 5_000
    machine.pass_ms(1)
    assert clock.apart_ms() is None


@given(
    st.lists(
        st.tuples(st.integers(1, 60_000), st.one_of(st.just(0), st.integers(-10_000_000, 10_000_000))),
        max_size=60,
    )
)
def test_our_time_never_goes_back_and_never_leaps(steps: list[tuple[int, int]]) -> None:
    wall, steady = START_MS, 0
    anchor = drop_anchor(wall, steady)
    time_ms = steady + anchor.offset_ms
    last_slew = steady
    for passed, stepped in steps:
        wall, steady = wall + passed + stepped, steady + passed
        anchor = follow(anchor, wall, steady)
        now_ms = steady + anchor.offset_ms
        assert now_ms >= time_ms
        assert abs(now_ms - time_ms - passed) <= (steady - last_slew) // 10
        last_slew = anchor.slewed_at_ms
        time_ms = now_ms
