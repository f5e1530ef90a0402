"""A machine's clock is wrong, or nobody keeps it.

PoS blocks carry their proposer's time and rounds end by the clock, so a clock that is seconds off costs
votes, and one that jumps back has ended nodes. The kernel tells the offset that is still to be corrected, and
whether anybody corrects it; a clock that nobody keeps is only drifting yet, and stays a warning.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.of_nodes import MINUTE_MS, ending_of, finding, heard
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.view import NodeView, View

NAME = "clock_off"
OFFSET = "host.clock.offset_ms"
KEPT = "host.clock.synchronised"
WELL_BELOW = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockOffLimit(Limit):
    """How far off is too far; the clock is asked each minute."""

    warning_ms: int = 500
    critical_ms: int = 2_000
    hold_ms: int = 65_000  # the second sample must say so too
    unkept_hold_ms: int = 15 * MINUTE_MS  # a machine that has just started is not in step yet
    unkept_counts: bool = True


def judge(view: View, ask: Ask[ClockOffLimit]) -> Iterator[Finding]:
    """The clock is off, or not kept by anybody."""
    for node in heard(view):
        limit = ask(node.id)
        offset_ms = abs(node.numbers.get(OFFSET, 0))
        if offset_ms > limit.warning_ms:
            yield _off(node, offset_ms, limit)
        elif node.numbers.get(KEPT) == 0 and limit.unkept_counts:
            yield finding(NAME, node, Severity.WARNING, {"unkept": 1}, limit.unkept_hold_ms)


def ending(incident: Incident, view: View, limit: ClockOffLimit) -> str | None:
    """It is kept, and clearly less off than the limit."""

    def how(node: NodeView) -> str | None:
        offset_ms = node.numbers.get(OFFSET)
        near = offset_ms is not None and abs(offset_ms) < limit.warning_ms * WELL_BELOW
        return "true_again" if near and node.numbers.get(KEPT) == 1 else None

    return ending_of(incident, view, how)


def _off(node: NodeView, offset_ms: float, limit: ClockOffLimit) -> Finding:
    critical = offset_ms > limit.critical_ms
    facts: dict[str, str | int | float] = {
        "offset": round(offset_ms),
        "unkept": 0,
        "value": round(offset_ms),
        "limit": limit.critical_ms if critical else limit.warning_ms,
        "measure": "ms",
    }
    return finding(NAME, node, Severity.CRITICAL if critical else Severity.WARNING, facts, limit.hold_ms)


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=ClockOffLimit,
    judge=judge,
    ending=ending,
    clear_ms=2 * MINUTE_MS,
    quiet={"warning_ms": 1_000, "unkept_counts": False},
    paranoid={"warning_ms": 200, "critical_ms": 1_000},
)
