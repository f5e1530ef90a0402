"""A node says that it votes, its validator is elected, and no signature follows.

`test_posVotingStatus` tells an intent, no vote. A node writes each vote into its guard file
(`secure_storage.json`) before the vote leaves it; where the file is missing or no longer written, it cannot
vote, whatever it says. So it is after `stop_voting` and `start_voting --initialize` in one process: the
status is true, and not one signature follows.

Sources: `node.voting`, the guard file, and ten blocks in a row without its signature.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.recovery import is_recovering
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.alerts.rules.subjects import member_votes, node_subject, planned
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.layers import Condition, Layer, Verdict
from vedette.model.view import NodeView, View

NAME = "voting_without_signing"
REASONS = frozenset({"voting_without_guard", "voting_not_signing"})


@dataclass(frozen=True, slots=True, kw_only=True)
class VotingWithoutSigningLimit(Limit):
    """How many blocks in a row must lack its signature; fewer than ten are never judged."""

    unsigned_blocks: int = 10


def voting_without_signing(view: View, ask: Ask[VotingWithoutSigningLimit]) -> Iterator[Finding]:
    """A node says that it votes, its validator is elected, and no signature follows."""
    for node in view.nodes.values():
        verdict = node.layers.get(Layer.VALIDATOR)
        if verdict is None or verdict.state is not Condition.ZOMBIE or verdict.reason not in REASONS:
            continue
        limit = ask(node.id).unsigned_blocks
        held = planned(node, view.now_ms) or is_recovering(node, view.now_ms)
        if not held and _unsigned(verdict) >= limit:
            yield _finding(view, node, verdict, limit)


def voting_without_signing_ending(
    incident: Incident, view: View, _limit: VotingWithoutSigningLimit
) -> str | None:
    """It signs, is no member any more, means not to vote, or was stopped; else the view cannot tell."""
    node = view.nodes.get(incident.subject.id)
    if node is None:
        return "not_watched"
    verdict = node.layers.get(Layer.VALIDATOR)
    if verdict is None:
        return None
    if verdict.state in {Condition.DOWN, Condition.SYNCING}:
        return "stopped"
    ends = {"signing": "signs_again", "not_member": "not_elected", "voting_off": "voting_off"}
    return ends.get(verdict.reason)


def _unsigned(verdict: Verdict) -> int:
    return round(verdict.figures.get("unsigned_blocks", 0))


def _finding(view: View, node: NodeView, verdict: Verdict, limit: int) -> Finding:
    facts: dict[str, str | int | float] = {
        "votes": member_votes(view, node),
        "absent_blocks": _unsigned(verdict),
        "no_guard": int(verdict.reason == "voting_without_guard"),
        "guard_seconds": round(verdict.figures.get("guard_age_seconds", 0)),
        "value": _unsigned(verdict),
        "limit": limit,
        "measure": "blocks",
    }
    return Finding(
        key=f"{NAME}/{node.id}",
        rule=NAME,
        team_id=node.team_id,
        severity=Severity.CRITICAL,
        subject=node_subject(node),
        facts=facts,
    )


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=VotingWithoutSigningLimit,
    judge=voting_without_signing,
    ending=voting_without_signing_ending,
)
