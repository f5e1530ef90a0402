"""Two nodes vote with one key, or a node's log has seen two different votes of it.

Whoever holds two votes of one author for one round sends a dispute by itself, and the chain locks the whole
stake for about half a year (CIP-156); before that it was lost. Two live copies of a key were disputed after
some fifteen rounds on a small network, so this is a matter of minutes. Nothing else is as urgent.

Sources: what each carrier of the key intends (`test_posVotingStatus`), and the line `Find Equivocate Vote` of
pos.log with the validator's address (conflux-rust, round_manager.rs). An answer that is not of now is not
believed: in a planned switch one copy stops a block before the other starts.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.of_validators import finding
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.alerts.rules.subjects import carriers, is_heard
from vedette.model.incident import Facts, Finding, Incident, Severity, SubjectKind
from vedette.model.pos import PosAddress
from vedette.model.view import NodeView, ProcessState, ValidatorView, View

NAME = "double_voting"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubleVotingLimit(Limit):
    """How old an answer may be that still counts."""

    answer_ms: int = 20_000


def double_voting(view: View, ask: Ask[DoubleVotingLimit]) -> Iterator[Finding]:
    """Two nodes vote with one key, or a node's log has seen two different votes of it."""
    voting, lines = _voting(view), _lines(view)
    for validator in view.validators.values():
        limit_ms = ask(validator.address).answer_ms
        said = voting.get(validator.address, [])
        nodes = [node for node in said if _age_ms(node, view.now_ms) <= limit_ms]
        seen = [node for node, line in lines if _names(line, validator.address)]
        if len(nodes) > 1 or seen:
            yield _finding(view, validator, nodes, seen)


def double_voting_ending(incident: Incident, view: View, _limit: DoubleVotingLimit) -> str | None:
    """At most one copy votes, and no log has told of it for an hour; None while a copy is not heard of."""
    validator = view.validators.get(PosAddress(incident.subject.id))
    if validator is None:
        return "not_watched"
    nodes = carriers(view, validator.address, validator.team_id)
    silent = [n for n in nodes if n.process is not ProcessState.GONE and not _says(n, view.now_ms)]
    voters = [node for node in nodes if _says(node, view.now_ms) and _votes(node)]
    return None if silent or len(voters) > 1 else "one_votes"


def _voting(view: View) -> dict[PosAddress, list[NodeView]]:
    """The nodes that say now that they vote, by the key that they hold."""
    found: dict[PosAddress, list[NodeView]] = defaultdict(list)
    for node in view.nodes.values():
        if node.pos_address is not None and is_heard(node, view.now_ms) and _votes(node):
            found[node.pos_address].append(node)
    return found


def _lines(view: View) -> list[tuple[NodeView, str]]:
    """What logs told within the hour of somebody's double vote."""
    return [
        (node, node.states.get("log.equivocation.line", ""))
        for node in view.nodes.values()
        if node.numbers.get("log.equivocation.hour_count", 0) > 0
    ]


def _names(line: str, address: PosAddress) -> bool:
    return address.removeprefix("0x").upper() in line.upper()


def _votes(node: NodeView) -> bool:
    return node.states.get("node.voting") == "true"


def _says(node: NodeView, now_ms: int) -> bool:
    return is_heard(node, now_ms) and "node.voting" in node.states


def _age_ms(node: NodeView, now_ms: int) -> float:
    """Since when it may be so no more: how old it was when it was told, and how long ago that was."""
    return node.numbers.get("probe.voting.age_seconds", 0) * 1000 + max(0, now_ms - node.heard_at_ms)


def _finding(view: View, validator: ValidatorView, nodes: list[NodeView], seen: list[NodeView]) -> Finding:
    facts: Facts = {
        "votes": validator.votes,
        "copies": len(nodes),
        "voters": ", ".join(sorted(node.name for node in nodes)) if len(nodes) > 1 else "",
        "witnesses": ", ".join(sorted(node.name for node in seen)),
        "value": max(len(nodes), 2 if seen else 0),
        "limit": 1,
        "measure": "count",
    }
    return finding(NAME, view, validator, Severity.CRITICAL, facts)


rule = Rule(
    name=NAME,
    about=SubjectKind.VALIDATOR,
    limit=DoubleVotingLimit,
    judge=double_voting,
    ending=double_voting_ending,
)
