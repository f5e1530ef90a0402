"""What a pool leaves its stakers and takes for itself, what it has to do, and when it failed.

Pure arithmetic over what is known: the validator's figures (performance.py), the fee as it was seen over
time, and the books of the contract beside those of the chain. All in whole numbers.

The fee of an epoch is the one that was in force when the epoch ended: it is paid minutes later. A contract
settles each staker's interest when that staker acts, by the fee of that moment, so a single staker may have
had a little more or less.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final, NamedTuple

from vedette.model.account_events import AccountEvent, AccountEventKind
from vedette.model.performance import PPM, Figure, Performance, Why
from vedette.model.pool import SHARE_BASE, PoolHoldings
from vedette.model.pos import Account, is_dispute_locked
from vedette.model.reward import DRIP_PER_CFX, VOTE_CFX

DAY_MS: Final = 86_400_000
POW_BLOCKS_A_DAY: Final = 170_000
"""About two a second on the main network; a contract's periods are numbers of PoW blocks."""


class PoolFigure(StrEnum):
    """What is told of a pool beside its validator's figures."""

    APY_AFTER_FEE_PPM = "apy_after_fee_ppm"  # what stakers got
    FEE_INCOME_GDRIP = "fee_income_gdrip"  # what the operator kept of what was paid
    FEE_SEEN_PPM = "fee_seen_ppm"  # the part of what was paid whose fee was seen: on it rest both of these


class PoolWhy(StrEnum):
    """Why such a figure is not known; where the validator's figure is not, its own reason stands."""

    NO_VALIDATOR = "no_validator"  # which validator is the pool's is not known
    FEE_UNKNOWN = "fee_unknown"  # nobody looked yet at its fee when this was paid


# --- the fee ----------------------------------------------------------------------------------------------


class FeeChange(NamedTuple):
    """From this epoch on a pool's fee was so; None: its contract does not tell."""

    epoch: int
    user_share_hundredths: int | None


class FeeSpan(NamedTuple):
    """Epochs of one fee; None: it is not known."""

    first_epoch: int
    last_epoch: int
    user_share_hundredths: int | None


def fee_spans(first_epoch: int, last_epoch: int, changes: Iterable[FeeChange]) -> list[FeeSpan]:
    """The epochs from first to last by their fee. Before the first change it is not known."""
    begun: dict[int, int | None] = {first_epoch: None}
    for change in sorted(changes, key=lambda change: change.epoch):
        if change.epoch <= last_epoch:
            begun[max(first_epoch, change.epoch)] = change.user_share_hundredths  # the last word of an epoch
    edges = [*sorted(begun), last_epoch + 1]
    spans = [FeeSpan(first, after - 1, begun[first]) for first, after in pairwise(edges)]
    return list(_joined([span for span in spans if span.first_epoch <= span.last_epoch]))


def _joined(spans: Sequence[FeeSpan]) -> Iterable[FeeSpan]:
    """Neighbours with the same fee as one: operators change other things, too."""
    whole: FeeSpan | None = None
    for span in spans:
        if whole is not None and span.user_share_hundredths == whole.user_share_hundredths:
            whole = whole._replace(last_epoch=span.last_epoch)
            continue
        if whole is not None:
            yield whole
        whole = span
    if whole is not None:
        yield whole


@dataclass(frozen=True, slots=True)
class Earned:
    """What the pool's validator was paid while the pool had one fee."""

    user_share_hundredths: int | None  # None: nobody had looked yet
    reward_gdrip: int
    reward_staked_gdrip: int  # only in epochs with known stake: on these its yield rests


@dataclass(frozen=True, slots=True)
class PoolPerformance:
    """A pool over the known epochs of a window; `unknown` says why a figure is None."""

    figures: Mapping[PoolFigure, int | None]
    unknown: Mapping[PoolFigure, Why | PoolWhy]


def pool_performance(validator: Performance | None, earned: Sequence[Earned]) -> PoolPerformance:
    """The figures of a pool. `earned` is all that its validator was paid in that window, by fee.

    apy_after_fee = apy * sum(reward_staked * user_share) / (10,000 * sum(reward_staked)), and
    fee_income    = sum(reward * (10,000 - user_share)) / 10,000, over the epochs whose fee was seen;
    fee_seen      = the reward of those, of all the reward.
    """
    seen = [one for one in earned if one.user_share_hundredths is not None]
    figures: dict[PoolFigure, int | None] = {}
    unknown: dict[PoolFigure, Why | PoolWhy] = {}
    for figure, value in (
        (PoolFigure.APY_AFTER_FEE_PPM, _apy_after_fee(validator, seen)),
        (PoolFigure.FEE_INCOME_GDRIP, _fee_income(validator, earned, seen)),
        (PoolFigure.FEE_SEEN_PPM, _fee_seen(validator, earned, seen)),
    ):
        if isinstance(value, int):
            figures[figure] = value
        else:
            figures[figure], unknown[figure] = None, value
    return PoolPerformance(figures, unknown)


def _apy_after_fee(validator: Performance | None, seen: Sequence[Earned]) -> int | Why | PoolWhy:
    apy = _figure(validator, Figure.APY_PPM)
    if not isinstance(apy, int) or apy == 0:
        return apy  # of nothing, nothing is kept
    paid = sum(one.reward_staked_gdrip for one in seen)
    left = sum(one.reward_staked_gdrip * (one.user_share_hundredths or 0) for one in seen)
    return apy * left // (SHARE_BASE * paid) if paid else PoolWhy.FEE_UNKNOWN


def _fee_income(
    validator: Performance | None, earned: Sequence[Earned], seen: Sequence[Earned]
) -> int | Why | PoolWhy:
    reward = _figure(validator, Figure.REWARD_GDRIP)
    if not isinstance(reward, int):
        return reward
    if any(one.reward_gdrip for one in earned) and not any(one.reward_gdrip for one in seen):
        return PoolWhy.FEE_UNKNOWN
    kept = sum(one.reward_gdrip * (SHARE_BASE - (one.user_share_hundredths or 0)) for one in seen)
    return kept // SHARE_BASE


def _fee_seen(
    validator: Performance | None, earned: Sequence[Earned], seen: Sequence[Earned]
) -> int | Why | PoolWhy:
    reward = _figure(validator, Figure.REWARD_GDRIP)
    if not isinstance(reward, int):
        return reward
    paid = sum(one.reward_gdrip for one in earned)
    return PPM * sum(one.reward_gdrip for one in seen) // paid if paid else Why.NOTHING_DUE


def _figure(validator: Performance | None, figure: Figure) -> int | Why | PoolWhy:
    if validator is None:
        return PoolWhy.NO_VALIDATOR
    value = validator.figures[figure]
    return validator.unknown[figure] if value is None else value


# --- what its operator has to do --------------------------------------------------------------------------


class RestakeState(StrEnum):
    """Whether votes on which a pool's stakers count earn nothing until its operator restakes them."""

    NONE = "none"
    WAITING = "waiting"  # they have not left PoS yet, or the chain would throw them out again
    READY = "ready"  # `_restakePosVote` would bring them back now
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Restake:
    """Votes that the contract counts as staked, and that PoS does not have."""

    state: RestakeState
    missing_votes: int | None = None
    ready_votes: int | None = None  # of them: as many as the pool has free stake for
    until_height: int | None = None  # of the PoS chain: when the last vote on its way out is free


def restake(
    holdings: PoolHoldings, account: Account | None, *, books_at_ms: int, account_since_ms: int
) -> Restake:
    """What a pool's books (of `books_at_ms`) say beside the chain's (the same since `account_since_ms`).

    After a forced retirement all votes leave PoS, while the contract goes on counting them: nothing is earned
    until its operator stakes them again. Votes that the PoW side has registered and PoS has not heard of yet
    are on their way, and not missing; nor are those that stakers took back since the books were read.
    """
    counted, registered = holdings.available_votes, holdings.registered_votes
    if account is None or counted is None or registered is None or holdings.withdrawable_drip is None:
        return Restake(RestakeState.UNKNOWN)
    on_their_way = max(0, registered - _heard_of(account))
    missing = max(0, counted - account.available_votes - on_their_way)
    if not missing:
        return Restake(RestakeState.NONE, 0, 0)
    punished = account.force_retired_height is not None or is_dispute_locked(account)
    if not punished and books_at_ms < account_since_ms:
        return Restake(RestakeState.UNKNOWN)
    ready = min(missing, holdings.withdrawable_drip // (VOTE_CFX * DRIP_PER_CFX))
    until = max((queued.end_height for queued in account.out_queue), default=None)
    state = RestakeState.READY if ready and not punished else RestakeState.WAITING
    return Restake(state, missing, ready, until)


def _heard_of(account: Account) -> int:
    """All votes that were ever registered, as PoS knows it."""
    leaving = sum(queued.votes for queued in account.out_queue)
    active = account.locked_votes + sum(queued.votes for queued in account.in_queue)
    return active + leaving + account.unlocked_votes + account.forfeited_votes


# --- when it failed ---------------------------------------------------------------------------------------


class OutageKind(StrEnum):
    SILENT = "silent"  # it signed nothing in these epochs, though it was a member
    FORCE_RETIRED = "force_retired"
    DISPUTE_LOCKED = "dispute_locked"
    FORFEITED = "forfeited"


class SilentEpoch(NamedTuple):
    """An epoch of which its validator was a member, and in which it signed nothing."""

    epoch: int
    first_height: int
    first_at_ms: int
    last_at_ms: int


@dataclass(frozen=True, slots=True)
class Outage:
    """One failure. A punishment has a height and votes, silence has epochs."""

    kind: OutageKind
    from_ms: int  # of a punishment: when it was seen first
    to_ms: int | None
    height: int
    first_epoch: int | None = None
    last_epoch: int | None = None
    votes: int | None = None
    until_height: int | None = None  # when these votes are free


PUNISHMENTS: Final = {
    AccountEventKind.FORCE_RETIRED: OutageKind.FORCE_RETIRED,
    AccountEventKind.DISPUTE_LOCKED: OutageKind.DISPUTE_LOCKED,
    AccountEventKind.FORFEITED: OutageKind.FORFEITED,
}


def outages(silent: Iterable[SilentEpoch], events: Iterable[tuple[int, AccountEvent]]) -> list[Outage]:
    """All failures, newest first. Neighbouring silent epochs are one."""
    found = [_silence(spell) for spell in _spells(sorted(silent))]
    found += [_punishment(at_ms, event) for at_ms, event in events if event.kind in PUNISHMENTS]
    return sorted(found, key=lambda one: (one.height, one.from_ms), reverse=True)


def _spells(silent: Sequence[SilentEpoch]) -> list[list[SilentEpoch]]:
    spells: list[list[SilentEpoch]] = []
    for one in silent:
        if spells and one.epoch == spells[-1][-1].epoch + 1:
            spells[-1].append(one)
        else:
            spells.append([one])
    return spells


def _silence(spell: Sequence[SilentEpoch]) -> Outage:
    first, last = spell[0], spell[-1]
    return Outage(
        kind=OutageKind.SILENT,
        from_ms=first.first_at_ms,
        to_ms=last.last_at_ms,
        height=first.first_height,
        first_epoch=first.epoch,
        last_epoch=last.epoch,
    )


def _punishment(at_ms: int, event: AccountEvent) -> Outage:
    return Outage(
        kind=PUNISHMENTS[event.kind],
        from_ms=at_ms,
        to_ms=None,
        height=event.height,
        votes=event.votes,
        until_height=event.until_height,
    )


# --- how long one waits -----------------------------------------------------------------------------------


def pow_wait_ms(blocks: int | None) -> int | None:
    """About how long so many PoW blocks take, at the main network's usual pace; 0 for none and for fewer."""
    return None if blocks is None else max(0, blocks) * DAY_MS // POW_BLOCKS_A_DAY
