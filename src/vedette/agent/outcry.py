"""A contact point of the agent's own: one URL, and the standard library alone.

    ntfy://:TOKEN@ntfy.example.org/topic      (the token only where the topic asks for it)
    telegram://BOT_TOKEN@telegram/CHAT_ID
    https://hooks.example.org/…               (a POST of JSON)
    smtp://user:password@mail.example.org?from=watch@example.org&to=ana@example.org   (or smtps://)

Whoever tells over plain HTTP writes ntfy+http:// or http://; that is for a relay on this machine.
"""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import msgspec

from vedette.agent.config import is_loopback
from vedette.conflux.exchange import NoReply, post_once
from vedette.model.errors import SettingError

DEADLINE_S: Final = 10.0
REPLY_BYTES_MAX: Final = 16_384
TELEGRAM: Final = "api.telegram.org"
URGENT: Final = 5
"""ntfy's highest priority: it rings through a phone's silence."""
FORMS: Final = "ntfy://host/topic, telegram://TOKEN@telegram/CHAT, https://… or smtp://host?from=…&to=…"


class NotTold(Exception):  # noqa: N818  a fact about one attempt
    """The message was not taken; `str()` is one line and holds no secret."""


@dataclass(frozen=True, slots=True)
class Cry:
    """What is to be said."""

    kind: str  # lost, still, back, test
    title: str
    text: str
    facts: Mapping[str, Any]

    @property
    def is_urgent(self) -> bool:
        return self.kind in {"lost", "still"}


@dataclass(frozen=True, slots=True)
class Contact:
    """Where to cry. `hint` may be shown to anybody."""

    hint: str
    send: Callable[[Cry], None]
    """Raises NotTold."""


def contact_of(url: str) -> Contact:
    """Raises SettingError in a line that does not repeat the URL: it holds a secret."""
    try:
        return _made(urlsplit(url))
    except ValueError:
        raise SettingError(f"--contact: this is no URL of the forms {FORMS}") from None


def _made(parts: SplitResult) -> Contact:
    """Raises ValueError."""
    scheme, _, carrier = parts.scheme.partition("+")
    make = MAKERS.get(scheme)
    if make is None or not parts.hostname or carrier not in {"", "http"} or parts.port == 0:
        raise ValueError
    return make(parts, carrier or "https")


def _ntfy(parts: SplitResult, carrier: str) -> Contact:
    topic = parts.path.strip("/")
    if not topic or "/" in topic:
        raise ValueError
    token = unquote(parts.password or "")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"{carrier}://{_place(parts)}/"

    def send(cry: Cry) -> None:
        told = {"topic": unquote(topic), "title": cry.title, "message": cry.text}
        _post(url, told | ({"priority": URGENT} if cry.is_urgent else {}), headers)

    return Contact(f"ntfy at {_place(parts)}", send)


def _telegram(parts: SplitResult, carrier: str) -> Contact:
    chat = unquote(parts.path.strip("/"))
    if not chat or not parts.username or not parts.password:
        raise ValueError
    place = TELEGRAM if parts.hostname == "telegram" else _place(parts)
    url = f"{carrier}://{place}/bot{parts.username}:{parts.password}/sendMessage"

    def send(cry: Cry) -> None:
        _post(url, {"chat_id": chat, "text": f"{cry.title}\n\n{cry.text}"}, {})

    return Contact("telegram", send)


def _webhook(parts: SplitResult, _: str) -> Contact:
    def send(cry: Cry) -> None:
        _post(parts.geturl(), {"kind": cry.kind, "title": cry.title, "text": cry.text, **cry.facts}, {})

    return Contact(f"webhook at {_place(parts)}", send)


def _mail(parts: SplitResult, _: str) -> Contact:
    asked = parse_qs(parts.query)
    sender, recipients = asked.get("from", [""])[0], ",".join(asked.get("to", [])).split(",")
    if "@" not in sender or not all("@" in one for one in recipients):
        raise ValueError
    if any(not one.isprintable() for one in (sender, *recipients)):
        raise ValueError

    def send(cry: Cry) -> None:
        _mail_out(parts, sender, recipients, cry)

    return Contact(f"mail by {parts.hostname}", send)


MAKERS: Final[Mapping[str, Callable[[SplitResult, str], Contact]]] = {
    "ntfy": _ntfy,
    "telegram": _telegram,
    "https": _webhook,
    "http": _webhook,
    "smtp": _mail,
    "smtps": _mail,
}


def _place(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _post(url: str, told: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    """Raises NotTold."""
    try:
        reply = post_once(
            url,
            msgspec.json.encode(dict(told)),
            {"Content-Type": "application/json; charset=utf-8", **headers},
            deadline_s=DEADLINE_S,
            bytes_max=REPLY_BYTES_MAX,
        )
    except NoReply as error:
        raise NotTold(str(error)) from None
    if not 200 <= reply.status < 300:  # noqa: PLR2004  what HTTP calls taken
        raise NotTold(f"{urlsplit(url).hostname} answered {reply.status}")


def _mail_out(parts: SplitResult, sender: str, recipients: list[str], cry: Cry) -> None:
    """Raises NotTold."""
    import smtplib
    from email.message import EmailMessage

    letter = EmailMessage()
    letter["Subject"], letter["From"], letter["To"] = cry.title, sender, ", ".join(recipients)
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(cry.text)
    host, is_tls = parts.hostname or "", parts.scheme == "smtps"
    trust = ssl.create_default_context()
    try:
        server = (
            smtplib.SMTP_SSL(host, parts.port or 465, timeout=DEADLINE_S, context=trust)
            if is_tls
            else smtplib.SMTP(host, parts.port or (25 if is_loopback(host) else 587), timeout=DEADLINE_S)
        )
        with server:
            if not is_tls and not is_loopback(host):
                server.starttls(context=trust)
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.send_message(letter)
    except (smtplib.SMTPException, OSError) as error:
        code = getattr(error, "smtp_code", "")
        raise NotTold(
            f"{host} did not take it ({type(error).__name__}{f' {code}' if code else ''})"
        ) from None
