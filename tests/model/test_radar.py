"""The election radar tells what follows from what was seen, and nothing else."""

from collections.abc import Mapping
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.model.epochs import address, alice, bob, carol
from vedette.model.election import CommitteeNow, Election
from vedette.model.forecast import Pace
from vedette.model.pos import Committee, PosAddress
from vedette.model.radar import (
    ElectionState,
    membership,
    radar,
    seat_chance_in_terms_ppm,
    seat_chance_ppm,
    seats_by_term,
    serving_terms,
)

# --- chances ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("votes", "candidates", "chance"),
    [
        (0, 10_000, 0),
        (20, 10_000, 95_700),  # 0.2 % of the votes: no seat in nine terms of ten
        (10_000, 10_000, 1_000_000),
        (1, 40, 1_000_000),  # fewer candidates than seats
        (1, 50, 1_000_000),
        (1, 100, 500_000),
    ],
)
def test_the_chance_of_a_seat(votes: int, candidates: int, chance: int) -> None:
    assert seat_chance_ppm(votes, candidates) == pytest.approx(chance, abs=1_000)


def test_long_droughts_are_normal_for_a_small_account() -> None:
    """0.2 % of all votes: in none of six overlapping terms with a chance of about 0.55."""
    assert seat_chance_in_terms_ppm(600, 300_000) == pytest.approx(450_000, abs=5_000)


@given(st.integers(0, 400), st.integers(1, 400))
def test_the_chance_is_the_hypergeometric_one(votes: int, others: int) -> None:
    none = comb(others, 50) / comb(votes + others, 50) if votes + others >= 50 else float(votes == 0)
    assert seat_chance_ppm(votes, votes + others) == pytest.approx((1 - none) * 10**6, abs=1)


@given(st.integers(1, 1_000), st.integers(0, 5_000))
def test_more_votes_never_lower_the_chance(votes: int, others: int) -> None:
    assert seat_chance_ppm(votes, votes + others) <= seat_chance_ppm(votes + 1, votes + 1 + others)


# --- seats by term ----------------------------------------------------------------------------------------

Seats = Mapping[int, int]
PLENTY = dict.fromkeys(range(40), 1_000)
"""More available votes than any committee shows, in every epoch."""


def committees_of(seats: Seats, epochs: range, available: Seats = PLENTY) -> dict[int, Committee]:
    """What the chain makes of one account's seats by term: as many votes as are available; 300 in all."""
    sums = {epoch: sum(seats.get(term, 0) for term in serving_terms(epoch)) for epoch in epochs}
    return {
        epoch: Committee(epoch, 201, 300, {alice: min(sums[epoch], available[epoch])}) for epoch in epochs
    }


def test_a_committee_holds_the_seats_of_six_terms() -> None:
    assert list(serving_terms(17)) == [11, 12, 13, 14, 15, 16]


def test_an_epoch_without_a_seat_tells_all_that_follow() -> None:
    seats = {6: 2, 8: 1}  # elected in terms 6 and 8, served in epochs 7 to 12 and 9 to 14
    told = seats_by_term(alice, committees_of(seats, range(6, 12)), {}, PLENTY)
    assert told == {**dict.fromkeys(range(11), 0), **seats}


def test_the_sum_of_six_terms_alone_tells_nothing() -> None:
    assert seats_by_term(alice, committees_of({6: 3, 9: 2}, range(11, 12)), {}, PLENTY) == {}


def test_a_seen_election_tells_the_term_that_left_six_terms_before() -> None:
    seats = {5: 3, 7: 1, 11: 4}
    told = seats_by_term(alice, committees_of(seats, range(11, 13)), {11: {alice: 4}}, PLENTY)
    assert told[5] == 3  # one more seat than before, and four came


@pytest.mark.parametrize("held", [{}, dict.fromkeys(range(6, 12), 0), {6: 1_000, 7: 2, 8: 3}])
def test_without_more_stake_than_shows_no_sum_is_certain(held: Seats) -> None:
    """Whether nobody knows the stake, or all of it serves, there may be seats that do not show."""
    committees = committees_of({}, range(6, 7)) | committees_of({6: 2, 7: 1}, range(7, 9))
    told = seats_by_term(alice, committees, {}, held)
    assert told == (dict.fromkeys(range(6), 0) if held.get(6) else {})


def test_a_stake_that_left_leaves_its_seats_untold() -> None:
    """Retired by force as epoch 9 ends: the committee of epoch 10 shows none of the five seats of term 6."""
    available = {7: 20, 8: 20, 9: 20, 10: 0, 11: 0, 12: 0}
    committees = committees_of({6: 5}, range(7, 13), available)
    assert committees[10].votes == {alice: 0}
    seen = {term: {alice: 0} for term in range(1, 6)}
    told = seats_by_term(alice, committees, seen, available)
    assert told == {**dict.fromkeys(range(1, 9), 0), 6: 5}  # and of the terms 9 to 11 nothing


def test_many_seats_are_seen_even_where_they_are_cut() -> None:
    """Nobody has more than fifty a term: who shows 300 has them all."""
    committees = committees_of(dict.fromkeys(range(6, 12), 50), range(12, 13))
    assert seats_by_term(alice, committees, {}, {}) == dict.fromkeys(range(6, 12), 50)


def test_sums_that_contradict_what_was_seen_tell_nothing() -> None:
    """Five seats were seen in one term, and yet an endpoint told of a committee with two."""
    committees = committees_of({6: 2}, range(7, 9))
    assert seats_by_term(alice, committees, {6: {alice: 5}}, PLENTY) == {6: 5}


FEW = st.integers(0, 8)


@given(
    seats=st.dictionaries(st.integers(0, 24), FEW),
    available=st.lists(st.one_of(st.just(1_000), st.just(0), FEW), min_size=20, max_size=20),
    told_of=st.sets(st.integers(6, 25), min_size=1),
    seen=st.sets(st.integers(0, 24)),
    held_in=st.sets(st.integers(6, 25)),
    short=st.integers(0, 3),
)
def test_seats_by_term_are_never_wrong(
    seats: Seats, available: list[int], told_of: set[int], seen: set[int], held_in: set[int], short: int
) -> None:
    """Whatever stake comes and goes, and whatever of it is known: so much at least."""
    stake = dict(enumerate(available, start=6))
    committees = {
        epoch: one for epoch, one in committees_of(seats, range(6, 26), stake).items() if epoch in told_of
    }
    elected = {term: {alice: seats.get(term, 0)} for term in seen}
    held = {epoch: max(0, stake[epoch] - short) for epoch in held_in}
    told = seats_by_term(alice, committees, elected, held)
    assert told == {term: seats.get(term, 0) for term in told}
    assert seen <= set(told)


@given(seats=st.dictionaries(st.integers(0, 24), FEW), first=st.integers(6, 18))
def test_six_elections_seen_and_every_committee_since_tell_everything(seats: Seats, first: int) -> None:
    elected = {term: {alice: seats.get(term, 0)} for term in serving_terms(first)}
    told = seats_by_term(alice, committees_of(seats, range(first, 25)), elected, PLENTY)
    assert all(told[term] == seats.get(term, 0) for term in range(first - 6, 24))


# --- the radar --------------------------------------------------------------------------------------------

# As recorded on a devnet, epoch 17 of 10 blocks: 161 to 170. Half of the window of the next term has passed.
ONE, TWO, THREE = (
    PosAddress("0x6007bc490dbce46f11a4b194e1eff3d6e6159a9d11d32d563b693c343784077e"),
    PosAddress("0x63a384e79d0541d12e524cf904211d4c369108a0f6ec2f2d8e443c680f4f0883"),
    PosAddress("0x679eec2ef19aa8e30ff308147c9c37212057d16cb607160537b72551cb6fee90"),
)
RECORDED = CommitteeNow(
    committee=Committee(17, 201, 300, {ONE: 118, TWO: 91, THREE: 91}),
    elections=(
        Election(start_height=170, is_finalized=False, votes={ONE: 15, TWO: 17, THREE: 18}),
        Election(start_height=180, is_finalized=False, votes={}),
    ),
)
PACE = Pace(epoch=17, height=164, epoch_last_height=170, term_blocks=10, block_interval_ms=1_000)


@pytest.mark.parametrize(
    ("height", "is_finalized", "first", "second"),
    [
        (160, False, ElectionState.OPEN, ElectionState.NOT_OPEN),  # accepted in blocks 156 to 165
        (164, False, ElectionState.OPEN, ElectionState.NOT_OPEN),
        (165, True, ElectionState.FINALIZED, ElectionState.OPEN),  # and the next in 166 to 175
        (165, False, ElectionState.CLOSED, ElectionState.OPEN),  # our list is older than our height
        (170, True, ElectionState.FINALIZED, ElectionState.OPEN),
    ],
)
def test_one_coming_term_is_open_at_any_time(
    height: int, is_finalized: bool, first: ElectionState, second: ElectionState
) -> None:
    nearer, farther = RECORDED.elections
    now = CommitteeNow(RECORDED.committee, (Election(170, is_finalized, nearer.votes), farther))
    told = radar(
        now,
        ONE,
        Pace(17, height, 170, 10, 1_000),
        committees={},
        elected={},
        held=PLENTY,
        available_votes=200,
        network_votes=600,
    )
    assert [one.state for one in told.elections] == [first, second]


def test_the_radar_of_a_recorded_devnet() -> None:
    told = radar(
        RECORDED, ONE, PACE, committees={}, elected={}, held=PLENTY, available_votes=200, network_votes=600
    )
    next_term, after = told.elections
    assert (told.epoch, told.seats) == (17, 118)
    assert (next_term.term, next_term.first_epoch, next_term.last_epoch) == (17, 18, 23)
    assert (next_term.opens_at_height, next_term.closes_at_height) == (156, 165)
    assert (after.term, after.opens_at_height, after.closes_at_height) == (18, 166, 175)
    assert next_term.closes_in_ms == 1_000
    assert after.closes_in_ms == 13_000  # eleven blocks, and two rounds to end the epoch
    assert next_term.own_seats == 15
    assert next_term.free_votes == 200 - 118  # at least: one of the six terms ends before this one serves
    assert after.free_votes == 200 - 118 - 15
    assert next_term.chance_ppm == 1_000_000  # 82 votes of at most 350
    assert told.seats_by_term == dict.fromkeys(range(11, 17), None)
    assert told.next_change is None


HISTORY = {term: {alice: seats, bob: 50 - seats} for term, seats in {10: 9, 11: 2, 13: 1, 15: 4}.items()}
ELECTED = {term: HISTORY.get(term, {bob: 50}) for term in range(10, 17)}


def watched(is_finalized: bool, own: int) -> CommitteeNow:
    return CommitteeNow(
        Committee(17, 201, 300, {alice: 7, bob: 293}),
        (Election(170, is_finalized, {alice: own, carol: 50 - own}), Election(180, False, {})),
    )


def test_with_six_elections_seen_everything_is_told() -> None:
    told = radar(
        watched(is_finalized=True, own=3),
        alice,
        PACE,
        committees={},
        elected=ELECTED,
        held={},
        available_votes=40,
        network_votes=100_000,
    )
    assert told.seats_by_term == {11: 2, 12: 0, 13: 1, 14: 0, 15: 4, 16: 0}
    assert [(one.epoch, one.after_height, one.leaving, one.coming) for one in told.changes] == [
        (18, 170, 2, 3),
        (19, 180, 0, None),
        (20, 190, 1, None),
        (21, 200, 0, None),
        (22, 210, 4, None),
        (23, 220, 0, None),
    ]
    assert told.next_change == told.changes[0]
    finalized, is_open = told.elections
    assert finalized.chance_ppm is None  # it is decided
    assert finalized.elected == {alice: 3, carol: 47}
    # For term 18, the seats of terms 13 to 17 serve: 1 + 4 + 3.
    assert is_open.free_votes == 40 - 8
    assert is_open.chance_ppm == seat_chance_ppm(32, 100_000 - 250)


@pytest.mark.parametrize(("available", "network"), [(None, 600), (200, None)])
def test_an_unknown_stake_has_no_chance(available: int | None, network: int | None) -> None:
    told = radar(
        RECORDED,
        ONE,
        PACE,
        committees={},
        elected={},
        held=PLENTY,
        available_votes=available,
        network_votes=network,
    )
    assert [one.chance_ppm for one in told.elections] == [None, None]


def test_stake_that_all_serves_cannot_be_a_candidate() -> None:
    told = radar(
        RECORDED, ONE, PACE, committees={}, elected={}, held=PLENTY, available_votes=100, network_votes=600
    )
    assert told.elections[0].free_votes == 0
    assert told.elections[0].chance_ppm == 0


def test_a_stranger_has_no_seats() -> None:
    told = radar(
        RECORDED,
        address(77),
        PACE,
        committees={},
        elected={},
        held=PLENTY,
        available_votes=None,
        network_votes=None,
    )
    assert told.seats == 0
    assert told.seats_by_term == dict.fromkeys(range(11, 17), 0)


@pytest.mark.parametrize(
    ("seats", "available", "expected"),
    [
        (dict.fromkeys(range(12, 18), 0), 9, {17: True, 18: False}),  # its last seat ends with this epoch
        (dict.fromkeys(range(12, 18), 0), None, {17: True, 18: False}),
        ({15: 1}, 9, {17: True, 18: True}),
        ({15: 1}, 0, {17: True}),  # a seat without stake does not serve, unless some comes in time
        ({15: 1}, None, {17: True}),
        (dict.fromkeys(range(12, 17), 0), 9, {17: True}),  # the election of term 17 is not over
        ({}, 9, {17: True}),
    ],
)
def test_the_next_committee_is_told_once_it_is_certain(
    seats: Seats, available: int | None, expected: dict[int, bool]
) -> None:
    assert membership(RECORDED, seats, ONE, available) == expected


@pytest.mark.parametrize(("held", "free"), [({17: 119}, 200 - 118), ({17: 118}, None), ({}, None)])
def test_of_seats_that_may_be_cut_nobody_knows_what_they_leave_free(held: Seats, free: int | None) -> None:
    told = radar(
        RECORDED, ONE, PACE, committees={}, elected={}, held=held, available_votes=200, network_votes=600
    )
    assert told.elections[0].free_votes == free
    assert (told.elections[0].chance_ppm is None) is (free is None)
