"""Silences: a team says what it does not want to hear of for a while."""

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Path, Response

from vedette.alerts.limits import BY_NAME
from vedette.model.errors import SettingError
from vedette.model.policy import Matcher, Silence, parse_matcher, plain_matcher
from vedette.server.api.members import Operator, Viewer
from vedette.server.api.routing import changed, one_line
from vedette.server.api.routing_shapes import (
    YEAR_MS,
    MatcherShape,
    Silences,
    SilenceShape,
    SilenceWish,
    plain_of,
)
from vedette.server.api.talk import Rooms, reply
from vedette.server.problems import ProblemError
from vedette.store import actors, silences
from vedette.store.silences import STANDING_MAX, TooManyError

router = APIRouter(prefix="/alerts/silences", tags=["alerts"])

NO_SILENCE: Final = "There is no such silence in your team. GET /api/v1/alerts/silences lists them."
TOO_MANY: Final = f"A team has at most {STANDING_MAX} silences that are not over: end one first."
TIMES: Final = "ends_at_ms must be after starts_at_ms, after now, and within a year."

SilenceId = Annotated[str, Path(max_length=64, description="`id` of the silence")]


@router.get("", response_model=Silences)
async def list_silences(rooms: Rooms, who: Viewer) -> Response:
    """Your team's silences, those that end last first; those of the last 90 days among them."""
    now_ms = rooms.ears.now_ms()
    async with rooms.database.read() as conn:
        found = await silences.silences(conn, who)
        names = await actors.names_of(conn, {one.made_by for one in found})
    return reply(Silences(silences=[_shape(one, names, now_ms) for one in found]))


@router.post("", status_code=201, response_model=SilenceShape)
async def make_silence(wish: SilenceWish, rooms: Rooms, who: Operator) -> Response:
    """Let nothing be told of what this matches, until it ends. What still stands then is told."""
    now_ms, matcher = rooms.ears.now_ms(), matcher_of(wish.matcher)
    from_ms = now_ms if wish.starts_at_ms is None else wish.starts_at_ms
    if not max(from_ms, now_ms) < wish.ends_at_ms <= now_ms + YEAR_MS:
        raise ProblemError(422, TIMES)
    span_ms = (from_ms, wish.ends_at_ms)
    try:
        made = await rooms.database.write(
            lambda conn: silences.make(conn, who, matcher, wish.comment, span_ms, now_ms)
        )
    except TooManyError:
        raise ProblemError(409, TOO_MANY) from None
    changed(rooms)
    async with rooms.database.read() as conn:
        names = await actors.names_of(conn, {made.made_by})
    told = reply(_shape(made, names, now_ms))
    told.status_code = 201
    return told


@router.delete("/{silence_id}", status_code=204)
async def end_silence(silence_id: SilenceId, rooms: Rooms, who: Operator) -> Response:
    """End it now; it stays in the list."""
    now_ms = rooms.ears.now_ms()
    if not await rooms.database.write(lambda conn: silences.end(conn, who, silence_id, now_ms)):
        raise ProblemError(404, NO_SILENCE)
    changed(rooms)
    return Response(status_code=204)


def matcher_of(shape: MatcherShape) -> Matcher:
    """Raises ProblemError."""
    try:
        return parse_matcher(plain_of(shape), BY_NAME)
    except SettingError as error:
        raise one_line(error) from error


def _shape(one: Silence, names: Mapping[str, str], now_ms: int) -> SilenceShape:
    over = now_ms >= one.ends_at_ms
    return SilenceShape(
        id=one.id,
        matcher=MatcherShape.model_validate(plain_matcher(one.matcher)),
        comment=one.comment,
        made_by=names.get(one.made_by, one.made_by),
        created_at_ms=one.created_at_ms,
        starts_at_ms=one.starts_at_ms,
        ends_at_ms=one.ends_at_ms,
        state="over" if over else "on" if now_ms >= one.starts_at_ms else "ahead",
    )
