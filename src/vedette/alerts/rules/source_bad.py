"""An endpoint by which the chain is followed does not answer, stands still or tells of another chain.

The others go on, so what is known of the validators is sound, and nobody is accused by it; but the fewer
endpoints are left, the less can be told apart. How far behind an endpoint is, is judged by what two of the
others agree on, or by the other one where there are two. While all fail it is our own line, and other rules
say so.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.model.incident import Finding, Incident, Severity, Subject, SubjectKind
from vedette.model.view import SourceView, View

NAME = "source_bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBadLimit(Limit):
    """How far behind is too far, and how long each fault may last untold."""

    loudest: Severity = Severity.WARNING
    lag_blocks: int = 20
    error_hold_ms: int = 600_000
    lag_hold_ms: int = 180_000
    differs_hold_ms: int = 10_000


def judge(view: View, ask: Ask[SourceBadLimit]) -> Iterator[Finding]:
    """An endpoint is bad while another one is well."""
    sources = view.monitor.sources
    if not any(is_well(one, ask(one.name)) for one in sources):
        return
    for one in sources:
        if not is_well(one, ask(one.name)):
            yield _finding(view, one, ask(one.name))


def ending(incident: Incident, view: View, limit: SourceBadLimit) -> str | None:
    """It is well again, or is no longer asked; None: all others fail too, so that nothing can be compared."""
    sources = {one.name: one for one in view.monitor.sources}
    one = sources.get(incident.subject.id)
    if one is None:
        return "not_watched"
    return "well" if is_well(one, limit) else None


def is_well(one: SourceView, limit: SourceBadLimit) -> bool:
    return one.error is None and not one.differs and (one.lag_blocks or 0) <= limit.lag_blocks


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
