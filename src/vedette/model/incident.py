"""What is wrong, since when, and what was said of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How loudly to speak."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class SubjectKind(StrEnum):
    """What an incident is about."""

    VALIDATOR = "validator"
    NODE = "node"
    NETWORK = "network"
    MONITOR = "monitor"  # this installation itself
    CONTACT = "contact"  # a contact point of the team
    ENDPOINT = "endpoint"  # by which we follow the chain


@dataclass(frozen=True, slots=True)
class Subject:
    """The one thing that an incident is about; `id` is a PoS address or a node's id."""

    kind: SubjectKind
    id: str
    name: str


Facts = Mapping[str, str | int | float]


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule says what is wrong now. The same trouble always has the same key."""

    key: str  # "node_down/ab12cd34"
    rule: str  # "node_down"
    team_id: int
    severity: Severity
    subject: Subject
    facts: Facts = field(default_factory=dict)  # what the texts in every language are made of
    hold_ms: int = 0  # how long it must last before anyone is told
    since_ms: int | None = None  # when it began, by our clock, where somebody saw it before we heard of it


class Reason(StrEnum):
    """Why a message was sent."""

    OPENED = "opened"
    ESCALATED = "escalated"
    REMINDED = "reminded"
    RESOLVED = "resolved"
    ACKNOWLEDGED = "acknowledged"  # somebody has it: told to services that ring until they know
    TAKEN_BACK = "taken_back"  # nobody has it any more: told to the same services
    PASSED_ON = "passed_on"  # nobody acknowledged it in time: the next ones are told


class Decision(StrEnum):
    """Why an incident is told at this moment, or is not. Its timeline keeps every change."""

    TOLD = "told"  # a message went out for it, and the next is not due
    HELD = "held"  # it has not lasted long enough yet
    EXPLAINED = "explained"  # another incident or a planned stop is its cause
    SETTLING = "settling"  # its cause ended a moment ago
    FLAPPING = "flapping"  # it comes and goes: one message says so, and its end is told once it is calm
    CLEARING = "clearing"  # no longer found, but not for long enough
    STORM = "storm"  # most of what is watched failed at once: first we doubt ourselves
    SILENCED = "silenced"
    MAINTENANCE = "maintenance"
    QUIET_HOURS = "quiet_hours"
    ACKNOWLEDGED = "acknowledged"  # somebody has it: no reminders, no passing on
    CLOSED = "closed"  # somebody ended it by hand, though it still stands
    NO_CONTACT = "no_contact"  # no route leads to anybody
    NOTED = "noted"  # a log entry: it tells nobody by itself


class IncidentState(StrEnum):
    """Where an incident is in its life."""

    PENDING = "pending"  # found, not yet lasting long enough to tell
    OPEN = "open"  # told
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody has it: no reminders and no passing on, until then or until it is more severe."""

    at_ms: int
    by: str
    severity: Severity  # as it was then
    until_ms: int | None = None  # None: until it is over


@dataclass(frozen=True, slots=True)
class Incident:
    """One trouble from its first finding to its end. `id` is 0 until the store has given one."""

    id: int
    key: str
    rule: str
    team_id: int
    severity: Severity
    subject: Subject
    facts: Facts
    opened_at_ms: int
    told_at_ms: int | None = None
    told_severity: Severity | None = None
    told_count: int = 0  # messages so far: part of each message's idempotency key
    resolved_at_ms: int | None = None
    muted_by: str | None = None  # the key of the incident that explains this one
    decision: Decision | None = None  # why it is, or is not, told now
    clear_since_ms: int | None = None  # since then it is no longer found, though not over yet
    flaps: int = 0  # how often it came back after it seemed over
    acked: "Acknowledgement | None" = None
    closed_by: str | None = None  # somebody ended it by hand
    step: int = 0  # escalation steps that were told

    @property
    def state(self) -> IncidentState:
        if self.resolved_at_ms is not None:
            return IncidentState.RESOLVED
        return IncidentState.PENDING if self.told_at_ms is None else IncidentState.OPEN


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to one channel, as the outbox keeps it."""

    id: int
    incident: Incident
    channel: str  # "email", "webhook-1" of the settings, "contact:ID", "members", "push:ID"
    reason: Reason
    key: str  # idempotency key: the same on every attempt
    created_at_ms: int
    attempts: int
    kind: str = "incident"  # or digest, test, notice: then `incident` says nothing, and `matter` all
    matter: Mapping[str, Any] = field(default_factory=dict)
    is_held: bool = False  # quiet hours held it back
