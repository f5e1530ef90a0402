"""When work is expected, and when people would rather sleep: maintenance windows and quiet hours.

Beginnings go by the clock on the wall (see model/zones.py), lengths by time that passed: a window of two
hours lasts two hours in the night in which clocks change. One that begins in the skipped hour begins right
after it; one in the hour that comes twice begins once, unless its cron goes by the hour.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from vedette.model import cron
from vedette.model.cron import Cron
from vedette.model.policy import DAY_MINUTES, FAR_MS, MINUTE_MS, Maintenance, Quiet
from vedette.model.zones import again_ms, is_skipped, local, moment_ms, zone_of

DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From a moment on, until just before another."""

    from_ms: int
    until_ms: int

    def has(self, at_ms: int) -> bool:
        return self.from_ms <= at_ms < self.until_ms


def windows(one: Maintenance, from_ms: int, until_ms: int) -> Iterator[Span]:
    """The windows that touch this span, in order; what has no end ends with it."""
    end_ms = FAR_MS if one.ends_at_ms is None else one.ends_at_ms
    for span in _spans(one, from_ms, until_ms):
        cut = Span(max(span.from_ms, one.starts_at_ms), min(span.until_ms, end_ms))
        if cut.from_ms < min(cut.until_ms, until_ms) and cut.until_ms > from_ms:
            yield Span(cut.from_ms, until_ms if cut.until_ms == FAR_MS else cut.until_ms)


def is_on(one: Maintenance, now_ms: int) -> bool:
    """Work is expected now."""
    if now_ms < one.starts_at_ms or (one.ends_at_ms is not None and now_ms >= one.ends_at_ms):
        return False
    return one.cron is None or _in_turn(
        one.cron, one.zone or "UTC", one.duration_ms or 0, now_ms // MINUTE_MS
    )


@lru_cache(maxsize=4096)
def _in_turn(line: str, zone: str, duration_ms: int, minute: int) -> bool:
    """Windows begin and end with a minute, so each minute asks once."""
    now_ms = minute * MINUTE_MS
    begins = _beginnings(line, zone, now_ms - duration_ms, now_ms + 1)
    return any(now_ms < begin_ms + duration_ms for begin_ms in begins)


def _spans(one: Maintenance, from_ms: int, until_ms: int) -> Iterator[Span]:
    if one.cron is None:
        yield Span(one.starts_at_ms, FAR_MS)
        return
    duration_ms = one.duration_ms or 0
    for begin_ms in _beginnings(one.cron, one.zone or "UTC", from_ms - duration_ms, until_ms):
        yield Span(begin_ms, begin_ms + duration_ms)


def _beginnings(line: str, zone_name: str, from_ms: int, until_ms: int) -> Iterator[int]:
    """Every moment of the span at which the cron begins, in order, each once."""
    schedule, zone, last_ms = cron.parse(line), zone_of(zone_name), -1
    day, last_day = local(from_ms, zone).date() - DAY, local(until_ms, zone).date() + DAY
    while day <= last_day:
        for begin_ms in _of_day(schedule, day, zone_name) if schedule.is_on(day) else ():
            if from_ms <= begin_ms < until_ms and begin_ms > last_ms:
                last_ms = begin_ms
                yield begin_ms
        day += DAY


def _of_day(schedule: Cron, day: date, zone_name: str) -> list[int]:
    zone, found = zone_of(zone_name), set()
    for at in schedule.times:
        wall = datetime.combine(day, at)
        if schedule.every_hour and is_skipped(wall, zone):
            continue  # the hour before goes over into the next one
        found.add(moment_ms(wall, zone))
        again = again_ms(wall, zone) if schedule.every_hour else None
        if again is not None:
            found.add(again)
    return sorted(found)


def quiet_until_ms(quiet: Quiet, now_ms: int) -> int | None:
    """When the quiet hours that are now will end; None when it is not quiet."""
    zone = zone_of(quiet.zone)
    today = local(now_ms, zone).date()
    for day in (today - DAY, today, today + DAY):
        span = _night(quiet, day)
        if span is not None and span.has(now_ms):
            return span.until_ms
    return None


def _night(quiet: Quiet, day: date) -> Span | None:
    """The quiet hours that begin on that day."""
    if quiet.weekdays is not None and day.weekday() not in quiet.weekdays:
        return None
    zone = zone_of(quiet.zone)
    ends_on = day if quiet.until_minute > quiet.from_minute else day + DAY
    return Span(
        moment_ms(datetime.combine(day, _time(quiet.from_minute)), zone),
        moment_ms(datetime.combine(ends_on, _time(quiet.until_minute)), zone),
    )


def _time(minute: int) -> time:
    return time(*divmod(minute % DAY_MINUTES, 60))
