"""Lines as cron has them."""

from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.model.cron import parse
from vedette.model.errors import SettingError

MONDAY, SATURDAY = date(2026, 11, 30), date(2026, 11, 28)


@pytest.mark.parametrize(
    ("line", "day", "times"),
    [
        ("0 3 * * 1", MONDAY, (time(3),)),
        ("0 3 * * mon", MONDAY, (time(3),)),
        ("0 3 * * 1", SATURDAY, None),
        ("30 1,13 * * 6,7", SATURDAY, (time(1, 30), time(13, 30))),
        ("0 */12 * nov-dec *", MONDAY, (time(0), time(12))),
        ("0 3 28 * 1", MONDAY, (time(3),)),  # a day of the month or a weekday
        ("0 3 28 * 1", SATURDAY, (time(3),)),
        ("0 3 28 jan *", SATURDAY, None),
        ("5/30 4 * * *", MONDAY, (time(4, 5), time(4, 35))),
        ("0 3 * * 0-5", SATURDAY, None),
        ("0 3 31 2 *", MONDAY, None),  # never
    ],
)
def test_a_line_says_days_and_times(line: str, day: date, times: tuple[time, ...] | None) -> None:
    """None: not on that day."""
    cron = parse(line)
    assert (cron.times if cron.is_on(day) else None) == times


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("0 3 * *", "five fields"),
        ("60 3 * * *", "a minute is from 0 to 59"),
        ("0 3 * * mo", "a weekday is from 0 to 7"),
        ("0 5-3 * * *", "ends before it begins"),
        ("0 */0 * * *", "is no hour"),
        ("*/10 * * * *", "more than 24 times a day"),
        ("0 ٣ * * *", "an? hour is from"),
        ("0 3, * * *", "is no hour"),
    ],
)
def test_a_line_that_is_none_says_why(line: str, says: str) -> None:
    """One line each."""
    with pytest.raises(SettingError, match=says):
        parse(line)


@given(st.text("0123456789*/-, abcmonjan", max_size=30))
def test_no_line_does_worse_than_being_refused(line: str) -> None:
    """A SettingError, or a cron that begins at most 24 times a day."""
    try:
        times = len(parse(line).times)
    except SettingError:
        return
    assert 1 <= times <= 24
