"""What becomes of votes, beside the rules and the recordings of a real chain."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from vedette.model.pos import Queued
from vedette.replay import stake
from vedette.replay.stake import Stake

Step = Callable[[Stake, int], Stake]


def total(held: Stake) -> int:
    """All votes that ever came in and did not come in twice."""
    out = sum(item.votes for item in held.out_queue)
    return held.available + out + held.unlocked - held.restaked


def test_votes_wait_on_their_way_in_and_can_be_elected_meanwhile() -> None:
    held = stake.increased(Stake(), 100, 30)
    assert held.available == 30
    assert held.in_queue == (Queued(100 + 37_440, 30),)
    assert stake.settled(held, 100 + 37_439) == held
    assert stake.settled(held, 100 + 37_440) == Stake(locked=30)


def test_locked_votes_leave_first_and_waiting_ones_when_their_wait_is_over() -> None:
    held = stake.retired(Stake(locked=10, in_queue=(Queued(5_000, 10),)), 1_000, 15)
    assert held.available == 5
    assert held.in_queue == (Queued(5_000, 5),)
    assert held.out_queue == (Queued(2_440, 10), Queued(6_440, 5))
    assert stake.settled(held, 2_440).unlocked == 10


def test_a_retired_account_is_flagged_as_long_as_its_votes_wait() -> None:
    """As recorded: retired at 130, votes out and flag gone together."""
    held = stake.force_retired(Stake(locked=200), 130)
    assert (held.available, held.force_retired_height) == (0, 130)
    assert held.out_queue == (Queued(130 + 1_440, 200),)
    assert stake.force_retired(held, 140) == held
    assert stake.settled(held, 130 + 1_440) == Stake(unlocked=200)


def test_votes_that_come_to_a_flagged_account_go_straight_out() -> None:
    held = stake.increased(stake.force_retired(Stake(locked=1), 130), 200, 7)
    assert held.available == 0
    assert held.out_queue[-1] == Queued(200 + 37_440 + 1_440, 7)


def test_a_dispute_locks_what_leaves_too_for_half_a_year() -> None:
    held = stake.disputed(Stake(locked=5, in_queue=(Queued(900, 2),), out_queue=(Queued(800, 1),)), 700)
    assert held == Stake(out_queue=(Queued(700 + 518_400, 8),))
    assert stake.disputed(held, 701) == held


def test_unlocked_votes_come_back_without_being_counted_twice() -> None:
    held = stake.increased(Stake(unlocked=50), 100, 30)
    assert (held.unlocked, held.available, held.owned) == (50, 30, 50)


steps = st.lists(st.tuples(st.integers(0, 50_000), st.sampled_from("+-rd"), st.integers(1, 40)), max_size=12)


@given(steps)
def test_no_vote_is_lost_or_made(taken: list[tuple[int, str, int]]) -> None:
    held, height, given_in = Stake(locked=20), 0, 20
    for later, kind, votes in taken:
        height += later
        spare = stake.settled(held, height)
        if kind == "+":
            given_in += votes - min(votes, spare.unlocked - spare.restaked)
            held = stake.increased(held, height, votes)
        elif kind == "-":
            held = stake.retired(held, height, votes)
        else:
            held = stake.force_retired(held, height) if kind == "r" else stake.disputed(held, height)
        assert total(held) == held.owned == given_in
        assert all(item.votes > 0 for item in held.in_queue + held.out_queue)
