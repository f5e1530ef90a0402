"""The other side of web push: a browser that reads what was sealed for it, by RFC 8188 and 8291."""

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from vedette.notify.push import Subscription


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Browser:
    """Its keys never leave it."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = field(default_factory=lambda: os.urandom(16))

    @property
    def point(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def subscription(self, endpoint: str) -> Subscription:
        return Subscription.of(endpoint, encoded(self.point), encoded(self.auth))

    def json(self, endpoint: str) -> dict[str, object]:
        """What `PushSubscription.toJSON()` gives."""
        keys = {"p256dh": encoded(self.point), "auth": encoded(self.auth)}
        return {"endpoint": endpoint, "expirationTime": None, "keys": keys}

    def read(self, body: bytes) -> bytes:
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        sender, record = body[21 : 21 + length], body[21 + length :]
        assert len(record) <= size
        theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        shared = hmac.digest(self.auth, self.key.exchange(ec.ECDH(), theirs), hashlib.sha256)
        keying = hmac.digest(shared, b"WebPush: info\0" + self.point + sender + b"\1", hashlib.sha256)
        start = hmac.digest(salt, keying, hashlib.sha256)
        key = hmac.digest(start, b"Content-Encoding: aes128gcm\0\1", hashlib.sha256)[:16]
        nonce = hmac.digest(start, b"Content-Encoding: nonce\0\1", hashlib.sha256)[:12]
        plain = AESGCM(key).decrypt(nonce, record, None)
        plain, mark, padding = plain.rpartition(b"\2")
        assert mark == b"\2"
        assert not padding.strip(b"\0")
        return plain
