"""A node says that it votes, its validator is elected, and not one signature of it arrives.

It happens after `stop_voting` and `start_voting --initialize` in one process: the status says true, the guard
file is gone, and the node cannot write down a vote, so it casts none. It happens as well where its network
thread has ended. `test_posVotingStatus` tells an intent, and no monitor that asks only that will ever know.

Source: ten blocks in a row without its signature while it is a member, and `secure_storage.json`, which a
voter writes before each vote: absent, or not written for five minutes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.of_nodes import ending_of, finding, heard
from vedette.alerts.rules.recovery import is_recovering
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.alerts.rules.subjects import member_votes, planned
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.layers import Condition, Layer, Verdict
from vedette.model.view import NodeView, View

NAME = "voting_without_signing"
NO_GUARD = "voting_without_guard"


@dataclass(frozen=True, slots=True, kw_only=True)
class VotingWithoutSigningLimit(Limit):
    """Nothing but what every rule has: the ten blocks are those of the layer's verdict."""


def voting_without_signing(view: View, _ask: Ask[VotingWithoutSigningLimit]) -> Iterator[Finding]:
    """A node says that it votes, and not one signature of it arrives."""
    for node in heard(view):
        verdict = node.layers.get(Layer.VALIDATOR)
        busy = planned(node, view.now_ms) or is_recovering(node, view.now_ms)
        if verdict is not None and verdict.state is Condition.ZOMBIE and not busy:
            yield _finding(view, node, verdict)


def voting_without_signing_ending(
    incident: Incident, view: View, _limit: VotingWithoutSigningLimit
) -> str | None:
    """It signs, is no member any more, or was stopped; else it goes on."""

    def how(node: NodeView) -> str | None:
        verdict = node.layers.get(Layer.VALIDATOR)
        if verdict is None:
            return None
        if verdict.state is Condition.HEALTHY:
            return "not_elected" if verdict.reason == "not_member" else "signs"
        return "stopped" if verdict.state is Condition.DOWN or verdict.reason == "voting_off" else None

    return ending_of(incident, view, how)


def _finding(view: View, node: NodeView, verdict: Verdict) -> Finding:
    figures = verdict.figures
    facts: dict[str, str | int | float] = {
        "votes": member_votes(view, node),
        "unsigned_blocks": round(figures.get("unsigned_blocks", 0)),
        "value": round(figures.get("unsigned_blocks", 0)),
        "limit": round(figures.get("limit_blocks", 0)),
        "measure": "blocks",
    }
    if verdict.reason == NO_GUARD:
        facts["no_guard"] = 1
    elif "guard_age_seconds" in figures:
        facts["guard_age_seconds"] = round(figures["guard_age_seconds"])
    return finding(NAME, node, Severity.CRITICAL, facts)


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=VotingWithoutSigningLimit,
    judge=voting_without_signing,
    ending=voting_without_signing_ending,
)
