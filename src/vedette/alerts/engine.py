"""All rules over a view. `step` is the whole of judging: a loop calls it and saves what it says."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from vedette.alerts import life
from vedette.alerts.life import Patience, Step
from vedette.alerts.mute import explain
from vedette.alerts.rules.absent_votes import AbsentVotesLimit, absent_votes, absent_votes_ending
from vedette.alerts.rules.node_down import NodeDownLimit, node_down, node_down_ending
from vedette.alerts.rules.node_silent import NodeSilentLimit, node_silent, node_silent_ending
from vedette.model.incident import Finding, Incident
from vedette.model.view import View


@dataclass(frozen=True, slots=True)
class Limits:
    """Every rule's limit; the field's name is the rule's."""

    absent_votes: AbsentVotesLimit = field(default_factory=AbsentVotesLimit)
    node_down: NodeDownLimit = field(default_factory=NodeDownLimit)
    node_silent: NodeSilentLimit = field(default_factory=NodeSilentLimit)


@dataclass(frozen=True, slots=True)
class Rule:
    """What is wrong now, and how it ended once it is no longer found (None: the view cannot tell)."""

    name: str
    judge: Callable[[View, Limits], Iterator[Finding]]
    ending: Callable[[Incident, View, Limits], str | None]


RULES = (
    Rule(
        "absent_votes",
        lambda view, limits: absent_votes(view, limits.absent_votes),
        lambda incident, view, limits: absent_votes_ending(incident, view, limits.absent_votes),
    ),
    Rule(
        "node_down",
        lambda view, limits: node_down(view, limits.node_down),
        lambda incident, view, limits: node_down_ending(incident, view, limits.node_down),
    ),
    Rule(
        "node_silent",
        lambda view, limits: node_silent(view, limits.node_silent),
        lambda incident, view, limits: node_silent_ending(incident, view, limits.node_silent),
    ),
)

BY_NAME = {rule.name: rule for rule in RULES}


def judge(view: View, limits: Limits) -> list[Finding]:
    """Everything that is wrong in the view, sorted by key; each key at most once."""
    found = {finding.key: finding for rule in RULES for finding in rule.judge(view, limits)}
    return [found[key] for key in sorted(found)]


def endings(
    view: View, unresolved: Collection[Incident], findings: Collection[Finding], limits: Limits
) -> dict[str, str | None]:
    """How each incident that is no longer found has ended; None where the view cannot tell."""
    standing = {finding.key for finding in findings}
    return {i.key: _ending(i, view, limits) for i in unresolved if i.key not in standing}


def _ending(incident: Incident, view: View, limits: Limits) -> str | None:
    rule = BY_NAME.get(incident.rule)
    return "rule_removed" if rule is None else rule.ending(incident, view, limits)


def step(view: View, unresolved: Collection[Incident], limits: Limits, patience: Patience) -> list[Step]:
    """Judge the view and take one step of every incident's life: what to save, with what to tell."""
    findings = judge(view, limits)
    ended = endings(view, unresolved, findings, limits)
    muted = explain(findings, view, patience.settle_ms)
    return life.round(unresolved, findings, muted, view.now_ms, patience, ended)
