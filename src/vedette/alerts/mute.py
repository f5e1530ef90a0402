"""Which trouble explains which: an effect whose cause was told tells nobody."""

from collections.abc import Iterator, Sequence

from vedette.alerts.rules.subjects import carriers, planned
from vedette.model.incident import Finding, Severity
from vedette.model.pos import PosAddress
from vedette.model.view import NodeView, View

RESTART = "restart/"
"""Begins the cause of a node that started a moment ago: by itself such an explanation has a time to end."""


def explain(findings: Sequence[Finding], view: View, settle_ms: int = 0) -> dict[str, str]:
    """Each explained finding's key and its cause: another key, `planned_stop/<node>` or `restart/<node>`.

    A validator's absence is explained when every node of its team that carries its key is down, in a planned
    stop, started less than `settle_ms` ago, or silent and critical (which already says that its validator is
    absent). One carrier that runs is enough to make the absence a riddle, and riddles are told.
    """
    standing = {finding.key: finding for finding in findings}
    return {
        finding.key: cause
        for finding in findings
        if finding.rule == "absent_votes"
        and (cause := _cause(finding, standing, view, settle_ms)) is not None
    }


def _cause(effect: Finding, standing: dict[str, Finding], view: View, settle_ms: int) -> str | None:
    nodes = carriers(view, PosAddress(effect.subject.id), effect.team_id)
    causes = [next(_causes(node, standing, view.now_ms, settle_ms), None) for node in nodes]
    return causes[0] if causes and None not in causes else None


def _causes(node: NodeView, standing: dict[str, Finding], now_ms: int, settle_ms: int) -> Iterator[str]:
    if planned(node, now_ms):
        yield f"planned_stop/{node.id}"
    if (down := standing.get(f"node_down/{node.id}")) is not None:
        yield down.key
    silent = standing.get(f"node_silent/{node.id}")
    if silent is not None and silent.severity is Severity.CRITICAL:
        yield silent.key
    if node.running_since_ms is not None and now_ms - node.running_since_ms < settle_ms:
        yield f"{RESTART}{node.id}"
