"""Ed25519 public keys of people who may command agents: as they are pasted, and as they are told apart."""

import base64
import binascii
import hashlib
import re
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SSH_NAME: Final = "ssh-ed25519"
SSH_KIND: Final = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"
HINT: Final = "it should be an Ed25519 public key: 64 hex digits, base64, or a line `ssh-ed25519 AAAA…`"
_HEX = re.compile(r"[0-9a-fA-F]{64}")


def parsed(words: str) -> tuple[bytes, str]:
    """The key, and the comment that an OpenSSH line carries. Raises ValueError with what would be right."""
    kind, _, rest = words.strip().partition(" ")
    if kind == SSH_NAME:
        body, _, comment = rest.strip().partition(" ")
        raw = _base64(body)
        if raw is not None and raw.startswith(SSH_KIND):
            return _checked(raw.removeprefix(SSH_KIND)), comment.strip()
    elif not rest:
        return _checked(bytes.fromhex(kind) if _HEX.fullmatch(kind) else _base64(kind)), ""
    raise ValueError(f"{words[:40]!a}: {HINT}")


def ssh_line(key: bytes, comment: str = "") -> str:
    return f"{SSH_NAME} {base64.b64encode(SSH_KIND + key).decode()} {comment}".rstrip()


def fingerprint(key: bytes) -> str:
    """As OpenSSH writes it, so that `ssh-keygen -l` tells the same."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(SSH_KIND + key).digest()).decode().rstrip("=")


def _checked(raw: bytes | None) -> bytes:
    try:
        return Ed25519PublicKey.from_public_bytes(raw or b"").public_bytes_raw()
    except ValueError as error:
        raise ValueError(f"that is no key: {HINT}") from error


def _base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
