"""An endpoint by which the chain is followed does not answer, stands still or tells of another chain.

The others go on, so what is known of the validators is sound, and nobody is accused by it; but the fewer
endpoints are left, the less can be told apart. How far behind an endpoint is, is judged by what two of the
others agree on, or by the other one where there are two.

While none of them is well, nobody's votes are seen, and an absence would not be told: that is said of all at
once, and wakes somebody when it has lasted for an hour. If it is our own line, nobody can be told; for that
there is the dead-man's switch.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.model.incident import Finding, Incident, Severity, Subject, SubjectKind
from vedette.model.view import SourceView, View

NAME = "source_bad"
ALL = Subject(SubjectKind.ENDPOINT, "*", "*")
BLIND_MS = 3_600_000
"""Not to see the votes for so long may cost an epoch that nobody could be woken for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBadLimit(Limit):
    """How far behind is too far, and how long each fault may last untold."""

    lag_blocks: int = 20
    error_hold_ms: int = 600_000
    lag_hold_ms: int = 180_000
    differs_hold_ms: int = 10_000


def judge(view: View, ask: Ask[SourceBadLimit]) -> Iterator[Finding]:
    """An endpoint is bad while another one is well."""
    sources = view.monitor.sources
    if not any(is_well(one, ask(one.name)) for one in sources):
        if sources:
            yield _blind(view, ask(ALL.id))
        return
    for one in sources:
        if not is_well(one, ask(one.name)):
            yield _finding(view, one, ask(one.name))


def ending(incident: Incident, view: View, limit: SourceBadLimit) -> str | None:
    """It is well again, or is no longer asked; None: all others fail too, so that nothing can be compared."""
    sources = {one.name: one for one in view.monitor.sources}
    if incident.subject.id == ALL.id:
        return "seen" if not sources or any(is_well(one, limit) for one in sources.values()) else None
    one = sources.get(incident.subject.id)
    if one is None:
        return "not_watched"
    return "well" if is_well(one, limit) else None


def is_well(one: SourceView, limit: SourceBadLimit) -> bool:
    return one.error is None and not one.differs and (one.lag_blocks or 0) <= limit.lag_blocks


def _blind(view: View, limit: SourceBadLimit) -> Finding:
    """None of them tells how the chain goes on."""
    heard = [one.heard_at_ms for one in view.monitor.sources if one.heard_at_ms is not None]
    errors = [one.error for one in view.monitor.sources if one.error is not None]
    facts: dict[str, str | int | float] = {"blind": 1, "error": next(iter(errors), "")}
    if heard:
        facts["heard_at_ms"] = max(heard)
    long = bool(view.validators and heard) and view.now_ms - max(heard) >= BLIND_MS
    return Finding(
        key=f"{NAME}/{ALL.id}",
        rule=NAME,
        team_id=view.team_id,
        severity=Severity.CRITICAL if long else Severity.WARNING,
        subject=ALL,
        facts=facts,
        hold_ms=limit.error_hold_ms,
    )


def _finding(view: View, one: SourceView, limit: SourceBadLimit) -> Finding:
    facts: dict[str, str | int | float] = {}
    if one.heard_at_ms is not None:
        facts["heard_at_ms"] = one.heard_at_ms
    if one.differs:
        facts |= {"differs": 1, "error": one.error or ""}
        hold_ms = limit.differs_hold_ms
    elif one.error is not None:
        facts |= {"fails": 1, "error": one.error}
        hold_ms = limit.error_hold_ms
    else:
        facts |= {"value": one.lag_blocks or 0, "limit": limit.lag_blocks, "measure": "blocks", "stuck": 1}
        hold_ms = limit.lag_hold_ms
    return Finding(
        key=f"{NAME}/{one.name}",
        rule=NAME,
        team_id=view.team_id,
        severity=Severity.WARNING,
        subject=Subject(SubjectKind.ENDPOINT, one.name, one.name),
        facts=facts,
        hold_ms=hold_ms,
    )


rule = Rule(
    name=NAME,
    about=SubjectKind.ENDPOINT,
    limit=SourceBadLimit,
    judge=judge,
    ending=ending,
    clear_ms=120_000,
    remind_ms=86_400_000,
    quiet={"error_hold_ms": 3_600_000},
)
