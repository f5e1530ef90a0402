"""An endpoint's certificate ends soon, or has ended.

From that moment on every client refuses to talk to it. Whoever renews by himself does so a month before, so
two weeks before the end something is broken already, and three days before it wakes somebody.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.of_nodes import DAY_MS, ending_of, finding, heard
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.view import NodeView, View

NAME = "certificate_ending"
DAYS = "endpoint.tls_days"
CALM_MS = 3_600_000
"""The days are told to a hundredth: the end is said to the hour."""
FAR_DAYS = 36_500.0
"""No certificate ended longer ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateEndingLimit(Limit):
    """How many days before the end."""

    warning_days: float = 14.0
    critical_days: float = 3.0


def judge(view: View, ask: Ask[CertificateEndingLimit]) -> Iterator[Finding]:
    """A certificate that should have been renewed by now."""
    for node in heard(view):
        limit, days = ask(node.id), node.numbers.get(DAYS)
        if days is not None and days < limit.warning_days:
            yield _finding(node, days, limit)


def ending(incident: Incident, view: View, limit: CertificateEndingLimit) -> str | None:
    """It has another certificate, that lasts longer."""

    def how(node: NodeView) -> str | None:
        days = node.numbers.get(DAYS)
        return "renewed" if days is not None and days >= limit.warning_days else None

    return ending_of(incident, view, how)


def _finding(node: NodeView, days: float, limit: CertificateEndingLimit) -> Finding:
    critical = days < limit.critical_days
    ends_at_ms = node.heard_at_ms + round(max(days, -FAR_DAYS) * DAY_MS)
    facts: dict[str, str | int | float] = {
        "deadline_ms": ends_at_ms - ends_at_ms % CALM_MS,
        "over": int(days < 0),
        "value": round(days, 1),
        "limit": limit.critical_days if critical else limit.warning_days,
        "measure": "days",
    }
    return finding(NAME, node, Severity.CRITICAL if critical else Severity.WARNING, facts)


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=CertificateEndingLimit,
    judge=judge,
    ending=ending,
    remind_ms=DAY_MS,
    quiet={"warning_days": 7.0},
    paranoid={"warning_days": 21.0, "critical_days": 7.0},
)
