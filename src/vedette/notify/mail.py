"""Mail over SMTP: text and HTML, threaded by incident, with an id that is the same on every attempt."""

import asyncio
import ipaddress
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from enum import StrEnum
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from vedette.model.errors import SettingError
from vedette.notify.errors import ChannelError
from vedette.notify.text import Image, Message, clean

DEADLINE_S = 30.0  # the whole conversation; a greylisting server takes its time


class Security(StrEnum):
    """How the connection is protected."""

    TLS = "tls"  # from the first byte (port 465)
    STARTTLS = "starttls"  # demanded before anything is said (port 587)
    NONE = "none"  # for a relay on this machine


PORTS = {Security.TLS: 465, Security.STARTTLS: 587, Security.NONE: 25}


@dataclass(frozen=True, slots=True)
class MailSettings:
    """Where mail goes, and as whom. Addresses are plain (`a@b.c`) or named (`Watch <a@b.c>`)."""

    name: str
    server: str
    port: int
    sender: str
    recipients: tuple[str, ...]
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    security: Security = Security.STARTTLS

    def __post_init__(self) -> None:
        if not self.recipients:
            raise SettingError(f"mail {self.name}: name at least one recipient")
        for given in (self.sender, *self.recipients):
            address(given)


def mail_settings(name: str, url: str, sender: str, recipients: Sequence[str]) -> MailSettings:
    """Settings from `smtp://user:password@host:port` or `smtps://…`; `?security=none` sends in the clear.

    smtp:// demands STARTTLS, except to this very machine. Raises SettingError in one line without the URL.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        wish = parse_qs(parts.query).get("security", [""])[0]
        security = Security(wish) if wish else _usual_security(parts.scheme, host or "")
    except ValueError:
        host, port, security = None, None, Security.NONE
    if not host:
        raise SettingError(
            f"mail {name}: the server must be smtp://user:password@host:port or smtps://…, "
            "with ?security=none, starttls or tls if need be"
        )
    return MailSettings(
        name=name,
        server=host,
        port=port or PORTS[security],
        sender=sender,
        recipients=tuple(recipients),
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        security=security,
    )


def _usual_security(scheme: str, host: str) -> Security:
    if scheme not in ("smtp", "smtps"):
        raise ValueError(scheme)
    if scheme == "smtps":
        return Security.TLS
    return Security.NONE if _is_this_machine(host) else Security.STARTTLS


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def address(given: str) -> Address:
    """One mail address, plain or named. Raises SettingError."""
    name, spec = parseaddr(given)
    problem = SettingError(f"not a mail address: {clean(given)!r}")
    if not spec or not spec.isascii() or any(char in given for char in "\r\n"):
        raise problem
    try:
        return Address(clean(name), addr_spec=spec)
    except (ValueError, IndexError, MessageError):
        raise problem from None


class Mail:
    """Sends each message to all recipients in one conversation."""

    def __init__(
        self,
        settings: MailSettings,
        deadline_s: float = DEADLINE_S,
        unix_s: Callable[[], float] = time.time,
    ) -> None:
        self.name = settings.name
        self._settings = settings
        self._deadline_s = deadline_s
        self._unix_s = unix_s

    async def send(self, message: Message) -> str | None:
        mail = compose(message, self._settings, datetime.fromtimestamp(self._unix_s(), UTC))
        return await deliver(self._settings, mail, self._settings.recipients, self._deadline_s)

    async def close(self) -> None:
        """Nothing is kept open between messages."""


async def deliver(
    settings: MailSettings, mail: EmailMessage, recipients: Sequence[str], deadline_s: float = DEADLINE_S
) -> str:
    """Send one mail to all of these in one conversation; what the server said when it took it.

    Raises ChannelError.
    """
    server = settings.server
    try:
        async with asyncio.timeout(deadline_s):
            refused, said = await _converse(settings, mail, recipients, deadline_s)
    except (TimeoutError, aiosmtplib.SMTPTimeoutError):
        raise ChannelError(f"{server} did not finish within {deadline_s:g} s") from None
    except aiosmtplib.SMTPRecipientsRefused as error:
        refused = {one.recipient: one.code for one in error.recipients}
        raise _refusal(server, refused, len(recipients)) from None
    except (aiosmtplib.SMTPException, OSError) as error:
        raise ChannelError(f"{server}: {_plainly(error)}") from None
    if any(not _final(code) for code in refused.values()):
        # Some were told. Saying it again with the same Message-ID is better than leaving one untold.
        raise _refusal(server, refused, len(recipients))
    return clean(said)


async def _converse(
    settings: MailSettings, mail: EmailMessage, recipients: Sequence[str], deadline_s: float
) -> tuple[dict[str, int], str]:
    """Send: the code for each recipient that was refused while others were taken, and the last answer."""
    refused, said = await aiosmtplib.send(
        mail,
        sender=address(settings.sender).addr_spec,
        recipients=[address(recipient).addr_spec for recipient in recipients],
        hostname=settings.server,
        port=settings.port,
        username=settings.user,
        password=settings.password,
        use_tls=settings.security is Security.TLS,
        start_tls=settings.security is Security.STARTTLS,
        timeout=deadline_s,
    )
    return {recipient: response.code for recipient, response in refused.items()}, said


def _refusal(server: str, refused: Mapping[str, int], total: int) -> ChannelError:
    codes = ", ".join(str(code) for code in sorted(set(refused.values())))
    return ChannelError(
        f"{server} refused {len(refused)} of {total} recipients ({codes})",
        permanent=all(_final(code) for code in refused.values()),
    )


FINAL_FROM = 500  # SMTP: 4xx try again, 5xx do not


def _final(code: int) -> bool:
    return code >= FINAL_FROM


def _plainly(error: Exception) -> str:
    """An SMTP failure without what the server said: that may quote addresses and user names."""
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return f"user or password not accepted ({error.code})"
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error)):
        return "its certificate is not trusted"
    if "STARTTLS" in str(error):
        return "it does not offer STARTTLS, which was asked for"
    if isinstance(error, aiosmtplib.SMTPConnectError | aiosmtplib.SMTPServerDisconnected | OSError):
        return "could not connect, or the connection was cut"
    code = f" ({error.code})" if isinstance(error, aiosmtplib.SMTPResponseException) else ""
    return f"{type(error).__name__.removeprefix('SMTP')}{code}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def compose(message: Message, settings: MailSettings, at: datetime) -> EmailMessage:
    """The mail. The library refuses line breaks in headers; the title has none to begin with."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = " ".join(message.title.split())
    mail["From"] = address(settings.sender)
    mail["To"] = [address(recipient) for recipient in settings.recipients]
    mail["Date"] = at
    mail["Message-ID"] = message_id(message)
    if message.incident:
        # All refer to one root that was never sent: they thread even if the first one was lost.
        thread = f"<incident.{message.incident['id']}.{message.incident['opened_at_ms']}@vedette>"
        mail["In-Reply-To"] = thread
        mail["References"] = thread
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.body_text)
    mail.add_alternative(message.body_html, subtype="html")
    _attach(mail, message.images)
    return mail


def _attach(mail: EmailMessage, images: Sequence[Image]) -> None:
    """Put pictures beside the HTML that shows them: nothing is loaded from anywhere."""
    html = mail.get_body(("html",))
    for image in images:
        assert isinstance(html, EmailMessage)
        html.add_related(
            image.png,
            "image",
            "png",
            cid=f"<{image.name}>",
            filename=f"{image.name}.png",
            disposition="inline",
        )


def message_id(message: Message) -> str:
    """From the idempotency key and the incident's time: a fresh database counts from 1 again."""
    key = re.sub(r"[^A-Za-z0-9_-]+", ".", message.key).strip(".")
    return f"<{key}.{message.incident.get('opened_at_ms', message.kind)}@vedette>"
