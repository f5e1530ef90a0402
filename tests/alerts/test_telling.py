"""A team's round by its policy, over any course of things."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.alerts.test_routing import ALICE, ANA, BO, CONTACTS, NOW, STEPS, route
from vedette.alerts import telling
from vedette.alerts.life import Patience
from vedette.alerts.limits import Limits
from vedette.alerts.routing import Scene
from vedette.alerts.telling import Telling
from vedette.model.incident import Acknowledgement, Decision, Incident, Reason, Severity
from vedette.model.policy import MINUTE_MS, Contact, Matcher, Policy, Silence, parse
from vedette.model.view import NodeView, ProcessState, View

DEAD = NodeView(
    id="n1",
    team_id=1,
    name="n1",
    pos_address=ALICE,
    process=ProcessState.GONE,
    died_at_ms=NOW,
    planned_stop_until_ms=None,
    heard_at_ms=NOW,
    due_at_ms=NOW + 10**12,
)
LIMITS = Limits(rules={"node_down": {"loudest": Severity.WARNING}})
STEP_MS = 5 * MINUTE_MS


class Course:
    """A node dies at NOW; the team's rounds follow, five minutes apart."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.incident: Incident | None = None
        self.told: list[tuple[int, Reason, tuple[str, ...]]] = []
        self.saved = 0
        self.now_ms = NOW

    def round(self) -> None:
        view = View(self.now_ms, nodes={"n1": DEAD})
        known = [] if self.incident is None else [self.incident]
        for one in telling.judge(view, known, LIMITS, Patience(), (), self.policy):
            self._keep(one)
        self.now_ms += STEP_MS

    def _keep(self, one: Telling) -> None:
        if one.incident.rule != "node_down":
            return
        self.saved += 1
        self.incident = replace(one.incident, id=1)
        if one.reason is not None:
            minute = (self.now_ms - NOW) // MINUTE_MS
            self.told.append((minute, one.reason, one.told))

    def rounds(self, number: int) -> "Course":
        for _ in range(number):
            self.round()
        return self

    @property
    def reasons(self) -> list[Reason]:
        return [reason for _, reason, _ in self.told]


def silence(from_minute: int, until_minute: int) -> Silence:
    span = (NOW + from_minute * MINUTE_MS, NOW + until_minute * MINUTE_MS)
    return Silence("s", 1, Matcher(), "works", "ana", 0, *span)


def passing(*silences: Silence) -> Policy:
    return Policy(parse(STEPS), silences, contacts=CONTACTS)


def test_nobody_answers_and_it_goes_round_until_somebody_does() -> None:
    """First Ana, then the others in turn, anew an hour after the last."""
    course = Course(passing()).rounds(28)  # until minute 135
    assert course.told == [
        (0, Reason.OPENED, (ANA,)),
        (15, Reason.PASSED_ON, (BO,)),
        (30, Reason.PASSED_ON, ("contact:cy",)),
        (105, Reason.PASSED_ON, (BO,)),
        (120, Reason.PASSED_ON, ("contact:cy",)),
    ]


def test_a_silence_in_between_starts_the_waiting_anew() -> None:
    """Nobody was to do anything about it meanwhile."""
    course = Course(passing(silence(5, 60))).rounds(17)  # until minute 80
    assert course.told == [(0, Reason.OPENED, (ANA,)), (75, Reason.PASSED_ON, (BO,))]


def test_what_is_taken_on_is_passed_on_no_more_until_his_time_is_up() -> None:
    """Then minutes count from there, and steps that were told are not told again."""
    course = Course(passing()).rounds(4)
    assert course.incident is not None
    acked = Acknowledgement(course.now_ms, "ana", Severity.WARNING, until_ms=NOW + 60 * MINUTE_MS)
    course.incident = replace(course.incident, acked=acked)
    course.rounds(20)
    assert course.told[1:] == [(15, Reason.PASSED_ON, (BO,)), (90, Reason.PASSED_ON, ("contact:cy",))]


def test_what_led_to_nobody_is_told_as_soon_as_it_leads_to_somebody() -> None:
    """And is written once while it does not."""
    nobody = Policy(parse({"routes": [route("a", ANA)]}), contacts={})
    course = Course(nobody).rounds(1)
    assert (course.incident and course.incident.decision, course.told) == (Decision.NO_CONTACT, [])
    saved = course.saved
    course.now_ms -= STEP_MS - 1_000
    course.rounds(1)
    assert course.saved == saved
    course.policy = replace(nobody, contacts={ANA: Contact(ANA, "ana")})
    course.rounds(2)
    assert [told for _, _, told in course.told] == [(ANA,)]


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 300)), max_size=4))
def test_nothing_is_told_in_a_silence_and_what_stands_is_told_after_it(
    spans: Sequence[tuple[int, int]],
) -> None:
    """Whatever silences there are, in whichever order."""
    quiet = [silence(start, start + length) for start, length in spans]
    course = Course(passing(*quiet)).rounds(130)
    for minute, _, _ in course.told:
        at_ms = NOW + minute * MINUTE_MS
        assert not any(one.starts_at_ms <= at_ms < one.ends_at_ms for one in quiet)
    assert course.reasons.count(Reason.OPENED) == 1
    assert course.incident is not None
    assert course.incident.decision is Decision.TOLD


QUIET_MINUTES = 120
NIGHT = {
    "id": "night",
    "name": "night",
    "zone": "UTC",
    "from": "12:00",  # NOW
    "until": "14:00",
}


class Night(Course):
    """The node comes and goes; ends are known by its process. It grows critical when `is_grave`."""

    def __init__(self) -> None:
        routes = [route("a", ANA, quiet="night")]
        super().__init__(Policy(parse({"routes": routes, "quiet": [NIGHT]}), contacts=CONTACTS))
        self.tellings: list[tuple[int, Telling]] = []
        self.ids = 0

    def go(self, *, is_dead: bool, is_grave: bool) -> None:
        alive = replace(DEAD, process=ProcessState.RUNNING, died_at_ms=None)
        node = replace(DEAD if is_dead else alive, role="rpc" if is_grave else "full")
        view = View(self.now_ms, nodes={"n1": node})
        known = [] if self.incident is None else [self.incident]
        limits = Limits(rules={"node_down": {"critical_after_ms": 0}})
        for one in telling.judge(view, known, limits, Patience(), (), self.policy):
            if one.incident.rule == "node_down":
                self.ids += self.incident is None
                incident = replace(one.incident, id=self.ids)
                self.incident = incident if incident.resolved_at_ms is None else None
                self.tellings.append((self.now_ms, replace(one, incident=incident)))
        self.now_ms += STEP_MS


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=30, max_size=40))
def test_quiet_hours_lose_nothing_and_tell_each_trouble_once(course: list[tuple[bool, bool]]) -> None:
    """Whatever comes and goes: a warning is told after them, as it is then; what is critical, at once."""
    night, morning_ms = Night(), NOW + QUIET_MINUTES * MINUTE_MS
    for is_dead, is_grave in course:
        night.go(is_dead=is_dead, is_grave=is_grave)
    for at_ms, one in night.tellings:
        if one.reason is None:
            continue
        is_quiet = at_ms < morning_ms
        if one.reason is not Reason.RESOLVED:
            assert not is_quiet or one.incident.severity is Severity.CRITICAL
            assert not (one.is_held and one.incident.severity is Severity.CRITICAL)
        elif is_quiet and one.is_held:
            assert one.not_before_ms == morning_ms
        if one.told and one.reason is Reason.RESOLVED:
            assert (one.incident.decision, one.is_held) == (Decision.QUIET_HOURS, True)
    for number in range(1, night.ids + 1):
        reasons = [one.reason for _, one in night.tellings if one.incident.id == number and one.reason]
        assert reasons.count(Reason.RESOLVED) <= 1
        assert reasons.count(Reason.OPENED) <= 1
    seen = [one for _, one in night.tellings if one.incident.decision is Decision.QUIET_HOURS]
    ended = {one.incident.id for _, one in night.tellings if one.reason is Reason.RESOLVED}
    standing = {one.incident.id for _, one in night.tellings if one.reason is Reason.OPENED}
    assert {one.incident.id for one in seen} <= ended | standing | {night.ids}


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_each_message_has_a_number_of_its_own(taken: Sequence[bool]) -> None:
    """It is a part of its key: two of one number would be told once."""
    course, counts = Course(passing()), set[int]()
    for is_taken in taken:
        before = len(course.told)
        course.round()
        assert course.incident is not None
        if len(course.told) > before:
            assert course.incident.told_count not in counts
            counts.add(course.incident.told_count)
        acked = Acknowledgement(course.now_ms, "ana", Severity.WARNING) if is_taken else None
        course.incident = replace(course.incident, acked=acked)


def test_only_what_stands_now_is_looked_at() -> None:
    """A silence that is over, or ahead, costs nothing."""
    scene = Scene.of(passing(silence(-10, -5), silence(5, 10)), View(NOW))
    assert scene.silences == ()
