"""Passkeys: a device proves its owner by itself, for this server's name alone (WebAuthn)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import base64url_to_bytes, options_to_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from vedette.server.problems import ProblemError
from vedette.store import proofs, tickets
from vedette.store.database import Conn
from vedette.store.proofs import PasskeyRow
from vedette.store.users import UserRow

NAMED: Final = "Vedette"
LASTS_MS: Final = 300_000
SIGN_IN: Final = "passkey"
REGISTER: Final = "passkey-new"
PASSKEYS_MAX: Final = 20

NO_NAME: Final = (
    "Passkeys need a name in place of an IP address: open the page as http://localhost:PORT on this machine,"
    " or set server.public_url."
)
WRONG: Final = "That passkey does not open anything here: use another one, or your password."
TOO_LATE: Final = "That took too long, or was answered already: try again."
ENOUGH: Final = f"You have {PASSKEYS_MAX} passkeys: remove one first."
HAS_IT: Final = "This passkey is here already."


@dataclass(frozen=True, slots=True)
class Place:
    """What a passkey is bound to: the page's origin, and its host's name."""

    origin: str
    rp_id: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What the browser is to ask the device, and the ticket with which it comes back."""

    ticket: str
    options: dict[str, Any]


def place_of(public_url: str | None, host: str) -> Place:
    """Where the page is: as the settings say, or else as the browser that asks has it."""
    origin = _origin(public_url) if public_url else f"http://{host}"
    name = urlsplit(origin).hostname or ""
    if not name or ":" in name or name.replace(".", "").isdigit():
        raise ProblemError(409, NO_NAME)
    return Place(origin, name)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


async def ask_for_new(conn: Conn, user: UserRow, place: Place, now_ms: int) -> Asked:
    """Begin to add a passkey. Devices that have one already are told so."""
    held = await proofs.passkeys_of(conn, user.id)
    if len(held) >= PASSKEYS_MAX:
        raise ProblemError(409, ENOUGH)
    options = webauthn.generate_registration_options(
        rp_id=place.rp_id,
        rp_name=NAMED,
        user_id=user.pseudonym.encode(),
        user_name=user.name,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=one.credential_id) for one in held],
    )
    ticket = await tickets.make(conn, REGISTER, now_ms, LASTS_MS, user_id=user.id, payload=options.challenge)
    return Asked(ticket, json.loads(options_to_json(options)))


@dataclass(frozen=True, slots=True)
class NewPasskey:
    credential_id: bytes
    public_key: bytes
    sign_count: int


def registered(challenge: bytes, credential: Mapping[str, Any], place: Place) -> NewPasskey:
    """The new passkey, if its device answered the question that was asked. Raises ProblemError."""
    try:
        found = webauthn.verify_registration_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=place.rp_id,
            expected_origin=place.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError) as error:
        raise ProblemError(422, f"The browser's answer about the passkey is not right: {error}") from error
    return NewPasskey(found.credential_id, found.credential_public_key, found.sign_count)


async def ask_for_any(conn: Conn, place: Place, now_ms: int) -> Asked:
    """Ask for a passkey without saying whose: the device shows its owner which it has."""
    options = webauthn.generate_authentication_options(
        rp_id=place.rp_id, user_verification=UserVerificationRequirement.REQUIRED
    )
    ticket = await tickets.make(conn, SIGN_IN, now_ms, LASTS_MS, payload=options.challenge)
    return Asked(ticket, json.loads(options_to_json(options)))


def credential_id(credential: Mapping[str, Any]) -> bytes:
    """Which passkey it says it is."""
    try:
        return base64url_to_bytes(str(credential.get("rawId", "")))
    except ValueError as error:
        raise ProblemError(401, WRONG) from error


def sign_count(challenge: bytes, held: PasskeyRow, credential: Mapping[str, Any], place: Place) -> int:
    """How often it was used by now, if its device answered the question. Raises ProblemError."""
    try:
        found = webauthn.verify_authentication_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=place.rp_id,
            expected_origin=place.origin,
            credential_public_key=held.public_key,
            credential_current_sign_count=held.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError) as error:
        raise ProblemError(401, WRONG) from error
    return found.new_sign_count
