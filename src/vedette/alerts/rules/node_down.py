"""A node's process ended and nobody planned it.

Its agent saw the process end, so there is nothing to guess and nothing to wait for. When the node carries an
elected validator and does not return within a minute, votes and reward are being lost: someone should wake.
So it is with a node whose role is `rpc`: others depend on its answers. A backup, a full or an archive node
that carries no vote can wait until morning.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.alerts.rules.subjects import NEEDED_ROLES, member_votes, node_subject, planned
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.view import NodeView, ProcessState, View

NAME = "node_down"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDownLimit(Limit):
    """How long an elected validator's node, or one that answers others, may be down before it is critical."""

    critical_after_ms: int = 60_000


def node_down(view: View, ask: Ask[NodeDownLimit]) -> Iterator[Finding]:
    """A node's process ended and nobody planned it, or a planned stop is over and it has not returned."""
    for node in view.nodes.values():
        if node.process is ProcessState.GONE and not planned(node, view.now_ms):
            yield _finding(view, node, ask(node.id))


def node_down_ending(incident: Incident, view: View, _limit: NodeDownLimit) -> str | None:
    """How it ended: the node runs, or its stop was announced after all; None while the agent cannot tell."""
    node = view.nodes.get(incident.subject.id)
    if node is None:
        return "not_watched"
    if node.process is ProcessState.GONE:
        return "planned"
    # A process that the agent cannot see, whose RPC tells a sync phase, does run.
    if node.process is ProcessState.RUNNING or node.sync_phase is not None:
        return "running"
    return None


def overran(node: NodeView) -> bool:
    """It stopped within a stop that was planned, and the plan's end has passed."""
    return (
        node.planned_stop_until_ms is not None
        and node.died_at_ms is not None
        and node.died_at_ms <= node.planned_stop_until_ms
    )


def _finding(view: View, node: NodeView, limit: NodeDownLimit) -> Finding:
    votes = member_votes(view, node)
    late = view.now_ms - unexpected_since_ms(node) >= limit.critical_after_ms
    facts: dict[str, str | int | float] = {"votes": votes, "role": node.role}
    if node.died_at_ms is not None:
        facts["died_at_ms"] = node.died_at_ms
    if overran(node) and node.planned_stop_until_ms is not None:
        facts["planned_stop_overrun"] = 1
        facts["planned_stop_until_ms"] = node.planned_stop_until_ms
    return Finding(
        key=f"{NAME}/{node.id}",
        rule=NAME,
        team_id=node.team_id,
        severity=Severity.CRITICAL if late and (votes or node.role in NEEDED_ROLES) else Severity.WARNING,
        subject=node_subject(node),
        facts=facts,
    )


def unexpected_since_ms(node: NodeView) -> int:
    """Since when the node should have been running; 0 (long ago) when nobody saw it end."""
    if overran(node) and node.planned_stop_until_ms is not None:
        return node.planned_stop_until_ms
    return node.died_at_ms or 0


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=NodeDownLimit,
    judge=node_down,
    ending=node_down_ending,
)
