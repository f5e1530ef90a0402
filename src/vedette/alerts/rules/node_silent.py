"""A node's agent has not been heard of for longer than it promised.

An endpoint that has no agent is silent when it has not answered this server.

Silence alone says only that nothing is known: the agent, its network or the whole host may be gone. An
elected validator shows on the chain whether its node lives: while it signs, the agent can wait until
morning; when it is missing as well, the host is probably gone, and absent_votes says how long a restart can
still save the epoch. Of any other node silence is all there is to know: somebody is woken after a quarter
of an hour. An endpoint that we only ask from here is somebody's own, and wakes nobody, unless its role is
`rpc`, so that others depend on it: then after a minute.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.alerts.rules.subjects import NEEDED_ROLES, member_votes, node_subject, planned, validator_of
from vedette.model.ballot import Ballot
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.view import NodeView, ProcessState, View

NAME = "node_silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSilentLimit(Limit):
    """How long a node may be silent before it is critical, if no elected validator shows how it is."""

    critical_after_ms: int = 15 * 60_000
    rpc_critical_after_ms: int = 60_000  # an endpoint that others depend on, asked from here


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
    votes = member_votes(view, node)
    facts: dict[str, str | int | float] = {
        "heard_at_ms": node.heard_at_ms,
        "votes": votes,
        "role": node.role,
        "validator_absent": int(_absent_now(view, node)),
    }
    if node.agentless:
        facts["agentless"] = 1
    return Finding(
        key=f"{NAME}/{node.id}",
        rule=NAME,
        team_id=node.team_id,
        severity=Severity.CRITICAL if not votes and _is_late(view, node, limit) else Severity.WARNING,
        subject=node_subject(node),
        facts=facts,
    )


def _is_late(view: View, node: NodeView, limit: NodeSilentLimit) -> bool:
    silent_ms = view.now_ms - node.due_at_ms
    if node.agentless:
        return node.role in NEEDED_ROLES and silent_ms >= limit.rpc_critical_after_ms
    return silent_ms >= limit.critical_after_ms


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
