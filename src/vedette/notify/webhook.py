"""A webhook: one POST of JSON, signed when both sides share a secret."""

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

import msgspec

from vedette.model.errors import SettingError
from vedette.notify.errors import ChannelError
from vedette.notify.guard import Guard, Reply, host_of
from vedette.notify.text import Message

GONE = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Where a webhook goes. With a secret every message is signed (see `signature`)."""

    name: str
    url: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            sound = False
        if not sound:
            raise SettingError(f"webhook {self.name}: the url must start with http:// or https:// and a host")


class Webhook:
    """POSTs each message; a 2xx answer means taken."""

    def __init__(
        self, settings: WebhookSettings, guard: Guard, unix_s: Callable[[], float] = time.time
    ) -> None:
        self.name = settings.name
        self._settings = settings
        self._guard = guard
        self._unix_s = unix_s

    async def send(self, message: Message) -> None:
        body = payload(message)
        headers = {"Content-Type": "application/json", "Idempotency-Key": message.key}
        if self._settings.secret is not None:
            headers["Vedette-Signature"] = signature(self._settings.secret, int(self._unix_s()), body)
        reply = await self._guard.post(self._settings.url, body, headers)
        if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
            raise refusal(host_of(self._settings.url), reply)

    async def close(self) -> None:
        await self._guard.close()


def payload(message: Message) -> bytes:
    """The JSON that a webhook receives, UTF-8."""
    return msgspec.json.encode(
        {
            "id": message.key,
            "kind": message.kind,
            "reason": str(message.reason),
            "incident": message.incident or None,
            "text": message.body_text,
            "url": message.url,
        }
    )


def signature(secret: str, unix_s: int, body: bytes) -> str:
    """`t=<unix seconds>,v1=<hex HMAC-SHA-256 of "<t>.<body>">` (so old ones can be refused)."""
    digest = hmac.new(secret.encode(), f"{unix_s}.".encode() + body, hashlib.sha256)
    return f"t={unix_s},v1={digest.hexdigest()}"


def refusal(host: str, reply: Reply) -> ChannelError:
    """What an answer other than 2xx means."""
    if HTTPStatus.MULTIPLE_CHOICES <= reply.status < HTTPStatus.BAD_REQUEST:
        return ChannelError(
            f"{host} answered {reply.status}, a redirect, which is never followed: "
            "put the final address into the settings"
        )
    said = f"{host} answered {reply.status}"
    return ChannelError(said, permanent=reply.status in GONE, retry_after_s=reply.retry_after_s)
