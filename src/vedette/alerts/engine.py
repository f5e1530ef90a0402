"""All rules over a view. `step` is the whole of judging: a loop calls it and saves what it says."""

from collections.abc import Collection, Iterator
from dataclasses import replace

from vedette.alerts import life
from vedette.alerts.life import Hold, Patience, Round, Step, may_speak
from vedette.alerts.limits import BY_NAME, Limits
from vedette.alerts.mute import explain
from vedette.alerts.rules import RULES
from vedette.alerts.rules.rule import AnyRule
from vedette.model.incident import Finding, Incident
from vedette.model.view import View

CLEAR_MS = {rule.name: rule.clear_ms for rule in RULES}
REMIND_MS = {rule.name: rule.remind_ms for rule in RULES if rule.remind_ms is not None}

LASTING = {rule.name: rule.lasting for rule in RULES if rule.lasting}


def judge(view: View, limits: Limits) -> list[Finding]:
    """Everything that is wrong in the view, sorted by key; each key at most once."""
    found = {finding.key: finding for rule in RULES for finding in judged(rule, view, limits)}
    return [found[key] for key in sorted(found)]


def judged(rule: AnyRule, view: View, limits: Limits) -> Iterator[Finding]:
    """A rule's findings, without those of subjects for which it is off, and none louder than it may be."""
    ask = limits.asked(rule)
    for finding in rule.judge(view, ask):
        limit = ask(finding.subject.id)
        if limit.is_on:
            quietest = min(finding.severity, limit.loudest, key=lambda severity: severity.rank)
            yield replace(finding, severity=quietest)


def endings(
    view: View, unresolved: Collection[Incident], findings: Collection[Finding], limits: Limits
) -> dict[str, str | None]:
    """How each incident that is no longer found has ended; None where the view cannot tell."""
    standing = {finding.key for finding in findings}
    return {i.key: _ending(i, view, limits) for i in unresolved if i.key not in standing}


def _ending(incident: Incident, view: View, limits: Limits) -> str | None:
    rule = BY_NAME.get(incident.rule)
    if rule is None:
        return "rule_removed"
    limit = limits.of(rule, incident.subject.id)
    return rule.ending(incident, view, limit) if limit.is_on else "rule_off"


def step(
    view: View,
    unresolved: Collection[Incident],
    limits: Limits,
    patience: Patience,
    before: Collection[Incident] = (),
    hold: Hold = may_speak,
) -> list[Step]:
    """Judge the view and take one step of every incident's life: what to save, with what to tell.

    `before`: incidents that ended within `Patience.again_ms`. `hold`: whatever people want held back.
    """
    findings = judge(view, limits)
    at = Round(
        now_ms=view.now_ms,
        patience=patience,
        muted=explain(findings, view, patience.settle_ms),
        endings=endings(view, unresolved, findings, limits),
        clear_ms=CLEAR_MS,
        remind_ms=REMIND_MS,
        lasting=LASTING,
        before={incident.key: incident for incident in sorted(before, key=lambda one: one.id)},
        standing=frozenset(finding.key for finding in findings),
        hold=hold,
    )
    return life.round(unresolved, findings, at)
