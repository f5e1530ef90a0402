"""How often a team wants to be told how it went, and the token of its calendar of deadlines."""

from dataclasses import asdict
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Response
from pydantic import AfterValidator, Field

from vedette.model.digest import DigestPlan, Every
from vedette.model.people import Who
from vedette.server.api.members import Operator, Viewer
from vedette.server.api.shapes import Shape
from vedette.server.api.talk import Rooms, reply
from vedette.server.digests import SETTINGS, takes_digests
from vedette.server.feeds import new_token
from vedette.server.problems import ProblemError
from vedette.store import contacts, digests
from vedette.store.database import Conn

router = APIRouter(tags=["alerts"])

CONTACTS_MAX: Final = 20
NO_CONTACT: Final = (
    "contacts: your team has no contact point {ref}, or it is of a kind that takes no digests."
)
NOBODY: Final = "contacts: name at least one, or choose never."
NO_WEEKDAY: Final = "weekday: a weekly digest needs one, from 0 (Monday) to 6."


def zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be a time zone of the IANA, such as Europe/Berlin") from None
    return value


Ref = Annotated[str, Field(min_length=1, max_length=100, description="contact:ID, settings:NAME or members")]


class DigestShape(Shape):
    """When a digest is told, by the clocks of its zone, and whereto."""

    every: Every
    hour: int = Field(ge=0, le=23)
    weekday: Annotated[int, Field(ge=0, le=6)] | None = Field(
        default_factory=lambda: None, description="0 is Monday; for weekly ones"
    )
    zone: Annotated[str, Field(min_length=1, max_length=60), AfterValidator(zone)]
    contacts: list[Ref] = Field(max_length=CONTACTS_MAX)


class FeedUrl(Shape):
    """The calendar's address. Whoever knows it sees the team's deadlines: it is told here and never again."""

    url: str


@router.get("/alerts/digest", response_model=DigestShape)
async def read_digest(rooms: Rooms, who: Viewer) -> Response:
    """How often your team is told how it went, and whereto."""
    async with rooms.database.read() as conn:
        return reply(_shape(await digests.plan(conn, who)))


@router.put("/alerts/digest", response_model=DigestShape)
async def change_digest(wish: DigestShape, rooms: Rooms, who: Operator) -> Response:
    """Say when, and whereto. The next one tells of what comes after this moment."""
    _check(wish)
    now_ms = rooms.ears.now_ms()
    plan = DigestPlan(**wish.model_dump() | {"contacts": tuple(wish.contacts), "told_until_ms": now_ms})

    async def deed(conn: Conn) -> str | None:
        missing = await _missing(conn, rooms, who, wish.contacts)
        if missing is None:
            await digests.keep(conn, who, plan, now_ms)
        return missing

    missing = await rooms.database.write(deed)
    if missing is not None:
        raise ProblemError(422, NO_CONTACT.format(ref=missing))
    return reply(_shape(plan))


def _check(wish: DigestShape) -> None:
    if wish.every != "never" and not wish.contacts:
        raise ProblemError(422, NOBODY)
    if wish.every == "weekly" and wish.weekday is None:
        raise ProblemError(422, NO_WEEKDAY)


async def _missing(conn: Conn, rooms: Rooms, who: Who, refs: list[str]) -> str | None:
    """The first that the team cannot be told by."""
    own = {one.channel for one in await contacts.contacts(conn, who) if takes_digests(one.kind)}
    names = rooms.contacts.of_settings(who)
    able = own | {SETTINGS + name for name in names} | ({"members"} & set(names))
    return next((ref for ref in refs if ref not in able), None)


@router.post("/alerts/feed-token", response_model=FeedUrl)
async def make_feed_token(rooms: Rooms, who: Operator) -> Response:
    """Make the address of your team's calendar of deadlines; an older one opens nothing from now on."""
    token, token_hash = new_token()
    now_ms = rooms.ears.now_ms()
    await rooms.database.write(lambda conn: digests.keep_feed_token(conn, who, token_hash, now_ms))
    url = f"{rooms.settings.page_url.rstrip('/')}/feeds/deadlines.ics?token={token}"
    return reply(FeedUrl(url=url))


def _shape(plan: DigestPlan) -> DigestShape:
    known = asdict(plan)
    return DigestShape.model_validate(
        {name: known[name] for name in DigestShape.model_fields} | {"contacts": list(plan.contacts)}
    )
