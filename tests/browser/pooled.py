"""Staking pools over the stage's past, and a wallet in them, reckoned by the server's own arithmetic.

A pool for each of the first validators: some whose fee changed, some whose code can be exchanged, two that
must restake in the scene `trouble`. Beside them one of another kind, and one that never told anything.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from pydantic import BaseModel

from tests.browser.served import EPOCH_BLOCKS, Served
from vedette.conflux.address import encode, simple
from vedette.model.pool import KnownPool, PoolHoldings, PoolQueued, PoolStake, PoolTerms, UserSummary
from vedette.model.pool_performance import (
    Earned,
    Restake,
    RestakeState,
    SilentEpoch,
    outages,
    pool_performance,
)
from vedette.model.pos import PosAddress
from vedette.server.api import pool_shapes, sheets
from vedette.server.api.pool_board import holdings_fields, performance_shape, restake_shape, terms_shape
from vedette.server.api.pools import _fee_lines, ordered
from vedette.server.api.wallets import shape_of
from vedette.server.wallets import Wallet
from vedette.store.pools import Since

CHAIN: Final = 1029
DAY_MS: Final = 86_400_000
DRIP: Final = 10**18
NAMES: Final = (
    "Validation Cloud",
    "web-o-matic",
    "PHX V1",
    "Conflux 中文社区矿池",
    "KuCoin",
    "BTC.com",
)
LIQUID: Final = "its contract is of another kind: it does not answer poolSummary, poolUserShareRatio"
TERMS: Final = PoolTerms(9_000, encode(b"\x10" * 20, CHAIN), False, None, 2_250_000, 176_400)
WALLET: Final = encode(b"\x1a" * 20, CHAIN)


def contract(index: int) -> str:
    return encode(bytes([0x80 + index % 16, index + 1] * 10), CHAIN)


@dataclass(frozen=True)
class Pooled:
    """The pools of one scene at one moment."""

    served: Served

    @cached_property
    def validators(self) -> list[str]:
        return list(self.served.addresses)[:12]

    @cached_property
    def known(self) -> list[KnownPool]:
        """Pools with a validator, then one of another kind, then one that never told anything."""
        if not self.validators:
            return []
        told = [self._told(index, name) for index, name in enumerate(self.validators)]
        count = len(told)
        first_seen_ms = self.served.now_ms
        nothing = KnownPool(contract(count + 1), "Silent pool", None, None, None, first_seen_ms, None, None,
                            PoolTerms(), PoolHoldings())  # fmt: skip
        held = PoolHoldings(balance_drip=3 * DRIP, withdrawable_drip=0)
        liquid = replace(nothing, contract=contract(count), listed_name="Liquid token pool")
        return [*told, replace(liquid, told_at_ms=self.served.now_ms, trouble=LIQUID, holdings=held), nothing]

    def _told(self, index: int, name: str) -> KnownPool:
        votes = 12_500 + 371 * index
        missing = self.restake(index).missing_votes or 0
        return KnownPool(
            contract=contract(index),
            listed_name=NAMES[index] if index < len(NAMES) else f"Pool {index}",
            own_name=("Validator of the harbour", "W" * 90)[index - 1] if index in {1, 2} else None,
            pos_address=PosAddress(self.served.addresses[name]),
            is_registered=index != 3,
            first_seen_ms=self.served.now_ms - 30 * DAY_MS,
            told_at_ms=self.served.now_ms - 240_000,
            trouble=None,
            terms=self.decided(index)[0].terms,
            holdings=PoolHoldings(
                available_votes=votes,
                own_interest_drip=(31 + index) * DRIP + 7,
                total_interest_drip=(91_000 + index) * DRIP,
                apy_hundredths=1_263 - 20 * index,
                staker_count=512 >> index,
                registered_votes=votes + 900,
                unlocked_votes=900 + missing,
                balance_drip=(1_204 + index) * DRIP + DRIP // 3,
                withdrawable_drip=1_000 * (self.restake(index).ready_votes or 0) * DRIP,
            ),
        )

    def decided(self, index: int) -> list[Since]:
        """What its operator decided, newest first."""
        share = (9_000, 8_800, 9_250, 8_500)[index % 4]
        now = replace(TERMS, user_share_hundredths=share, is_upgradable=index % 2 == 1)
        if index % 2:
            now = replace(now, implementation=encode(b"\x8c" * 20, CHAIN))
        before = replace(now, user_share_hundredths=9_500, unlock_blocks=120_000)
        at = self.served.now_ms
        return [Since(at - 5 * DAY_MS, now), *([Since(at - 30 * DAY_MS, before)] if index % 2 == 0 else [])]

    def restake(self, index: int) -> Restake:
        if self.served.scene != "trouble" or index not in {1, 2}:
            return Restake(RestakeState.NONE, 0, 0)
        if index == 1:
            return Restake(RestakeState.WAITING, 40, 0, self.served.height + 1_212)
        return Restake(RestakeState.READY, 13_242, 13_000)

    # --- replies

    def reply(self, path: list[str], query: Mapping[str, str]) -> BaseModel | str:
        """Raises StopIteration for a pool that there is not."""
        span = query.get("window", "24h")
        if not path:
            rows = ordered([self.shape(one, span) for one in self.known], query.get("sort", "-apy_after_fee"))
            if query.get("format") == "csv":
                return sheets.table(pool_shapes.PoolShape, rows)
            return pool_shapes.Pools(window=self.served.header(span), pools=rows)
        found = next(one for one in self.known if path[0] in {one.contract, one.pos_address})
        if path[1:] == ["fees"]:
            lines = self.decided(self.known.index(found)) if found.terms.fee_ppm is not None else []
            return pool_shapes.Fees(fees=_fee_lines(lines, None, len(lines)), next_before=None)
        return self.detail(found, span)

    def shape(self, pool: KnownPool, span: str) -> pool_shapes.PoolShape:
        name = next((name for name, at in self.served.addresses.items() if at == pool.pos_address), None)
        index = self.known.index(pool)
        validator = None if name is None else self.served.told(name, span)
        earned = [] if name is None else list(self.earned(index, name, span))
        to_do = self.restake(index) if name else Restake(RestakeState.UNKNOWN)
        return pool_shapes.PoolShape(
            contract=pool.contract,
            name=pool.listed_name,
            own_name=pool.own_name,
            pos_address=pool.pos_address,
            registered=pool.is_registered,
            first_seen_ms=pool.first_seen_ms,
            told_at_ms=pool.told_at_ms,
            trouble=pool.trouble,
            states=["active"] if name else [],
            terms=terms_shape(pool.terms),
            holdings=pool_shapes.PoolHoldingsShape.model_validate(holdings_fields(pool.holdings)),
            performance=performance_shape(validator, pool_performance(validator, earned)),
            restake=restake_shape(to_do),
        )

    def earned(self, index: int, name: str, span: str) -> Iterator[Earned]:
        """All that it was paid in the window, by fee: before the first look nobody knew it."""
        decided = self.decided(index)
        for one in self.served.lines(name, span):
            if not one.paid:
                continue
            ended_ms = self.served.at_ms(one.epoch + 1)
            held = next((since.terms for since in decided if since.at_ms <= ended_ms), PoolTerms())
            yield Earned(held.user_share_hundredths, one.reward, one.reward if one.staked else 0)

    def detail(self, pool: KnownPool, span: str) -> pool_shapes.PoolDetail:
        header = self.served.header(span)
        name = next((name for name, at in self.served.addresses.items() if at == pool.pos_address), None)
        at_ms = self.served.at_ms
        silent = [one.epoch for one in self.served.lines(name, span) if one.silent] if name else []
        spells = [SilentEpoch(one, one * EPOCH_BLOCKS, at_ms(one), at_ms(one + 1) - 31_000) for one in silent]
        found = outages(spells, [])
        fields = pool_shapes.OutageShape.model_fields
        lines = [
            pool_shapes.OutageShape.model_validate({key: getattr(one, key) for key in fields})
            for one in found
        ]
        return pool_shapes.PoolDetail(**dict(self.shape(pool, span)), window=header, outages=lines)

    def wallet(self, address: str) -> pool_shapes.WalletShape:
        """WALLET has something in two pools and nobody else anything. Raises AddressError."""
        block = 142_000_000
        own = simple(address) == WALLET and len(self.known) > 3
        stakes = [
            (self.known[0], PoolStake(contract(0), UserSummary(1_234, 1_000, 700, 34, 811 * DRIP, 0),
                                      12 * DRIP + 345 * 10**15, (PoolQueued(300, block + 900_000),),
                                      (PoolQueued(200, block + 90_000), PoolQueued(34, block - 10)))),
            (self.known[1], PoolStake(contract(1), UserSummary(9, 9, 9, 0, 0, 0), None, None, None)),
        ] if own else []  # fmt: skip
        return shape_of(
            Wallet(
                address=simple(address),
                at_ms=self.served.now_ms,
                block_number=block,
                stakes=stakes,
                untold=[(one, one.trouble or "it was not looked at yet") for one in self.known[-2:]],
                asked_count=max(0, len(self.known) - 2),
            )
        )
