"""What a team tells the public of itself, and its status page: nothing else is ever on it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Final

from fastapi import APIRouter, Path, Response
from sqlalchemy.exc import IntegrityError

from vedette.model.incident import Incident, IncidentState, Subject, SubjectKind
from vedette.model.people import Who
from vedette.notify.text import PUBLIC_RULES, public_title
from vedette.notify.words import Lang
from vedette.server.api.board import in_full, validator_shape
from vedette.server.api.claim_shapes import (
    Days,
    LinkShape,
    Profile,
    ProfileChange,
    StatusIncident,
    StatusNode,
    StatusSubject,
    TeamStatus,
    ValidatorInFull,
)
from vedette.server.api.members import Owner, Viewer
from vedette.server.api.nodes import public_shape
from vedette.server.api.sent import LIVE
from vedette.server.api.talk import Boards, Rooms, reply
from vedette.server.problems import ProblemError
from vedette.server.uptimes import DAY_MS, DAYS, from_ms
from vedette.store import availability, incidents, nodes, profiles
from vedette.store.availability import Uptime
from vedette.store.database import Conn
from vedette.store.nodes import NodeRow

router = APIRouter(tags=["teams"])

RECENT_MS: Final = 14 * DAY_MS
NO_TEAM: Final = "Your team is not there any more: sign in anew."
NO_PAGE: Final = "No team shows itself under this name."
TAKEN: Final = "slug: another team has this name; choose another."
SLUGLESS: Final = "slug: a status page needs a name to stand under; give one with is_public."

SlugWanted = Annotated[str, Path(max_length=40, description="a team's public name")]


@router.get("/team/profile", response_model=Profile)
async def team_profile(rooms: Rooms, who: Viewer) -> Response:
    """What your team tells the public."""
    return reply(await _own_profile(rooms, who))


@router.patch("/team/profile", response_model=Profile)
async def change_profile(change: ProfileChange, rooms: Rooms, who: Owner) -> Response:
    """Say what the public is to know of your team; whatever is left out stays."""
    said, now_ms = change.model_dump(include=change.model_fields_set), rooms.ears.now_ms()
    try:
        done = await rooms.database.write(lambda conn: profiles.change(conn, who, said, now_ms))
    except IntegrityError as error:  # two teams took it in one moment
        raise ProblemError(409, TAKEN) from error
    if done in {"taken", "slugless"}:
        raise ProblemError(409, TAKEN if done == "taken" else SLUGLESS)
    rooms.claims.forget()
    return reply(await _own_profile(rooms, who))


async def _own_profile(rooms: Rooms, who: Who) -> Profile:
    async with rooms.database.read() as conn:
        found = await profiles.profile(conn, who)
    if found is None:
        raise ProblemError(404, NO_TEAM)
    told = asdict(found)
    del told["team_id"]
    return Profile.model_validate({**told, "links": list(told["links"])})


# --- the page ---------------------------------------------------------------------------------------------


@router.get("/teams/{slug}", response_model=TeamStatus)
async def team_status(slug: SlugWanted, rooms: Rooms, board: Boards) -> Response:
    """A team's status page: its public nodes, and the validators that it publicly claimed."""
    now_ms = rooms.ears.now_ms()
    async with rooms.database.read() as conn:
        team = await profiles.public_profile(conn, slug)
    if team is None:
        raise ProblemError(404, NO_PAGE)
    found = await _validators(rooms, board, team.team_id)
    async with rooms.database.read() as conn:
        rows = [row for row in await nodes.public_nodes(conn) if row.team_id == team.team_id]
        shapes = [await _node(conn, row, rooms) for row in rows]
        told = await _incidents(conn, team, rows, found, now_ms) if team.shows_incidents else None
    language = rooms.settings.alerts.language
    return reply(
        TeamStatus(
            name=team.name,
            slug=slug,
            about=team.about,
            links=[LinkShape(**asdict(link)) for link in team.links],
            validators=found,
            nodes=shapes,
            days_from_ms=from_ms(now_ms),
            incidents=None if told is None else [_incident(one, language) for one in told],
            as_of_ms=now_ms,
        ),
        LIVE,
    )


async def _validators(rooms: Rooms, board: Boards, team_id: int) -> list[ValidatorInFull]:
    """Those that the team claimed publicly, as anybody sees them."""
    shown, tip = await rooms.claims.shown(), await rooms.tips.now()
    did = board.summaries(await rooms.standings.of("30d"))
    mine = sorted(one for one, told in shown.items() if told.team_id == team_id and one in tip.strips)
    members = tip.committee_votes
    shapes = [
        validator_shape(one, tip.strips[one], tip.recent.first, tip, members, did.of(one)) for one in mine
    ]
    return [in_full(one, shown) for one in shapes]


# --- nodes ------------------------------------------------------------------------------------------------


async def _node(conn: Conn, row: NodeRow, rooms: Rooms) -> StatusNode:
    held = await rooms.uptimes.of(conn, row.team_id, row.id)
    shape = public_shape(row, rooms.ears)
    return StatusNode(
        id=shape.id,
        name=shape.name,
        kind=shape.kind,
        role=shape.role,
        state=shape.state,
        version=shape.version,
        process=_days(held.process if held else ()),
        rpc=_days(held.rpc if held else ()),
    )


def _days(cells: Sequence[Uptime]) -> Days:
    days = [cell.up_ppm for cell in cells][-DAYS:]
    unknown: list[int | None] = [None] * (DAYS - len(days))
    return Days(up_ppm=availability.total(cells).up_ppm, days_ppm=unknown + days)


# --- incidents --------------------------------------------------------------------------------------------


async def _incidents(
    conn: Conn, team: profiles.Profile, rows: Sequence[NodeRow], found: Sequence[ValidatorInFull], now_ms: int
) -> list[Incident]:
    """What was told about public things, under the names that these have now."""
    names = {(SubjectKind.NODE, row.id): row.name for row in rows}
    for one in found:
        own = one.claimed.name if one.claimed else None
        names[SubjectKind.VALIDATOR, one.address] = own or f"{one.address[:10]}…{one.address[-4:]}"
    told = await incidents.told_since(conn, team.team_id, list(names), PUBLIC_RULES, now_ms - RECENT_MS)
    return [replace(one, subject=_named(one.subject, names)) for one in told]


def _named(subject: Subject, names: Mapping[tuple[SubjectKind, str], str]) -> Subject:
    return replace(subject, name=names[subject.kind, subject.id])


def _incident(one: Incident, language: Lang) -> StatusIncident:
    subject = one.subject
    return StatusIncident.model_validate(
        {
            "id": one.id,
            "rule": one.rule,
            "severity": one.severity.value,
            "state": "resolved" if one.state is IncidentState.RESOLVED else "open",
            "subject": StatusSubject.model_validate(
                {"kind": subject.kind.value, "id": subject.id, "name": subject.name}
            ),
            "title": public_title(one, language),
            "titles": {"en": public_title(one, "en"), "zh": public_title(one, "zh")},
            "opened_at_ms": one.opened_at_ms,
            "resolved_at_ms": one.resolved_at_ms,
        }
    )
