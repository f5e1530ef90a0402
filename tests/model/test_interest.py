"""The interest of an epoch is found again from what was paid for it."""

import json
import random
from dataclasses import replace
from pathlib import Path

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
    epoch_of,
    main_network_epoch,
    paid_epochs,
)
from vedette.model.history import EpochCounts, MemberCounts
from vedette.model.interest import (
    bonus_points,
    expected_candidate_votes,
    leader_points,
    points,
    reconstructed_interest_drip,
    whole_shares,
)
from vedette.model.pos import PosAddress
from vedette.model.reward import EPOCH_POINTS

MANY_VOTES = 300_000  # of the whole network: its candidate list is full


@pytest.mark.parametrize(
    ("blocks", "leader", "bonus"),
    [
        (120, 1_500, 10),  # mainnet since CIP-136
        (60, 3_000, 20),  # before, and what the official documents still say
        (10, 18_000, 120),  # a devnet
    ],
)
def test_the_leaders_share_is_divided_by_the_blocks_of_an_epoch(blocks: int, leader: int, bonus: int) -> None:
    assert (leader_points(blocks), bonus_points(blocks)) == (leader, bonus)


def test_points_follow_the_chains_rules() -> None:
    counts = epoch_of(
        {alice: MemberCounts(2, 1, 3), bob: MemberCounts(4, 0, 7), carol: MemberCounts(1, 120, 0)},
        bonus={alice: 40, bob: 9},
    )
    assert points(counts, {carol: 5, address(9): 1}) == {
        alice: 2 * 15_000 + 3 * 1_500 + 40 * 10,
        bob: 0,  # it signed nothing, so not even its led blocks are paid
        carol: 15_000 + 5 * 120,
        address(9): 120,
    }


def test_a_full_epoch_of_the_main_network_is_worth_all_points() -> None:
    counts = epoch_of({alice: MemberCounts(300, 120, 120)}, bonus={alice: 100 * 120})
    assert sum(points(counts, {alice: 10_000}).values()) == EPOCH_POINTS


@given(paid_epochs(candidate_votes=10_000, certain=True))
def test_the_interest_is_found_when_the_candidate_list_is_full(paid: Paid) -> None:
    found = reconstructed_interest_drip(paid.counts, paid.drips, MANY_VOTES)
    assert found is not None
    assert abs(found - paid.interest_drip) * 1_000 <= paid.interest_drip  # 0.1 %, asked for
    assert abs(found - paid.interest_drip) * 10**12 <= paid.interest_drip  # what it keeps


@given(paid_epochs(), st.sampled_from([None, MANY_VOTES]))
def test_no_wrong_interest_is_told_where_candidates_or_signatures_are_unknown(
    paid: Paid, network_votes: int | None
) -> None:
    """What the payments leave open stays open: an interest that is told all the same is the true one."""
    is_certain = paid.counts.known_blocks == paid.counts.blocks or all_signed(paid.counts)
    found = reconstructed_interest_drip(paid.counts, paid.drips, None if is_certain else network_votes)
    if found is not None:
        assert abs(found - paid.interest_drip) * 10**12 <= paid.interest_drip


@given(paid_epochs(certain=True), st.integers(-300, 300))
def test_the_error_is_bounded_by_the_candidates_expected_in_error(paid: Paid, error: int) -> None:
    kept = sum(paid.candidates.values())
    serving = paid.counts.total_votes * 5 // 6
    network_votes = max(0, kept + error + serving)
    wrong = abs(expected_candidate_votes(paid.counts.total_votes, network_votes) - kept)
    found = reconstructed_interest_drip(paid.counts, paid.drips, network_votes)
    true_points = sum(points(paid.counts, paid.candidates).values())
    if found is None:  # nobody was paid anything
        assert true_points == 0
        return
    # The points that stand behind it differ by at most 240 for each vote; the rest is rounding.
    found_points = sum(paid.drips.values()) * EPOCH_POINTS / found
    assert abs(found_points - true_points) <= 240 * wrong + 1


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("network_votes", [None, MANY_VOTES])
def test_late_votes_that_we_missed_do_not_matter(seed: int, network_votes: int | None) -> None:
    """Our certificates may differ from the chain's: the bonus is counted from ours, and paid from its own."""
    paid = main_network_epoch(seed)
    chance = random.Random(seed)
    ours = {each: chance.randint(0, votes) for each, votes in paid.counts.bonus_votes.items()}
    seen = replace(paid.counts, bonus_votes=ours)
    found = reconstructed_interest_drip(seen, paid.drips, network_votes)
    assert found is not None
    assert abs(found - paid.interest_drip) * 10**12 <= paid.interest_drip


def test_an_epoch_whose_certificates_nobody_saw_still_tells_its_interest() -> None:
    paid = main_network_epoch(1)
    unseen = {each: replace(one, signed_blocks=0) for each, one in paid.counts.members.items()}
    seen = replace(paid.counts, members=unseen, known_blocks=0, bonus_votes={})
    assert reconstructed_interest_drip(seen, paid.drips, MANY_VOTES) == pytest.approx(
        paid.interest_drip, rel=1e-12
    )


def test_one_account_alone_tells_nothing_unless_the_networks_votes_are_known() -> None:
    """Every number of candidate votes explains a single payment."""
    paid = Paid(epoch_of({alice: MemberCounts(300, 120, 120)}), 1_000 * CFX, {alice: 750})
    assert reconstructed_interest_drip(paid.counts, paid.drips, None) is None
    found = reconstructed_interest_drip(paid.counts, paid.drips, 1_000)
    assert found == pytest.approx(paid.interest_drip, rel=1e-12)  # 250 of the 1,000 cannot be candidates


@pytest.mark.parametrize(
    ("drips", "network_votes", "interest"),
    [
        ({}, MANY_VOTES, None),  # nobody was paid: nothing is told
        ({alice: 0, bob: 0}, None, 0),  # everybody was paid nothing
        ({alice: 15_600, bob: 15_240}, None, None),  # too little to tell points from rounding
        # ... but what all earned together is known: two seats, and the 998 of 1,000 votes that do not serve
        ({alice: 15_600, bob: 15_240}, 1_000, (15_600 + 15_240) * EPOCH_POINTS // (30_000 + 120 * 999)),
    ],
)
def test_payments_without_structure_are_not_guessed_at(
    drips: dict[PosAddress, int], network_votes: int | None, interest: int | None
) -> None:
    counts = epoch_of({alice: MemberCounts(1, 120, 0), bob: MemberCounts(1, 120, 0)})
    assert reconstructed_interest_drip(counts, drips, network_votes) == interest


def test_counts_that_contradict_the_payments_yield_no_interest() -> None:
    paid = main_network_epoch(3)
    assert reconstructed_interest_drip(epoch_of({}), paid.drips, None) is None


def all_signed(counts: EpochCounts) -> bool:
    return all(one.signed_blocks for one in counts.members.values())


# --- what a real devnet paid ------------------------------------------------------------------------------


def devnet_drips() -> dict[PosAddress, int]:
    reply = json.loads((Path(__file__).parents[1] / "tapes" / "rewards_devnet.json").read_text())["reply"]
    return {PosAddress(each["posAddress"]): int(each["reward"], 16) for each in reply["accountRewards"]}


def test_what_a_devnet_paid_has_the_structure_that_the_rules_say() -> None:
    """Three payments of some 10^20 Drip, exact multiples of one amount: the sizes of whole points."""
    drips = devnet_drips()
    shares = whole_shares(drips)
    assert shares is not None
    assert sorted(shares.values()) == [10_595, 11_467, 13_721]
    unit = sum(drips.values()) / sum(shares.values())
    assert all(abs(drips[each] - share * unit) < 1e-14 * drips[each] for each, share in shares.items())


@pytest.mark.parametrize("seats", [(84, 88, 92), (80, 86, 100), (78, 85, 105), (74, 81, 96)])
@pytest.mark.parametrize("network_votes", [None, 600])
def test_a_devnets_interest_is_the_same_whatever_we_know_of_its_seats(
    seats: tuple[int, int, int], network_votes: int | None
) -> None:
    """The recording lacks that epoch's committee. Any that could have been paid so gives one interest."""
    drips = devnet_drips()
    members = {
        each: MemberCounts(votes, 10, led)
        for each, votes, led in zip(
            sorted(drips, key=lambda each: drips[each]), seats, (2, 2, 6), strict=True
        )
    }
    counts = epoch_of(members, epoch=15, term=10)
    found = reconstructed_interest_drip(counts, drips, network_votes)
    assert found is not None
    # 120 points a share: 4,293,960 of 6,000,000 points were earned, and all of those were paid.
    assert found == sum(drips.values()) * EPOCH_POINTS // (120 * (10_595 + 11_467 + 13_721))
    assert found // CFX == 2_085
