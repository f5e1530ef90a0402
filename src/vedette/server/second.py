"""The second factor: an authenticator's six digits, which work once, or a recovery code, which does too."""

import base64
import hmac
import io
import logging
import secrets
from dataclasses import dataclass
from typing import Final

import pyotp
import segno

from vedette.server.problems import ProblemError
from vedette.server.vault import SealError, Vault
from vedette.store import proofs
from vedette.store.database import Conn
from vedette.store.sealed import TOTP
from vedette.store.users import UserRow

log = logging.getLogger(__name__)

STEP_MS: Final = 30_000
DIGITS: Final = 6
STEPS_AROUND: Final = 1
"""An authenticator's clock may be half a minute off."""
RECOVERY_CODES: Final = 10
ISSUER: Final = "Vedette"
UNREADABLE: Final = (
    "The server cannot read the secrets that it sealed: its log says why. A recovery code works meanwhile."
)


@dataclass(frozen=True, slots=True)
class Secret:
    """What an authenticator is shown once, in three forms."""

    secret: str
    uri: str
    qr_svg: str


def new_secret(name: str) -> Secret:
    secret = pyotp.random_base32()
    uri = pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)
    return Secret(secret, uri, _picture(uri))


def _picture(uri: str) -> str:
    """A QR code without size or colour of its own: the page gives it both."""
    svg = io.BytesIO()
    code = segno.make(uri, error="m", micro=False)
    code.save(
        svg, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=2, svgclass=None, lineclass=None
    )
    return svg.getvalue().decode().strip()


def new_recovery_codes() -> list[str]:
    return [base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES)]


def spaced(code: str) -> str:
    """A code as people read it: in groups of four."""
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def plain(code: str) -> str:
    """A code without what people add to it."""
    return "".join(code.lower().replace("-", "").split())


class SecondFactor:
    """Knows whether a code is right. Secrets are sealed with the key file."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def seal(self, secret: str) -> bytes:
        return self._vault.seal(secret.encode(), TOTP.purpose)

    async def passes(self, conn: Conn, user: UserRow, code: str, now_ms: int) -> bool:
        """Whether the code is his; then it is used up."""
        given = plain(code)
        if given.isascii() and given.isdigit() and len(given) == DIGITS:
            step = self._step(user, given, now_ms)
            return step is not None and await proofs.use_step(conn, user.id, step)
        return await proofs.use_recovery_code(conn, user.id, given, now_ms)

    def _step(self, user: UserRow, digits: str, now_ms: int) -> int | None:
        """The half minute that the digits belong to."""
        if user.totp_sealed is None:
            return None
        try:
            totp = pyotp.TOTP(self._vault.open(user.totp_sealed, TOTP.purpose).decode())
        except SealError as error:
            log.error("the authenticator of %s: %s", user.pseudonym, error)  # noqa: TRY400 - the line says all
            raise ProblemError(503, UNREADABLE) from error
        now = now_ms // STEP_MS
        found = None
        for step in range(now - STEPS_AROUND, now + STEPS_AROUND + 1):
            if hmac.compare_digest(totp.generate_otp(step), digits) and step > user.totp_last_step:
                found = step
        return found
