"""Staking pools as their contracts tell of themselves. Amounts are integer Drip; a vote is 1,000 CFX."""

from dataclasses import dataclass

from vedette.model.pos import PosAddress

SHARE_BASE = 10_000
"""The contracts count shares and yields in hundredths of a percent."""


@dataclass(frozen=True, slots=True)
class PoolSummary:
    """Source: `poolSummary()`."""

    available_votes: int
    own_interest_drip: int  # what the pool keeps of it for itself and has not taken yet
    total_interest_drip: int  # all that it was ever paid


@dataclass(frozen=True, slots=True)
class UserSummary:
    """One staker of a pool. Source: `userSummary(address)`."""

    votes: int  # all of them: locking, locked, unlocking, unlocked
    available_votes: int  # locking and locked
    locked_votes: int
    unlocked_votes: int  # may be withdrawn
    claimed_drip: int
    settled_drip: int  # not claimed yet, up to the pool's last change: `userInterest` knows the newest


@dataclass(frozen=True, slots=True)
class PoolQueued:
    """Votes of a staker on their way in or out. Sources: `userInQueue(address)`, `userOutQueue(address)`."""

    votes: int
    end_block: int  # a PoW block number, not a PoS height


@dataclass(frozen=True, slots=True)
class Pool:
    """What a pool's contract says of itself; None where it has no such function, or refused to answer.

    Pools that issue a liquid token have other contracts: of those little more than the address may be known.
    """

    contract: str  # base32, simple form
    name: str | None = None
    pos_address: PosAddress | None = None  # None also until the pool has registered
    owner: str | None = None  # base32, simple form
    apy_hundredths: int | None = None  # 512 is 5.12 %, over seven days, before the pool's fee
    user_share_hundredths: int | None = None  # 9,000: the pool keeps 10 %
    summary: PoolSummary | None = None
    staker_count: int | None = None

    @property
    def fee_hundredths(self) -> int | None:
        """What the pool keeps of the interest."""
        if self.user_share_hundredths is None or self.user_share_hundredths > SHARE_BASE:
            return None
        return SHARE_BASE - self.user_share_hundredths


@dataclass(frozen=True, slots=True)
class RegisteredVotes:
    """Votes of a PoS account as the PoW side counts them. Source: `PoSRegister.getVotes`.

    Both only ever grow: what is staked is the difference.
    """

    registered: int
    unlocked: int
