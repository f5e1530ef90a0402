"""What several rules ask of a node that starts: whether it comes nearer, and when it will be back.

A restart rebuilds the node's state for half an hour and longer, in which RPC does not answer: then its log is
the only source. A start that goes on is no trouble by itself; whether it ends in time is.
"""

from typing import Final

from vedette.alerts.rules.subjects import carriers
from vedette.model.layers import Layer
from vedette.model.view import NodeView, ProcessState, ValidatorView, View

NORMAL_PHASE: Final = "NormalSyncPhase"
RESTART_MS: Final = 50 * 60_000
"""What a restart usually takes (CIP-99: 30 to 50 minutes)."""
FAR_S: Final = 10.0 * 365 * 86_400
"""Whoever hardly moves arrives some day: that is as far as is counted."""


def is_recovering(node: NodeView, now_ms: int, restart_ms: int = RESTART_MS) -> bool:
    """It is not in step yet, and comes nearer by its log (or by its RPC, once that answers).

    While neither tells how fast, it is believed for as long as a restart usually takes.
    """
    if now_ms >= node.due_at_ms or node.process is ProcessState.GONE or not is_starting(node):
        return False
    pace = _pace(node)
    return _usual_ms(node, now_ms, restart_ms) > 0 if pace is None else pace > 0


def is_starting(node: NodeView) -> bool:
    """It runs, and has not reached the normal phase, by its RPC or by its log."""
    told = node.states.get("node.sync_phase", node.sync_phase)
    phase = node.states.get("sync.log_phase", told) if _by_log(node) else told
    return phase not in {None, NORMAL_PHASE}


def left_ms(view: View, node: NodeView, restart_ms: int = RESTART_MS) -> int:
    """About how long its start still takes: by its pace, else by what a restart usually takes."""
    by_pace = _left_by_log(view, node) if _by_log(node) else _left_by_rpc(node)
    return _usual_ms(node, view.now_ms, restart_ms) if by_pace is None else by_pace


def recovering_carriers(view: View, validator: ValidatorView, restart_ms: int) -> list[NodeView]:
    """The nodes with its key that are on their way back."""
    nodes = carriers(view, validator.address, validator.team_id)
    return [node for node in nodes if is_recovering(node, view.now_ms, restart_ms)]


def _by_log(node: NodeView) -> bool:
    return node.states.get("sync.source") == "log"


def _pace(node: NodeView) -> float | None:
    return node.numbers.get("sync.recovered_per_second" if _by_log(node) else "pow.epochs_per_second")


def _usual_ms(node: NodeView, now_ms: int, restart_ms: int) -> int:
    return 0 if node.running_since_ms is None else max(0, node.running_since_ms + restart_ms - now_ms)


def _left_by_log(view: View, node: NodeView) -> int | None:
    reached, goal, pace = node.numbers.get("sync.recovered_height"), view.network.pow_epoch, _pace(node)
    if reached is None or goal is None or not pace:
        return None
    return round(min(max(0.0, goal - reached) / pace, FAR_S) * 1000)


def _left_by_rpc(node: NodeView) -> int | None:
    verdict = node.layers.get(Layer.POW)
    seconds = None if verdict is None else verdict.figures.get("eta_seconds")
    return None if seconds is None else round(min(seconds, FAR_S) * 1000)
