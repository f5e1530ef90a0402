"""A digest in both languages, and the pictures of its mail."""

import struct
import zlib

import pytest

from vedette.model.digest import DigestMatter, Row, Told
from vedette.notify.digest import WORDS, digest_message
from vedette.notify.picture import BAR, GAP, HEIGHT, bars
from vedette.notify.words import Lang

T = 1_763_798_400_000
DAY_MS = 86_400_000
LANGS: tuple[Lang, ...] = ("en", "zh")


def matter(**other: object) -> DigestMatter:
    usual: dict[str, object] = {
        "every": "daily",
        "zone": "Asia/Shanghai",
        "from_ms": T - DAY_MS,
        "until_ms": T,
        "critical_count": 1,
        "warning_count": 2,
        "open_count": 1,
        "incidents": (
            Told(
                severity="critical",
                titles={"en": "Node <a> is down", "zh": "节点 <a> 已停止运行"},
                opened_at_ms=T - 7_200_000,
                resolved_at_ms=T - 3_600_000,
            ),
            Told(
                severity="warning",
                titles={"en": "X", "zh": "X"},
                opened_at_ms=T - 60_000,
                resolved_at_ms=None,
            ),
        ),
        "incidents_more": 3,
        "validators": (Row(name="alice", ppm=987_654, parts=(1.0, 0.5, None), lost=2),),
        "nodes": (Row(name="n\r\n1", ppm=None), Row(name="n2", ppm=1_000_000, parts=(1.0,))),
        "nodes_more": 1,
    }
    return DigestMatter(**{**usual, **other})  # type: ignore[arg-type]


@pytest.mark.parametrize("lang", LANGS)
def test_it_says_all_of_it_in_text_and_html(lang: Lang) -> None:
    said = digest_message(matter(), lang, "https://watch.example.org", "digest/1", 1)
    assert said.body_text.startswith(f"{said.title}\n\n")
    assert len(said.title.splitlines()) == 1
    assert "2025-11-22 16:00 Asia/Shanghai" in said.title
    for wanted in ("alice", "98.77 %", "n 1", "100.00 %", "https://watch.example.org"):
        assert wanted in said.body_text
        assert wanted in said.body_html
    assert "<a> " in said.body_text
    assert "<a> " not in said.body_html
    assert (said.kind, said.incident) == ("digest", {})
    assert "{" not in said.body_text + said.title


@pytest.mark.parametrize("lang", LANGS)
def test_each_picture_is_shown_once_and_says_in_words_what_it_shows(lang: Lang) -> None:
    said = digest_message(matter(), lang, None, "digest/1", 1)
    assert [image.name for image in said.images] == ["validators-0", "nodes-1"]
    for image in said.images:
        assert said.body_html.count(f'src="cid:{image.name}"') == 1
        assert image.alt in said.body_html


@pytest.mark.parametrize("lang, quiet", [("en", "nothing happened"), ("zh", "一切平静")])
def test_a_quiet_week_is_one_line(lang: Lang, quiet: str) -> None:
    calm = matter(
        every="weekly", critical_count=0, warning_count=0, open_count=0, incidents=(), incidents_more=0,
        validators=(), nodes=(), nodes_more=0,
    )  # fmt: skip
    said = digest_message(calm, lang, None, "digest/1", 1)
    assert quiet in said.title
    assert said.body_text == f"{said.title}\n"
    assert said.images == ()


def test_both_languages_have_the_same_sentences() -> None:
    assert WORDS["en"].keys() == WORDS["zh"].keys()


def pixels(png: bytes) -> tuple[int, int, list[bytes]]:
    """Width, height and rows of a PNG by a palette, each chunk's sum checked."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, found = 8, {}
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length]) == (zlib.crc32(kind + body),)
        found[kind] = body
        at += 12 + length
    width, height, depth, colour = struct.unpack(">IIBB", found[b"IHDR"][:10])
    assert (depth, colour, at) == (8, 3, len(png))
    rows = zlib.decompress(found[b"IDAT"])
    assert len(rows) == height * (width + 1)
    return width, height, [rows[y * (width + 1) + 1 : (y + 1) * (width + 1)] for y in range(height)]


def test_a_bar_is_as_high_as_its_value_and_what_is_unknown_is_neither_full_nor_empty() -> None:
    width, height, rows = pixels(bars([1.0, 0.5, None, 0.0, 7.0]))
    assert (width, height) == (5 * (BAR + GAP) - GAP, HEIGHT)
    heights = [sum(1 for row in rows if row[place * (BAR + GAP)]) for place in range(5)]
    assert heights == [HEIGHT, HEIGHT // 2, 3, 1, HEIGHT]
    assert len({rows[-1][place * (BAR + GAP)] for place in range(4)}) == 3  # good, poor, unknown, poor


def test_no_values_are_a_picture_all_the_same() -> None:
    assert pixels(bars([]))[:2] == (1, HEIGHT)
