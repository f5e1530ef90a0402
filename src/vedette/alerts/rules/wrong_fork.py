"""A node follows another chain than the others.

Either its log says that a block's state or blame is invalid (wrong release, wrong fork, or corrupt state), or
at an epoch that all have confirmed most others, two at least, have another pivot block. Such a node answers
and looks alive, and everything it says and signs is worthless; a node that missed a fork must usually be
synced anew. Of an endpoint that others run, and nobody here depends on, it is a warning.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.of_nodes import ending_of, finding, heard
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.alerts.rules.subjects import member_votes
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.layers import Condition, Layer
from vedette.model.view import NodeView, View

NAME = "wrong_fork"
UNTOLD = frozenset({Condition.FORKED, Condition.UNKNOWN, Condition.SYNCING, Condition.DOWN})
"""A PoW layer in one of these says nothing of whether the node is back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongForkLimit(Limit):
    """What proves it."""

    invalid_state_lines: int = 1  # in the log, within an hour
    pivot_hold_ms: int = 35_000  # pivot blocks are asked each 30 s: the second sample must say so too


def judge(view: View, ask: Ask[WrongForkLimit]) -> Iterator[Finding]:
    """A node's log, or its pivot block at a confirmed epoch, says that it is on another chain."""
    for node in heard(view):
        limit = ask(node.id)
        lines, differs = _invalid_lines(node), _differs(node)
        if lines >= max(limit.invalid_state_lines, 1) or differs:
            yield _finding(view, node, limit, lines, differs)


def ending(incident: Incident, view: View, limit: WrongForkLimit) -> str | None:
    """The log is quiet for an hour, or the pivot blocks are compared and no longer differ."""

    def how(node: NodeView) -> str | None:
        if not incident.facts.get("pivot_differs") and "log.read_bytes" in node.numbers:
            return "log_quiet" if _invalid_lines(node) < max(limit.invalid_state_lines, 1) else None
        pow_layer = node.layers.get(Layer.POW)
        compared = pow_layer is not None and pow_layer.state not in UNTOLD
        return "agrees" if compared or node.numbers.get("endpoint.pivot_agrees") == 1 else None

    return ending_of(incident, view, how)


def _invalid_lines(node: NodeView) -> int:
    return int(node.numbers.get("log.invalid_state.hour_count", 0))


def _differs(node: NodeView) -> bool:
    forked = [verdict.reason for verdict in node.layers.values() if verdict.state is Condition.FORKED]
    return "pivot_differs" in forked or node.numbers.get("endpoint.pivot_agrees") == 0


def _finding(view: View, node: NodeView, limit: WrongForkLimit, lines: int, differs: bool) -> Finding:
    facts: dict[str, str | int | float] = {
        "votes": member_votes(view, node),
        "invalid_state_lines": lines,
        "pivot_differs": int(differs),
    }
    if lines:
        facts |= {"value": lines, "limit": limit.invalid_state_lines, "measure": "count"}
    if (release := node.states.get("node.release")) is not None:
        facts["release"] = release
    own = not node.agentless or node.role == "rpc"
    severity = Severity.CRITICAL if own else Severity.WARNING
    return finding(NAME, node, severity, facts, 0 if lines else limit.pivot_hold_ms)


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=WrongForkLimit,
    judge=judge,
    ending=ending,
    clear_ms=120_000,
    quiet={"invalid_state_lines": 3},
    paranoid={"pivot_hold_ms": 0},
)
