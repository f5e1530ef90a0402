"""A machine's clock is wrong, or nobody keeps it.

PoS blocks carry their proposer's time and rounds end by the clock, so a clock that is seconds off costs
votes, and one that jumps back has ended nodes. The kernel tells the offset that is still to be corrected, and
whether anybody corrects it. In a container, or where a hypervisor keeps it, the kernel says that nobody does
while the clock is true: that alone is a note, an incident of its own. It is a trouble when such a clock is
off the server's by more than the way to it can explain; unless clocks that are kept say the same, for then
the server's own is off.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from vedette.alerts.rules.of_nodes import MINUTE_MS, ending_of, finding, heard
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.model.incident import Facts, Finding, Incident, Severity, SubjectKind
from vedette.model.view import NodeView, View

NAME = "clock_off"
OFFSET = "host.clock.offset_ms"
KEPT = "host.clock.synchronised"
SERVER = "host.clock.server_ms"
UNKEPT = "unkept"
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
            yield _off(node, {"offset": round(offset_ms), UNKEPT: 0}, offset_ms, limit)
        elif node.numbers.get(KEPT) == 0:
            yield from _unkept(view, node, limit)


def _unkept(view: View, node: NodeView, limit: ClockOffLimit) -> Iterator[Finding]:
    """Nobody corrects it; it may be true all the same."""
    apart_ms = abs(node.numbers.get(SERVER, 0))
    if apart_ms > limit.warning_ms and _server_is_true(view, limit):
        yield _off(node, {"apart": round(apart_ms), UNKEPT: 1}, apart_ms, limit)
    elif limit.unkept_counts:
        note = finding(NAME, node, Severity.INFO, {UNKEPT: 1}, limit.unkept_hold_ms)
        yield replace(note, key=f"{note.key}/{UNKEPT}")


def _server_is_true(view: View, limit: ClockOffLimit) -> bool:
    """No clock that is kept is as far from the server's."""
    kept = (node.numbers for node in heard(view) if node.numbers.get(KEPT) == 1)
    return all(abs(numbers.get(SERVER, 0)) <= limit.warning_ms for numbers in kept)


def ending(incident: Incident, view: View, limit: ClockOffLimit) -> str | None:
    """A note: somebody keeps it. Else: clearly less off than the limit, by whoever is to be believed."""

    def how(node: NodeView) -> str | None:
        if incident.key.endswith(UNKEPT):
            return "kept" if node.numbers.get(KEPT) == 1 else None
        return "true_again" if _is_true(node, limit.warning_ms * WELL_BELOW) else None

    return ending_of(incident, view, how)


def _is_true(node: NodeView, within_ms: float) -> bool:
    """Of a clock that nobody keeps the kernel's offset says nothing: then the server's counts, too."""
    offsets = [node.numbers.get(OFFSET)]
    if node.numbers.get(KEPT) != 1:
        offsets.append(node.numbers.get(SERVER))
    return all(offset_ms is not None and abs(offset_ms) < within_ms for offset_ms in offsets)


def _off(node: NodeView, how: Facts, off_ms: float, limit: ClockOffLimit) -> Finding:
    critical = off_ms > limit.critical_ms
    facts: Facts = {
        **how,
        "value": round(off_ms),
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
