"""The PoS chain as Vedette speaks of it. Heights, epochs and rounds are integers; a vote is 1,000 CFX."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

PosAddress = NewType("PosAddress", str)
"""32 bytes as 0x and 64 lower-case hex digits: keccak256(BLS public key, VRF public key)."""

SETTLED_DEPTH = 3
"""Below the last committed height by this much, a block's signature list no longer changes on a node."""


@dataclass(frozen=True, slots=True)
class PosBlock:
    """A committed PoS block and the signers that one witness knows of.

    Source: `pos_getBlockByNumber`. `signers` maps account to votes and is empty when the witness has no
    certificate (it was catching up): that means unseen, not absent.
    """

    height: int
    hash: str
    epoch: int
    round: int
    at_us: int  # the proposer's clock, unix microseconds
    proposer: PosAddress | None  # None: a NIL block, proposed by nobody
    pivot_height: int | None
    last_tx_number: int
    signers: Mapping[PosAddress, int]


@dataclass(frozen=True, slots=True)
class Committee:
    """Who may vote in one epoch, and with how many votes. Source: `pos_getEpochState`."""

    epoch: int
    quorum_votes: int
    total_votes: int
    votes: Mapping[PosAddress, int]


@dataclass(frozen=True, slots=True)
class Queued:
    """Votes on their way in or out, and the PoS height at which they arrive."""

    end_height: int
    votes: int


@dataclass(frozen=True, slots=True)
class Account:
    """A PoS account's stake in votes at one height. Source: `pos_getAccount` (latest height only)."""

    address: PosAddress
    height: int
    available_votes: int
    locked_votes: int
    in_queue: tuple[Queued, ...]
    out_queue: tuple[Queued, ...]
    unlocked_votes: int
    forfeited_votes: int
    force_retired_height: int | None

    @property
    def exists(self) -> bool:
        """A node answers zeros, not an error, for an address that nobody registered."""
        return bool(
            self.available_votes
            or self.locked_votes
            or self.in_queue
            or self.out_queue
            or self.unlocked_votes
            or self.forfeited_votes
            or self.force_retired_height
        )


class AccountState(StrEnum):
    """What an account's stake is doing; several may hold at once, the first is the headline."""

    FORFEITED = "forfeited"
    FORCE_RETIRED = "force-retired"
    DISPUTE_LOCKED = "dispute-locked"
    UNLOCKING = "unlocking"
    LOCKING = "locking"
    ACTIVE = "active"
    UNLOCKED = "unlocked"
    NOT_FOUND = "not-found"


def account_states(account: Account) -> tuple[AccountState, ...]:
    """All states that hold, most urgent first. The rules are those of the chain's own account status.

    A dispute lock (CIP-156) shows only as: nothing available, stake in the out queue, and neither retired nor
    forfeited. A plain exit of all votes looks alike, so it is told apart by its far end.
    """
    if not account.exists:
        return (AccountState.NOT_FOUND,)
    held = {
        AccountState.FORFEITED: account.forfeited_votes > 0,
        AccountState.FORCE_RETIRED: account.force_retired_height is not None,
        AccountState.DISPUTE_LOCKED: is_dispute_locked(account),
        AccountState.UNLOCKING: bool(account.out_queue),
        AccountState.LOCKING: bool(account.in_queue),
        AccountState.ACTIVE: account.available_votes > 0 and account.force_retired_height is None,
        AccountState.UNLOCKED: account.unlocked_votes > 0,
    }
    return tuple(state for state, holds in held.items() if holds)


DISPUTE_LOCK_FAR_BLOCKS = 200_000
"""An ordinary exit ends within 40,000 blocks; a dispute lock lasts 518,400 (CIP-156)."""


def is_dispute_locked(account: Account) -> bool:
    far = any(q.end_height - account.height > DISPUTE_LOCK_FAR_BLOCKS for q in account.out_queue)
    return (
        account.available_votes == 0
        and account.force_retired_height is None
        and account.forfeited_votes == 0
        and far
    )


@dataclass(frozen=True, slots=True)
class PosStatus:
    """One node's place on the PoS chain. Source: `pos_getStatus`."""

    epoch: int
    committed_height: int
    voted_height: int | None
    pivot_height: int | None


@dataclass(frozen=True, slots=True)
class PowStatus:
    """One node's place on the PoW chain, in epochs. Source: `cfx_getStatus`."""

    chain_id: int
    latest_epoch: int
    state_epoch: int
    confirmed_epoch: int
    finalized_epoch: int
    checkpoint_epoch: int
    block_number: int
    pending_tx_count: int

    @property
    def numbers(self) -> dict[str, int]:
        """Its part of a node's series, whoever asked."""
        return {
            "pow.latest_epoch": self.latest_epoch,
            "pow.state_epoch": self.state_epoch,
            "pow.confirmed_epoch": self.confirmed_epoch,
            "pow.finalized_epoch": self.finalized_epoch,
            "pow.checkpoint_epoch": self.checkpoint_epoch,
            "pow.block_number": self.block_number,
            "pow.pending_tx_count": self.pending_tx_count,
            "pow.execution_lag_epochs": self.latest_epoch - self.state_epoch,
        }
