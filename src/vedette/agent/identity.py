"""Who this agent is: an Ed25519 key that never leaves the host."""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vedette.agent.files import read_small, write_whole
from vedette.model.errors import SettingError

KEY_BYTES = 32
ID_CHARS = 32


@dataclass(frozen=True, slots=True)
class Identity:
    """The key and what is made of it."""

    key: Ed25519PrivateKey
    public_key_hex: str
    agent: str  # sha256 of the public key, first 32 hex digits

    def sign(self, body: bytes) -> str:
        """The signature of the body as sent, in base64."""
        return base64.b64encode(self.key.sign(body)).decode()


def identity_of(key: Ed25519PrivateKey) -> Identity:
    public = key.public_key().public_bytes_raw()
    return Identity(key, public.hex(), hashlib.sha256(public).hexdigest()[:ID_CHARS])


def load_identity(path: Path) -> Identity:
    """Read the key, or make one where there is none. Raises SettingError."""
    try:
        secret = read_small(path, KEY_BYTES)
        if secret is None:
            key = Ed25519PrivateKey.generate()
            write_whole(path, key.private_bytes_raw(), mode=0o600)
            return identity_of(key)
        if path.stat().st_mode & 0o077:
            raise SettingError(f"{path}: others may read this key; run: chmod 600 {path}")
    except OSError as error:
        raise SettingError(f"{path}: the agent's key cannot be used: {error.strerror or error}") from error
    if len(secret) != KEY_BYTES:
        raise SettingError(f"{path}: not an agent's key; move it away and a new one is made")
    return identity_of(Ed25519PrivateKey.from_private_bytes(secret))
