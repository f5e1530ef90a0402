"""A node executes epochs more slowly than they come.

Its chain is current and its state is not: balances and receipts are old, and a validator's node falls
behind altogether in time. Usual are 4 to 10 epochs. It is nearly always the disk (too few operations a
second) or memory. A moment of fifty epochs is no trouble, so it must last; five hundred are six hundred
seconds of chain.

Source: `epochNumber` less `latestState` of `cfx_getStatus`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.countdown import MINUTE_MS
from vedette.alerts.rules.recovery import is_recovering, is_starting
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.alerts.rules.subjects import is_heard, member_votes, needed, node_subject, planned
from vedette.model.incident import Facts, Finding, Incident, Severity, SubjectKind
from vedette.model.view import NodeView, View

NAME = "execution_behind"
LAG = "pow.execution_lag_epochs"
CALM_RATIO = 0.9
"""Below this share of the limit it is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionBehindLimit(Limit):
    """How many epochs may wait for execution, and for how long before anyone is told."""

    lag_epochs: int = 50  # more: warning
    far_epochs: int = 500  # more: critical
    hold_ms: int = 2 * MINUTE_MS


def execution_behind(view: View, ask: Ask[ExecutionBehindLimit]) -> Iterator[Finding]:
    """A node executes epochs more slowly than they come."""
    for node in view.nodes.values():
        lag, limit = _lag(view, node), ask(node.id)
        if lag is not None and lag > limit.lag_epochs and not planned(node, view.now_ms):
            yield _finding(view, node, round(lag), limit)


def execution_behind_ending(incident: Incident, view: View, limit: ExecutionBehindLimit) -> str | None:
    """Its lag is well below the limit, or it was started anew; None while it does not answer."""
    node = view.nodes.get(incident.subject.id)
    if node is None:
        return "not_watched"
    if is_recovering(node, view.now_ms):
        return "restarting"
    lag = _lag(view, node)
    return "near" if lag is not None and lag <= limit.lag_epochs * CALM_RATIO else None


def _lag(view: View, node: NodeView) -> float | None:
    """None: it does not answer, or catches up after a start."""
    return None if is_starting(node) or not is_heard(node, view.now_ms) else node.numbers.get(LAG)


def _finding(view: View, node: NodeView, lag: int, limit: ExecutionBehindLimit) -> Finding:
    far = lag > limit.far_epochs
    facts: Facts = {
        "votes": member_votes(view, node),
        "role": node.role,
        "lag": lag,
        "value": lag,
        "limit": limit.far_epochs if far else limit.lag_epochs,
        "measure": "epochs",
    }
    return Finding(
        key=f"{NAME}/{node.id}",
        rule=NAME,
        team_id=node.team_id,
        severity=Severity.CRITICAL if far and needed(view, node) else Severity.WARNING,
        subject=node_subject(node),
        facts=facts,
        hold_ms=limit.hold_ms,
    )


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=ExecutionBehindLimit,
    judge=execution_behind,
    ending=execution_behind_ending,
    clear_ms=MINUTE_MS,
    quiet={"hold_ms": 15 * MINUTE_MS},
)
