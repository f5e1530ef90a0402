"""Cards: a validator or a pool as a small page of its own, to stand in somebody else's frame."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from typing import Final, Literal

from vedette.model.ballot import Ballot, known_count, signed_count
from vedette.server.badges import Tone

Lang = Literal["en", "zh"]
Theme = Literal["auto", "light", "dark"]

CELL: Final = 4
STRIP_HEIGHT: Final = 24
MARKS: Final = {  # class, top and height: shapes tell as much as colours
    Ballot.SIGNED.value: ("s", 0, 24),
    Ballot.LED.value: ("l", 4, 20),
    Ballot.ABSENT.value: ("a", 12, 12),
    Ballot.IDLE.value: ("i", 22, 2),
    Ballot.UNSEEN.value: ("u", 18, 6),
}

WORDS: Final[dict[Lang, dict[str, str]]] = {
    "en": {
        "voting": "voting",
        "absent": "absent",
        "not_elected": "not elected",
        "retired": "retired by force",
        "unknown": "unknown",
        "seats": "Seats now",
        "signed": "Signed, last 100",
        "apy": "Yield, 30 days",
        "reward": "Paid, 30 days",
        "votes": "Votes",
        "presence": "Epochs not silent",
        "fee": "Fee",
        "apy_after_fee": "Yield after fee",
        "stakers": "Stakers",
        "score": "Score",
        "strip": "{signed} of {known} known blocks signed, of the last {all}",
        "as_of": "as of {time} UTC",
        "more": "More at Vedette",
        "validator": "Validator {name}",
        "pool": "Pool {name}",
        "no_validator": "No validator with this address was seen yet.",
        "no_pool": "No pool with this address is listed.",
    },
    "zh": {
        "voting": "投票中",
        "absent": "缺席",
        "not_elected": "未当选",
        "retired": "已被强制退出",
        "unknown": "未知",
        "seats": "当前席位",
        "signed": "最近 100 块签名",
        "apy": "30 天收益率",
        "reward": "30 天收益",
        "votes": "票数",
        "presence": "未沉默的周期",
        "fee": "手续费",
        "apy_after_fee": "扣费后收益率",
        "stakers": "质押人数",
        "score": "评分",
        "strip": "最近 {all} 个区块中，已知 {known} 个，签名 {signed} 个",
        "as_of": "截至 {time} UTC",
        "more": "在 Vedette 查看详情",
        "validator": "验证者 {name}",
        "pool": "矿池 {name}",
        "no_validator": "尚未见过此地址的验证者。",
        "no_pool": "未收录此地址的矿池。",
    },
}


@dataclass(frozen=True, slots=True)
class Card:
    """What is on a card. `figures` are pairs of a word's key and a value (None: not known)."""

    title: str
    heading: str
    is_address: bool
    state: str
    tone: Tone
    link: str
    strip: str = ""
    figures: Sequence[tuple[str, str | None]] = field(default_factory=tuple)
    at_ms: int | None = None


def language(asked: str | None, accepted: str) -> Lang:
    """As asked for, else the first that the reader's browser names and we speak."""
    if asked is not None:
        return "zh" if asked.lower().startswith("zh") else "en"
    for part in accepted.split(",")[:20]:
        name = part.partition(";")[0].strip().lower()
        if name.startswith(("zh", "en")):
            return "zh" if name.startswith("zh") else "en"
    return "en"


def page(card: Card, lang: Lang, theme: Theme, stylesheet: str, discovery: str) -> bytes:
    """The whole card. No script and no style in it: the stylesheet is ours, and there is nothing else."""
    words = WORDS[lang]
    at = None if card.at_ms is None else f"{datetime.fromtimestamp(card.at_ms / 1000, UTC):%Y-%m-%d %H:%M}"
    as_of = "" if at is None else f"<span>{escape(words['as_of'].format(time=at))}</span>"
    body = (
        f"<header><h1{_class('address' if card.is_address else '')}>{escape(card.heading)}</h1>"
        f'<p class="state {card.tone}">{escape(words[card.state])}</p></header>'
        f"{strip_svg(card.strip, words['strip'])}{_figures(card, words)}"
        f'<footer>{as_of}<a href="{escape(card.link)}" target="_blank" rel="noopener">'
        f"{escape(words['more'])}</a></footer>"
    )
    return _document(card.title, body, lang, theme, stylesheet, discovery)


def missing(key: str, lang: Lang, theme: Theme, stylesheet: str) -> bytes:
    text = WORDS[lang][key]
    return _document(text, f"<p>{escape(text)}</p>", lang, theme, stylesheet, "")


def _document(title: str, body: str, lang: Lang, theme: Theme, stylesheet: str, discovery: str) -> bytes:
    found = (
        f'<link rel="alternate" type="application/json+oembed" href="{escape(discovery)}"'
        f' title="{escape(title)}">'
        if discovery
        else ""
    )
    return (
        f'<!doctype html><html lang="{"zh-Hans" if lang == "zh" else "en"}"'
        f"{_class('' if theme == 'auto' else theme)}>"
        f'<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="{escape(stylesheet)}">{found}</head>'
        f"<body><main>{body}</main></body></html>\n"
    ).encode()


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _figures(card: Card, words: dict[str, str]) -> str:
    told = ((words[key], words["unknown"] if value is None else value) for key, value in card.figures)
    cells = (f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in told)
    return f"<dl>{''.join(cells)}</dl>"


def strip_svg(strip: str, words: str) -> str:
    """A cell a block, newest on the right."""
    if not strip:
        return ""
    label = escape(words.format(signed=signed_count(strip), known=known_count(strip), all=len(strip)))
    cells = (
        f'<rect class="{mark}" x="{CELL * at}" y="{top}" width="{CELL - 1}" height="{height}"/>'
        for at, (mark, top, height) in enumerate(MARKS[letter] for letter in strip)
    )
    return (
        f'<svg class="strip" viewBox="0 0 {CELL * len(strip)} {STRIP_HEIGHT}" preserveAspectRatio="none"'
        f' role="img" aria-label="{label}"><title>{label}</title>{"".join(cells)}</svg>'
    )
