"""Several messages told as one: how many, which, and which of them ended meanwhile.

People are told so what quiet hours held back, and what became too much to be read one by one.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final, Literal

from vedette.model.incident import Incident, Notice, Reason, Severity
from vedette.notify.text import Message, duration, message_title, moment
from vedette.notify.words import Lang

Why = Literal["quiet", "many"]

ROWS_MAX: Final = 50
"""More than that nobody reads; the page has them all."""

WORDS: Final[Mapping[Lang, Mapping[str, str]]] = {
    "en": {
        "title.quiet": "After the quiet hours: {summary}",
        "title.many": "Many messages in one: {summary}",
        "why.quiet": "These waited until the quiet hours were over.",
        "why.many": "So many waited for this contact that they are told in one message.",
        "critical.one": "1 critical",
        "critical.many": "{n} critical",
        "warning.one": "1 warning",
        "warning.many": "{n} warnings",
        "over.one": "1 over",
        "over.many": "{n} over",
        "join": ", ",
        "head.open": "Not over yet",
        "head.over": "Over meanwhile",
        "row.open": "{title} (found at {at}, {span} ago)",
        "row.over": "{title} (found at {at}, lasted {span})",
        "more": "and {n} more",
        "link": "All: {url}",
        "acknowledge": "I am on it",
    },
    "zh": {
        "title.quiet": "【安静时段已结束】{summary}",
        "title.many": "【多条消息合并】{summary}",
        "why.quiet": "以下消息一直等到安静时段结束。",
        "why.many": "等待发往此联系点的消息太多，已合并为一条。",
        "critical.one": "{n} 个严重",
        "critical.many": "{n} 个严重",
        "warning.one": "{n} 个警告",
        "warning.many": "{n} 个警告",
        "over.one": "{n} 个已结束",
        "over.many": "{n} 个已结束",
        "join": "，",
        "head.open": "尚未结束",
        "head.over": "期间已结束",
        "row.open": "{title}（发现于 {at}，{span}前）",
        "row.over": "{title}（发现于 {at}，持续 {span}）",
        "more": "另有 {n} 项",
        "link": "全部：{url}",
        "acknowledge": "我来处理",
    },
}


@dataclass(frozen=True, slots=True)
class Item:
    """One incident of a summary. `ack_url`: the signed link by which its reader takes it on."""

    incident: Incident
    ack_url: str | None = None

    @property
    def is_over(self) -> bool:
        return self.incident.resolved_at_ms is not None


def summary(
    notices: Sequence[Notice],
    lang: Lang,
    public_url: str | None,
    now_ms: int,
    ack_urls: Mapping[int, str] | None = None,
) -> Message:
    """One message for all of these, which are at least two. `ack_urls`: by the notice's id."""
    items = _items(notices, ack_urls or {})
    standing, over = [one for one in items if not one.is_over], [one for one in items if one.is_over]
    why: Why = "quiet" if all(notice.is_held for notice in notices) else "many"
    words = WORDS[lang]
    title = words[f"title.{why}"].format(summary=_counts(standing, over, lang))
    url = None if public_url is None else f"{public_url.rstrip('/')}/incidents"
    parts = list(_parts(standing, over, lang, now_ms))
    return Message(
        key=_key(notices),
        reason=Reason.OPENED if standing else Reason.RESOLVED,
        severity=max((one.incident.severity for one in standing or over), key=lambda one: one.rank),
        title=title,
        body_text=_plain(title, words[f"why.{why}"], parts, url, lang),
        body_html=_html(title, words[f"why.{why}"], parts, public_url, lang),
        incident={},
        url=url,
        team_id=notices[0].incident.team_id,
        kind="summary",
        lang=lang,
        lines=(words[f"why.{why}"], *(line for part in parts for line in ("", part.head, *part.lines))),
    )


def _key(notices: Sequence[Notice]) -> str:
    """The same on every attempt at the same; with one more in it, it is another message."""
    return f"summary/{notices[0].id}-{notices[-1].id}/{len(notices)}/{notices[0].channel}"


def _items(notices: Sequence[Notice], ack_urls: Mapping[int, str]) -> list[Item]:
    """Each trouble once, as it was last told of, though it came and went; the worst first, then by age."""
    newest = {one.incident.key: Item(one.incident, ack_urls.get(one.id)) for one in notices}
    return sorted(
        newest.values(),
        key=lambda one: (-one.incident.severity.rank, one.incident.opened_at_ms, one.incident.id),
    )


def _counts(standing: Sequence[Item], over: Sequence[Item], lang: Lang) -> str:
    counts = Counter(one.incident.severity for one in standing)
    told = {
        "critical": counts[Severity.CRITICAL],
        "warning": counts[Severity.WARNING] + counts[Severity.INFO],
        "over": len(over),
    }
    said = [WORDS[lang][f"{name}.{'one' if n == 1 else 'many'}"].format(n=n) for name, n in told.items() if n]
    return WORDS[lang]["join"].join(said)


@dataclass(frozen=True, slots=True)
class _Part:
    """A heading, and a line for each of its incidents."""

    head: str
    items: Sequence[Item]
    lines: Sequence[str]  # one more than items, where some are left out


def _parts(standing: Sequence[Item], over: Sequence[Item], lang: Lang, now_ms: int) -> Iterator[_Part]:
    room = ROWS_MAX
    for head, items in (("head.open", standing), ("head.over", over)):
        shown = items[:room]
        room -= len(shown)
        lines = [_row(one, lang, now_ms) for one in shown]
        if len(items) > len(shown):
            lines.append(WORDS[lang]["more"].format(n=len(items) - len(shown)))
        if lines:
            yield _Part(WORDS[lang][head], shown, lines)


def _row(item: Item, lang: Lang, now_ms: int) -> str:
    incident = item.incident
    reason = Reason.RESOLVED if item.is_over else Reason.OPENED
    end_ms = now_ms if incident.resolved_at_ms is None else incident.resolved_at_ms
    return WORDS[lang]["row.over" if item.is_over else "row.open"].format(
        title=message_title(incident, reason, lang, now_ms),
        at=moment(incident.opened_at_ms),
        span=duration(end_ms - incident.opened_at_ms, lang),
    )


def _plain(title: str, why: str, parts: Sequence[_Part], url: str | None, lang: Lang) -> str:
    blocks = [title, why, *("\n".join([part.head, *part.lines]) for part in parts)]
    if url is not None:
        blocks.append(WORDS[lang]["link"].format(url=url))
    return "\n\n".join(blocks) + "\n"


def _html(title: str, why: str, parts: Sequence[_Part], public_url: str | None, lang: Lang) -> str:
    body = [f"<p><strong>{escape(title)}</strong></p>", f"<p>{escape(why)}</p>"]
    for part in parts:
        linked = [
            _linked(one, line, public_url, lang) for one, line in zip(part.items, part.lines, strict=False)
        ]
        rest = [escape(line) for line in part.lines[len(part.items) :]]
        rows = "".join(f"<li>{row}</li>" for row in (*linked, *rest))
        body += [f"<p><strong>{escape(part.head)}</strong></p>", f"<ul>{rows}</ul>"]
    if public_url is not None:
        url = escape(f"{public_url.rstrip('/')}/incidents")
        link = WORDS[lang]["link"].format(url=f'<a href="{url}">{url}</a>')
        body.append(f"<p>{link}</p>")
    code, lines = "zh-CN" if lang == "zh" else lang, "\n".join(body)
    head = f'<!doctype html>\n<html lang="{code}"><head><meta charset="utf-8"></head>'
    return f"{head}\n<body>\n{lines}\n</body></html>\n"


def _linked(item: Item, line: str, public_url: str | None, lang: Lang) -> str:
    """Its line leads to it; one that stands can be taken on at once."""
    said = escape(line)
    if public_url is not None:
        url = f"{public_url.rstrip('/')}/incidents/{item.incident.id}"
        said = f'<a href="{escape(url)}">{said}</a>'
    if item.ack_url is None or item.is_over:
        return said
    return f'{said} · <a href="{escape(item.ack_url)}">{WORDS[lang]["acknowledge"]}</a>'
