"""Who is on call: turns that change by the clock on the wall, and whoever stands in."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from vedette.model.policy import Schedule
from vedette.model.zones import local, moment_ms, zone_of


@dataclass(frozen=True, slots=True)
class Duty:
    """Who is on call, until when, and who comes then. No end: nobody else ever comes."""

    now: str | None
    until_ms: int | None = None
    next: str | None = None


def on_call(schedule: Schedule, at_ms: int) -> str | None:
    """Whom to tell; None before the first turn, or when the rotation is empty and nobody stands in."""
    standing_in = [one for one in schedule.overrides if one.from_ms <= at_ms < one.until_ms]
    if standing_in:
        return max(standing_in, key=lambda one: one.from_ms).contact
    people, turn = schedule.rotation.people, turn_of(schedule, at_ms)
    return people[turn % len(people)] if people and turn is not None else None


def duty(schedule: Schedule, at_ms: int) -> Duty:
    """Who is on call, and who comes after him. A turn that goes to the same one again is no change."""
    now = on_call(schedule, at_ms)
    for change_ms in _changes(schedule, at_ms):
        after = on_call(schedule, change_ms)
        if after != now:
            return Duty(now, change_ms, after)
    return Duty(now)


def turn_of(schedule: Schedule, at_ms: int) -> int | None:
    """The number of the turn, from 0; None before the first."""
    if at_ms < turn_begins_ms(schedule, 0):
        return None
    days = (local(at_ms, zone_of(schedule.zone)).date() - _anchor(schedule)).days
    turn = max(days // schedule.rotation.every_days, 0)
    return turn if turn == 0 or turn_begins_ms(schedule, turn) <= at_ms else turn - 1


def turn_begins_ms(schedule: Schedule, turn: int) -> int:
    rotation = schedule.rotation
    day = rotation.starts_on
    if turn:
        day = _anchor(schedule) + timedelta(days=turn * rotation.every_days)
    at = time(rotation.handover.hour, rotation.handover.minute)
    return moment_ms(datetime.combine(day, at), zone_of(schedule.zone))


def _anchor(schedule: Schedule) -> date:
    """From which day turns are counted: a first turn that begins within a week is a short one."""
    rotation = schedule.rotation
    weekday = rotation.handover.weekday
    back = 0 if weekday is None else (rotation.starts_on.weekday() - weekday) % 7
    return rotation.starts_on - timedelta(days=back)


def _changes(schedule: Schedule, at_ms: int) -> Iterator[int]:
    """The moments at which somebody else may be on call; enough of them to see everybody once."""
    at = at_ms
    for _ in range(2 * len(schedule.overrides) + len(schedule.rotation.people) + 1):
        turn = turn_of(schedule, at)
        edges = [edge for one in schedule.overrides for edge in (one.from_ms, one.until_ms)]
        edges.append(turn_begins_ms(schedule, 0 if turn is None else turn + 1))
        at = min(edge for edge in edges if edge > at)
        yield at
