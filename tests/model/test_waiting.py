"""What of all that waits for one channel is still news, over any course of things."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.model.incident import Reason
from vedette.model.waiting import GATHER_MS, MANY, STALE_MS, TOGETHER_MAX, Plan, Waiting, plan

NOW = 1_800_000_000_000
HOUR_MS = 3_600_000
NEW, E, R, P, END = Reason.OPENED, Reason.ESCALATED, Reason.REMINDED, Reason.PASSED_ON, Reason.RESOLVED
ACK = Reason.ACKNOWLEDGED


def line(*reasons: Reason, incident: int = 1, first: int = 1, age_ms: int = HOUR_MS) -> list[Waiting]:
    """Messages of one incident that piled up, the first so old, those after it a second each."""
    return [
        Waiting(first + n, incident, reason, NOW - age_ms + n * 1_000, NOW - age_ms + n * 1_000, 0)
        for n, reason in enumerate(reasons)
    ]


def told(rows: list[Waiting], *, for_people: bool) -> list[Reason]:
    """What goes out, one after the other, once the channel takes messages again."""
    said: list[Reason] = []
    reasons = {row.id: row.reason for row in rows}
    while rows:
        found = plan(rows, NOW, for_people=for_people)
        said += [reasons[number] for number in found.together]
        gone = {*found.together, *found.superseded}
        assert gone
        rows = [row for row in rows if row.id not in gone]
    return said


@pytest.mark.parametrize(
    ("waits", "people", "machines"),
    [
        ([NEW], [NEW], [NEW]),
        ([NEW, END], [END], [NEW, END]),
        ([R, R, R], [R], [R]),
        ([NEW, R, R], [NEW], [NEW]),
        ([NEW, R, E, R], [E], [NEW, E]),
        ([R, R, END], [END], [END]),
        ([NEW, E, R, P, END], [END], [NEW, E, END]),
        ([P, R], [P], [P]),
        ([NEW, P, P], [NEW], [NEW]),
        ([NEW, ACK, END], [END], [NEW, ACK, END]),
    ],
)
def test_a_channel_that_was_dead_hears_what_is_still_news(
    waits: list[Reason], people: list[Reason], machines: list[Reason]
) -> None:
    assert told(line(*waits), for_people=True) == people
    assert told(line(*waits), for_people=False) == machines


def test_what_waited_no_minute_is_told_as_it_was_decided() -> None:
    assert told(line(NEW, R, END, age_ms=STALE_MS - 1), for_people=True) == [NEW, R, END]


def test_the_log_says_by_what_it_was_superseded() -> None:
    assert plan(line(NEW, R, END), NOW, for_people=True).superseded == {1: 3, 2: 3}
    assert plan(line(NEW, R, R), NOW, for_people=False).superseded == {2: 1, 3: 1}


def test_what_is_in_hand_or_tried_again_later_bars_its_incident_and_no_other() -> None:
    first, last = line(NEW, END)
    other = line(NEW, incident=2, first=9)
    for ill in (replace(first, is_in_hand=True), replace(first, attempts=3, next_at_ms=NOW + 1)):
        assert plan([ill, last, *other], NOW, for_people=False) == Plan({}, (9,))


def test_more_than_anybody_reads_is_one_message_and_a_machine_hears_each() -> None:
    rows = [row for n in range(MANY + 1) for row in line(NEW, incident=n, first=10 * n)]
    assert len(plan(rows, NOW, for_people=True).together) == MANY + 1
    assert len(plan(rows[1:], NOW, for_people=True).together) == 1
    assert len(plan(rows, NOW, for_people=False).together) == 1


def held(number: int, incident: int, reason: Reason = NEW, due_ms: int = NOW, attempts: int = 0) -> Waiting:
    return Waiting(number, incident, reason, due_ms, due_ms, attempts, is_held=True)


def test_what_quiet_hours_held_back_is_told_together_once_all_of_it_is_there() -> None:
    rows = [held(1, 1, END, NOW), held(2, 2, NEW, NOW + 900), held(3, 3, NEW, NOW + 900)]
    later = held(4, 4, NEW, NOW + HOUR_MS)
    for at_ms in (NOW, NOW + 900, NOW + GATHER_MS - 1):
        assert plan([*rows, later], at_ms, for_people=True).together == ()
    assert plan([*rows, later], NOW + GATHER_MS, for_people=True).together == (1, 2, 3)
    assert plan(rows, NOW, for_people=False).together == (1,)


def test_what_cannot_wait_goes_before_the_morning() -> None:
    rows = [held(1, 1), *line(NEW, incident=2, first=2, age_ms=0)]
    assert plan(rows, NOW, for_people=True).together == (2,)
    worse = [held(1, 1), *line(E, incident=1, first=2, age_ms=0)]
    assert plan(worse, NOW, for_people=True).together == (1,)


def test_a_digest_is_nobodys_news_and_stands_alone() -> None:
    digest = Waiting(1, None, NEW, NOW - HOUR_MS, NOW - HOUR_MS, 0)
    rows = [row for n in range(2, 40) for row in line(NEW, incident=n, first=10 * n)]
    assert digest.id not in plan([digest, *rows], NOW, for_people=True).together
    assert plan([digest], NOW, for_people=True).together == (1,)


@st.composite
def lines(draw: st.DrawFn) -> list[Waiting]:
    """Any line: incidents that begin, go on and may end, some held back, some tried before."""
    rows: list[Waiting] = []
    for incident in range(draw(st.integers(1, 24))):
        middle = draw(st.lists(st.sampled_from([E, R, P]), max_size=2))
        reasons = draw(st.sampled_from([[NEW], []])) + middle + draw(st.sampled_from([[END], []]))
        for reason in reasons:
            created_ms = NOW - draw(st.integers(-HOUR_MS, 2 * HOUR_MS))
            attempts = draw(st.sampled_from([0, 0, 0, 2]))
            next_ms = created_ms if not attempts else NOW + draw(st.sampled_from([-1_000, 5_000]))
            mark = draw(st.booleans())
            rows.append(Waiting(0, incident, reason, created_ms, next_ms, attempts, is_held=mark))
    order = draw(st.permutations(range(len({row.incident_id for row in rows}))))
    rows.sort(key=lambda row: order[row.incident_id or 0] if row.incident_id in range(len(order)) else -1)
    return [replace(row, id=number) for number, row in enumerate(rows, start=1)]


@settings(max_examples=60)
@given(lines(), st.booleans())
def test_nothing_is_lost_and_nothing_overtakes(rows: list[Waiting], for_people: bool) -> None:
    """Every message is told once or superseded by one of its incident that is told; each end is told."""
    incident = {row.id: row.incident_id for row in rows}
    reason = {row.id: row.reason for row in rows}
    left, now = rows, NOW
    order: list[int] = []
    instead: dict[int, int] = {}
    for _ in range(3 * len(rows) + 3):
        if not left:
            break
        found = plan(left, now, for_people=for_people)
        assert not set(found.together) & set(found.superseded)
        assert list(found.together) == sorted(found.together)
        assert len(found.together) <= (TOGETHER_MAX if for_people else 1)
        order += found.together
        instead |= found.superseded
        gone = {*found.together, *found.superseded}
        left = [row for row in left if row.id not in gone]
        now += 0 if gone else HOUR_MS
    assert left == []
    assert Counter([*order, *instead]) == Counter(row.id for row in rows)
    for loser, by in instead.items():
        assert (incident[loser], reason[loser] is not END) == (incident[by], True)
        assert by in order or by in instead
    for number in {*incident.values()}:
        ours = [one for one in order if incident[one] == number]
        assert ours == sorted(ours) or _waited_for_its_time(ours, rows)


def _waited_for_its_time(ours: list[int], rows: list[Waiting]) -> bool:
    """What was held back longer holds up nothing that came after it."""
    by_id = {row.id: row for row in rows}
    return any(by_id[one].next_at_ms > NOW and not by_id[one].attempts for one in ours)
