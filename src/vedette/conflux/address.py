"""Core Space addresses as people write them: base32 with a checksum (CIP-37).

    simple    cfx:aarc9abycue0hhzgyrr53m6cxedgccrmmyybjgh4xg
    verbose   CFX:TYPE.USER:AARC9ABYCUE0HHZGYRR53M6CXEDGCCRMMYYBJGH4XG

Vedette keeps the simple form; nodes answer in the verbose one, and take either.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from vedette.model.errors import VedetteError

MAINNET: Final = 1029
TESTNET: Final = 1
NETWORK_ID_MAX: Final = 2**32 - 1
ADDRESS_BYTES: Final = 20
TEXT_CHARS_MAX: Final = 120  # a simple address has at most 56; options may stand between

ALPHABET: Final = "abcdefghjkmnprstuvwxyz0123456789"
CHECKSUM_GENERATORS: Final = (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)
CHECKSUM_LETTERS: Final = 8
PAYLOAD_LETTERS: Final = 34  # a version byte and 20 more: 168 bits, and two of padding

_FIVES: Final = {letter: five for five, letter in enumerate(ALPHABET)}
_PRIVATE: Final = re.compile(r"net([1-9][0-9]{0,9})")
_HEX: Final = re.compile(r"0x[0-9a-fA-F]{40}")


class AddressError(VedetteError):
    """A text is no address; the line says why."""


class AddressKind(StrEnum):
    """What the first four bits of an address say."""

    BUILTIN = "builtin"
    USER = "user"
    CONTRACT = "contract"
    NULL = "null"  # all zero
    UNKNOWN = "unknown"


class Decoded(NamedTuple):
    """The 20 bytes of an address, and the network on which it is one."""

    raw: bytes
    network_id: int


def kind(raw: bytes) -> AddressKind:
    """What such an address stands for."""
    if not any(raw):
        return AddressKind.NULL
    kinds = {0x00: AddressKind.BUILTIN, 0x10: AddressKind.USER, 0x80: AddressKind.CONTRACT}
    return kinds.get(raw[0] & 0xF0, AddressKind.UNKNOWN)


def encode(raw: bytes, network_id: int, *, verbose: bool = False) -> str:
    """The base32 form of 20 bytes on that network. Raises AddressError."""
    if len(raw) != ADDRESS_BYTES:
        raise AddressError(f"an address has {ADDRESS_BYTES} bytes, not {len(raw)}")
    prefix = _prefix(network_id)
    payload = _fives_of(b"\x00" + raw + b"\x00")[:PAYLOAD_LETTERS]  # version 0
    checksum = _polymod([*_checked(prefix), *payload, *[0] * CHECKSUM_LETTERS])
    letters = "".join(ALPHABET[five] for five in payload + _fives_of(checksum.to_bytes(5, "big")))
    return f"{prefix}:type.{kind(raw)}:{letters}".upper() if verbose else f"{prefix}:{letters}"


def decode(text: str) -> Decoded:
    """What an address in either form means. Raises AddressError with the first thing that is wrong."""
    # Both cases at once are a sign of a slip of the hand, and CIP-37 refuses them.
    if not text.isascii() or len(text) > TEXT_CHARS_MAX or text not in {text.lower(), text.upper()}:
        raise _odd(text, "an address is ASCII letters of one case")
    prefix, *rest = text.lower().split(":")
    network_id = _network_id(prefix)
    if network_id is None or not rest:
        raise _odd(text, "an address begins with cfx:, cfxtest: or net and a number")
    *options, payload = rest
    raw = _raw(text, prefix, payload)
    if any(not _option_fits(option, raw) for option in options):
        raise _odd(text, f"its type is {kind(raw)}")
    return Decoded(raw, network_id)


def is_address(text: str) -> bool:
    """Whether the text is an address in either form, its checksum included."""
    try:
        decode(text)
    except AddressError:
        return False
    return True


def simple(text: str) -> str:
    """The simple form, in lower case, of an address in either form. Raises AddressError."""
    return encode(*decode(text))


def verbose(text: str) -> str:
    """The verbose form, in upper case, of an address in either form. Raises AddressError."""
    return encode(*decode(text), verbose=True)


def from_hex(text: str, network_id: int) -> str:
    """The simple form of 0x and 40 hex digits. Raises AddressError."""
    if not _HEX.fullmatch(text):
        raise _odd(text, "a hex address is 0x and 40 hex digits")
    return encode(bytes.fromhex(text[2:]), network_id)


def to_hex(text: str) -> str:
    """An address in either form as 0x and 40 lower-case hex digits. Raises AddressError."""
    return "0x" + decode(text).raw.hex()


def _prefix(network_id: int) -> str:
    if not 0 < network_id <= NETWORK_ID_MAX:
        raise AddressError(f"network {network_id}: a network's number is 1 to {NETWORK_ID_MAX}")
    return {MAINNET: "cfx", TESTNET: "cfxtest"}.get(network_id, f"net{network_id}")


def _network_id(prefix: str) -> int | None:
    named = {"cfx": MAINNET, "cfxtest": TESTNET}.get(prefix)
    if named is not None:
        return named
    found = _PRIVATE.fullmatch(prefix)
    number = int(found[1]) if found else 0
    # The public networks have one spelling only, or an address would have two.
    return number if 0 < number <= NETWORK_ID_MAX and number not in {MAINNET, TESTNET} else None


def _raw(text: str, prefix: str, payload: str) -> bytes:
    strange = next((letter for letter in payload if letter not in _FIVES), None)
    if strange is not None:
        raise _odd(text, f"no address has the letter {strange!r}")
    if len(payload) != PAYLOAD_LETTERS + CHECKSUM_LETTERS:
        raise _odd(text, f"{PAYLOAD_LETTERS + CHECKSUM_LETTERS} letters follow the last colon of an address")
    fives = [_FIVES[letter] for letter in payload]
    if _polymod([*_checked(prefix), *fives]):
        raise _odd(text, "its checksum is wrong, so a letter is")
    bits = "".join(f"{five:05b}" for five in fives[:PAYLOAD_LETTERS])
    version, raw, padding = bits[:8], bits[8:168], bits[168:]
    if "1" in version + padding:
        raise _odd(text, "its version is unknown")
    return int(raw, 2).to_bytes(ADDRESS_BYTES, "big")


def _option_fits(option: str, raw: bytes) -> bool:
    """CIP-37 has a reader check the type, and overlook options that it does not know."""
    told = option.removeprefix("type.")
    if told == option:
        return True
    null_fits = kind(raw) is AddressKind.NULL and told == AddressKind.BUILTIN
    return told == kind(raw) or null_fits


def _checked(prefix: str) -> list[int]:
    """The part of the checksum's input that stands before the payload; options are not in it."""
    return [*(ord(letter) & 31 for letter in prefix), 0]


def _fives_of(data: bytes) -> list[int]:
    """The bits in groups of five, from the left; those that do not fill a group are left out."""
    bits = "".join(f"{byte:08b}" for byte in data)
    return [int(bits[at : at + 5], 2) for at in range(0, len(bits) - 4, 5)]


def _polymod(fives: Sequence[int]) -> int:
    """The checksum of Bitcoin Cash, as CIP-37 prints it."""
    remainder = 1
    for five in fives:
        top = remainder >> 35
        remainder = (remainder & (1 << 35) - 1) << 5 ^ five
        for bit, generator in enumerate(CHECKSUM_GENERATORS):
            remainder ^= generator if top >> bit & 1 else 0
    return remainder ^ 1


def _odd(text: str, why: str) -> AddressError:
    shown = ascii(text[:60])
    return AddressError(f"{shown} is no address: {why}")
