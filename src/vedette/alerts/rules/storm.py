"""Most of what is watched, or many nodes, failed within minutes of each other.

So many machines do not break together by chance: either something that they share broke, or it is this
server's own line, and then they are well. So one message says how much is out and what is known of it, and
nothing is said of each. While hardly any process was seen to end, we doubt ourselves first: it wakes people
only once it has lasted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.alerts.rules.subjects import member_votes, planned
from vedette.model.incident import Finding, Incident, Severity, Subject, SubjectKind
from vedette.model.view import NodeView, ProcessState, View

NAME = "storm"
NODES = Subject(SubjectKind.MONITOR, "nodes", "nodes")
NAMED = 8
"""So many nodes are named; of the rest the number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StormLimit(Limit):
    """When many failures are one."""

    nodes: int = 5  # fewer are told one by one
    share_percent: int = 50  # of all nodes are out
    many_nodes: int = 10  # or so many are, whatever their share
    together_ms: int = 300_000  # and began to be within so long
    over_percent: int = 20  # so few are left: over
    critical_after_ms: int = 900_000  # at once where processes were seen to end and votes are at stake


def storm(view: View, ask: Ask[StormLimit]) -> Iterator[Finding]:
    """Most of what is watched failed within minutes of each other."""
    limit = ask(NODES.id)
    out = together([node for node in view.nodes.values() if is_out(node, view.now_ms)], limit.together_ms)
    most = len(out) * 100 >= limit.share_percent * len(view.nodes)
    if out and len(view.nodes) >= limit.nodes and (most or len(out) >= limit.many_nodes):
        yield _finding(view, out, limit)


def storm_ending(_incident: Incident, view: View, limit: StormLimit) -> str | None:
    """Few enough are left to be told one by one."""
    out = [node for node in view.nodes.values() if is_out(node, view.now_ms)]
    few = len(out) * 100 <= limit.over_percent * len(view.nodes) and 2 * len(out) < limit.many_nodes
    return "back" if few or len(view.nodes) < limit.nodes else None


def is_out(node: NodeView, now_ms: int) -> bool:
    """It ended, or has not been heard of, and nobody planned that."""
    lost = node.process is ProcessState.GONE or now_ms >= node.due_at_ms
    return lost and not planned(node, now_ms)


def together(out: Sequence[NodeView], within_ms: int) -> list[NodeView]:
    """The most of them that went out within so long of each other, in the order in which they did."""
    ordered = sorted(out, key=lambda node: (began_ms(node), node.id))
    best: list[NodeView] = []
    first = 0
    for last, node in enumerate(ordered):
        while began_ms(node) - began_ms(ordered[first]) > within_ms:
            first += 1
        if last + 1 - first > len(best):
            best = ordered[first : last + 1]
    return best


def began_ms(node: NodeView) -> int:
    """Since when it is out."""
    if node.process is ProcessState.GONE and node.died_at_ms is not None:
        return node.died_at_ms
    return node.due_at_ms


def _finding(view: View, out: Sequence[NodeView], limit: StormLimit) -> Finding:
    gone = sum(node.process is ProcessState.GONE for node in out)
    votes = sum({n.pos_address: member_votes(view, n) for n in out}.values())
    since_ms = began_ms(out[0])
    surely = gone * 2 > len(out) and votes > 0
    critical = surely or view.now_ms - since_ms >= limit.critical_after_ms
    facts: dict[str, str | int | float] = {
        "out_count": len(out),
        "total_count": len(view.nodes),
        "gone_count": gone,
        "silent_count": len(out) - gone,
        "since_ms": since_ms,
        "last_ms": began_ms(out[-1]),
        "names": ", ".join(node.name for node in out[:NAMED]),
        "votes": votes,
        "value": len(out) * 100 // len(view.nodes),
        "limit": limit.share_percent,
        "measure": "percent",
    }
    if gone * 2 <= len(out):
        facts["blind"] = 1
    if len(out) > NAMED:
        facts["more_count"] = len(out) - NAMED
    severity = Severity.CRITICAL if critical else Severity.WARNING
    return Finding(f"{NAME}/{NODES.id}", NAME, view.team_id, severity, NODES, facts)


rule = Rule(
    name=NAME,
    about=SubjectKind.MONITOR,
    limit=StormLimit,
    judge=storm,
    ending=storm_ending,
    clear_ms=60_000,
)
