"""What a step of an incident's life adds to its timeline."""

from dataclasses import replace

from vedette.model.incident import Decision, Incident, Reason, Severity, Subject, SubjectKind
from vedette.model.timeline import Happening, became

NOW = 1_800_000_000_000
NEW = Incident(
    id=1,
    key="node_down/n1",
    rule="node_down",
    team_id=1,
    severity=Severity.WARNING,
    subject=Subject(SubjectKind.NODE, "n1", "n1"),
    facts={},
    opened_at_ms=NOW,
    decision=Decision.HELD,
)


def kinds(before: Incident | None, after: Incident, reason: Reason | None = None) -> list[str]:
    return [event.kind.value for event in became(before, after, reason, ["email"], NOW)]


def test_a_new_one_was_found_and_says_why_it_waits() -> None:
    found, why = became(None, NEW, None, [], NOW)
    assert (found.kind, found.detail) == (Happening.FOUND, {"severity": "warning"})
    assert (why.kind, why.detail) == (Happening.DECISION, {"decision": "held", "cause": None})


def test_newer_facts_alone_are_no_event() -> None:
    assert kinds(NEW, replace(NEW, facts={"votes": 3})) == []


def test_one_that_is_told_says_whom_and_why() -> None:
    [told] = became(NEW, replace(NEW, decision=Decision.TOLD, told_at_ms=NOW), Reason.OPENED, ["email"], NOW)
    assert told.detail == {"reason": "opened", "severity": "warning", "channels": ["email"]}


def test_a_cause_that_explains_it_is_named() -> None:
    muted = replace(NEW, muted_by="node_down/n2", decision=Decision.EXPLAINED)
    [why] = became(NEW, muted, None, [], NOW)
    assert why.detail == {"decision": "explained", "cause": "node_down/n2"}


def test_worse_again_and_over_are_events_of_their_own() -> None:
    assert kinds(NEW, replace(NEW, severity=Severity.CRITICAL), Reason.ESCALATED) == ["severity", "told"]
    assert kinds(NEW, replace(NEW, flaps=1)) == ["came_back"]
    over = replace(NEW, resolved_at_ms=NOW, facts={"ended": "recovered"})
    assert kinds(NEW, over, Reason.RESOLVED) == ["told", "over"]
    assert kinds(over, over) == []
