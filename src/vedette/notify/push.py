"""Web push: a message sealed for one browser, handed to the service that its maker runs for it.

The service carries it without being able to read it (RFC 8291 over RFC 8188), and knows who sends by a signed
note (RFC 8292, VAPID). `cryptography` has all the parts; pywebpush would bring an HTTP client of its own past
our guard, and http-ece has had no wheel since 2024.
"""

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from vedette.model.incident import Incident, Reason
from vedette.notify.errors import ChannelError
from vedette.notify.guard import Guard, host_of
from vedette.notify.text import clean, message_lines, message_title
from vedette.notify.words import Lang

POINT_BYTES, AUTH_BYTES, SALT_BYTES, SECRET_BYTES = 65, 16, 16, 32
RECORD_BYTES: Final = 4_096
"""More no push service need take (RFC 8030, section 7.2)."""
LAST_RECORD: Final = b"\x02"
PLAIN_BYTES_MAX: Final = 3_000
TTL_S: Final = 4 * 3_600
"""So long a service waits for a browser that is away; later it is no news."""
NOTE_S: Final = 12 * 3_600
GONE: Final = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
TOPIC_LETTERS: Final = 32
LINE_CHARS_MAX: Final = 300


class GoneError(ChannelError):
    """The browser no longer wants to be told: its service has forgotten it."""

    def __init__(self, host: str) -> None:
        super().__init__(f"{host}: the browser no longer wants to be told", permanent=True)


class SubscriptionError(ValueError):
    """A subscription is none; the line says what is wrong."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where a browser is told, and the keys that seal what only it may read."""

    endpoint: str = field(repr=False)
    p256dh: bytes = field(repr=False)  # its public key: a point of P-256, not compressed
    auth: bytes = field(repr=False)

    @classmethod
    def of(cls, endpoint: str, p256dh: str, auth: str) -> "Subscription":
        """As a browser spells one. Raises SubscriptionError."""
        point, secret = _unspelled(p256dh), _unspelled(auth)
        if len(point) != POINT_BYTES or len(secret) != AUTH_BYTES:
            raise SubscriptionError(f"keys: p256dh has {POINT_BYTES} bytes and auth {AUTH_BYTES}")
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        except ValueError:
            raise SubscriptionError("keys: p256dh is no point of the curve P-256") from None
        return cls(endpoint, point, secret)

    def packed(self) -> bytes:
        """To be sealed and kept."""
        return self.p256dh + self.auth + self.endpoint.encode()

    @classmethod
    def unpacked(cls, raw: bytes) -> "Subscription":
        keys, endpoint = raw[: POINT_BYTES + AUTH_BYTES], raw[POINT_BYTES + AUTH_BYTES :]
        return cls(endpoint.decode(), keys[:POINT_BYTES], keys[POINT_BYTES:])


# --- sealing (RFC 8291) -----------------------------------------------------------------------------------


def sealed(
    plain: bytes,
    to: Subscription,
    salt: bytes | None = None,
    own: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """The body of a request to a push service. Salt and own key are drawn anew for every message."""
    salt, own = salt or os.urandom(SALT_BYTES), own or ec.generate_private_key(ec.SECP256R1())
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), to.p256dh)
    point = public_point(own)
    secret = own.exchange(ec.ECDH(), theirs)
    keying = _derived(secret, to.auth, b"WebPush: info\0" + to.p256dh + point, SECRET_BYTES)
    key = _derived(keying, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(keying, salt, b"Content-Encoding: nonce\0", 12)
    head = salt + RECORD_BYTES.to_bytes(4, "big") + bytes([len(point)]) + point
    return head + AESGCM(key).encrypt(nonce, plain + LAST_RECORD, None)


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)


# --- who sends (RFC 8292) ---------------------------------------------------------------------------------


def new_key() -> bytes:
    """A secret that names this server to push services: 32 bytes."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return number.to_bytes(SECRET_BYTES, "big")


def key_of(secret: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())


def public_point(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public half, not compressed: what a browser is given as applicationServerKey."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def note(key: ec.EllipticCurvePrivateKey, endpoint: str, unix_s: int, contact: str | None) -> str:
    """The `Authorization` of a request: by whom it is, for which service, and until when."""
    parts = urlsplit(endpoint)
    claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": unix_s + NOTE_S}
    if contact is not None:
        claims["sub"] = contact
    told = f"{_json({'typ': 'JWT', 'alg': 'ES256'})}.{_json(claims)}"
    r, s = decode_dss_signature(key.sign(told.encode(), ec.ECDSA(SHA256())))
    signature = r.to_bytes(SECRET_BYTES, "big") + s.to_bytes(SECRET_BYTES, "big")
    return f"vapid t={told}.{spelled(signature)}, k={spelled(public_point(key))}"


def spelled(raw: bytes) -> str:
    """Base64url without padding, as everything of web push is."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unspelled(text: str) -> bytes:
    """Browsers leave the padding out; some libraries put it in."""
    bare = text.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise SubscriptionError("keys: p256dh and auth are base64url") from None


def _json(told: Mapping[str, Any]) -> str:
    return spelled(json.dumps(told, separators=(",", ":")).encode())


# --- what is said -----------------------------------------------------------------------------------------


def payload(incident: Incident, reason: Reason, lang: Lang, now_ms: int) -> bytes:
    """What the service worker is given, as JSON: see docs/reference/push.md."""
    address = incident.subject.id
    body = "\n".join(message_lines(incident, reason, lang, now_ms))
    told = {
        "v": 1,
        "tag": tag_of(incident),
        "reason": reason.value,
        "severity": incident.severity.value,
        "address": address,
        "title": clean(message_title(incident, reason, lang, now_ms))[:LINE_CHARS_MAX],
        "body": body[: 2 * LINE_CHARS_MAX],
        "url": f"/validators/{address}",
        "opened_at_ms": incident.opened_at_ms,
        "resolved_at_ms": incident.resolved_at_ms,
        "lang": lang,
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def tag_of(incident: Incident) -> str:
    """The same for all that is said of one validator: what is newer replaces what was shown."""
    return f"{incident.rule}/{incident.subject.id}"


# --- sending ----------------------------------------------------------------------------------------------


class Pusher:
    """Hands sealed messages to push services; the guard judges where they are."""

    def __init__(self, guard: Guard, contact: str | None, unix_s: Callable[[], int]) -> None:
        """`contact`: where a service's keeper finds who sends so much; https, or left out."""
        self._guard = guard
        self._contact = contact
        self._unix_s = unix_s

    def check(self, endpoint: str) -> None:
        """Raise ChannelError for an endpoint whose look alone tells that it may not be called."""
        self._guard.check(endpoint)

    async def send(
        self, to: Subscription, key: ec.EllipticCurvePrivateKey, plain: bytes, topic: str, *, urgent: bool
    ) -> None:
        """Send once. Raises GoneError, ChannelError."""
        headers = {
            "Authorization": note(key, to.endpoint, self._unix_s(), self._contact),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(TTL_S),
            "Urgency": "high" if urgent else "normal",
            "Topic": spelled(hashlib.sha256(topic.encode()).digest())[:TOPIC_LETTERS],
        }
        reply = await self._guard.post(to.endpoint, sealed(plain, to), headers)
        host = host_of(to.endpoint)
        if reply.status in GONE:
            raise GoneError(host)
        if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
            passing = reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR or reply.status in {
                HTTPStatus.TOO_MANY_REQUESTS,
                HTTPStatus.REQUEST_TIMEOUT,
            }
            raise ChannelError(
                f"{host} answered {reply.status}", permanent=not passing, retry_after_s=reply.retry_after_s
            )

    async def close(self) -> None:
        await self._guard.close()
