"""One place in one JSON reply, read totally: what was promised comes back, or Garbled naming the field."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, TypeVar

from vedette.conflux import address
from vedette.conflux.wire import Garbled
from vedette.model.pos import PosAddress

NUMBER_MAX: Final = 2**63 - 1
"""Heights, votes and counts stay below 2**63, so every store can hold them."""

AMOUNT_MAX: Final = 2**128 - 1
"""Drip. All there ever will be is below 2**93; a test network may be a million times richer."""

ITEMS_MAX: Final = 10_000
"""A committee has 300 seats and a node 72 peers: ten thousand is an attack."""

GLIMPSE_CHARS: Final = 40

_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,16}")
_AMOUNT = re.compile(r"0x[0-9a-fA-F]{1,32}")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")

T = TypeVar("T")

# The same few hundred addresses stand in every epoch's rewards; a checksum takes a tenth of a millisecond.
_simple = lru_cache(maxsize=4096)(address.simple)


class Field:
    """A value of a reply and its name for whoever must put it right."""

    __slots__ = ("name", "raw")

    def __init__(self, raw: Any, name: str) -> None:
        self.raw = raw
        self.name = name

    def __getitem__(self, key: str) -> "Field":
        """The part of that name, which must be there."""
        found = self.get(key)
        if key not in self.raw:
            raise Garbled(f"{found.name} is missing")
        return found

    def get(self, key: str) -> "Field":
        """The part of that name, null if it is left out."""
        if not isinstance(self.raw, dict):
            raise self.garbled("an object")
        return Field(self.raw.get(key), f"{self.name}.{key}")

    def items(self) -> list["Field"]:
        if not isinstance(self.raw, list) or len(self.raw) > ITEMS_MAX:
            raise self.garbled(f"a list of at most {ITEMS_MAX}")
        return [Field(raw, f"{self.name}[{at}]") for at, raw in enumerate(self.raw)]

    def number(self) -> int:
        """A whole number, 0 <= n < 2**63: a hex quantity, or (before 2.2.5) a plain one."""
        raw = self.raw
        if type(raw) is str and _QUANTITY.fullmatch(raw):
            raw = int(raw, 16)
        if type(raw) is not int or not 0 <= raw <= NUMBER_MAX:
            raise self.garbled("a number from 0 to 2^63 - 1")
        return raw

    def amount(self) -> int:
        """Drip, 0 <= n < 2**128, always as a hex quantity."""
        if type(self.raw) is not str or not _AMOUNT.fullmatch(self.raw):
            raise self.garbled("an amount of Drip in hex, below 2^128")
        return int(self.raw, 16)

    def flag(self) -> bool:
        if type(self.raw) is not bool:
            raise self.garbled("true or false")
        return self.raw

    def text(self, length_max: int) -> str:
        """Printable, not empty, of bounded length."""
        raw = self.raw
        if type(raw) is not str or not raw.isprintable() or not 0 < len(raw) <= length_max:
            raise self.garbled(f"a text of 1 to {length_max} printable characters")
        return raw

    def hash(self) -> str:
        """32 bytes as 0x and 64 lower-case hex digits."""
        if type(self.raw) is not str or not _HASH.fullmatch(self.raw):
            raise self.garbled("32 bytes in hex")
        return self.raw.lower()

    def address(self) -> PosAddress:
        return PosAddress(self.hash())

    def pow_address(self) -> str:
        """A Core Space address in its simple form; nodes tell it in the verbose one."""
        try:
            return _simple(self.text(address.TEXT_CHARS_MAX))
        except address.AddressError as error:
            raise Garbled(f"{self.name}: {error}") from error

    def maybe(self, read: Callable[["Field"], T]) -> T | None:
        """None for null, else what `read` makes of it."""
        return None if self.raw is None else read(self)

    def garbled(self, expected: str) -> Garbled:
        return Garbled(f"{self.name} should be {expected}, not {glimpse(self.raw)}")


def glimpse(raw: Any) -> str:
    """A few characters of what came, on one line; never a whole reply in a log."""
    if isinstance(raw, dict | list):
        return f"{'an object' if isinstance(raw, dict) else 'a list'} of {len(raw)}"
    if isinstance(raw, int) and abs(raw) > NUMBER_MAX:
        return "a huge number"  # printing a million digits takes long, and Python refuses
    shown = ascii(raw[: GLIMPSE_CHARS * 2] if isinstance(raw, str) else raw)
    return shown if len(shown) <= GLIMPSE_CHARS else shown[:GLIMPSE_CHARS] + "..."
