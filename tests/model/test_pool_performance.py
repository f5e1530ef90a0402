"""What a pool leaves its stakers, what it must do, and when it failed; nothing is told that was not seen."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.model.epochs import alice
from tests.model.test_performance import day_of, figures
from vedette.model.account_events import AccountEvent, AccountEventKind
from vedette.model.history import Of
from vedette.model.performance import Figure, Performance, Why
from vedette.model.pool import PoolHoldings, PoolTerms
from vedette.model.pool_performance import (
    POW_BLOCKS_A_DAY,
    Earned,
    FeeChange,
    FeeSpan,
    Outage,
    OutageKind,
    PoolFigure,
    PoolWhy,
    Restake,
    RestakeState,
    SilentEpoch,
    fee_spans,
    outages,
    pool_performance,
    pow_wait_ms,
    restake,
)
from vedette.model.pos import Account, Queued

APY, INCOME, SEEN = PoolFigure.APY_AFTER_FEE_PPM, PoolFigure.FEE_INCOME_GDRIP, PoolFigure.FEE_SEEN_PPM
VOTE = 1_000 * 10**18


def a_day(epochs: int = 24) -> Performance:
    return figures(day_of([{}] * epochs))


def earned(told: Performance, *shares: tuple[int | None, int]) -> list[Earned]:
    """The day's pay in parts of so many 24ths, each under its fee."""
    reward, staked = told.sums[Of.REWARD_GDRIP], told.sums[Of.REWARD_STAKED_GDRIP]
    return [Earned(share, reward * part // 24, staked * part // 24) for share, part in shares]


# --- the fee ----------------------------------------------------------------------------------------------


def test_a_fee_is_a_part_of_a_million() -> None:
    assert PoolTerms(user_share_hundredths=9_000).fee_ppm == 100_000
    assert PoolTerms(user_share_hundredths=10_000).fee_ppm == 0
    assert PoolTerms().fee_ppm is None


def test_stakers_get_what_the_fee_leaves() -> None:
    told = a_day()
    apy, reward = told.figures[Figure.APY_PPM], told.figures[Figure.REWARD_GDRIP]
    assert apy is not None
    assert reward is not None
    found = pool_performance(told, [Earned(9_000, reward, told.sums[Of.REWARD_STAKED_GDRIP])])
    assert found.figures == {APY: apy * 9 // 10, INCOME: reward // 10, SEEN: 1_000_000}
    assert found.unknown == {}


def test_a_changed_fee_counts_from_its_change_on() -> None:
    told = a_day()
    apy = told.figures[Figure.APY_PPM]
    assert apy is not None
    found = pool_performance(told, earned(told, (9_000, 18), (8_000, 6)))
    expected = Fraction(apy) * (Fraction(9, 10) * 18 + Fraction(8, 10) * 6) / 24
    assert found.figures[APY] == pytest.approx(float(expected), abs=1)
    paid = told.sums[Of.REWARD_GDRIP]
    assert found.figures[INCOME] == pytest.approx(paid * (0.1 * 18 + 0.2 * 6) / 24, abs=1)


def test_a_fee_that_was_seen_for_a_part_says_for_which() -> None:
    told = a_day()
    found = pool_performance(told, earned(told, (None, 18), (9_000, 6)))
    apy = told.figures[Figure.APY_PPM]
    assert apy is not None
    assert found.figures[SEEN] == 250_000
    assert found.figures[APY] == apy * 9 // 10
    assert found.figures[INCOME] == told.sums[Of.REWARD_GDRIP] * 6 // 24 // 10


def test_a_fee_that_nobody_saw_is_not_guessed() -> None:
    told = a_day()
    found = pool_performance(told, earned(told, (None, 24)))
    assert found.figures == {APY: None, INCOME: None, SEEN: 0}
    assert found.unknown == {APY: PoolWhy.FEE_UNKNOWN, INCOME: PoolWhy.FEE_UNKNOWN}


def test_a_pool_without_a_known_validator_has_no_figures() -> None:
    found = pool_performance(None, [])
    assert found.figures == {APY: None, INCOME: None, SEEN: None}
    assert set(found.unknown.values()) == {PoolWhy.NO_VALIDATOR}


def test_what_the_validator_s_figures_lack_a_pool_s_lack_for_the_same_reason() -> None:
    unpaid = figures(day_of([{}] * 24, paid=False))
    assert pool_performance(unpaid, []).unknown == dict.fromkeys((APY, INCOME, SEEN), Why.REWARDS_UNKNOWN)
    unstaked = figures(day_of([{}] * 24, stakes=None))
    found = pool_performance(unstaked, [Earned(9_000, unstaked.sums[Of.REWARD_GDRIP], 0)])
    assert found.unknown == {APY: Why.STAKE_UNKNOWN}
    assert found.figures[INCOME] == unstaked.sums[Of.REWARD_GDRIP] // 10


def test_where_nothing_was_paid_the_fee_is_nothing_and_the_part_seen_is_not_told() -> None:
    told = replace(a_day(), figures={**a_day().figures, Figure.REWARD_GDRIP: 0, Figure.APY_PPM: 0})
    found = pool_performance(told, [Earned(None, 0, 0)])
    assert found.figures == {APY: 0, INCOME: 0, SEEN: None}
    assert found.unknown == {SEEN: Why.NOTHING_DUE}


SHARES = st.none() | st.integers(0, 10_000)


@given(st.lists(st.tuples(SHARES, st.integers(0, 10**15)), max_size=6))
def test_stakers_and_operator_share_all_and_no_more(parts: list[tuple[int | None, int]]) -> None:
    told = a_day()
    found = pool_performance(told, [Earned(share, paid, paid) for share, paid in parts])
    apy, income = found.figures[APY], found.figures[INCOME]
    seen = [(share, paid) for share, paid in parts if share is not None and paid]
    whole = told.figures[Figure.APY_PPM]
    assert whole is not None
    if apy is not None:
        assert min(share for share, _ in seen) * whole // 10_000 <= apy
        assert apy <= max(share for share, _ in seen) * whole // 10_000
    if income is not None:
        assert income <= sum(paid for _, paid in seen)
    assert (apy is None) == (not seen)


# --- fees by epoch ----------------------------------------------------------------------------------------


def test_before_a_fee_was_seen_it_is_not_known() -> None:
    assert fee_spans(10, 20, []) == [FeeSpan(10, 20, None)]
    assert fee_spans(10, 20, [FeeChange(15, 9_000)]) == [FeeSpan(10, 14, None), FeeSpan(15, 20, 9_000)]
    assert fee_spans(10, 20, [FeeChange(3, 9_000)]) == [FeeSpan(10, 20, 9_000)]
    assert fee_spans(10, 20, [FeeChange(21, 9_000)]) == [FeeSpan(10, 20, None)]
    assert fee_spans(1, 0, [FeeChange(1, 9_000)]) == []


def test_neighbours_of_one_fee_are_one() -> None:
    changes = [FeeChange(3, 9_000), FeeChange(12, 9_000), FeeChange(14, 8_000), FeeChange(14, 8_500)]
    assert fee_spans(10, 20, changes) == [FeeSpan(10, 13, 9_000), FeeSpan(14, 20, 8_500)]


@given(st.integers(1, 30), st.integers(0, 40), st.lists(st.tuples(st.integers(1, 80), SHARES), max_size=8))
def test_each_epoch_has_the_fee_that_was_seen_last(
    first: int, length: int, changes: list[tuple[int, int | None]]
) -> None:
    spans = fee_spans(first, first + length, [FeeChange(*change) for change in changes])
    told = {epoch: one.user_share_hundredths for one in spans for epoch in range(one[0], one[1] + 1)}
    assert list(told) == list(range(first, first + length + 1))
    for epoch, share in told.items():
        before = sorted((change for change in changes if change[0] <= epoch), key=lambda one: one[0])
        assert share == (before[-1][1] if before else None)
    assert all(a.user_share_hundredths != b.user_share_hundredths for a, b in pairwise(spans))


# --- restaking --------------------------------------------------------------------------------------------


def books(counted: int, registered: int, free_votes: int = 0) -> PoolHoldings:
    return PoolHoldings(
        available_votes=counted,
        registered_votes=registered,
        unlocked_votes=0,
        withdrawable_drip=free_votes * VOTE,
    )


def account(available: int, *, out: int = 0, unlocked: int = 0, retired: int | None = None) -> Account:
    queue = (Queued(5_000, out),) if out else ()
    return Account(alice, 4_000, available, available, (), queue, unlocked, 0, retired)


def now(holdings: PoolHoldings, held: Account | None) -> Restake:
    return restake(holdings, held, books_at_ms=2, account_since_ms=1)


def test_a_pool_whose_books_agree_has_nothing_to_do() -> None:
    assert now(books(70, 70), account(70)) == Restake(RestakeState.NONE, 0, 0)
    assert now(books(70, 90), account(70, out=5, unlocked=15)) == Restake(RestakeState.NONE, 0, 0)


def test_votes_on_their_way_to_pos_are_not_missing() -> None:
    assert now(books(80, 80), account(70)) == Restake(RestakeState.NONE, 0, 0)


def test_after_a_forced_retirement_all_votes_wait_and_then_are_to_be_restaked() -> None:
    leaving = account(0, out=70, retired=3_900)
    assert now(books(70, 70), leaving) == Restake(RestakeState.WAITING, 70, 0, 5_000)
    free = account(0, unlocked=70)
    assert now(books(70, 70, 70), free) == Restake(RestakeState.READY, 70, 70)
    assert now(books(70, 70, 60), free) == Restake(RestakeState.READY, 70, 60)
    # PoS has freed them, and the PoW side has not heard of it yet.
    assert now(books(70, 70), free) == Restake(RestakeState.WAITING, 70, 0)


def test_what_was_restaked_is_not_missing_again() -> None:
    assert now(books(70, 140), account(0, unlocked=70)) == Restake(RestakeState.NONE, 0, 0)
    assert now(books(70, 140), account(70, unlocked=70)) == Restake(RestakeState.NONE, 0, 0)


def test_while_it_is_punished_the_chain_would_throw_restaked_votes_out_again() -> None:
    retired = account(0, out=20, unlocked=50, retired=3_900)
    assert now(books(70, 70, 50), retired) == Restake(RestakeState.WAITING, 70, 50, 5_000)
    locked = replace(account(0), out_queue=(Queued(520_000, 70),))
    assert now(books(70, 70, 50), locked) == Restake(RestakeState.WAITING, 70, 50, 520_000)


def test_books_older_than_the_chain_s_word_accuse_nobody() -> None:
    older = restake(books(70, 70), account(60, out=10), books_at_ms=1, account_since_ms=2)
    assert older == Restake(RestakeState.UNKNOWN)
    retired = account(0, out=70, retired=3_900)
    assert restake(books(70, 70), retired, books_at_ms=1, account_since_ms=2).state is RestakeState.WAITING


@pytest.mark.parametrize(
    "holdings, held",
    [
        (books(70, 70), None),
        (PoolHoldings(), account(0)),
        (replace(books(70, 70), registered_votes=None), account(0)),
        (replace(books(70, 70), withdrawable_drip=None), account(0)),
    ],
)
def test_what_is_not_known_is_not_missing(holdings: PoolHoldings, held: Account | None) -> None:
    assert now(holdings, held) == Restake(RestakeState.UNKNOWN)


# --- failures ---------------------------------------------------------------------------------------------


def test_failures_are_told_newest_first_and_neighbours_are_one() -> None:
    silent = [SilentEpoch(epoch, epoch * 100, epoch * 10, epoch * 10 + 9) for epoch in (7, 3, 4)]
    retired = AccountEvent(AccountEventKind.FORCE_RETIRED, alice, 450, 70, 600)
    added = AccountEvent(AccountEventKind.ADDED, alice, 460, 1, 700)
    assert outages(silent, [(47, retired), (48, added)]) == [
        Outage(OutageKind.SILENT, 70, 79, 700, first_epoch=7, last_epoch=7),
        Outage(OutageKind.FORCE_RETIRED, 47, None, 450, votes=70, until_height=600),
        Outage(OutageKind.SILENT, 30, 49, 300, first_epoch=3, last_epoch=4),
    ]
    assert outages([], []) == []


# --- waiting ----------------------------------------------------------------------------------------------


def test_a_wait_is_told_in_time() -> None:
    assert pow_wait_ms(POW_BLOCKS_A_DAY) == 86_400_000
    assert pow_wait_ms(176_400) == 89_652_705  # a day and fifty minutes
    assert (pow_wait_ms(0), pow_wait_ms(-5), pow_wait_ms(None)) == (0, 0, None)
