"""As much of an assembler as a made-up staking pool needs: its code is ours, written down opcode by opcode.

The pool answers the views of a real one: some with constants, some out of its storage. Whoever likes may
change that storage (`set`), and let the contract itself call others (`forward`): for test networks only.
"""

from collections.abc import Sequence

from vedette.conflux.keccak import keccak256
from vedette.devnet.staking import POS_REGISTER

STOP, ADD, SUB, EQ, ISZERO, SHR = 0x00, 0x01, 0x03, 0x14, 0x15, 0x1C
ADDRESS, CALLDATALOAD, CALLDATASIZE, CALLDATACOPY, CODECOPY = 0x30, 0x35, 0x36, 0x37, 0x39
MSTORE, SLOAD, SSTORE, JUMP, JUMPI, GAS, JUMPDEST = 0x52, 0x54, 0x55, 0x56, 0x57, 0x5A, 0x5B
DUP1, CALL, RETURN, STATICCALL, REVERT = 0x80, 0xF1, 0xF3, 0xFA, 0xFD

WORD = 32
LABEL_BYTES = 2

Code = bytes


def push(value: int) -> Code:
    size = max(1, (value.bit_length() + 7) // 8)
    return bytes([0x5F + size]) + value.to_bytes(size, "big")


def op(*codes: int) -> Code:
    return bytes(codes)


def selector(signature: str) -> int:
    return int.from_bytes(keccak256(signature.encode())[:4], "big")


def stored(slot: int) -> Code:
    """Pushes what a slot holds."""
    return push(slot) + op(SLOAD)


def of_argument(index: int) -> Code:
    """Pushes what is stored about the first argument: each has slots of its own."""
    return push(about(0, index)) + push(4) + op(CALLDATALOAD, ADD, SLOAD)


def about(argument: int, index: int) -> int:
    """The slot that `of_argument` reads."""
    return argument + (index << 200)


def words(*values: Code) -> Code:
    """Returns these, each of them pushed by its code."""
    kept = b"".join(value + push(WORD * place) + op(MSTORE) for place, value in enumerate(values))
    return kept + push(WORD * len(values)) + push(0) + op(RETURN)


def text(value: str) -> Code:
    """Returns a string of at most 32 bytes."""
    raw = value.encode()
    return words(push(WORD), push(len(raw)), push(int.from_bytes(raw.ljust(WORD, b"\0"), "big")))


def or_revert(length: int) -> Code:
    """Goes on if a call went well. `length`: how much code stands before this."""
    after = length + 1 + LABEL_BYTES + 1 + len(push(0)) * 2 + 1
    return bytes([0x61]) + after.to_bytes(LABEL_BYTES, "big") + op(JUMPI) + push(0) * 2 + op(REVERT, JUMPDEST)


def registered_identity(length: int) -> Code:
    """Asks the chain's own register which validator is bound to this contract."""
    asked = push(selector("addressToIdentifier(address)") << 224) + push(0) + op(MSTORE)
    asked += op(ADDRESS) + push(4) + op(MSTORE)
    asked += push(WORD) + push(0) + push(4 + WORD) + push(0)
    asked += push(int.from_bytes(POS_REGISTER, "big")) + op(GAS, STATICCALL)
    return asked + or_revert(length + len(asked)) + push(WORD) + push(0) + op(RETURN)


def forward(length: int) -> Code:
    """Calls the contract that the first argument names with whatever stands behind it."""
    rest = push(4 + WORD) + op(CALLDATASIZE, SUB)
    sent = rest + push(4 + WORD) + push(0) + op(CALLDATACOPY)
    sent += push(0) + push(0) + rest + push(0) + push(0)
    sent += push(4) + op(CALLDATALOAD, GAS, CALL)
    return sent + or_revert(length + len(sent)) + op(STOP)


def dispatched(functions: Sequence[tuple[str, Code]], places: Sequence[int]) -> Code:
    """Jumps to the function that is called; takes money without a word, and refuses what it does not know."""
    code = op(CALLDATASIZE, ISZERO) + bytes([0x61]) + places[-1].to_bytes(LABEL_BYTES, "big") + op(JUMPI)
    code += push(0) + op(CALLDATALOAD) + push(224) + op(SHR)
    for (signature, _), place in zip(functions, places, strict=False):
        code += op(DUP1) + bytes([0x63]) + selector(signature).to_bytes(4, "big") + op(EQ)
        code += bytes([0x61]) + place.to_bytes(LABEL_BYTES, "big") + op(JUMPI)
    return code + push(0) * 2 + op(REVERT)


# --- the pool ---------------------------------------------------------------------------------------------

SHARE, VOTES, OWN_INTEREST, TOTAL_INTEREST = range(4)
"""Slots."""
USER_FIELDS = 6
INTEREST, QUEUED_VOTES, QUEUED_BLOCK = USER_FIELDS, USER_FIELDS + 1, USER_FIELDS + 2
"""What is stored about a wallet, behind its summary."""


def pool(name: str, owner: int, lock_blocks: int, unlock_blocks: int) -> Code:
    """The code of a pool's contract."""
    fixed: list[tuple[str, Code]] = [
        ("poolName()", text(name)),
        ("owner()", words(push(owner))),
        ("_poolLockPeriod()", words(push(lock_blocks))),
        ("_poolUnlockPeriod()", words(push(unlock_blocks))),
        ("poolAPY()", words(push(512))),
        ("stakerNumber()", words(push(66))),
        ("poolUserShareRatio()", words(stored(SHARE))),
        ("poolSummary()", words(stored(VOTES), stored(OWN_INTEREST), stored(TOTAL_INTEREST))),
        ("userSummary(address)", words(*(of_argument(index) for index in range(USER_FIELDS)))),
        ("userInterest(address)", words(of_argument(INTEREST))),
        (
            "userInQueue(address)",
            words(push(WORD), push(1), of_argument(QUEUED_VOTES), of_argument(QUEUED_BLOCK)),
        ),
        ("userOutQueue(address)", words(push(WORD), push(0))),
        (
            "set(uint256,uint256)",
            push(4 + WORD) + op(CALLDATALOAD) + push(4) + op(CALLDATALOAD, SSTORE, STOP),
        ),
    ]
    placed = {"posAddress()": registered_identity, "forward(address)": forward}
    functions = [*fixed, *((signature, b"") for signature in placed)]
    at = len(dispatched(functions, [0] * (len(functions) + 1)))
    places, body = [], b""
    for signature, code in functions:
        places.append(at + len(body))
        body += op(JUMPDEST)
        body += placed[signature](at + len(body)) if signature in placed else code
    places.append(at + len(body))
    return dispatched(functions, places) + body + op(JUMPDEST, STOP)


def deployment(code: Code, storage: Sequence[tuple[int, int]] = ()) -> Code:
    """What makes a contract of this code, with that in its storage."""
    begun = b"".join(push(value) + push(slot) + op(SSTORE) for slot, value in storage)
    size = bytes([0x61]) + len(code).to_bytes(2, "big")

    def before(length: int) -> Code:
        where = bytes([0x61]) + length.to_bytes(2, "big")
        return begun + size + where + push(0) + op(CODECOPY) + size + push(0) + op(RETURN)

    return before(len(before(0))) + code
