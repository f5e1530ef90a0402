"""Views of contracts: how to ask them with `cfx_call`, and how to read what they answer. Odd is Garbled.

    call = POOL_NAME.call(contract)          # for Rpc.batch; one that a contract lacks is Refused
    name = POOL_NAME.read(reply)             # total: a value of its type, or Garbled

Sources: PoSRegister in conflux-rust (internal contracts); PoSPool.sol of conflux-fans/pos-pool, v1.9.0, whose
functions older pools share. A function is named by the first four bytes of its signature's Keccak.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, NoReturn, TypeVar

from vedette.conflux import address
from vedette.conflux.fields import AMOUNT_MAX, ITEMS_MAX, NUMBER_MAX, glimpse
from vedette.conflux.wire import Call, Garbled
from vedette.model.pool import SHARE_BASE, PoolQueued, PoolSummary, RegisteredVotes, UserSummary
from vedette.model.pos import PosAddress

METHOD: Final = "cfx_call"
WORD: Final = 32
ANSWER_BYTES_MAX: Final = 1 << 20
NAME_BYTES_MAX: Final = 200

_ANSWER: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*")

T = TypeVar("T")


# --- answers ----------------------------------------------------------------------------------------------


class Answer:
    """The words of one answer, read totally: what was promised comes back, or Garbled naming the function."""

    def __init__(self, raw: Any, function: str) -> None:
        self._function = function
        if type(raw) is not str or len(raw) > 2 * ANSWER_BYTES_MAX or not _ANSWER.fullmatch(raw):
            self.garbled(f"hex, not {glimpse(raw)}")
        self._data = bytes.fromhex(raw[2:])
        if not self._data:
            self.garbled("something: is there such a contract on this network?")

    def garbled(self, expected: str) -> NoReturn:
        raise Garbled(f"{self._function} should answer {expected}")

    def word(self, at: int) -> bytes:
        found = self._data[at * WORD : (at + 1) * WORD]
        if len(found) != WORD:
            self.garbled(f"at least {at + 1} words, not {len(self._data)} bytes")
        return found

    def number(self, at: int, most: int = NUMBER_MAX) -> int:
        """A whole number, 0 <= n < 2**63 unless said otherwise."""
        number = int.from_bytes(self.word(at), "big")
        if number > most:
            self.garbled(f"a number of at most {most.bit_length()} bits as word {at}")
        return number

    def amount(self, at: int) -> int:
        """Drip, 0 <= n < 2**128."""
        return self.number(at, AMOUNT_MAX)

    def pow_address(self, at: int) -> bytes | None:
        """20 bytes; None for all zeros, which a contract answers for: nobody."""
        padding, raw = self.word(at)[: -address.ADDRESS_BYTES], self.word(at)[-address.ADDRESS_BYTES :]
        if any(padding):
            self.garbled(f"an address as word {at}")
        return raw if any(raw) else None

    def pos_address(self, at: int) -> PosAddress | None:
        """32 bytes; None for all zeros, as above."""
        word = self.word(at)
        return PosAddress("0x" + word.hex()) if any(word) else None

    def text(self, at: int) -> str:
        """A `string`: printable, of bounded length."""
        start = self._place(at)
        length = self.number(start)
        content = self._data[(start + 1) * WORD : (start + 1) * WORD + length]
        if length > NAME_BYTES_MAX or len(content) != length:
            self.garbled(f"a text of at most {NAME_BYTES_MAX} bytes")
        try:
            text = content.decode()
        except UnicodeDecodeError:
            self.garbled("a text in UTF-8")
        if not text.isprintable():
            self.garbled(f"a printable text, not {glimpse(text)}")
        return text

    def pairs(self, at: int) -> list[tuple[int, int]]:
        """A list of records of two numbers each."""
        start = self._place(at)
        count = self.number(start)
        if count > ITEMS_MAX:
            self.garbled(f"a list of at most {ITEMS_MAX}")
        places = range(start + 1, start + 1 + 2 * count, 2)
        return [(self.number(place), self.number(place + 1)) for place in places]

    def _place(self, at: int) -> int:
        """The word at which something of varying length begins."""
        offset = self.number(at)
        if offset % WORD:
            self.garbled(f"a whole number of words as the offset in word {at}")
        return offset // WORD


# --- questions --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class View(Generic[T]):
    """A function of a contract that only reads."""

    signature: str
    selector: str  # 8 hex digits
    answer: Callable[[Answer], T]

    def call(self, contract: str, *arguments: bytes) -> Call:
        """The question to the contract (base32), at the latest state. Arguments: see the functions below."""
        data = "0x" + self.selector + b"".join(arguments).hex()
        return METHOD, ({"to": contract, "data": data}, "latest_state")

    def read(self, raw: Any) -> T:
        """What the contract answered. Raises Garbled."""
        return self.answer(Answer(raw, self.signature.partition("(")[0]))


def pos_argument(account: PosAddress) -> bytes:
    """`bytes32`: a PoS address."""
    return bytes.fromhex(account.removeprefix("0x"))


def pow_argument(text: str) -> bytes:
    """`address`: a Core Space address in base32. Raises AddressError."""
    return address.decode(text).raw.rjust(WORD, b"\0")


def number_argument(number: int) -> bytes:
    """`uint64` or `uint256`."""
    return number.to_bytes(WORD, "big")


def pos_register(network_id: int) -> str:
    """The internal contract PoSRegister of that network, in base32."""
    return address.encode(bytes.fromhex("0888000000000000000000000000000000000005"), network_id)


def _number(answer: Answer) -> int:
    return answer.number(0)


def _share(answer: Answer) -> int:
    share = answer.number(0)
    if share > SHARE_BASE:
        answer.garbled(f"a share of at most {SHARE_BASE}, not {share}")
    return share


def _queue(answer: Answer) -> tuple[PoolQueued, ...]:
    return tuple(PoolQueued(votes, end_block) for votes, end_block in answer.pairs(0))


def _user_summary(answer: Answer) -> UserSummary:
    return UserSummary(
        votes=answer.number(0),
        available_votes=answer.number(1),
        locked_votes=answer.number(2),
        unlocked_votes=answer.number(3),
        claimed_drip=answer.amount(4),
        settled_drip=answer.amount(5),
    )


# PoSRegister: the identifier is the PoS address.
IDENTIFIER_TO_ADDRESS: Final = View("identifierToAddress(bytes32)", "e9e4aa46", lambda a: a.pow_address(0))
ADDRESS_TO_IDENTIFIER: Final = View("addressToIdentifier(address)", "6a06ea96", lambda a: a.pos_address(0))
GET_VOTES: Final = View("getVotes(bytes32)", "4c051100", lambda a: RegisteredVotes(a.number(0), a.number(1)))

# Pools. `posAddress()` is refused until the pool has registered.
POOL_NAME: Final = View("poolName()", "f3466dfa", lambda a: a.text(0))
POOL_POS_ADDRESS: Final = View("posAddress()", "1764618c", lambda a: a.pos_address(0))
POOL_OWNER: Final = View("owner()", "8da5cb5b", lambda a: a.pow_address(0))
POOL_MANAGER: Final = View("manager()", "481c6a75", lambda a: a.pow_address(0))
POOL_APY: Final = View("poolAPY()", "82df7a3b", _number)
POOL_USER_SHARE: Final = View("poolUserShareRatio()", "67a1aa4f", _share)
POOL_SUMMARY: Final = View(
    "poolSummary()", "7571fcf6", lambda a: PoolSummary(a.number(0), a.amount(1), a.amount(2))
)
POOL_STAKERS: Final = View("stakerNumber()", "9aafd5b8", _number)
POOL_LOCK_PERIOD: Final = View("_poolLockPeriod()", "b4064a25", _number)
POOL_UNLOCK_PERIOD: Final = View("_poolUnlockPeriod()", "9fc95e03", _number)
POOL_IMPLEMENTATION: Final = View("implementation()", "5c60da1b", lambda a: a.pow_address(0))
POOL_STAKER: Final = View("stakerAddress(uint256)", "94067045", lambda a: a.pow_address(0))
USER_SUMMARY: Final = View("userSummary(address)", "e3d5b233", _user_summary)
USER_INTEREST: Final = View("userInterest(address)", "d68076c3", lambda a: a.amount(0))
USER_IN_QUEUE: Final = View("userInQueue(address)", "e2af7928", _queue)
USER_OUT_QUEUE: Final = View("userOutQueue(address)", "24a3bbe2", _queue)

# The bridge of an eSpace pool, in Core Space. The first is no view by name, but changes nothing.
BRIDGE_VOTES: Final = View("queryCrossingVotes()", "8aa198f1", _number)
BRIDGE_INTEREST: Final = View("queryInterest()", "8a8f6139", lambda a: a.amount(0))
