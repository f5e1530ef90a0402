"""A node is behind others on the PoW or the PoS chain, or comes back too late.

A node that says NormalSyncPhase never says anything else again, however far it falls behind, so lag is judged
against others. Far behind, it signs nothing that counts, and whoever asks it gets old answers.

A node that catches up after a start is no trouble while it comes nearer. If it carries an elected validator,
and will be back only after that is retired by force, somebody should know while the key can still be moved.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.countdown import MINUTE_MS, whole_minute
from vedette.alerts.rules.recovery import is_recovering, left_ms
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.alerts.rules.subjects import is_heard, member_votes, needed, node_subject, planned, validator_of
from vedette.model.incident import Facts, Finding, Incident, Severity, SubjectKind
from vedette.model.layers import Condition, Layer, Verdict
from vedette.model.view import NodeView, View

NAME = "lagging"
LAYERS = {Layer.POW: "epochs", Layer.POS: "blocks"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LaggingLimit(Limit):
    """How far behind is too far, and for how long. On a fast chain, what an answer takes is no lag."""

    pow_epochs: int = 100  # warning
    pow_far_epochs: int = 600  # critical
    pos_blocks: int = 5
    pos_far_blocks: int = 20
    hold_ms: int = 20_000
    unknown_hold_ms: int = 2 * MINUTE_MS  # on PoW, where nobody told how it was two minutes ago


def lagging(view: View, ask: Ask[LaggingLimit]) -> Iterator[Finding]:
    """A node is behind others on the PoW or the PoS chain, or comes back too late."""
    for node in view.nodes.values():
        if not is_heard(node, view.now_ms) or planned(node, view.now_ms):
            continue
        found = _too_late(view, node) if is_recovering(node, view.now_ms) else _behind(view, node, ask)
        if found is not None:
            yield found


def lagging_ending(incident: Incident, view: View, _limit: LaggingLimit) -> str | None:
    """Both layers are near others again, or stand still, which has a name of its own."""
    node = view.nodes.get(incident.subject.id)
    if node is None:
        return "not_watched"
    if is_recovering(node, view.now_ms):
        return "in_time" if incident.facts.get("too_late") else "restarting"
    states = {node.layers[layer].state for layer in LAYERS if layer in node.layers}
    if Condition.DOWN in states:
        return "stopped"
    return "near" if states == {Condition.HEALTHY} else None


def _behind(view: View, node: NodeView, ask: Ask[LaggingLimit]) -> Finding | None:
    """The worse of the two layers."""
    limit = ask(node.id)
    lags = [one for layer in LAYERS if (one := _lag(node.layers.get(layer), layer, limit)) is not None]
    if not lags:
        return None
    layer, lag, is_far = max(lags, key=lambda one: one[2])
    warn, far = _limits(layer, limit)
    facts: Facts = {
        "votes": member_votes(view, node),
        "role": node.role,
        f"{layer}_lag": lag,
        "too_late": 0,
        "value": lag,
        "limit": far if is_far else warn,
        "measure": LAYERS[layer],
    }
    severity = Severity.CRITICAL if is_far and needed(view, node) else Severity.WARNING
    return _finding(node, severity, facts, _hold_ms(node, layer, limit))


def _hold_ms(node: NodeView, layer: Layer, limit: LaggingLimit) -> int:
    has_lasted = layer is Layer.POS or "lasting_lag" in node.layers[layer].figures
    return limit.hold_ms if has_lasted else max(limit.hold_ms, limit.unknown_hold_ms)


def _lag(verdict: Verdict | None, layer: Layer, limit: LaggingLimit) -> tuple[Layer, int, bool] | None:
    if verdict is None or verdict.state is not Condition.LAGGING:
        return None
    # Of PoW that which has lasted for two minutes, where that is known.
    warn, far = _limits(layer, limit)
    lag = round(verdict.figures.get("lasting_lag", verdict.figures.get("lag", warn)))
    return (layer, lag, lag > far) if lag >= warn else None


def _limits(layer: Layer, limit: LaggingLimit) -> tuple[int, int]:
    if layer is Layer.POW:
        return limit.pow_epochs, limit.pow_far_epochs
    return limit.pos_blocks, limit.pos_far_blocks


def _too_late(view: View, node: NodeView) -> Finding | None:
    """It comes nearer, but not before its validator is retired by force."""
    validator = validator_of(view, node)
    coming = None if validator is None or not validator.votes else validator.retirement
    if coming is None or coming.left_ms is None:
        return None
    left = left_ms(view, node)
    if left <= coming.left_ms:
        return None
    facts: Facts = {
        "votes": member_votes(view, node),
        "role": node.role,
        "too_late": 1,
        "eta_ms": whole_minute(view, left),
        "deadline_ms": whole_minute(view, coming.left_ms),
        "value": left // MINUTE_MS,
        "limit": coming.left_ms // MINUTE_MS,
        "measure": "minutes",
    }
    return _finding(node, Severity.CRITICAL, facts, MINUTE_MS)


def _finding(node: NodeView, severity: Severity, facts: Facts, hold_ms: int) -> Finding:
    return Finding(
        key=f"{NAME}/{node.id}",
        rule=NAME,
        team_id=node.team_id,
        severity=severity,
        subject=node_subject(node),
        facts=facts,
        hold_ms=hold_ms,
    )


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=LaggingLimit,
    judge=lagging,
    ending=lagging_ending,
    clear_ms=MINUTE_MS,
    quiet={"hold_ms": 10 * MINUTE_MS},
)
