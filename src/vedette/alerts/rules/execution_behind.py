"""A node follows the chain, and executes it more slowly than it grows.

Four to ten epochs between its newest and its newest executed one are usual. More than fifty that stay are a
slow disk or too little memory, and its answers about balances and contracts are of the past; more than five
hundred, and it may never catch up by itself.

Source: `cfx_getStatus`, `epochNumber` less `latestState`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.of_nodes import ending_of, finding, heard
from vedette.alerts.rules.recovery import is_recovering
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.alerts.rules.subjects import member_votes, needed, planned
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.view import NodeView, View

NAME = "execution_behind"
LAG = "pow.execution_lag_epochs"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionBehindLimit(Limit):
    """How many epochs behind, and for how long."""

    warning_epochs: int = 50
    critical_epochs: int = 500
    over_epochs: int = 25
    hold_ms: int = 120_000  # a burst of full blocks is worked off in that time


def execution_behind(view: View, ask: Ask[ExecutionBehindLimit]) -> Iterator[Finding]:
    """A node executes the chain more slowly than it grows."""
    for node in heard(view):
        limit, lag = ask(node.id), node.numbers.get(LAG)
        busy = planned(node, view.now_ms) or is_recovering(node, view.now_ms)
        if lag is not None and lag > limit.warning_epochs and not busy:
            yield _finding(view, node, round(lag), limit)


def execution_behind_ending(incident: Incident, view: View, limit: ExecutionBehindLimit) -> str | None:
    """It has come well below the limit."""

    def how(node: NodeView) -> str | None:
        lag = node.numbers.get(LAG)
        return "near" if lag is not None and lag <= limit.over_epochs else None

    return ending_of(incident, view, how)


def _finding(view: View, node: NodeView, lag: int, limit: ExecutionBehindLimit) -> Finding:
    far = lag > limit.critical_epochs
    facts: dict[str, str | int | float] = {
        "votes": member_votes(view, node),
        "lag_epochs": lag,
        "value": lag,
        "limit": limit.critical_epochs if far else limit.warning_epochs,
        "measure": "epochs",
    }
    if (iowait := node.numbers.get("host.cpu.iowait_ratio")) is not None:
        facts["iowait_ratio"] = round(iowait, 2)
    loud = far and needed(view, node)
    return finding(NAME, node, Severity.CRITICAL if loud else Severity.WARNING, facts, limit.hold_ms)


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=ExecutionBehindLimit,
    judge=execution_behind,
    ending=execution_behind_ending,
    clear_ms=30_000,
    quiet={"warning_epochs": 200},
    paranoid={"warning_epochs": 25, "over_epochs": 15},
)
