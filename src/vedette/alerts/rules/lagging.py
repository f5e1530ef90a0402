"""A node that has started is behind the others, on the PoW chain or the PoS chain.

Once a node has reached its normal phase it never leaves it, whatever it says: one that is hours behind calls
itself normal. So lag is measured against others: 100 epochs for two minutes, or 5 PoS blocks, is behind; 600
epochs or 20 blocks is so far that its answers are of the past and its signatures come too late.

Source: `cfx_getStatus` and `pos_getStatus`, against the team's other nodes and the endpoints followed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.of_nodes import ending_of, finding, heard
from vedette.alerts.rules.recovery import is_recovering
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.alerts.rules.subjects import member_votes, needed, planned
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.layers import Condition, Layer, Verdict
from vedette.model.view import NodeView, View

NAME = "lagging"
LAYERS = (Layer.POW, Layer.POS)
UNITS = {Layer.POW: "epochs", Layer.POS: "blocks"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LaggingLimit(Limit):
    """How long it must be behind. How far is behind: model/health.py."""

    hold_ms: int = 120_000


def lagging(view: View, ask: Ask[LaggingLimit]) -> Iterator[Finding]:
    """A node that has started is behind the others."""
    for node in heard(view):
        behind = _behind(node)
        busy = planned(node, view.now_ms) or is_recovering(node, view.now_ms)
        if behind is not None and not busy:
            yield _finding(view, node, *behind, ask(node.id))


def lagging_ending(incident: Incident, view: View, _limit: LaggingLimit) -> str | None:
    """Both chains are near again, or it was stopped or started anew."""

    def how(node: NodeView) -> str | None:
        states = {node.layers[layer].state for layer in LAYERS if layer in node.layers}
        if states == {Condition.HEALTHY}:
            return "near"
        return "stopped" if states & {Condition.DOWN, Condition.SYNCING} else None

    return ending_of(incident, view, how)


def _behind(node: NodeView) -> tuple[Layer, Verdict] | None:
    """The layer that is behind, the one that is far behind before another."""
    found = [
        (layer, verdict)
        for layer in LAYERS
        if (verdict := node.layers.get(layer)) is not None and verdict.state is Condition.LAGGING
    ]
    return max(found, key=lambda one: _is_far(one[1]), default=None)


def _is_far(verdict: Verdict) -> bool:
    return verdict.reason.endswith("_far_behind")


def _finding(view: View, node: NodeView, layer: Layer, verdict: Verdict, limit: LaggingLimit) -> Finding:
    facts: dict[str, str | int | float] = {
        "votes": member_votes(view, node),
        f"lag_{UNITS[layer]}": round(verdict.figures.get("lag", 0)),
        "value": round(verdict.figures.get("lag", 0)),
        "limit": round(verdict.figures.get("limit", 0)),
        "measure": UNITS[layer],
    }
    if "eta_seconds" in verdict.figures:
        facts["eta_seconds"] = round(verdict.figures["eta_seconds"])
    loud = _is_far(verdict) and needed(view, node)
    return finding(NAME, node, Severity.CRITICAL if loud else Severity.WARNING, facts, limit.hold_ms)


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=LaggingLimit,
    judge=lagging,
    ending=lagging_ending,
    clear_ms=60_000,
    quiet={"hold_ms": 600_000},
    paranoid={"hold_ms": 30_000},
)
