"""The service that carries an eSpace pool's books over to its Core Space pool has stopped.

Stakers of an eSpace pool are served by a program that moves stakes, exits and interest between both spaces.
When it stands, their votes are not staked, their exits do not begin and their interest stays where it is,
while the validator itself is well. A bridge is watched when the settings name its contract (`pools.bridge`),
which tells what waits (CoreBridge.sol of conflux-fans/pos-pool): it is idle while something waits and nothing
of it grows less. Of bridges of another make nothing is known, and nothing is said.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.model.incident import Finding, Incident, Severity, Subject, SubjectKind
from vedette.model.view import BridgeView, View

NAME = "bridge_idle"


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeIdleLimit(Limit):
    """How long it may do nothing."""

    loudest: Severity = Severity.WARNING
    idle_ms: int = 3_600_000


def judge(view: View, ask: Ask[BridgeIdleLimit]) -> Iterator[Finding]:
    """A bridge has carried nothing over for too long."""
    for bridge in view.bridges.values():
        at_ms = bridge.synced_at_ms
        if at_ms is not None and view.now_ms - at_ms >= ask(bridge.id).idle_ms:
            yield _finding(view, bridge, at_ms, ask(bridge.id))


def ending(incident: Incident, view: View, limit: BridgeIdleLimit) -> str | None:
    """It works again; None: nobody told when it did last."""
    bridge = view.bridges.get(incident.subject.id)
    if bridge is None:
        return "not_watched"
    at_ms = bridge.synced_at_ms
    return "works" if at_ms is not None and view.now_ms - at_ms < limit.idle_ms else None


def _finding(view: View, bridge: BridgeView, synced_at_ms: int, limit: BridgeIdleLimit) -> Finding:
    return Finding(
        key=f"{NAME}/{bridge.id}",
        rule=NAME,
        team_id=view.team_id,
        severity=Severity.WARNING,
        subject=Subject(SubjectKind.ENDPOINT, bridge.id, bridge.name),
        facts={
            "synced_at_ms": synced_at_ms,
            "value": (view.now_ms - synced_at_ms) // 1000,
            "limit": limit.idle_ms // 1000,
            "measure": "seconds",
        },
    )


rule = Rule(
    name=NAME,
    about=SubjectKind.ENDPOINT,
    limit=BridgeIdleLimit,
    judge=judge,
    ending=ending,
    remind_ms=86_400_000,
)
