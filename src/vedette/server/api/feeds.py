"""A team's deadlines as a calendar, by a token; and public incidents as Atom and RSS, for everybody."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from vedette.alerts import calendar as windows
from vedette.alerts.rules.unlock_near import at_ms
from vedette.model.incident import Incident, SubjectKind
from vedette.model.people import Who
from vedette.model.policy import Maintenance
from vedette.model.view import View
from vedette.notify.text import PUBLIC_RULES, moment, public_title
from vedette.notify.words import Lang
from vedette.server import feeds
from vedette.server.api.sent import Body, Sent
from vedette.server.api.talk import Rooms
from vedette.server.digests import short
from vedette.server.feeds import HOUR_MS, WORDS, Deadline, Item
from vedette.server.problems import ProblemError
from vedette.store import digests, incidents, maintenances, nodes, profiles
from vedette.store.profiles import Profile

if TYPE_CHECKING:
    from vedette.server.house import House

router = APIRouter(tags=["embeds"])

DAY_MS: Final = 24 * HOUR_MS
AHEAD_MS, BACK_MS, RECENT_MS = 180 * DAY_MS, DAY_MS, 14 * DAY_MS
DEADLINES_MAX, ITEMS_MAX = 500, 100
PUBLIC, OWN = "public, max-age=60", "private, no-store"
ICS, ATOM, RSS = (
    f"{kind}; charset=utf-8" for kind in ("text/calendar", "application/atom+xml", "application/rss+xml")
)
NO_CALENDAR: Final = "No calendar opens with this token: somebody may have made a newer one."


def _says(media_type: str) -> dict[int | str, dict[str, Any]]:
    plain = media_type.partition(";")[0]
    return {200: {"description": "the feed", "content": {plain: {"schema": {"type": "string"}}}}}


Token = Annotated[str, Query(min_length=1, max_length=100, description="of POST /api/v1/alerts/feed-token")]
Language = Annotated[Lang | None, Query(description="en or zh; without it the server's own")]
Slug = Annotated[str | None, Query(max_length=40, description="of one team alone: its public name")]


# --- deadlines --------------------------------------------------------------------------------------------


@router.get("/feeds/deadlines.ics", response_class=Response, responses=_says(ICS))
async def deadlines(token: Token, rooms: Rooms, lang: Language = None) -> Response:
    """When votes unlock, forks come and work is planned. The token is a bearer of its own."""
    now_ms, language = rooms.ears.now_ms(), lang or rooms.settings.alerts.language
    audience = await rooms.push.audience()
    async with rooms.database.read() as conn:
        team_id = await digests.team_of_feed(conn, feeds.hash_of(token))
        if team_id is None:
            raise ProblemError(404, NO_CALENDAR)
        planned = await maintenances.maintenances(conn, Who(team_id))
        views = await rooms.sights.views(conn, now_ms, audience.keys())
    found = [
        *_of_chain(views.get(team_id, View(now_ms)), rooms.settings.page_url, language),
        *itertools.chain.from_iterable(_planned(one, now_ms, language) for one in planned),
    ]
    ahead = sorted((one for one in found if one.until_ms >= now_ms - BACK_MS), key=lambda one: one.at_ms)
    return Sent(Body(feeds.calendar(ahead[:DEADLINES_MAX], language, now_ms), ICS), OWN)


def _of_chain(view: View, page_url: str, lang: Lang) -> Iterator[Deadline]:
    words = WORDS[lang]
    for validator in view.validators.values():
        for part in () if validator.account is None else validator.account.out_queue:
            at = at_ms(view.network, part.end_height)
            if at is None:
                continue
            title = words["unlock"].format(votes=part.votes, name=validator.pool or short(validator.address))
            uid = f"unlock-{validator.address}-{part.end_height}"
            url = f"{page_url.rstrip('/')}/validators/{validator.address}"
            yield Deadline(uid, at, at + HOUR_MS, title, words["unlock.text"], url)
    for fork in view.network.forks:
        if fork.activates_at_ms is not None:
            title = words["fork"].format(name=fork.name, release=fork.first_version)
            start = fork.activates_at_ms
            yield Deadline(f"fork-{fork.name}", start, start + HOUR_MS, title, words["fork.text"])


def _planned(one: Maintenance, now_ms: int, lang: Lang) -> Iterator[Deadline]:
    title = WORDS[lang]["maintenance"].format(name=one.name)
    spans = windows.windows(one, now_ms - BACK_MS, now_ms + AHEAD_MS)
    for span in itertools.islice(spans, DEADLINES_MAX):
        yield Deadline(
            f"maintenance-{one.id}-{span.from_ms}", span.from_ms, span.until_ms, title, one.comment
        )


# --- incidents --------------------------------------------------------------------------------------------


@router.get("/feeds/incidents.atom", response_class=Response, responses=_says(ATOM))
async def incidents_atom(rooms: Rooms, lang: Language = None, team: Slug = None) -> Response:
    """What teams that show their incidents tell the public of the last fourteen days, as Atom."""
    language, page_url = lang or rooms.settings.alerts.language, _page(rooms)
    found = await _items(rooms, language, team)
    own = f"{page_url}/feeds/incidents.atom{'' if team is None else f'?team={team}'}"
    return Sent(Body(feeds.atom(found, page_url, own, language), ATOM), PUBLIC)


@router.get("/feeds/incidents.rss", response_class=Response, responses=_says(RSS))
async def incidents_rss(rooms: Rooms, lang: Language = None, team: Slug = None) -> Response:
    """The same as RSS 2.0: an item more when an incident is over."""
    language, page_url = lang or rooms.settings.alerts.language, _page(rooms)
    found = await _items(rooms, language, team)
    own = f"{page_url}/feeds/incidents.rss{'' if team is None else f'?team={team}'}"
    return Sent(Body(feeds.rss(found, page_url, own, language), RSS), PUBLIC)


def _page(rooms: "House") -> str:
    return rooms.settings.page_url.rstrip("/")


async def _items(rooms: "House", lang: Lang, slug: str | None) -> list[Item]:
    """Of public nodes and publicly claimed validators alone, as the status pages tell them."""
    since_ms, names = rooms.ears.now_ms() - RECENT_MS, await _public_names(rooms)
    found: list[Item] = []
    async with rooms.database.read() as conn:
        for team in await profiles.public_profiles(conn):
            if team.shows_incidents and slug in {None, team.slug}:
                own = names.get(team.team_id, {})
                told = await incidents.told_since(conn, team.team_id, list(own), PUBLIC_RULES, since_ms)
                found += [_item(one, own, team, _page(rooms), lang) for one in told]
    return sorted(found, key=lambda one: one.changed_at_ms, reverse=True)[:ITEMS_MAX]


Names = Mapping[tuple[SubjectKind, str], str]


async def _public_names(rooms: "House") -> dict[int, dict[tuple[SubjectKind, str], str]]:
    """By team, what the public knows of, and under which name."""
    found: dict[int, dict[tuple[SubjectKind, str], str]] = {}
    for address, shown in (await rooms.claims.shown()).items():
        found.setdefault(shown.team_id, {})[SubjectKind.VALIDATOR, address] = shown.name or short(address)
    async with rooms.database.read() as conn:
        for row in await nodes.public_nodes(conn):
            found.setdefault(row.team_id, {})[SubjectKind.NODE, row.id] = row.name
    return found


def _item(one: Incident, names: Names, team: Profile, page_url: str, lang: Lang) -> Item:
    """Its title is made of facts that may be told; nothing else of it is."""
    subject = replace(one.subject, name=names[one.subject.kind, one.subject.id])
    end_ms, words = one.resolved_at_ms, WORDS[lang]
    since = moment(one.opened_at_ms)
    text = words["opened"].format(at=since)
    if end_ms is not None:
        text = words["over"].format(at=since, end=moment(end_ms))
    return Item(
        id=one.id,
        title=public_title(replace(one, subject=subject), lang),
        team=team.name,
        text=text,
        url=f"{page_url}/teams/{team.slug}",
        opened_at_ms=one.opened_at_ms,
        changed_at_ms=one.opened_at_ms if end_ms is None else end_ms,
    )
