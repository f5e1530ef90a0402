"""Incidents, what was told of them, and what people do with them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import PlainTextResponse

from vedette.model.incident import Acknowledgement, Facts, Incident, Severity
from vedette.model.people import Role, Who
from vedette.model.timeline import Event
from vedette.notify.text import Told, incident_title, told_now
from vedette.notify.words import Lang
from vedette.server.ack import TOKEN_CHARS_MAX, Link, LinkError
from vedette.server.api import evidence_text, exports
from vedette.server.api.incident_shapes import (
    AcknowledgementOffer,
    AcknowledgeWish,
    CloseWish,
    CommentWish,
    Evidence,
    EvidenceMark,
    IncidentActions,
    IncidentEvent,
    IncidentEvidence,
    IncidentTexts,
    IncidentTold,
    WholeIncident,
)
from vedette.server.api.members import TOO_OFTEN, Anyone, Operator
from vedette.server.api.sent import PRIVATE
from vedette.server.api.shapes import (
    Acked,
    Incidents,
    IncidentShape,
    IncidentSubject,
    InLanguages,
    Measure,
    NoticeShape,
)
from vedette.server.api.talk import (
    INT64_MAX,
    PAGE_ROWS,
    TABLE,
    Before,
    Calling,
    Format,
    Rooms,
    Rows,
    Whose,
    reply,
)
from vedette.server.problems import ProblemError
from vedette.store import acks, evidence, incidents, timeline
from vedette.store.actors import names_of
from vedette.store.database import Conn
from vedette.store.incidents import NoticeRow, Sought

router = APIRouter(tags=["incidents"])

Number = Annotated[int, Path(ge=1, le=INT64_MAX, description="an incident's id")]
Token = Annotated[str, Path(max_length=TOKEN_CHARS_MAX, description="the last part of the link in a message")]
NO_INCIDENT = "There is no such incident, or it is not yours to see."
OVER = "This incident is over, or was closed by hand: there is nothing left to take on."
NO_LINK = "This link is not one of ours, or its week is over: open the incident itself and sign in."
MINUTE_MS = 60_000

Deed = Callable[[Conn], Awaitable[Incident | None]]


def _sought(
    state: Annotated[
        Literal["open", "resolved"] | None, Query(description="open: whatever is not over")
    ] = None,
    severity: Annotated[Severity | None, Query(description="of this severity now")] = None,
    rule: Annotated[str | None, Query(max_length=80, description="a rule's name")] = None,
    subject: Annotated[str | None, Query(max_length=120, description="a node's id, or an address")] = None,
) -> Sought:
    return Sought(None if state is None else state == "resolved", severity, rule, subject)


Wanted = Annotated[Sought, Depends(_sought)]


@router.get("/incidents", response_model=Incidents, responses=TABLE)
async def list_incidents(
    rooms: Rooms, who: Whose, wanted: Wanted, before: Before = None, limit: Rows = None, form: Format = "json"
) -> Response:
    """What is wrong, and what was: open ones first, then newest first."""
    language = rooms.settings.alerts.language

    async def page(before: int | None, limit: int) -> tuple[list[IncidentShape], int | None]:
        async with rooms.database.read() as conn:
            found = await incidents.incidents(conn, who, before, limit, wanted)
        return [incident_shape(one, notices, language) for one, notices in found], _next(found, limit)

    if form != "json":
        return await exports.stream(rooms, form, "incidents", IncidentShape, page, before, limit, PRIVATE)
    shapes, next_before = await page(before, limit or PAGE_ROWS)
    return reply(Incidents(incidents=shapes, next_before=next_before), PRIVATE)


@router.get("/incidents/{incident_id}", response_model=WholeIncident)
async def one_incident(incident_id: Number, rooms: Rooms, who: Whose) -> Response:
    """One incident: its words, its messages, and what became of it."""
    return reply(await _whole(rooms, who, incident_id), PRIVATE)


@router.post("/incidents/{incident_id}/acknowledge", response_model=WholeIncident)
async def acknowledge_incident(
    incident_id: Number, wish: AcknowledgeWish, rooms: Rooms, who: Operator
) -> Response:
    """Say that you have it: no more reminders, and nobody else is told."""
    now_ms = rooms.ears.now_ms()
    until_ms, comment = _until(wish, now_ms), wish.comment.strip()
    return await _done(
        rooms, who, lambda conn: acks.acknowledge(conn, who, incident_id, until_ms, comment, now_ms)
    )


@router.delete("/incidents/{incident_id}/acknowledge", response_model=WholeIncident)
async def take_back_acknowledgement(incident_id: Number, rooms: Rooms, who: Operator) -> Response:
    """Give it back: reminders go on, and the next ones are told."""
    now_ms = rooms.ears.now_ms()
    return await _done(rooms, who, lambda conn: acks.take_back(conn, who, incident_id, now_ms))


@router.post("/incidents/{incident_id}/close", response_model=WholeIncident)
async def close_incident(incident_id: Number, wish: CloseWish, rooms: Rooms, who: Operator) -> Response:
    """End it by hand: it tells nobody any more, and is over as soon as it is no longer found."""
    now_ms, comment = rooms.ears.now_ms(), wish.comment.strip()
    return await _done(rooms, who, lambda conn: acks.close(conn, who, incident_id, comment, now_ms))


@router.post("/incidents/{incident_id}/comments", response_model=WholeIncident)
async def comment_incident(incident_id: Number, wish: CommentWish, rooms: Rooms, who: Operator) -> Response:
    """Say something of it: what was found, what was done."""
    now_ms, text = rooms.ears.now_ms(), wish.text.strip()
    if not text:
        raise ProblemError(422, "text: must not be blank")
    return await _done(rooms, who, lambda conn: acks.comment(conn, who, incident_id, text, now_ms))


@router.get("/acknowledgements/{token}", response_model=AcknowledgementOffer)
async def look_at_acknowledgement(token: Token, rooms: Rooms) -> Response:
    """What the link of a message would do. It does nothing by itself: mail programs open links, too."""
    link, incident = await _linked(rooms, token)
    return reply(_offer(link, incident))


@router.post("/acknowledgements/{token}", response_model=AcknowledgementOffer)
async def acknowledge_by_link(
    token: Token, wish: AcknowledgeWish, rooms: Rooms, calling: Calling, _: Anyone
) -> Response:
    """Take the incident of a message on, signed in or not."""
    wait_s = rooms.changes.take(f"link {calling.site}")
    if wait_s:
        raise ProblemError(429, TOO_OFTEN, {"Retry-After": str(wait_s)})
    link, incident = await _linked(rooms, token)
    who, now_ms = Who(incident.team_id), rooms.ears.now_ms()
    until_ms, comment = _until(wish, now_ms), wish.comment.strip()
    await _change(
        rooms,
        lambda conn: acks.acknowledge(conn, who, incident.id, until_ms, comment, now_ms, by=link.contact),
    )
    return reply(_offer(*await _linked(rooms, token)))


@router.get("/incidents/{incident_id}/evidence", response_model=IncidentEvidence)
async def incident_evidence(incident_id: Number, rooms: Rooms, who: Whose) -> Response:
    """What was seen when the incident opened, grew worse, and ended, kept longer than the series."""
    whole, found = await _proven(rooms, who, incident_id)
    shape = IncidentShape.model_validate({name: getattr(whole, name) for name in IncidentShape.model_fields})
    return reply(IncidentEvidence(incident=shape, evidence=found), PRIVATE)


@router.get(
    "/incidents/{incident_id}/evidence.txt",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def incident_evidence_text(incident_id: Number, rooms: Rooms, who: Whose) -> Response:
    """The same to be read, sent on or printed: with its messages, their receipts, and what people did."""
    whole, found = await _proven(rooms, who, incident_id)
    link = f"{rooms.settings.page_url.rstrip('/')}/incidents/{incident_id}"
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return PlainTextResponse(evidence_text.page(whole, found, link), headers=headers)


async def _proven(rooms: Rooms, who: Who, incident_id: int) -> tuple[WholeIncident, list[Evidence]]:
    whole = await _whole(rooms, who, incident_id)
    async with rooms.database.read() as conn:
        kept = await evidence.evidence(conn, who, incident_id)
    found = [{"at_ms": one.at_ms, "what": one.what, "bundle": one.bundle} for one in kept]
    return whole, [Evidence.model_validate(one) for one in found]


async def _linked(rooms: Rooms, token: str) -> tuple[Link, Incident]:
    """A link that may still be used, and its incident. Raises ProblemError."""
    try:
        link = rooms.ack.read(token)
    except LinkError as error:
        raise ProblemError(404, NO_LINK) from error
    async with rooms.database.read() as conn:
        incident = await incidents.linked(conn, link.incident_id, link.contact)
    if incident is None:
        raise ProblemError(404, NO_LINK)
    if incident.resolved_at_ms is not None or incident.closed_by is not None:
        raise ProblemError(410, OVER)
    return link, incident


def _offer(link: Link, incident: Incident) -> AcknowledgementOffer:
    return AcknowledgementOffer(
        incident_id=incident.id,
        titles=_titles(incident),
        severity=incident.severity.value,
        state=incident.state.value,
        opened_at_ms=incident.opened_at_ms,
        acked=_acked(incident.acked),
        expires_at_ms=link.expires_at_ms,
    )


async def _done(rooms: Rooms, who: Who, deed: Deed) -> Response:
    """Do it, tell everybody who looks, and show what became of it."""
    incident = await _change(rooms, deed)
    return reply(await _whole(rooms, who, incident.id))


async def _change(rooms: Rooms, deed: Deed) -> Incident:
    """Raises ProblemError."""
    try:
        incident = await rooms.database.write(deed)
    except acks.OverError as error:
        raise ProblemError(409, OVER) from error
    except acks.FullError as error:
        raise ProblemError(409, f"{str(error).capitalize()}.") from error
    if incident is None:
        raise ProblemError(404, NO_INCIDENT)
    rooms.news.incidents_changed([incident])
    rooms.news.judge_wake.set()
    return incident


def _until(wish: AcknowledgeWish, now_ms: int) -> int | None:
    return None if wish.minutes is None else now_ms + wish.minutes * MINUTE_MS


async def _whole(rooms: Rooms, who: Who, incident_id: int) -> WholeIncident:
    async with rooms.database.read() as conn:
        found = await incidents.incident(conn, who, incident_id)
        if found is None:
            raise ProblemError(404, NO_INCIDENT)
        events = await timeline.timeline(conn, who, incident_id)
        names = await names_of(conn, {str(event.detail["by"]) for event in events if "by" in event.detail})
        hidden = await incidents.hidden_by(conn, who, found[0])
        marks = await evidence.marks(conn, who, incident_id)
    incident, now_ms = found[0], rooms.ears.now_ms()
    standing = incident.resolved_at_ms is None and incident.closed_by is None
    return WholeIncident(
        **dict(incident_shape(*found, rooms.settings.alerts.language)),
        texts=IncidentTexts(
            en=_told(told_now(incident, "en", now_ms)), zh=_told(told_now(incident, "zh", now_ms))
        ),
        timeline=[_event(event, names) for event in events],
        evidence=[EvidenceMark.model_validate({"at_ms": at, "what": what}) for at, what in marks],
        actions=IncidentActions(can_close=standing and who.may(Role.OPERATOR)),
        hidden=hidden,
    )


def _told(told: Told) -> IncidentTold:
    return IncidentTold(title=told.title, lines=list(told.lines), hint=told.hint, why=told.why)


def _event(event: Event, names: Mapping[str, str]) -> IncidentEvent:
    detail = dict(event.detail)
    if "by" in detail:
        detail["by"] = names.get(str(detail["by"]), detail["by"])
    return IncidentEvent(at_ms=event.at_ms, kind=event.kind, detail=detail)


def _next(found: list[tuple[Incident, list[NoticeRow]]], limit: int) -> int | None:
    """Only resolved ones are counted by `limit`: the unresolved all stand on the first page."""
    resolved = [incident.id for incident, _ in found if incident.resolved_at_ms is not None]
    return resolved[-1] if len(resolved) >= limit else None


def _titles(incident: Incident) -> InLanguages:
    return InLanguages(en=incident_title(incident, "en"), zh=incident_title(incident, "zh"))


def _acked(acked: Acknowledgement | None) -> Acked | None:
    return None if acked is None else Acked(at_ms=acked.at_ms, by=acked.by, until_ms=acked.until_ms)


def _measure(facts: Facts) -> Measure | None:
    value, limit, unit = facts.get("value"), facts.get("limit"), facts.get("measure")
    if not isinstance(value, int | float) or not isinstance(unit, str):
        return None
    return Measure(value=value, limit=limit if isinstance(limit, int | float) else None, unit=unit)


def _deadline(facts: Facts) -> int | None:
    at_ms = facts.get("deadline_ms")
    return int(at_ms) if isinstance(at_ms, int | float) else None


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
        titles=_titles(incident),
        decision=incident.decision,
        acked=_acked(incident.acked),
        closed_by=incident.closed_by,
        flaps=incident.flaps,
        measure=_measure(incident.facts),
        deadline_ms=_deadline(incident.facts),
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
            "receipt": row.receipt,
        }
    )
