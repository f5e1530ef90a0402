"""Apprise, for the long tail of services: where the installation's keeper allows it, without receipts.

Apprise opens its connections itself, wherever a user's URL leads. So it runs in a process of its own (see
`apprise_runner`), where each address is judged in the moment of connecting, and which ends at our deadline.
"""

import asyncio
import importlib.util
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from typing import Final

import msgspec

from vedette.model.incident import Severity
from vedette.notify.errors import ChannelError
from vedette.notify.kinds.apprise_runner import Answer, Order
from vedette.notify.kinds.kind import (
    DETAILS,
    Channel,
    Config,
    Field,
    Kind,
    Means,
    links,
    matches,
    plain_body,
    text_of,
)
from vedette.notify.text import Message

DEADLINE_S: Final = 30.0
TYPES: Final = {Severity.CRITICAL: "failure", Severity.WARNING: "warning", Severity.INFO: "info"}
NOT_ALLOWED: Final = "this installation does not allow apprise: its keeper sets apprise = true in [alerts]"
NO_LIBRARY: Final = "this installation has no apprise: its keeper installs vedette[apprise]"
ENVIRONMENT: Final = ("PATH", "PYTHONPATH", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""No proxy, no home, and none of our own settings."""

OUTCOMES: Final[Mapping[Answer, ChannelError | None]] = {
    "sent": None,
    "failed": ChannelError("apprise could not deliver it; it does not say why"),
    "refused": ChannelError(
        "apprise was led to an address that is not public; the administrator may allow its network"
        " (security.allow_private_targets)",
        permanent=True,
    ),
    "unknown_url": ChannelError("apprise does not understand the URL", permanent=True),
    "no_library": ChannelError(NO_LIBRARY, permanent=True),
}

# They reach whoever sits at the server's own machine, and nobody else.
HERE_ONLY: Final = frozenset(
    {"syslog", "dbus", "kde", "qt", "glib", "gnome", "macosx", "windows", "blink1", "file", "http", "https"}
)


class Apprise:
    def __init__(self, name: str, config: Config, means: Means, deadline_s: float = DEADLINE_S) -> None:
        self.name = name
        self._url = text_of(config, "url")
        self._targets = means.guard.targets
        self._deadline_s = deadline_s

    async def send(self, message: Message) -> None:
        allowed = None if self._targets is None else [str(one) for one in self._targets.allowed]
        order = Order(self._url, message.title, text(message), type_of(message), allowed)
        answer = await _ran(order, self._deadline_s)
        if answer is None:
            raise ChannelError(f"apprise did not finish within {self._deadline_s:g} s, or broke down")
        if (why := OUTCOMES[answer]) is not None:
            raise ChannelError(str(why), why.permanent)

    async def close(self) -> None:
        """Nothing is kept open between messages."""


async def _ran(order: Order, deadline_s: float) -> Answer | None:
    """What became of it; None when the process said nothing that we understand."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "vedette.notify.kinds.apprise_runner"),
        stdin=PIPE,  # what is on a command line is for everybody to read
        stdout=PIPE,
        stderr=DEVNULL,  # its log holds URLs
        env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
    )
    try:
        async with asyncio.timeout(deadline_s):
            said, _ = await process.communicate(msgspec.json.encode(order))
            answer: Answer = msgspec.json.decode(said, type=Answer)
            return answer
    except (TimeoutError, msgspec.DecodeError):
        return None
    finally:
        await _gone(process)


async def _gone(process: Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


def type_of(message: Message) -> str:
    return "success" if message.is_over else TYPES[message.severity]


def text(message: Message) -> str:
    said = [f"{label}: {url}" for label, url in links(message, DETAILS[message.lang])]
    return "\n".join(part for part in (plain_body(message), *said) if part)


def scheme_of(config: Config) -> str:
    return text_of(config, "url").partition("://")[0].lower()


def problems(config: Config) -> list[str]:
    scheme = scheme_of(config)
    return [f"url: {scheme}:// is not for a server that others use"] if scheme in HERE_ONLY else []


def lacks(_means: Means, is_allowed: bool) -> str | None:
    if not is_allowed:
        return NOT_ALLOWED
    return NO_LIBRARY if importlib.util.find_spec("apprise") is None else None


def build(name: str, config: Config, means: Means) -> Channel:
    return Apprise(name, config, means)


kind = Kind(
    name="apprise",
    label={"en": "Another service (apprise)", "zh": "其他服务（apprise）"},
    help={
        "en": "Any of the services that apprise knows, by its URL. There are no receipts.",
        "zh": "apprise 支持的任意服务，以其 URL 指定；没有回执。",
    },
    fields=(
        Field(
            name="url",
            secret=True,
            is_meant=matches(r"[A-Za-z][A-Za-z0-9+-]{1,30}://\S+"),
            label={"en": "Apprise URL", "zh": "Apprise 地址"},
            help={
                "en": "As apprise's documentation writes it: service://…",
                "zh": "按 apprise 文档的写法：service://…",
            },
        ),
    ),
    build=build,
    hint=lambda config: f"{scheme_of(config)}://…",
    problems=problems,
    lacks=lacks,
)
