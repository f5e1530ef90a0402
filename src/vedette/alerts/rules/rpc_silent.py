"""A node's process lives, and its RPC does not answer.

A time-out is no death: while a node rebuilds its state after a start, RPC hangs or refuses for half an hour,
and its log tells how far it is. Once it has been in step, silence means a thread that ended or a machine out
of breath. Its validator may go on signing, so only a node whose users ask it wakes somebody.

Source: the agent's questions on the node's local port: each of three rounds failed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.of_nodes import ending_of, finding, heard
from vedette.alerts.rules.recovery import RESTART_MS, is_recovering
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.alerts.rules.subjects import NEEDED_ROLES, member_votes, planned
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.layers import Layer
from vedette.model.view import NodeView, ProcessState, View

NAME = "rpc_silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcSilentLimit(Limit):
    """How long it may be silent, and how long after a start."""

    hold_ms: int = 15_000  # three rounds of an agent
    start_ms: int = RESTART_MS


def rpc_silent(view: View, ask: Ask[RpcSilentLimit]) -> Iterator[Finding]:
    """A node's process lives, and its RPC does not answer."""
    for node in heard(view):
        limit = ask(node.id)
        if _is_silent(node) and not planned(node, view.now_ms) and not _is_starting(node, view.now_ms, limit):
            severity = Severity.CRITICAL if node.role in NEEDED_ROLES else Severity.WARNING
            facts: dict[str, str | int | float] = {"votes": member_votes(view, node)}
            if (error := node.states.get("probe.pow.error")) is not None:
                facts["error"] = error
            yield finding(NAME, node, severity, facts, limit.hold_ms)


def rpc_silent_ending(incident: Incident, view: View, _limit: RpcSilentLimit) -> str | None:
    """It answers, or its process ended, which is another matter."""

    def how(node: NodeView) -> str | None:
        if node.process is ProcessState.GONE:
            return "gone"
        verdict = node.layers.get(Layer.POW)
        return None if verdict is None or verdict.reason in {NAME, "phase_unknown"} else "answers"

    return ending_of(incident, view, how)


def _is_silent(node: NodeView) -> bool:
    """An endpoint without an agent that does not answer is silent altogether: node_silent's matter."""
    verdict = node.layers.get(Layer.POW)
    alive = node.process is not ProcessState.GONE and not node.agentless
    return alive and verdict is not None and verdict.reason == NAME


def _is_starting(node: NodeView, now_ms: int, limit: RpcSilentLimit) -> bool:
    """Its log says so; or it started a while ago, and nobody can read its log."""
    if is_recovering(node, now_ms):
        return True
    unread = "sync.log_phase" not in node.states
    return unread and node.running_since_ms is not None and now_ms - node.running_since_ms < limit.start_ms


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=RpcSilentLimit,
    judge=rpc_silent,
    ending=rpc_silent_ending,
    clear_ms=15_000,
    quiet={"hold_ms": 120_000},
)
