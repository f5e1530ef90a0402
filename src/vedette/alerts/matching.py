"""Which incidents people mean when they name rules, nodes, labels, groups or validators.

A node's trouble is also its validator's: it is meant by the address of the key that it carries. A validator's
is also that of its nodes, but only if all of them are meant, since one that is not could sign.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

from vedette.alerts.rules.subjects import carriers
from vedette.model.incident import Incident, Severity, SubjectKind
from vedette.model.policy import Matcher
from vedette.model.pos import PosAddress
from vedette.model.view import NodeView, View


@dataclass(frozen=True, slots=True)
class Target:
    """What can be asked of an incident. A validator has the labels and groups that all its nodes have."""

    rule: str
    severity: Severity
    kind: SubjectKind
    id: str
    nodes: frozenset[str] = frozenset()  # that carry the validator's key
    labels: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    validator: str | None = None


def target_of(incident: Incident, view: View) -> Target:
    """What the view knows of the incident's subject."""
    subject = incident.subject
    nodes, validator = _around(incident, view)
    return Target(
        rule=incident.rule,
        severity=incident.severity,
        kind=subject.kind,
        id=subject.id,
        nodes=frozenset(node.id for node in nodes),
        labels=_common(nodes, lambda node: frozenset(node.labels)),
        groups=_common(nodes, lambda node: frozenset() if node.group is None else frozenset({node.group})),
        validator=validator,
    )


def _around(incident: Incident, view: View) -> tuple[list[NodeView], str | None]:
    """The nodes behind the subject, and the validator that it is about."""
    subject = incident.subject
    if subject.kind is SubjectKind.VALIDATOR:
        return carriers(view, PosAddress(subject.id), incident.team_id), subject.id
    node = view.nodes.get(subject.id) if subject.kind is SubjectKind.NODE else None
    return ([], None) if node is None else ([node], node.pos_address)


def _common(nodes: list[NodeView], of: Callable[[NodeView], frozenset[str]]) -> frozenset[str]:
    return reduce(frozenset.intersection, map(of, nodes)) if nodes else frozenset()


def matches(matcher: Matcher, target: Target) -> bool:
    """Everything that the matcher gives holds of it."""
    return (
        (matcher.severity_min is None or target.severity.rank >= matcher.severity_min.rank)
        and (not matcher.rules or target.rule in matcher.rules)
        and (not matcher.kinds or target.kind in matcher.kinds)
        and (not matcher.validators or target.validator in matcher.validators)
        and (not matcher.labels or not target.labels.isdisjoint(matcher.labels))
        and (not matcher.groups or not target.groups.isdisjoint(matcher.groups))
        and (not matcher.subjects or _is_named(matcher.subjects, target))
    )


def _is_named(subjects: tuple[str, ...], target: Target) -> bool:
    return target.id in subjects or (bool(target.nodes) and target.nodes.issubset(subjects))
