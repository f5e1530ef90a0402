"""Who signed a text: the address behind a wallet's signature, in Core Space or in eSpace.

A wallet signs a digest, and which digest depends on how it was asked. Core Space wallets prefix a text
(`personal_sign`) or hash it as typed data (CIP-23); eSpace wallets prefix it as EIP-191 says. From digest and
signature follows the key, and from the key the address in either space: Core Space sets its first four bits.

Sources: CIP-23; EIP-191, EIP-55, EIP-712 (whose hashing CIP-23 takes over); address.rs of conflux-rust. The
curve is eth-keys'.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from vedette.conflux import address
from vedette.conflux.keccak import keccak256
from vedette.model.claims import Space
from vedette.model.errors import VedetteError

SIGNATURE_BYTES: Final = 65
CURVE_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
OLD_V: Final = 27
"""Wallets that follow the yellow paper count the two keys of a signature from here; others from 0."""
USER_NIBBLE: Final = 0x10

DOMAIN_TYPE: Final = "CIP23Domain(string name,string version,uint256 chainId)"
CLAIM_TYPE: Final = "Claim(string text)"
DOMAIN_NAME: Final = "Vedette"
DOMAIN_VERSION: Final = "1"


class SignatureError(VedetteError):
    """A signature is none, or is not by whoever had to sign; the line says what to do."""


# --- what is signed ---------------------------------------------------------------------------------------


def conflux_digest(text: str) -> bytes:
    """What `personal_sign` of a Core Space wallet signs."""
    return _personal_digest("Conflux", text)


def ethereum_digest(text: str) -> bytes:
    """What `personal_sign` of an eSpace wallet signs (EIP-191, version 0x45)."""
    return _personal_digest("Ethereum", text)


def _personal_digest(chain: str, text: str) -> bytes:
    told = text.encode()
    return keccak256(f"\x19{chain} Signed Message:\n{len(told)}".encode() + told)


def typed_digest(text: str, chain_id: int) -> bytes:
    """What `cfx_signTypedData_v4` signs when it is given `typed_data` of the same text and chain."""
    chain = chain_id.to_bytes(32, "big")
    domain = struct_hash(DOMAIN_TYPE, _text_hash(DOMAIN_NAME), _text_hash(DOMAIN_VERSION), chain)
    return typed_hash(domain, struct_hash(CLAIM_TYPE, _text_hash(text)))


def struct_hash(kind: str, *members: bytes) -> bytes:
    """`hashStruct` of CIP-23: the type as it spells it, and each member in its 32 bytes."""
    return keccak256(keccak256(kind.encode()) + b"".join(members))


def typed_hash(domain: bytes, message: bytes) -> bytes:
    """What is signed of typed data, from the hashes of its domain and of its message."""
    return keccak256(b"\x19\x01" + domain + message)


def _text_hash(text: str) -> bytes:
    return keccak256(text.encode())


def typed_data(text: str, chain_id: int) -> dict[str, Any]:
    """The text as a wallet takes typed data: it shows it to a person under its own heading."""
    return {
        "types": {"CIP23Domain": _members(DOMAIN_TYPE), "Claim": _members(CLAIM_TYPE)},
        "primaryType": "Claim",
        "domain": {"name": DOMAIN_NAME, "version": DOMAIN_VERSION, "chainId": chain_id},
        "message": {"text": text},
    }


def _members(spelled: str) -> list[dict[str, str]]:
    inner = spelled.partition("(")[2].removesuffix(")")
    pairs = (member.split(" ") for member in inner.split(","))
    return [{"name": name, "type": kind} for kind, name in pairs]


DIGESTS: Final[Mapping[Space, tuple[Callable[[str, int], bytes], ...]]] = {
    Space.CORE: (lambda text, _: conflux_digest(text), typed_digest),
    Space.ESPACE: (lambda text, _: ethereum_digest(text),),
}
"""In how many ways a wallet of that space may have been asked to sign a text on that chain."""


# --- who signed it ----------------------------------------------------------------------------------------


def signature_of(given: str) -> bytes:
    """The 65 bytes that a wallet gave as hex, ending in 0 or 1. Raises SignatureError."""
    try:
        raw = bytes.fromhex(given.strip().removeprefix("0x"))
    except ValueError:
        raise SignatureError("a signature is hex: 0x and 130 digits, as the wallet gave it") from None
    if len(raw) != SIGNATURE_BYTES:
        raise SignatureError(f"a signature has {SIGNATURE_BYTES} bytes, not {len(raw)}: copy all of it")
    last = raw[-1] - OLD_V if raw[-1] >= OLD_V else raw[-1]
    if last not in {0, 1}:
        raise SignatureError(f"a signature ends in 00, 01, 1b or 1c, not {raw[-1]:02x}: copy all of it")
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:64], "big")
    if not (0 < r < CURVE_ORDER and 0 < s <= CURVE_ORDER // 2):
        # Whoever has one signature can make its twin with the high s; wallets make the low one only.
        raise SignatureError("its numbers are not those of a wallet's signature: sign the message again")
    return raw[:-1] + bytes([last])


def public_key(digest: bytes, signature: bytes) -> bytes:
    """The key (64 bytes) that made this signature, which `signature_of` checked. Raises SignatureError."""
    # Whoever never claims a validator need not wait for the curve's library.
    from eth_keys.backends.native.main import NativeECCBackend
    from eth_keys.exceptions import BadSignature
    from eth_keys.main import KeyAPI
    from eth_utils.exceptions import ValidationError

    try:
        signed = KeyAPI(NativeECCBackend).Signature(signature)
        key: bytes = signed.recover_public_key_from_msg_hash(digest).to_bytes()
    except (BadSignature, ValidationError):
        raise SignatureError("no key makes such a signature: sign the message again") from None
    return key


def core_address(key: bytes, network_id: int) -> str:
    """The Core Space address of a public key (64 bytes): base32, simple form."""
    raw = keccak256(key)[-address.ADDRESS_BYTES :]
    return address.encode(bytes([raw[0] & 0x0F | USER_NIBBLE]) + raw[1:], network_id)


def espace_address(key: bytes) -> str:
    """The eSpace address of a public key (64 bytes)."""
    return checksummed(keccak256(key)[-address.ADDRESS_BYTES :])


def checksummed(raw: bytes) -> str:
    """20 bytes as EIP-55 spells them: a letter is a capital where the hash of them all says so."""
    letters = raw.hex()
    marks = keccak256(letters.encode()).hex()
    pairs = zip(letters, marks, strict=False)
    return "0x" + "".join(one.upper() if int(mark, 16) >= 8 else one for one, mark in pairs)  # noqa: PLR2004 - its high bit


def signers(text: str, given: str, space: Space, chain_id: int) -> set[str]:
    """Whoever a signature of this text may be by: one address for each way of asking a wallet of that space.

    Nobody has the keys of all but one: they are what the same numbers mean under another digest. Raises
    SignatureError.
    """
    signature = signature_of(given)
    keys = [_key(digest(text, chain_id), signature) for digest in DIGESTS[space]]
    found = [key for key in keys if key is not None]
    if not found:
        raise SignatureError("no key makes such a signature: sign the message again")
    return {core_address(key, chain_id) if space is Space.CORE else espace_address(key) for key in found}


def _key(digest: bytes, signature: bytes) -> bytes | None:
    try:
        return public_key(digest, signature)
    except SignatureError:
        return None
