"""What became of an incident, one event a change: found, told, taken on, over."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from vedette.model.incident import Incident, Reason


class Happening(StrEnum):
    """What an event is of."""

    FOUND = "found"
    CAME_BACK = "came_back"  # it had seemed over
    SEVERITY = "severity"  # it grew worse, or better
    DECISION = "decision"  # why it is told, or is not, is another reason than before
    TOLD = "told"  # messages were put on their way
    OVER = "over"
    ACKNOWLEDGED = "acknowledged"
    TAKEN_BACK = "taken_back"  # whoever had it has it no more
    RAN_OUT = "ran_out"  # whoever had it had it for a while, which is over
    CLOSED = "closed"  # somebody ended it by hand
    COMMENT = "comment"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a timeline. `detail` holds plain facts of that kind; `by` in it is an actor's code."""

    at_ms: int
    kind: Happening
    detail: Mapping[str, Any] = field(default_factory=dict)


def became(
    before: Incident | None,
    after: Incident,
    reason: Reason | None,
    channels: Sequence[str],
    now_ms: int,
) -> Iterator[Event]:
    """What one step of an incident's life adds to its timeline. `before`: as it was kept; None: it begins."""
    if before is None:
        yield Event(now_ms, Happening.FOUND, {"severity": after.severity.value})
    if after.flaps > (0 if before is None else before.flaps):
        yield Event(now_ms, Happening.CAME_BACK, {"times": after.flaps})
    if before is not None and before.severity is not after.severity:
        change = {"from": before.severity.value, "to": after.severity.value}
        yield Event(now_ms, Happening.SEVERITY, change)
    if reason is not None:
        told = {"reason": reason.value, "severity": after.severity.value, "channels": list(channels)}
        yield Event(now_ms, Happening.TOLD, told)
    elif after.resolved_at_ms is None and (before is None or _why(before) != _why(after)):
        yield Event(now_ms, Happening.DECISION, _why(after))
    if after.resolved_at_ms is not None and (before is None or before.resolved_at_ms is None):
        yield Event(now_ms, Happening.OVER, {"ended": after.facts.get("ended")})


def _why(incident: Incident) -> dict[str, str | None]:
    decision = incident.decision
    return {"decision": None if decision is None else decision.value, "cause": incident.muted_by}
