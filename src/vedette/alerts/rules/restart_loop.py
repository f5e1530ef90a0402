"""A node's process is started again and again, or two processes want one database.

A unit that restarts a node which cannot start hides the fault: to a glance it runs, and each start recovers
for minutes, in which it votes for nobody. Where the log says that the database is locked, a second process of
the same node is there, which is the shortest way to two voters with one key. Starts within a stop that was
announced are its operator's work. A process that ends before its agent has found it is not counted: such a
node is down, and told as such.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.of_nodes import ending_of, finding, heard
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.alerts.rules.subjects import member_votes, planned
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.view import NodeView, ProcessState, View

NAME = "restart_loop"
RESTARTS = "process.restarts_count"
LOCKED = "log.database_locked.hour_count"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartLoopLimit(Limit):
    """How many starts are a loop."""

    restarts: int = 3  # within half an hour
    locked_lines: int = 1  # within an hour


def judge(view: View, ask: Ask[RestartLoopLimit]) -> Iterator[Finding]:
    """Many starts in half an hour, or a database that another process holds."""
    for node in heard(view):
        limit = ask(node.id)
        restarts, locked = _restarts(node), int(node.numbers.get(LOCKED, 0))
        loops = restarts >= max(limit.restarts, 1) and not planned(node, view.now_ms)
        if loops or locked >= max(limit.locked_lines, 1):
            yield _finding(view, node, restarts, locked, limit)


def ending(incident: Incident, view: View, limit: RestartLoopLimit) -> str | None:
    """It runs, was not started anew for half an hour, and no log speaks of a lock."""

    def how(node: NodeView) -> str | None:
        if planned(node, view.now_ms):
            return "planned"
        locked = node.numbers.get(LOCKED, 0) >= max(limit.locked_lines, 1)
        steady = node.process is ProcessState.RUNNING and node.rises.get(RESTARTS) == 0
        return "steady" if steady and not locked else None

    return ending_of(incident, view, how)


def _restarts(node: NodeView) -> int:
    return int(node.rises.get(RESTARTS, 0))


def _finding(view: View, node: NodeView, restarts: int, locked: int, limit: RestartLoopLimit) -> Finding:
    facts: dict[str, str | int | float] = {
        "restarts": restarts,
        "locked": int(locked >= max(limit.locked_lines, 1)),
        "value": restarts,
        "limit": limit.restarts,
        "measure": "count",
        "votes": member_votes(view, node),
    }
    return finding(NAME, node, Severity.CRITICAL, facts)


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=RestartLoopLimit,
    judge=judge,
    ending=ending,
    quiet={"restarts": 5, "locked_lines": 3},
    paranoid={"restarts": 2},
)
