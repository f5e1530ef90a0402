"""Signed links by which whoever got a message takes its incident on, without signing in.

A link names one incident and the contact point that the message went to, and lasts a week. It is signed with
a key of the key file, so none can be made by whoever has the database; reading it changes nothing.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from vedette.model.incident import Notice, Reason
from vedette.model.people import EVERYBODY
from vedette.server.vault import ID_BYTES, Key, Vault

LASTS_MS: Final = 7 * 86_400_000
PURPOSE: Final = b"a link that acknowledges an incident"
MARK_BYTES: Final = 32
CONTACT_CHARS_MAX: Final = 80
TOKEN_CHARS_MAX: Final = 300


class LinkError(Exception):
    """It is no link of ours, or is over."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a link is for."""

    incident_id: int
    contact: str  # the channel that the message went to
    expires_at_ms: int


class Ack:
    """Makes links and reads them."""

    def __init__(self, vault: Vault, page_url: str, now_ms: Callable[[], int]) -> None:
        self._vault = vault
        self._page_url = page_url.rstrip("/")
        self._now_ms = now_ms

    def of(self, notice: Notice) -> str | None:
        """The link of a message, the same on every attempt; None where nobody is to take anything on."""
        incident = notice.incident
        if not incident.id or incident.team_id == EVERYBODY or notice.reason is Reason.RESOLVED:
            return None
        return f"{self._page_url}/ack/{self.token(incident.id, notice.channel, notice.created_at_ms)}"

    def token(self, incident_id: int, contact: str, since_ms: int) -> str:
        link = Link(incident_id, contact[:CONTACT_CHARS_MAX], since_ms + LASTS_MS)
        key, told = self._vault.keys()[-1], _spelled(link)
        whole = key.id + _mark(key, told) + told
        return base64.urlsafe_b64encode(whole).rstrip(b"=").decode()

    def read(self, token: str) -> Link:
        """Raises LinkError."""
        if len(token) > TOKEN_CHARS_MAX:
            raise LinkError
        try:
            whole = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (binascii.Error, ValueError) as error:
            raise LinkError from error
        wanted, mark, told = _parts(whole)
        held = self._vault.keys()
        key = next((key for key in held if key.id == wanted), None)
        if key is None or not hmac.compare_digest(mark, _mark(key, told)):
            raise LinkError
        link = _read(told)
        if link.expires_at_ms <= self._now_ms():
            raise LinkError
        return link


def _parts(whole: bytes) -> tuple[bytes, bytes, bytes]:
    end = ID_BYTES + MARK_BYTES
    return whole[:ID_BYTES], whole[ID_BYTES:end], whole[end:]


def _mark(key: Key, told: bytes) -> bytes:
    own = hmac.digest(key.secret, PURPOSE, hashlib.sha256)
    return hmac.digest(own, told, hashlib.sha256)


def _spelled(link: Link) -> bytes:
    return f"{link.incident_id} {link.expires_at_ms} {link.contact}".encode()


def _read(told: bytes) -> Link:
    number, expires, contact = told.decode().split(" ", 2)
    return Link(int(number), contact, int(expires))
