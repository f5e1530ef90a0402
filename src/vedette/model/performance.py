"""How well a validator did over a window of epochs: figures that explain themselves, and one score.

Every figure is a whole number, made from exact sums by the formula that stands beside it and is shown to
people as it is. One that cannot be told is None and says why: what was never seen is nobody's fault. What the
figures mean, and where each rule of the chain stands: docs/why/performance.md.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isqrt
from typing import Final

from vedette.model.history import Of, OfNetwork, Window
from vedette.model.pos import PosAddress

PPM: Final = 1_000_000
ENOUGH_EPOCHS: Final = 24
"""Served epochs, about a day, below which nobody is given a score."""

NOTHING: Final = (0,) * len(Of)


class Why(StrEnum):
    """Why a figure is not known."""

    NO_EPOCHS = "no_epochs"  # none of the window's epochs was counted
    NOT_ELECTED = "not_elected"  # it served in none of them
    NO_CERTIFICATES = "no_certificates"  # nobody saw who signed
    REWARDS_UNKNOWN = "rewards_unknown"  # not paid yet, or not asked for
    INTEREST_UNKNOWN = "interest_unknown"  # the payments do not tell what a seat was worth
    BEFORE_FIRST_SNAPSHOT = "before_first_snapshot"  # stake can only be seen live, and nobody watched yet
    STAKE_UNKNOWN = "stake_unknown"  # its stake or the network's was not seen
    NO_STAKE = "no_stake"  # it had none
    NOT_ENOUGH_DATA = "not_enough_data"  # it served less than a day
    NOTHING_DUE = "nothing_due"  # nothing was paid, and nothing was lost


class Figure(StrEnum):
    """What is told of an account. The last word is the unit; blocks in `_ppm` are millionths of a block."""

    VOTE_RATE_PPM = "vote_rate_ppm"  # blocks that it signed, of those it could
    CAST_RATE_PPM = "cast_rate_ppm"  # the same, weighted by its seats
    NETWORK_PARTICIPATION_PPM = "network_participation_ppm"  # everybody's, in the same epochs
    SERVED_EPOCHS = "served_epochs"
    SILENT_EPOCHS = "silent_epochs"
    SEAT_TERMS = "seat_terms"  # seats, each counted once for the six epochs that it lasts
    SERVED_BLOCKS = "served_blocks"  # of those epochs, known or not
    LED_BLOCKS = "led_blocks"
    EXPECTED_LED_PPM = "expected_led_ppm"
    LED_LUCK_PPM = "led_luck_ppm"  # the standard deviation of led blocks by luck alone
    REWARD_GDRIP = "reward_gdrip"
    REWARD_DUE_GDRIP = "reward_due_gdrip"  # had it been awake, with average luck in leading
    REWARD_FAIR_GDRIP = "reward_fair_gdrip"  # its share by stake of all that was paid
    LOSS_NOT_ELECTED_GDRIP = "loss_not_elected_gdrip"  # luck; below zero it is a gain
    LOSS_SILENT_GDRIP = "loss_silent_gdrip"
    LOSS_NO_LEAD_GDRIP = "loss_no_lead_gdrip"  # mostly luck; below zero it is a gain
    APY_PPM = "apy_ppm"
    NETWORK_APY_PPM = "network_apy_ppm"
    PRESENCE_PPM = "presence_ppm"  # served epochs that were not silent
    EARNED_PPM = "earned_ppm"  # paid, of what somebody awake would have been paid with the same luck
    SCORE = "score"  # 0 to 100; 100 only where nothing at all was lost

    __hash__ = str.__hash__  # Enum's own is slow, and a leaderboard asks for thousands


Input = Of | OfNetwork | Figure
Figures = Mapping[Figure, int | None]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much is known of what was asked for."""

    asked_epochs: int
    known_epochs: int
    rewarded_epochs: int  # of the known ones
    staked_epochs: int  # of those, with its stake and the whole network's
    served_epochs: int
    known_blocks: int  # of the blocks of those: whose certificate was seen


@dataclass(frozen=True, slots=True)
class Performance:
    """One account over the known epochs of a window; `unknown` says why a figure is None."""

    address: PosAddress
    first_epoch: int
    last_epoch: int
    coverage: Coverage
    figures: Figures
    unknown: Mapping[Figure, Why]
    sums: tuple[int, ...]  # of `Of`
    network: tuple[int, ...]  # of `OfNetwork`

    def value(self, what: Input) -> int | None:
        if isinstance(what, Figure):
            return self.figures[what]
        return self.sums[what] if isinstance(what, Of) else self.network[what]


@dataclass(frozen=True, slots=True)
class Score:
    """The score alone, or why there is none."""

    value: int | None
    why: Why | None


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure for the page to put in words: `formula` is arithmetic over the names in `inputs`."""

    key: Figure
    value: int | None
    why: Why | None
    formula: str
    inputs: Mapping[str, int | None]


class LeaderKey(StrEnum):
    """What a leaderboard may be sorted by; the best is first."""

    SCORE = "score"
    VOTE_RATE = "vote_rate_ppm"
    APY = "apy_ppm"
    REWARD = "reward_gdrip"
    SERVED = "served_epochs"
    LED = "led_blocks"
    SILENT = "silent_epochs"
    LOSS_SILENT = "loss_silent_gdrip"


FEWER_IS_BETTER: Final = frozenset({LeaderKey.SILENT, LeaderKey.LOSS_SILENT})


@dataclass(frozen=True, slots=True)
class Row:
    """A place on the leaderboard. Equals share a rank; the unknown have none and come last."""

    rank: int | None
    performance: Performance


def performance(window: Window, address: PosAddress, *, first_live_epoch: int | None) -> Performance:
    """One account's figures. `first_live_epoch` is the first whose stakes were seen live; None: none yet."""
    told = _Told(window, window.accounts.get(address, NOTHING), first_live_epoch)
    for figure, formula in FORMULAS.items():
        why = formula.doubt(told)
        if why is None:
            told.figures[figure] = formula.compute(told)
        else:
            told.figures[figure] = None
            told.unknown[figure] = why
    return Performance(
        address=address,
        first_epoch=window.first_epoch,
        last_epoch=window.last_epoch,
        coverage=_coverage(told),
        figures=told.figures,
        unknown=told.unknown,
        sums=told.sums,
        network=told.network,
    )


def score(performance: Performance) -> Score:
    """The one number: presence times what was earned. Missed votes alone cost nothing, and do not count."""
    return Score(performance.figures[Figure.SCORE], performance.unknown.get(Figure.SCORE))


def explain(performance: Performance) -> tuple[Fact, ...]:
    """Every figure with its formula and what went into it."""
    return tuple(
        Fact(
            key=figure,
            value=performance.figures[figure],
            why=performance.unknown.get(figure),
            formula=formula.text,
            inputs={input_name(each): performance.value(each) for each in formula.inputs},
        )
        for figure, formula in FORMULAS.items()
    )


def input_name(what: Input) -> str:
    """As formulas spell it: the network's sums begin with `network_`."""
    if isinstance(what, Figure):
        return what.value
    name = what.name.lower()
    return name if isinstance(what, Of) or name.startswith("network_") else f"network_{name}"


def leaderboard(window: Window, key: LeaderKey, *, first_live_epoch: int | None = None) -> tuple[Row, ...]:
    """All accounts of the window, best first; equals by address."""
    everybody = [
        performance(window, address, first_live_epoch=first_live_epoch) for address in sorted(window.accounts)
    ]
    return tuple(_ranked(everybody, Figure(key.value), 1 if key in FEWER_IS_BETTER else -1))


def _ranked(everybody: list[Performance], figure: Figure, sign: int) -> Iterator[Row]:
    known = [(sign * value, each) for each in everybody if (value := each.figures[figure]) is not None]
    known.sort(key=lambda pair: pair[0])
    rank, before = 0, None
    for place, (value, each) in enumerate(known, start=1):
        rank, before = (rank, before) if value == before else (place, value)
        yield Row(rank, each)
    for each in everybody:
        if each.figures[figure] is None:
            yield Row(None, each)


class _Told:
    """The figures of one account while they are made, each from sums and from figures before it."""

    __slots__ = ("figures", "first_live_epoch", "network", "sums", "unknown", "window")

    def __init__(self, window: Window, sums: tuple[int, ...], first_live_epoch: int | None) -> None:
        self.window = window
        self.sums = sums
        self.network = window.network
        self.first_live_epoch = first_live_epoch
        self.figures: dict[Figure, int | None] = {}
        self.unknown: dict[Figure, Why] = {}

    def figure(self, figure: Figure) -> int:
        """One made before; nothing, where it is unknown."""
        return self.figures[figure] or 0


def _coverage(told: _Told) -> Coverage:
    sums, network = told.sums, told.network
    return Coverage(
        asked_epochs=told.window.asked_epochs,
        known_epochs=network[OfNetwork.EPOCHS],
        rewarded_epochs=network[OfNetwork.REWARDED_EPOCHS],
        staked_epochs=sums[Of.STAKED_EPOCHS],
        served_epochs=sums[Of.SERVED_EPOCHS],
        known_blocks=sums[Of.KNOWN_BLOCKS],
    )


# --- whether a figure can be told -------------------------------------------------------------------------


def _no_epochs(told: _Told) -> Why | None:
    return None if told.network[OfNetwork.EPOCHS] else Why.NO_EPOCHS


def _no_votes(told: _Told) -> Why | None:
    if not told.sums[Of.SERVED_EPOCHS]:
        return _no_epochs(told) or Why.NOT_ELECTED
    return None if told.sums[Of.KNOWN_BLOCKS] else Why.NO_CERTIFICATES


def _no_network_votes(told: _Told) -> Why | None:
    return None if told.network[OfNetwork.EXPECTED_VOTES] else _no_epochs(told) or Why.NO_CERTIFICATES


def _no_service(told: _Told) -> Why | None:
    return None if told.sums[Of.SERVED_EPOCHS] else _no_epochs(told) or Why.NOT_ELECTED


def _no_rewards(told: _Told) -> Why | None:
    return None if told.network[OfNetwork.REWARDED_EPOCHS] else _no_epochs(told) or Why.REWARDS_UNKNOWN


def _no_due(told: _Told) -> Why | None:
    if told.sums[Of.SERVED_EPOCHS] and not told.sums[Of.COMMITTEE_DUE_GDRIP]:
        return _no_rewards(told) or Why.INTEREST_UNKNOWN
    return _no_rewards(told)


def _no_stake(told: _Told) -> Why | None:
    if told.sums[Of.STAKED_EPOCHS]:
        return None
    if told.first_live_epoch is None or told.window.last_epoch < told.first_live_epoch:
        return _no_epochs(told) or Why.BEFORE_FIRST_SNAPSHOT
    return _no_rewards(told) or Why.STAKE_UNKNOWN


def _no_yield(told: _Told) -> Why | None:
    return _no_stake(told) or (None if told.sums[Of.VOTE_SECONDS] else Why.NO_STAKE)


def _no_network_yield(told: _Told) -> Why | None:
    if told.network[OfNetwork.NETWORK_VOTE_SECONDS]:
        return None
    if told.first_live_epoch is None or told.window.last_epoch < told.first_live_epoch:
        return _no_epochs(told) or Why.BEFORE_FIRST_SNAPSHOT
    return _no_rewards(told) or Why.STAKE_UNKNOWN


def _no_earned(told: _Told) -> Why | None:
    if not told.sums[Of.SERVED_EPOCHS]:
        return _no_epochs(told) or Why.NOT_ELECTED
    if (doubt := _no_rewards(told)) is not None:
        return doubt
    return None if _awake_gdrip(told) else Why.NOTHING_DUE


def _no_score(told: _Told) -> Why | None:
    if told.network[OfNetwork.EPOCHS] and told.sums[Of.SERVED_EPOCHS] < ENOUGH_EPOCHS:
        return Why.NOT_ENOUGH_DATA
    return told.unknown.get(Figure.PRESENCE_PPM) or told.unknown.get(Figure.EARNED_PPM)


# --- the figures themselves -------------------------------------------------------------------------------


def _sum(what: Of) -> Callable[[_Told], int]:
    return lambda told: told.sums[what]


def _share(part: Of, whole: Of) -> Callable[[_Told], int]:
    return lambda told: PPM * told.sums[part] // told.sums[whole]


def _difference(one: Of, other: Of) -> Callable[[_Told], int]:
    return lambda told: told.sums[one] - told.sums[other]


def _participation(told: _Told) -> int:
    return PPM * told.network[OfNetwork.CAST_VOTES] // told.network[OfNetwork.EXPECTED_VOTES]


def _seat_terms(told: _Told) -> int:
    return (told.sums[Of.SEAT_EPOCHS] + 3) // 6


def _served_blocks(told: _Told) -> int:
    return (
        told.sums[Of.SERVED_EPOCHS] * told.network[OfNetwork.BLOCKS] // (told.network[OfNetwork.EPOCHS] or 1)
    )


def _expected_led(told: _Told) -> int:
    """Blocks that nobody proposed were in nobody's reach."""
    blocks, nil = told.network[OfNetwork.BLOCKS], told.network[OfNetwork.NIL_BLOCKS]
    return told.sums[Of.LEAD_SHARE_PPM] * (blocks - nil) // (blocks or 1)


def _led_luck(told: _Told) -> int:
    """The deviation of n draws with chance p, for runs of three blocks: sqrt(3 * n * p * (1 - p))."""
    led, blocks = told.figure(Figure.EXPECTED_LED_PPM), told.figure(Figure.SERVED_BLOCKS)
    return isqrt(3 * led * max(0, PPM * blocks - led) // (blocks or 1))


def _due(told: _Told) -> int:
    sums = told.sums
    leading = sums[Of.LEADER_DUE_GDRIP] - sums[Of.LEADER_PAID_GDRIP]
    return sums[Of.REWARD_GDRIP] + sums[Of.SILENT_LOSS_GDRIP] + leading


def _apy(told: _Told) -> int:
    """A year has 31,536,000 seconds, a vote 1,000 CFX of 10^9 Gdrip."""
    return 31_536 * told.sums[Of.REWARD_STAKED_GDRIP] // (1_000 * told.sums[Of.VOTE_SECONDS])


def _network_apy(told: _Told) -> int:
    paid = told.network[OfNetwork.NETWORK_REWARD_STAKED_GDRIP]
    return 31_536 * paid // (1_000 * told.network[OfNetwork.NETWORK_VOTE_SECONDS])


def _presence(told: _Told) -> int:
    served = told.sums[Of.SERVED_EPOCHS]
    return PPM * (served - told.sums[Of.SILENT_EPOCHS]) // served


def _awake_gdrip(told: _Told) -> int:
    """What somebody awake would have been paid, with the same luck in elections and in leading.

    A lead that is missing by more than three deviations is no luck: it is counted as lost, in proportion.
    """
    missing = told.figure(Figure.EXPECTED_LED_PPM) - PPM * told.sums[Of.LED_BLOCKS]
    beyond_luck = max(0, missing - 3 * told.figure(Figure.LED_LUCK_PPM))
    lost = max(0, told.figure(Figure.LOSS_NO_LEAD_GDRIP)) * beyond_luck // max(1, missing)
    return told.sums[Of.REWARD_GDRIP] + told.sums[Of.SILENT_LOSS_GDRIP] + lost


def _earned(told: _Told) -> int:
    return PPM * told.sums[Of.REWARD_GDRIP] // _awake_gdrip(told)


def _score(told: _Told) -> int:
    return told.figure(Figure.PRESENCE_PPM) * told.figure(Figure.EARNED_PPM) // 10_000_000_000


@dataclass(frozen=True, slots=True)
class Formula:
    """How a figure is made, for people and for the program; tests hold one to the other."""

    text: str
    inputs: tuple[Input, ...]
    doubt: Callable[[_Told], Why | None]
    compute: Callable[[_Told], int]


def _plain(what: Of, doubt: Callable[[_Told], Why | None]) -> Formula:
    return Formula(what.name.lower(), (what,), doubt, _sum(what))


# In an order in which each needs only figures before it.
FORMULAS: Final[Mapping[Figure, Formula]] = {
    Figure.VOTE_RATE_PPM: Formula(
        "1000000 * signed_blocks // known_blocks",
        (Of.SIGNED_BLOCKS, Of.KNOWN_BLOCKS),
        _no_votes,
        _share(Of.SIGNED_BLOCKS, Of.KNOWN_BLOCKS),
    ),
    Figure.CAST_RATE_PPM: Formula(
        "1000000 * cast_votes // expected_votes",
        (Of.CAST_VOTES, Of.EXPECTED_VOTES),
        _no_votes,
        _share(Of.CAST_VOTES, Of.EXPECTED_VOTES),
    ),
    Figure.NETWORK_PARTICIPATION_PPM: Formula(
        "1000000 * network_cast_votes // network_expected_votes",
        (OfNetwork.CAST_VOTES, OfNetwork.EXPECTED_VOTES),
        _no_network_votes,
        _participation,
    ),
    Figure.SERVED_EPOCHS: _plain(Of.SERVED_EPOCHS, _no_epochs),
    Figure.SILENT_EPOCHS: _plain(Of.SILENT_EPOCHS, _no_votes),
    Figure.SEAT_TERMS: Formula("(seat_epochs + 3) // 6", (Of.SEAT_EPOCHS,), _no_epochs, _seat_terms),
    Figure.SERVED_BLOCKS: Formula(
        "served_epochs * network_blocks // network_epochs",
        (Of.SERVED_EPOCHS, OfNetwork.BLOCKS, OfNetwork.EPOCHS),
        _no_epochs,
        _served_blocks,
    ),
    Figure.LED_BLOCKS: _plain(Of.LED_BLOCKS, _no_service),
    Figure.EXPECTED_LED_PPM: Formula(
        "lead_share_ppm * (network_blocks - network_nil_blocks) // network_blocks",
        (Of.LEAD_SHARE_PPM, OfNetwork.BLOCKS, OfNetwork.NIL_BLOCKS),
        _no_service,
        _expected_led,
    ),
    Figure.LED_LUCK_PPM: Formula(
        "isqrt(3 * expected_led_ppm * max(0, 1000000 * served_blocks - expected_led_ppm) // served_blocks)",
        (Figure.EXPECTED_LED_PPM, Figure.SERVED_BLOCKS),
        _no_service,
        _led_luck,
    ),
    Figure.REWARD_GDRIP: _plain(Of.REWARD_GDRIP, _no_rewards),
    Figure.REWARD_DUE_GDRIP: Formula(
        "reward_gdrip + silent_loss_gdrip + leader_due_gdrip - leader_paid_gdrip",
        (Of.REWARD_GDRIP, Of.SILENT_LOSS_GDRIP, Of.LEADER_DUE_GDRIP, Of.LEADER_PAID_GDRIP),
        _no_due,
        _due,
    ),
    Figure.REWARD_FAIR_GDRIP: _plain(Of.FAIR_GDRIP, _no_stake),
    Figure.LOSS_NOT_ELECTED_GDRIP: Formula(
        "fair_committee_gdrip - committee_due_staked_gdrip",
        (Of.FAIR_COMMITTEE_GDRIP, Of.COMMITTEE_DUE_STAKED_GDRIP),
        _no_stake,
        _difference(Of.FAIR_COMMITTEE_GDRIP, Of.COMMITTEE_DUE_STAKED_GDRIP),
    ),
    Figure.LOSS_SILENT_GDRIP: _plain(Of.SILENT_LOSS_GDRIP, _no_due),
    Figure.LOSS_NO_LEAD_GDRIP: Formula(
        "leader_due_gdrip - leader_paid_gdrip",
        (Of.LEADER_DUE_GDRIP, Of.LEADER_PAID_GDRIP),
        _no_due,
        _difference(Of.LEADER_DUE_GDRIP, Of.LEADER_PAID_GDRIP),
    ),
    Figure.APY_PPM: Formula(
        "31536 * reward_staked_gdrip // (1000 * vote_seconds)",
        (Of.REWARD_STAKED_GDRIP, Of.VOTE_SECONDS),
        _no_yield,
        _apy,
    ),
    Figure.NETWORK_APY_PPM: Formula(
        "31536 * network_reward_staked_gdrip // (1000 * network_vote_seconds)",
        (OfNetwork.NETWORK_REWARD_STAKED_GDRIP, OfNetwork.NETWORK_VOTE_SECONDS),
        _no_network_yield,
        _network_apy,
    ),
    Figure.PRESENCE_PPM: Formula(
        "1000000 * (served_epochs - silent_epochs) // served_epochs",
        (Of.SERVED_EPOCHS, Of.SILENT_EPOCHS),
        _no_votes,
        _presence,
    ),
    Figure.EARNED_PPM: Formula(
        "1000000 * reward_gdrip // (reward_gdrip + silent_loss_gdrip + max(0, loss_no_lead_gdrip)"
        " * max(0, expected_led_ppm - 1000000 * led_blocks - 3 * led_luck_ppm)"
        " // max(1, expected_led_ppm - 1000000 * led_blocks))",
        (
            Of.REWARD_GDRIP,
            Of.SILENT_LOSS_GDRIP,
            Figure.LOSS_NO_LEAD_GDRIP,
            Figure.EXPECTED_LED_PPM,
            Figure.LED_LUCK_PPM,
            Of.LED_BLOCKS,
        ),
        _no_earned,
        _earned,
    ),
    Figure.SCORE: Formula(
        "presence_ppm * earned_ppm // 10000000000",
        (Figure.PRESENCE_PPM, Figure.EARNED_PPM),
        _no_score,
        _score,
    ),
}
