"""The timelines of incidents: a row whenever something changed, written in that change's own transaction."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import func, insert, select

from vedette.model.incident import Incident
from vedette.model.people import Who
from vedette.model.timeline import Event, Happening
from vedette.store import tables as t
from vedette.store.database import Conn, visible_to

SHOWN_MAX: Final = 500
"""So many newest events of an incident are told; an incident that lasts for months has more."""


async def note(conn: Conn, incident: Incident, events: Iterable[Event]) -> None:
    """Add to the timeline of an incident that has its number."""
    rows = [
        {
            "team_id": incident.team_id,
            "incident_id": incident.id,
            "at_ms": event.at_ms,
            "kind": event.kind.value,
            "detail": dict(event.detail),
        }
        for event in events
    ]
    if rows:
        await conn.execute(insert(t.incident_events), rows)


async def timeline(conn: Conn, who: Who, incident_id: int) -> list[Event]:
    """What became of it, the oldest first; none for whoever may not see it."""
    columns = t.incident_events.c
    query = (
        select(columns.at_ms, columns.kind, columns.detail)
        .where(visible_to(who, t.incident_events), columns.incident_id == incident_id)
        .order_by(columns.id.desc())
        .limit(SHOWN_MAX)
    )
    rows = (await conn.execute(query)).all()
    return [Event(row.at_ms, Happening(row.kind), row.detail) for row in reversed(rows)]


async def comments_of(conn: Conn, incident_id: int) -> int:
    """How many comments it has."""
    columns = t.incident_events.c
    mine = columns.incident_id == incident_id, columns.kind == Happening.COMMENT.value
    return int((await conn.execute(select(func.count()).where(*mine))).scalar_one())
