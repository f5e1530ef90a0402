"""The list of pools, made once for all readers of a few seconds."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vedette.model.history import Of
from vedette.model.performance import NOTHING, Figure, Performance, Why
from vedette.model.pool import KnownPool, PoolHoldings, PoolTerms
from vedette.model.pool_performance import (
    Earned,
    FeeChange,
    FeeSpan,
    PoolFigure,
    PoolPerformance,
    PoolWhy,
    Restake,
    fee_spans,
    pool_performance,
    pow_wait_ms,
    restake,
)
from vedette.model.pos import PosAddress, account_states
from vedette.server.api.pool_shapes import (
    PoolHoldingsShape,
    PoolPerformanceShape,
    PoolShape,
    PoolTermsShape,
    RestakeShape,
)
from vedette.server.standings import Standing
from vedette.store import accounts, epochs, pools, sums
from vedette.store.database import Conn

if TYPE_CHECKING:
    from vedette.server.house import House

KEEP_MS: Final = 2_000
NEWEST_MS: Final = 2**62
"""Later than anything that was ever seen."""
IN_VALIDATOR: Final[Mapping[str, Figure]] = {
    "apy_ppm": Figure.APY_PPM,
    "reward_gdrip": Figure.REWARD_GDRIP,
    "score": Figure.SCORE,
    "vote_rate_ppm": Figure.VOTE_RATE_PPM,
    "served_epochs": Figure.SERVED_EPOCHS,
    "silent_epochs": Figure.SILENT_EPOCHS,
}


@dataclass(frozen=True)
class PoolListing:
    """All listed pools at one moment."""

    standing: Standing
    rows: Sequence[PoolShape]


class PoolBoard:
    """Keeps each window's list for a moment."""

    def __init__(self, house: "House") -> None:
        self._house = house
        self._kept: dict[str, tuple[int, PoolListing]] = {}
        self._making = asyncio.Lock()

    async def listing(self, span: str) -> PoolListing:
        async with self._making:
            now = self._house.ears.steady_ms()
            at_ms, kept = self._kept.get(span, (0, None))
            if kept is not None and now - at_ms < KEEP_MS:
                return kept
            made = await self._made(span)
            self._kept[span] = now, made
            return made

    async def _made(self, span: str) -> PoolListing:
        standing = await self._house.standings.of(span)
        async with self._house.database.read() as conn:
            listed = await pools.listed_pools(conn)
            rows = [await pool_shape(conn, one, standing) for one in listed]
        return PoolListing(standing, rows)


async def pool_shape(conn: Conn, pool: KnownPool, standing: Standing) -> PoolShape:
    """One pool, with how its validator did."""
    validator = pool.pos_address
    held = await accounts.stake_history(conn, validator, NEWEST_MS, None) if validator else []
    since_ms, account = held[-1] if held else (0, None)
    to_do = restake(pool.holdings, account, books_at_ms=pool.told_at_ms or 0, account_since_ms=since_ms)
    return PoolShape(
        contract=pool.contract,
        name=pool.listed_name,
        own_name=pool.own_name,
        pos_address=validator,
        registered=pool.is_registered,
        first_seen_ms=pool.first_seen_ms,
        told_at_ms=pool.told_at_ms,
        trouble=pool.trouble,
        states=[state.value for state in account_states(account)] if account else [],
        terms=terms_shape(pool.terms),
        holdings=PoolHoldingsShape.model_validate(holdings_fields(pool.holdings)),
        performance=await _performance(conn, pool, standing),
        restake=restake_shape(to_do),
    )


def terms_shape(terms: PoolTerms) -> PoolTermsShape:
    return PoolTermsShape(
        fee_ppm=terms.fee_ppm,
        owner=terms.owner,
        upgradable=terms.is_upgradable,
        implementation=terms.implementation,
        lock_blocks=terms.lock_blocks,
        unlock_blocks=terms.unlock_blocks,
        unstake_wait_ms=pow_wait_ms(terms.unlock_blocks),
    )


def holdings_fields(held: PoolHoldings) -> dict[str, int | str | None]:
    """The fields of a PoolHoldingsShape."""
    return {
        "available_votes": held.available_votes,
        "staked_votes": held.staked_votes,
        "staker_count": held.staker_count,
        "told_apy_ppm": None if held.apy_hundredths is None else 100 * held.apy_hundredths,
        **{name: _text(getattr(held, name)) for name in pools.DRIPS},
    }


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)


# --- how it did -------------------------------------------------------------------------------------------


async def _performance(conn: Conn, pool: KnownPool, standing: Standing) -> PoolPerformanceShape:
    validator = None if pool.pos_address is None else standing.of(pool.pos_address)
    earned = [] if pool.pos_address is None else await earned_by(conn, pool, pool.pos_address, standing)
    return performance_shape(validator, pool_performance(validator, earned))


async def earned_by(conn: Conn, pool: KnownPool, validator: PosAddress, standing: Standing) -> list[Earned]:
    """What its validator was paid in the window, by the fee that the pool had."""
    window = standing.window
    spans = fee_spans(window.first_epoch, window.last_epoch, await _fee_changes(conn, pool))
    if len(spans) == 1:  # as nearly always: then the window's own sums are known
        return [_earned(spans[0], window.accounts.get(validator, NOTHING))]
    parts = [await sums.window(conn, span.first_epoch, span.last_epoch) for span in spans]
    return [
        _earned(span, part.accounts.get(validator, NOTHING)) for span, part in zip(spans, parts, strict=True)
    ]


async def _fee_changes(conn: Conn, pool: KnownPool) -> list[FeeChange]:
    """The epochs from which on each fee held: the first that ended after it was seen."""
    changes = []
    before: int | None = None
    for since in await pools.terms_from(conn, pool.contract, 0):
        share = since.terms.user_share_hundredths
        epoch = await epochs.epoch_after(conn, since.at_ms * 1000) if share != before else None
        if epoch is not None:
            changes.append(FeeChange(epoch, share))
        before = share
    return changes


def _earned(span: FeeSpan, line: tuple[int, ...]) -> Earned:
    return Earned(span.user_share_hundredths, line[Of.REWARD_GDRIP], line[Of.REWARD_STAKED_GDRIP])


def performance_shape(validator: Performance | None, told: PoolPerformance) -> PoolPerformanceShape:
    unknown: dict[str, Why | PoolWhy] = {figure.value: why for figure, why in told.unknown.items()}
    figures: dict[str, int | str | None] = dict.fromkeys(IN_VALIDATOR)
    for name, figure in IN_VALIDATOR.items():
        if validator is None:
            unknown[name] = PoolWhy.NO_VALIDATOR
        elif figure in validator.unknown:
            unknown[name] = validator.unknown[figure]
        else:
            figures[name] = _as_json(name, validator.figures[figure])
    own = {figure.value: _as_json(figure.value, told.figures[figure]) for figure in PoolFigure}
    staked_epochs = None if validator is None else validator.coverage.staked_epochs
    return PoolPerformanceShape.model_validate(
        {**figures, **own, "staked_epochs": staked_epochs, "unknown": unknown}
    )


def _as_json(name: str, value: int | None) -> int | str | None:
    return _text(value) if name.endswith("_gdrip") else value


# --- what it has to do ------------------------------------------------------------------------------------


def restake_shape(told: Restake) -> RestakeShape:
    return RestakeShape(
        state=told.state,
        missing_votes=told.missing_votes,
        ready_votes=told.ready_votes,
        until_height=told.until_height,
    )
