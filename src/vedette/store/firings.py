"""How often rules fired."""

from sqlalchemy import func, or_, select

from vedette.model.incident import Severity
from vedette.model.people import Who
from vedette.store import tables as t
from vedette.store.database import Conn, visible_to


async def fired(conn: Conn, who: Who, since_ms: int) -> dict[str, int]:
    """By rule, the team's incidents since then that were told, or noted."""
    incident = t.incidents.c
    spoken = or_(incident.told_at_ms.is_not(None), incident.severity == Severity.INFO.value)
    query = (
        select(incident.rule, func.count())
        .where(visible_to(who, t.incidents), incident.opened_at_ms >= since_ms, spoken)
        .group_by(incident.rule)
    )
    return {rule: int(count) for rule, count in await conn.execute(query)}
