"""What other programs read: a team's deadlines as a calendar, public incidents as Atom or RSS."""

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from vedette.notify.words import Lang

TOKEN_BYTES: Final = 24
LINE_BYTES_MAX: Final = 75
"""Longer lines of a calendar are folded (RFC 5545, section 3.1)."""
HOUR_MS: Final = 3_600_000


def new_token() -> tuple[str, bytes]:
    """A token, and what is kept of it."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    return token, hash_of(token)


def hash_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


# --- the calendar -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Deadline:
    """Something that comes at a known or estimated time."""

    uid: str  # the same as long as it is the same thing, however its time is estimated
    at_ms: int
    until_ms: int
    title: str
    text: str = ""
    url: str | None = None


WORDS: Final[dict[Lang, dict[str, str]]] = {
    "en": {
        "calendar": "Vedette: deadlines",
        "unlock": "{votes} votes of {name} unlock",
        "unlock.text": "Unlocked votes earn nothing until they are withdrawn or staked again. An estimate.",
        "fork": "Fork {name}: first release {release}",
        "fork.text": "Nodes with an older release leave the chain there. The time is an estimate.",
        "maintenance": "Maintenance: {name}",
        "incidents": "Vedette: public incidents",
        "opened": "Since {at}.",
        "over": "From {at} to {end}.",
    },
    "zh": {
        "calendar": "Vedette：截止时间",
        "unlock": "{name} 的 {votes} 票解锁",
        "unlock.text": "解锁的票在取回或重新质押之前没有收益。时间为估计值。",
        "fork": "分叉 {name}：首个支持的版本 {release}",
        "fork.text": "版本更旧的节点将在此处脱离主链。时间为估计值。",
        "maintenance": "维护：{name}",
        "incidents": "Vedette：公开事件",
        "opened": "自 {at} 起。",
        "over": "{at} 至 {end}。",
    },
}


def calendar(deadlines: Sequence[Deadline], lang: Lang, now_ms: int) -> bytes:
    """An iCalendar file (RFC 5545); whoever subscribes to it asks again each hour."""
    name = WORDS[lang]["calendar"]
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Vedette//deadlines//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"NAME:{_escaped(name)}",
        f"X-WR-CALNAME:{_escaped(name)}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "X-PUBLISHED-TTL:PT1H",
        *(line for one in deadlines for line in _event(one, now_ms)),
        "END:VCALENDAR",
    ]
    return "".join(f"{_folded(line)}\r\n" for line in lines).encode()


def _event(one: Deadline, now_ms: int) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{_escaped(one.uid)}@vedette"
    yield f"DTSTAMP:{_stamp(now_ms)}"
    yield f"DTSTART:{_stamp(one.at_ms)}"
    yield f"DTEND:{_stamp(max(one.until_ms, one.at_ms))}"
    yield f"SUMMARY:{_escaped(one.title)}"
    if one.text:
        yield f"DESCRIPTION:{_escaped(one.text)}"
    if one.url is not None:
        yield f"URL:{one.url}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _stamp(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    for plain, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\r\n", "\\n"), ("\n", "\\n")):
        text = text.replace(plain, written)
    return "".join(char for char in text if char.isprintable())


def _folded(line: str) -> str:
    """At most 75 bytes a line; a letter is never cut in two."""
    pieces, piece, size = [], "", 0
    for char in line:
        length = len(char.encode())
        if size + length > LINE_BYTES_MAX:
            pieces.append(piece)
            piece, size = " ", 1
        piece, size = piece + char, size + length
    return "\r\n".join([*pieces, piece])


# --- incidents --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Item:
    """A public incident as a reader of feeds sees it."""

    id: int
    title: str
    team: str
    text: str
    url: str
    opened_at_ms: int
    changed_at_ms: int


def atom(items: Sequence[Item], page_url: str, self_url: str, lang: Lang) -> bytes:
    """Atom (RFC 4287)."""
    changed_ms = max((one.changed_at_ms for one in items), default=0)
    entries = "".join(_entry(one, page_url) for one in items)
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n'
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{_code(lang)}">\n'
        f"<title>{_text(WORDS[lang]['incidents'])}</title>\n<id>{_text(self_url)}</id>\n"
        f'<link rel="self" href={quoteattr(self_url)}/>\n<link href={quoteattr(page_url)}/>\n'
        f"<updated>{_iso(changed_ms)}</updated>\n{entries}</feed>\n"
    ).encode()


def _entry(one: Item, page_url: str) -> str:
    return (
        f"<entry>\n<id>{_text(_id(one, page_url))}</id>\n<title>{_text(one.title)}</title>\n"
        f"<link href={quoteattr(one.url)}/>\n<published>{_iso(one.opened_at_ms)}</published>\n"
        f"<updated>{_iso(one.changed_at_ms)}</updated>\n<author><name>{_text(one.team)}</name></author>\n"
        f'<content type="text">{_text(one.text)}</content>\n</entry>\n'
    )


def rss(items: Sequence[Item], page_url: str, self_url: str, lang: Lang) -> bytes:
    """RSS 2.0."""
    entries = "".join(_item(one, page_url) for one in items)
    title = _text(WORDS[lang]["incidents"])
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n'
        f'<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom">\n<channel>\n<title>{title}</title>\n'
        f"<link>{_text(page_url)}</link>\n<description>{title}</description>\n<language>{_code(lang)}</language>\n"
        f'<atom:link rel="self" type="application/rss+xml" href={quoteattr(self_url)}/>\n'
        f"{entries}</channel>\n</rss>\n"
    ).encode()


def _item(one: Item, page_url: str) -> str:
    # A new id each time it changes: readers of RSS know no updates.
    return (
        f'<item>\n<guid isPermaLink="false">{_text(_id(one, page_url))}/{one.changed_at_ms}</guid>\n'
        f"<title>{_text(one.title)}</title>\n<link>{_text(one.url)}</link>\n"
        f"<pubDate>{_mail_date(one.changed_at_ms)}</pubDate>\n"
        f"<description>{_text(f'{one.team}: {one.text}')}</description>\n</item>\n"
    )


def _mail_date(at_ms: int) -> str:
    return format_datetime(datetime.fromtimestamp(at_ms / 1000, UTC), usegmt=True)


def _id(one: Item, page_url: str) -> str:
    return f"{page_url}/incidents/{one.id}/{one.opened_at_ms}"


def _text(text: str) -> str:
    """XML takes no control characters, not even escaped ones."""
    return escape("".join(char for char in text if char.isprintable()))


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _code(lang: Lang) -> str:
    return "zh-CN" if lang == "zh" else lang
