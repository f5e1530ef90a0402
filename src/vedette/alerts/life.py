"""The life of an incident: what each round makes of it, and what to tell, if anything.

    (nothing) ── found ──▶ pending ── held long enough ──▶ open ── gone long enough ──▶ resolved
                              └────────── gone (silently) ──────────────────────────────▶ resolved

A muted incident keeps its state and tells nobody but its end; once its cause has ended it is given time to
end too. What comes and goes is told once as such, and is over only when it has been calm for a while. Why an
incident is told at this moment, or is not, stands in it as its decision. Telling exactly once is the store's
part: an incident and its notices are saved in one transaction, and `told_count` makes each message's key.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from vedette.alerts.mute import RESTART
from vedette.model.incident import Decision, Facts, Finding, Incident, Reason, Severity

Step = tuple[Incident, Reason | None]

Hold = Callable[[Incident, Reason], Decision | None]
"""Asked before anything is told: why it may not be told now (a silence, quiet hours, ...); None: it may."""


def may_speak(_incident: Incident, _reason: Reason) -> None:
    """Nothing is held back."""


MINUTE_MS: Final = 60_000
BACK_AGAIN_MS: Final = 60 * MINUTE_MS
"""So long after a node was given time to settle, it is given none anew."""

AS_OF: Final = "as_of_ms"  # the fact: when the other facts were judged
EXPLAINED_UNTIL: Final = "explained_until_ms"  # the fact: when the cause of this trouble ended
ENDED: Final = "ended"  # the fact: how the trouble ended, a word of its rule
CLOSED: Final = "closed"  # how one ended that somebody closed by hand
BEGAN: Final = "began_at_ms"  # the fact: when it began, where that is known to be before it was found
FLAPS: Final = "flaps"  # the fact: how often it came back, once it is called flapping
FIRST_TOLD: Final = "first_told_at_ms"
"""The fact: since when somebody was to do something about it. Escalation steps are counted from there."""
RECOVERING: Final = "recovering"  # the fact: it is on its way back by itself
OWN: Final = frozenset({AS_OF, EXPLAINED_UNTIL, ENDED, BEGAN, FLAPS, FIRST_TOLD})
"""Facts of an incident's life. All others are its rule's."""
TIMES: Final = frozenset({AS_OF, EXPLAINED_UNTIL, FIRST_TOLD})


@dataclass(frozen=True, slots=True)
class Patience:
    """How often to speak. 0 for a reminder means never."""

    remind_ms: int = 4 * 60 * MINUTE_MS
    remind_critical_ms: int = 30 * MINUTE_MS
    # A restarted validator joins the next round, but three signed and settled blocks take minutes to be seen.
    settle_ms: int = 5 * MINUTE_MS
    save_ms: int = MINUTE_MS  # a change of facts alone is written no more often than this
    flaps: int = 2  # so often come back, it is called flapping
    again_ms: int = 10 * MINUTE_MS  # found anew so soon after its end, it came back
    calm_ms: int = 10 * MINUTE_MS  # a flapping one is over after so long


@dataclass(frozen=True, slots=True)
class Round:
    """What one round knows beside the findings; each by an incident's key.

    `endings`: how those that are no longer found have ended; one without an ending is in doubt (its data is
    missing) and stays as it is. None at all: not found means ended. `before`: the newest incident of that key
    that is over, if it ended within `Patience.again_ms`. `standing`: all that is found now.
    """

    now_ms: int
    patience: Patience = Patience()
    muted: Mapping[str, str] = field(default_factory=dict)
    endings: Mapping[str, str | None] | None = None
    clear_ms: Mapping[str, int] = field(default_factory=dict)  # by rule: gone for so long it is over
    remind_ms: Mapping[str, int] = field(default_factory=dict)  # by rule, where it has a pace of its own
    lasting: Mapping[str, frozenset[str]] = field(default_factory=dict)  # by rule: facts that stay true
    before: Mapping[str, Incident] = field(default_factory=dict)
    standing: Collection[str] = ()
    hold: Hold = may_speak


def advance(
    incident: Incident | None, finding: Finding | None, at: Round
) -> tuple[Incident | None, Reason | None]:
    """One step of one incident's life: what it becomes, and what to tell. (None, None): there is none."""
    if incident is not None and incident.resolved_at_ms is not None:
        incident = None  # what is over stays over; the same trouble anew is a new incident
    if incident is not None:
        incident = _of_the_past(incident, at.now_ms)
    if finding is None:
        return _gone(incident, at)
    met = _begin(finding, at) if incident is None else _renew(incident, finding, at)
    current = _mute(met, at.muted.get(finding.key), at)
    return _speak(current, *_due(current, finding.hold_ms, at), at)


def round(  # noqa: A001 - a round of judging; nothing here rounds numbers
    unresolved: Collection[Incident], findings: Collection[Finding], at: Round
) -> list[Step]:
    """One step of every incident's life; only what must be saved, in the order of keys."""
    found = {finding.key: finding for finding in findings}
    known = {incident.key for incident in unresolved}
    steps = [_step_known(incident, found.get(incident.key), at) for incident in unresolved]
    steps += [_step(None, finding, at) for finding in findings if finding.key not in known]
    return sorted((step for step in steps if step is not None), key=lambda step: step[0].key)


def is_flapping(incident: Incident, patience: Patience) -> bool:
    """It came back so often that each end of it proves little."""
    return incident.flaps >= patience.flaps


def is_acknowledged(incident: Incident, now_ms: int) -> bool:
    """Somebody has it, and it is no worse than when he took it."""
    acked = incident.acked
    if acked is None or incident.severity.rank > acked.severity.rank:
        return False
    return acked.until_ms is None or now_ms < acked.until_ms


def freed(incident: Incident, now_ms: int) -> Incident | None:
    """What becomes of one that somebody took for a while which is over now; None: it is none of those."""
    until_ms = None if incident.acked is None else incident.acked.until_ms
    if until_ms is None or now_ms < until_ms or incident.closed_by is not None:
        return None
    waits_since_ms = max(until_ms, int(incident.facts.get(FIRST_TOLD, 0)))
    return replace(incident, acked=None, facts={**incident.facts, FIRST_TOLD: waits_since_ms})


def _of_the_past(incident: Incident, now_ms: int) -> Incident:
    """Nothing of it lies ahead: a clock that was wrong, and was set back, must not silence it for ever."""
    latest_ms = now_ms + MINUTE_MS  # another server's clock may be a little fast

    def past(at_ms: int | None) -> int | None:
        return at_ms if at_ms is None or at_ms <= latest_ms else now_ms

    facts = {
        name: now_ms if name in TIMES and int(value) > latest_ms else value
        for name, value in incident.facts.items()
    }
    return replace(
        incident,
        opened_at_ms=min(incident.opened_at_ms, now_ms)
        if incident.opened_at_ms > latest_ms
        else incident.opened_at_ms,
        told_at_ms=past(incident.told_at_ms),
        clear_since_ms=past(incident.clear_since_ms),
        facts=facts,
    )


# --- a step -----------------------------------------------------------------------------------------------


def _step_known(incident: Incident, finding: Finding | None, at: Round) -> Step | None:
    after = incident
    if finding is None and at.endings is not None:
        ending = CLOSED if incident.closed_by is not None else at.endings.get(incident.key)
        if ending is None:
            return None
        after = replace(incident, facts={**incident.facts, ENDED: ending})
    return _step(after, finding, at)


def _step(incident: Incident | None, finding: Finding | None, at: Round) -> Step | None:
    after, reason = advance(incident, finding, at)
    if after is None or (reason is None and not _worth_saving(incident, after, at.patience)):
        return None
    return after, reason


def _begin(finding: Finding, at: Round) -> Incident:
    before = at.before.get(finding.key)
    incident = Incident(
        id=0,
        key=finding.key,
        rule=finding.rule,
        team_id=finding.team_id,
        severity=finding.severity,
        subject=finding.subject,
        facts={**finding.facts, **_beginning({}, finding), AS_OF: at.now_ms},
        opened_at_ms=at.now_ms,
    )
    return incident if before is None else _came_back(incident, before.flaps + 1, at)


def _renew(incident: Incident, finding: Finding, at: Round) -> Incident:
    """What is said no longer is no longer so, but for what the rule says stays true unseen."""
    lasting = OWN | at.lasting.get(incident.rule, frozenset())
    kept = {name: value for name, value in incident.facts.items() if name in lasting}
    facts = {**kept, **finding.facts, **_beginning(incident.facts, finding)}
    if _is_nearly_back(incident.facts, finding.facts, at.now_ms):
        facts[EXPLAINED_UNTIL] = at.now_ms
    if facts != incident.facts:
        facts[AS_OF] = at.now_ms
    current = replace(incident, severity=finding.severity, subject=finding.subject, facts=facts)
    return current if incident.clear_since_ms is None else _came_back(current, incident.flaps + 1, at)


def _beginning(known: Facts, finding: Finding) -> Facts:
    """The earliest that was told: news that was late on its way says too late a moment."""
    if finding.since_ms is None:
        return {}
    return {BEGAN: min(finding.since_ms, int(known.get(BEGAN, finding.since_ms)))}


def _is_nearly_back(before: Facts, after: Facts, now_ms: int) -> bool:
    """It has just come to the end of its way back: what it does then is seen some minutes later."""
    arrived = bool(before.get(RECOVERING)) and not after.get(RECOVERING)
    return arrived and now_ms - int(before.get(EXPLAINED_UNTIL, 0)) >= BACK_AGAIN_MS


def _came_back(incident: Incident, flaps: int, at: Round) -> Incident:
    facts = {name: value for name, value in incident.facts.items() if name != ENDED}
    if flaps >= at.patience.flaps:
        facts[FLAPS] = flaps
    return replace(incident, flaps=flaps, clear_since_ms=None, facts=facts)


def _mute(incident: Incident, muted_by: str | None, at: Round) -> Incident:
    """One that outgrew a cause which still stands waits for nothing; else what caused it has just ended."""
    facts: Facts = incident.facts
    cause = incident.muted_by
    over = cause is not None and cause not in at.standing and not cause.startswith(RESTART)
    if over and muted_by is None:
        facts = {**facts, EXPLAINED_UNTIL: at.now_ms}
    return replace(incident, muted_by=muted_by, facts=facts)


# --- whether to speak -------------------------------------------------------------------------------------


def _due(incident: Incident, hold_ms: int, at: Round) -> tuple[Reason | None, Decision]:
    """Why to speak now, if at all, and why it is so."""
    quiet = _quiet(incident, at)
    if quiet is not None:
        return None, quiet
    if incident.told_at_ms is None or incident.told_severity is None:
        lasting = at.now_ms - _began_ms(incident) >= hold_ms
        return (Reason.OPENED, Decision.TOLD) if lasting else (None, Decision.HELD)
    if incident.severity.rank > incident.told_severity.rank:
        return Reason.ESCALATED, Decision.TOLD
    return _reminder(incident, incident.told_at_ms, at)


def _began_ms(incident: Incident) -> int:
    """The earlier of when it was found and when it is known to have begun: news travels on nobody's time."""
    return min(incident.opened_at_ms, int(incident.facts.get(BEGAN, incident.opened_at_ms)))


def _quiet(incident: Incident, at: Round) -> Decision | None:
    """Why it says nothing of itself whatever the time, if so."""
    if incident.muted_by is not None:
        return Decision.EXPLAINED
    if at.now_ms < _settled_at_ms(incident, at.patience):
        return Decision.SETTLING
    if incident.closed_by is not None:
        return Decision.CLOSED
    return Decision.NOTED if incident.severity is Severity.INFO else None


def _reminder(incident: Incident, told_at_ms: int, at: Round) -> tuple[Reason | None, Decision]:
    if is_acknowledged(incident, at.now_ms):
        return None, Decision.ACKNOWLEDGED
    critical = incident.severity is Severity.CRITICAL
    usual_ms = at.patience.remind_critical_ms if critical else at.patience.remind_ms
    remind_ms = at.remind_ms.get(incident.rule, usual_ms)
    if remind_ms and at.now_ms - told_at_ms >= remind_ms:
        return Reason.REMINDED, Decision.TOLD
    return None, Decision.FLAPPING if is_flapping(incident, at.patience) else Decision.TOLD


def _settled_at_ms(incident: Incident, patience: Patience) -> int:
    explained_until = incident.facts.get(EXPLAINED_UNTIL)
    return int(explained_until) + patience.settle_ms if explained_until is not None else 0


def _speak(
    incident: Incident, reason: Reason | None, decision: Decision, at: Round
) -> tuple[Incident, Reason | None]:
    """Tell it, unless somebody wants it held back: then it is told once he no longer does."""
    shut = None if reason is None else at.hold(incident, reason)
    if reason is None or shut is not None:
        return replace(incident, decision=shut or decision), None
    return _tell(incident, at.now_ms), reason


def _tell(incident: Incident, now_ms: int) -> Incident:
    told = incident.told_severity
    loudest = incident.severity if told is None else max(told, incident.severity, key=lambda s: s.rank)
    return replace(
        incident,
        told_at_ms=now_ms,
        told_severity=loudest,
        told_count=incident.told_count + 1,
        decision=Decision.TOLD,
    )


# --- its end ----------------------------------------------------------------------------------------------


def _gone(incident: Incident | None, at: Round) -> tuple[Incident | None, Reason | None]:
    if incident is None or (incident.id == 0 and incident.told_at_ms is None):
        return None, None  # nothing was told or kept: nothing to remember
    if incident.told_at_ms is None:
        return replace(incident, resolved_at_ms=at.now_ms), None
    since_ms = at.now_ms if incident.clear_since_ms is None else incident.clear_since_ms
    flapping = is_flapping(incident, at.patience)
    wait_ms = at.patience.calm_ms if flapping else at.clear_ms.get(incident.rule, 0)
    if incident.closed_by is None and at.now_ms - since_ms < wait_ms:
        decision = Decision.FLAPPING if flapping else Decision.CLEARING
        return replace(incident, clear_since_ms=since_ms, decision=decision), None
    return _end(incident, at)


def _end(incident: Incident, at: Round) -> tuple[Incident, Reason | None]:
    """Whoever was told that it is, is told that it was; a silence covers that word as well."""
    over = replace(incident, resolved_at_ms=at.now_ms)
    return _speak(over, Reason.RESOLVED, Decision.TOLD, at)


def _worth_saving(before: Incident | None, after: Incident, patience: Patience) -> bool:
    if before is None or replace(after, facts=before.facts) != before:
        return True
    if any(after.facts.get(name) != before.facts.get(name) for name in (EXPLAINED_UNTIL, FLAPS, BEGAN)):
        return True
    return _as_of_ms(after) - _as_of_ms(before) >= patience.save_ms


def _as_of_ms(incident: Incident) -> int:
    return int(incident.facts.get(AS_OF, 0))
