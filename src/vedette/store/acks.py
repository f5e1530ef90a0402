"""What people do with an incident: take it on, give it back, end it by hand, say something of it.

Whoever did it is kept as an actor's code, as in the audit log, and gets his name when it is read: somebody
who is forgotten leaves no name behind.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import update

from vedette.model.errors import StoreError
from vedette.model.incident import Acknowledgement, Incident
from vedette.model.people import Who
from vedette.model.timeline import Event, Happening
from vedette.store import audit, outbox, timeline
from vedette.store import tables as t
from vedette.store.database import Conn
from vedette.store.incidents import one_of

COMMENTS_MAX: Final = 200
NOBODY: Final[Mapping[str, None]] = dict.fromkeys(
    ("acked_at_ms", "acked_by", "acked_until_ms", "acked_severity")
)


class OverError(StoreError):
    """The incident is over, or was closed: nothing is left to do about it."""


class FullError(StoreError):
    """It has as many comments as it may have."""


async def acknowledge(
    conn: Conn, who: Who, incident_id: int, until_ms: int | None, comment: str, now_ms: int, by: str = ""
) -> Incident | None:
    """Somebody has it. None: there is no such incident, or not his. `by`: a contact point, of a signed link.

    Raises OverError.
    """
    incident = await _standing(conn, who, incident_id)
    if incident is None:
        return None
    code = by or await audit.actor(conn, who)
    taken = Acknowledgement(now_ms, code, incident.severity, until_ms)
    row = {
        "acked_at_ms": now_ms,
        "acked_by": code,
        "acked_until_ms": until_ms,
        "acked_severity": incident.severity.value,
    }
    detail = {"by": code, "until_ms": until_ms, "comment": comment}
    await _change(conn, incident, row, Event(now_ms, Happening.ACKNOWLEDGED, detail))
    await outbox.acknowledged(conn, replace(incident, acked=taken), now_ms)
    told = {"until_ms": until_ms} | ({"link_of": by} if by else {})
    await _noted(conn, None if by else who, "incident.acknowledge", incident, now_ms, told)
    return replace(incident, acked=taken)


async def take_back(conn: Conn, who: Who, incident_id: int, now_ms: int) -> Incident | None:
    """Nobody has it any more: reminders go on. Raises OverError."""
    incident = await _standing(conn, who, incident_id)
    if incident is None or incident.acked is None:
        return incident
    event = Event(now_ms, Happening.TAKEN_BACK, {"by": await audit.actor(conn, who)})
    await _change(conn, incident, NOBODY, event)
    free = replace(incident, acked=None)
    await outbox.taken_back(conn, free, now_ms)
    await _noted(conn, who, "incident.take_back", incident, now_ms)
    return free


async def run_out(conn: Conn, before: Incident, after: Incident, now_ms: int) -> bool:
    """Whoever took it for a while has it no more. False: somebody has taken it anew, or given it back."""
    assert before.acked is not None
    columns = t.incidents.c
    mine = columns.id == before.id, columns.acked_until_ms == before.acked.until_ms
    step = update(t.incidents).where(*mine).values(**NOBODY, facts=dict(after.facts))
    if (await conn.execute(step)).rowcount == 0:
        return False
    await timeline.note(conn, before, [Event(now_ms, Happening.RAN_OUT, {"by": before.acked.by})])
    await outbox.taken_back(conn, after, now_ms)
    return True


async def close(conn: Conn, who: Who, incident_id: int, comment: str, now_ms: int) -> Incident | None:
    """It is nobody's worry any more: it tells nobody, and ends as soon as it is no longer found.

    If it grows worse than it was, it is open again: nobody has decided about that.

    Raises OverError.
    """
    incident = await _standing(conn, who, incident_id)
    if incident is None:
        return None
    code = await audit.actor(conn, who)
    event = Event(now_ms, Happening.CLOSED, {"by": code, "comment": comment})
    await _change(conn, incident, {"closed_by": code, "closed_severity": incident.severity.value}, event)
    await _noted(conn, who, "incident.close", incident, now_ms)
    return replace(incident, closed_by=code)


async def comment(conn: Conn, who: Who, incident_id: int, text: str, now_ms: int) -> Incident | None:
    """Say something of it, over or not. Raises FullError."""
    incident = await one_of(conn, who, incident_id)
    if incident is None:
        return None
    if await timeline.comments_of(conn, incident.id) >= COMMENTS_MAX:
        raise FullError(f"this incident has {COMMENTS_MAX} comments, and keeps no more")
    event = Event(now_ms, Happening.COMMENT, {"by": await audit.actor(conn, who), "text": text})
    await timeline.note(conn, incident, [event])
    await _noted(conn, who, "incident.comment", incident, now_ms)
    return incident


async def _standing(conn: Conn, who: Who, incident_id: int) -> Incident | None:
    incident = await one_of(conn, who, incident_id, for_update=True)
    if incident is not None and (incident.resolved_at_ms is not None or incident.closed_by is not None):
        raise OverError("this incident is over")
    return incident


async def _change(conn: Conn, incident: Incident, row: Mapping[str, Any], event: Event) -> None:
    await conn.execute(update(t.incidents).where(t.incidents.c.id == incident.id).values(**row))
    await timeline.note(conn, incident, [event])


async def _noted(
    conn: Conn, who: Who | None, act: str, incident: Incident, now_ms: int, detail: audit.Detail | None = None
) -> None:
    subject = f"incident:{incident.id}"
    await audit.note(conn, now_ms, who, act, subject, detail, team_id=incident.team_id)
