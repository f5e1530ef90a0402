"""Incidents and what was told of them."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from vedette.model.incident import Incident
from vedette.notify.text import incident_title
from vedette.notify.words import Lang
from vedette.server.api import exports
from vedette.server.api.sent import PRIVATE
from vedette.server.api.shapes import Incidents, IncidentShape, IncidentSubject, NoticeShape
from vedette.server.api.talk import INT64_MAX, PAGE_ROWS, TABLE, Before, Format, Rooms, Rows, Whose, reply
from vedette.server.problems import ProblemError
from vedette.store import incidents
from vedette.store.incidents import NoticeRow

router = APIRouter(tags=["incidents"])

Number = Annotated[int, Path(ge=1, le=INT64_MAX, description="an incident's id")]
NO_INCIDENT = "There is no such incident, or it is not yours to see."


@router.get("/incidents", response_model=Incidents, responses=TABLE)
async def list_incidents(
    rooms: Rooms, who: Whose, before: Before = None, limit: Rows = None, form: Format = "json"
) -> Response:
    """What is wrong, and what was: open ones first, then newest first."""
    language = rooms.settings.alerts.language

    async def page(before: int | None, limit: int) -> tuple[list[IncidentShape], int | None]:
        async with rooms.database.read() as conn:
            found = await incidents.incidents(conn, who, before, limit)
        return [incident_shape(one, notices, language) for one, notices in found], _next(found, limit)

    if form != "json":
        return await exports.stream(rooms, form, "incidents", IncidentShape, page, before, limit, PRIVATE)
    shapes, next_before = await page(before, limit or PAGE_ROWS)
    return reply(Incidents(incidents=shapes, next_before=next_before), PRIVATE)


@router.get("/incidents/{incident_id}", response_model=IncidentShape)
async def one_incident(incident_id: Number, rooms: Rooms, who: Whose) -> Response:
    """One incident, with its messages."""
    async with rooms.database.read() as conn:
        found = await incidents.incident(conn, who, incident_id)
    if found is None:
        raise ProblemError(404, NO_INCIDENT)
    return reply(incident_shape(*found, rooms.settings.alerts.language), PRIVATE)


def _next(found: list[tuple[Incident, list[NoticeRow]]], limit: int) -> int | None:
    """Only resolved ones are counted by `limit`: the unresolved all stand on the first page."""
    resolved = [incident.id for incident, _ in found if incident.resolved_at_ms is not None]
    return resolved[-1] if len(resolved) >= limit else None


def incident_shape(incident: Incident, notices: list[NoticeRow], language: Lang) -> IncidentShape:
    subject = incident.subject
    return IncidentShape(
        id=incident.id,
        key=incident.key,
        rule=incident.rule,
        severity=incident.severity.value,
        state=incident.state.value,
        subject=IncidentSubject(kind=subject.kind, id=subject.id, name=subject.name),
        title=incident_title(incident, language),
        facts=dict(incident.facts),
        opened_at_ms=incident.opened_at_ms,
        told_at_ms=incident.told_at_ms,
        resolved_at_ms=incident.resolved_at_ms,
        muted_by=incident.muted_by,
        notices=[_notice(row) for row in notices],
    )


def _notice(row: NoticeRow) -> NoticeShape:
    return NoticeShape.model_validate(
        {
            "channel": row.channel,
            "reason": row.reason.value,
            "state": row.state,
            "created_at_ms": row.created_at_ms,
            "sent_at_ms": row.sent_at_ms,
            "attempts": row.attempts,
            "error": row.error,
        }
    )
