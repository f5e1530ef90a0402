"""What a digest tells, and when one is due. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

Every = Literal["never", "daily", "weekly"]

DAYS: Final = {"daily": 1, "weekly": 7}
ROWS_MAX: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestPlan:
    """How often a team wants one, when, and whereto. Hours are those of its zone's clocks."""

    every: Every = "never"
    hour: int = 8
    weekday: int | None = None  # 0 is Monday; only for weekly ones
    zone: str = "UTC"
    contacts: tuple[str, ...] = ()
    told_until_ms: int = 0  # the end of what the last one told

    def due_ms(self, now_ms: int) -> int | None:
        """The end of the period that is to be told now; None when none is due.

        One that was missed (the server was down) is told late, and only the newest of them.
        """
        if self.every == "never" or not self.contacts:
            return None
        last = self._last_ms(now_ms)
        return last if last > self.told_until_ms else None

    def begins_ms(self, until_ms: int) -> int:
        """When the period began that ends then: by the calendar, so a day may have 23 hours."""
        end = datetime.fromtimestamp(until_ms / 1000, ZoneInfo(self.zone))
        return _unix_ms(end - timedelta(days=DAYS[self.every]))

    def _last_ms(self, now_ms: int) -> int:
        now = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(self.zone))
        at = now.replace(hour=self.hour, minute=0, second=0, microsecond=0, fold=0)
        if self.every == "weekly":
            at -= timedelta(days=(at.weekday() - (self.weekday or 0)) % 7)
        if _unix_ms(at) > now_ms:
            at -= timedelta(days=DAYS[self.every])
        return _unix_ms(at)


def _unix_ms(at: datetime) -> int:
    """Of a clock's reading; arithmetic of clocks is by the calendar, so the zone is asked only here."""
    return int(at.astimezone(UTC).timestamp() * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A node or a validator: a share of the whole period, and of each part of it (None: not known)."""

    name: str
    ppm: int | None
    parts: tuple[float | None, ...] = ()
    lost: int = 0  # epochs in which it did not sign at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An incident of the period."""

    severity: str
    titles: dict[str, str]  # by language
    opened_at_ms: int
    resolved_at_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestMatter:
    """All that a digest tells. Lists are bounded; `_more` says how many were left out."""

    every: Every
    zone: str
    from_ms: int
    until_ms: int
    critical_count: int = 0
    warning_count: int = 0
    open_count: int = 0
    incidents: tuple[Told, ...] = ()
    incidents_more: int = 0
    validators: tuple[Row, ...] = ()
    validators_more: int = 0
    nodes: tuple[Row, ...] = ()
    nodes_more: int = 0
