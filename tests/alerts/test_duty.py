"""Who is on call, across handovers, stand-ins and changes of clocks."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.model.test_zones import ZONES, ms
from vedette.alerts.duty import Duty, duty, on_call, turn_begins_ms, turn_of
from vedette.model.policy import Handover, Override, Rotation, Schedule

MONDAYS_AT_NINE = Handover(9, 0, 0)
ANA, BO, CY = "contact:ana", "contact:bo", "contact:cy"


def schedule(
    *overrides: Override,
    people: tuple[str, ...] = (ANA, BO, CY),
    handover: Handover = MONDAYS_AT_NINE,
    every_days: int = 7,
    starts_on: str = "2026-11-02",
    zone: str = "Europe/Berlin",
) -> Schedule:
    rotation = Rotation(people, handover, every_days, date.fromisoformat(starts_on))
    return Schedule("s", "nights", zone, rotation, overrides)


@pytest.mark.parametrize(
    ("now", "who"),
    [
        ("2026-11-02T07:59", None),  # before the first turn nobody is
        ("2026-11-02T08:00", ANA),
        ("2026-11-09T07:59", ANA),
        ("2026-11-09T08:00", BO),
        ("2026-11-16T08:00", CY),
        ("2026-11-23T08:00", ANA),
        ("2026-06-01T08:00", None),
        ("2027-04-05T06:59", ANA),  # handed over at nine by the clock, in summer an hour earlier
        ("2027-04-05T07:00", BO),
    ],
)
def test_turns_change_at_the_handover(now: str, who: str | None) -> None:
    """Each Monday at nine in Berlin."""
    assert on_call(schedule(), ms(now)) == who


def test_a_first_turn_within_the_week_is_short() -> None:
    """Begun on a Thursday, it is handed over on the Monday after."""
    week = schedule(starts_on="2026-11-05")
    assert on_call(week, ms("2026-11-05T08:00")) == ANA
    assert on_call(week, ms("2026-11-09T08:00")) == BO


def test_now_and_next_are_told_with_the_moment_between() -> None:
    """A stand-in is both an end and a beginning."""
    stand_in = Override(ms("2026-11-04T00:00"), ms("2026-11-05T00:00"), CY)
    week = schedule(stand_in)
    assert duty(week, ms("2026-11-03T00:00")) == Duty(ANA, stand_in.from_ms, CY)
    assert duty(week, ms("2026-11-04T00:00")) == Duty(CY, stand_in.until_ms, ANA)
    assert duty(week, ms("2026-11-05T00:00")) == Duty(ANA, ms("2026-11-09T08:00"), BO)
    assert duty(week, ms("2026-10-30T00:00")) == Duty(None, ms("2026-11-02T08:00"), ANA)


def test_of_two_who_stand_in_the_later_one_counts() -> None:
    """So that a day within a week of holidays can be given away."""
    long = Override(ms("2026-11-03"), ms("2026-11-06"), BO)
    short = Override(ms("2026-11-04"), ms("2026-11-05"), CY)
    for week in (schedule(long, short), schedule(short, long)):
        assert [on_call(week, ms(f"2026-11-0{day}T12:00")) for day in (3, 4, 5, 6)] == [BO, CY, BO, ANA]


def test_one_alone_is_on_call_for_ever() -> None:
    """A turn that goes to the same one again is no change."""
    alone = schedule(people=(ANA,))
    assert duty(alone, ms("2026-12-01")) == Duty(ANA)
    twice = schedule(people=(ANA, ANA, BO))
    assert duty(twice, ms("2026-11-03")) == Duty(ANA, ms("2026-11-16T08:00"), BO)
    assert duty(schedule(people=()), ms("2026-12-01")) == Duty(None)


def test_a_handover_in_the_skipped_hour_is_right_after_it() -> None:
    """And one in the doubled hour is at its first coming."""
    daily = schedule(handover=Handover(2, 30), every_days=1, starts_on="2026-03-28")
    assert [on_call(daily, ms(f"2026-03-29T{at}")) for at in ("00:59", "01:00")] == [ANA, BO]
    autumn = schedule(handover=Handover(2, 30), every_days=1, starts_on="2026-10-24")
    assert [on_call(autumn, ms(f"2026-10-25T{at}")) for at in ("00:29", "00:30", "01:30")] == [ANA, BO, BO]


@given(
    st.sampled_from(ZONES),
    st.integers(0, 23),
    st.integers(0, 59),
    st.integers(1, 20),
    st.integers(ms("2011-12-20"), ms("2032-01-01")),
)
def test_somebody_is_on_call_in_exactly_one_turn(
    zone: str, hour: int, minute: int, every_days: int, now_ms: int
) -> None:
    """Turns follow each other without a gap, in every zone."""
    rota = schedule(handover=Handover(hour, minute), every_days=every_days, starts_on="2011-12-20", zone=zone)
    turn = turn_of(rota, now_ms)
    if turn is None:
        assert now_ms < turn_begins_ms(rota, 0)
    else:
        assert turn_begins_ms(rota, turn) <= now_ms < turn_begins_ms(rota, turn + 1)
        assert on_call(rota, now_ms) == (ANA, BO, CY)[turn % 3]
