"""Tiers in the database: derived, built anew, never counted twice, and all that is left in the end."""

import asyncio
import random
import signal
import sys
from collections.abc import Sequence

import pytest
from sqlalchemy import select

from tests.store.doubles import NOON, enrolled
from tests.store.told import Node, Told, every
from vedette.model.people import PUBLIC, Who
from vedette.store import tables as t
from vedette.store.charts import SeriesColumns
from vedette.store.database import Conn, Database
from vedette.store.reading import availability_of, states
from vedette.store.series import seal
from vedette.store.tiering import Keep, Kept, kept_of
from vedette.store.tiers import DAY_MS, HOUR_MS, MINUTE_MS, SLOT_MS

START = NOON // DAY_MS * DAY_MS  # a day's first moment
MINUTES = 2 * 24 * 60 + 30
END = START + MINUTES * MINUTE_MS
LATER = END + 2 * HOUR_MS
KEEP = Keep(1, 2, 60)


@pytest.fixture
async def node(database: Database) -> Node:
    return Node(database, *await database.write(lambda conn: enrolled(conn, "node one")))


@pytest.fixture
async def full(node: Node) -> Node:
    """A node that told a sample each 30 s for two days and half an hour."""
    await node.tell(*every(30_000, 2 * MINUTES, START))
    return node


async def drawn(node: Node, step_ms: int, from_ms: int = START, to_ms: int = END) -> SeriesColumns:
    """A chart whose buckets are as wide as that."""
    found = await node.drawn("a", from_ms, to_ms, -(-to_ms // step_ms) - from_ms // step_ms)
    assert found.step_ms == step_ms
    return found


STEPS = (MINUTE_MS, 2 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS, DAY_MS)


async def test_a_chart_does_not_tell_tiers_from_samples(full: Node) -> None:
    before = [await drawn(full, step) for step in STEPS]
    await full.seal(LATER)
    assert [await drawn(full, step) for step in STEPS] == before
    assert before[-1].mean == [[1439.5, 4319.5, 5789.5]]
    assert before[-1].min == [[0.0, 2880.0, 5760.0]]
    assert before[-1].max == [[2879.0, 5759.0, 5819.0]]


async def test_only_finished_slots_are_in_the_tiers(full: Node) -> None:
    await full.seal(LATER)
    assert await full.buckets() == {MINUTE_MS: 2 * 24 * 60, HOUR_MS: 48, DAY_MS: 2}


async def test_late_rows_are_drawn_at_once_and_their_slot_is_built_anew(node: Node) -> None:
    told = every(30_000, 2 * MINUTES, START)
    late = [told.pop(place) for place in random.Random(2).sample(range(5_000), 40)]
    await node.tell(*told)
    await node.seal(LATER)
    await node.tell(*late)
    whole = [await drawn(node, step) for step in STEPS]
    assert whole[-1].mean == [[1439.5, 4319.5, 5789.5]]
    while await node.database.write(lambda conn: seal(conn, LATER, 10)):
        assert [await drawn(node, step) for step in STEPS] == whole
    assert (await node.buckets())[DAY_MS] == 2


async def test_dropped_samples_live_on_in_their_tiers(full: Node) -> None:
    await full.seal(LATER)
    minutes, hours, days = [await drawn(full, step) for step in (MINUTE_MS, HOUR_MS, DAY_MS)]
    await full.seal(LATER + SLOT_MS, KEEP)
    assert (await full.count())[1] == [480, 480, 480, 480, 480, 60]  # of the last day
    assert await drawn(full, MINUTE_MS) == minutes
    await full.seal(LATER + 4 * DAY_MS, KEEP)
    assert (await full.count())[1] == []
    assert (await full.buckets()).keys() == {HOUR_MS, DAY_MS}
    assert (await full.drawn("a", START, END, 5_000)) == hours
    await full.seal(LATER + 100 * DAY_MS, KEEP)
    assert (await full.drawn("a", START, END, 5_000)) == days


async def test_what_is_late_by_more_than_samples_are_kept_is_added_once(node: Node) -> None:
    told = every(30_000, 2 * MINUTES, START)
    late = [told.pop(place) for place in random.Random(3).sample(range(2_000), 10)]
    await node.tell(*told)
    await node.seal(LATER + 2 * DAY_MS, KEEP)
    await node.tell(*late)
    at_once = await drawn(node, DAY_MS)
    assert at_once.mean == [[1439.5, 4319.5, 5789.5]]
    await node.seal(LATER + 2 * DAY_MS, KEEP)
    assert await drawn(node, DAY_MS) == at_once
    assert await node.count() == (0, [])
    hourly = await drawn(node, HOUR_MS)
    assert hourly.mean[0][:2] == [59.5, 179.5]


async def test_nothing_is_dropped_while_a_chunk_waits_for_the_tiers(full: Node) -> None:
    await full.seal(LATER)

    async def dirtied(conn: Conn) -> None:
        await conn.execute(t.chunks.update().where(t.chunks.c.start_ms == START + SLOT_MS).values(dirty=True))

    await full.database.write(dirtied)
    far = LATER + 3 * DAY_MS
    assert await full.database.write(lambda conn: seal(conn, far, 10, KEEP)) == 1  # the last, smaller chunk
    async with full.database.read() as conn:
        assert await kept_of(conn, full.id) == Kept()
        assert len((await conn.execute(select(t.chunks.c.start_ms))).all()) == 13
    await full.seal(far, KEEP)
    async with full.database.read() as conn:
        assert (await kept_of(conn, full.id)).raw_from_ms == KEEP.kept(far).raw_from_ms
        assert (await conn.execute(select(t.chunks.c.start_ms))).all() == []


async def test_an_old_part_and_the_newest_are_one_chart(full: Node) -> None:
    await full.seal(LATER + 3 * DAY_MS, KEEP)  # nothing but hours is left
    newest = LATER + 3 * DAY_MS
    await full.tell(*every(30_000, 120, newest))
    found = await full.drawn("a", START, newest + HOUR_MS, 200)
    assert found.step_ms == HOUR_MS
    assert (found.times[0], found.times[-1]) == (START / 1000, newest // HOUR_MS * HOUR_MS / 1000 + 3600)
    line = found.mean[0]
    assert line[:2] == [59.5, 179.5]
    assert line[60] is None
    assert line[-2:] == [29.5, 89.5]


async def test_a_narrow_window_of_the_dropped_past_is_drawn_in_what_is_left(full: Node) -> None:
    await full.seal(LATER + 2 * DAY_MS, KEEP)
    found = await full.drawn("a", START, START + 10 * MINUTE_MS, 1_000)
    assert found.step_ms in {MINUTE_MS, HOUR_MS}
    assert found.max[0][0] == (1.0 if found.step_ms == MINUTE_MS else 119.0)


async def test_a_tier_that_is_undone_is_built_again(full: Node) -> None:
    while await full.database.write(lambda conn: seal(conn, LATER, 10)) and not await full.buckets():
        pass

    async def undone(conn: Conn) -> None:
        assert await seal(conn, LATER, 10) == 1
        raise ValueError("changed my mind")

    before = await full.buckets()
    with pytest.raises(ValueError, match="changed my mind"):
        await full.database.write(undone)
    assert await full.buckets() == before
    await full.seal(LATER)
    assert (await drawn(full, DAY_MS)).mean == [[1439.5, 4319.5, 5789.5]]


async def sealed_under_fire(url: str, now_ms: int, chance: random.Random) -> int:
    """Run the sealer, killed again and again at any moment, until it finishes; how often it was killed."""
    for kills in range(200):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.store.sealer", url, str(now_ms), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        assert await process.stdout.readline() == b"open\n"
        try:
            async with asyncio.timeout(chance.uniform(0.005, 0.2) if kills < 12 else 60):
                assert await process.wait() == 0
        except TimeoutError:
            process.send_signal(signal.SIGKILL)
            await process.wait()
        else:
            return kills
    raise AssertionError("it never finished")


def totals(*charts: SeriesColumns) -> list[Sequence[float | None]]:
    return [line for chart in charts for line in (*chart.mean, *chart.min, *chart.max)]


@pytest.mark.slow
async def test_killed_at_any_moment_nothing_is_lost_and_nothing_counted_twice(
    full: Node, database_url: str
) -> None:
    now = LATER + 2 * DAY_MS
    wanted = totals(*[await drawn(full, step) for step in (HOUR_MS, DAY_MS)])
    kills = await sealed_under_fire(database_url, now, random.Random(4))
    assert kills >= 3
    assert await full.count() == (0, [])
    assert totals(*[await drawn(full, step) for step in (HOUR_MS, DAY_MS)]) == wanted


async def test_states_are_runs_with_silences(node: Node) -> None:
    def told(first: int, count: int) -> list[Told]:
        return every(30_000, count, START + first * 30_000)

    await node.tell(*told(0, 100), words={"node.version": "3.0.1", "s": "x"})
    await node.tell(*told(100, 1_000), words={"node.version": "3.0.2", "s": "x"})
    await node.tell(*told(2_000, 1_000), words={"s": "x"})
    await node.tell(*told(3_000, 5), words={"node.version": "3.0.2", "s": "x"})
    raw = await node.spoke(["node.version", "nothing"], START, START + 6 * HOUR_MS)
    assert raw.states["node.version"] == [
        (START, "3.0.1"),
        (START + 100 * 30_000, "3.0.2"),
    ]
    for _ in range(2):
        found = await node.spoke(["node.version", "s", "nothing"], START, START + 100 * HOUR_MS)
        assert found.step_ms == MINUTE_MS
        assert found.states == {
            "node.version": [
                (START, "3.0.1"),
                (START + 50 * MINUTE_MS, "3.0.2"),
                (START + 550 * MINUTE_MS, None),
                (START + 1_500 * MINUTE_MS, "3.0.2"),
            ],
            "s": [(START, "x"), (START + 550 * MINUTE_MS, None), (START + 1_000 * MINUTE_MS, "x")],
            "nothing": [],
        }
        assert found.available == ["node.version", "s"]
        await node.seal(LATER)


async def test_nobody_else_sees_a_node_s_past(full: Node) -> None:
    await full.seal(LATER + 4 * DAY_MS, KEEP)
    for stranger in (PUBLIC, Who(2)):
        assert await full.chart(["a"], START, END, who=stranger) is None
        async with full.database.read() as conn:
            assert await states(conn, stranger, full.id, ["s"], START, END) is None
            assert await availability_of(conn, stranger, full.id, None, END, HOUR_MS) is None
