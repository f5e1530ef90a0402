"""What the chain pays for an epoch of PoS. Amounts are integer Drip (10^18 a CFX)."""

from dataclasses import dataclass

from vedette.model.pos import PosAddress

DRIP_PER_CFX = 10**18
DRIP_PER_GDRIP = 10**9
VOTE_CFX = 1_000
"""One vote is 1,000 CFX (`POS_VOTE_PRICE`, conflux-rust crates/parameters)."""

EPOCH_POINTS = 6_000_000
COMMITTEE_POINTS = 15_000  # for each committee vote of an account that signed at least once in the epoch
ELECTION_POINTS = 120  # for each candidate vote that was kept, at most CANDIDATE_VOTES_MAX of them
LEADER_POINTS = 1_500  # for each block led
BONUS_POINTS = 10  # to the leader, for each vote above the quorum in its block's certificate
CANDIDATE_VOTES_MAX = 10_000
"""Points of one epoch: conflux-rust crates/pos/types (term_state.rs) and consensus/executor."""


@dataclass(frozen=True, slots=True)
class Reward:
    """What one account was paid for one epoch, to the PoW address that it is bound to."""

    account: PosAddress
    pow_address: str  # base32 of CIP-37, simple lower-case form: `cfx:aa…`
    drip: int


@dataclass(frozen=True, slots=True)
class EpochRewards:
    """All payments of one PoS epoch. Source: `pos_getRewardsByEpoch`, null until paid."""

    epoch: int
    pow_hash: str  # pivot block of the PoW epoch in which it was paid
    rewards: tuple[Reward, ...]

    @property
    def total_drip(self) -> int:
        return sum(reward.drip for reward in self.rewards)
