"""A node's memory is nearly used up, or the kernel has killed a process for want of it.

The node's process is held against its machine's memory or, where its control group allows less, against that.
A kill within the control group is the node's own, and critical; so is one anywhere on the machine when the
node's process ended or was another one within the same half hour. Any other kill is a warning: the next one
may be the node. The agent counts kills; what tells is a count that rose within the last half hour.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vedette.alerts.rules.of_nodes import MINUTE_MS, ending_of, finding, heard
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.model.incident import Facts, Finding, Incident, Severity, SubjectKind
from vedette.model.view import NodeView, ProcessState, View

NAME = "memory_short"
OWN_KILLS: Final = "process.cgroup.oom_kills_count"
KILLS: Final = "host.oom_kills_count"
RESTARTS: Final = "process.restarts_count"
BOUNDS: Final = ("host.memory.total_bytes", "process.cgroup.memory_max_bytes")
WELL_BELOW: Final = 0.94
"""It is over below this part of the limit: 80 % where 85 % is the limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryShortLimit(Limit):
    """How much of what it may have a node's process may use, and for how long more."""

    used_ratio: float = 0.85
    hold_ms: int = MINUTE_MS


def judge(view: View, ask: Ask[MemoryShortLimit]) -> Iterator[Finding]:
    """A process was killed for want of memory, or the node's uses nearly all of it."""
    for node in heard(view):
        limit = ask(node.id)
        if (severity := severity_of(node, limit)) is not None:
            yield finding(NAME, node, severity, _facts(node, limit), 0 if _kills(node) else limit.hold_ms)


def ending(incident: Incident, view: View, limit: MemoryShortLimit) -> str | None:
    """It uses clearly less, and nothing was killed for half an hour."""

    def how(node: NodeView) -> str | None:
        used = used_ratio(node)
        eased = used is not None and used < limit.used_ratio * WELL_BELOW
        return "eased" if eased and not _kills(node) and _are_known(node) else None

    return ending_of(incident, view, how)


def severity_of(node: NodeView, limit: MemoryShortLimit) -> Severity | None:
    if _kills(node):
        return Severity.CRITICAL if _was_hit(node) else Severity.WARNING
    used = used_ratio(node)
    return Severity.WARNING if used is not None and used > limit.used_ratio else None


def used_ratio(node: NodeView) -> float | None:
    """The process's part of what it may have; None where either is not known."""
    rss = node.numbers.get("process.rss_bytes")
    bound = _bound(node)
    return None if rss is None or bound is None else rss / bound


def _bound(node: NodeView) -> float | None:
    return min((value for name in BOUNDS if (value := node.numbers.get(name))), default=None)


def _was_hit(node: NodeView) -> bool:
    """The process that was killed was most likely the node's."""
    if node.rises.get(OWN_KILLS, 0) > 0:
        return True
    return node.process is ProcessState.GONE or node.rises.get(RESTARTS, 0) > 0


def _kills(node: NodeView) -> int:
    return int(max(node.rises.get(OWN_KILLS, 0), node.rises.get(KILLS, 0)))


def _are_known(node: NodeView) -> bool:
    """Whether it is known how often something was killed lately, by each counter that the node has."""
    return all(name in node.rises for name in (OWN_KILLS, KILLS) if name in node.numbers)


def _facts(node: NodeView, limit: MemoryShortLimit) -> Facts:
    facts: dict[str, str | int | float] = {
        "oom_kills": _kills(node),
        "hit": int(_was_hit(node)),
        "restarts": int(node.rises.get(RESTARTS, 0)),
        "measure": "ratio",
        "limit": limit.used_ratio,
    }
    used, bound = used_ratio(node), _bound(node)
    if used is not None and bound is not None:
        facts |= {
            "value": round(used, 3),
            "used_ratio": round(used, 2),
            "rss_bytes": int(node.numbers["process.rss_bytes"]),
            "bound_bytes": int(bound),
        }
    return facts


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=MemoryShortLimit,
    judge=judge,
    ending=ending,
    clear_ms=5 * MINUTE_MS,
    quiet={"used_ratio": 0.92, "hold_ms": 10 * MINUTE_MS},
    paranoid={"used_ratio": 0.75},
)
