"""Pivot blocks as nodes tell them: who has whose, and what no missing word may do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.model.pivots import agrees, in_words, marks, pivots, tally

A, B = "0x" + "1b" * 8, "0x" + "2c" * 8


@pytest.mark.parametrize(
    ("confirmed", "epochs"), [(0, [0]), (99, [0]), (100, [100, 0]), (7_345, [7_300, 7_200])]
)
def test_all_choose_the_same_epochs(confirmed: int, epochs: list[int]) -> None:
    assert marks(confirmed) == epochs


def test_what_is_told_is_read_again_with_its_hashes_cut() -> None:
    told = in_words({7_200: B + "0" * 48, 7_300: A + "f" * 48})
    assert told == f"7300:{A} 7200:{B}"
    assert pivots(told) == {7_300: A, 7_200: B}


@given(st.none() | st.text(max_size=400))
def test_whatever_is_told_is_read(words: str | None) -> None:
    assert all(epoch >= 0 and hash_ for epoch, hash_ in pivots(words).items())


def judged(own: dict[int, str], others: list[dict[int, str]]) -> bool | None:
    """The same with the node's own word among those told, and without."""
    found = agrees(own, tally(others), counted=False)
    assert agrees(own, tally([own, *others]), counted=True) is found
    return found


def test_most_of_two_others_at_least_are_needed_to_accuse() -> None:
    own = {7_300: A}
    assert judged(own, [{7_300: A}, {7_300: A}]) is True
    assert judged(own, [{7_300: B}, {7_300: B}]) is False
    assert judged(own, [{7_300: B}, {7_300: B}, {7_300: A}]) is False, "one of them may be the node itself"
    assert judged(own, [{7_300: B}]) is None
    assert judged(own, [{7_300: B}, {7_300: A}]) is None
    assert judged({}, [{7_300: B}, {7_300: B}]) is None


def test_a_node_that_is_a_step_behind_or_ahead_is_compared_where_all_tell() -> None:
    others = [{7_400: A, 7_300: A}, {7_400: A, 7_300: A}]
    assert judged({7_300: A, 7_200: B}, others) is True
    assert judged({7_500: B, 7_400: B}, others) is False
    assert judged({9_000: B, 8_900: B}, others) is None
