"""Maintenance: a team says when work is expected, once or by cron, and for what."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from heapq import merge
from itertools import islice
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Response

from vedette.alerts.calendar import Span, is_on, windows
from vedette.model.people import Who
from vedette.model.policy import FAR_MS, MINUTE_MS, Maintenance, faults, plain_matcher
from vedette.server.api.members import Operator, Viewer
from vedette.server.api.routing import changed
from vedette.server.api.routing_shapes import (
    Calendar,
    MaintenanceChange,
    Maintenances,
    MaintenanceShape,
    MaintenanceWish,
    MatcherShape,
    WindowShape,
)
from vedette.server.api.silences import matcher_of
from vedette.server.api.talk import Rooms, reply
from vedette.server.house import House
from vedette.server.problems import ProblemError
from vedette.store import actors, maintenances
from vedette.store.maintenances import STANDING_MAX, TooManyError

router = APIRouter(prefix="/alerts/maintenances", tags=["alerts"])

NO_MAINTENANCE: Final = (
    "There is no such maintenance in your team. GET /api/v1/alerts/maintenances lists them."
)
TOO_MANY: Final = f"A team has at most {STANDING_MAX} maintenances that are not over: take one away first."
NOT_NULL: Final = "{name} may be left out, but not be null."
TOO_LONG: Final = "until_ms must be after from_ms, and not more than 400 days later."
CALENDAR_MAX_MS: Final = 400 * 86_400_000
WINDOWS_MAX: Final = 1_000
NEEDED: Final = ("name", "matcher", "comment", "starts_at_ms")

MaintenanceId = Annotated[str, Path(max_length=64, description="`id` of the maintenance")]
At = Annotated[int, Query(ge=0, le=FAR_MS, description="unix milliseconds")]


@router.get("", response_model=Maintenances)
async def list_maintenances(rooms: Rooms, who: Viewer) -> Response:
    """Your team's maintenances, the newest first; those of the last 90 days among them."""
    async with rooms.database.read() as conn:
        found = await maintenances.maintenances(conn, who)
    return reply(Maintenances(maintenances=await _shapes(rooms, found)))


@router.post("", status_code=201, response_model=MaintenanceShape)
async def make_maintenance(wish: MaintenanceWish, rooms: Rooms, who: Operator) -> Response:
    """Let nothing be told of what this matches while work is expected. What still stands then is told."""
    now_ms = rooms.ears.now_ms()
    one = _sound(Maintenance(id="", team_id=0, made_by="", created_at_ms=now_ms, **_values(wish)))
    try:
        made = await rooms.database.write(lambda conn: maintenances.make(conn, who, one, now_ms))
    except TooManyError:
        raise ProblemError(409, TOO_MANY) from None
    changed(rooms)
    told = reply((await _shapes(rooms, [made]))[0])
    told.status_code = 201
    return told


@router.get("/calendar", response_model=Calendar)
async def show_calendar(rooms: Rooms, who: Viewer, from_ms: At, until_ms: At) -> Response:
    """The windows of all maintenances that touch this span."""
    if not 0 < until_ms - from_ms <= CALENDAR_MAX_MS:
        raise ProblemError(422, TOO_LONG)
    async with rooms.database.read() as conn:
        found = await maintenances.maintenances(conn, who)
    told = merge(*(_windows(one, from_ms, until_ms) for one in found), key=lambda one: one[0])
    return reply(Calendar(windows=[_window(*one) for one in islice(told, WINDOWS_MAX)]))


@router.patch("/{maintenance_id}", response_model=MaintenanceShape)
async def change_maintenance(
    maintenance_id: MaintenanceId, change: MaintenanceChange, rooms: Rooms, who: Operator
) -> Response:
    """Change what is given; whatever is left out stays."""
    for name in NEEDED:
        if name in change.model_fields_set and getattr(change, name) is None:
            raise ProblemError(422, NOT_NULL.format(name=name))
    values, now_ms = _values(change), rooms.ears.now_ms()
    one = _sound(replace(await _held(rooms, who, maintenance_id), **values))
    if not await rooms.database.write(lambda conn: maintenances.change(conn, who, one, values, now_ms)):
        raise ProblemError(404, NO_MAINTENANCE)
    changed(rooms)
    return reply((await _shapes(rooms, [one]))[0])


@router.delete("/{maintenance_id}", status_code=204)
async def drop_maintenance(maintenance_id: MaintenanceId, rooms: Rooms, who: Operator) -> Response:
    """Take it away: from now on trouble is told."""
    now_ms = rooms.ears.now_ms()
    if not await rooms.database.write(lambda conn: maintenances.drop(conn, who, maintenance_id, now_ms)):
        raise ProblemError(404, NO_MAINTENANCE)
    changed(rooms)
    return Response(status_code=204)


async def _held(rooms: House, who: Who, maintenance_id: str) -> Maintenance:
    async with rooms.database.read() as conn:
        found = await maintenances.maintenance(conn, who, maintenance_id)
    if found is None:
        raise ProblemError(404, NO_MAINTENANCE)
    return found


def _sound(one: Maintenance) -> Maintenance:
    problems = faults(one)
    if problems:
        raise ProblemError(422, "; ".join(problems))
    return one


def _values(wish: MaintenanceWish | MaintenanceChange) -> dict[str, Any]:
    """The fields of a Maintenance that were given."""
    names = MaintenanceWish.model_fields if isinstance(wish, MaintenanceWish) else wish.model_fields_set
    values = {name: getattr(wish, name) for name in names}
    if values.get("matcher") is not None:
        values["matcher"] = matcher_of(values["matcher"])
    if "duration_minutes" in values:
        minutes = values.pop("duration_minutes")
        values["duration_ms"] = None if minutes is None else minutes * MINUTE_MS
    return values


def _windows(one: Maintenance, from_ms: int, until_ms: int) -> Iterator[tuple[Span, Maintenance]]:
    return ((span, one) for span in windows(one, from_ms, until_ms))


def _window(span: Span, one: Maintenance) -> WindowShape:
    return WindowShape(id=one.id, name=one.name, from_ms=span.from_ms, until_ms=span.until_ms)


async def _shapes(rooms: House, found: Sequence[Maintenance]) -> list[MaintenanceShape]:
    now_ms = rooms.ears.now_ms()
    async with rooms.database.read() as conn:
        names = await actors.names_of(conn, {one.made_by for one in found})
    return [_shape(one, names, now_ms) for one in found]


def _shape(one: Maintenance, names: Mapping[str, str], now_ms: int) -> MaintenanceShape:
    return MaintenanceShape(
        id=one.id,
        name=one.name,
        matcher=MatcherShape.model_validate(plain_matcher(one.matcher)),
        comment=one.comment,
        made_by=names.get(one.made_by, one.made_by),
        created_at_ms=one.created_at_ms,
        starts_at_ms=one.starts_at_ms,
        ends_at_ms=one.ends_at_ms,
        cron=one.cron,
        zone=one.zone,
        duration_minutes=None if one.duration_ms is None else one.duration_ms // MINUTE_MS,
        state=_state(one, now_ms),
    )


def _state(one: Maintenance, now_ms: int) -> Literal["ahead", "on", "off", "over"]:
    if one.ends_at_ms is not None and now_ms >= one.ends_at_ms:
        return "over"
    if now_ms < one.starts_at_ms:
        return "ahead"
    return "on" if is_on(one, now_ms) else "off"
