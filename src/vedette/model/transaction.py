"""PoS transactions. Source: `pos_getTransactionByNumber`."""

from dataclasses import dataclass
from enum import StrEnum

from vedette.model.pos import PosAddress


class TransactionKind(StrEnum):
    """The chain's own names."""

    BLOCK_METADATA = "BlockMetadata"
    ELECTION = "Election"
    RETIRE = "Retire"
    REGISTER = "Register"
    UPDATE_VOTING_POWER = "UpdateVotingPower"
    PIVOT_DECISION = "PivotDecision"
    DISPUTE = "Dispute"
    OTHER = "other"  # one that we do not know yet


class TransactionStatus(StrEnum):
    EXECUTED = "Executed"
    FAILED = "Failed"
    DISCARD = "Discard"
    PENDING = "pending"  # the node says null: not in a committed block yet


@dataclass(frozen=True, slots=True)
class PosTransaction:
    """One PoS transaction; None where its kind has no such thing.

    `account` is whom it is about: the sender of an Election, the node of a Register, UpdateVotingPower or
    Retire, the accused of a Dispute.
    """

    number: int
    hash: str
    kind: TransactionKind
    status: TransactionStatus
    sender: PosAddress | None  # None: the all-zero address of a transaction that the chain made itself
    height: int | None
    at_us: int | None
    account: PosAddress | None
    target_term: int | None  # of an Election
    votes: int | None  # of a Register, UpdateVotingPower (the new power that it adds or sets) or Retire
    conflict: str | None  # of a Dispute: "vote" or "proposal"
