"""What a wallet has in the pools, asked live and kept for a minute; so many questions a minute for everybody.

Anybody may ask, and each question costs as many calls as there are pools: so they are asked one after the
other, out of a budget of their own, and whoever finds it empty is told when to come again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vedette.conflux import pools as craft
from vedette.conflux.address import decode, simple
from vedette.conflux.rpc import Budget, spend
from vedette.conflux.wire import Unreachable
from vedette.model.pool import KnownPool, PoolStake
from vedette.server.ears import Ears
from vedette.server.feed import rate_of
from vedette.server.follower import Follower
from vedette.server.settings import EndpointSetting
from vedette.store import pools
from vedette.store.database import Database

KEEP_MS: Final = 60_000
KEPT_MAX: Final = 1_000
WAITING_MAX: Final = 4
CALLS_PER_MIN: Final = 600.0
"""Of an endpoint of one's own; a public gateway spares half of what it allows."""


class TooManyError(Exception):
    """More is asked than we want to ask of the endpoints."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"wait {retry_after_s} s")
        self.retry_after_s = retry_after_s


class OtherNetworkError(Exception):
    """The address is one of another network; `str` of it says so in one line."""


@dataclass(frozen=True, slots=True)
class Wallet:
    """What an address has in every pool that was asked."""

    address: str  # base32, simple form
    at_ms: int
    block_number: int  # of the PoW chain, when it was asked
    stakes: Sequence[tuple[KnownPool, PoolStake]]  # where it has something
    untold: Sequence[tuple[KnownPool, str]]  # pools that do not tell, and why
    asked_count: int


class Wallets:
    """Asks about one wallet at a time."""

    def __init__(
        self, endpoints: Sequence[EndpointSetting], follower: Follower, database: Database, ears: Ears
    ) -> None:
        self._follower = follower
        self._database = database
        self._ears = ears
        self._budget = Budget.full(calls_per_s(endpoints), ears.steady_ms(), 60 * calls_per_s(endpoints))
        self._kept: dict[str, tuple[int, Wallet]] = {}
        self._asking = asyncio.Lock()
        self._waiting = 0

    async def of(self, address: str) -> Wallet:
        """Raises AddressError, OtherNetworkError, TooManyError, Unreachable."""
        wallet = simple(address)
        chain_id, block_number = self._now()
        if decode(wallet).network_id != chain_id:
            network = f"network {decode(wallet).network_id}"
            raise OtherNetworkError(
                f"this address is of {network}, and the chain that is watched is {chain_id}"
            )
        kept = self._fresh(wallet)
        if kept is not None:
            return kept
        if self._waiting >= WAITING_MAX:
            raise TooManyError(WAITING_MAX)
        self._waiting += 1
        try:
            async with self._asking:
                return self._fresh(wallet) or await self._ask(wallet, block_number)
        finally:
            self._waiting -= 1

    def _now(self) -> tuple[int, int]:
        """The chain, and its newest block. Raises Unreachable."""
        now = self._follower.pow_now
        if now is None:
            raise Unreachable("no endpoint has answered yet")
        return now.status.chain_id, now.status.block_number

    def _fresh(self, wallet: str) -> Wallet | None:
        at_ms, found = self._kept.get(wallet, (0, None))
        return found if self._ears.steady_ms() - at_ms < KEEP_MS else None

    async def _ask(self, wallet: str, block_number: int) -> Wallet:
        async with self._database.read() as conn:
            listed = await pools.listed_pools(conn)
        chain_id = decode(wallet).network_id
        asked = [one for one in listed if _tells(one) and decode(one.contract).network_id == chain_id]
        self._spend(len(asked))
        stakes = await self._stakes(wallet, asked)
        untold = [(one, one.trouble or "it was not looked at yet") for one in listed if one not in asked]
        untold += [(one, stake.trouble) for one, stake in stakes if stake.trouble is not None]
        found = Wallet(
            address=wallet,
            at_ms=self._ears.now_ms(),
            block_number=block_number,
            stakes=[pair for pair in stakes if pair[1].summary is not None],
            untold=untold,
            asked_count=len(asked),
        )
        self._keep(wallet, found)
        return found

    async def _stakes(self, wallet: str, asked: Sequence[KnownPool]) -> list[tuple[KnownPool, PoolStake]]:
        """Whoever has something there, and whoever does not tell. Raises Unreachable."""
        replies = await self._follower.ask([craft.stake_call(one.contract, wallet) for one in asked])
        told = [(one, craft.stake(one.contract, reply)) for one, reply in zip(asked, replies, strict=True)]
        return [
            (one, await self._detailed(wallet, stake))
            for one, stake in told
            if stake.summary is None or not stake.summary.is_nobody
        ]

    async def _detailed(self, wallet: str, stake: PoolStake) -> PoolStake:
        if stake.summary is None:
            return stake
        calls = craft.detail_calls(stake.contract, wallet)
        self._budget, _ = spend(self._budget, len(calls), self._ears.steady_ms())
        return craft.detailed(stake, await self._follower.ask(calls))

    def _spend(self, calls: int) -> None:
        """Take so many calls from what is asked about wallets. Raises TooManyError."""
        wanted = min(calls, int(self._budget.most))
        left, wait_ms = spend(self._budget, wanted, self._ears.steady_ms())
        if wait_ms:
            raise TooManyError(-(-wait_ms // 1000))
        self._budget = left

    def _keep(self, wallet: str, found: Wallet) -> None:
        now = self._ears.steady_ms()
        self._kept = {one: kept for one, kept in self._kept.items() if now - kept[0] < KEEP_MS}
        if len(self._kept) < KEPT_MAX:
            self._kept[wallet] = now, found


def _tells(pool: KnownPool) -> bool:
    """Contracts of another kind know nothing of `userSummary`. One that was never looked at may."""
    return pool.told_at_ms is None or pool.holdings.available_votes is not None


def calls_per_s(endpoints: Sequence[EndpointSetting]) -> float:
    """How much may be asked about wallets: the first endpoint answers, so its budget counts."""
    rate = rate_of(endpoints[0]) if endpoints else None
    return CALLS_PER_MIN / 60 if rate is None else min(CALLS_PER_MIN / 60, rate / 2)
