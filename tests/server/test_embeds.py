"""Badges, cards and oEmbed: what anybody may put on his own page."""

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.server.conftest import STRANGER, Api
from tests.server.history import Past
from tests.server.stage import Agent, client, enrol, hear, served, settings
from tests.server.test_api_pools import CONTRACTS, HOLDINGS, NAMES, STEADY, TERMS, members
from vedette.model.pool import PoolReading
from vedette.server import badges, cards
from vedette.server.api import embeds
from vedette.server.badges import LABEL, TEXT, TONES, Badge
from vedette.store.pools import list_pools, remember_pool

PUBLIC_URL = "https://vedette.example.org"
NOBODY = "0x" + "9" * 64
SVG = "{http://www.w3.org/2000/svg}"


class Page(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


class Site:
    def __init__(self, url: str, http: aiohttp.ClientSession, past: Past, api: Api) -> None:
        self.url, self.http, self.past, self.api = url, http, past, api

    async def raw(self, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
        async with self.http.get(self.url + path, headers={**STRANGER, **headers}) as reply:
            names = {name.lower() for name in reply.headers}
            told = {name: ", ".join(reply.headers.getall(name)) for name in names}
            return reply.status, told, await reply.text()

    async def badge(self, path: str) -> tuple[str, str]:
        """Label and message of a badge; its form is checked on the way."""
        status, headers, text = await self.raw(f"/badge/{path}.svg")
        assert (status, headers["content-type"]) == (200, "image/svg+xml; charset=utf-8")
        assert "max-age" in headers["cache-control"]
        return told(text)


def told(svg: str) -> tuple[str, str]:
    root = ET.fromstring(svg)
    assert {one.tag.removeprefix(SVG) for one in root.iter()} <= {"svg", "title", "rect", "path", "g", "text"}
    assert not any(name == "style" or name.startswith("on") for one in root.iter() for name in one.attrib)
    label, message = (one.text or "" for one in root.iter(f"{SVG}text"))
    title = root.findtext(f"{SVG}title") or ""
    assert root.get("role") == "img"
    assert root.get("aria-label") == title
    assert title.startswith(f"{label}: {message}")
    return label, message


@pytest.fixture
async def site(database_file: Path, tmp_path: Path, past: Past) -> AsyncIterator[Site]:
    given = settings(tmp_path, database=str(database_file), public_url=PUBLIC_URL)
    async with served(given) as (house, url), client() as http:
        at_ms, best = past.end_ms(10), members(past)[0]
        reading = PoolReading(STEADY, "Steady", best, True, TERMS, HOLDINGS)
        await house.database.write(lambda conn: list_pools(conn, NAMES, at_ms))
        await house.database.write(lambda conn: remember_pool(conn, reading, at_ms + 1))
        yield Site(url, http, past, Api(house, url, http))


# --- badges -----------------------------------------------------------------------------------------------


async def test_a_validators_badges_say_what_its_page_says(site: Site) -> None:
    for address in site.past.people[:8]:
        one = await site.api.get(f"/validators/{address}?window=30d")
        path = f"validators/{address}"
        assert await site.badge(f"{path}/seats") == ("seats", str(one["committee_votes"]))
        (line,) = (await site.api.get(f"/validators/{address}/epochs?limit=1"))["epochs"]
        signed = f"{line['signed_blocks']}/{line['known_blocks']}" if line["votes"] else "not elected"
        assert await site.badge(f"{path}/votes") == ("signed", signed)
        did = (await site.api.get(f"/validators/{address}/performance?window=30d"))["figures"]
        presence = did["presence_ppm"]
        words = "unknown" if presence is None else f"{presence / 10_000:.1f} %"
        assert await site.badge(f"{path}/presence") == ("presence 30d", words)
        label, state = await site.badge(f"{path}/status")
        assert label == "validator"
        if one["stake"]["force_retired_height"] is not None:
            assert state == "retired by force"
        else:
            assert state == ("voting" if one["committee_votes"] else "not elected")


async def test_a_yield_of_less_than_a_day_is_not_shown_off(site: Site) -> None:
    address = members(site.past)[0]
    one = (await site.api.get(f"/validators/{address}?window=30d"))["performance"]
    assert one["apy_ppm"] is not None
    assert one["staked_epochs"] < 24
    assert await site.badge(f"validators/{address}/apy") == ("yield 30d", "unknown")


async def test_the_networks_badges(site: Site) -> None:
    now = (await site.api.get("/network"))["pos"]
    assert await site.badge("network/height") == ("PoS height", f"{now['height']:,}")
    assert await site.badge("network/epoch") == ("PoS epoch", f"{now['epoch']:,}")
    assert await site.badge("network/members") == ("members", str(now["members"]))
    assert await site.badge("network/participation") == ("votes cast", f"{100 * now['participation']:.1f} %")


async def test_what_is_unknown_is_grey_and_what_is_malformed_is_nowhere(site: Site) -> None:
    for what in embeds.OF_VALIDATOR:
        assert (await site.badge(f"validators/{NOBODY}/{what}"))[1] == "unknown"
    text = (await site.raw(f"/badge/validators/{NOBODY}/seats.svg"))[2]
    assert TONES["unknown"] in text
    for path in (f"validators/{NOBODY}/beauty", "validators/0x12/seats", "validators/%00/seats", "network/x",
                 "nodes/..", "nodes/XYZ", "nothing", f"validators/{NOBODY}/seats.png"):  # fmt: skip
        status, headers, _ = await site.raw(f"/badge/{path}.svg")
        assert (status, headers["content-type"]) == (404, "application/problem+json"), path


async def test_only_a_public_node_has_a_badge(site: Site) -> None:
    agent = Agent('<script>"paris" & co')
    await enrol(site.api.house, agent)
    await hear(site.api.house, *agent.post(agent.envelope(site.api.house.ears.now_ms())))
    hidden = await site.raw(f"/badge/nodes/{agent.node_id}.svg")
    assert told(hidden[2]) == ("node", "unknown")
    assert hidden[2] == (await site.raw(f"/badge/nodes/{'0' * 16}.svg"))[2], "it cannot be told from no node"
    own = f"{site.url}/api/v1/nodes/{agent.node_id}"
    async with site.http.patch(own, json={"is_public": True}) as reply:
        assert reply.status == 200
    assert await site.badge(f"nodes/{agent.node_id}") == (agent.name, "up")


async def test_whoever_has_a_badge_is_not_sent_it_again(site: Site) -> None:
    for path in ("/badge/network/height.svg", f"/embed/validators/{site.past.people[0]}", "/embed/card.css"):
        _, headers, _ = await site.raw(path, **{"Accept-Encoding": "identity"})
        again = await site.raw(path, **{"If-None-Match": headers["etag"], "Accept-Encoding": "identity"})
        assert (again[0], again[2]) == (304, "")


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    r, g, b = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


@pytest.mark.parametrize("colour", [LABEL, *TONES.values()])
def test_text_stands_out_from_its_ground(colour: str) -> None:
    assert (luminance(TEXT) + 0.05) / (luminance(colour) + 0.05) >= 4.5


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_makes_a_badge(label: str, message: str) -> None:
    found = told(badges.svg(Badge(label, message, "good", message)).decode())
    assert all(0 < len(text) <= badges.TEXT_MAX for text in found)


# --- cards ------------------------------------------------------------------------------------------------


def sound(text: str) -> Page:
    """A page without script and style in it, and without anything from elsewhere."""
    page = Page(text)
    names = {name for name, _ in page.tags}
    assert not names & {"script", "style", "iframe", "object", "form"}
    assert not [name for _, given in page.tags for name in given if name == "style" or name.startswith("on")]
    (sheet,) = [one for one in page.of("link") if one["rel"] == "stylesheet"]
    assert re.fullmatch(r"/embed/card\.css\?[0-9a-f]{8}", sheet["href"] or "")
    return page


async def test_a_validators_card_has_its_strip_and_figures(site: Site) -> None:
    address = site.past.people[0]
    status, headers, text = await site.raw(f"/embed/validators/{address}")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert headers["content-language"] == "en"
    page = sound(text)
    one = await site.api.get(f"/validators/{address}")
    assert len(page.of("rect")) == 100
    classes = "".join(str(cell["class"]) for cell in page.of("rect"))
    assert classes == one["votes"]["strip"].translate(str.maketrans("-?", "iu"))
    assert f"{100 * one['votes']['signed'] / one['votes']['known']:.2f} %" in page.text
    (more,) = page.of("a")
    own = f"{PUBLIC_URL}/validators/{address}"
    assert (more["href"], more["rel"]) == (own, "noopener")
    (found,) = [one for one in page.of("link") if one.get("type") == "application/json+oembed"]
    assert found["href"] == f"{PUBLIC_URL}/api/v1/oembed?url={quote(own, safe='')}"


async def test_a_pools_card_has_its_fee_and_the_pools_own_words_stay_words(site: Site) -> None:
    page = sound((await site.raw(f"/embed/pools/{STEADY}"))[2])
    assert "Steady" in page.text
    assert "10.00 %" in page.text
    for contract in CONTRACTS[1:]:
        assert (await site.raw(f"/embed/pools/{contract}"))[0] == 200
    hostile = {STEADY: "<img src=x onerror=alert(1)>"}
    await site.api.house.database.write(lambda conn: list_pools(conn, hostile, site.past.end_ms(11)))
    page = sound((await site.raw(f"/embed/pools/{STEADY}"))[2])
    assert not page.of("img")
    assert hostile[STEADY] in page.text


async def test_a_card_speaks_as_asked_or_as_the_browser_does(site: Site) -> None:
    path = f"/embed/validators/{site.past.people[0]}"
    assert "席位" in (await site.raw(f"{path}?lang=zh"))[2]
    assert "席位" in (await site.raw(path, **{"Accept-Language": "fr, zh-CN;q=0.8, en;q=0.5"}))[2]
    _, headers, text = await site.raw(f"{path}?lang=en", **{"Accept-Language": "zh"})
    assert "Seats" in text
    assert "Accept-Language" in headers["vary"]
    assert Page((await site.raw(f"{path}?theme=dark"))[2]).of("html")[0]["class"] == "dark"
    assert (await site.raw(f"{path}?theme=pink"))[0] == 422


def test_both_languages_have_every_word() -> None:
    assert cards.WORDS["en"].keys() == cards.WORDS["zh"].keys()
    for key, words in cards.WORDS["en"].items():
        places = [sorted(re.findall(r"\{\w+\}", text)) for text in (words, cards.WORDS["zh"][key])]
        assert places[0] == places[1]
    assert embeds.STATES.keys() <= cards.WORDS["en"].keys()


async def test_what_is_not_there_says_so_in_the_frame(site: Site) -> None:
    for path in (f"validators/{NOBODY}", "validators/x", f"pools/{NOBODY}", "pools/x"):
        status, headers, text = await site.raw(f"/embed/{path}")
        assert (status, headers["content-type"]) == (404, "text/html; charset=utf-8"), path
        assert "No " in sound(text).text
    assert (await site.raw("/embed/nothing"))[0] == 404


# --- oEmbed -----------------------------------------------------------------------------------------------


async def ask(site: Site, url: str, more: str = "") -> tuple[int, Any]:
    path = f"{site.url}/api/v1/oembed?url={quote(url, safe='')}{more}"
    async with site.http.get(path) as reply:
        return reply.status, await reply.json(content_type=None)


async def test_oembed_answers_for_our_own_pages(site: Site) -> None:
    address = site.past.people[0]
    for path in (
        f"/validators/{address}",
        f"/embed/validators/{address}",
        f"/validators/{address}?window=7d",
    ):
        status, found = await ask(site, PUBLIC_URL + path)
        assert (status, found["version"], found["type"]) == (200, "1.0", "rich")
        (frame,) = Page(found["html"]).of("iframe")
        assert frame["src"] == f"{PUBLIC_URL}/embed/validators/{address}"
        assert (frame["width"], frame["height"]) == (str(found["width"]), str(found["height"]))
    status, found = await ask(
        site, f"{PUBLIC_URL}/pools/{quote(STEADY, safe='')}", "&maxwidth=300&maxheight=200"
    )
    assert (status, found["width"], found["height"]) == (200, 300, 200)
    (frame,) = Page(found["html"]).of("iframe")
    src = str(frame["src"]).removeprefix(PUBLIC_URL)
    assert (await site.raw(src))[0] == 200


async def test_oembed_answers_for_nothing_else(site: Site) -> None:
    address = site.past.people[0]
    for url in (f"https://elsewhere.example.org/validators/{address}", f"{PUBLIC_URL}/nodes/x", "x", "http://[",
                f"{PUBLIC_URL}/validators/{NOBODY}", f"{PUBLIC_URL}/pools/x",
                f"{PUBLIC_URL}@elsewhere.example.org/validators/{address}"):  # fmt: skip
        status, found = await ask(site, url)
        assert (status, found["status"]) == (404, 404), url
    assert (await ask(site, f"{PUBLIC_URL}/validators/{address}", "&format=xml"))[0] == 501
