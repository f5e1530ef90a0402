"""Staking pools as their contracts, and the chain's register, tell of them. Amounts are integer Drip.

A vote is 1,000 CFX. What nobody told is None: pools that issue a liquid token, and those of eSpace, have
other contracts, and of them little more than the validator may be known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

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

    @property
    def is_nobody(self) -> bool:
        """Contracts answer zeros for who never staked with them."""
        return not (self.votes or self.available_votes or self.claimed_drip or self.settled_drip)


@dataclass(frozen=True, slots=True)
class PoolQueued:
    """Votes of a staker on their way in or out. Sources: `userInQueue(address)`, `userOutQueue(address)`."""

    votes: int
    end_block: int  # a PoW block number, not a PoS height


@dataclass(frozen=True, slots=True)
class RegisteredVotes:
    """Votes of a PoS account as the PoW side counts them. Source: `PoSRegister.getVotes`.

    Both only ever grow: what is staked is the difference.
    """

    registered: int
    unlocked: int

    @property
    def staked(self) -> int:
        return max(0, self.registered - self.unlocked)


@dataclass(frozen=True, slots=True)
class PoolTerms:
    """What a pool's operator decides."""

    user_share_hundredths: int | None = None  # 9,000: the pool keeps 10 % of the interest
    owner: str | None = None  # base32, simple form
    is_upgradable: bool | None = None  # false: it is no proxy of a kind that we know
    implementation: str | None = None  # the contract whose code a proxy runs
    lock_blocks: int | None = None  # PoW blocks from staking until one may unstake
    unlock_blocks: int | None = None  # ... and from unstaking until one may withdraw

    @property
    def fee_ppm(self) -> int | None:
        """What the pool keeps of the interest, in millionths."""
        return None if self.user_share_hundredths is None else 100 * (SHARE_BASE - self.user_share_hundredths)


@dataclass(frozen=True, slots=True)
class PoolHoldings:
    """What a pool holds, and has earned, at one moment."""

    available_votes: int | None = None  # as its contract keeps the books
    own_interest_drip: int | None = None
    total_interest_drip: int | None = None
    apy_hundredths: int | None = None  # 512 is 5.12 %, over seven days, before the pool's fee
    staker_count: int | None = None
    registered_votes: int | None = None  # these two as the PoW side's register counts them
    unlocked_votes: int | None = None
    balance_drip: int | None = None  # interest is paid out of this
    withdrawable_drip: int | None = None  # stake that has left PoS: to be withdrawn, or staked again

    @property
    def staked_votes(self) -> int | None:
        """Those that have not left PoS, as the PoW side knows it."""
        if self.registered_votes is None or self.unlocked_votes is None:
            return None
        return max(0, self.registered_votes - self.unlocked_votes)


@dataclass(frozen=True, slots=True)
class PoolReading:
    """All that was learned of a pool in one round of questions."""

    contract: str  # base32, simple form
    own_name: str | None = None
    pos_address: PosAddress | None = None  # None also until the pool has registered
    is_registered: bool | None = None  # whether the chain's register binds that address to this contract
    terms: PoolTerms = field(default_factory=PoolTerms)
    holdings: PoolHoldings = field(default_factory=PoolHoldings)
    trouble: str | None = None  # why less is known of it than might be, in one line


@dataclass(frozen=True, slots=True)
class KnownPool:
    """All that is known of a pool; what was not told last time is what was told before."""

    contract: str
    listed_name: str  # as the settings or networks.toml call it
    own_name: str | None
    pos_address: PosAddress | None
    is_registered: bool | None
    first_seen_ms: int
    told_at_ms: int | None  # when it last told anything; None: never
    trouble: str | None
    terms: PoolTerms
    holdings: PoolHoldings


@dataclass(frozen=True, slots=True)
class PoolStake:
    """What one wallet has in one pool. Sources: the `user...` functions of its contract."""

    contract: str
    summary: UserSummary | None  # None: the contract did not tell, and `trouble` says why
    interest_drip: int | None = None  # to be claimed now
    in_queue: tuple[PoolQueued, ...] | None = None
    out_queue: tuple[PoolQueued, ...] | None = None
    trouble: str | None = None


Names = Mapping[str, str]
"""Contracts (base32, simple form) and the names under which they are listed."""
