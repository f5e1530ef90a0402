"""Core Space as far as it takes to make a transaction: addresses, RLP and signatures. For TEST keys only."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from vedette.devnet.curves import SECP_ORDER, secp_public_point
from vedette.devnet.keccak import keccak256

ALPHABET = "abcdefghjkmnprstuvwxyz0123456789"
CHECKSUM_GENERATORS = (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)
NETWORK_NAMES = {1029: "cfx", 1: "cfxtest"}

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


def base32_address(address: bytes, network_id: int) -> str:
    """A 20-byte address as people write it (CIP-37)."""
    prefix = NETWORK_NAMES.get(network_id, f"net{network_id}")
    payload = _fives(b"\x00" + address + b"\x00")[:34]  # version 0; 168 bits in 34 letters
    checked = [ord(letter) & 31 for letter in prefix] + [0] + payload
    checksum = _fives(_polymod(checked + [0] * 8).to_bytes(5, "big"))
    return prefix + ":" + "".join(ALPHABET[five] for five in payload + checksum)


def _fives(data: bytes) -> list[int]:
    """The bits in groups of five, from the left; those that do not fill a group are left out."""
    bits = "".join(f"{byte:08b}" for byte in data)
    return [int(bits[at : at + 5], 2) for at in range(0, len(bits) - 4, 5)]


def _polymod(fives: Sequence[int]) -> int:
    remainder = 1
    for five in fives:
        top = remainder >> 35
        remainder = (remainder & (1 << 35) - 1) << 5 ^ five
        for bit, generator in enumerate(CHECKSUM_GENERATORS):
            remainder ^= generator if top >> bit & 1 else 0
    return remainder ^ 1


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
