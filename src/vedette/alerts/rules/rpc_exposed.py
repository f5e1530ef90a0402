"""Strangers may command a node.

Its public port answers methods of the groups `debug` or `test`, or its local port is not bound to loopback.
`test_stop` ends the process and `test_posStopVoting` its votes, so whoever finds the port decides over both.
The agent asks two methods that change nothing, at the node's start and each hour
(`public_rpc_apis="all"` is the usual reason).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.of_nodes import ending_of, finding, heard
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.view import NodeView, View

NAME = "rpc_exposed"
COUNT = "node.exposed_count"
LOCAL_PORT = "local port"


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcExposedLimit(Limit):
    """Nothing to set: a port is open to strangers or it is not."""


def judge(view: View, _ask: Ask[RpcExposedLimit]) -> Iterator[Finding]:
    """A port that strangers reach answers what only the operator should ask."""
    for node in heard(view):
        if node.numbers.get(COUNT, 0) > 0:
            exposed = node.states.get("node.exposed", "")
            groups = [group for group in exposed.split(", ") if group and group != LOCAL_PORT]
            facts: dict[str, str | int | float] = {
                "groups": ", ".join(groups),
                "local_port": int(LOCAL_PORT in exposed),
            }
            yield finding(NAME, node, Severity.CRITICAL, facts)


def ending(incident: Incident, view: View, _limit: RpcExposedLimit) -> str | None:
    """The agent asked again, and was refused."""

    def how(node: NodeView) -> str | None:
        return "closed" if node.numbers.get(COUNT) == 0 else None

    return ending_of(incident, view, how)


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=RpcExposedLimit,
    judge=judge,
    ending=ending,
)
