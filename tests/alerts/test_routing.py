"""Whom to tell of what: routes, silences, quiet hours, and who is next."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.model.test_zones import ms
from vedette.alerts.life import FIRST_TOLD
from vedette.alerts.matching import Target, matches, target_of
from vedette.alerts.routing import Scene, decide, ended_unheard, passed_on, steps_due
from vedette.model.incident import (
    Acknowledgement,
    Decision,
    Incident,
    Reason,
    Severity,
    Subject,
    SubjectKind,
)
from vedette.model.policy import (
    MINUTE_MS,
    Contact,
    Escalation,
    Matcher,
    Policy,
    Silence,
    Step,
    parse,
)
from vedette.model.pos import PosAddress
from vedette.model.view import NodeView, ProcessState, View

NOW = ms("2026-11-28T12:00")
NIGHT = ms("2026-11-28T23:00")
ALICE = PosAddress("0x" + "a1" * 32)
ANA, BO, CY = "contact:ana", "contact:bo", "contact:cy"
CONTACTS = {ref: Contact(ref, ref.removeprefix("contact:")) for ref in (ANA, BO, CY)}


def node(name: str = "n1", **more: Any) -> NodeView:
    return NodeView(
        id=name,
        team_id=1,
        name=name,
        pos_address=more.pop("pos_address", ALICE),
        process=ProcessState.RUNNING,
        died_at_ms=None,
        planned_stop_until_ms=more.pop("planned_stop_until_ms", None),
        heard_at_ms=NOW,
        due_at_ms=NOW + 15_000,
        **more,
    )


def incident(rule: str = "node_down", subject: str = "n1", **more: Any) -> Incident:
    kind = SubjectKind.VALIDATOR if subject.startswith("0x") else SubjectKind.NODE
    severity = more.pop("severity", Severity.WARNING)
    about = Subject(kind, subject, subject)
    return Incident(7, f"{rule}/{subject}", rule, 1, severity, about, {}, NOW - 60_000, **more)


def scene(data: object = None, *nodes: NodeView, now_ms: int = NOW, **more: Any) -> Scene:
    view = View(now_ms, nodes={one.id: one for one in nodes or (node(),)})
    return Scene.of(Policy(parse(data), contacts=more.pop("contacts", CONTACTS), **more), view)


def route(name: str, *contacts: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "name": name, "contacts": list(contacts), **more}


QUIET = {"id": "night", "name": "night", "zone": "UTC", "from": "22:00", "until": "07:00"}
ROUTES = {
    "routes": [
        route("pages", ANA, match={"severity_min": "critical"}, goes_on=True),
        route("eu", BO, match={"groups": ["eu"]}),
        route("rest", CY),
    ]
}


@pytest.mark.parametrize(
    ("severity", "group", "told"),
    [
        (Severity.WARNING, "eu", (BO,)),
        (Severity.WARNING, "us", (CY,)),
        (Severity.CRITICAL, "eu", (ANA, BO)),
        (Severity.CRITICAL, None, (ANA, CY)),
    ],
)
def test_the_first_route_that_matches_is_taken_and_goes_on_if_it_says_so(
    severity: Severity, group: str | None, told: tuple[str, ...]
) -> None:
    """From above to below."""
    word = decide(incident(severity=severity), Reason.OPENED, scene(ROUTES, node(group=group)))
    assert (word.decision, word.told) == (Decision.TOLD, told)


def test_without_routes_everybody_enabled_is_told() -> None:
    """As a team is that has set nothing."""
    off = CONTACTS | {BO: Contact(BO, "bo", is_enabled=False)}
    word = decide(incident(), Reason.OPENED, scene(contacts=off))
    assert (word.decision, word.told, word.route) == (Decision.TOLD, (ANA, CY), "everybody")


def test_a_route_to_nobody_is_said_to_lead_nowhere() -> None:
    """Whoever is named there was taken away, or disabled."""
    gone = {"routes": [route("a", "contact:gone", match={})]}
    assert decide(incident(), Reason.OPENED, scene(gone)).decision is Decision.NO_CONTACT
    none = {"routes": [route("a", ANA, match={"rules": ["clock_off"]})]}
    assert decide(incident(), Reason.OPENED, scene(none)).decision is Decision.NO_CONTACT
    assert decide(incident(), Reason.OPENED, scene(contacts={})).decision is Decision.NO_CONTACT


def test_what_wakes_wakes_anybody_rather_than_nobody() -> None:
    """All whom its route names are gone. What no route takes is told nobody, as was wished."""
    gone = {"routes": [route("a", "contact:gone", match={"rules": ["node_down"]})]}
    word = decide(incident(severity=Severity.CRITICAL), Reason.OPENED, scene(gone))
    assert (word.decision, word.told) == (Decision.TOLD, (ANA, BO, CY))
    other = incident(severity=Severity.CRITICAL, rule="clock_off")
    assert decide(other, Reason.OPENED, scene(gone)).decision is Decision.NO_CONTACT
    nobody = {"id": "e", "name": "e", "steps": [{"after_minutes": 5, "contacts": ["contact:gone"]}]}
    passes = gone | {"escalations": [nobody]}
    passes["routes"] = [{**passes["routes"][0], "escalation": "e"}]
    word = decide(incident(severity=Severity.CRITICAL), Reason.OPENED, scene(passes))
    assert word.told == (ANA, BO, CY)


def test_whoever_is_disabled_is_stood_in_for_by_his_fallback() -> None:
    """Also by that one's; a ring of disabled ones tells nobody."""
    off = {
        ANA: Contact(ANA, "ana", is_enabled=False, fallback=BO),
        BO: Contact(BO, "bo", is_enabled=False, fallback=CY),
        CY: Contact(CY, "cy"),
    }
    only_ana = {"routes": [route("a", ANA)]}
    assert decide(incident(), Reason.OPENED, scene(only_ana, contacts=off)).told == (CY,)
    ring = off | {CY: Contact(CY, "cy", is_enabled=False, fallback=ANA)}
    assert decide(incident(), Reason.OPENED, scene(only_ana, contacts=ring)).told == ()


def silence(**matcher: Any) -> Silence:
    return Silence("s1", 1, Matcher(**matcher), "works", "ana", 0, NOW - 1_000, NOW + 1_000)


@pytest.mark.parametrize(
    ("matcher", "covers"),
    [
        ({}, True),
        ({"rules": ("node_down",)}, True),
        ({"rules": ("clock_off",)}, False),
        ({"subjects": ("n1",)}, True),
        ({"subjects": ("n2",)}, False),
        ({"labels": ("paris",)}, True),
        ({"groups": ("eu",)}, True),
        ({"validators": (ALICE,)}, True),
        ({"kinds": (SubjectKind.VALIDATOR,)}, False),
        ({"severity_min": Severity.CRITICAL}, False),
        ({"rules": ("node_down",), "groups": ("us",)}, False),
    ],
)
def test_a_silence_covers_what_it_matches_in_everything_given(
    matcher: dict[str, Any], *, covers: bool
) -> None:
    """And only from its start until its end."""
    seen = node(labels=("paris", "big"), group="eu")
    quiet = scene(None, seen, silences=(silence(**matcher),))
    wanted = Decision.SILENCED if covers else Decision.TOLD
    assert decide(incident(), Reason.OPENED, quiet).decision is wanted
    for before_or_after in (NOW - 1_001, NOW + 1_000):
        over = scene(None, seen, silences=(silence(**matcher),), now_ms=before_or_after)
        assert decide(incident(), Reason.OPENED, over).decision is Decision.TOLD


def test_a_validator_is_meant_by_its_nodes_only_if_all_of_them_are() -> None:
    """The one that is not could sign."""
    view = View(NOW, nodes={one.id: one for one in (node("n1", group="eu"), node("n2", group="us"))})
    target = target_of(incident("absent_votes", ALICE), view)
    assert not matches(Matcher(subjects=("n1",)), target)
    assert matches(Matcher(subjects=("n1", "n2")), target)
    assert matches(Matcher(subjects=(ALICE,)), target)
    assert not matches(Matcher(groups=("eu",)), target)


@given(st.builds(Target, st.just("r"), st.sampled_from(Severity), st.sampled_from(SubjectKind), st.text()))
def test_an_empty_matcher_matches_everything(target: Target) -> None:
    """Nothing is given that could fail to hold."""
    assert matches(Matcher(), target)


def test_an_announced_stop_is_maintenance_of_that_node_alone() -> None:
    """Until its time is up."""
    stopping = node(planned_stop_until_ms=NOW + 5_000)
    held = scene(None, stopping, node("n2"))
    assert decide(incident("pos_stuck"), Reason.OPENED, held).decision is Decision.MAINTENANCE
    assert decide(incident("pos_stuck", "n2"), Reason.OPENED, held).decision is Decision.TOLD
    over = scene(None, stopping, now_ms=NOW + 5_000)
    assert decide(incident("pos_stuck"), Reason.OPENED, over).decision is Decision.TOLD


def test_quiet_hours_hold_warnings_and_never_what_wakes() -> None:
    """They say when they end."""
    routing = {"routes": [route("a", ANA, quiet="night")], "quiet": [QUIET]}
    night = scene(routing, now_ms=NIGHT)
    word = decide(incident(), Reason.OPENED, night)
    assert (word.decision, word.by, word.not_before_ms) == (
        Decision.QUIET_HOURS,
        "night",
        ms("2026-11-29T07:00"),
    )
    assert decide(incident(severity=Severity.CRITICAL), Reason.OPENED, night).told == (ANA,)
    assert decide(incident(), Reason.OPENED, scene(routing)).told == (ANA,)


def test_a_route_that_is_awake_tells_while_the_other_sleeps() -> None:
    """Only its own people."""
    routing = {
        "routes": [route("a", ANA, quiet="night", goes_on=True), route("b", BO)],
        "quiet": [QUIET],
    }
    assert decide(incident(), Reason.OPENED, scene(routing, now_ms=NIGHT)).told == (BO,)


def test_the_end_is_told_whatever_holds_and_a_warnings_end_waits_for_the_morning() -> None:
    """Whoever was woken hears of the end at once."""
    routing = {"routes": [route("a", ANA, quiet="night")], "quiet": [QUIET]}
    night = scene(routing, now_ms=NIGHT, silences=())
    told = incident(told_at_ms=NOW, told_severity=Severity.WARNING)
    assert decide(told, Reason.RESOLVED, night).not_before_ms == ms("2026-11-29T07:00")
    woken = replace(told, told_severity=Severity.CRITICAL)
    assert decide(woken, Reason.RESOLVED, night).not_before_ms is None
    silenced = scene(None, silences=(silence(),))
    assert decide(told, Reason.RESOLVED, silenced).decision is Decision.TOLD


def test_what_quiet_hours_kept_from_everybody_is_told_as_over_to_the_same_people() -> None:
    """Unless somebody knows, or wants to know nothing of it."""
    routing = {"routes": [route("a", ANA, quiet="night")], "quiet": [QUIET]}
    missed = incident(resolved_at_ms=NIGHT)
    word = ended_unheard(missed, scene(routing, now_ms=NIGHT))
    assert (word.told, word.not_before_ms) == ((ANA,), ms("2026-11-29T07:00"))
    morning = ended_unheard(missed, scene(routing, now_ms=ms("2026-11-29T07:00")))
    assert (morning.told, morning.not_before_ms) == ((ANA,), None)
    now = scene(routing, now_ms=NIGHT, silences=(replace(silence(), ends_at_ms=NIGHT + 1),))
    assert ended_unheard(missed, now).told == ()
    acked = replace(missed, acked=Acknowledgement(NIGHT, "ana", Severity.WARNING))
    assert ended_unheard(acked, scene(routing, now_ms=NIGHT)).told == ()


def test_what_somebody_has_is_told_again_only_when_it_is_worse_or_his_time_is_up() -> None:
    """Neither reminded nor passed on before."""
    acked = Acknowledgement(NOW - 1_000, "ana", Severity.WARNING, until_ms=NOW + 1_000)
    mine = incident(told_at_ms=NOW - 5_000, told_severity=Severity.WARNING, acked=acked)
    assert decide(mine, Reason.REMINDED, scene()).decision is Decision.ACKNOWLEDGED
    worse = replace(mine, severity=Severity.CRITICAL)
    assert decide(worse, Reason.ESCALATED, scene()).decision is Decision.TOLD
    assert decide(mine, Reason.REMINDED, scene(now_ms=NOW + 1_000)).decision is Decision.TOLD


def test_a_log_entry_tells_nobody() -> None:
    """Whatever the routes say."""
    noted = incident(severity=Severity.INFO)
    assert decide(noted, Reason.OPENED, scene(ROUTES)).decision is Decision.NOTED


# --- passing on -------------------------------------------------------------------------------------------

STEPS = {
    "routes": [route("a", ANA, escalation="up")],
    "escalations": [
        {
            "id": "up",
            "name": "up",
            "steps": [
                {"after_minutes": 15, "contacts": [BO]},
                {"after_minutes": 30, "contacts": [CY]},
            ],
            "repeat_minutes": 60,
        }
    ],
}


def waiting(minutes: int, step: int = 0, **more: Any) -> Incident:
    told_at = NOW - minutes * MINUTE_MS
    found = incident(told_at_ms=NOW, told_severity=Severity.WARNING, step=step, **more)
    return replace(found, facts={FIRST_TOLD: told_at})


@pytest.mark.parametrize(
    ("minutes", "step", "told"),
    [
        (14, 0, None),
        (15, 0, (1, (BO,))),
        (15, 1, None),
        (30, 1, (2, (CY,))),
        (31, 0, (2, (BO, CY))),  # nobody judged for a while: together
        (104, 2, None),
        (105, 2, (3, (BO,))),  # anew an hour after the last
        (1_000, 2, (22, (BO, CY))),  # each at most once
    ],
)
def test_what_nobody_takes_on_is_passed_on(
    minutes: int, step: int, told: tuple[int, tuple[str, ...]] | None
) -> None:
    """Step by step."""
    assert passed_on(waiting(minutes, step), scene(STEPS)) == told


def test_what_is_held_back_explained_over_or_taken_on_is_not_passed_on() -> None:
    """Nor is what was never told."""
    long = waiting(40)
    acked = Acknowledgement(NOW, "ana", Severity.WARNING)
    for quiet in (
        replace(long, acked=acked),
        replace(long, told_at_ms=None),
        replace(long, resolved_at_ms=NOW),
        replace(long, closed_by="ana"),
        replace(long, muted_by="node_down/n0"),
        replace(long, clear_since_ms=NOW),
        replace(long, severity=Severity.INFO),
    ):
        assert passed_on(quiet, scene(STEPS)) is None
    assert passed_on(long, scene(STEPS, silences=(silence(),))) is None
    assert passed_on(long, scene(STEPS, node(planned_stop_until_ms=NOW + 1))) is None
    assert passed_on(replace(long, acked=replace(acked, until_ms=NOW - 1)), scene(STEPS)) is None
    lapsed = replace(long, acked=replace(acked, until_ms=NOW - 16 * MINUTE_MS))
    assert passed_on(lapsed, scene(STEPS)) == (1, (BO,))


def test_a_step_to_a_schedule_reaches_whoever_is_on_call_then() -> None:
    """Not whoever was when the trouble began."""
    routing = {
        "routes": [route("a", "schedule:week")],
        "schedules": [
            {
                "id": "week",
                "name": "week",
                "zone": "UTC",
                "rotation": {
                    "people": [ANA, BO],
                    "handover": {"weekday": None, "hour": 12, "minute": 0},
                    "every_days": 1,
                    "starts_on": "2026-11-27",
                },
                "overrides": [],
            }
        ],
    }
    assert decide(incident(), Reason.OPENED, scene(routing, now_ms=NOW - 1)).told == (ANA,)
    assert decide(incident(), Reason.OPENED, scene(routing)).told == (BO,)


@given(
    st.lists(st.integers(1, 500), min_size=1, max_size=5, unique=True).map(sorted),
    st.none() | st.integers(1, 500),
    st.integers(0, 10**8),
    st.integers(0, 10**8),
)
def test_steps_only_become_more(after: list[int], repeat: int | None, one_ms: int, more_ms: int) -> None:
    """None is due before its time, and none is taken back."""
    escalation = Escalation("e", "e", tuple(Step(minutes, (ANA,)) for minutes in after), repeat)
    assert steps_due(escalation, one_ms) <= steps_due(escalation, one_ms + more_ms)
    assert steps_due(escalation, after[0] * MINUTE_MS - 1) == 0
    assert steps_due(escalation, after[-1] * MINUTE_MS) == len(after)
    if repeat is None:
        assert steps_due(escalation, one_ms) <= len(after)
