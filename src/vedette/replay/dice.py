"""Chance and hashes that follow from a seed: whatever is asked twice is answered alike, in any order."""

from enum import IntEnum
from hashlib import blake2b, shake_256

import numpy as np

BLOCK_HASH = "block"
FORK_HASH = "fork"
POW_HASH = "pow"
"""Kinds of numbered hashes."""

HEAD_BYTES = 24
WORD_BYTES = 8
WORD = (1 << 64) - 1
SPREAD = 0x9E3779B97F4A7C15  # odd, so that it has an inverse
SPREAD_BACK = pow(SPREAD, -1, 1 << 64)


class Stream(IntEnum):
    """One for each kind of draw, so that more draws of one kind do not move those of another."""

    GENESIS = 0
    PLAN = 1
    ELECTION = 2
    LEAVES = 3
    TRANSACTIONS = 4
    FAULTS = 5


class Dice:
    """Draws and hashes of one history."""

    def __init__(self, seed: str) -> None:
        self._key = blake2b(seed.encode(), digest_size=32).digest()
        self._philox_key = int.from_bytes(self._key[:16], "big")

    def rng(self, stream: Stream, epoch: int = 0) -> np.random.Generator:
        """A fresh generator. Philox counts its own draws in the low half of the counter."""
        return np.random.Generator(
            np.random.Philox(key=self._philox_key, counter=(epoch << 160) | (stream << 128))
        )

    def hash(self, kind: str, number: int) -> str:
        """32 bytes, as 0x and hex."""
        return "0x" + self._digest(kind, number, 32).hex()

    def integer(self, kind: str, number: int, below: int) -> int:
        """0 <= n < below, even enough for what it is used for."""
        return int.from_bytes(self._digest(kind, number, 8), "big") % below

    def text(self, kind: str, number: int, size: int) -> str:
        """That many bytes as hex, without 0x."""
        return shake_256(self._key + f"{kind}/{number}".encode()).hexdigest(size)

    def numbered_hash(self, kind: str, number: int) -> str:
        """A hash that hides its number, so that `number_of` can find it without a table."""
        head = self._digest(kind, number, HEAD_BYTES)
        hidden = (number * SPREAD ^ int.from_bytes(head[:WORD_BYTES], "big")) & WORD
        return "0x" + head.hex() + hidden.to_bytes(WORD_BYTES, "big").hex()

    def number_of(self, kind: str, hash_: str) -> int | None:
        """The number of a hash of that kind; None for any other 32 bytes."""
        raw = bytes.fromhex(hash_[2:])
        hidden = int.from_bytes(raw[:WORD_BYTES], "big") ^ int.from_bytes(raw[HEAD_BYTES:], "big")
        number = hidden * SPREAD_BACK & WORD
        return number if self.numbered_hash(kind, number) == hash_ else None

    def _digest(self, kind: str, number: int, size: int) -> bytes:
        return blake2b(f"{kind}/{number}".encode(), digest_size=size, key=self._key).digest()
