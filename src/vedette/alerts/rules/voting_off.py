"""A node that should vote is up and in step, its validator is elected, and it is set not to vote.

With `pos_started_as_voter=false`, the safe setting for a pair that shares a key, a node is silent after any
restart until somebody lets it vote; a switch that was left half done looks the same. All else is well, so
nothing else tells of it, and each epoch without a signature brings no reward.

Source: `test_posVotingStatus` (an intent, which a `false` proves), the committee, and the other carriers of
the key: while one of them votes, this one had better not.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.of_nodes import ending_of, finding, heard
from vedette.alerts.rules.recovery import is_recovering, is_starting
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.alerts.rules.subjects import carriers, member_votes, planned
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.view import NodeView, View

NAME = "voting_off"
VOTING = "node.voting"
BACKUP = "backup"


@dataclass(frozen=True, slots=True, kw_only=True)
class VotingOffLimit(Limit):
    """How long a switch by hand may leave nobody voting."""

    hold_ms: int = 30_000


def voting_off(view: View, ask: Ask[VotingOffLimit]) -> Iterator[Finding]:
    """A node that should vote is up and in step, and is set not to."""
    for node in heard(view):
        votes = member_votes(view, node)
        if votes and _should_vote(view, node) and _nobody_votes(view, node):
            facts = {"votes": votes, "copies": len(_others(view, node))}
            yield finding(NAME, node, Severity.CRITICAL, facts, ask(node.id).hold_ms)


def voting_off_ending(incident: Incident, view: View, _limit: VotingOffLimit) -> str | None:
    """Somebody votes with its key, or nothing is expected of it any more."""

    def how(node: NodeView) -> str | None:
        if node.states.get(VOTING) == "true" or any(_votes(one) for one in _others(view, node)):
            return "votes"
        if node.states.get(VOTING) == "false" and not member_votes(view, node):
            return "not_elected"
        return None

    return ending_of(incident, view, how)


def _should_vote(view: View, node: NodeView) -> bool:
    in_step = not is_starting(node) and not is_recovering(node, view.now_ms)
    return node.role != BACKUP and in_step and not planned(node, view.now_ms)


def _nobody_votes(view: View, node: NodeView) -> bool:
    """One of which nothing is heard may well vote, so it leaves the matter open."""
    others = _others(view, node)
    return node.states.get(VOTING) == "false" and all(one.states.get(VOTING) == "false" for one in others)


def _others(view: View, node: NodeView) -> list[NodeView]:
    if node.pos_address is None:
        return []
    return [one for one in carriers(view, node.pos_address, node.team_id) if one.id != node.id]


def _votes(node: NodeView) -> bool:
    return node.states.get(VOTING) == "true"


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=VotingOffLimit,
    judge=voting_off,
    ending=voting_off_ending,
    paranoid={"hold_ms": 10_000},
)
