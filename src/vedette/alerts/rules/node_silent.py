"""A node's agent has not been heard of for longer than it promised.

An endpoint that has no agent is silent when it has not answered this server.

Silence alone says only that nothing is known: the agent, its network or the whole host may be gone. When the
node's validator is elected and missing from the newest block as well, the host is probably gone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.alerts.rules.subjects import member_votes, node_subject, planned, validator_of
from vedette.model.ballot import Ballot
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.view import NodeView, ProcessState, View

NAME = "node_silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSilentLimit(Limit):
    """How long an elected, absent validator's node may be silent before it is critical."""

    critical_after_ms: int = 300_000


def node_silent(view: View, ask: Ask[NodeSilentLimit]) -> Iterator[Finding]:
    """A node's agent has not been heard of for longer than it promised."""
    for node in view.nodes.values():
        # A process known to be gone is node_down's matter: one trouble, one message.
        known_gone = node.process is ProcessState.GONE
        if view.now_ms >= node.due_at_ms and not known_gone and not planned(node, view.now_ms):
            yield _finding(view, node, ask(node.id))


def node_silent_ending(incident: Incident, view: View, _limit: NodeSilentLimit) -> str | None:
    """How it ended: the agent spoke, or the silence was announced after all."""
    node = view.nodes.get(incident.subject.id)
    if node is None:
        return "not_watched"
    return "heard" if view.now_ms < node.due_at_ms or node.process is ProcessState.GONE else "planned"


def _finding(view: View, node: NodeView, limit: NodeSilentLimit) -> Finding:
    late = view.now_ms - node.due_at_ms >= limit.critical_after_ms
    absent = _absent_now(view, node)
    facts: dict[str, str | int | float] = {
        "heard_at_ms": node.heard_at_ms,
        "votes": member_votes(view, node),
    }
    if absent:
        facts["validator_absent"] = 1
    if node.agentless:
        facts["agentless"] = 1
    return Finding(
        key=f"{NAME}/{node.id}",
        rule=NAME,
        team_id=node.team_id,
        severity=Severity.CRITICAL if late and absent else Severity.WARNING,
        subject=node_subject(node),
        facts=facts,
    )


def _absent_now(view: View, node: NodeView) -> bool:
    validator = validator_of(view, node)
    if validator is None or not validator.votes:
        return False
    return validator.strip.rstrip(Ballot.UNSEEN).endswith(Ballot.ABSENT)


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=NodeSilentLimit,
    judge=node_silent,
    ending=node_silent_ending,
)
