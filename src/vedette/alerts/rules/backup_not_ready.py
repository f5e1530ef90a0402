"""A backup could not take over if it had to.

Whoever needs a backup needs it at once, so what stands in its way is told before: it is not in step with the
chain, runs another release than the node that votes, votes itself beside that node, has a guard file of long
past epochs, or would begin to vote after any restart (`pos_started_as_voter` is not false), which makes two
voters with one key. All reasons are named in one message. A backup that votes while no other carrier of its
key does has taken over, and is no backup now.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vedette.alerts.rules.of_nodes import MINUTE_MS, ending_of, finding, heard, is_heard
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.alerts.rules.subjects import carriers
from vedette.model.incident import Facts, Finding, Incident, Severity, SubjectKind
from vedette.model.layers import Condition, Layer
from vedette.model.view import NodeView, View

NAME = "backup_not_ready"
ROLE = "backup"
LAYERS = (Layer.EXECUTION, Layer.POW, Layer.POS)
IN_STEP = frozenset({Condition.HEALTHY, Condition.UNKNOWN})
"""What is not known accuses nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupNotReadyLimit(Limit):
    """How long it may be so, and how old its guard file may be."""

    hold_ms: int = 2 * MINUTE_MS
    guard_behind_epochs: int = 2  # a node that does not vote writes it at each epoch's start


def judge(view: View, ask: Ask[BackupNotReadyLimit]) -> Iterator[Finding]:
    """A backup has something in its way."""
    for node in heard(view):
        limit = ask(node.id)
        if node.role == ROLE and not _has_taken_over(view, node):
            reasons = faults(view, node, limit)
            if any(reasons.values()):
                yield finding(NAME, node, Severity.WARNING, _facts(view, node, reasons), limit.hold_ms)


def ending(incident: Incident, view: View, limit: BackupNotReadyLimit) -> str | None:
    """Nothing is in its way, and all that could be is known; or it is no backup any more."""

    def how(node: NodeView) -> str | None:
        if node.role != ROLE:
            return "role_changed"
        if _has_taken_over(view, node):
            return "took_over"
        known = "node.voting" in node.states and all(
            layer in node.layers and node.layers[layer].state is not Condition.UNKNOWN for layer in LAYERS
        )
        return "ready" if known and not any(faults(view, node, limit).values()) else None

    return ending_of(incident, view, how)


def faults(view: View, node: NodeView, limit: BackupNotReadyLimit) -> Mapping[str, bool]:
    """Every reason by its name, and whether it holds."""
    states = {layer: node.layers[layer].state for layer in LAYERS if layer in node.layers}
    syncing = Condition.SYNCING in states.values()
    own, active = node.states.get("node.release"), _release_of_active(view, node)
    return {
        "syncing": syncing,
        **{
            f"behind_{layer}": not syncing and states.get(layer, Condition.UNKNOWN) not in IN_STEP
            for layer in LAYERS
        },
        "release_differs": own is not None and active is not None and own != active,
        "votes_too": _votes(node),  # beside another: else it has taken over
        "guard_stale": _guard_behind(node) > limit.guard_behind_epochs,
        "starts_voting": node.states.get("node.config.started_as_voter") == "true",
    }


def _votes(node: NodeView) -> bool:
    return node.states.get("node.voting") == "true"


def _others(view: View, node: NodeView) -> list[NodeView]:
    """The other nodes with its key of which something is known."""
    if node.pos_address is None:
        return []
    same = carriers(view, node.pos_address, node.team_id)
    return [other for other in same if other.id != node.id and is_heard(view, other)]


def _has_taken_over(view: View, node: NodeView) -> bool:
    return _votes(node) and not any(_votes(other) for other in _others(view, node))


def _release_of_active(view: View, node: NodeView) -> str | None:
    """Of the node that votes with its key."""
    voters = [other for other in _others(view, node) if _votes(other)]
    return next((release for one in voters if (release := one.states.get("node.release"))), None)


def _guard_behind(node: NodeView) -> float:
    guard, now = node.numbers.get("guard.epoch"), node.numbers.get("pos.epoch")
    return 0 if guard is None or now is None else now - guard


def _facts(view: View, node: NodeView, reasons: Mapping[str, bool]) -> Facts:
    count = sum(reasons.values())
    facts: dict[str, str | int | float] = {name: int(holds) for name, holds in reasons.items()}
    facts |= {"reasons": count, "value": count, "limit": 0, "measure": "count"}
    if reasons["release_differs"]:
        facts |= {
            "release": node.states["node.release"],
            "active_release": str(_release_of_active(view, node)),
        }
    if reasons["guard_stale"]:
        facts["guard_epochs"] = int(_guard_behind(node))
    return facts


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=BackupNotReadyLimit,
    judge=judge,
    ending=ending,
    clear_ms=MINUTE_MS,
    quiet={"hold_ms": 60 * MINUTE_MS},
    paranoid={"guard_behind_epochs": 1},
)
