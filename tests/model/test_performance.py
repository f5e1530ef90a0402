"""Figures of a validator explain themselves, and accuse nobody of what was not seen."""

from collections.abc import Sequence
from dataclasses import replace
from math import isqrt
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
    dave,
    epoch_of,
    main_network_epoch,
    paid_epochs,
)
from vedette.model.history import MemberCounts, Of, Window
from vedette.model.performance import (
    FORMULAS,
    Figure,
    LeaderKey,
    Performance,
    Why,
    explain,
    leaderboard,
    performance,
    score,
)
from vedette.model.pos import PosAddress
from vedette.model.sums import contribution, window

DAY = 24
NETWORK_VOTES = 300_000
STAKES = {alice: 40_000, bob: 40_000, carol: 40_000, dave: 40_000}
DOCUMENT = Path(__file__).parents[2] / "docs" / "why" / "performance.md"


def member(votes: int = 75, signed: int = 120, led: int = 30) -> MemberCounts:
    return MemberCounts(votes, signed, led)


def day_of(
    changes: Sequence[dict[PosAddress, MemberCounts]],
    *,
    stakes: dict[PosAddress, int] | None = STAKES,
    paid: bool = True,
) -> Window:
    """A day of four equals: 75 seats and a quarter of the blocks each. Every epoch has its changes."""
    parts = []
    for number, change in enumerate(changes, start=1):
        counts = epoch_of({**dict.fromkeys((alice, bob, carol, dave), member()), **change}, epoch=number)
        candidates = {alice: 2_500, bob: 2_501, carol: 2_499, dave: 2_500}
        drips = Paid(counts, 3_600 * CFX, candidates).drips if paid else None
        parts.append(contribution(counts, drips, stakes, NETWORK_VOTES if stakes else None))
    return window(1, len(changes), parts)


def figures(these: Window, who: PosAddress = alice) -> Performance:
    return performance(these, who, first_live_epoch=1)


SILENT = {alice: member(signed=0, led=0)}
SLEEPY = {alice: member(signed=1)}


def test_a_spotless_day() -> None:
    told = figures(day_of([{}] * DAY))
    assert {figure: told.figures[figure] for figure in Figure if figure not in MONEY} == {
        Figure.VOTE_RATE_PPM: 1_000_000,
        Figure.CAST_RATE_PPM: 1_000_000,
        Figure.NETWORK_PARTICIPATION_PPM: 1_000_000,
        Figure.SERVED_EPOCHS: 24,
        Figure.SILENT_EPOCHS: 0,
        Figure.SEAT_TERMS: 75 * 24 // 6,
        Figure.SERVED_BLOCKS: 2_880,
        Figure.LED_BLOCKS: 720,
        Figure.EXPECTED_LED_PPM: 720_000_000,
        Figure.LED_LUCK_PPM: isqrt(3 * 2_880 * 3 * 10**12 // 16),  # three in a row, a quarter of the seats
        Figure.PRESENCE_PPM: 1_000_000,
        Figure.EARNED_PPM: 1_000_000,
        Figure.SCORE: 100,
    }
    assert told.unknown == {}


MONEY = {figure for figure in Figure if figure.endswith(("_gdrip", "apy_ppm"))}


def test_the_money_of_a_spotless_day() -> None:
    told = figures(day_of([{}] * DAY))
    paid = told.figures[Figure.REWARD_GDRIP]
    points = 75 * 15_000 + 30 * 1_500 + 2_500 * 120
    assert paid == pytest.approx(24 * points * 600_000, abs=24)  # a point is 0.0006 CFX
    assert told.figures[Figure.REWARD_DUE_GDRIP] == paid
    assert told.figures[Figure.LOSS_SILENT_GDRIP] == told.figures[Figure.LOSS_NO_LEAD_GDRIP] == 0
    # Of the seats it had a quarter, of the stake only 40,000 of 300,000: luck, here a gain.
    lucky = (75 - 300 * 40_000 // 300_000) * 15_000 * 600_000 * 24
    assert told.figures[Figure.LOSS_NOT_ELECTED_GDRIP] == pytest.approx(-lucky, abs=100)
    # A year has 8,760 such hours; its stake is 40,000 votes of 1,000 CFX.
    yearly = points * 600_000 / 10**9 * 8_760 / (40_000 * 1_000)
    assert told.figures[Figure.APY_PPM] == pytest.approx(yearly * 10**6, rel=1e-3)
    network_yearly = 4 * yearly * 40_000 / 300_000
    assert told.figures[Figure.NETWORK_APY_PPM] == pytest.approx(network_yearly * 10**6, rel=1e-3)


def test_missed_votes_cost_nothing_but_a_silent_epoch_does() -> None:
    sleepy, silent = figures(day_of([SLEEPY] * DAY)), figures(day_of([{}] * 23 + [SILENT]))
    assert sleepy.figures[Figure.VOTE_RATE_PPM] == 8_333
    assert sleepy.figures[Figure.SCORE] == 100
    assert silent.figures[Figure.VOTE_RATE_PPM] == 958_333
    assert 90 <= (silent.figures[Figure.SCORE] or 0) < 95
    assert silent.figures[Figure.LOSS_SILENT_GDRIP] == pytest.approx(75 * 15_000 * 600_000, rel=1e-9)


def test_one_silent_epoch_in_years_still_takes_the_hundred() -> None:
    perfect = figures(day_of([{}] * DAY))
    years = tuple(count * 2_000 for count in perfect.sums)
    scarred = [*years]
    scarred[Of.SILENT_EPOCHS] = 1
    scarred[Of.SILENT_LOSS_GDRIP] = 1
    these = Window(
        1, 48_000, tuple(count * 2_000 for count in perfect.network), {alice: years, bob: (*scarred,)}
    )
    assert score(performance(these, alice, first_live_epoch=1)).value == 100
    assert score(performance(these, bob, first_live_epoch=1)).value == 99


@pytest.mark.parametrize(
    ("led", "scored"),
    [
        (30, 100),  # as expected
        (27, 100),  # 648 of 720: within three deviations (3 * 40 blocks)
        (60, 100),  # good luck is no merit
        (0, 97),  # it never led: that is no luck
    ],
)
def test_luck_in_leading_is_not_blamed_but_never_leading_is(led: int, scored: int) -> None:
    others = {bob: member(led=120 - 60 - led)} if led < 60 else {bob: member(led=0), carol: member(led=30)}
    told = figures(day_of([{alice: member(led=led), **others}] * DAY))
    assert told.figures[Figure.SCORE] == scored


def test_less_than_a_day_gets_no_score() -> None:
    told = figures(day_of([{}] * 23))
    assert score(told).value is None
    assert score(told).why is Why.NOT_ENOUGH_DATA
    assert told.figures[Figure.VOTE_RATE_PPM] == 1_000_000


def test_before_the_first_snapshot_luck_and_yield_are_unknown_not_lost() -> None:
    these = day_of([{}] * DAY, stakes=None)
    for first_live_epoch in (None, 25):
        told = performance(these, alice, first_live_epoch=first_live_epoch)
        for figure in (Figure.APY_PPM, Figure.NETWORK_APY_PPM, Figure.LOSS_NOT_ELECTED_GDRIP):
            assert told.figures[figure] is None
            assert told.unknown[figure] is Why.BEFORE_FIRST_SNAPSHOT
        assert told.figures[Figure.SCORE] == 100
    told = performance(
        these, alice, first_live_epoch=10
    )  # watched since, but this account's stake was not seen
    assert told.unknown[Figure.APY_PPM] is Why.STAKE_UNKNOWN


def test_unknown_rewards_are_no_loss() -> None:
    told = figures(day_of([{}] * DAY, paid=False))
    for figure in (Figure.REWARD_GDRIP, Figure.LOSS_SILENT_GDRIP, Figure.APY_PPM, Figure.SCORE):
        assert told.figures[figure] is None
        assert told.unknown[figure] is Why.REWARDS_UNKNOWN
    assert told.figures[Figure.VOTE_RATE_PPM] == 1_000_000
    assert told.coverage.rewarded_epochs == 0


def test_who_was_not_elected_has_no_vote_rate_but_a_yield() -> None:
    these = day_of([{}] * DAY, stakes={**STAKES, address(9): 1})
    told = figures(these, address(9))
    assert told.unknown[Figure.VOTE_RATE_PPM] is Why.NOT_ELECTED
    assert told.unknown[Figure.SCORE] is Why.NOT_ENOUGH_DATA
    assert told.figures[Figure.APY_PPM] == 0
    assert told.figures[Figure.SERVED_EPOCHS] == 0
    # Two hundred votes of a million would have brought a seat now and then.
    assert (told.figures[Figure.LOSS_NOT_ELECTED_GDRIP] or 0) > 0


def test_certificates_that_nobody_saw_accuse_nobody() -> None:
    counts = epoch_of({alice: member(signed=0), bob: member(signed=0)}, known=0)
    told = figures(window(1, 1, [contribution(counts, None, None, None)]))
    assert told.unknown[Figure.VOTE_RATE_PPM] is Why.NO_CERTIFICATES
    assert told.unknown[Figure.SILENT_EPOCHS] is Why.NO_CERTIFICATES
    assert told.unknown[Figure.NETWORK_PARTICIPATION_PPM] is Why.NO_CERTIFICATES


def test_an_empty_window_tells_nothing_of_anybody() -> None:
    told = figures(window(5, 9, []))
    assert all(value is None for value in told.figures.values())
    assert set(told.unknown.values()) == {Why.NO_EPOCHS}
    assert (told.coverage.asked_epochs, told.coverage.known_epochs) == (5, 0)


def test_an_account_without_stake_has_no_yield() -> None:
    told = figures(day_of([{}] * DAY, stakes={**STAKES, alice: 0}))
    assert told.unknown[Figure.APY_PPM] is Why.NO_STAKE


def test_seats_of_unknown_worth_are_not_called_lost() -> None:
    """One account alone, and nobody knows the network's votes: its reward is known, what it lost is not."""
    counts = epoch_of({alice: MemberCounts(300, 120, 60)})
    drips = Paid(counts, 1_000 * CFX, {alice: 750}).drips
    told = figures(window(1, 1, [contribution(counts, drips, None, None)]))
    assert told.figures[Figure.REWARD_GDRIP] == drips[alice] // 10**9
    assert told.unknown[Figure.LOSS_SILENT_GDRIP] is Why.INTEREST_UNKNOWN


def test_a_network_that_pays_nothing_is_not_scored() -> None:
    parts = []
    for number in range(DAY):
        counts = epoch_of({alice: member(), bob: member()}, epoch=number + 1)
        parts.append(contribution(counts, {alice: 0, bob: 0}, None, None))
    assert score(figures(window(1, DAY, parts))).why is Why.NOTHING_DUE


# --- every figure explains itself -------------------------------------------------------------------------


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Windows of any epochs, some paid, some with stakes."""
    parts = []
    for paid in draw(st.lists(paid_epochs(), max_size=5)):
        drips = draw(st.sampled_from([None, paid.drips]))
        stakes = draw(st.none() | st.just(dict.fromkeys(paid.drips, draw(st.integers(0, 9_000)))))
        parts.append(contribution(paid.counts, drips, stakes, draw(st.sampled_from([None, 50_000]))))
    repeat = draw(st.sampled_from([1, 30]))  # long windows are scored
    return window(1, 200, parts * repeat)


@given(windows(), st.integers(1, 14), st.none() | st.integers(1, 300))
def test_each_figure_is_what_its_formula_says(these: Window, who: int, first_live_epoch: int | None) -> None:
    told = performance(these, address(who), first_live_epoch=first_live_epoch)
    for fact in explain(told):
        if fact.value is None:
            assert fact.why is told.unknown[fact.key]
        else:
            assert fact.why is None
            assert fact.value == by_hand(fact.formula, fact.inputs), fact.key


def by_hand(formula: str, inputs: object) -> object:
    names = {name: value or 0 for name, value in dict(inputs).items()}  # type: ignore[call-overload]
    return eval(formula, {"__builtins__": {}, "isqrt": isqrt, "max": max}, names)  # what people are shown


@given(windows(), st.integers(1, 14), st.none() | st.integers(1, 300))
def test_a_figure_is_unknown_if_and_only_if_it_says_why(
    these: Window, who: int, first_live_epoch: int | None
) -> None:
    told = performance(these, address(who), first_live_epoch=first_live_epoch)
    assert {figure for figure, value in told.figures.items() if value is None} == set(told.unknown)
    assert set(told.figures) == set(Figure) == set(FORMULAS)


@given(windows(), st.integers(1, 14))
def test_figures_keep_within_their_bounds(these: Window, who: int) -> None:
    told = performance(these, address(who), first_live_epoch=1)
    for figure in (Figure.VOTE_RATE_PPM, Figure.CAST_RATE_PPM, Figure.PRESENCE_PPM, Figure.EARNED_PPM):
        assert 0 <= (told.figures[figure] or 0) <= 1_000_000
    assert 0 <= (told.figures[Figure.SCORE] or 0) <= 100
    assert (told.figures[Figure.SILENT_EPOCHS] or 0) <= (told.figures[Figure.SERVED_EPOCHS] or 0)
    for figure in (Figure.LOSS_SILENT_GDRIP, Figure.REWARD_GDRIP, Figure.APY_PPM):
        assert (told.figures[figure] or 0) >= 0


@given(windows(), st.integers(1, 14))
def test_being_silent_once_more_never_raises_a_score(these: Window, who: int) -> None:
    before = performance(these, address(who), first_live_epoch=1)
    worse = [*before.sums]
    if worse[Of.SILENT_EPOCHS] >= worse[Of.SERVED_EPOCHS]:
        return
    worse[Of.SILENT_EPOCHS] += 1
    worse[Of.SILENT_LOSS_GDRIP] += 10**9
    changed = replace(these, accounts={**these.accounts, before.address: tuple(worse)})
    after = performance(changed, before.address, first_live_epoch=1)
    assert (after.figures[Figure.SCORE] or 0) <= (before.figures[Figure.SCORE] or 0)


# --- leaderboards -----------------------------------------------------------------------------------------


def test_the_best_come_first_equals_share_a_rank_and_the_unknown_come_last() -> None:
    changes: list[dict[PosAddress, MemberCounts]] = [{}] * 22 + [{bob: member(signed=0, led=30)}] * 2
    these = day_of(changes, stakes={**STAKES, address(9): 1})
    rows = leaderboard(these, LeaderKey.SCORE, first_live_epoch=1)
    assert [(row.rank, row.performance.address) for row in rows] == [
        (1, alice),
        (1, carol),
        (1, dave),
        (4, bob),
        (None, address(9)),
    ]
    rows = leaderboard(these, LeaderKey.SILENT, first_live_epoch=1)
    assert [row.rank for row in rows] == [1, 1, 1, 4, None]
    assert rows[3].performance.address == bob


@pytest.mark.parametrize("key", LeaderKey)
def test_everybody_is_on_every_leaderboard_in_order(key: LeaderKey) -> None:
    parts = []
    for number in range(30):
        paid = main_network_epoch(number)
        parts.append(
            contribution(paid.counts, paid.drips, {address(i): 1_000 + i for i in range(150)}, 300_000)
        )
    these = window(1, 30, parts)
    rows = leaderboard(these, key, first_live_epoch=1)
    assert {row.performance.address for row in rows} == set(these.accounts)
    known = [row.performance.figures[Figure(key.value)] for row in rows if row.rank is not None]
    fewer_first = key in {LeaderKey.SILENT, LeaderKey.LOSS_SILENT}
    assert known == sorted(known, key=lambda value: value or 0, reverse=not fewer_first)


# --- and is documented ------------------------------------------------------------------------------------


def test_the_document_has_every_formula_and_every_reason() -> None:
    document = DOCUMENT.read_text()
    missing = [formula.text for formula in FORMULAS.values() if f"`{formula.text}`" not in document]
    missing += [word.value for word in (*Figure, *Why) if f"`{word.value}`" not in document]
    assert missing == []
