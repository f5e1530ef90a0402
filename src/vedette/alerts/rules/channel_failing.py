"""A contact point does not take messages.

Whoever is to be told by it hears nothing, and notices nothing. So the others are told: it has failed for some
time, or it was turned off because what it said is final (a revoked token, a deleted room). One that somebody
turned off is nobody's trouble. If it was the only one that wakes people, that is told as loudly as can be.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.model.incident import Finding, Incident, Severity, Subject, SubjectKind
from vedette.model.view import ContactView, View

NAME = "channel_failing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFailingLimit(Limit):
    """How long a contact point may fail."""

    failing_ms: int = 600_000


def judge(view: View, ask: Ask[ChannelFailingLimit]) -> Iterator[Finding]:
    """A contact point fails, or was turned off because it did."""
    contacts = view.monitor.contacts
    for one in contacts:
        if is_failing(one, view.now_ms, ask(one.id)):
            yield _finding(view, one, contacts)


def ending(incident: Incident, view: View, _limit: ChannelFailingLimit) -> str | None:
    """It takes messages again, or nobody wants it to."""
    one = next((each for each in view.monitor.contacts if each.id == incident.subject.id), None)
    if one is None:
        return "not_watched"
    if one.is_enabled:
        return "works" if one.failing_since_ms is None else None
    return "turned_off" if one.error is None else None


def is_failing(one: ContactView, now_ms: int, limit: ChannelFailingLimit) -> bool:
    if not one.is_enabled:
        return one.error is not None
    return one.failing_since_ms is not None and now_ms - one.failing_since_ms >= limit.failing_ms


def _finding(view: View, one: ContactView, contacts: Sequence[ContactView]) -> Finding:
    others = [
        each
        for each in contacts
        if each is not one and each.wakes and each.is_enabled and each.failing_since_ms is None
    ]
    facts: dict[str, str | int | float] = {"error": one.error or ""}
    if one.failing_since_ms is not None:
        facts["failing_since_ms"] = one.failing_since_ms
    if not one.is_enabled:
        facts["disabled"] = 1
    if one.wakes and not others:
        facts["last_waking"] = 1
    return Finding(
        key=f"{NAME}/{one.id}",
        rule=NAME,
        team_id=view.team_id,
        severity=Severity.CRITICAL if one.wakes and not others else Severity.WARNING,
        subject=Subject(SubjectKind.CONTACT, one.id, one.name),
        facts=facts,
    )


rule = Rule(
    name=NAME,
    about=SubjectKind.CONTACT,
    limit=ChannelFailingLimit,
    judge=judge,
    ending=ending,
    remind_ms=86_400_000,
)
