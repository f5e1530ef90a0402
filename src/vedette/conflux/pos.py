"""The PoS namespace, translated once, at the door: a node's JSON becomes records. Anything odd is Garbled.

Every decoder is total: whatever JSON comes, it returns its record (None where a node says null) or raises
Garbled naming the method and the field. Numbers are 0 <= n < 2**63; addresses become lower case.
"""

from functools import lru_cache
from typing import Any, Final

from vedette.conflux.fields import ITEMS_MAX, Field
from vedette.conflux.wire import Garbled
from vedette.model.pos import Account, Committee, PosAddress, PosBlock, PosStatus, Queued

BLOCK: Final = "pos_getBlockByNumber"
EPOCH_STATE: Final = "pos_getEpochState"
ACCOUNT: Final = "pos_getAccount"
STATUS: Final = "pos_getStatus"

FIRST_HEIGHT: Final = 2
"""The first block that anybody voted on.

A node answers null for height 0, and for height 1 the genesis: epoch 0, round 0, a hash of zeros, no
committee and no signatures (seen on v3.0.2).
"""


def pos_block(raw: Any) -> PosBlock | None:
    """A block and the signers that this node knows of; None: the node has no such block."""
    if raw is None:
        return None
    block = Field(raw, BLOCK)
    return PosBlock(
        height=block["height"].number(),
        hash=block["hash"].hash(),
        epoch=block["epoch"].number(),
        round=block["round"].number(),
        at_us=block["timestamp"].number(),
        proposer=block.get("miner").maybe(Field.address),
        pivot_height=block.get("pivotDecision").maybe(_height),
        last_tx_number=block["lastTxNumber"].number(),
        signers=_signers(block["signatures"]),
    )


def _height(decision: Field) -> int:
    return decision["height"].number()


def _signers(signatures: Field) -> dict[PosAddress, int]:
    signers = _plain_signers(signatures.raw)
    if signers is None:  # something is odd: the slow way finds the words for it
        signers = {each["account"].address(): each["votes"].number() for each in signatures.items()}
    if len(signers) != len(signatures.raw):
        raise Garbled(f"{signatures.name} has an account twice")
    return signers


def _plain_signers(raw: Any) -> dict[PosAddress, int] | None:
    """The signers of a list without fault, None for any other: here a back-fill spends its time."""
    if not isinstance(raw, list) or len(raw) > ITEMS_MAX:
        return None
    try:
        return {_account(each["account"]): _votes(each["votes"]) for each in raw}
    except (TypeError, KeyError, Garbled):
        return None


# A few hundred accounts, with a few hundred different counts of votes, sign all blocks: each is read once.
@lru_cache(maxsize=4096)
def _account(raw: Any) -> PosAddress:
    return Field(raw, "account").address()


@lru_cache(maxsize=4096, typed=True)
def _votes(raw: Any) -> int:
    return Field(raw, "votes").number()


def committee(epoch: int, raw: Any) -> Committee | None:
    """Who may vote in the epoch asked for; None: the node has not reached it, or has forgotten it."""
    if raw is None:
        return None
    state = Field(raw, EPOCH_STATE)
    if state["epoch"].number() != epoch:
        raise state["epoch"].garbled(f"{epoch}, the epoch asked for")
    verifier = state["verifier"]
    members = Committee(
        epoch=epoch,
        quorum_votes=verifier["quorumVotingPower"].number(),
        total_votes=verifier["totalVotingPower"].number(),
        votes=_powers(verifier["addressToValidatorInfo"]),
    )
    summed = sum(members.votes.values())
    if summed != members.total_votes:
        raise verifier["totalVotingPower"].garbled(f"{summed}, the sum of its members' powers")
    if not 0 < members.quorum_votes <= members.total_votes:
        raise verifier["quorumVotingPower"].garbled("above 0 and at most the total")
    return members


def _powers(members: Field) -> dict[PosAddress, int]:
    if not isinstance(members.raw, dict) or len(members.raw) > ITEMS_MAX:
        raise members.garbled(f"an object of at most {ITEMS_MAX} members")
    votes = {
        Field(key, f"a key of {members.name}").address(): Field(raw, f"{members.name}[]")[
            "votingPower"
        ].number()
        for key, raw in members.raw.items()
    }
    if len(votes) != len(members.raw):
        raise Garbled(f"{members.name} has an account twice")
    return votes


def account(raw: Any) -> Account:
    """A PoS account's stake at the node's latest height; an address that nobody registered holds zeros."""
    reply = Field(raw, ACCOUNT)
    status = reply["status"]
    return Account(
        address=reply["address"].address(),
        height=reply["blockNumber"].number(),
        available_votes=status["availableVotes"].number(),
        locked_votes=status["locked"].number(),
        in_queue=_queue(status["inQueue"]),
        out_queue=_queue(status["outQueue"]),
        unlocked_votes=status["unlocked"].number(),
        forfeited_votes=status["forfeited"].number(),
        force_retired_height=status.get("forceRetired").maybe(Field.number),
    )


def _queue(queue: Field) -> tuple[Queued, ...]:
    return tuple(Queued(each["endBlockNumber"].number(), each["power"].number()) for each in queue.items())


def pos_status(raw: Any) -> PosStatus:
    """The node's place on the PoS chain."""
    status = Field(raw, STATUS)
    return PosStatus(
        epoch=status["epoch"].number(),
        committed_height=status["latestCommitted"].number(),
        voted_height=status.get("latestVoted").maybe(Field.number),  # null at times
        pivot_height=status.get("pivotDecision").maybe(_height),
    )
