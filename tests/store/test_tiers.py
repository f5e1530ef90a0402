"""Folding, as arithmetic: nothing is lost, nothing is counted twice, whatever the order."""

from math import fsum

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vedette.store.codec import Chunk, Row, samples
from vedette.store.tiers import (
    DAY,
    DAY_MS,
    HOUR,
    HOUR_MS,
    MINUTE,
    MINUTE_MS,
    NAMES_MAX,
    NOTHING,
    SLOT_MS,
    TIERS,
    Buckets,
    decode,
    encode,
    fold,
    of_samples,
    tier_of,
    with_added,
    with_slot,
)

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

measures = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-9_999, 9_999).map(lambda n: n / 1000),
    st.just(float("nan")),
)
numbers = st.dictionaries(st.sampled_from("abc"), measures, max_size=3)
words = st.dictionaries(st.sampled_from("xy"), st.sampled_from(["on", "off"]), max_size=2)
rows = st.lists(
    st.tuples(st.integers(0, 3 * HOUR_MS), numbers, words), max_size=30, unique_by=lambda row: row[0]
)

Spelt = dict[int, tuple[dict[str, tuple[float, float, float, int]], int, dict[str, str]]]


def spelt(held: Buckets) -> Spelt:
    told: Spelt = {}
    for place, at in enumerate(held.at.tolist()):
        known = {
            name: (
                float(one.total[place]),
                float(one.least[place]),
                float(one.most[place]),
                int(one.count[place]),
            )
            for name, one in held.numbers.items()
            if one.count[place]
        }
        said = {name: word for name, line in held.states.items() if (word := line[place]) is not None}
        told[at] = (known, int(held.amounts["rows"][place]), said)
    return told


def expected(told: list[Row], step_ms: int) -> Spelt:
    """The same, row by row."""
    buckets: dict[int, list[Row]] = {}
    for row in sorted(told, key=lambda row: row[0]):
        buckets.setdefault(row[0] // step_ms * step_ms, []).append(row)
    found: Spelt = {}
    for at, group in buckets.items():
        by_name: dict[str, list[float]] = {}
        for _, given_numbers, _ in group:
            for name, value in given_numbers.items():
                if value == value:  # noqa: PLR0124 - only NaN differs from itself
                    by_name.setdefault(name, []).append(float(value))
        known = {name: (fsum(vs), min(vs), max(vs), len(vs)) for name, vs in by_name.items()}
        found[at] = (known, len(group), {k: v for _, _, said in group for k, v in said.items()})
    return found


def assert_same(one: Spelt, other: Spelt) -> None:
    assert one.keys() == other.keys()
    for at, (known, count, said) in one.items():
        assert (count, said) == other[at][1:]
        assert known.keys() == other[at][0].keys()
        for name, (total, *rest) in known.items():
            assert rest == list(other[at][0][name][1:])
            # Floats of very different size lose the small ones' last figures, in whichever order.
            size = max(abs(rest[0]), abs(rest[1])) * rest[2]
            assert total == pytest.approx(other[at][0][name][0], rel=1e-9, abs=1e-12 * size + 1e-6)


@patient
@given(rows)
def test_buckets_are_what_their_samples_say(told: list[Row]) -> None:
    assert_same(spelt(fold([of_samples(samples(told))], MINUTE_MS)), expected(told, MINUTE_MS))


@patient
@given(st.lists(rows, min_size=1, max_size=4))
def test_buckets_of_parts_and_of_buckets_are_those_of_the_whole(parts: list[list[Row]]) -> None:
    unique = {row[0]: (n, row) for n, part in enumerate(parts) for row in part}
    apart = [[row for n, row in unique.values() if n == place] for place in range(len(parts))]
    minutes = [fold([of_samples(samples(part))], MINUTE_MS) for part in apart]
    together = sorted((row for _, row in unique.values()), key=lambda row: row[0])
    hours = spelt(fold([fold(minutes, MINUTE_MS)], HOUR_MS))
    wanted = expected(together, HOUR_MS)
    for found in (hours, wanted):  # which part spoke last within one minute is not kept
        for at, (known, count, _) in found.items():
            found[at] = (known, count, {})
    assert_same(hours, wanted)


@patient
@given(rows)
def test_a_chunk_of_buckets_gives_them_back(told: list[Row]) -> None:
    held = fold([of_samples(samples(told))], MINUTE_MS)
    again = decode(Chunk(encode(held)))
    if len(held.at):
        assert_same(spelt(again), spelt(held))
    assert sorted(again.names) == sorted({name for known, _, _ in spelt(held).values() for name in known})


@patient
@given(rows, rows)
def test_a_slot_told_anew_replaces_what_it_told(first: list[Row], second: list[Row]) -> None:
    empty = dict.fromkeys(TIERS, NOTHING)
    elsewhere = [(at + SLOT_MS, told, said) for at, told, said in first]
    base = with_slot(empty, fold([of_samples(samples(elsewhere))], MINUTE_MS), SLOT_MS)
    once = with_slot(base, fold([of_samples(samples(first))], MINUTE_MS), 0)
    twice = with_slot(once, fold([of_samples(samples(second))], MINUTE_MS), 0)
    for tier in TIERS:
        if len(twice[tier].at):
            assert_same(spelt(twice[tier]), expected([*second, *elsewhere], tier.step_ms))


@patient
@given(rows)
def test_what_is_added_counts_besides(told: list[Row]) -> None:
    minutes = fold([of_samples(samples(told))], MINUTE_MS)
    held = with_added(with_added(dict.fromkeys(TIERS, NOTHING), minutes), minutes)
    for tier in TIERS:
        single, double = spelt(fold([minutes], tier.step_ms)), spelt(held[tier])
        assert {at: 2 * rows for at, (_, rows, _) in single.items()} == {
            at: rows for at, (_, rows, _) in double.items()
        }


def test_totals_of_integers_and_of_decimals_are_exact() -> None:
    told: list[Row] = [(n * 10_000, {"i": 2**53 + n, "d": n / 1000}, {}) for n in range(6)]
    held = decode(Chunk(encode(fold([of_samples(samples(told))], MINUTE_MS))))
    assert held.numbers["i"].total.tolist() == [6 * 2**53 + 15]
    assert held.numbers["d"].total.tolist() == [0.015]


def test_totals_beyond_all_integers_become_floats() -> None:
    told: list[Row] = [(n, {"i": 2**63 - 1}, {}) for n in range(4)]
    held = fold([of_samples(samples(told))], MINUTE_MS)
    assert held.numbers["i"].total.tolist() == [2.0**65]
    assert held.numbers["i"].most.tolist() == [2**63 - 1]


def test_what_never_changes_costs_next_to_nothing() -> None:
    told: list[Row] = [(n * 10_000, {"total_bytes": 64 << 30}, {}) for n in range(8_640)]
    assert len(encode(fold([of_samples(samples(told))], MINUTE_MS))) < 150


def test_more_names_than_there_is_room_for_lose_the_rarest() -> None:
    told: list[Row] = [(n, {f"odd_{n}": 1, "even": 2}, {}) for n in range(NAMES_MAX + 10)]
    held = decode(Chunk(encode(fold([of_samples(samples(told))], MINUTE_MS))))
    assert len(held.numbers) == NAMES_MAX
    assert held.numbers["even"].count.tolist() == [NAMES_MAX + 10]


def test_a_step_is_read_from_the_widest_tier_that_it_is_made_of() -> None:
    steps = {30_000: None, MINUTE_MS: MINUTE, 20 * MINUTE_MS: MINUTE, 6 * HOUR_MS: HOUR, 3 * DAY_MS: DAY}
    assert {step: tier_of(step) for step in steps} == steps


def test_spans_hold_whole_days() -> None:
    for tier in TIERS:
        assert tier.span_ms % DAY_MS == 0
        assert np.gcd(tier.span_ms, SLOT_MS) == SLOT_MS
