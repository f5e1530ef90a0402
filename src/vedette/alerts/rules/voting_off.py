"""An elected validator's node is up and in step, and nobody votes with its key.

Whoever keeps a backup sets `pos_started_as_voter = false` on both nodes, so that no restart can make two
voters. The price is that after any restart the node waits, silent, until somebody has checked that the other
copy does not vote, and says `start_voting --initialize`. By itself it never ends.

Sources: `test_posVotingStatus` of every node of the team that carries the key, and the chain: somebody else
may vote with it who is not watched, so the newest blocks must lack its signature too.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vedette.alerts.rules.recovery import is_recovering
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.alerts.rules.subjects import carriers, is_heard, node_subject, planned, validator_of
from vedette.model.ballot import Ballot
from vedette.model.health import unsigned_run
from vedette.model.incident import Facts, Finding, Incident, Severity, SubjectKind
from vedette.model.layers import Condition, Layer
from vedette.model.pos import PosAddress
from vedette.model.view import NodeState, NodeView, ValidatorView, View, node_state

NAME = "voting_off"
OUT_OF_STEP = frozenset({Condition.FORKED, Condition.ZOMBIE, Condition.LAGGING, Condition.SYNCING})


@dataclass(frozen=True, slots=True, kw_only=True)
class VotingOffLimit(Limit):
    """Blocks in a row without its signature."""

    unsigned_blocks: int = 2  # warning
    critical_blocks: int = 10  # critical: it will not end by itself


def voting_off(view: View, ask: Ask[VotingOffLimit]) -> Iterator[Finding]:
    """An elected validator's node is up and in step, and nobody votes with its key."""
    for address, nodes in _by_key(view).items():
        validator = view.validators[address]
        unsigned = _unsigned(validator)
        ready = [node for node in nodes if _waits(view, node)]
        if validator.votes and all(_says_no(view, node) for node in nodes):
            for node in _first_choice(ready):
                if unsigned >= ask(node.id).unsigned_blocks:
                    yield _finding(node, validator, unsigned, ask(node.id))


def voting_off_ending(incident: Incident, view: View, _limit: VotingOffLimit) -> str | None:
    """Somebody votes with the key again, or its validator is no member any more; else nobody can tell."""
    node = view.nodes.get(incident.subject.id)
    if node is None:
        return "not_watched"
    validator = validator_of(view, node)
    if validator is None:
        return "not_watched"
    nodes = carriers(view, validator.address, validator.team_id)
    if any(is_heard(one, view.now_ms) and one.states.get("node.voting") == "true" for one in nodes):
        return "votes"
    known = validator.strip.rstrip(Ballot.UNSEEN)
    if known.endswith(Ballot.IDLE):
        return "not_elected"
    return "signed_elsewhere" if known.endswith((Ballot.SIGNED, Ballot.LED)) else None


def _by_key(view: View) -> dict[PosAddress, list[NodeView]]:
    """The nodes that carry a watched validator's key."""
    found: dict[PosAddress, list[NodeView]] = defaultdict(list)
    for node in view.nodes.values():
        address = node.pos_address
        if address is not None and address in view.validators and not node.agentless:
            found[address].append(node)
    return found


def _unsigned(validator: ValidatorView) -> int:
    return unsigned_run(validator.strip)[0]


def _says_no(view: View, node: NodeView) -> bool:
    """It does not vote, for certain: it says so now, or its process has ended. A silent one may vote."""
    state = node_state(node, view.now_ms)
    if state in {NodeState.DOWN, NodeState.STOPPED}:
        return not planned(node, view.now_ms)
    return is_heard(node, view.now_ms) and node.states.get("node.voting") == "false"


def _waits(view: View, node: NodeView) -> bool:
    """It could vote at once."""
    up = node_state(node, view.now_ms) is NodeState.UP and not planned(node, view.now_ms)
    layers = (node.layers.get(layer) for layer in (Layer.POW, Layer.POS))
    in_step = not any(verdict is not None and verdict.state in OUT_OF_STEP for verdict in layers)
    return up and in_step and not is_recovering(node, view.now_ms)


def _first_choice(nodes: Sequence[NodeView]) -> Sequence[NodeView]:
    """A backup is meant not to vote: it is named only where no other could."""
    return [node for node in nodes if node.role != "backup"] or nodes


def _finding(node: NodeView, validator: ValidatorView, unsigned: int, limit: VotingOffLimit) -> Finding:
    late = unsigned >= limit.critical_blocks
    facts: Facts = {
        "votes": validator.votes,
        "absent_blocks": unsigned,
        "value": unsigned,
        "limit": limit.critical_blocks if late else limit.unsigned_blocks,
        "measure": "blocks",
    }
    return Finding(
        key=f"{NAME}/{node.id}",
        rule=NAME,
        team_id=node.team_id,
        severity=Severity.CRITICAL if late else Severity.WARNING,
        subject=node_subject(node),
        facts=facts,
    )


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=VotingOffLimit,
    judge=voting_off,
    ending=voting_off_ending,
    clear_ms=20_000,
)
