"""What rules about nodes share: whose words are of now, a finding about one, and how such a one ends."""

from collections.abc import Callable, Iterator
from typing import Final

from vedette.alerts.rules.subjects import node_subject
from vedette.model.incident import Facts, Finding, Incident, Severity
from vedette.model.view import NodeView, View

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS


def is_heard(view: View, node: NodeView) -> bool:
    """Its agent speaks, so what it told is of now. What a silent one said last proves nothing."""
    return view.now_ms < node.due_at_ms


def heard(view: View) -> Iterator[NodeView]:
    return (node for node in view.nodes.values() if is_heard(view, node))


def finding(rule: str, node: NodeView, severity: Severity, facts: Facts, hold_ms: int = 0) -> Finding:
    """What is wrong with a node. A role chooses the runbook, and so does being asked from outside."""
    common: Facts = {"role": node.role, **({"agentless": 1} if node.agentless else {})}
    return Finding(
        key=f"{rule}/{node.id}",
        rule=rule,
        team_id=node.team_id,
        severity=severity,
        subject=node_subject(node),
        facts={**common, **facts},
        hold_ms=hold_ms,
    )


def ending_of(incident: Incident, view: View, how: Callable[[NodeView], str | None]) -> str | None:
    """`how` it ended is asked of a node that speaks; a silent one leaves it open."""
    node = view.nodes.get(incident.subject.id)
    if node is None:
        return "not_watched"
    return how(node) if is_heard(view, node) else None
