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
