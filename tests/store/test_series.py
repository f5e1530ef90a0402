import random

import numpy as np
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.doubles import NOON, TEN_S, enrolled
from tests.store.told import OURS, Node, every
from vedette.model.people import PUBLIC, Who
from vedette.store.charts import Window, step_for
from vedette.store.codec import (
    COLUMNS_MAX,
    ROWS_MAX,
    Chunk,
    ChunkError,
    Row,
    decode_chunk,
    encode_chunk,
    merge,
    pack_ints,
    samples,
    unpack_ints,
)
from vedette.store.database import Conn, Database
from vedette.store.reading import columns
from vedette.store.series import seal
from vedette.store.tiers import SLOT_MS

WINDOW = 600_000
LEAST, MOST = -(2**63), 2**63 - 1

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy

# --- the codec --------------------------------------------------------------------------------------------

integers = st.integers(LEAST, MOST)
measures = st.one_of(
    integers,
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(-9_999, 9_999).map(lambda n: n / 1000),
)
numbers = st.dictionaries(st.sampled_from("abcdef"), measures, max_size=6)
words = st.dictionaries(st.sampled_from("xyz"), st.text(max_size=5), max_size=3)
rows = st.lists(st.tuples(st.integers(0, 2**53), numbers, words), max_size=40)


def _bits(value: float) -> int:
    return int(np.float64(value).view(np.int64))


def _expected(told: list[Row]) -> dict[int, tuple[dict[str, int | float], dict[str, str]]]:
    """What a chunk promises: the last row of a time, NaN as nothing, a column of mixed kinds as floats."""
    last = {at: (dict(n), dict(w)) for at, n, w in told}
    mixed = {name for n, _ in last.values() for name, value in n.items() if isinstance(value, float)}
    return {
        at: ({k: float(v) if k in mixed else v for k, v in n.items() if v == v}, w)  # noqa: PLR0124
        for at, (n, w) in last.items()
    }


def _told(body: bytes) -> dict[int, tuple[dict[str, int | float], dict[str, str]]]:
    whole = decode_chunk(body)
    times = whole.times.tolist()
    assert times == sorted(set(times))
    return {
        at: (
            {k: c.values[i].item() for k, c in whole.numbers.items() if c.present[i]},
            {k: word for k, w in whole.states.items() if (word := w[i]) is not None},
        )
        for i, at in enumerate(times)
    }


def _same(
    one: dict[int, tuple[dict[str, int | float], dict[str, str]]],
    other: dict[int, tuple[dict[str, int | float], dict[str, str]]],
) -> bool:
    """Equal to the last bit: -0.0 is not 0.0, and 1 is not 1.0."""

    def spelt(rows: dict[int, tuple[dict[str, int | float], dict[str, str]]]) -> object:
        return {
            at: ({k: (type(v), _bits(v) if isinstance(v, float) else v) for k, v in n.items()}, w)
            for at, (n, w) in rows.items()
        }

    return spelt(one) == spelt(other)


@patient
@given(rows)
def test_a_chunk_gives_back_what_went_in(told: list[Row]) -> None:
    assert _same(_told(encode_chunk(samples(told))), _expected(told))


@patient
@given(st.lists(rows, min_size=1, max_size=4))
def test_chunks_merged_are_the_chunk_of_all_their_rows(parts: list[list[Row]]) -> None:
    together = [row for part in parts for row in part]
    whole = encode_chunk(merge([decode_chunk(encode_chunk(samples(part))) for part in parts]))
    assert _told(whole).keys() == _expected(together).keys()
    for at, (told, states) in _expected(together).items():
        merged = _told(whole)[at]
        assert merged[1] == states
        assert merged[0].keys() == told.keys()
        assert [float(v) for v in merged[0].values()] == [float(told[k]) for k in merged[0]]


@patient
@given(st.lists(integers))
def test_a_packed_list_gives_back_its_integers(told: list[int]) -> None:
    assert unpack_ints(pack_ints(told)) == told


@pytest.mark.parametrize(
    "column",
    [
        [LEAST, MOST, LEAST, 0, -1, MOST],
        [MOST],
        [5] * 100,
        [float("inf"), float("-inf"), 5e-324, -0.0],
        [1e300, -1e300, 0.1 + 0.2, 0.3],
        [None, 1, None, None, 2],
        [float("nan"), 1.5, float("nan")],
        [1, 2.5, 3],
    ],
)
def test_odd_columns_come_back(column: list[int | float | None]) -> None:
    told: list[Row] = [(n, {} if v is None else {"a": v}, {}) for n, v in enumerate(column)]
    assert _same(_told(encode_chunk(samples(told))), _expected(told))


def test_names_that_appear_and_vanish_leave_holes_and_nothing_else() -> None:
    told: list[Row] = [(n, {f"name_{n % 3}": n}, {f"state_{n // 5}": "on"}) for n in range(20)]
    assert _same(_told(encode_chunk(samples(told))), _expected(told))
    chunk = Chunk(encode_chunk(samples(told)))
    assert chunk.names == ["name_0", "name_1", "name_2"]
    assert chunk.read("name_9") is None


def test_a_quiet_node_costs_next_to_nothing() -> None:
    told: list[Row] = [
        (NOON + n * TEN_S, {"counter": n * 7, "same": 5, "ratio": 0.25}, {"s": "ok"}) for n in range(1_440)
    ]
    assert len(encode_chunk(samples(told))) < 250


@patient
@given(st.binary(max_size=200), st.data())
def test_garbage_is_refused_in_one_line(noise: bytes, data: st.DataObject) -> None:
    whole = encode_chunk(samples([(n, {"a": n * n, "b": n / 3}, {"s": "x"}) for n in range(50)]))
    start = data.draw(st.integers(0, len(whole)))
    for body in (
        noise,
        whole[:start],
        whole[:start] + noise,
        whole[:start] + noise + whole[start + len(noise) :],
    ):
        if body == whole:
            continue
        try:
            decode_chunk(body)
        except ChunkError as refusal:
            assert "\n" not in str(refusal)  # noqa: PT017 - many bodies, each may or may not still be a chunk


def test_a_frame_that_claims_to_be_huge_is_not_believed() -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(200_000_000))
    body = b"VC\x02" + len(bomb).to_bytes(4, "little") + bomb
    with pytest.raises(ChunkError, match="larger than it may be"):
        Chunk(body)
    with pytest.raises(ChunkError, match="larger than it may be"):
        unpack_ints(bomb)


# --- in the database --------------------------------------------------------------------------------------


@pytest.fixture
async def node(database: Database) -> Node:
    return Node(database, *await database.write(lambda conn: enrolled(conn, "node one")))


async def test_a_window_is_sealed_a_minute_after_its_end(node: Node) -> None:
    await node.tell(*every(TEN_S, 70))
    assert await node.seal(NOON + WINDOW + 59_999) == 0
    assert await node.seal(NOON + WINDOW + 60_000) == 1
    assert await node.count() == (10, [60])
    assert await node.seal(NOON + WINDOW + 60_000) == 0


async def test_a_chart_does_not_tell_what_was_sealed_from_what_was_not(node: Node) -> None:
    await node.tell(*every(TEN_S, 200))
    before = await node.drawn("a", NOON, NOON + 2_000_000)
    await node.seal(NOON + 2 * WINDOW + 60_000)
    assert await node.count() == (80, [60, 60])
    after = await node.drawn("a", NOON, NOON + 2_000_000)
    assert before == after
    assert before.mean == [[float(n) for n in range(200)]]
    assert before.times == [NOON / 1000 + n * 10 for n in range(200)]
    assert (before.step_ms, before.available) == (0, ["a", "b"])


async def test_late_rows_join_their_chunk_and_the_later_word_counts(node: Node) -> None:
    told = every(TEN_S, 60)
    await node.tell(*told[::2])
    await node.seal(NOON + WINDOW + 60_000)
    await node.tell(*random.Random(1).sample(told[1::2], 30), (NOON, {"a": 99.5}))
    assert await node.seal(NOON + 2 * WINDOW) == 1
    assert await node.count() == (0, [60])
    drawn = await node.drawn("a", NOON, NOON + WINDOW)
    assert drawn.mean == [[99.5, *(float(n) for n in range(1, 60))]]


async def test_small_chunks_become_one_and_late_rows_still_join_it(
    node: Node,
) -> None:
    start = NOON // SLOT_MS * SLOT_MS
    told = every(TEN_S, 1_500, start)
    late = told.pop(700)
    await node.tell(*told)
    await node.seal(start + SLOT_MS // 2 + 2 * WINDOW)
    assert (await node.count())[1] == [360, 359, 60]
    await node.seal(start + SLOT_MS + 2 * WINDOW)
    assert await node.count() == (0, [1_439, 60])
    await node.tell(late)
    await node.seal(start + SLOT_MS + 2 * WINDOW)
    assert await node.count() == (0, [1_440, 60])
    drawn = await node.drawn("a", start, start + 2 * SLOT_MS, 2_000)
    assert drawn.mean == [[float(n) for n in range(1_500)]]


async def test_many_points_are_drawn_as_buckets_of_a_round_width(node: Node) -> None:
    await node.tell(*every(TEN_S, 600))
    await node.seal(NOON + 6_000_000)
    drawn = await node.drawn("a", NOON, NOON + 6_000_000, 101)
    assert drawn.step_ms == 60_000
    assert drawn.times == [NOON / 1000 + n * 60 for n in range(100)]
    assert drawn.mean == [[n * 6 + 2.5 for n in range(100)]]
    assert drawn.min == [[n * 6.0 for n in range(100)]]
    assert drawn.max == [[n * 6.0 + 5 for n in range(100)]]


async def test_a_gap_is_an_empty_bucket_or_a_break_between_samples(node: Node) -> None:
    told = every(TEN_S, 60)
    await node.tell(*told[:20], *told[40:])
    raw = await node.drawn("a", NOON, NOON + WINDOW)
    assert raw.mean == [[*(float(n) for n in range(20)), None, *(float(n) for n in range(40, 60))]]
    assert raw.times[20] == NOON / 1000 + 200
    coarse = await node.drawn("a", NOON, NOON + WINDOW, 12)
    assert coarse.step_ms == 60_000
    assert coarse.mean == [[2.5, 8.5, 14.5, 18.5, None, None, 40.5, 44.5, 50.5, 56.5]]


async def test_a_column_that_nobody_measured_for_a_while_has_holes_of_its_own(node: Node) -> None:
    told: list[tuple[int, dict[str, int | float]]] = [
        (at, {"a": 1.0} if n % 2 else {"a": 1.0, "b": float("inf") if n == 2 else 2})
        for n, (at, _) in enumerate(every(TEN_S, 6))
    ]
    await node.tell(*told)
    found = await node.chart(["b", "nothing"], NOON, NOON + WINDOW)
    assert found is not None
    assert found.mean == [[2.0, None, None, None, 2.0, None], [None] * 6]
    assert found.available == ["a", "b"]


def test_more_than_a_chunk_has_room_for_loses_what_is_oldest_rarest_and_longest() -> None:
    rows: list[Row] = [
        (n, {f"odd_{n}": 1, "even": n}, {"flaps": f"{n:0400}", "s": "on"}) for n in range(COLUMNS_MAX + 9)
    ]
    held = decode_chunk(encode_chunk(samples(rows)))
    assert len(held.numbers) == COLUMNS_MAX - 1
    assert held.numbers["even"].present.all()
    assert held.states.keys() == {"s"}
    many: list[Row] = [(n, {"a": n}, {}) for n in range(ROWS_MAX + 5)]
    assert decode_chunk(encode_chunk(samples(many))).times.tolist() == list(range(5, ROWS_MAX + 5))


async def test_an_agent_that_tells_too_much_holds_up_nobody(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    other = Node(node.database, *await node.database.write(lambda conn: enrolled(conn, "node two")))
    await node.tell(*((NOON + n * 10, {f"name_{n}_{k}": 1 for k in range(256)}) for n in range(20)))
    await other.tell(*every(TEN_S, 60))
    await node.seal(NOON + SLOT_MS + 2 * WINDOW)
    hot, sealed = await node.count()
    assert (hot, sorted(sealed)) == (0, [20, 60])
    assert "20 of 20 rounds, 4095 of 5120 numbers" in caplog.text
    assert (await other.drawn("a", NOON, NOON + WINDOW)).mean == [[float(n) for n in range(60)]]


async def test_only_the_window_is_drawn(node: Node) -> None:
    await node.tell(*every(TEN_S, 120))
    await node.seal(NOON + WINDOW + 60_000)
    drawn = await node.drawn("a", NOON + 500_000, NOON + 700_000)
    assert drawn.mean == [[float(n) for n in range(50, 70)]]
    empty = await node.drawn("a", NOON - WINDOW, NOON)
    assert (empty.times, empty.mean, empty.available) == ([], [[]], [])


async def test_nobody_else_sees_a_node_s_series(node: Node) -> None:
    await node.tell(*every(TEN_S, 3))
    for stranger in (PUBLIC, Who(2)):
        assert await node.chart(["a"], NOON, NOON + WINDOW, who=stranger) is None
    async with node.database.read() as conn:
        assert await columns(conn, OURS, "no such node", ["a"], NOON, NOON + WINDOW, 10) is None


async def test_a_seal_that_is_undone_loses_nothing(node: Node) -> None:
    await node.tell(*every(TEN_S, 60))

    async def undone(conn: Conn) -> None:
        assert await seal(conn, NOON + 2 * WINDOW, 10) == 1
        raise ValueError("changed my mind")

    with pytest.raises(ValueError, match="changed my mind"):
        await node.database.write(undone)
    assert await node.count() == (60, [])


@patient
@given(st.integers(0, 2**41), st.integers(1, 2**37), st.integers(2, 3_000))
def test_buckets_are_never_more_than_was_asked_for(start: int, span: int, points: int) -> None:
    step = step_for(Window("n", [], start, start + span, points))
    assert (start + span - 1) // step - start // step + 1 <= points
