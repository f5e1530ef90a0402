"""The PoS namespace, translated once, at the door: a node's JSON becomes records. Anything odd is Garbled.

Every decoder is total: whatever JSON comes, it returns its record (None where a node says null) or raises
Garbled naming the method and the field. Numbers are 0 <= n < 2**63; addresses become lower case.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from vedette.conflux.fields import ITEMS_MAX, Field
from vedette.conflux.keccak import keccak256
from vedette.conflux.wire import Garbled
from vedette.model.election import CommitteeNow, Election
from vedette.model.pos import Account, Committee, PosAddress, PosBlock, PosStatus, Queued
from vedette.model.reward import EpochRewards, Reward
from vedette.model.transaction import PosTransaction, TransactionKind, TransactionStatus

BLOCK: Final = "pos_getBlockByNumber"
EPOCH_STATE: Final = "pos_getEpochState"
ACCOUNT: Final = "pos_getAccount"
STATUS: Final = "pos_getStatus"
COMMITTEE: Final = "pos_getCommittee"
REWARDS: Final = "pos_getRewardsByEpoch"
TRANSACTION: Final = "pos_getTransactionByNumber"

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
    return _committee(epoch, _powers(verifier["addressToValidatorInfo"]), verifier)


def _committee(epoch: int, votes: Mapping[PosAddress, int], told: Field) -> Committee:
    """The members of an epoch, if what the node says of them adds up."""
    total = told["totalVotingPower"].number()
    summed = sum(votes.values())
    if summed != total:
        raise told["totalVotingPower"].garbled(f"{summed}, the sum of its members' powers")
    # A private network that was restarted tells a quorum of 0 for epochs that it read back from its disk. It
    # counts by the chain's rule all the same (conflux-rust, ValidatorVerifier::new), so that is what we take.
    quorum = told["quorumVotingPower"].number() or total * 2 // 3 + 1
    if not 0 < quorum <= total:
        raise told["quorumVotingPower"].garbled("above 0 and at most the total")
    return Committee(epoch=epoch, quorum_votes=quorum, total_votes=total, votes=votes)


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


def committee_now(raw: Any) -> CommitteeNow:
    """The acting committee and the elections of the next terms, the nearer one first."""
    reply = Field(raw, COMMITTEE)
    acting = reply["currentCommittee"]
    return CommitteeNow(
        committee=_committee(acting["epochNumber"].number(), _node_votes(acting["nodes"]), acting),
        elections=tuple(_election(each) for each in reply["elections"].items()),
    )


def _election(election: Field) -> Election:
    return Election(
        start_height=election["startBlockNumber"].number(),
        is_finalized=election["isFinalized"].flag(),
        votes=_node_votes(election["topElectingNodes"]),
    )


def _node_votes(nodes: Field) -> dict[PosAddress, int]:
    members = nodes.items()
    votes = {each["address"].address(): each["votingPower"].number() for each in members}
    if len(votes) != len(members):
        raise Garbled(f"{nodes.name} has an account twice")
    return votes


def epoch_rewards(epoch: int, raw: Any) -> EpochRewards | None:
    """What was paid for that epoch, by account; None: not paid yet, or before the node's time.

    Nodes list the accounts in an order of chance, another one each time: sorted, equal payments are equal.
    """
    if raw is None:
        return None
    told = Field(raw, REWARDS)
    paid = (_reward(each) for each in told["accountRewards"].items())
    rewards = tuple(sorted(paid, key=lambda reward: reward.account))
    if len({reward.account for reward in rewards}) != len(rewards):
        raise Garbled(f"{REWARDS}.accountRewards has an account twice")
    return EpochRewards(epoch=epoch, pow_hash=told["powEpochHash"].hash(), rewards=rewards)


def _reward(reward: Field) -> Reward:
    return Reward(
        account=reward["posAddress"].address(),
        pow_address=reward["powAddress"].pow_address(),
        drip=reward["reward"].amount(),
    )


# --- transactions -----------------------------------------------------------------------------------------

NOBODY: Final = PosAddress("0x" + "00" * 32)
"""The sender of what the chain does by itself."""

# By the chain's own words: OTHER and PENDING are ours.
KINDS: Final = {each.value: each for each in TransactionKind if each is not TransactionKind.OTHER}
STATUSES: Final = {each.value: each for each in TransactionStatus if each is not TransactionStatus.PENDING}


def transaction(raw: Any) -> PosTransaction | None:
    """A transaction by its number; None: the node has none of that number yet."""
    if raw is None:
        return None
    told = Field(raw, TRANSACTION)
    kind = KINDS.get(told["type"].text(80), TransactionKind.OTHER)
    sender = _sender(told["from"].address())
    about = _about(kind, sender, told.get("payload"))
    return PosTransaction(
        number=told["number"].number(),
        hash=told["hash"].hash(),
        kind=kind,
        status=_status(told.get("status")),
        sender=sender,
        height=told.get("blockNumber").maybe(Field.number),
        at_us=told.get("timestamp").maybe(Field.number),
        account=about.account,
        target_term=about.target_term,
        votes=about.votes,
        conflict=about.conflict,
    )


def _sender(address: PosAddress) -> PosAddress | None:
    return None if address == NOBODY else address


def _status(status: Field) -> TransactionStatus:
    if status.raw is None:
        return TransactionStatus.PENDING
    found = STATUSES.get(status.text(80))
    if found is None:
        raise status.garbled(f"one of {', '.join(STATUSES)}")
    return found


class _About(NamedTuple):
    """What the payload of a transaction tells."""

    account: PosAddress | None = None
    target_term: int | None = None
    votes: int | None = None
    conflict: str | None = None


def _about(kind: TransactionKind, sender: PosAddress | None, payload: Field) -> _About:
    """The parts by their kind. What a payload lacks is None; what it has must be right.

    Shapes: conflux-rust, crates/rpc/rpc-cfx-types/src/pos/transaction.rs.
    """
    if kind is TransactionKind.ELECTION:
        return _About(sender, target_term=payload.maybe(_target_term))
    read = _PAYLOADS.get(kind)
    return _About() if read is None or payload.raw is None else read(payload)


def _target_term(payload: Field) -> int | None:
    return payload.get("targetTerm").maybe(Field.number)


def _registered(payload: Field) -> _About:
    """A Register names keys: the account is their hash. Its votes come in an UpdateVotingPower beside it."""
    return _About(_hashed_keys([payload.get("publicKey"), payload.get("vrfPublicKey")]))


def _hashed_keys(keys: Iterable[Field]) -> PosAddress | None:
    told = [key.maybe(_key) for key in keys]
    known = [key for key in told if key is not None]
    return PosAddress("0x" + keccak256(b"".join(known)).hex()) if len(known) == len(told) else None


def _key(key: Field) -> bytes:
    try:
        return bytes.fromhex(key.text(200).removeprefix("0x"))
    except ValueError as error:
        raise key.garbled("a key in hex") from error


def _moved(payload: Field) -> _About:
    """The votes that an UpdateVotingPower adds, or that a Retire takes."""
    return _About(
        payload.get("address").maybe(Field.address), votes=payload.get("votingPower").maybe(Field.number)
    )


def _disputed(payload: Field) -> _About:
    conflict = payload.get("conflictingVotes").maybe(_conflict)
    return _About(payload.get("address").maybe(Field.address), conflict=conflict)


def _conflict(votes: Field) -> str:
    """`vote` or `proposal`: what was cast twice."""
    return votes["conflictVoteType"].text(20)


_PAYLOADS: Final[Mapping[TransactionKind, Callable[[Field], _About]]] = {
    TransactionKind.REGISTER: _registered,
    TransactionKind.UPDATE_VOTING_POWER: _moved,
    TransactionKind.RETIRE: _moved,
    TransactionKind.DISPUTE: _disputed,
}
