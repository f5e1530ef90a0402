"""What the past adds up to: an epoch's counts, and sums of them over any window of epochs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from vedette.model.pos import PosAddress


@dataclass(frozen=True, slots=True)
class MemberCounts:
    """One member's part in one epoch."""

    votes: int  # its seats
    signed_blocks: int  # of the known ones
    led_blocks: int  # of all blocks, known or not: the proposer stands in the block itself
    late_blocks: int = (
        0  # of the signed ones: the epoch's last block, whose certificate comes too late to count
    )

    @property
    def counted_blocks(self) -> int:
        """Signed blocks that the chain counts for reward and retirement (seen on v3.0.2)."""
        return self.signed_blocks - self.late_blocks


@dataclass(frozen=True, slots=True)
class EpochCounts:
    """One finished epoch, counted. A block is *known* when at least one witness had its certificate."""

    epoch: int
    first_height: int
    last_height: int
    first_at_us: int
    last_at_us: int
    blocks: int  # held
    known_blocks: int
    nil_blocks: int  # proposed by nobody
    timeout_rounds: int  # rounds without a block inside the epoch
    quorum_votes: int
    total_votes: int
    # Leader to votes above the quorum that it collected: a block carries the certificate of the one before.
    bonus_votes: Mapping[PosAddress, int]
    members: Mapping[PosAddress, MemberCounts]

    @property
    def cast_votes(self) -> int:
        return sum(one.votes * one.signed_blocks for one in self.members.values())

    @property
    def expected_votes(self) -> int:
        return self.total_votes * self.known_blocks

    def is_silent(self, address: PosAddress) -> bool:
        """A member that signed nothing, in an epoch of which we know enough to say so (half its blocks)."""
        one = self.members.get(address)
        return one is not None and one.counted_blocks == 0 and self.known_blocks * 2 >= self.blocks > 0


class Of(IntEnum):
    """What is summed for each account. All are exact integers; the network's own line has account None."""

    SERVED_EPOCHS = 0  # epochs in which it was a member
    SILENT_EPOCHS = 1
    KNOWN_BLOCKS = 2  # blocks with a certificate in epochs in which it was a member
    SIGNED_BLOCKS = 3
    EXPECTED_VOTES = 4  # its votes * known blocks
    CAST_VOTES = 5
    LED_BLOCKS = 6
    LEAD_SHARE_PPM = 7  # its share of the votes * blocks, in millionths of a block: what luck should bring
    SEAT_EPOCHS = 8  # its votes in the committee, over epochs
    REWARD_GDRIP = 9
    COMMITTEE_DUE_GDRIP = 10  # what its seats earn if it signs once an epoch; in epochs with known rewards
    SILENT_LOSS_GDRIP = 11  # the part of that which it lost in silent epochs
    LEADER_PAID_GDRIP = 12  # what its led blocks earned
    LEADER_DUE_GDRIP = 13  # what its share of the blocks would earn on average
    FAIR_GDRIP = 14  # its share of all that was paid, by stake; in epochs with known stake and rewards
    FAIR_COMMITTEE_GDRIP = 15  # the committee's part of that: what average luck in elections brings
    COMMITTEE_DUE_STAKED_GDRIP = 16  # COMMITTEE_DUE, but only in epochs with known stake
    REWARD_STAKED_GDRIP = 17  # the reward, but only in epochs with known stake
    VOTE_SECONDS = 18  # available votes * seconds, in epochs with known stake and rewards
    STAKED_EPOCHS = 19  # epochs with known stake and rewards


NETWORK: None = None
"""The key of the network's own line in a window: epochs, blocks and votes of everyone together."""


class OfNetwork(IntEnum):
    """The network's own line."""

    EPOCHS = 0  # epochs that are counted
    BLOCKS = 1
    KNOWN_BLOCKS = 2
    EXPECTED_VOTES = 3
    CAST_VOTES = 4
    NIL_BLOCKS = 5
    TIMEOUT_ROUNDS = 6
    REWARDED_EPOCHS = 7  # counted epochs whose rewards are known
    REWARD_GDRIP = 8
    SECONDS = 9  # from each epoch's first block to the next epoch's, as far as that is known
    REWARDED_STAKED_SECONDS = 10  # ... of epochs with known rewards and known stake of the whole network
    NETWORK_VOTE_SECONDS = 11  # all accounts' votes * seconds, in those epochs
    NETWORK_REWARD_STAKED_GDRIP = 12  # what was paid in those epochs


@dataclass(frozen=True, slots=True)
class Window:
    """Sums over the epochs `first_epoch` to `last_epoch`. It knows `network[EPOCHS]` of them.

    `accounts` maps each account that took part to one integer for each of `Of`.
    """

    first_epoch: int
    last_epoch: int
    network: tuple[int, ...]
    accounts: Mapping[PosAddress, tuple[int, ...]] = field(default_factory=dict)

    @property
    def asked_epochs(self) -> int:
        return max(0, self.last_epoch - self.first_epoch + 1)

    @property
    def known_epochs(self) -> int:
        return self.network[OfNetwork.EPOCHS]
