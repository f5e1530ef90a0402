"""Several messages as one: how many, which, what is over meanwhile; in both languages, for every kind."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.notify.ear import listening
from tests.notify.kinds.stage import HTTP_KINDS, PAGE, T, built, guard_of, samples
from vedette.model.incident import Incident, Notice, Reason, Severity, Subject, SubjectKind
from vedette.notify.kinds import KINDS
from vedette.notify.summary import ROWS_MAX, WORDS, summary
from vedette.notify.text import Message
from vedette.notify.words import Lang

MINUTE_MS = 60_000
LANGS: tuple[Lang, ...] = ("en", "zh")
ACK = f"{PAGE}/ack/t0ken?a=1&b=2"
FOR_PEOPLE = [kind for kind in HTTP_KINDS if KINDS[kind].for_people]


def notice(
    number: int,
    name: str,
    *,
    over: bool = False,
    severity: Severity = Severity.WARNING,
    is_held: bool = True,
) -> Notice:
    """One that was found an hour before, and is over half an hour later, if so."""
    incident = Incident(
        id=number,
        key=f"node_down/{name}",
        rule="node_down",
        team_id=3,
        severity=severity,
        subject=Subject(SubjectKind.NODE, name, name),
        facts={},
        opened_at_ms=T - 60 * MINUTE_MS,
        resolved_at_ms=T - 30 * MINUTE_MS if over else None,
    )
    reason = Reason.RESOLVED if over else Reason.OPENED
    return Notice(number, incident, "contact:c1", reason, f"{number}/1", T, 0, is_held=is_held)


def night() -> list[Notice]:
    return [notice(1, "node-a", over=True), notice(2, "node-<b>"), notice(3, "node-c")]


def said(notices: list[Notice], lang: Lang = "en") -> Message:
    return summary(notices, lang, PAGE, T, {2: ACK})


def test_every_language_says_the_same_things() -> None:
    assert WORDS["en"].keys() == WORDS["zh"].keys()


def test_the_morning_says_how_many_which_and_what_is_over() -> None:
    told = said(night())
    assert told.title == "After the quiet hours: 2 warnings, 1 over"
    assert told.body_text == (
        "After the quiet hours: 2 warnings, 1 over\n\n"
        "These waited until the quiet hours were over.\n\n"
        "Not over yet\n"
        "Warning: node node-<b> is down (found at 2025-11-22 12:43:20 UTC, 1 h ago)\n"
        "Warning: node node-c is down (found at 2025-11-22 12:43:20 UTC, 1 h ago)\n\n"
        "Over meanwhile\n"
        "Resolved: node node-a is no longer found down (found at 2025-11-22 12:43:20 UTC, lasted 30 min)\n\n"
        "All: https://watch.example.org/incidents\n"
    )
    assert (told.reason, told.severity, told.kind, told.incident) == (
        Reason.OPENED,
        Severity.WARNING,
        "summary",
        {},
    )


@pytest.mark.parametrize("lang", LANGS)
def test_its_html_leads_to_each_and_takes_on_what_stands(lang: Lang) -> None:
    html = said(night(), lang).body_html
    assert "node-<b>" not in html
    assert "node-&lt;b&gt;" in html
    for number in (1, 2, 3):
        assert f'href="{PAGE}/incidents/{number}"' in html
    assert html.count("/ack/") == 1
    assert f'<a href="{PAGE}/ack/t0ken?a=1&amp;b=2">{WORDS[lang]["acknowledge"]}</a>' in html


def test_when_all_of_it_is_over_it_says_so() -> None:
    told = said([notice(1, "a", over=True), notice(2, "b", over=True)])
    assert (told.title, told.is_over) == ("After the quiet hours: 2 over", True)


def test_one_that_wakes_is_not_hidden_among_many() -> None:
    notices = [notice(n, f"n{n}", is_held=False) for n in range(1, 30)]
    notices.append(notice(30, "voter", severity=Severity.CRITICAL, is_held=False))
    told = said(notices)
    assert told.title == "Many messages in one: 1 critical, 29 warnings"
    assert told.severity is Severity.CRITICAL
    assert "voter" in told.lines[3]


def test_a_trouble_stands_in_it_once_as_it_was_last_told_of() -> None:
    twice = [notice(1, "a"), notice(2, "a", over=True), notice(3, "b")]
    assert said(twice).title == "After the quiet hours: 1 warning, 1 over"


def test_its_key_stays_on_every_attempt_and_is_another_with_one_more() -> None:
    assert said(night()).key == said([replace(one, attempts=5) for one in night()]).key
    assert said(night()).key != said([*night(), notice(4, "d")]).key


@settings(max_examples=30)
@given(st.integers(2, 80), st.integers(0, 80))
def test_every_incident_is_counted_and_at_most_so_many_are_named(standing: int, over: int) -> None:
    notices = [notice(n, f"n{n}") for n in range(standing)]
    notices += [notice(1_000 + n, f"o{n}", over=True) for n in range(over)]
    told = said(notices)
    assert f"{standing} warning" in told.title
    assert (f"{over} over" in told.title) == (over > 0)
    named = [line for line in told.lines if "found at" in line]
    assert len(named) == min(ROWS_MAX, standing + over)
    left_out = [int(line.split()[1]) for line in told.lines if line.startswith("and ")]
    assert sum(left_out) == standing + over - len(named)


@pytest.mark.parametrize("kind", FOR_PEOPLE)
@pytest.mark.parametrize("lang", LANGS)
async def test_every_kind_that_people_read_takes_it(kind: str, lang: Lang) -> None:
    async with listening() as ear:
        guard = guard_of()
        ear.say(*samples(ear.base)[kind].fine)
        await built(ear.base, kind, guard).send(summary(night(), lang, PAGE, T))
        ((_, body),) = ear.heard
        text = body.decode()
        for name in ("node-a", "node-c"):
            assert name in text
        await guard.close()


def test_machines_are_told_of_each_by_itself() -> None:
    alone = {name for name, kind in KINDS.items() if not kind.for_people}
    assert alone == {"webhook", "alertmanager", "pagerduty"}
