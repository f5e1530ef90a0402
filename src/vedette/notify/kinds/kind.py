"""What a kind of contact point is: its fields, how they are checked, and the channel that they make."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol
from urllib.parse import urlsplit

from vedette.model.errors import SettingError
from vedette.notify.errors import ChannelError
from vedette.notify.guard import Guard
from vedette.notify.mail import MailSettings, address
from vedette.notify.text import Message
from vedette.notify.words import Lang

Config = Mapping[str, str | bool]
"""A contact point's settings, as `Kind.check` left them."""
Words = Mapping[Lang, str]
FieldKind = Literal["text", "url", "email", "choice", "flag"]

TEXT_LETTERS_MAX: Final = 2_000
ADDRESSES_MAX: Final = 10


class Channel(Protocol):
    """One way to tell somebody."""

    name: str

    async def send(self, message: Message) -> str | None:
        """Send once; a receipt, if the other side gives one. Raises ChannelError."""

    async def close(self) -> None:
        """Let go of connections. May be called twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing that a person fills in."""

    name: str
    label: Words
    help: Words
    secret: bool = False  # never shown again
    required: bool = True
    kind: FieldKind = "text"
    choices: tuple[str, ...] = ()  # the first is what is meant when nothing is chosen
    is_meant: Callable[[str], object] = bool  # whether a text looks right; `help` says what would be


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What channels are built with."""

    guard: Guard  # the one client; it judges where users' URLs may lead
    mail: MailSettings | None = None  # the installation's mail server
    unix_s: Callable[[], float] = time.time
    bases: Mapping[str, str] = field(default_factory=dict)  # by kind: where a service stands, for tests

    def base(self, kind: str, usual: str) -> str:
        return self.bases.get(kind, usual)


def never(_means: Means, _is_allowed: bool) -> str | None:
    return None


def nothing_more(_config: Config) -> list[str]:
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of contact point."""

    name: str
    label: Words
    help: Words
    fields: tuple[Field, ...]
    build: Callable[[str, Config, Means], Channel]
    hint: Callable[[Config], str]  # what may be shown of one: a host, the end of a number
    wakes: bool = False  # it rings by itself, wherever people are
    receipts: bool = False
    digests: bool = True  # a digest may go there
    for_people: bool = True  # several incidents may stand in one message; else each has events of its own
    acknowledges: bool = False  # it rings until it knows that somebody has the incident
    problems: Callable[[Config], list[str]] = nothing_more  # what no single field shows
    lacks: Callable[[Means, bool], str | None] = never
    """Why it cannot be used on this installation; asked with its means, and whether apprise is allowed."""

    def check(self, given: Mapping[str, object]) -> dict[str, str | bool]:
        """The settings, tidied. Raises SettingError: a line for each wrong thing, none with a value."""
        known = {one.name for one in self.fields}
        wrong = [f"{self.name} has no setting {name!r}" for name in sorted(given.keys() - known)]
        found: dict[str, str | bool] = {}
        for one in self.fields:
            try:
                value = _taken(one, given.get(one.name))
            except ValueError as error:
                wrong.append(f"{one.name}: {error}")
            else:
                found |= {} if value is None else {one.name: value}
        wrong = wrong or self.problems(found)
        if wrong:
            raise SettingError("\n".join(wrong))
        return found


def _taken(one: Field, value: object) -> str | bool | None:
    """A field's value; None when nothing was given. Raises ValueError with what would be right."""
    if one.kind == "flag":
        return _flag(value)
    if value is None or value == "":
        value = one.choices[0] if one.choices else None
    if value is None:
        if one.required:
            raise ValueError("is missing")
        return None
    if not isinstance(value, str):
        raise ValueError("must be a text")  # noqa: TRY004  # one kind of error for all of it
    text = value.strip()
    if not text or len(text) > TEXT_LETTERS_MAX or not text.isprintable():
        raise ValueError(f"must be one line of at most {TEXT_LETTERS_MAX} characters")
    return LOOKS[one.kind](one, text)


def _flag(value: object) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    raise ValueError("must be true or false")


def _text(one: Field, text: str) -> str:
    if not one.is_meant(text):
        raise ValueError(one.help["en"])
    return text


def _url(one: Field, text: str) -> str:
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or any(char.isspace() for char in text):
        raise ValueError("must be a URL that starts with https:// or http:// and a host")
    return _text(one, text)


def _emails(_one: Field, text: str) -> str:
    given = [part.strip() for part in text.split(",") if part.strip()]
    if not 1 <= len(given) <= ADDRESSES_MAX:
        raise ValueError(f"must be one to {ADDRESSES_MAX} e-mail addresses with commas between them")
    for one in given:
        try:
            address(one)
        except SettingError as error:
            raise ValueError(str(error)) from None
    return ", ".join(given)


def _choice(one: Field, text: str) -> str:
    if text not in one.choices:
        raise ValueError("must be " + " or ".join(one.choices))
    return text


LOOKS: Final[Mapping[FieldKind, Callable[[Field, str], str]]] = {
    "text": _text,
    "url": _url,
    "email": _emails,
    "choice": _choice,
}


def matches(pattern: str) -> Callable[[str], object]:
    """Whether a text looks like this, for a field."""
    return re.compile(pattern).fullmatch


def text_of(config: Config, name: str) -> str:
    """A required text."""
    return str(config[name])


def maybe(config: Config, name: str) -> str | None:
    value = config.get(name)
    return None if value is None else str(value)


def cut(text: str, room: int, size: Callable[[str], int] = len) -> str:
    """The beginning of a text that fits, … where something is missing; `size` measures as a service does."""
    if size(text) <= room:
        return text
    least, most = 0, len(text)
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if size(f"{text[:middle]}…") <= room else (least, middle - 1)
    return f"{text[:least]}…" if size("…") <= room else ""


def in_bytes(text: str) -> int:
    return len(text.encode())


def plain_body(message: Message) -> str:
    """Everything below the title, but for links."""
    return "\n".join([*message.lines, *([message.hint] if message.hint else [])])


def links(message: Message, details: str) -> list[tuple[str, str]]:
    """What may be pressed: what it says and where it leads. `details` is what the page's own link says."""
    found = [(action.label, action.url) for action in message.actions]
    return found if message.url is None else [*found, (details, message.url)]


DETAILS: Final[Words] = {"en": "Details", "zh": "详情"}

COLOURS: Final = {"info": 0x2F6FDE, "warning": 0xD98200, "critical": 0xD42A2A}
OVER_COLOUR: Final = 0x2E9E4F


def colour(message: Message) -> int:
    """Red, amber, blue; green when it is over."""
    return OVER_COLOUR if message.is_over else COLOURS[str(message.severity)]


def refused(host: str, why: str, *, permanent: bool = False, wait_s: float | None = None) -> ChannelError:
    """An error in words of our own: what the other side said may repeat a secret."""
    return ChannelError(f"{host}: {why}", permanent=permanent, retry_after_s=wait_s)
