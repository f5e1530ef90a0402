"""A node has hardly any peers, or none.

With so few, it hears of blocks late and its votes reach nobody in time; with none it is cut off, whatever it
answers. That it has none is critical once its PoS chain (of a node that tells of none, its PoW chain) has
stood still for five minutes: a node that is still fed is not cut off, and one that mines alone goes on by
itself. A node that started a moment ago is still looking for peers.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.of_nodes import MINUTE_MS, ending_of, finding, heard
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.alerts.rules.subjects import member_votes
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.view import NodeView, View

NAME = "few_peers"
STILL = ("pos.still_seconds", "pow.still_seconds")  # the first that is told


@dataclass(frozen=True, slots=True, kw_only=True)
class FewPeersLimit(Limit):
    """How few are too few, and for how long it may be so. On a chain of a few nodes, set it lower."""

    few_count: int = 3  # at most
    hold_ms: int = 15_000
    alone_seconds: int = 300
    starting_ms: int = 5 * MINUTE_MS


def judge(view: View, ask: Ask[FewPeersLimit]) -> Iterator[Finding]:
    """A node has few peers or none, and has had the time to find some."""
    for node in heard(view):
        limit = ask(node.id)
        count = peers(node)
        if count is not None and count <= limit.few_count and not _starts(view, node, limit):
            yield _finding(view, node, int(count), limit)


def ending(incident: Incident, view: View, limit: FewPeersLimit) -> str | None:
    """It has one more than would be few."""

    def how(node: NodeView) -> str | None:
        count = peers(node)
        return "connected" if count is not None and count > limit.few_count else None

    return ending_of(incident, view, how)


def peers(node: NodeView) -> float | None:
    """Sessions that talk; None if the newest question failed."""
    return None if "probe.peers.error" in node.states else node.numbers.get("peers.all_count")


def _starts(view: View, node: NodeView, limit: FewPeersLimit) -> bool:
    since_ms = node.running_since_ms
    return since_ms is not None and view.now_ms - since_ms < limit.starting_ms


def _is_cut_off(node: NodeView, limit: FewPeersLimit) -> bool:
    still = next((node.numbers[name] for name in STILL if name in node.numbers), None)
    return still is not None and still >= limit.alone_seconds


def _finding(view: View, node: NodeView, count: int, limit: FewPeersLimit) -> Finding:
    alone = count == 0 and _is_cut_off(node, limit)
    facts: dict[str, str | int | float] = {
        "peers": count,
        "none": int(count == 0),
        "cut_off": int(alone),
        "value": count,
        "limit": limit.few_count,
        "measure": "count",
        "votes": member_votes(view, node),
    }
    return finding(NAME, node, Severity.CRITICAL if alone else Severity.WARNING, facts, limit.hold_ms)


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=FewPeersLimit,
    judge=judge,
    ending=ending,
    clear_ms=MINUTE_MS,
    quiet={"few_count": 1, "hold_ms": 5 * MINUTE_MS},
    paranoid={"few_count": 5},
)
