"""A team's status page on the stage: what anybody sees of it."""

import time
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.browser.alerted import TITLES, both
from vedette.server import badges, cards
from vedette.server.api.embeds import STYLESHEET
from vedette.server.badges import Badge
from vedette.server.cards import Card

if TYPE_CHECKING:
    from tests.browser.stage import Stage

DAY_MS = 86_400_000
DAYS = 90


def status(stage: "Stage", slug: str) -> dict[str, Any] | None:
    """Its public things; None where no team is public under this name."""
    told = stage.kept.profile
    if not told["is_public"] or told["slug"] != slug:
        return None
    now_ms = time.time_ns() // 1_000_000
    begins = now_ms // DAY_MS * DAY_MS - (DAYS - 1) * DAY_MS
    return {name: told[name] for name in ("name", "slug", "about", "links")} | {
        "validators": [_validator(stage, name) for name in stage.names[:3]],
        "nodes": [_node(stage, i) for i in range(min(4, len(stage.names)))],
        "days_from_ms": begins,
        "incidents": _incidents(stage, now_ms) if told["shows_incidents"] else None,
        "as_of_ms": now_ms,
    }


def _validator(stage: "Stage", name: str) -> dict[str, Any]:
    one = stage.validator(name).model_dump(mode="json")
    team = {"team": stage.kept.profile["name"], "slug": stage.kept.profile["slug"], "about": "", "links": []}
    names = {"node0": "Pine One", "node1": "Pine Two"}
    return one | {"name": None, "node_id": None, "claimed": team | {"name": names.get(name)}}


def _node(stage: "Stage", index: int) -> dict[str, Any]:
    down = stage.scene == "trouble" and index == 2
    days: list[int | None] = [1_000_000] * DAYS
    if index == 1:
        days[:31] = [None] * 31
        days[57] = 962_000
    if index == 2:
        days[20], days[21], days[22] = 410_000, 0, 780_000
    if down:
        days[-1] = 930_000
    known = [day for day in days if day is not None]
    told = {"up_ppm": sum(known) // len(known), "days_ppm": days}
    return {
        "id": f"n000000{index}",
        "name": ("fra-voter", "sin-voter", "ams-voter", "archive")[index],
        "kind": "agent" if index < 3 else "endpoint",
        "role": "voter" if index < 3 else "archive",
        "state": "down" if down else "syncing" if index == 3 and stage.scene == "trouble" else "up",
        "version": "3.0.2",
        "process": told,
        "rpc": told,
    }


def _incidents(stage: "Stage", now_ms: int) -> list[dict[str, Any]]:
    def line(number: int, rule: str, opened_ms: int, resolved_ms: int | None) -> dict[str, Any]:
        return {
            "id": number,
            "rule": rule,
            "severity": "critical" if rule == "node_down" else "warning",
            "state": "open" if resolved_ms is None else "resolved",
            "subject": {"kind": "node", "id": "n0000002", "name": "ams-voter"},
            "title": f"ams-voter: {rule}",
            "titles": both(TITLES[rule], who="ams-voter"),
            "opened_at_ms": opened_ms,
            "resolved_at_ms": resolved_ms,
        }

    past = line(7, "node_silent", now_ms - 6 * DAY_MS, now_ms - 6 * DAY_MS + 540_000)
    return [line(12, "node_down", stage.opened_ms, None), past] if stage.scene == "trouble" else [past]


# --- for other people's pages


async def badge(request: web.Request) -> web.Response:
    """A picture, drawn as the server draws it, of what was asked for."""
    drawn = badges.svg(Badge(request.match_info["path"].rsplit("/", 1)[-1], "voting", "good"))
    return web.Response(body=drawn, content_type="image/svg+xml")


async def card(request: web.Request) -> web.Response:
    """A card, written as the server writes it."""
    if request.path == "/embed/card.css":
        return web.Response(body=STYLESHEET.read_bytes(), content_type="text/css")
    told = Card(
        title="Validator 0xa05d58…a3f8",
        heading="0xa05d58…a3f8",
        is_address=True,
        state="voting",
        tone="good",
        link=f"http://{request.host}/validators/0xa05d58",
        strip="sslsssssasss" * 8,
        figures=(("seats", "75"), ("signed", "98.90 %"), ("apy", "12.23 %"), ("votes", "12,500")),
        at_ms=0,
    )
    lang: cards.Lang = "zh" if request.query["lang"] == "zh" else "en"
    theme: cards.Theme = "dark" if request.query["theme"] == "dark" else "auto"
    page = cards.page(told, lang, theme, "/embed/card.css", "")
    return web.Response(body=page, content_type="text/html", charset="utf-8")
