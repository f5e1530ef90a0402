"""A node's process lives and its RPC does not answer.

Its agent asks it each second and each round, and had no answer for half a minute, counted from its first
question without one. A node that rebuilds itself after a start answers nothing for half an hour: while its
log shows that it comes nearer, that is no trouble. Where its validator signs all the same, it can wait; where
others depend on the answers (role `rpc`), somebody should wake.

An endpoint without an agent that does not answer is the matter of node_silent.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.recovery import is_recovering
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.alerts.rules.subjects import NEEDED_ROLES, is_heard, member_votes, node_subject, planned
from vedette.model.incident import Facts, Finding, Incident, Severity, SubjectKind
from vedette.model.view import NodeView, ProcessState, View

NAME = "rpc_silent"
SILENT = "rpc.silent_seconds"
ERRORS = ("probe.pow.error", "probe.sync_phase.error")


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcSilentLimit(Limit):
    """For how long it must not answer, from the first question that had no answer."""

    hold_ms: int = 30_000


def rpc_silent(view: View, ask: Ask[RpcSilentLimit]) -> Iterator[Finding]:
    """A node's process lives and its RPC does not answer."""
    for node in view.nodes.values():
        if _is_silent(view, node) and not planned(node, view.now_ms):
            yield _finding(view, node, ask(node.id))


def rpc_silent_ending(incident: Incident, view: View, _limit: RpcSilentLimit) -> str | None:
    """It answers, or it is seen to start; None while its agent cannot tell."""
    node = view.nodes.get(incident.subject.id)
    if node is None:
        return "not_watched"
    if node.process is ProcessState.GONE:
        return "stopped"
    if is_recovering(node, view.now_ms):
        return "restarting"
    if not is_heard(node, view.now_ms) or ERRORS[0] in node.states:
        return None
    return "answers" if any(name.startswith("pow.") for name in node.numbers) else None


def _is_silent(view: View, node: NodeView) -> bool:
    # By its log it tells its phase while it does not answer: then only the question after its chain fails.
    by_log = node.states.get("sync.source") == "log"
    failing = ERRORS[0] in node.states and (by_log or ERRORS[1] in node.states)
    heard = is_heard(node, view.now_ms) and not node.agentless
    return failing and heard and not is_recovering(node, view.now_ms)


def silent_since_ms(node: NodeView) -> int | None:
    """By our clock, since when it answers its agent nothing; None where the agent cannot tell."""
    seconds = node.numbers.get(SILENT, 0)
    return round(node.heard_at_ms - 1000 * seconds) if seconds > 0 else None


def _finding(view: View, node: NodeView, limit: RpcSilentLimit) -> Finding:
    facts: Facts = {
        "votes": member_votes(view, node),
        "role": node.role,
        "depended_on": int(node.role in NEEDED_ROLES),
    }
    return Finding(
        key=f"{NAME}/{node.id}",
        rule=NAME,
        team_id=node.team_id,
        severity=Severity.CRITICAL if node.role in NEEDED_ROLES else Severity.WARNING,
        subject=node_subject(node),
        facts=facts,
        hold_ms=limit.hold_ms,
        since_ms=silent_since_ms(node),
    )


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=RpcSilentLimit,
    judge=rpc_silent,
    ending=rpc_silent_ending,
    clear_ms=20_000,
    quiet={"hold_ms": 300_000},
)
