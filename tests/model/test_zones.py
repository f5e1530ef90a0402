"""Wall clocks, across changes of clocks in both directions."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.model.errors import SettingError
from vedette.model.zones import again_ms, is_skipped, local, moment_ms, zone_of

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # by half an hour
    "Africa/Casablanca",  # back and forth around Ramadan
    "America/Havana",  # at midnight
    "Pacific/Apia",  # left out a whole day
    "Asia/Shanghai",
    "UTC",
)
zones = st.sampled_from(ZONES).map(ZoneInfo)
walls = st.datetimes(datetime(2011, 1, 1), datetime(2037, 12, 31))  # noqa: DTZ001 - of a clock on the wall
BERLIN = ZoneInfo("Europe/Berlin")


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_the_skipped_hour_is_its_end_and_the_doubled_one_its_first() -> None:
    """In Berlin 02:30 is not on 2026-03-29, and twice on 2026-10-25."""
    assert moment_ms(wall("2026-03-29T02:30"), BERLIN) == ms("2026-03-29T01:00")
    assert is_skipped(wall("2026-03-29T02:30"), BERLIN)
    assert moment_ms(wall("2026-10-25T02:30"), BERLIN) == ms("2026-10-25T00:30")
    assert again_ms(wall("2026-10-25T02:30"), BERLIN) == ms("2026-10-25T01:30")
    assert again_ms(wall("2026-10-25T03:30"), BERLIN) is None
    assert not is_skipped(wall("2026-10-25T02:30"), BERLIN)


def test_a_day_that_a_zone_left_out_is_the_next_one() -> None:
    """On Samoa 2011-12-30 never was."""
    left_out = moment_ms(wall("2011-12-30T12:00"), ZoneInfo("Pacific/Apia"))
    assert local(left_out, ZoneInfo("Pacific/Apia")) == wall("2011-12-31T00:00")


@given(walls, zones)
def test_a_moment_shows_the_time_that_was_asked_for(at: datetime, zone: ZoneInfo) -> None:
    """Or the first that a clock there shows after it."""
    at = at.replace(microsecond=0)
    found = local(moment_ms(at, zone), zone)
    assert (found > at and local(moment_ms(at, zone) - 1, zone) < at) if is_skipped(at, zone) else found == at


@given(walls, st.integers(0, 3 * 86_400), zones)
def test_later_on_the_wall_is_never_earlier(at: datetime, seconds: int, zone: ZoneInfo) -> None:
    """So a window never ends before it begins."""
    at = at.replace(microsecond=0)
    assert moment_ms(at, zone) <= moment_ms(at + timedelta(seconds=seconds), zone)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "/etc/passwd", "Europe", "a\0b"])
def test_a_zone_that_is_none_is_told_in_one_line(name: str) -> None:
    """Whatever was written there."""
    with pytest.raises(SettingError, match="there is no time zone"):
        zone_of(name)
