"""Countdowns: as the chain itself would count, and never an hour too late."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.model.forecast import (
    Pace,
    RetirementState,
    arrivals,
    epoch_bounds,
    epoch_last_height,
    retirement,
)
from vedette.model.pos import Queued

MINUTE_MS = 60_000
# Epoch 30,000 of mainnet ends at height 1,684,080 + 1,932 * 120.
PACE = Pace(
    epoch=30_000, height=1_915_860, epoch_last_height=1_915_920, term_blocks=120, block_interval_ms=30_000
)


# --- heights and times ------------------------------------------------------------------------------------


def test_an_epoch_ends_at_a_multiple_of_the_term() -> None:
    assert epoch_bounds(1_915_801, 120) == (1_915_801, 1_915_920)
    assert PACE.last_height(30_000) == 1_915_920
    assert PACE.last_height(30_003) == 1_915_920 + 360


@pytest.mark.parametrize(
    ("height", "last"), [(161, 170), (165, 170), (170, 170), (171, 180), (150, 150), (151, 160), (201, 210)]
)
def test_the_last_height_of_any_epoch_follows_from_one_boundary(height: int, last: int) -> None:
    assert epoch_last_height(height, 170, 10) == last  # the devnet's: epoch 17 is 161 to 170


@pytest.mark.parametrize(
    ("height", "minutes"),
    [
        (PACE.height - 5, 0),  # past
        (PACE.height, 0),
        (PACE.height + 1, 0.5),
        (PACE.epoch_last_height, 30),
        (PACE.epoch_last_height + 1, 30 + 1 + 0.5),  # two empty rounds before the next epoch
        (PACE.epoch_last_height + 120, 30 + 1 + 60),
        (PACE.epoch_last_height + 121, 30 + 1 + 60 + 1 + 0.5),
    ],
)
def test_time_goes_by_blocks_and_by_the_rounds_that_end_an_epoch(height: int, minutes: float) -> None:
    assert PACE.left_ms(height) == minutes * MINUTE_MS


def test_an_unknown_pace_gives_no_time() -> None:
    assert Pace(1, 5, 10, 10, None).left_ms(9) is None


# --- forced retirement ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last_signed", "members", "state", "epoch", "certain"),
    [
        # It signs now: three silent epochs more.
        (30_000, {30_000: True}, RetirementState.SAFE, 30_003, False),
        # Not yet in this epoch, but in the one before.
        (29_999, {30_000: True}, RetirementState.SILENT, 30_002, False),
        (29_998, {30_000: True, 30_001: True}, RetirementState.SILENT, 30_001, True),
        (29_997, {30_000: True}, RetirementState.DUE, 30_000, True),  # N + 3 ends
        # Newly elected after a pause: one silent epoch is enough.
        (29_000, {30_000: True}, RetirementState.DUE, 30_000, True),
        # Not elected: nothing is due, nor in the next epoch if that committee is known to be without it.
        (29_999, {30_000: False}, RetirementState.IDLE, 30_002, False),
        (29_000, {30_000: False}, RetirementState.IDLE, 30_001, False),
        (29_000, {30_000: False, 30_001: False}, RetirementState.IDLE, 30_002, False),
        (29_000, {30_000: False, 30_001: True}, RetirementState.IDLE, 30_001, True),
        # Its seats end before the third epoch does.
        (29_998, {30_000: True, 30_001: False}, RetirementState.SILENT, 30_002, False),
        (29_999, {}, RetirementState.UNKNOWN, 30_002, False),
    ],
)
def test_the_countdown_to_forced_retirement(
    last_signed: int, members: Mapping[int, bool], state: RetirementState, epoch: int, certain: bool
) -> None:
    told = retirement(PACE, last_signed_epoch=last_signed, known_from_epoch=1, is_member=members)
    assert (told.state, told.epoch, told.is_certain) == (state, epoch, certain)
    assert told.height == PACE.last_height(epoch)
    assert told.sign_by_height == told.height - 1
    assert told.left_ms == PACE.left_ms(told.sign_by_height)


@pytest.mark.parametrize(
    ("known_from", "certain"),
    [
        (29_990, True),  # silent in all of the three epochs that are asked
        (29_998, True),
        (29_999, False),  # it may have signed in 29,998: then it has two epochs more, but who knows
        (30_000, False),
    ],
)
def test_signatures_that_nobody_saw_are_not_hoped_for(known_from: int, certain: bool) -> None:
    told = retirement(PACE, last_signed_epoch=None, known_from_epoch=known_from, is_member={30_000: True})
    assert (told.state, told.epoch, told.is_certain) == (RetirementState.DUE, 30_000, certain)


@given(
    signed=st.sets(st.integers(1, 20)),
    seats=st.lists(st.booleans(), min_size=30, max_size=30),
    now=st.integers(4, 20),
)
def test_the_countdown_is_what_the_chain_would_do(signed: set[int], seats: list[bool], now: int) -> None:
    """It signs no more from now on; the chain retires it at the end of the very epoch that was foretold."""
    is_member = {epoch: seats[epoch - 1] for epoch in range(1, 31)}
    votes = {epoch for epoch in signed if epoch <= now and is_member[epoch]}
    pace = Pace(now, now * 10 - 5, now * 10, 10, 1_000)
    told = retirement(
        pace,
        last_signed_epoch=max(votes, default=None),
        known_from_epoch=1,
        is_member={**is_member, 31: True},
    )
    retired = [epoch for epoch in range(now, 31) if chain_retires(epoch, votes, is_member)]
    assert told.epoch == (retired[0] if retired else 31)
    assert told.is_certain


def chain_retires(ending: int, votes: set[int], is_member: Mapping[int, bool]) -> bool:
    """commit_blocks: each member of the ending epoch without a vote in it, nor in the two epochs before."""
    return is_member[ending] and not votes & {ending, ending - 1, ending - 2}


def test_a_retirement_that_was_recorded() -> None:
    """A devnet of 10 blocks an epoch: a node was killed, last signed block 95, and was retired at 130."""
    pace = Pace(epoch=13, height=124, epoch_last_height=130, term_blocks=10, block_interval_ms=2_000)
    told = retirement(pace, last_signed_epoch=10, known_from_epoch=1, is_member={13: True})  # 91 to 100
    assert (told.state, told.epoch, told.height) == (RetirementState.DUE, 13, 130)  # forceRetired: 0x82


# --- queues -----------------------------------------------------------------------------------------------


def test_queues_are_counted_down_nearest_first() -> None:
    queue = (Queued(PACE.height + 1_440, 30), Queued(PACE.height + 20, 5), Queued(PACE.height - 1, 2))
    told = arrivals(queue, PACE)
    assert [(one.votes, one.left_blocks) for one in told] == [(2, 0), (5, 20), (30, 1_440)]
    assert told[0].left_ms == 0
    assert told[1].left_ms == 10 * MINUTE_MS
    # Twelve hours of blocks, and the ends of twelve epochs.
    assert told[2].left_ms == (1_440 // 2 + 12) * MINUTE_MS
