"""Call data of contracts: as much of the ABI as the staking and PoS contracts need."""

from collections.abc import Sequence

from vedette.conflux.keccak import keccak256

WORD = 32


class Tail(bytes):
    """An argument of varying length: it stands behind the others, and its offset in its place."""

    __slots__ = ()


def call(signature: str, *arguments: bytes) -> bytes:
    """The four bytes that name the function, and its arguments as the functions below encode them."""
    return keccak256(signature.encode())[:4] + _arranged(arguments)


def uint(value: int) -> bytes:
    return value.to_bytes(WORD, "big")


def blob(value: bytes) -> Tail:
    """`bytes`."""
    return Tail(uint(len(value)) + value + bytes(-len(value) % WORD))


def blobs(*values: bytes) -> Tail:
    """`bytes[N]`."""
    return Tail(_arranged([blob(value) for value in values]))


def _arranged(arguments: Sequence[bytes]) -> bytes:
    head, tail = b"", b""
    for argument in arguments:
        if isinstance(argument, Tail):
            head += uint(WORD * len(arguments) + len(tail))
            tail += argument
        else:
            head += argument
    return head + tail
