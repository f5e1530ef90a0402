"""What the rules on layers that stand still share: a node answers, and stands while others move on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vedette.alerts.rules.recovery import is_recovering
from vedette.alerts.rules.rule import Ask, Limit
from vedette.alerts.rules.subjects import member_votes, needed, node_subject, planned
from vedette.model.incident import Finding, Incident, Severity
from vedette.model.layers import Condition, Layer, Verdict
from vedette.model.view import NodeView, View

MOVES = frozenset({Condition.HEALTHY, Condition.LAGGING})


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckLimit(Limit):
    """How long a layer may stand still, while others move, before it is critical."""

    critical_after_ms: int = 600_000


def judge_layer(name: str, layer: Layer) -> Callable[[View, Ask[StuckLimit]], Iterator[Finding]]:
    """The rule of that name: a finding for each node of which that layer is a zombie."""

    def judge(view: View, ask: Ask[StuckLimit]) -> Iterator[Finding]:
        for node in view.nodes.values():
            verdict = node.layers.get(layer)
            if verdict is None or verdict.state is not Condition.ZOMBIE or planned(node, view.now_ms):
                continue
            if not is_recovering(node, view.now_ms):
                yield _finding(name, view, node, verdict, ask(node.id))

    return judge


def ending_of_layer(layer: Layer) -> Callable[[Incident, View, StuckLimit], str | None]:
    """How a standstill ended: the layer moves, or the node was stopped or started anew."""

    def ending(incident: Incident, view: View, _limit: StuckLimit) -> str | None:
        node = view.nodes.get(incident.subject.id)
        if node is None:
            return "not_watched"
        verdict = node.layers.get(layer)
        if verdict is None:
            return None
        if verdict.state in MOVES:
            return "moves"
        return "stopped" if verdict.state in {Condition.DOWN, Condition.SYNCING} else None

    return ending


def _finding(name: str, view: View, node: NodeView, verdict: Verdict, limit: StuckLimit) -> Finding:
    still_ms = round((verdict.seconds or 0) * 1000)
    late = still_ms >= limit.critical_after_ms
    lag = verdict.figures.get("lag")
    facts: dict[str, str | int | float] = {
        "votes": member_votes(view, node),
        "role": node.role,
        "still_seconds": still_ms // 1000,
        "value": still_ms // 1000,
        "limit": round(verdict.figures.get("limit_seconds", 0)),
        "measure": "seconds",
    }
    return Finding(
        key=f"{name}/{node.id}",
        rule=name,
        team_id=node.team_id,
        severity=Severity.CRITICAL if late and needed(view, node) else Severity.WARNING,
        subject=node_subject(node),
        facts=facts if lag is None else facts | {"lag": round(lag)},
    )
