"""Lines as cron has them: on which days, and at which times of day, something begins."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time
from functools import cache
from typing import Final

from vedette.model.errors import SettingError

DAY_HOURS: Final = 24
TIMES_MAX: Final = 24
"""So many beginnings a day at most: whoever needs more means always."""
FIELDS: Final = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
NAMES: Final = {
    "month": ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    "weekday": ("sun", "mon", "tue", "wed", "thu", "fri", "sat"),
}
PART: Final = re.compile(r"(?P<all>\*)|(?P<first>\w+)(?:-(?P<last>\w+))?")


@dataclass(frozen=True, slots=True)
class Cron:
    """Days and times. A day of the month or a weekday will do where both are given, as cron has it."""

    times: tuple[time, ...]  # ascending
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 0 is Sunday
    by_either: bool  # day of month and weekday are both given: either will do
    every_hour: bool  # it goes by the hour, not by the clock on the wall

    def is_on(self, day: date) -> bool:
        """Whether it begins on that day."""
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        fits = (of_month or of_week) if self.by_either else (of_month and of_week)
        return fits and day.month in self.months


@cache
def parse(line: str) -> Cron:
    """Five fields: minute, hour, day, month, weekday. Raises SettingError."""
    given = line.split()
    if len(given) != len(FIELDS):
        raise SettingError(
            "cron has five fields (minute hour day month weekday), like '0 3 * * 1';"
            f" {line!r} has {len(given)}"
        )
    minutes, hours, days, months, weekdays = (
        frozenset(_field(text, *field)) for text, field in zip(given, FIELDS, strict=True)
    )
    if len(minutes) * len(hours) > TIMES_MAX:
        raise SettingError(f"cron {line!r} begins more than {TIMES_MAX} times a day")
    return Cron(
        times=tuple(time(hour, minute) for hour in sorted(hours) for minute in sorted(minutes)),
        days=days,
        months=months,
        weekdays=frozenset(day % 7 for day in weekdays),
        by_either=not given[2].startswith("*") and not given[4].startswith("*"),
        every_hour=len(hours) == DAY_HOURS,
    )


def _field(text: str, name: str, least: int, most: int) -> Iterator[int]:
    for part in text.split(","):
        span, slash, step = part.partition("/")
        found = PART.fullmatch(span)
        if found is None or (slash and not (step.isascii() and step.isdigit() and int(step))):
            raise SettingError(f"cron: {part!r} is no {name}; write a number, 1-5, */15, or a list of these")
        if found["all"]:
            first, last = least, most
        else:
            first = _number(found["first"], name, least, most)
            open_end = most if slash else first
            last = open_end if found["last"] is None else _number(found["last"], name, least, most)
        if last < first:
            raise SettingError(f"cron: {part!r} ends before it begins")
        yield from range(first, last + 1, int(step) if slash else 1)


def _number(word: str, name: str, least: int, most: int) -> int:
    names = NAMES.get(name, ())
    if word.lower() in names:
        return names.index(word.lower()) + least
    if not (word.isascii() and word.isdigit() and least <= int(word[:4]) <= most):
        raise SettingError(f"cron: a {name} is from {least} to {most}, not {word!r}")
    return int(word)
