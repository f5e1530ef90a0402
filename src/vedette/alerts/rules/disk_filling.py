"""A file system under a node's data or logs is filling up.

A full disk stops a node in the middle of a write, and its database may not open again. What tells is the
trend: a straight line through the last six hours, as the agent sees it. A short burst must not page, so a
trend is believed only after an hour. On the large disks that such nodes have, a share says nothing; shares
are judged on disks below a terabyte, and the absolute rest on all that ever had so much to spare. pos.log is
named when it is large: nobody rotates it by default.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from vedette.alerts.rules.of_nodes import HOUR_MS, ending_of, finding, heard
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.model.incident import Facts, Finding, Incident, Severity, SubjectKind
from vedette.model.view import NodeView, View

NAME = "disk_filling"
VOLUMES: Final = ("disk.data", "disk.pos", "disk.log")
HOST: Final = "host.disk"  # told by an agent that does not know the node's folders
DAY_S: Final = 86_400
HOUR_S: Final = 3_600
CALM_MS: Final = 600_000
POS_LOG_LARGE_BYTES: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskFillingLimit(Limit):
    """When a disk is too full, by its trend, by what is left, and by its share."""

    warning_days: float = 14.0  # to full
    critical_hours: float = 48.0  # to full
    trend_hold_ms: int = HOUR_MS
    critical_free_bytes: int = 20_000_000_000
    free_of_bytes: int = 100_000_000_000  # a smaller disk never had so much to spare
    warning_free_ratio: float = 0.15
    critical_free_ratio: float = 0.07
    shares_below_bytes: int = 1_000_000_000_000


@dataclass(frozen=True, slots=True)
class Volume:
    """One file system, as the agent told of it last."""

    name: str
    free_bytes: float
    total_bytes: float
    free_ratio: float
    seconds_to_full: float | None


@dataclass(frozen=True, slots=True)
class Shortage:
    """How bad, and by what: `free`, `share` or `trend`."""

    severity: Severity
    by: str
    volume: Volume


def judge(view: View, ask: Ask[DiskFillingLimit]) -> Iterator[Finding]:
    """A file system of the node is nearly full, or will be soon."""
    for node in heard(view):
        limit = ask(node.id)
        if (worst := shortage(volumes(node), limit)) is not None:
            hold_ms = limit.trend_hold_ms if worst.by == "trend" else 0
            yield finding(NAME, node, worst.severity, _facts(node, worst, limit), hold_ms)


def ending(incident: Incident, view: View, limit: DiskFillingLimit) -> str | None:
    """There is clearly more room than the limits ask for."""

    def how(node: NodeView) -> str | None:
        known = volumes(node)
        return "room_again" if known and shortage(known, eased(limit)) is None else None

    return ending_of(incident, view, how)


def eased(limit: DiskFillingLimit) -> DiskFillingLimit:
    """What must be exceeded before it is called over."""
    return replace(
        limit,
        warning_days=limit.warning_days * 1.5,
        critical_free_bytes=limit.critical_free_bytes * 11 // 10,
        warning_free_ratio=limit.warning_free_ratio * 1.1,
    )


def volumes(node: NodeView) -> list[Volume]:
    """Those that the agent tells of, each file system once."""
    own = [volume for name in VOLUMES if (volume := _volume(node, name)) is not None]
    host = _volume(node, HOST)
    return own or ([] if host is None else [host])


def _volume(node: NodeView, name: str) -> Volume | None:
    used, total = (node.numbers.get(f"{name}.{what}_bytes") for what in ("used", "total"))
    if used is None or not total:
        return None
    # The part kept for root is not the node's: the ratio knows of it, the total does not.
    ratio = node.numbers.get(f"{name}.used_ratio", used / total)
    free = used * (1 - ratio) / ratio if ratio > 0 else total - used
    return Volume(
        name, min(max(free, 0), total), total, 1 - ratio, node.numbers.get(f"{name}.seconds_to_full")
    )


def shortage(known: list[Volume], limit: DiskFillingLimit) -> Shortage | None:
    """The worst of all volumes, if any is short."""
    found = [one for volume in known for one in _shortages(volume, limit)]
    return max(found, key=lambda one: one.severity.rank, default=None)


def _shortages(volume: Volume, limit: DiskFillingLimit) -> Iterator[Shortage]:
    """What is true now comes before what a trend says."""
    if volume.total_bytes >= limit.free_of_bytes and volume.free_bytes < limit.critical_free_bytes:
        yield Shortage(Severity.CRITICAL, "free", volume)
    if volume.total_bytes < limit.shares_below_bytes and volume.free_ratio < limit.warning_free_ratio:
        critical = volume.free_ratio < limit.critical_free_ratio
        yield Shortage(Severity.CRITICAL if critical else Severity.WARNING, "share", volume)
    to_full = volume.seconds_to_full
    if to_full is not None and to_full < limit.warning_days * DAY_S:
        critical = to_full < limit.critical_hours * HOUR_S
        yield Shortage(Severity.CRITICAL if critical else Severity.WARNING, "trend", volume)


def _facts(node: NodeView, worst: Shortage, limit: DiskFillingLimit) -> Facts:
    volume = worst.volume
    facts: dict[str, str | int | float] = {
        "volume": volume.name.removeprefix("disk."),
        "free_bytes": max(int(volume.free_bytes), 1),
        "total_bytes": int(volume.total_bytes),
        "by_trend": int(worst.by == "trend"),
        **_measure(worst, limit),
    }
    if (path := node.states.get(f"{volume.name}.path")) is not None:
        facts["path"] = path
    if volume.seconds_to_full is not None:
        full_at_ms = node.heard_at_ms + int(volume.seconds_to_full) * 1000
        facts["deadline_ms"] = full_at_ms - full_at_ms % CALM_MS
    if (pos_log := node.numbers.get("disk.pos_log_bytes", 0)) >= POS_LOG_LARGE_BYTES:
        facts["pos_log_bytes"] = int(pos_log)
    return facts


def _measure(worst: Shortage, limit: DiskFillingLimit) -> Facts:
    critical = worst.severity is Severity.CRITICAL
    if worst.by == "trend":
        days = round((worst.volume.seconds_to_full or 0) / DAY_S, 1)
        return {
            "value": days,
            "limit": limit.critical_hours / 24 if critical else limit.warning_days,
            "measure": "days",
        }
    if worst.by == "free":
        return {
            "value": int(worst.volume.free_bytes),
            "limit": limit.critical_free_bytes,
            "measure": "bytes",
        }
    most = limit.critical_free_ratio if critical else limit.warning_free_ratio
    return {"value": round(worst.volume.free_ratio, 3), "limit": most, "measure": "ratio"}


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=DiskFillingLimit,
    judge=judge,
    ending=ending,
    clear_ms=CALM_MS,
    quiet={"warning_days": 7.0},
    paranoid={"warning_days": 30.0, "critical_hours": 96.0},
)
