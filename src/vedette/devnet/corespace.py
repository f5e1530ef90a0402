"""Core Space as far as it takes to make a transaction: RLP and signatures. For TEST keys only."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from vedette.conflux.keccak import keccak256
from vedette.devnet.curves import SECP_ORDER, secp_public_point

Rlp = int | bytes | Sequence[Any]
"""What RLP can carry: bytes, lists of the same, and non-negative integers as their shortest bytes."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """An unsigned transaction, its fields in the order in which they are signed."""

    nonce: int
    gas_price: int
    gas: int
    to: bytes
    value: int
    storage_limit: int
    epoch_height: int
    chain_id: int
    data: bytes


def rlp(value: Rlp) -> bytes:
    if isinstance(value, int):
        return rlp(value.to_bytes((value.bit_length() + 7) // 8, "big"))
    if isinstance(value, bytes):
        is_its_own_code = len(value) == 1 and value[0] < 0x80  # noqa: PLR2004  # one byte of seven bits
        return value if is_its_own_code else _prefixed(0x80, value)
    return _prefixed(0xC0, b"".join(rlp(item) for item in value))


def _prefixed(kind: int, body: bytes) -> bytes:
    length = len(body)
    if length < 56:  # noqa: PLR2004  # lengths that fit beside the kind in one byte
        return bytes([kind + length]) + body
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([kind + 55 + len(size)]) + size + body


def signed(transaction: Transaction, secret: int) -> bytes:
    """The transaction as `cfx_sendRawTransaction` takes it."""
    fields = astuple(transaction)
    return rlp([fields, *_signature(secret, keccak256(rlp(fields)))])


def _signature(secret: int, digest: bytes) -> tuple[int, int, int]:
    """ECDSA as (parity, r, s): the parity of the nonce's point leads to the signer's key."""
    drawn = hmac.digest(secret.to_bytes(32, "big"), digest, hashlib.sha512)
    nonce = int.from_bytes(drawn, "big") % (SECP_ORDER - 1) + 1
    x, y = secp_public_point(nonce)
    r = x % SECP_ORDER
    s = pow(nonce, -1, SECP_ORDER) * (int.from_bytes(digest, "big") + r * secret) % SECP_ORDER
    is_high = s > SECP_ORDER // 2  # of s and its negative only the lower is accepted
    return (y & 1) ^ is_high, r, SECP_ORDER - s if is_high else s
