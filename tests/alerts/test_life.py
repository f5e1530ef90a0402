"""The life of an incident, step by step, and what holds for any life."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.alerts import life
from vedette.alerts.engine import step
from vedette.alerts.life import FIRST_TOLD, Patience, Round, advance, freed
from vedette.alerts.limits import Limits
from vedette.model.incident import (
    Acknowledgement,
    Decision,
    Finding,
    Incident,
    IncidentState,
    Reason,
    Severity,
    Subject,
    SubjectKind,
)
from vedette.model.view import NodeView, ProcessState, View

T = 1_800_000_000_000
MINUTE = 60_000
DAY = 24 * 60 * MINUTE
W, C = Severity.WARNING, Severity.CRITICAL
PATIENCE = Patience()
CAUSE = "node_down/n1"


def trouble(severity: Severity = W, hold_ms: int = 0, **facts: int) -> Finding:
    subject = Subject(SubjectKind.NODE, "n1", "node-a")
    return Finding("disk/n1", "disk", 1, severity, subject, facts, hold_ms)


def at(now_ms: int, muted_by: str | None = None) -> Round:
    """A round in which that, if anything, explains the trouble."""
    return Round(now_ms, muted={} if muted_by is None else {"disk/n1": muted_by})


def told(severity: Severity = W, at_ms: int = T, **facts: int) -> Incident:
    incident, reason = advance(None, trouble(severity, **facts), at(at_ms))
    assert incident is not None
    assert reason is Reason.OPENED
    return replace(incident, id=7)


def pending(muted_by: str | None = None) -> Incident:
    hold_ms = 0 if muted_by else 120_000
    incident, reason = advance(None, trouble(hold_ms=hold_ms), at(T, muted_by))
    assert incident is not None
    assert reason is None
    return replace(incident, id=7)


def test_what_needs_no_patience_is_told_at_once() -> None:
    incident = told()
    assert (incident.told_at_ms, incident.told_severity, incident.told_count) == (T, W, 1)
    assert incident.state is IncidentState.OPEN


def test_what_is_known_to_have_begun_before_it_was_found_is_held_from_then() -> None:
    """News on its way takes nobody's time; but nothing is told before it is found."""
    found = replace(trouble(hold_ms=30_000), since_ms=T - 9_000)
    first, reason = advance(None, found, at(T))
    assert first is not None
    assert (first.opened_at_ms, first.decision, reason) == (T, Decision.HELD, None)
    assert advance(first, found, at(T + 20_999))[1] is None
    assert advance(first, found, at(T + 21_000))[1] is Reason.OPENED
    assert advance(None, replace(found, since_ms=T - 30_000), at(T))[1] is Reason.OPENED


def test_the_earliest_beginning_that_was_told_counts() -> None:
    """News that is late on its way says too late a moment; it is kept, and a later one changes nothing."""
    young, found = pending(), trouble(hold_ms=120_000)
    known, reason = advance(young, replace(found, since_ms=T - 9_400), at(T + 5_000))
    assert known is not None
    assert (known.facts["began_at_ms"], known.opened_at_ms, reason) == (T - 9_400, T, None)
    late = replace(found, since_ms=T + 60_000)
    assert advance(known, late, at(T + 110_599))[1] is None
    assert advance(known, late, at(T + 110_600))[1] is Reason.OPENED
    assert advance(young, late, at(T + 120_000))[1] is Reason.OPENED
    ((saved, _),) = life.round([young], [replace(found, since_ms=T - 9_400)], at(T + 5_000))
    assert saved.facts["began_at_ms"] == T - 9_400  # at once, not with the next minute


def test_a_short_trouble_wakes_nobody() -> None:
    young = pending()
    found = trouble(hold_ms=120_000)
    assert advance(young, found, at(T + 119_999)) == (young, None)
    assert advance(young, found, at(T + 120_000))[1] is Reason.OPENED
    ended, reason = advance(young, None, at(T + 119_999))
    assert reason is None
    assert ended is not None
    assert ended.state is IncidentState.RESOLVED


CLEARING = {"disk": 30_000}


def test_what_must_be_gone_for_a_while_is_not_over_before() -> None:
    waits = Round(T + MINUTE, clear_ms=CLEARING)
    going, reason = advance(told(), None, waits)
    assert going is not None
    assert (reason, going.decision, going.clear_since_ms) == (None, Decision.CLEARING, T + MINUTE)
    assert advance(going, None, replace(waits, now_ms=T + MINUTE + 29_999))[1] is None
    assert advance(going, None, replace(waits, now_ms=T + MINUTE + 30_000))[1] is Reason.RESOLVED
    back, reason = advance(going, trouble(), replace(waits, now_ms=T + MINUTE + 1))
    assert (reason, back and back.flaps, back and back.clear_since_ms) == (None, 1, None)


def test_what_comes_and_goes_is_told_as_such_and_over_only_when_it_is_calm() -> None:
    incident, now_ms = told(), T
    for flaps in (1, 2):
        now_ms += 10_000
        ended, reason = advance(incident, None, at(now_ms))
        assert (reason, ended and ended.flaps) == (Reason.RESOLVED, flaps - 1)
        assert ended is not None
        now_ms += 10_000
        again, reason = advance(None, trouble(), Round(now_ms, before={"disk/n1": ended}))
        assert (reason, again and again.flaps) == (Reason.OPENED, flaps)
        assert again is not None
        incident = replace(again, id=incident.id + 1)
    assert incident.facts["flaps"] == 2
    calm, reason = advance(incident, None, at(now_ms))
    assert (reason, calm and calm.decision) == (None, Decision.FLAPPING)
    assert advance(calm, None, at(now_ms + PATIENCE.calm_ms - 1))[1] is None
    assert advance(calm, None, at(now_ms + PATIENCE.calm_ms))[1] is Reason.RESOLVED


def test_a_log_entry_tells_nobody_until_it_is_worse() -> None:
    noted, reason = advance(None, trouble(Severity.INFO), at(T))
    assert (reason, noted and noted.decision) == (None, Decision.NOTED)
    assert advance(noted, trouble(W), at(T + 1))[1] is Reason.OPENED


def test_what_is_held_back_is_told_once_it_no_longer_is() -> None:
    silenced = Round(T, hold=lambda _incident, _reason: Decision.SILENCED)
    quiet, reason = advance(None, trouble(), silenced)
    assert (reason, quiet and quiet.decision, quiet and quiet.told_count) == (None, Decision.SILENCED, 0)
    assert advance(quiet, trouble(), at(T + 1))[1] is Reason.OPENED
    ended, reason = advance(told(), None, silenced)
    assert (reason, ended and ended.state) == (None, IncidentState.RESOLVED)


def acknowledged(incident: Incident, until_ms: int | None = None) -> Incident:
    return replace(incident, acked=Acknowledgement(T, "alice", incident.severity, until_ms))


def test_whoever_has_it_is_not_reminded_until_it_is_worse_or_his_time_is_up() -> None:
    due = at(T + 4 * 60 * MINUTE)
    held, reason = advance(acknowledged(told()), trouble(), due)
    assert (reason, held and held.decision) == (None, Decision.ACKNOWLEDGED)
    assert advance(acknowledged(told()), trouble(C), due)[1] is Reason.ESCALATED
    assert advance(acknowledged(told(), due.now_ms), trouble(), due)[1] is Reason.REMINDED
    assert advance(acknowledged(told()), None, due)[1] is Reason.RESOLVED


def test_what_was_taken_for_a_while_is_free_from_then_on_and_waits_since_then() -> None:
    later = T + 9 * MINUTE
    mine = acknowledged(told(), later)
    assert freed(mine, later - 1) is None
    assert freed(told(), later) is None
    assert freed(acknowledged(told()), later) is None  # for as long as it stands
    assert freed(replace(mine, closed_by="alice"), later) is None
    free = freed(mine, later + 5)
    assert free == replace(mine, acked=None, facts={**mine.facts, FIRST_TOLD: later})
    again = replace(mine, facts={FIRST_TOLD: later + 3})  # it grew worse meanwhile
    assert freed(again, later + 5) == replace(again, acked=None)


def test_what_somebody_closed_is_quiet_while_it_stands_and_over_when_it_is_gone() -> None:
    closed = replace(told(C), closed_by="alice")
    later = at(T + 60 * MINUTE)
    standing, reason = advance(closed, trouble(C), later)
    assert (reason, standing and standing.decision) == (None, Decision.CLOSED)
    doubtful = replace(later, endings={"disk/n1": None}, clear_ms=CLEARING)
    ((over, reason),) = life.round([closed], [], doubtful)
    assert (reason, over.facts["ended"], over.state) == (Reason.RESOLVED, "closed", IncidentState.RESOLVED)


def test_a_rule_may_have_a_pace_of_its_own() -> None:
    daily = Round(T + 30 * MINUTE, remind_ms={"disk": 24 * 60 * MINUTE})
    assert advance(told(C), trouble(C), daily)[1] is None
    assert advance(told(C), trouble(C), replace(daily, now_ms=T + 24 * 60 * MINUTE))[1] is Reason.REMINDED


def test_nothing_comes_of_nothing() -> None:
    assert advance(None, None, at(T)) == (None, None)


def test_what_was_told_is_told_to_be_over() -> None:
    ended, reason = advance(told(), None, at(T + MINUTE))
    assert reason is Reason.RESOLVED
    assert ended is not None
    assert (ended.resolved_at_ms, ended.told_count) == (T + MINUTE, 2)


def test_a_rise_is_told_once_and_a_fall_is_not() -> None:
    risen, reason = advance(told(), trouble(C), at(T + 1))
    assert (reason, risen and risen.told_severity) == (Reason.ESCALATED, C)
    fallen, reason = advance(risen, trouble(W), at(T + 2))
    assert (reason, fallen and fallen.severity, fallen and fallen.told_severity) == (None, W, C)
    assert advance(fallen, trouble(C), at(T + 3))[1] is None


@pytest.mark.parametrize("severity, every_ms", [(W, 4 * 60 * MINUTE), (C, 30 * MINUTE)])
def test_a_reminder_comes_when_it_is_due(severity: Severity, every_ms: int) -> None:
    incident = told(severity)
    assert advance(incident, trouble(severity), at(T + every_ms - 1))[1] is None
    again, reason = advance(incident, trouble(severity), at(T + every_ms))
    assert reason is Reason.REMINDED
    assert advance(again, trouble(severity), at(T + every_ms + 1))[1] is None


def test_a_reminder_of_zero_never_comes() -> None:
    never = Patience(remind_ms=0, remind_critical_ms=0)
    assert advance(told(C), trouble(C), Round(T + 10**9, never))[1] is None


def test_an_explained_trouble_tells_nobody_and_ends_silently() -> None:
    muted = pending(CAUSE)
    later, reason = advance(muted, trouble(C), at(T + 60 * MINUTE, CAUSE))
    assert (reason, later and later.state) == (None, IncidentState.PENDING)
    assert advance(later, None, at(T + 61 * MINUTE))[1] is None


def test_when_its_cause_ends_an_effect_has_time_to_end_too() -> None:
    freed, reason = advance(pending(CAUSE), trouble(), at(T + MINUTE))
    assert reason is None
    until = T + MINUTE + PATIENCE.settle_ms
    assert advance(freed, trouble(), at(until - 1))[1] is None
    assert advance(freed, trouble(), at(until))[1] is Reason.OPENED


def test_what_outgrows_a_cause_that_still_stands_is_told_at_once() -> None:
    louder = Round(T + MINUTE, standing={CAUSE})
    assert advance(pending(CAUSE), trouble(C), louder)[1] is Reason.OPENED


def test_a_restart_that_was_waited_for_is_not_waited_for_twice() -> None:
    assert advance(pending("restart/n1"), trouble(), at(T + MINUTE))[1] is Reason.OPENED


def test_what_was_told_before_it_was_explained_is_still_told_to_be_over() -> None:
    muted, reason = advance(told(), trouble(C), at(T + 1, CAUSE))
    assert (reason, muted and muted.muted_by) == (None, CAUSE)
    assert advance(muted, None, at(T + 2))[1] is Reason.RESOLVED


def test_a_fact_that_is_not_said_any_more_is_no_longer_so_unless_its_rule_says_that_it_lasts() -> None:
    """A theft that follows on votes that were added is not told as 'votes were added'."""
    before = told(last_signed_height=90, joins=1)
    lasting = replace(at(T + 1), lasting={"disk": frozenset({"last_signed_height"})})
    incident, _ = advance(before, trouble(absent_blocks=120), lasting)
    assert incident is not None
    assert incident.facts == {"last_signed_height": 90, "absent_blocks": 120, "as_of_ms": T + 1}


def test_a_resolved_incident_does_not_rise_again() -> None:
    ended, _ = advance(told(), None, at(T + 1))
    fresh, reason = advance(ended, trouble(), at(T + 2))
    assert fresh is not None
    assert (fresh.id, fresh.opened_at_ms, reason) == (0, T + 2, Reason.OPENED)


def test_a_round_says_only_what_must_be_saved() -> None:
    incident = told()
    assert life.round([incident], [trouble()], Round(T + 1000)) == []
    assert life.round([], [], Round(T)) == []


def test_facts_alone_are_saved_no_more_than_once_a_minute() -> None:
    incident = told(absent_blocks=10)
    assert life.round([incident], [trouble(absent_blocks=11)], Round(T + 59_999)) == []
    ((saved, reason),) = life.round([incident], [trouble(absent_blocks=12)], Round(T + 60_000))
    assert (saved.facts["absent_blocks"], reason) == (12, None)
    assert life.round([saved], [trouble(absent_blocks=13)], Round(T + 119_999)) == []


def test_unchanged_facts_are_never_saved_again() -> None:
    assert life.round([told(absent_blocks=10)], [trouble(absent_blocks=10)], Round(T + 10**6)) == []


def test_a_change_of_severity_or_of_its_cause_is_saved_at_once() -> None:
    loud = replace(told(C), told_severity=C)
    assert life.round([loud], [trouble(W)], Round(T + 1))[0][0].severity is W
    ((muted, _),) = life.round([loud], [trouble(C)], Round(T + 1, muted={"disk/n1": CAUSE}))
    ((freed, _),) = life.round([muted], [trouble(C)], Round(T + 2))
    assert (muted.muted_by, freed.muted_by) == (CAUSE, None)
    assert life.round([freed], [trouble(C)], Round(T + 3)) == []


def test_a_round_leaves_what_it_cannot_judge_as_it_is() -> None:
    incident = told()
    assert life.round([incident], [], Round(T + 1, endings={incident.key: None})) == []
    ((ended, reason),) = life.round([incident], [], Round(T + 1, endings={incident.key: "running"}))
    assert (ended.facts["ended"], reason) == ("running", Reason.RESOLVED)


def test_steps_come_in_the_order_of_keys() -> None:
    findings = [replace(trouble(), key=key) for key in ("c", "a", "b")]
    assert [i.key for i, _ in life.round([], findings, Round(T))] == ["a", "b", "c"]


def test_a_whole_step_from_view_to_words() -> None:
    dead = NodeView("n1", 1, "node-a", None, ProcessState.GONE, T - 1, None, T, T + 1)
    view = View(T, nodes={"n1": dead})
    ((opened, reason),) = step(view, [], Limits(), PATIENCE)
    assert (opened.key, reason) == ("node_down/n1", Reason.OPENED)
    kept = replace(opened, id=1)
    assert step(view, [kept], Limits(), PATIENCE) == []
    doubtful = View(T, nodes={"n1": replace(dead, process=ProcessState.UNKNOWN)})
    assert step(doubtful, [kept], Limits(), PATIENCE) == []  # the agent cannot see it: not down, not well
    ((ended, reason),) = step(View(T), [kept], Limits(), PATIENCE)
    assert (ended.facts["ended"], reason) == ("not_watched", Reason.RESOLVED)


MOMENTS = st.lists(
    st.tuples(
        st.integers(0, 90 * MINUTE),  # time since the last round
        st.one_of(st.none(), st.sampled_from(Severity)),  # found so severe, or not at all
        st.one_of(st.none(), st.just(CAUSE), st.just("restart/n1")),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(MOMENTS, st.sampled_from([0, 1000, 120_000]))
def test_any_life_is_told_in_good_order(
    moments: list[tuple[int, Severity | None, str | None]], hold_ms: int
) -> None:
    incident: Incident | None = None
    now_ms, said = T, list[tuple[Reason, int, Severity]]()
    for elapsed_ms, severity, muted_by in moments:
        now_ms += elapsed_ms
        before = 0 if incident is None else incident.told_count
        finding = None if severity is None else trouble(severity, hold_ms)
        incident, reason = advance(incident, finding, at(now_ms, muted_by))
        after = before if incident is None else incident.told_count
        assert after - before == (reason is not None)
        if reason is not None and incident is not None:
            assert incident.told_at_ms == now_ms
            assert reason is Reason.RESOLVED or muted_by is None
            said.append((reason, now_ms, incident.severity))
        if incident is not None and incident.resolved_at_ms is not None:
            check(said)
            incident, said = None, []
    check(said)


def check(said: list[tuple[Reason, int, Severity]]) -> None:
    """One life: opened first and once, escalated at most twice, resolved last, reminders apart."""
    reasons = [reason for reason, _, _ in said]
    assert reasons[:1] in ([], [Reason.OPENED])
    assert reasons.count(Reason.OPENED) <= 1
    assert reasons.count(Reason.ESCALATED) <= 2
    assert Reason.RESOLVED not in reasons[:-1]
    for (_, before_ms, _), (reason, at_ms, severity) in itertools.pairwise(said):
        if reason is Reason.REMINDED:
            assert at_ms - before_ms >= (PATIENCE.remind_critical_ms if severity is C else PATIENCE.remind_ms)


@settings(deadline=None)
@given(MOMENTS)
def test_a_round_that_saves_less_tells_the_same(
    moments: list[tuple[int, Severity | None, str | None]],
) -> None:
    """The store holds only what `round` returned, and yet nothing else is said."""
    stepped: Incident | None = None
    stored: list[Incident] = []
    now_ms = T
    for elapsed_ms, severity, muted_by in moments:
        now_ms += elapsed_ms
        finding = None if severity is None else trouble(severity, absent_blocks=now_ms % 97)
        stepped, wanted = advance(stepped, finding, at(now_ms, muted_by))
        if stepped is not None:
            stepped = None if stepped.resolved_at_ms is not None else replace(stepped, id=7)
        muted = {} if muted_by is None else {"disk/n1": muted_by}
        steps = life.round(stored, [] if finding is None else [finding], Round(now_ms, muted=muted))
        assert [reason for _, reason in steps if reason is not None] == ([] if wanted is None else [wanted])
        for saved, _ in steps:
            stored = [] if saved.resolved_at_ms is not None else [replace(saved, id=7)]


def test_a_clock_that_was_far_ahead_and_was_set_back_silences_nothing() -> None:
    """What it wrote lies ahead then: nobody waits for that day."""
    ahead = T + 400 * DAY
    pended, reason = advance(None, trouble(hold_ms=MINUTE), at(ahead))
    assert (pended is not None, reason) == (True, None)
    again, _ = advance(pended, trouble(hold_ms=MINUTE), at(T))
    assert advance(again, trouble(hold_ms=MINUTE), at(T + MINUTE))[1] is Reason.OPENED
    settled = replace(told(C, ahead), facts={"explained_until_ms": ahead, "as_of_ms": ahead})
    again, reason = advance(settled, trouble(C), at(T))
    assert (again is not None and again.told_at_ms, reason) == (T, None)
    assert again is not None
    reminded = advance(again, trouble(C), at(T + 31 * MINUTE))
    assert reminded[1] is Reason.REMINDED
    clearing = replace(told(W, T), clear_since_ms=ahead, flaps=2)
    held, _ = advance(clearing, None, at(T))
    assert advance(held, None, at(T + 11 * MINUTE))[1] is Reason.RESOLVED


def test_another_servers_clock_may_be_a_little_fast() -> None:
    incident = told(W, T + 2_000)
    assert life.round([incident], [trouble()], Round(T)) == []
