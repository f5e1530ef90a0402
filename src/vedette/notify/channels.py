"""The ways out, by name. A channel sends a message once; its one error says whether to try again."""

import re
from collections.abc import Iterable
from typing import Protocol

from vedette.model.errors import SettingError
from vedette.notify.errors import ChannelError
from vedette.notify.guard import Guard
from vedette.notify.mail import Mail, MailSettings, Security, mail_settings
from vedette.notify.text import Message
from vedette.notify.webhook import Webhook, WebhookSettings

__all__ = [
    "Channel",
    "ChannelError",
    "Mail",
    "MailSettings",
    "Security",
    "Webhook",
    "WebhookSettings",
    "build",
    "mail_settings",
]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
"""A channel's name is part of every idempotency key, so of a header."""


class Channel(Protocol):
    """One way to tell somebody."""

    name: str

    async def send(self, message: Message) -> str | None:
        """Send once; a receipt, if the other side gives one. Raises ChannelError."""

    async def close(self) -> None:
        """Let go of connections. May be called twice."""


def build(settings: Iterable[MailSettings | WebhookSettings]) -> dict[str, Channel]:
    """The channels by name. Raises SettingError with a line for each bad or doubled name."""
    guard = Guard()
    channels: dict[str, Channel] = {}
    problems = []
    for one in settings:
        if not NAME.fullmatch(one.name):
            problems.append(f"channel {one.name!r}: a name has at most 40 letters, digits, dots or dashes")
        if one.name in channels:
            problems.append(f"two channels are called {one.name}: give each its own name")
        channels[one.name] = Webhook(one, guard) if isinstance(one, WebhookSettings) else Mail(one)
    if problems:
        raise SettingError("\n".join(problems))
    return channels
