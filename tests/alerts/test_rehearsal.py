"""A past lived through once more: as often as the rule would have told of something new, and no oftener."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from vedette.alerts import rehearsal
from vedette.alerts.life import Patience
from vedette.alerts.limits import BY_NAME, Limits
from vedette.alerts.rehearsal import BY_FIGURES, BY_VOTES, Chain, Figures, Voted, firings
from vedette.model.pos import PosAddress
from vedette.model.view import SettledBlock

ALICE = PosAddress("alice")
MINUTE_MS = 60_000
START_MS = 1_800_000_000_000
USUAL = Limits()


def chain(strip: str) -> Chain:
    """A block a minute; everybody else signs each."""
    others, own = 250, 50
    blocks = [
        SettledBlock(height, 1, others + own, others + own * (letter == "s"))
        for height, letter in enumerate(strip, 1)
    ]
    times = [START_MS + MINUTE_MS * place for place in range(len(strip))]
    return Chain(blocks, times, {ALICE: Voted(strip, [own] * len(strip))})


def fired(strip: str, limits: Limits = USUAL, since_blocks: int = 0) -> list[int]:
    """The heights at which it would have been told."""
    since_ms = START_MS + MINUTE_MS * since_blocks
    views = rehearsal.block_views(chain(strip), 1, since_ms)
    at_ms = firings(BY_NAME["absent_votes"], views, limits, Patience())
    return [1 + (at - START_MS) // MINUTE_MS for at in at_ms]


TWICE = "s" * 40 + "a" * 15 + "s" * 40 + "a" * 25 + "s" * 40


def test_each_absence_counts_once() -> None:
    assert fired(TWICE) == [50, 105]
    assert fired("s" * 200) == []
    assert fired("?" * 200) == []


def test_other_limits_tell_another_past() -> None:
    assert fired(TWICE, Limits(rules={"absent_votes": {"absent_blocks": 20}})) == [115]
    assert fired(TWICE, Limits(rules={"absent_votes": {"is_on": False}})) == []
    assert fired(TWICE, Limits(subjects={ALICE: {"absent_votes": {"absent_blocks": 30}}})) == []


def test_what_was_before_only_fills_the_window() -> None:
    assert fired(TWICE, since_blocks=60) == [105]
    assert fired("s" * 60 + "a" * 30, since_blocks=65) == [70], "it began before, and is found then"


def figures(name: str, values: Sequence[float | None], step_ms: int = MINUTE_MS) -> Figures:
    times = [START_MS + step_ms * place for place in range(len(values))]
    return Figures("n1", "node one", "full", times, step_ms, {name: values})


def told(rule: str, past: Figures, limits: Limits = USUAL) -> list[int]:
    """After how many steps."""
    at_ms = firings(BY_NAME[rule], rehearsal.node_views(past, 1), limits, Patience())
    return [(at - START_MS) // past.step_ms for at in at_ms]


def test_a_nodes_figures_are_relived() -> None:
    few = figures("peers.all_count", [8] * 5 + [1] * 5 + [8] * 30 + [0] * 5 + [8] * 5)
    assert told("few_peers", few) == [6, 41], "the hold is a step, since a step is all that is known"
    assert told("few_peers", few, Limits(rules={"few_peers": {"few_count": 0}})) == [41]


def test_a_hole_neither_fires_nor_ends() -> None:
    hole: list[float | None] = [*[1.0] * 5, *[None] * 60, *[1.0] * 5]
    assert told("few_peers", figures("peers.all_count", hole)) == [1]


@pytest.mark.parametrize("name", sorted(BY_FIGURES))
def test_every_rule_that_can_be_rehearsed_lives_through_silence(name: str) -> None:
    if name in BY_NAME:
        assert told(name, figures("nothing.at_all", [1.0] * 5)) == []


def test_no_rule_is_rehearsed_in_two_ways_and_times_ascend() -> None:
    assert not BY_VOTES & BY_FIGURES.keys()
    views = list(rehearsal.block_views(chain(TWICE), 1, 0))
    assert all(one.now_ms < other.now_ms for one, other in pairwise(views))
    assert max(len(view.blocks) for view in views) == rehearsal.WINDOW_BLOCKS
