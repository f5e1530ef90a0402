"""Wall clocks: which moment a local time is, and how days look from a place with summer time.

A local time that is skipped in spring is the first moment after the gap; one that comes twice in autumn is
the first of both. So local times in order are moments in order, whatever the zone does.
"""

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from vedette.model.errors import SettingError

SECOND_MS: Final = 1_000


def zone_of(name: str) -> ZoneInfo:
    """A zone by its IANA name. Raises SettingError."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise SettingError(
            f"there is no time zone {name!r}: write it as IANA does, like Europe/Berlin or UTC"
        ) from None


def local(at_ms: int, zone: ZoneInfo) -> datetime:
    """What a clock on the wall shows there."""
    return datetime.fromtimestamp(at_ms / 1000, zone).replace(tzinfo=None)


def moment_ms(wall: datetime, zone: ZoneInfo) -> int:
    """When a clock on the wall there first shows this time, or would have shown it."""
    first, second = _both(wall, zone)
    return first if first <= second else _after_gap(wall, zone, second, first)


def again_ms(wall: datetime, zone: ZoneInfo) -> int | None:
    """When it shows this time once more, in the hour that comes twice."""
    first, second = _both(wall, zone)
    return second if second > first else None


def is_skipped(wall: datetime, zone: ZoneInfo) -> bool:
    """No clock there ever shows it: it lies in the hour that spring leaves out."""
    first, second = _both(wall, zone)
    return first > second


def _both(wall: datetime, zone: ZoneInfo) -> tuple[int, int]:
    """The moment by the offset before a change of clocks, and by the one after it."""
    return _ms(wall.replace(tzinfo=zone, fold=0)), _ms(wall.replace(tzinfo=zone, fold=1))


def _ms(moment: datetime) -> int:
    return round(moment.astimezone(UTC).timestamp() * 1000)


def _after_gap(wall: datetime, zone: ZoneInfo, before_ms: int, after_ms: int) -> int:
    """The change of clocks between both moments, which are not on the same side of it; to the second."""
    while after_ms - before_ms > SECOND_MS:
        middle_ms = (before_ms + after_ms) // 2 // SECOND_MS * SECOND_MS
        if local(middle_ms, zone) < wall:
            before_ms = middle_ms
        else:
            after_ms = middle_ms
    return after_ms
