"""One team's round: the rules' word on what is wrong, and its policy's on whom to tell of it.

`life` says what is due to be told; `routing` holds it back or names whom to tell. Incidents that nobody takes
on are passed on. What stands and was told shows why it is silent now: a silence, a maintenance, no contact.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from vedette.alerts import engine
from vedette.alerts.life import AS_OF, FIRST_TOLD, Patience, Step
from vedette.alerts.limits import Limits
from vedette.alerts.routing import Scene, Word, decide, ended_unheard, held_back, passed_on
from vedette.model.incident import Decision, Incident, Reason, Severity
from vedette.model.policy import Policy
from vedette.model.view import View

WAITING: Final = frozenset({Decision.SILENCED, Decision.MAINTENANCE, Decision.QUIET_HOURS})
"""Held back by people's will: whoever is to do something about it begins to be waited for when that ends."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What an incident became, and whom to tell, by reference; of its end whoever was told of it.

    `told` of an end: whoever was to be told of it after the quiet hours, which it did not outlast.
    """

    incident: Incident
    reason: Reason | None
    told: tuple[str, ...] = ()
    not_before_ms: int | None = None
    is_held: bool = False  # quiet hours hold or held it back: told together with what else they did


def judge(
    view: View,
    unresolved: Collection[Incident],
    limits: Limits,
    patience: Patience,
    before: Collection[Incident],
    policy: Policy,
) -> list[Telling]:
    """What to save of this round, with whom to tell."""
    scene = Scene.of(policy, view)

    def hold(incident: Incident, reason: Reason) -> Decision | None:
        decision = decide(incident, reason, scene).decision
        return None if decision in {Decision.TOLD, Decision.NO_CONTACT} else decision

    steps = engine.step(view, unresolved, limits, patience, before, hold)
    return list(tellings(steps, unresolved, scene, patience))


def tellings(
    steps: Collection[Step], unresolved: Collection[Incident], scene: Scene, patience: Patience
) -> Iterator[Telling]:
    """What the policy makes of the steps; and of incidents that took none."""
    known = {incident.key: incident for incident in unresolved}
    for incident, reason in steps:
        told = _told(incident, reason, known.pop(incident.key, None), scene, patience)
        if told is not None:
            yield told
    for incident in known.values() if _may_matter(scene) else ():
        told = _told(incident, None, incident, scene, patience)
        if told is not None:
            yield told


def _may_matter(scene: Scene) -> bool:
    """Whether an incident that took no step can have changed by the policy alone."""
    return bool(scene.silences or scene.maintenances or scene.routing.escalations)


def _told(
    incident: Incident, reason: Reason | None, before: Incident | None, scene: Scene, patience: Patience
) -> Telling | None:
    if reason is None and _found_somebody(incident, before, scene):
        incident, reason = _said(incident, scene), Reason.OPENED
    if reason is not None:
        return _spoken(incident, reason, before, scene)
    missed = _missed(incident, before, scene)
    if missed is not None:
        return missed
    shown = _shown(incident, before, scene)
    further = _passed_on(shown, scene)
    if further is not None:
        return further
    return Telling(shown, None) if _worth_saving(before, shown, patience) else None


def _found_somebody(incident: Incident, before: Incident | None, scene: Scene) -> bool:
    """It led to nobody until now, and would be told somebody: no reminder need be waited for."""
    if before is None or before.decision is not Decision.NO_CONTACT or incident.decision is not Decision.TOLD:
        return False
    over = incident.resolved_at_ms is not None
    return not over and bool(decide(incident, Reason.OPENED, scene).told)


def _said(incident: Incident, scene: Scene) -> Incident:
    return replace(incident, told_at_ms=scene.now_ms, told_count=incident.told_count + 1)


def _spoken(incident: Incident, reason: Reason, before: Incident | None, scene: Scene) -> Telling:
    word = decide(incident, reason, scene)
    if reason in {Reason.OPENED, Reason.ESCALATED}:
        incident = replace(_from_now(incident, scene), step=0)
    elif before is not None and before.decision in WAITING:
        incident = _from_now(incident, scene)
    if word.decision is Decision.NO_CONTACT:
        return Telling(replace(incident, decision=Decision.NO_CONTACT), None)
    return Telling(
        incident, reason, word.told, word.not_before_ms, is_held=_is_held(incident, reason, before, word)
    )


def _is_held(incident: Incident, reason: Reason, before: Incident | None, word: Word) -> bool:
    """What wakes somebody goes at once and by itself, whatever waited before it was so bad."""
    waited = before is not None and before.decision is Decision.QUIET_HOURS
    if reason is Reason.RESOLVED:
        return waited or word.not_before_ms is not None
    return waited and incident.severity is not Severity.CRITICAL


def _missed(incident: Incident, before: Incident | None, scene: Scene) -> Telling | None:
    """Nobody was told of it because the hours were quiet, and it is over: that is told after them."""
    waited = before is not None and before.decision is Decision.QUIET_HOURS
    is_over = incident.resolved_at_ms is not None and incident.closed_by is None
    if not waited or not is_over or incident.told_at_ms is not None:
        return None
    word = ended_unheard(incident, scene)
    if not word.told:
        return None
    return Telling(incident, Reason.RESOLVED, word.told, word.not_before_ms, is_held=True)


def _shown(incident: Incident, before: Incident | None, scene: Scene) -> Incident:
    """What was told and is not due again: why nothing would be told now, if so."""
    if incident.decision is not Decision.TOLD or incident.resolved_at_ms is not None:
        return incident
    word = held_back(incident, scene)
    if word is not None:
        return replace(incident, decision=word.decision)
    if before is None or before.decision is not Decision.NO_CONTACT:
        waited = before is not None and before.decision in WAITING
        return _from_now(incident, scene) if waited else incident
    return replace(incident, decision=decide(incident, Reason.REMINDED, scene).decision)


def _from_now(incident: Incident, scene: Scene) -> Incident:
    return replace(incident, facts={**incident.facts, FIRST_TOLD: scene.now_ms})


def _passed_on(incident: Incident, scene: Scene) -> Telling | None:
    due = passed_on(incident, scene) if scene.routing.escalations else None
    if due is None:
        return None
    step, told = due
    if not told:
        return Telling(replace(incident, step=step), None)
    further = replace(_said(incident, scene), step=step, decision=Decision.TOLD)
    return Telling(further, Reason.PASSED_ON, told)


def _worth_saving(before: Incident | None, after: Incident, patience: Patience) -> bool:
    """As `life` has it: a change of facts alone is written no more often than its patience says."""
    if before is None or replace(after, facts=before.facts) != before:
        return True
    return _as_of_ms(after.facts) - _as_of_ms(before.facts) >= patience.save_ms


def _as_of_ms(facts: Mapping[str, str | int | float]) -> int:
    return int(facts.get(AS_OF, 0))
