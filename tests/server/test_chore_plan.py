from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.model.spans import Span, added, gaps, spans, total, without
from vedette.server import chore_plan as plan
from vedette.server.chore_plan import Pulse, Verdict

pairs = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=12)


@given(pairs, st.integers(0, 70), st.integers(0, 70))
def test_spans_and_their_gaps_are_sets_of_numbers(some: list[tuple[int, int]], first: int, last: int) -> None:
    known = spans(some)
    numbers = {n for a, b in some for n in range(a, b + 1)}
    assert {n for span in known for n in range(span.first, span.last + 1)} == numbers
    assert total(known) == len(numbers)
    assert all(left.last + 1 < right.first for left, right in pairwise(known))
    missing = {n for gap in gaps(known, Span(first, last)) for n in range(gap.first, gap.last + 1)}
    assert missing == set(range(first, last + 1)) - numbers
    if first <= last:
        span = Span(first, last)
        assert total(added(known, span)) == len(numbers | set(range(first, last + 1)))
        assert without(known, span) == spans((n, n) for n in numbers if n not in range(first, last + 1))


@given(pairs, st.integers(0, 70), st.integers(0, 70), st.integers(1, 20))
def test_the_newest_missing_come_first(some: list[tuple[int, int]], first: int, last: int, most: int) -> None:
    known = {n for a, b in some for n in range(a, b + 1)}
    missing = sorted(set(range(first, last + 1)) - known, reverse=True)
    assert plan.newest_missing(spans(some), first, last, most) == missing[:most]


@pytest.mark.parametrize(
    "epoch, newest_paid, final",
    [(10, None, False), (10, 9, False), (10, 10, False), (10, 12, False), (10, 13, True)],
)
def test_an_unpaid_epoch_is_given_up_only_when_later_ones_were_paid(
    epoch: int, newest_paid: int | None, final: bool
) -> None:
    assert plan.never_paid(epoch, newest_paid) is final


def test_a_majority_is_believed_and_two_who_differ_are_not() -> None:
    assert plan.verdict([]) == Verdict(None, ())
    assert plan.verdict([("a", 1)]) == Verdict(1, ())
    assert plan.verdict([("a", 1), ("b", 1), ("c", 2)]) == Verdict(1, ("c",))
    assert plan.verdict([("a", 1), ("b", 2)]) == Verdict(None, ("a", "b"))


def test_null_contradicts_nobody_but_is_an_answer() -> None:
    assert plan.verdict_of_known([("a", None), ("b", 2), ("c", None)]) == Verdict(2, ())
    assert plan.verdict_of_known([("a", None)]) == Verdict(None, ())
    assert plan.told_by_one([("a", 1)])
    assert not plan.told_by_one([("a", 1), ("b", None)])


def test_the_end_of_reading_is_foretold_from_its_pace() -> None:
    assert plan.eta_s([]) is None
    assert plan.eta_s([Pulse(0, 0)]) == 0
    assert plan.eta_s([Pulse(0, 100)]) is None
    assert plan.eta_s([Pulse(0, 100), Pulse(5_000, 100)]) is None, "it does not move"
    assert plan.eta_s([Pulse(0, 1_100), Pulse(10_000, 100)]) == 1
    assert plan.blocks_per_s([Pulse(0, 1_100), Pulse(10_000, 100)]) == 100
    assert plan.blocks_per_s([Pulse(0, 1_100)]) is None
    assert plan.blocks_per_s([Pulse(0, 10), Pulse(1_000, 20)]) == 0, "new blocks came faster than we read"
