"""A digest as a message: lines for chats; for mail a page with a row of bars for each node and validator."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

from vedette.model.digest import DigestMatter, Row, Told
from vedette.model.incident import Reason, Severity
from vedette.notify import picture
from vedette.notify.text import Image, Message, clean, duration
from vedette.notify.words import Lang

WORDS: Final[Mapping[Lang, Mapping[str, str]]] = {
    "en": {
        "title.daily": "Vedette, the day until {until}: {summary}",
        "title.weekly": "Vedette, the week until {until}: {summary}",
        "quiet": "nothing happened",
        "critical": "{n} critical",
        "warning": "{n} warnings",
        "open": "{n} still open",
        "join": ", ",
        "incidents": "Incidents",
        "validators": "Validators: blocks signed of those that are known",
        "nodes": "Nodes: time up of the time that is known",
        "row": "{name}: {share}",
        "silent": "{name}: {share}, silent for {n} epochs",
        "unknown": "not known",
        "told.over": "{title} ({at}, lasted {span})",
        "told.open": "{title} (since {at})",
        "more": "and {n} more",
        "link": "More: {url}",
    },
    "zh": {
        "title.daily": "Vedette 日报，截至 {until}：{summary}",
        "title.weekly": "Vedette 周报，截至 {until}：{summary}",
        "quiet": "一切平静",
        "critical": "{n} 次严重",
        "warning": "{n} 次警告",
        "open": "{n} 个仍未结束",
        "join": "，",
        "incidents": "事件",
        "validators": "验证者：已知区块中的签名比例",
        "nodes": "节点：已知时间中的在线比例",
        "row": "{name}：{share}",
        "silent": "{name}：{share}，{n} 个纪元完全没有签名",
        "unknown": "未知",
        "told.over": "{title}（{at}，持续 {span}）",
        "told.open": "{title}（自 {at}）",
        "more": "另有 {n} 项",
        "link": "更多：{url}",
    },
}
PPM: Final = 1_000_000


def digest_message(
    matter: DigestMatter, lang: Lang, public_url: str | None, key: str, team_id: int
) -> Message:
    """The same facts in text and HTML. Pictures stand only where there is something to draw."""
    title = WORDS[lang][f"title.{matter.every}"].format(
        until=_at(matter.until_ms, matter), summary=_summary(matter, lang)
    )
    parts = [part for part in _parts(matter, lang) if part.lines]
    lines = [line for part in parts for line in ("", part.head, *part.lines)][1:]
    foot = [] if public_url is None else [WORDS[lang]["link"].format(url=public_url)]
    return Message(
        key=key,
        reason=Reason.OPENED,
        severity=Severity.INFO,
        title=title,
        body_text="\n".join([title, "", *lines, *([""] if lines and foot else []), *foot]).rstrip() + "\n",
        body_html=_html(title, parts, public_url, lang),
        incident={},
        url=public_url,
        team_id=team_id,
        kind="digest",
        lang=lang,
        lines=tuple(lines),
        images=tuple(image for part in parts for image in part.images if image is not None),
    )


class _Part:
    """A heading, its lines, and a picture beside those that have one."""

    def __init__(
        self, name: str, head: str, lines: Sequence[str], rows: Sequence[Row], more: str | None
    ) -> None:
        self.head = head
        self.lines = [*lines, *([more] if more else [])]
        self.images = [
            Image(f"{name}-{place}", picture.bars(row.parts), line) if row.parts else None
            for place, (row, line) in enumerate(zip(rows, lines, strict=False))
        ]


def _parts(matter: DigestMatter, lang: Lang) -> Iterator[_Part]:
    words = WORDS[lang]

    def more(count: int) -> str | None:
        return words["more"].format(n=count) if count else None

    told = [_told(one, matter, lang) for one in matter.incidents]
    yield _Part("incident", words["incidents"], told, (), more(matter.incidents_more))
    for name, rows, left_out in (
        ("validators", matter.validators, matter.validators_more),
        ("nodes", matter.nodes, matter.nodes_more),
    ):
        yield _Part(name, words[name], [_row(row, lang) for row in rows], rows, more(left_out))


def _summary(matter: DigestMatter, lang: Lang) -> str:
    counts = {"critical": matter.critical_count, "warning": matter.warning_count, "open": matter.open_count}
    said = [WORDS[lang][name].format(n=count) for name, count in counts.items() if count]
    return WORDS[lang]["join"].join(said) or WORDS[lang]["quiet"]


def _told(one: Told, matter: DigestMatter, lang: Lang) -> str:
    title, at = clean(one.titles[lang]), _at(one.opened_at_ms, matter)
    if one.resolved_at_ms is None:
        return WORDS[lang]["told.open"].format(title=title, at=at)
    span = duration(one.resolved_at_ms - one.opened_at_ms, lang)
    return WORDS[lang]["told.over"].format(title=title, at=at, span=span)


def _row(row: Row, lang: Lang) -> str:
    share = WORDS[lang]["unknown"] if row.ppm is None else f"{row.ppm * 100 / PPM:.2f} %"
    return WORDS[lang]["silent" if row.lost else "row"].format(name=clean(row.name), share=share, n=row.lost)


def _at(at_ms: int, matter: DigestMatter) -> str:
    """By the clocks of the team's zone, which is named."""
    return f"{datetime.fromtimestamp(at_ms / 1000, ZoneInfo(matter.zone)):%Y-%m-%d %H:%M} {matter.zone}"


def _html(title: str, parts: Sequence[_Part], url: str | None, lang: Lang) -> str:
    body = [f"<p><strong>{escape(title)}</strong></p>"]
    for part in parts:
        body.append(f"<p><strong>{escape(part.head)}</strong></p>")
        images = [*part.images, *[None] * (len(part.lines) - len(part.images))]
        body += [_line(line, image) for line, image in zip(part.lines, images, strict=True)]
    if url is not None:
        link = f'<a href="{escape(url)}">{escape(url)}</a>'
        body.append(f"<p>{WORDS[lang]['link'].format(url=link)}</p>")
    code = "zh-CN" if lang == "zh" else lang
    head = f'<!doctype html>\n<html lang="{code}"><head><meta charset="utf-8"></head>'
    return f"{head}\n<body>\n" + "\n".join(body) + "\n</body></html>\n"


def _line(line: str, image: Image | None) -> str:
    if image is None:
        return f"<div>{escape(line)}</div>"
    shown = f'<img src="cid:{image.name}" alt="{escape(image.alt)}" height="{picture.HEIGHT}">'
    return f"<div>{escape(line)}<br>{shown}</div>"
