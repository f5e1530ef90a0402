"""A staking pool asked as a whole: its contract, the chain's register of validators, and its account.

    asked = brief(subject)
    heard = answers(asked, await batch([each.call(subject) for each in asked]))
    told = reading(subject, seldom, heard)

What a contract lacks is not known, and costs nothing but that: there are pools with other contracts. Whose
validator a contract owns is the register's word before its own. Sources: PoSPool.sol, PoSPoolProxy.sol and
PoSPoolProxy1967.sol of conflux-fans/pos-pool; EIP-1967; `cfx_getAccount`, `cfx_getStorageAt` of conflux-rust.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar

from vedette.conflux import address
from vedette.conflux.contracts import (
    ADDRESS_TO_IDENTIFIER,
    GET_VOTES,
    POOL_APY,
    POOL_IMPLEMENTATION,
    POOL_LOCK_PERIOD,
    POOL_NAME,
    POOL_OWNER,
    POOL_POS_ADDRESS,
    POOL_STAKERS,
    POOL_SUMMARY,
    POOL_UNLOCK_PERIOD,
    POOL_USER_SHARE,
    USER_IN_QUEUE,
    USER_INTEREST,
    USER_OUT_QUEUE,
    USER_SUMMARY,
    View,
    pos_argument,
    pos_register,
    pow_argument,
)
from vedette.conflux.fields import Field
from vedette.conflux.wire import METHOD_NOT_FOUND, Call, Garbled, Refused, RpcError, Unreachable
from vedette.model.pool import PoolHoldings, PoolReading, PoolStake, PoolTerms
from vedette.model.pos import PosAddress
from vedette.model.reward import DRIP_PER_CFX, VOTE_CFX

ACCOUNT_METHOD: Final = "cfx_getAccount"
STORAGE_METHOD: Final = "cfx_getStorageAt"
NO_CODE: Final = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
"""The hash of nothing: who has it is no contract."""

IMPLEMENTATION_SLOT: Final = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"
BEACON_SLOT: Final = "0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50"
"""Where EIP-1967 keeps which code a proxy runs, or who knows that."""

EXECUTION_FAILED: Final = -32015
FINAL: Final = frozenset({EXECUTION_FAILED, METHOD_NOT_FOUND})
"""With these a node means the question. With others it means itself: its state is not there yet, say."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a question is about."""

    contract: str  # base32, simple form
    pos_address: PosAddress | None = None

    @property
    def network_id(self) -> int:
        return address.decode(self.contract).network_id


@dataclass(frozen=True, slots=True, eq=False)
class Question(Generic[T]):
    """One thing to ask about a pool."""

    name: str
    call: Callable[[Subject], Call]
    read: Callable[[Any], T]  # raises Garbled
    is_own: bool = False  # it asks the pool's own contract


@dataclass(frozen=True, slots=True)
class PowAccount:
    """What an address holds. Source: `cfx_getAccount`."""

    balance_drip: int
    staking_drip: int
    has_code: bool


def pow_account(raw: Any) -> PowAccount:
    """Raises Garbled."""
    account = Field(raw, ACCOUNT_METHOD)
    return PowAccount(
        balance_drip=account["balance"].amount(),
        staking_drip=account["stakingBalance"].amount(),
        has_code=account["codeHash"].hash() != NO_CODE,
    )


def slot(raw: Any) -> bytes | None:
    """The address that a storage slot holds; None: nobody's (`cfx_getStorageAt`). Raises Garbled."""
    if raw is None:
        return None
    held = bytes.fromhex(Field(raw, STORAGE_METHOD).hash()[2:])
    if any(held[: -address.ADDRESS_BYTES]):
        raise Garbled(f"{STORAGE_METHOD} should be an address in its slot")
    return held[-address.ADDRESS_BYTES :] if any(held) else None


def _own(view: View[T]) -> Question[T]:
    return Question(
        view.signature.partition("(")[0], lambda subject: view.call(subject.contract), view.read, is_own=True
    )


def _stored(where: str) -> Question[bytes | None]:
    return Question(
        STORAGE_METHOD, lambda subject: (STORAGE_METHOD, (subject.contract, where, "latest_state")), slot
    )


def _ask_identifier(subject: Subject) -> Call:
    return ADDRESS_TO_IDENTIFIER.call(pos_register(subject.network_id), pow_argument(subject.contract))


def _ask_votes(subject: Subject) -> Call:
    assert subject.pos_address is not None  # `brief` leaves it out before
    return GET_VOTES.call(pos_register(subject.network_id), pos_argument(subject.pos_address))


NAME: Final = _own(POOL_NAME)
CLAIMED: Final = _own(POOL_POS_ADDRESS)
OWNER: Final = _own(POOL_OWNER)
LOCK: Final = _own(POOL_LOCK_PERIOD)
UNLOCK: Final = _own(POOL_UNLOCK_PERIOD)
SAID_IMPLEMENTATION: Final = _own(POOL_IMPLEMENTATION)
REGISTERED: Final = Question("addressToIdentifier", _ask_identifier, ADDRESS_TO_IDENTIFIER.read)
KEPT_IMPLEMENTATION: Final = _stored(IMPLEMENTATION_SLOT)
BEACON: Final = _stored(BEACON_SLOT)

SHARE: Final = _own(POOL_USER_SHARE)
SUMMARY: Final = _own(POOL_SUMMARY)
APY: Final = _own(POOL_APY)
STAKERS: Final = _own(POOL_STAKERS)
ACCOUNT: Final = Question(
    ACCOUNT_METHOD, lambda subject: (ACCOUNT_METHOD, (subject.contract, "latest_state")), pow_account
)
VOTES: Final = Question("getVotes", _ask_votes, GET_VOTES.read)

SELDOM: Final[tuple[Question[Any], ...]] = (
    NAME,
    CLAIMED,
    REGISTERED,
    OWNER,
    LOCK,
    UNLOCK,
    SAID_IMPLEMENTATION,
    KEPT_IMPLEMENTATION,
    BEACON,
)
"""What hardly ever changes."""

OFTEN: Final[tuple[Question[Any], ...]] = (SHARE, SUMMARY, APY, STAKERS, ACCOUNT, VOTES)
"""What changes with a transaction, or with each reward."""

ESSENTIAL: Final = (SUMMARY.name, SHARE.name)
"""Without these it is not the contract that we know."""
OPTIONAL: Final = frozenset({CLAIMED.name, SAID_IMPLEMENTATION.name})
"""Refused until a pool has registered, and by whoever is no proxy."""


def brief(subject: Subject, lacking: Collection[str] = ()) -> tuple[Question[Any], ...]:
    """What to ask often: no more than it can tell, as far as that is known."""
    return tuple(
        each
        for each in OFTEN
        if each.name not in lacking and (each is not VOTES or subject.pos_address is not None)
    )


# --- answers ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answers:
    """What was told, and which of its functions a contract lacks, refused, or answered in another tongue."""

    told: Mapping[Question[Any], Any]
    lacking: tuple[str, ...] = ()
    refusal: str | None = None  # why something was not answered that may be answered next time

    def get(self, question: Question[T]) -> T | None:
        found: T | None = self.told.get(question)
        return found

    def has(self, question: Question[Any]) -> bool:
        return question in self.told


def answers(asked: Sequence[Question[Any]], replies: Sequence[Any | RpcError]) -> Answers:
    """The replies to these questions, as `Rpc.batch` gives them.

    Raises Unreachable if one of them is that: then nothing was learned of the pool.
    """
    told: dict[Question[Any], Any] = {}
    lacking = []
    refusal: str | None = None
    for question, reply in zip(asked, replies, strict=True):
        try:
            told[question] = _read(question.read, reply)
        except Unreachable:
            raise
        except RpcError as error:
            if _may_pass(reply):
                refusal = refusal or str(error)
            elif question.is_own:
                lacking.append(question.name)
    return Answers(told, tuple(lacking), refusal)


def _may_pass(reply: Any | RpcError) -> bool:
    """Whether it is the endpoint that fails, and not the question."""
    return isinstance(reply, RpcError) and not (isinstance(reply, Refused) and reply.code in FINAL)


def _read(read: Callable[[Any], T], reply: Any | RpcError) -> T:
    """Raises RpcError."""
    if isinstance(reply, RpcError):
        raise reply
    return read(reply)


def identity(seldom: Answers) -> PosAddress | None:
    """The pool's validator: as the chain's register has it, else as the contract says."""
    return seldom.get(REGISTERED) or seldom.get(CLAIMED)


def reading(subject: Subject, seldom: Answers, often: Answers) -> PoolReading:
    """What the answers to SELDOM and OFTEN together tell of a pool."""
    found = identity(seldom)
    registered = seldom.get(REGISTERED) is not None if seldom.has(REGISTERED) else None
    return PoolReading(
        contract=subject.contract,
        own_name=seldom.get(NAME),
        pos_address=found,
        is_registered=registered,
        terms=_terms(subject, seldom, often),
        holdings=_holdings(often),
        trouble="; ".join(_troubles(seldom, often)) or None,
    )


def _terms(subject: Subject, seldom: Answers, often: Answers) -> PoolTerms:
    runs = seldom.get(KEPT_IMPLEMENTATION) or seldom.get(SAID_IMPLEMENTATION)
    looked = seldom.has(KEPT_IMPLEMENTATION) and seldom.has(BEACON)
    return PoolTerms(
        user_share_hundredths=often.get(SHARE),
        owner=_base32(seldom.get(OWNER), subject),
        is_upgradable=True if runs or seldom.get(BEACON) else False if looked else None,
        implementation=_base32(runs, subject),
        lock_blocks=seldom.get(LOCK),
        unlock_blocks=seldom.get(UNLOCK),
    )


def _base32(raw: bytes | None, subject: Subject) -> str | None:
    return None if raw is None else address.encode(raw, subject.network_id)


def _holdings(often: Answers) -> PoolHoldings:
    summary, account, votes = often.get(SUMMARY), often.get(ACCOUNT), often.get(VOTES)
    withdrawable = None
    if account is not None and votes is not None:
        withdrawable = max(0, account.staking_drip - votes.staked * VOTE_CFX * DRIP_PER_CFX)
    return PoolHoldings(
        available_votes=summary.available_votes if summary else None,
        own_interest_drip=summary.own_interest_drip if summary else None,
        total_interest_drip=summary.total_interest_drip if summary else None,
        apy_hundredths=often.get(APY),
        staker_count=often.get(STAKERS),
        registered_votes=votes.registered if votes else None,
        unlocked_votes=votes.unlocked if votes else None,
        balance_drip=account.balance_drip if account else None,
        withdrawable_drip=withdrawable,
    )


def _troubles(seldom: Answers, often: Answers) -> list[str]:
    """Why less is known than might be."""
    account = often.get(ACCOUNT)
    if account is not None and not account.has_code:
        return ["there is no contract at this address on this network"]
    lacking = (*(name for name in seldom.lacking if name not in OPTIONAL), *often.lacking)
    found = []
    if set(ESSENTIAL) <= set(lacking):
        found.append(f"its contract is of another kind: it does not answer {', '.join(lacking)}")
    elif lacking:
        found.append(f"its contract does not answer {', '.join(lacking)}")
    found += [each for each in (seldom.refusal or often.refusal,) if each]
    return found + _doubts(seldom)


def _doubts(seldom: Answers) -> list[str]:
    """What the register and the contract do not agree about."""
    bound, claimed = seldom.get(REGISTERED), seldom.get(CLAIMED)
    if not seldom.has(REGISTERED):
        return []
    if bound is None:
        named = "the chain's register does not bind the validator that it names to it"
        return [named if claimed else "it has no validator yet"]
    if claimed not in {None, bound}:
        return [f"it names another validator ({str(claimed)[:10]}…) than the chain's register"]
    return []


# --- one wallet -------------------------------------------------------------------------------------------


def stake_call(contract: str, wallet: str) -> Call:
    """Whether this wallet (base32) has anything in that pool. Raises AddressError."""
    return USER_SUMMARY.call(contract, pow_argument(wallet))


def stake(contract: str, reply: Any | RpcError) -> PoolStake:
    """What the reply to `stake_call` says. Raises Unreachable."""
    summary = _told(USER_SUMMARY, reply)
    trouble = "its contract does not tell what its stakers have" if summary is None else None
    return PoolStake(contract, summary, trouble=trouble)


def detail_calls(contract: str, wallet: str) -> list[Call]:
    """The rest of it, for a wallet that has. Raises AddressError."""
    who = pow_argument(wallet)
    return [view.call(contract, who) for view in (USER_INTEREST, USER_IN_QUEUE, USER_OUT_QUEUE)]


def detailed(found: PoolStake, replies: Sequence[Any | RpcError]) -> PoolStake:
    """The same with the replies to `detail_calls`. Raises Unreachable."""
    interest, in_queue, out_queue = replies
    return replace(
        found,
        interest_drip=_told(USER_INTEREST, interest),
        in_queue=_told(USER_IN_QUEUE, in_queue),
        out_queue=_told(USER_OUT_QUEUE, out_queue),
    )


def _told(view: View[T], reply: Any | RpcError) -> T | None:
    """Raises Unreachable."""
    try:
        return _read(view.read, reply)
    except Unreachable:
        raise
    except RpcError:
        return None
