"""What one epoch adds to every sum, and that a window is nothing but the sum of its epochs."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.model.epochs import (
    CFX,
    Paid,
    address,
    alice,
    bob,
    carol,
    dave,
    epoch_of,
    epochs,
    main_network_epoch,
    paid_epochs,
)
from vedette.model.history import MemberCounts, Of, OfNetwork, Window
from vedette.model.interest import points
from vedette.model.pos import PosAddress
from vedette.model.reward import EPOCH_POINTS
from vedette.model.sums import Contribution, contribution, epoch_seconds, window

# Alice signs and leads, Bob sleeps, Carol is no member but a candidate, Dave only has stake.
COUNTS = epoch_of(
    {alice: MemberCounts(200, 114, 90), bob: MemberCounts(100, 0, 0)},
    bonus={alice: 0},
)
CANDIDATES = {alice: 7_001, carol: 2_999}
PAID = Paid(COUNTS, 3_600 * CFX, CANDIDATES)
STAKES = {alice: 150_000, bob: 60_000, carol: 50_000, dave: 1_000}
NETWORK_VOTES = 300_000
POINT_GDRIP = 3_600 * 10**9 // EPOCH_POINTS  # 600,000: one point is 0.0006 CFX


def whole() -> Contribution:
    return contribution(COUNTS, PAID.drips, STAKES, NETWORK_VOTES)


def test_the_networks_line() -> None:
    network, _ = whole()
    all_points = 200 * 15_000 + 90 * 1_500 + 10_000 * 120
    assert dict(zip(OfNetwork, network, strict=True)) == {
        OfNetwork.EPOCHS: 1,
        OfNetwork.BLOCKS: 120,
        OfNetwork.KNOWN_BLOCKS: 120,
        OfNetwork.EXPECTED_VOTES: 300 * 120,
        OfNetwork.CAST_VOTES: 200 * 114,
        OfNetwork.NIL_BLOCKS: 30,
        OfNetwork.TIMEOUT_ROUNDS: 0,
        OfNetwork.REWARDED_EPOCHS: 1,
        OfNetwork.REWARD_GDRIP: all_points * POINT_GDRIP,
        OfNetwork.SECONDS: 3_600,
        OfNetwork.REWARDED_STAKED_SECONDS: 3_600,
        OfNetwork.NETWORK_VOTE_SECONDS: 3_600 * NETWORK_VOTES,
        OfNetwork.NETWORK_REWARD_STAKED_GDRIP: all_points * POINT_GDRIP,
    }


def test_a_member_that_signed() -> None:
    _, accounts = whole()
    fair_share = 150_000 / 300_000
    all_points = 200 * 15_000 + 90 * 1_500 + 10_000 * 120
    reward = (200 * 15_000 + 90 * 1_500 + 7_001 * 120) * POINT_GDRIP
    assert dict(zip(Of, accounts[alice], strict=True)) == {
        Of.SERVED_EPOCHS: 1,
        Of.SILENT_EPOCHS: 0,
        Of.KNOWN_BLOCKS: 120,
        Of.SIGNED_BLOCKS: 114,
        Of.EXPECTED_VOTES: 200 * 120,
        Of.CAST_VOTES: 200 * 114,
        Of.LED_BLOCKS: 90,
        Of.LEAD_SHARE_PPM: 80_000_000,
        Of.SEAT_EPOCHS: 200,
        Of.REWARD_GDRIP: reward,
        Of.COMMITTEE_DUE_GDRIP: 200 * 15_000 * POINT_GDRIP,
        Of.SILENT_LOSS_GDRIP: 0,
        Of.LEADER_PAID_GDRIP: 90 * 1_500 * POINT_GDRIP,
        Of.LEADER_DUE_GDRIP: 60 * 1_500 * POINT_GDRIP,  # two thirds of the seats, of what leaders earned
        Of.FAIR_GDRIP: all_points * POINT_GDRIP * fair_share,
        Of.FAIR_COMMITTEE_GDRIP: 300 * 15_000 * POINT_GDRIP * fair_share,
        Of.COMMITTEE_DUE_STAKED_GDRIP: 200 * 15_000 * POINT_GDRIP,
        Of.REWARD_STAKED_GDRIP: reward,
        Of.VOTE_SECONDS: 150_000 * 3_600,
        Of.STAKED_EPOCHS: 1,
    }


def test_a_member_that_slept_loses_what_its_seats_earn() -> None:
    line = whole()[1][bob]
    assert (line[Of.SERVED_EPOCHS], line[Of.SILENT_EPOCHS], line[Of.REWARD_GDRIP]) == (1, 1, 0)
    assert line[Of.SILENT_LOSS_GDRIP] == line[Of.COMMITTEE_DUE_GDRIP] == 100 * 15_000 * POINT_GDRIP


def test_a_member_that_only_signed_the_last_block_slept() -> None:
    """Its certificate stands in no block of the epoch, so the chain never counts it."""
    members = {**COUNTS.members, bob: MemberCounts(100, 1, 0, late_blocks=1)}
    line = contribution(replace(COUNTS, members=members), PAID.drips, STAKES, NETWORK_VOTES)[1][bob]
    assert (line[Of.SIGNED_BLOCKS], line[Of.SILENT_EPOCHS]) == (1, 1)
    assert line[Of.SILENT_LOSS_GDRIP] == 100 * 15_000 * POINT_GDRIP


def test_who_was_not_elected_is_summed_too() -> None:
    _, accounts = whole()
    assert accounts[carol][Of.SERVED_EPOCHS] == 0
    assert accounts[carol][Of.REWARD_GDRIP] == 2_999 * 120 * POINT_GDRIP
    # Without Dave's line, the yield of an account would leave out every epoch that paid it nothing.
    assert accounts[dave][Of.REWARD_GDRIP] == 0
    assert accounts[dave][Of.VOTE_SECONDS] == 1_000 * 3_600


def test_unknown_rewards_leave_money_alone() -> None:
    network, accounts = contribution(COUNTS, None, STAKES, NETWORK_VOTES)
    assert network[OfNetwork.REWARDED_EPOCHS] == network[OfNetwork.NETWORK_VOTE_SECONDS] == 0
    assert network[OfNetwork.SECONDS] == 3_600
    assert set(accounts) == {alice, bob}
    assert not any(any(line[Of.REWARD_GDRIP :]) for line in accounts.values())


@pytest.mark.parametrize(
    ("stakes", "network_votes"), [(None, None), (None, NETWORK_VOTES), (STAKES, None), ({}, NETWORK_VOTES)]
)
def test_unknown_stake_leaves_yield_and_luck_alone(
    stakes: dict[PosAddress, int] | None, network_votes: int | None
) -> None:
    network, accounts = contribution(COUNTS, PAID.drips, stakes, network_votes)
    assert set(accounts) == {alice, bob, carol}
    for line in accounts.values():
        assert not any(line[Of.FAIR_GDRIP :])
    assert accounts[alice][Of.COMMITTEE_DUE_GDRIP] == pytest.approx(200 * 15_000 * POINT_GDRIP)
    assert bool(network[OfNetwork.NETWORK_VOTE_SECONDS]) == (network_votes is not None)


def test_one_that_was_paid_for_its_seats_is_not_accused_by_the_half_that_we_know() -> None:
    """Half the certificates are known, and Bob is in none. Paid for his seats, he was in the others."""
    paid = main_network_epoch(4)
    bob = max(paid.counts.members, key=lambda each: paid.counts.members[each].votes)
    members = {**paid.counts.members, bob: replace(paid.counts.members[bob], signed_blocks=0)}
    counts = replace(paid.counts, members=members, known_blocks=60)
    _, accounts = contribution(counts, paid.drips, None, NETWORK_VOTES)
    assert accounts[bob][Of.SILENT_EPOCHS] == 1
    assert accounts[bob][Of.SILENT_LOSS_GDRIP] == 0
    _, accounts = contribution(counts, {**paid.drips, bob: 0}, None, NETWORK_VOTES)
    assert accounts[bob][Of.SILENT_LOSS_GDRIP] == accounts[bob][Of.COMMITTEE_DUE_GDRIP] > 0


def test_where_the_interest_stays_open_nothing_is_counted_as_due() -> None:
    """One account alone, and the network's votes unknown: its reward is a fact, a loss would be a guess."""
    paid = Paid(epoch_of({alice: MemberCounts(300, 120, 60)}), 1_000 * CFX, {alice: 750})
    _, accounts = contribution(paid.counts, paid.drips, None, None)
    assert accounts[alice][Of.REWARD_GDRIP] == paid.drips[alice] // 10**9 > 0
    assert not any(accounts[alice][Of.COMMITTEE_DUE_GDRIP :])


@pytest.mark.parametrize(
    ("next_first_at_us", "seconds"),
    [
        (None, 3_600),  # 119 intervals of 30 s, and one more
        (COUNTS.last_at_us + 120_000_000, 3_570 + 120),  # with the empty rounds that committed it
        (COUNTS.first_at_us, 3_600),  # a proposer's clock can be wrong: the next epoch is not before this one
    ],
)
def test_an_epoch_lasts_until_the_next_one_begins(next_first_at_us: int | None, seconds: int) -> None:
    assert epoch_seconds(COUNTS, next_first_at_us) == seconds


def test_an_epoch_of_one_block_has_no_length() -> None:
    assert epoch_seconds(replace(COUNTS, first_height=COUNTS.last_height), None) == 0


@given(paid_epochs())
def test_luck_in_leading_is_shared_out_exactly(paid: Paid) -> None:
    """What leaders earned is what all members were due for leading, but for rounding."""
    _, accounts = contribution(paid.counts, paid.drips, None, 100_000)
    led = sum(line[Of.LEADER_PAID_GDRIP] for line in accounts.values())
    due = sum(line[Of.LEADER_DUE_GDRIP] for line in accounts.values())
    assert abs(led - due) <= len(accounts)


@given(paid_epochs(), st.integers(1, 10**6))
def test_luck_in_elections_is_shared_out_exactly(paid: Paid, votes_each: int) -> None:
    """Where all stake is known, what average luck brings all is what their seats are due."""
    stakes = dict.fromkeys((*paid.counts.members, *paid.drips, address(99)), votes_each)
    _, accounts = contribution(paid.counts, paid.drips, stakes, sum(stakes.values()))
    fair = sum(line[Of.FAIR_COMMITTEE_GDRIP] for line in accounts.values())
    due = sum(line[Of.COMMITTEE_DUE_STAKED_GDRIP] for line in accounts.values())
    assert abs(fair - due) <= len(accounts)


@given(paid_epochs(candidate_votes=10_000, certain=True))
def test_what_is_paid_and_lost_by_silence_is_what_was_due(paid: Paid) -> None:
    """Reward = seats + leading + candidacy - lost by silence, to the rounding, in a fully known epoch."""
    _, accounts = contribution(paid.counts, paid.drips, None, 300_000)
    for each, line in accounts.items():
        candidacy = points(epoch_of({}), paid.candidates).get(each, 0) * paid.interest_drip // EPOCH_POINTS
        parts = line[Of.COMMITTEE_DUE_GDRIP] - line[Of.SILENT_LOSS_GDRIP] + line[Of.LEADER_PAID_GDRIP]
        assert abs(line[Of.REWARD_GDRIP] - parts - candidacy // 10**9) <= 5


@given(st.lists(st.one_of(epochs(), paid_epochs()), max_size=6), st.data())
def test_a_window_is_the_sum_of_its_epochs_in_any_order(these: list[object], data: st.DataObject) -> None:
    parts = [_contribution_of(each, data) for each in these]
    shuffled = data.draw(st.permutations(parts))
    cut = data.draw(st.integers(0, len(parts)))
    all_at_once = window(1, 9, parts)
    assert window(1, 9, shuffled) == all_at_once
    first, second = window(1, 4, parts[:cut]), window(5, 9, parts[cut:])
    assert window(1, 9, [_as_contribution(first), _as_contribution(second)]) == all_at_once
    assert all_at_once.known_epochs == len(these)


@given(paid_epochs(), st.booleans(), st.booleans())
def test_every_sum_is_a_whole_number_that_is_not_negative(paid: Paid, paid_known: bool, staked: bool) -> None:
    stakes = dict.fromkeys(paid.counts.members, 5) if staked else None
    network, accounts = contribution(
        paid.counts, paid.drips if paid_known else None, stakes, 10**6 if staked else None
    )
    assert len(network) == len(OfNetwork)
    for line in (network, *accounts.values()):
        assert all(type(each) is int and each >= 0 for each in line)
    assert all(len(line) == len(Of) for line in accounts.values())


def _contribution_of(epoch: object, data: st.DataObject) -> Contribution:
    if isinstance(epoch, Paid):
        stakes = data.draw(st.none() | st.just(dict.fromkeys(epoch.drips, 1_000)))
        return contribution(epoch.counts, epoch.drips, stakes, data.draw(st.none() | st.just(10**6)))
    return contribution(epoch, None, None, None)  # type: ignore[arg-type]  # one of epochs()


def _as_contribution(part: Window) -> Contribution:
    return part.network, dict(part.accounts)
