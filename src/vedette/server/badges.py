"""Badges: a label and a word as a small SVG, to stand on somebody else's page.

No script, no style, no font from elsewhere. The colours are dark enough for white text, on a light page and
on a dark one; each has its word beside it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Final, Literal

Tone = Literal["good", "warn", "bad", "info", "unknown"]

TONES: Final[dict[Tone, str]] = {
    "good": "#00684b",
    "warn": "#855300",
    "bad": "#a84600",
    "info": "#00659e",
    "unknown": "#566769",
}
LABEL: Final = "#2b3b3d"
TEXT: Final = "#ffffff"
HEIGHT: Final = 20
PAD: Final = 6
TEXT_MAX: Final = 40
NARROW, WIDE = frozenset("ijlt.,:;|!'()[]fr I1"), frozenset("mwMW%@")
CJK_FROM: Final = 0x2E80
FONT: Final = "Verdana,Geneva,DejaVu Sans,sans-serif"


@dataclass(frozen=True, slots=True)
class Badge:
    """`about` is read aloud besides: what the badge is of."""

    label: str
    message: str
    tone: Tone
    about: str = ""


def unknown(label: str, about: str = "") -> Badge:
    return Badge(label, "unknown", "unknown", about)


def share(label: str, ppm: int | None, about: str, tone: Callable[[int], Tone] = lambda _: "info") -> Badge:
    """A share in percent."""
    if ppm is None:
        return unknown(label, about)
    return Badge(label, f"{ppm / 10_000:.1f} %", tone(ppm), about)


def duty_tone(ppm: int) -> Tone:
    """How well a duty is done: nine of ten is not well."""
    return "good" if ppm >= 950_000 else "warn" if ppm >= 800_000 else "bad"  # noqa: PLR2004 - shares


def svg(badge: Badge) -> bytes:
    """The picture. Its text is fitted to the width that we reckon with, whatever font is there."""
    label, message = _shown(badge.label), _shown(badge.message)
    left, right = _width(label), _width(message)
    width = left + right + 4 * PAD
    edge = left + 2 * PAD
    title = escape(f"{label}: {message}{f' ({_shown(badge.about, 80)})' if badge.about else ''}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT}" role="img"'
        f' aria-label="{title}"><title>{title}</title>'
        f'<rect width="{width}" height="{HEIGHT}" rx="3" fill="{TONES[badge.tone]}"/>'
        f'<path d="M3 0H{edge}V{HEIGHT}H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z" fill="{LABEL}"/>'
        f'<g fill="{TEXT}" font-family="{FONT}" font-size="11">'
        f"{_text(label, PAD, left)}{_text(message, edge + PAD, right)}</g></svg>"
    ).encode()


def _text(text: str, x: int, width: int) -> str:
    return f'<text x="{x}" y="14" textLength="{width}" lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'


def _shown(text: str, most: int = TEXT_MAX) -> str:
    """On one line, of bounded length, without what XML has no character for."""
    plain = "".join(one if one.isprintable() else " " for one in text).strip() or "?"
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def _width(text: str) -> int:
    """About how many pixels it takes at 11 px."""
    return round(sum(map(_advance, text)))


def _advance(letter: str) -> float:
    if ord(letter) >= CJK_FROM:
        return 11.0
    if letter in NARROW:
        return 4.4
    if letter in WIDE:
        return 10.4
    return 8.0 if letter.isupper() else 6.9
