"""For other people's pages: badges, cards, and oEmbed. All of it is public, whoever asks."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from urllib.parse import quote, unquote, urlsplit

from fastapi import APIRouter, Path, Query, Request, Response

from vedette.model.ballot import known_count, signed_count
from vedette.model.health import Thresholds, unsigned_run
from vedette.model.history import Of, OfNetwork
from vedette.model.performance import ENOUGH_EPOCHS, PPM, Figure, Performance
from vedette.model.pos import PosAddress
from vedette.server import badges, cards
from vedette.server.api.network import pos_now
from vedette.server.api.nodes import state_of
from vedette.server.api.pool_board import pool_shape
from vedette.server.api.pool_shapes import PoolShape
from vedette.server.api.pools import PoolName, found_pool
from vedette.server.api.sent import Body, Sent
from vedette.server.api.shapes import Shape
from vedette.server.api.talk import Rooms, reply
from vedette.server.badges import Badge, Tone
from vedette.server.cards import Card, Theme
from vedette.server.problems import ProblemError
from vedette.server.tip import Tip
from vedette.store import nodes, pages

if TYPE_CHECKING:
    from vedette.server.house import House

router = APIRouter(tags=["embeds"])
oembed_router = APIRouter(tags=["embeds"])

CACHE: Final = "public, max-age=60"
SVG: Final = "image/svg+xml; charset=utf-8"
HTML: Final = "text/html; charset=utf-8"
STYLESHEET: Final = FilePath(__file__).parent.parent / "embed.css"
SPAN: Final = "30d"
ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{64}")
NODE: Final = re.compile(r"[0-9a-f]{16}")
OF_VALIDATOR: Final = ("status", "votes", "seats", "apy", "presence")
OF_NETWORK: Final = ("participation", "height", "epoch", "validators", "members")
NO_BADGE: Final = "There is no such badge: docs/how-to/badges.md lists them."

STATES: Final[Mapping[str, Tone]] = {
    "voting": "good",
    "absent": "bad",
    "not_elected": "info",
    "retired": "bad",
    "unknown": "unknown",
}
NODE_TONES: Final[Mapping[str, Tone]] = {
    "up": "good",
    "syncing": "warn",
    "stopped": "info",
    "silent": "bad",
    "down": "bad",
    "unknown": "unknown",
}

PICTURE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "a picture", "content": {"image/svg+xml": {"schema": {"type": "string"}}}}
}
PAGE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "a small page", "content": {"text/html": {"schema": {"type": "string"}}}},
    404: {"description": "the same, and says so", "content": {"text/html": {"schema": {"type": "string"}}}},
}
AnyAddress = Annotated[str, Path(max_length=120, description="PoS address: 0x and 64 hex digits")]
Language = Annotated[str | None, Query(max_length=20, description="en or zh; else by Accept-Language")]
Look = Annotated[Theme, Query(description="auto: by the reader's own setting")]


# --- badges -----------------------------------------------------------------------------------------------


@router.get("/badge/validators/{address}/{what}.svg", response_class=Response, responses=PICTURE)
async def validator_badge(
    address: AnyAddress,
    rooms: Rooms,
    what: Annotated[str, Path(max_length=20, json_schema_extra={"enum": list(OF_VALIDATOR)})],
) -> Response:
    """A validator's badge. One that was never seen is *unknown*, in grey."""
    if not ADDRESS.fullmatch(address) or what not in OF_VALIDATOR:
        raise ProblemError(404, NO_BADGE)
    one, tip = PosAddress(address.lower()), await rooms.tips.now()
    if one not in tip.strips:
        return _picture(badges.unknown(what, one))
    return _picture(await _validator_badge(rooms, one, tip, what))


async def _validator_badge(rooms: "House", one: PosAddress, tip: Tip, what: str) -> Badge:
    if what == "status":
        state = state_of_validator(one, tip)
        return Badge("validator", cards.WORDS["en"][state], STATES[state], one)
    if what == "seats":
        return _number_badge("seats", _seats(one, tip), one)
    if what == "votes":
        return await _votes_badge(rooms, one)
    told = (await rooms.standings.of(SPAN)).of(one)
    if what == "apy":
        return badges.share("yield 30d", lasting_apy(told), one)
    return badges.share("presence 30d", told.figures[Figure.PRESENCE_PPM], one, badges.duty_tone)


def _seats(one: PosAddress, tip: Tip) -> int | None:
    members = tip.committee_votes
    return None if members is None else members.get(one, 0)


def _number_badge(label: str, value: int | None, about: str = "") -> Badge:
    return badges.unknown(label, about) if value is None else Badge(label, f"{value:,}", "info", about)


async def _votes_badge(rooms: "House", one: PosAddress) -> Badge:
    """Blocks that it signed in the newest counted epoch."""
    async with rooms.database.read() as conn:
        newest = await pages.account_epochs(conn, one, None, 1)
    if not newest:
        return badges.unknown("signed", one)
    line, known = newest[0].line, newest[0].network[OfNetwork.KNOWN_BLOCKS]
    if not line[Of.SEAT_EPOCHS]:
        return Badge("signed", "not elected", "info", one)
    if not known:
        return badges.unknown("signed", one)
    signed = line[Of.SIGNED_BLOCKS]
    return Badge("signed", f"{signed}/{known}", badges.duty_tone(PPM * signed // known), one)


@router.get("/badge/nodes/{node_id}.svg", response_class=Response, responses=PICTURE)
async def node_badge(
    node_id: Annotated[str, Path(max_length=40, description="a node's id: 16 hex digits")], rooms: Rooms
) -> Response:
    """The state of a node that its operator made public; any other is *unknown*."""
    if not NODE.fullmatch(node_id):
        raise ProblemError(404, NO_BADGE)
    async with rooms.database.read() as conn:
        row = next((one for one in await nodes.public_nodes(conn) if one.id == node_id), None)
    if row is None:
        return _picture(badges.unknown("node"))
    state = state_of(row, rooms.ears).value
    return _picture(Badge(row.name, state, NODE_TONES[state]))


@router.get("/badge/network/{what}.svg", response_class=Response, responses=PICTURE)
async def network_badge(
    rooms: Rooms,
    what: Annotated[str, Path(max_length=20, json_schema_extra={"enum": list(OF_NETWORK)})],
) -> Response:
    """The network's badge."""
    if what not in OF_NETWORK:
        raise ProblemError(404, NO_BADGE)
    tip = await rooms.tips.now()
    now = pos_now(tip, rooms.follower.committed_height)
    if now is None:
        return _picture(badges.unknown(what))
    if what == "participation":
        cast = None if now.participation is None else round(PPM * now.participation)
        return _picture(badges.share("votes cast", cast, "last 100 blocks", badges.duty_tone))
    value = {"height": now.height, "epoch": now.epoch, "members": now.members, "validators": len(tip.strips)}
    label = {"height": "PoS height", "epoch": "PoS epoch"}.get(what, what)
    told = value[what]
    return _picture(_number_badge(label, told))


def _picture(badge: Badge) -> Response:
    return Sent(Body(badges.svg(badge), SVG), CACHE)


def state_of_validator(one: PosAddress, tip: Tip) -> str:
    """One word, of `STATES`."""
    snapshot, members, strip = tip.accounts.get(one), tip.committee_votes, tip.strips[one]
    if snapshot is not None and snapshot[0].force_retired_height is not None:
        return "retired"
    if members is None:
        return "unknown"
    if not members.get(one):
        return "not_elected"
    absent, signed = unsigned_run(strip)
    if absent >= Thresholds().unsigned_blocks:
        return "absent"
    return "voting" if signed else "unknown"


# --- cards ------------------------------------------------------------------------------------------------


@router.get("/embed/card.css", response_class=Response, include_in_schema=False)
async def stylesheet() -> Response:
    return Sent(_stylesheet(), CACHE)


@router.get("/embed/validators/{address}", response_class=Response, responses=PAGE)
async def validator_embed(
    address: AnyAddress, request: Request, rooms: Rooms, lang: Language = None, theme: Look = "auto"
) -> Response:
    """A validator as a card, for a frame on any page."""
    spoken, tip = cards.language(lang, request.headers.get("accept-language", "")), await rooms.tips.now()
    one = PosAddress(address.lower())
    if not ADDRESS.fullmatch(address) or one not in tip.strips:
        return _missing("no_validator", spoken, theme)
    card = await _validator_card(rooms, one, tip, spoken)
    return _card(card, spoken, theme, _discovery(rooms, f"/validators/{one}"))


async def _validator_card(rooms: "House", one: PosAddress, tip: Tip, lang: cards.Lang) -> Card:
    told = (await rooms.standings.of(SPAN)).of(one)
    state, strip, snapshot = state_of_validator(one, tip), tip.strips[one], tip.accounts.get(one)
    short = f"{one[:8]}…{one[-6:]}"
    return Card(
        title=cards.WORDS[lang]["validator"].format(name=short),
        heading=short,
        is_address=True,
        state=state,
        tone=STATES[state],
        link=f"{_base(rooms)}/validators/{one}",
        strip=strip,
        figures=(
            ("seats", number(_seats(one, tip))),
            ("signed", percent(signed_ppm(strip))),
            ("apy", percent(lasting_apy(told))),
            ("reward", cfx(told.figures[Figure.REWARD_GDRIP])),
            ("votes", number(snapshot[0].available_votes) if snapshot else None),
            ("presence", percent(told.figures[Figure.PRESENCE_PPM])),
        ),
        at_ms=tip.newest.at_us // 1000 if tip.newest else None,
    )


@router.get("/embed/pools/{pool}", response_class=Response, responses=PAGE)
async def pool_embed(
    pool: PoolName, request: Request, rooms: Rooms, lang: Language = None, theme: Look = "auto"
) -> Response:
    """A staking pool as a card, for a frame on any page."""
    spoken = cards.language(lang, request.headers.get("accept-language", ""))
    shape = await _pool(rooms, pool)
    if shape is None:
        return _missing("no_pool", spoken, theme)
    tip = await rooms.tips.now()
    discovery = _discovery(rooms, f"/pools/{quote(shape.contract, safe='')}")
    return _card(pool_card(rooms, shape, tip, spoken), spoken, theme, discovery)


async def _pool(rooms: "House", name: str) -> PoolShape | None:
    standing = await rooms.standings.of(SPAN)
    async with rooms.database.read() as conn:
        try:
            return await pool_shape(conn, await found_pool(conn, name), standing)
        except ProblemError:
            return None


def pool_card(rooms: "House", shape: PoolShape, tip: Tip, lang: cards.Lang) -> Card:
    one = None if shape.pos_address is None else PosAddress(shape.pos_address)
    strip = tip.strips.get(one, "") if one else ""
    state = state_of_validator(one, tip) if one and strip else "unknown"
    held, did = shape.holdings, shape.performance
    return Card(
        title=cards.WORDS[lang]["pool"].format(name=shape.name),
        heading=shape.name,
        is_address=False,
        state=state,
        tone=STATES[state],
        link=f"{_base(rooms)}/pools/{quote(shape.contract, safe='')}",
        strip=strip,
        figures=(
            ("fee", percent(shape.terms.fee_ppm)),
            ("apy_after_fee", percent(did.apy_after_fee_ppm if lasts(did.staked_epochs) else None)),
            ("votes", number(held.available_votes)),
            ("stakers", number(held.staker_count)),
            ("signed", percent(signed_ppm(strip))),
            ("score", number(did.score)),
        ),
        at_ms=tip.newest.at_us // 1000 if tip.newest else None,
    )


def lasts(staked_epochs: int | None) -> bool:
    """A yield of less than a day is mostly luck in one election: it is not for showing off."""
    return (staked_epochs or 0) >= ENOUGH_EPOCHS


def lasting_apy(told: Performance) -> int | None:
    return told.figures[Figure.APY_PPM] if lasts(told.coverage.staked_epochs) else None


def signed_ppm(strip: str) -> int | None:
    known = known_count(strip)
    return PPM * signed_count(strip) // known if known else None


def percent(ppm: int | None) -> str | None:
    return None if ppm is None else f"{ppm / 10_000:.2f} %"


def number(value: int | None) -> str | None:
    return None if value is None else f"{value:,}"


def cfx(gdrip: int | None) -> str | None:
    return None if gdrip is None else f"{gdrip / 1e9:,.2f} CFX"


def _card(card: Card, lang: cards.Lang, theme: Theme, discovery: str) -> Response:
    return Sent(_body(cards.page(card, lang, theme, _stylesheet_link(), discovery), lang), CACHE)


def _missing(key: str, lang: cards.Lang, theme: Theme) -> Response:
    html = cards.missing(key, lang, theme, _stylesheet_link())
    return Response(html, 404, {"Cache-Control": "no-store"}, HTML)


def _body(html: bytes, lang: cards.Lang) -> Body:
    return Body(html, HTML, {"content-language": lang, "vary": "Accept-Encoding, Accept-Language"})


@cache
def _stylesheet() -> Body:
    return Body(STYLESHEET.read_bytes(), "text/css; charset=utf-8")


def _stylesheet_link() -> str:
    return f"/embed/card.css?{_stylesheet().tag[:8]}"


def _base(rooms: "House") -> str:
    return rooms.settings.page_url.rstrip("/")


def _discovery(rooms: "House", path: str) -> str:
    return f"{_base(rooms)}/api/v1/oembed?url={quote(_base(rooms) + path, safe='')}"


# --- oEmbed -----------------------------------------------------------------------------------------------

WIDTH, HEIGHT = 480, 240
LEAST: Final = 120
OURS: Final = re.compile(r"/(?:embed/)?(validators|pools)/([^/]+)/?")
NOT_OURS: Final = "Only pages of validators and pools on this server are known, as {base}/validators/0x..."
Format = Annotated[
    Literal["json", "xml"],
    Query(alias="format", json_schema_extra={"enum": ["json"]}, description="json; there is no xml (501)"),
]


class OEmbed(Shape):
    """A card to be put on a page, as oEmbed 1.0 has it."""

    version: Literal["1.0"] = "1.0"
    type: Literal["rich"] = "rich"
    provider_name: str = "Vedette"
    provider_url: str
    title: str
    html: str
    width: int
    height: int
    cache_age: int = 60


@oembed_router.get("/oembed", response_model=OEmbed)
async def oembed(
    rooms: Rooms,
    url: Annotated[str, Query(max_length=500, description="of a validator's or pool's page on this server")],
    maxwidth: Annotated[int, Query(ge=LEAST, le=10_000, description="in pixels")] = WIDTH,
    maxheight: Annotated[int, Query(ge=LEAST, le=10_000, description="in pixels")] = HEIGHT,
    form: Format = "json",
) -> Response:
    """What to put on a page for one of our addresses (oEmbed 1.0)."""
    if form != "json":
        raise ProblemError(501, "Only format=json is answered here.")
    kind, name = await _ours(rooms, url)
    width, height = min(WIDTH, maxwidth), min(HEIGHT, maxheight)
    title = cards.WORDS["en"][kind].format(name=name)
    source = f"{_base(rooms)}/embed/{kind}s/{quote(name, safe=':')}"
    frame = (
        f'<iframe src="{source}" width="{width}" height="{height}" title="{title}" loading="lazy"'
        ' style="border:0" referrerpolicy="no-referrer"'
        ' sandbox="allow-popups allow-popups-to-escape-sandbox"></iframe>'
    )
    shape = OEmbed(provider_url=_base(rooms), title=title, html=frame, width=width, height=height)
    return reply(shape, CACHE)


async def _ours(rooms: "House", url: str) -> tuple[str, str]:
    """Which of our pages that is, and of whom. Raises ProblemError."""
    base = urlsplit(_base(rooms))
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    found = OURS.fullmatch(parts.path.removeprefix(base.path))
    if found is None or parts.netloc.lower() != base.netloc.lower():
        raise ProblemError(404, NOT_OURS.format(base=_base(rooms)))
    if found[1] == "validators":
        one = PosAddress(found[2].lower())
        if ADDRESS.fullmatch(one) and one in (await rooms.tips.now()).strips:
            return "validator", one
    else:
        shape = await _pool(rooms, unquote(found[2])[:120])
        if shape is not None:
            return "pool", shape.contract
    raise ProblemError(404, "There is no such validator or pool here.")
