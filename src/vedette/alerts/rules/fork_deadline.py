"""A node's release does not follow the fork that is coming.

At the fork's height an old node leaves the chain, and must usually be synced anew: days instead of one
restart. So it is told two weeks ahead and each day from then on, and it pages half a day before. Only the
three numbers of a release are compared; a suffix (`-fix`, `-testnet`) orders nothing. When the fork comes is
an estimate, by the pace of the newest blocks. A release that is not known accuses nobody, and an endpoint
that others run never pages.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.of_nodes import DAY_MS, HOUR_MS, ending_of, finding, heard
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.alerts.rules.subjects import member_votes
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.releases import number_of
from vedette.model.view import ForkView, NodeView, View

NAME = "fork_deadline"
CALM_MS = 600_000
"""What is estimated anew with each block is said to ten minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkDeadlineLimit(Limit):
    """How long before the fork an old release is told."""

    warning_before_ms: int = 14 * DAY_MS
    urgent_before_ms: int = 3 * DAY_MS  # from then on the message begins with how little time there is
    critical_before_ms: int = 12 * HOUR_MS


def judge(view: View, ask: Ask[ForkDeadlineLimit]) -> Iterator[Finding]:
    """A node's release is older than the first that follows a near fork."""
    for node in heard(view):
        limit = ask(node.id)
        for fork in view.network.forks:
            if follows(node, fork.first_version) is False and _is_near(fork, view.now_ms, limit):
                yield _finding(view, node, fork, limit)
                break


def ending(incident: Incident, view: View, limit: ForkDeadlineLimit) -> str | None:
    """It was upgraded in time, or too late, or the fork is farther away than it was thought to be."""
    first_version = str(incident.facts.get("first_version"))
    forks = [fork for fork in view.network.forks if fork.first_version == first_version]

    def how(node: NodeView) -> str | None:
        if (does := follows(node, first_version)) is not False:
            return "upgraded" if does else None
        if not forks:
            return None if view.network.height is None else "passed"
        return "farther" if all(_is_far(fork, view.now_ms, limit) for fork in forks) else None

    return ending_of(incident, view, how)


def follows(node: NodeView, first_version: str) -> bool | None:
    """Whether its release follows a fork; None if that is not known."""
    own, first = number_of(node.states.get("node.release")), number_of(first_version)
    return None if own is None or first is None else own >= first


def severity_at(left_ms: int, limit: ForkDeadlineLimit) -> Severity:
    return Severity.CRITICAL if left_ms <= limit.critical_before_ms else Severity.WARNING


def _is_near(fork: ForkView, now_ms: int, limit: ForkDeadlineLimit) -> bool:
    return fork.activates_at_ms is not None and fork.activates_at_ms - now_ms <= limit.warning_before_ms


def _is_far(fork: ForkView, now_ms: int, limit: ForkDeadlineLimit) -> bool:
    """By a tenth more than is near: an estimate sways with each block."""
    return fork.activates_at_ms is not None and (
        (fork.activates_at_ms - now_ms) * 10 > limit.warning_before_ms * 11
    )


def _finding(view: View, node: NodeView, fork: ForkView, limit: ForkDeadlineLimit) -> Finding:
    deadline_ms = fork.activates_at_ms or view.now_ms
    left_ms = deadline_ms - view.now_ms
    facts: dict[str, str | int | float] = {
        "fork": fork.name,
        "first_version": fork.first_version,
        "release": node.states["node.release"],
        "deadline_ms": deadline_ms - deadline_ms % CALM_MS,
        "votes": member_votes(view, node),
        "urgent": int(left_ms <= limit.urgent_before_ms),
    }
    severity = severity_at(left_ms, limit)
    if node.agentless:
        severity = Severity.WARNING
    return finding(NAME, node, severity, facts)


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=ForkDeadlineLimit,
    judge=judge,
    ending=ending,
    remind_ms=DAY_MS,
    quiet={"warning_before_ms": 7 * DAY_MS},
    paranoid={"warning_before_ms": 30 * DAY_MS, "critical_before_ms": DAY_MS},
)
