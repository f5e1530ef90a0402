"""What a wallet has in the pools, asked live and kept for a minute.

Anybody may ask, and each question costs as many calls as there are pools.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from vedette.conflux import pools as craft
from vedette.conflux.address import decode, simple
from vedette.conflux.wire import Unreachable
from vedette.model.pool import KnownPool, PoolStake
from vedette.server.asking import Asking, Purse
from vedette.server.ears import Ears
from vedette.server.follower import Follower
from vedette.store import pools
from vedette.store.database import Database


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

    def __init__(self, purse: Purse, follower: Follower, database: Database, ears: Ears) -> None:
        self._purse = purse
        self._follower = follower
        self._database = database
        self._ears = ears
        self._asking: Asking[Wallet] = Asking(ears)

    async def of(self, address: str) -> Wallet:
        """Raises AddressError, OtherNetworkError, TooManyError, Unreachable."""
        wallet = simple(address)
        chain_id, block_number = self._now()
        if decode(wallet).network_id != chain_id:
            network = f"network {decode(wallet).network_id}"
            raise OtherNetworkError(
                f"this address is of {network}, and the chain that is watched is {chain_id}"
            )
        return await self._asking.of(wallet, lambda: self._ask(wallet, block_number))

    def _now(self) -> tuple[int, int]:
        """The chain, and its newest block. Raises Unreachable."""
        now = self._follower.pow_now
        if now is None:
            raise Unreachable("no endpoint has answered yet")
        return now.status.chain_id, now.status.block_number

    async def _ask(self, wallet: str, block_number: int) -> Wallet:
        async with self._database.read() as conn:
            listed = await pools.listed_pools(conn)
        chain_id = decode(wallet).network_id
        asked = [one for one in listed if _tells(one) and decode(one.contract).network_id == chain_id]
        self._purse.spend(len(asked))
        stakes = await self._stakes(wallet, asked)
        untold = [(one, one.trouble or "it was not looked at yet") for one in listed if one not in asked]
        untold += [(one, stake.trouble) for one, stake in stakes if stake.trouble is not None]
        return Wallet(
            address=wallet,
            at_ms=self._ears.now_ms(),
            block_number=block_number,
            stakes=[pair for pair in stakes if pair[1].summary is not None],
            untold=untold,
            asked_count=len(asked),
        )

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
        self._purse.owe(len(calls))
        return craft.detailed(stake, await self._follower.ask(calls))


def _tells(pool: KnownPool) -> bool:
    """Contracts of another kind know nothing of `userSummary`. One that was never looked at may."""
    return pool.told_at_ms is None or pool.holdings.available_votes is not None
