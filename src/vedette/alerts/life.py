"""The life of an incident: what each round makes of it, and what to tell, if anything.

    (nothing) ── found ──▶ pending ── held long enough ──▶ open ── gone ──▶ resolved
                              └────────── gone (silently) ──────────────────▶ resolved

A muted incident keeps its state and tells nobody but its end; once its cause has ended it is given time to
end too. Telling exactly once is the store's part: an incident and its notices are saved in one transaction,
and `told_count` makes each message's key.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from vedette.alerts.mute import RESTART
from vedette.model.incident import Facts, Finding, Incident, Reason, Severity

Step = tuple[Incident, Reason | None]

MINUTE_MS = 60_000

AS_OF = "as_of_ms"  # the fact: when the other facts were judged
EXPLAINED_UNTIL = "explained_until_ms"  # the fact: when the cause of this trouble ended
ENDED = "ended"  # the fact: how the trouble ended, a word of its rule


@dataclass(frozen=True, slots=True)
class Patience:
    """How often to speak. 0 for a reminder means never."""

    remind_ms: int = 4 * 60 * MINUTE_MS
    remind_critical_ms: int = 30 * MINUTE_MS
    # A restarted validator joins the next round, but three signed and settled blocks take minutes to be seen.
    settle_ms: int = 5 * MINUTE_MS
    save_ms: int = MINUTE_MS  # a change of facts alone is written no more often than this


def advance(
    incident: Incident | None,
    finding: Finding | None,
    now_ms: int,
    patience: Patience,
    muted_by: str | None = None,
) -> tuple[Incident | None, Reason | None]:
    """One step of one incident's life: what it becomes, and what to tell. (None, None): there is none."""
    if incident is not None and incident.resolved_at_ms is not None:
        incident = None  # what is over stays over; the same trouble anew is a new incident
    if finding is None:
        return _end(incident, now_ms)
    met = _begin(finding, now_ms) if incident is None else _renew(incident, finding, now_ms)
    current = _mute(met, muted_by, now_ms)
    reason = _due(current, finding.hold_ms, now_ms, patience)
    return (current if reason is None else _tell(current, reason, now_ms)), reason


def round(  # noqa: A001 - a round of judging; nothing here rounds numbers
    unresolved: Collection[Incident],
    findings: Collection[Finding],
    muted: Mapping[str, str],
    now_ms: int,
    patience: Patience,
    endings: Mapping[str, str | None] | None = None,
) -> list[Step]:
    """One step of every incident's life; only what must be saved, in the order of keys.

    `endings` says how the incidents that are no longer found have ended. One without an ending is in doubt
    (its data is missing) and stays as it is. With no `endings` at all, not found means ended.
    """
    found = {finding.key: finding for finding in findings}
    known = {incident.key for incident in unresolved}
    steps = [_step_known(i, found.get(i.key), muted, now_ms, patience, endings) for i in unresolved]
    steps += [_step(None, f, muted, now_ms, patience) for f in findings if f.key not in known]
    return sorted((step for step in steps if step is not None), key=lambda step: step[0].key)


def _step_known(
    incident: Incident,
    finding: Finding | None,
    muted: Mapping[str, str],
    now_ms: int,
    patience: Patience,
    endings: Mapping[str, str | None] | None,
) -> Step | None:
    if finding is None and endings is not None:
        ending = endings.get(incident.key)
        if ending is None:
            return None
        incident = replace(incident, facts={**incident.facts, ENDED: ending})
    return _step(incident, finding, muted, now_ms, patience)


def _step(
    incident: Incident | None,
    finding: Finding | None,
    muted: Mapping[str, str],
    now_ms: int,
    patience: Patience,
) -> Step | None:
    muted_by = None if finding is None else muted.get(finding.key)
    after, reason = advance(incident, finding, now_ms, patience, muted_by)
    if after is None or (reason is None and not _worth_saving(incident, after, patience)):
        return None
    return after, reason


def _begin(finding: Finding, now_ms: int) -> Incident:
    return Incident(
        id=0,
        key=finding.key,
        rule=finding.rule,
        team_id=finding.team_id,
        severity=finding.severity,
        subject=finding.subject,
        facts={**finding.facts, AS_OF: now_ms},
        opened_at_ms=now_ms,
    )


def _renew(incident: Incident, finding: Finding, now_ms: int) -> Incident:
    """Newer facts replace older ones; one that slid out of the rule's window is still true and stays."""
    facts = {**incident.facts, **finding.facts}
    if facts != incident.facts:
        facts[AS_OF] = now_ms
    return replace(incident, severity=finding.severity, subject=finding.subject, facts=facts)


def _mute(incident: Incident, muted_by: str | None, now_ms: int) -> Incident:
    facts: Facts = incident.facts
    cause = incident.muted_by
    if cause is not None and muted_by is None and not cause.startswith(RESTART):
        facts = {**facts, EXPLAINED_UNTIL: now_ms}
    return replace(incident, muted_by=muted_by, facts=facts)


def _due(incident: Incident, hold_ms: int, now_ms: int, patience: Patience) -> Reason | None:
    """Why to speak now, if at all."""
    if incident.muted_by is not None or now_ms < _settled_at_ms(incident, patience):
        return None
    if incident.told_at_ms is None or incident.told_severity is None:
        return Reason.OPENED if now_ms - incident.opened_at_ms >= hold_ms else None
    if incident.severity.rank > incident.told_severity.rank:
        return Reason.ESCALATED
    remind_ms = patience.remind_critical_ms if incident.severity is Severity.CRITICAL else patience.remind_ms
    return Reason.REMINDED if remind_ms and now_ms - incident.told_at_ms >= remind_ms else None


def _settled_at_ms(incident: Incident, patience: Patience) -> int:
    explained_until = incident.facts.get(EXPLAINED_UNTIL)
    return int(explained_until) + patience.settle_ms if explained_until is not None else 0


def _tell(incident: Incident, reason: Reason, now_ms: int) -> Incident:
    told = incident.told_severity
    loudest = incident.severity if told is None else max(told, incident.severity, key=lambda s: s.rank)
    return replace(
        incident,
        told_at_ms=now_ms,
        told_severity=loudest,
        told_count=incident.told_count + 1,
        resolved_at_ms=now_ms if reason is Reason.RESOLVED else incident.resolved_at_ms,
    )


def _end(incident: Incident | None, now_ms: int) -> tuple[Incident | None, Reason | None]:
    if incident is None or (incident.id == 0 and incident.told_at_ms is None):
        return None, None  # nothing was told or kept: nothing to remember
    if incident.told_at_ms is None:
        return replace(incident, resolved_at_ms=now_ms), None
    return _tell(incident, Reason.RESOLVED, now_ms), Reason.RESOLVED


def _worth_saving(before: Incident | None, after: Incident, patience: Patience) -> bool:
    if before is None or replace(after, facts=before.facts) != before:
        return True
    if after.facts.get(EXPLAINED_UNTIL) != before.facts.get(EXPLAINED_UNTIL):
        return True
    return _as_of_ms(after) - _as_of_ms(before) >= patience.save_ms


def _as_of_ms(incident: Incident) -> int:
    return int(incident.facts.get(AS_OF, 0))


def told(steps: Collection[Step]) -> Iterator[tuple[Incident, Reason]]:
    """Only the steps that somebody should hear of."""
    for incident, reason in steps:
        if reason is not None:
            yield incident, reason
