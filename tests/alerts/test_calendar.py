"""Maintenance windows and quiet hours, across changes of clocks in both directions."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.model.test_zones import ZONES, ms
from vedette.alerts.calendar import Span, is_on, quiet_until_ms, windows
from vedette.model.policy import MINUTE_MS, Maintenance, Matcher, Quiet
from vedette.model.zones import local

HOUR_MS, DAY_MS = 3_600_000, 86_400_000


def work(
    cron: str | None = None,
    zone: str = "Europe/Berlin",
    minutes: int = 60,
    starts_at_ms: int = 0,
    ends_at_ms: int | None = None,
) -> Maintenance:
    once = Maintenance("m", 1, "work", Matcher(), "", "ana", 0, starts_at_ms, ends_at_ms)
    return once if cron is None else replace(once, cron=cron, zone=zone, duration_ms=minutes * MINUTE_MS)


def at(one: Maintenance, day: str) -> list[str]:
    """Its windows of that UTC day, as `01:00-02:00`."""
    from_ms = ms(day)
    return [
        "-".join(
            datetime.fromtimestamp(edge / 1000, UTC).strftime("%H:%M")
            for edge in (span.from_ms, span.until_ms)
        )
        for span in windows(one, from_ms, from_ms + DAY_MS)
    ]


@pytest.mark.parametrize(
    ("cron", "day", "told"),
    [
        ("30 2 * * *", "2026-03-28", ["01:30-02:30"]),
        ("30 2 * * *", "2026-03-29", ["01:00-02:00"]),  # 02:30 is skipped: right after it
        ("30 2 * * *", "2026-03-30", ["00:30-01:30"]),
        ("30 2 * * *", "2026-10-25", ["00:30-01:30"]),  # 02:30 comes twice: once, the first time
        ("30 1 * * *", "2026-03-29", ["00:30-01:30", "23:30-00:30"]),  # an hour is an hour, over the gap
        ("30 2 29 3 *", "2026-03-29", ["01:00-02:00"]),
    ],
)
def test_a_window_begins_by_the_wall_and_lasts_by_time(cron: str, day: str, told: list[str]) -> None:
    """In Berlin, in the nights in which clocks change."""
    assert at(work(cron), day) == told


def test_a_cron_of_every_hour_goes_by_the_hour() -> None:
    """Twenty-four a UTC day, whatever clocks do."""
    for day in ("2026-03-29", "2026-10-25", "2026-10-26"):
        told = at(work("15 * * * *", minutes=10), day)
        assert told == [f"{hour:02}:15-{hour:02}:25" for hour in range(24)], day


def test_a_window_once_is_from_its_start_to_its_end() -> None:
    """To the millisecond; one without an end is on until its owner ends it."""
    one = work(starts_at_ms=1_000, ends_at_ms=2_000)
    assert [is_on(one, now) for now in (999, 1_000, 1_999, 2_000)] == [False, True, True, False]
    assert list(windows(one, 0, 10_000)) == [Span(1_000, 2_000)]
    assert list(windows(one, 2_000, 10_000)) == []
    endless = work(starts_at_ms=1_000)
    assert is_on(endless, 2**52)
    assert list(windows(endless, 5_000, 9_000)) == [Span(1_000, 9_000)]


def test_a_recurring_window_is_cut_by_its_start_and_its_end() -> None:
    """What begins before the first day or goes over the last one is shorter."""
    first, last = ms("2026-11-02T02:30"), ms("2026-11-04T02:15")
    one = work("0 2 * * *", "UTC", starts_at_ms=first, ends_at_ms=last)
    told = list(windows(one, 0, ms("2026-12-01")))
    assert told[0] == Span(first, ms("2026-11-02T03:00"))
    assert told[-1] == Span(ms("2026-11-04T02:00"), last)
    assert [is_on(one, now) for now in (first - 1, first, last - 1, last)] == [False, True, True, False]


@given(
    st.sampled_from(ZONES),
    st.sampled_from(["30 2 * * *", "0 * * * *", "*/30 0,23 * * *", "0 1 * * sun", "15 0 1 * *"]),
    st.integers(1, 3 * 24 * 60),
    st.integers(ms("2011-12-20"), ms("2032-01-01")),
)
def test_being_on_is_being_in_a_window(zone: str, cron: str, minutes: int, now_ms: int) -> None:
    """The judge's question and the calendar's answer are one."""
    one = work(cron, zone, minutes)
    told = list(windows(one, now_ms, now_ms + 1))
    assert is_on(one, now_ms) == bool(told)
    assert all(span.until_ms - span.from_ms == minutes * MINUTE_MS for span in told)


@given(st.sampled_from(ZONES), st.integers(0, 23), st.integers(2012, 2035))
def test_a_daily_window_begins_once_on_every_day_of_the_year(zone: str, hour: int, year: int) -> None:
    """None is left out in spring, none comes twice in autumn."""
    one = work(f"30 {hour} * * *", zone, 1)
    from_ms, until_ms = ms(f"{year}-03-01"), ms(f"{year}-12-01")
    days = [local(span.from_ms, ZoneInfo(zone)).date() for span in windows(one, from_ms, until_ms)]
    assert days == sorted(set(days))
    assert abs(len(days) - (until_ms - from_ms) // DAY_MS) <= 1


NIGHT = Quiet("q", "night", "Europe/Berlin", 22 * 60, 7 * 60)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-28T20:59", None),
        ("2026-11-28T21:00", "2026-11-29T06:00"),
        ("2026-11-29T05:59", "2026-11-29T06:00"),
        ("2026-11-29T06:00", None),
        ("2026-03-28T22:00", "2026-03-29T05:00"),  # a short night
        ("2026-10-25T05:30", "2026-10-25T06:00"),  # a long one
    ],
)
def test_quiet_hours_go_by_the_wall(now: str, until: str | None) -> None:
    """From 22 to 7 in Berlin, in every night of the year."""
    assert quiet_until_ms(NIGHT, ms(now)) == (None if until is None else ms(until))


@pytest.mark.parametrize(
    ("from_minute", "until_minute", "now", "quiet"),
    [
        (150, 300, "2026-03-29T00:59", False),  # from the skipped 02:30: from 03:00 on
        (150, 300, "2026-03-29T01:00", True),
        (60, 150, "2026-03-29T00:59", True),  # until the skipped 02:30: until 03:00
        (60, 150, "2026-03-29T01:00", False),
        (150, 300, "2026-10-25T00:30", True),  # from the first 02:30 ...
        (150, 300, "2026-10-25T01:10", True),  # ... through the second 02:10
        (60, 150, "2026-10-25T00:31", False),  # until the first 02:30
        (60, 150, "2026-10-25T01:10", False),
    ],
)
def test_edges_in_the_odd_hours(from_minute: int, until_minute: int, now: str, *, quiet: bool) -> None:
    """A skipped edge is the end of the gap, a doubled one is the first."""
    hours = Quiet("q", "q", "Europe/Berlin", from_minute, until_minute)
    assert (quiet_until_ms(hours, ms(now)) is not None) == quiet


def test_quiet_hours_belong_to_the_weekday_on_which_they_begin() -> None:
    """Friday's last into Saturday; equal edges are a whole day."""
    friday = Quiet("q", "q", "UTC", 22 * 60, 7 * 60, weekdays=(4,))
    assert quiet_until_ms(friday, ms("2026-11-28T03:00")) is not None  # a Saturday
    assert quiet_until_ms(friday, ms("2026-11-28T23:00")) is None
    sunday = Quiet("q", "q", "UTC", 0, 0, weekdays=(6,))
    assert quiet_until_ms(sunday, ms("2026-11-29T23:59")) == ms("2026-11-30T00:00")
    assert quiet_until_ms(sunday, ms("2026-11-30T00:00")) is None


@given(st.sampled_from(ZONES), st.integers(0, 1439), st.integers(0, 1439), st.integers(0, 2**41))
def test_quiet_hours_end(zone: str, from_minute: int, until_minute: int, now_ms: int) -> None:
    """Whenever it is quiet, it is so for at most two days, and no longer at the end it names."""
    hours = Quiet("q", "q", zone, from_minute, until_minute)
    until_ms = quiet_until_ms(hours, now_ms)
    if until_ms is not None:
        assert now_ms < until_ms <= now_ms + 2 * DAY_MS
        again = quiet_until_ms(hours, until_ms)
        assert again is None or from_minute == until_minute or again > until_ms
