"""Judging an endpoint from outside: medians, lags, agreement, percentiles, one word."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.model.watched import (
    INTERVAL_MS_MAX,
    EndpointState,
    Sight,
    agreement,
    certificate_trouble,
    common_epoch,
    days_left,
    interval_ms,
    judged,
    lag,
    median_height,
    percentile,
)


@pytest.mark.parametrize(
    ("heights", "median"),
    [
        ([], None),
        ([7], 7),
        ([7, 9], 7),  # of two, the lower: nobody is accused of a lag that one reference alone tells of
        ([7, 8, 9], 8),
        ([100, 100, 9_000_000], 100),
        ([100, 1_100, 101], 101),  # exactly 1,000 above is no outlier
        ([100, 101, 102, 1_103], 101),
        ([5, 100, 101], 100),
    ],
)
def test_the_median_of_references_believes_no_outlier(heights: list[int], median: int | None) -> None:
    assert median_height(heights) == median


@pytest.mark.parametrize(
    ("own", "heights", "behind"),
    [
        (100, [], None),
        (100, [100], None),  # one reference is none
        (100, [100, 5_000], None),  # and of two that are so far apart one is not believed
        (None, [100, 100], None),
        (100, [100, 101], 0),
        (90, [100, 100, 100], 10),
        (105, [100, 101, 102], -4),
        (100, [100, 101, 102, 9_999], 1),
    ],
)
def test_a_lag_needs_two_references(own: int | None, heights: list[int], behind: int | None) -> None:
    assert lag(own, heights) == behind


@given(st.lists(st.integers(0, 2**62), min_size=3), st.integers(0, 2**62))
def test_a_single_high_lie_changes_the_median_by_no_more_than_a_neighbour(
    heights: list[int], lie: int
) -> None:
    honest = sorted(heights)
    told = median_height([*heights, max(honest) + 1_001 + lie])
    assert told is not None
    assert honest[0] <= told <= honest[-1]


@pytest.mark.parametrize(
    ("own", "told", "agrees"),
    [
        ("a", [], None),
        ("a", ["a"], None),
        ("a", ["a", "b"], None),  # divided: nobody is believed
        ("a", ["a", "a"], True),
        ("b", ["a", "a"], False),
        ("b", ["a", "a", "b"], False),
        ("a", ["a", "a", "b", "b"], None),
    ],
)
def test_a_pivot_is_held_against_two_references_at_least(
    own: str, told: list[str], agrees: bool | None
) -> None:
    assert agreement(own, Counter(told)) is agrees


@pytest.mark.parametrize(
    ("own", "confirmed", "epoch"),
    [
        (50, [], None),
        (50, [60], None),
        (50, [60, 61], 50),
        (70, [60, 61], 60),
        (7_000, [5, 6_000, 6_001], 6_000),  # one that lags far behind does not drag the comparison down
    ],
)
def test_pivots_are_compared_where_all_have_confirmed(
    own: int, confirmed: list[int], epoch: int | None
) -> None:
    assert common_epoch(own, confirmed) == epoch


def test_percentiles_are_the_nearest_rank() -> None:
    values = [float(n) for n in range(1, 101)]
    assert (percentile(values, 50), percentile(values, 95)) == (50.0, 95.0)
    assert (percentile([3.0], 50), percentile([3.0, 9.0], 95)) == (3.0, 9.0)
    assert percentile([], 50) is None


def test_days_until_a_certificate_ends_may_be_over() -> None:
    assert days_left(86_400 * 12, 86_400 * 2) == 10
    assert days_left(0, 86_400) == -1


@pytest.mark.parametrize(
    ("days", "line"),
    [
        (14.0, None),
        (13.96, "Its certificate ends in 14.0 days: renew it."),
        (0.04, "Its certificate ends in 0.0 days: renew it."),
        (-3.0, "Its certificate ended 3.0 days ago: renew it."),
    ],
)
def test_a_certificate_that_should_have_been_renewed_is_told(days: float, line: str | None) -> None:
    assert certificate_trouble(days) == line


FINE = Sight(
    references=3, lag_epochs=0, lag_blocks=0, execution_lag_epochs=5, pivot_agrees=True, pivot_epoch=9
)


@pytest.mark.parametrize(
    ("sight", "state", "words"),
    [
        (FINE, EndpointState.HEALTHY, ""),
        (Sight(error="refused"), EndpointState.UNREACHABLE, "refused"),
        (Sight(limited="wait"), EndpointState.LIMITED, "wait"),
        (Sight(references=1), EndpointState.UNKNOWN, "1 references answer, and 2 are needed"),
        (Sight(references=3, lag_epochs=100), EndpointState.HEALTHY, ""),
        (Sight(references=3, lag_epochs=101), EndpointState.LAGGING, "101 epochs behind the median of 3"),
        (Sight(references=3, lag_epochs=0, lag_blocks=5), EndpointState.LAGGING, "5 PoS blocks behind"),
        (
            Sight(references=3, lag_epochs=0, execution_lag_epochs=51),
            EndpointState.LAGGING,
            "51 epochs that it has not executed",
        ),
        (
            Sight(references=3, lag_epochs=-1_001),
            EndpointState.UNKNOWN,
            "1001 epochs more than the references",
        ),
        (
            Sight(references=3, lag_epochs=500, pivot_agrees=False, pivot_epoch=9),
            EndpointState.FORKED,
            "another pivot block at epoch 9; 500 epochs behind",
        ),
    ],
)
def test_every_word_has_its_reason(sight: Sight, state: EndpointState, words: str) -> None:
    told, reasons = judged(sight)
    assert told is state
    assert words in "; ".join(reasons)
    assert bool(reasons) is (state is not EndpointState.HEALTHY)


@pytest.mark.parametrize(
    ("endpoints", "calls", "rate", "interval"),
    [
        (1, 4, None, 10_000),
        (20, 80, None, 10_000),
        (100, 400, None, 50_000),
        (1, 8, 0.5, 16_000),  # a public gateway's day must last
        (1, 400, 0.1, INTERVAL_MS_MAX),
    ],
)
def test_the_pause_grows_with_the_fleet_and_with_a_gateways_load(
    endpoints: int, calls: int, rate: float | None, interval: int
) -> None:
    assert interval_ms(endpoints, calls, rate) == interval
