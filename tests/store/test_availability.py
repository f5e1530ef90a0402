"""Uptime: what samples say, what they do not say, and never more than there is time."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.doubles import NOON, enrolled
from tests.store.told import Node, Told
from vedette.store.availability import Calendar, Uptime, calendar, spent, total
from vedette.store.codec import samples
from vedette.store.database import Database
from vedette.store.tiering import Keep
from vedette.store.tiers import DAY_MS, HOUR_MS, MINUTE_MS, SLOT_MS, fold

TEN_S = 10_000
START = NOON // DAY_MS * DAY_MS
UP: Mapping[str, int | float] = {"process.running": 1, "pow.latest_epoch": 5}
DOWN: Mapping[str, int | float] = {"process.running": 0, "probe.pow.failed": 1}
MUTE: Mapping[str, int | float] = {"process.running": 1, "probe.pow.failed": 1}
DARK: Mapping[str, int | float] = {"host.load_1m": 1}


def lasting(start_s: int, end_s: int, said: Mapping[str, int | float], step_s: int = 10) -> list[Told]:
    return [(START + s * 1000, said) for s in range(start_s, end_s, step_s)]


def told_in(told: list[Told], length_ms: int, cell_ms: int) -> Calendar:
    held = spent(samples((at, numbers, {}) for at, numbers in told), START + length_ms, cell_ms)
    return calendar(fold([held], cell_ms), START, START + length_ms, cell_ms)


def seconds(one: Uptime) -> tuple[float, float, float]:
    return one.up_ms / 1000, one.down_ms / 1000, one.unknown_ms / 1000


def test_a_node_that_ran_and_answered_all_the_time() -> None:
    found = told_in(lasting(3, 3_600, UP), HOUR_MS, HOUR_MS)
    assert seconds(found.process[0]) == (3_600, 0, 0)
    assert seconds(found.rpc[0]) == (3_600, 0, 0)
    assert found.process[0].up_ppm == 1_000_000


def test_down_mute_and_unknown_are_told_apart() -> None:
    told = [
        *lasting(0, 600, UP),
        *lasting(600, 900, DOWN),
        *lasting(900, 1_500, MUTE),
        *lasting(1_500, 1_800, DARK),
    ]
    found = told_in([*told, *lasting(3_000, 3_600, UP)], HOUR_MS, HOUR_MS)
    # The last dark sample is followed by silence: from 1,500 to 3,000 nobody knows.
    assert seconds(found.process[0]) == (1_800, 300, 1_500)
    assert seconds(found.rpc[0]) == (1_200, 900, 1_500)
    assert found.process[0].up_ppm == 857_142


def test_an_endpoint_counts_by_its_answers_though_its_height_is_missing() -> None:
    answering: Mapping[str, int | float] = {"endpoint.answers": 1}
    still: Mapping[str, int | float] = {"endpoint.answers": 0, "pow.latest_epoch": 5}
    found = told_in([*lasting(0, 900, answering), *lasting(900, 1_200, still)], 1_200_000, HOUR_MS)
    assert seconds(found.rpc[0]) == (900, 300, 0)
    assert seconds(found.process[0]) == (0, 0, 1_200)  # nobody sees its process from outside


def test_silence_accuses_nobody() -> None:
    found = told_in([*lasting(0, 600, UP), *lasting(3_000, 3_600, UP)], HOUR_MS, HOUR_MS)
    assert seconds(found.process[0]) == (1_200, 0, 2_400)
    assert found.process[0].up_ppm == 1_000_000
    nothing = told_in([], HOUR_MS, HOUR_MS)
    assert nothing.process == (Uptime(0, 0, HOUR_MS),)
    assert nothing.process[0].up_ppm is None


def test_a_sample_that_is_a_little_late_is_no_silence() -> None:
    told = [(at + (at // 10_000 % 3) * 4_000, said) for at, said in lasting(0, 3_600, UP)]
    assert seconds(told_in(told, HOUR_MS, HOUR_MS).process[0]) == (3_600, 0, 0)


def test_the_future_is_not_known() -> None:
    found = told_in(lasting(0, 3_600, UP), HOUR_MS + 2_000_000, HOUR_MS)
    assert [seconds(cell) for cell in found.process] == [(3_600, 0, 0), (0, 0, 2_000)]


def test_cells_of_minutes_split_what_a_sample_speaks_for() -> None:
    found = told_in(lasting(0, 180, UP, step_s=45), 180_000, MINUTE_MS)
    assert [seconds(cell) for cell in found.process] == [(60, 0, 0)] * 3


def test_samples_that_speak_twice_for_one_time_are_no_more_than_the_time() -> None:
    held = fold(
        [spent(samples((at, said, {}) for at, said in lasting(0, 3_600, UP)), START + HOUR_MS, HOUR_MS)] * 2,
        HOUR_MS,
    )
    assert calendar(held, START, START + HOUR_MS, HOUR_MS).process == (Uptime(HOUR_MS, 0, 0),)


@given(
    st.lists(st.tuples(st.integers(0, 2 * SLOT_MS), st.sampled_from([UP, DOWN, MUTE, DARK])), max_size=40),
    st.sampled_from([MINUTE_MS, HOUR_MS, DAY_MS]),
)
def test_up_down_and_unknown_are_all_there_is(told: list[Told], cell_ms: int) -> None:
    found = told_in([(START + at, said) for at, said in told], DAY_MS, cell_ms)
    fine = told_in([(START + at, said) for at, said in told], DAY_MS, MINUTE_MS)
    for line, finer in ((found.process, fine.process), (found.rpc, fine.rpc)):
        whole = total(line)
        assert whole.up_ms + whole.down_ms + whole.unknown_ms == DAY_MS
        assert min(min(cell.up_ms, cell.down_ms, cell.unknown_ms) for cell in line) >= 0
        assert abs(whole.up_ms - total(finer).up_ms) <= 24 * 60  # a cell is told in whole milliseconds


@pytest.fixture
async def node(database: Database) -> Node:
    return Node(database, *await database.write(lambda conn: enrolled(conn, "node one")))


async def test_the_calendar_is_the_same_from_samples_and_from_tiers(node: Node) -> None:
    day = 86_400
    await node.tell(
        *lasting(1_000, day, UP, 30),
        *lasting(day, day + 5_000, DOWN, 30),
        *lasting(day + 20_000, 2 * day, MUTE, 30),
    )
    now = START + 2 * DAY_MS
    before = [
        await node.calendar(length, now, cell)
        for length in (DAY_MS, 7 * DAY_MS, None)
        for cell in (HOUR_MS, DAY_MS)
    ]
    await node.seal(now)
    for later in (now, now + 2 * DAY_MS):
        after = [
            await node.calendar(length, now, cell)
            for length in (DAY_MS, 7 * DAY_MS, None)
            for cell in (HOUR_MS, DAY_MS)
        ]
        assert after == before
        await node.seal(later + DAY_MS, Keep(1, 40, 60))
    first, second = before[5].process
    assert before[5].cells_at_ms == [START, START + DAY_MS]
    assert seconds(first) == (day - 1_000, 0, 1_000)
    assert seconds(second) == (day - 20_000, 5_010, 14_990)
    assert seconds(total(before[5].rpc)) == (day - 1_000, day - 20_000 + 5_010, 15_990)


async def test_a_node_that_never_spoke_has_an_empty_calendar(node: Node) -> None:
    found = await node.calendar(None, START + 5, HOUR_MS)
    assert found.process == (Uptime(0, 0, 5),)
    assert total(found.rpc).up_ppm is None
