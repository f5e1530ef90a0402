"""Silences: what people do not want to hear of for a while."""

import secrets
from typing import Any, Final

from sqlalchemy import Row, delete, func, insert, select, update

from vedette.model.people import Who
from vedette.model.policy import Matcher, Silence, parse_matcher, plain_matcher
from vedette.store import audit
from vedette.store import tables as t
from vedette.store.database import Conn, visible_to

STANDING_MAX: Final = 200
"""So many of a team that are not over, at most."""
SHOWN_MAX: Final = 300
KEPT_MS: Final = 90 * 86_400_000
"""So long after its end a silence can still be looked up."""


class TooManyError(Exception):
    """The team has as many as it may."""


async def standing(conn: Conn, now_ms: int) -> dict[int, list[Silence]]:
    """By team, whatever is not over: the judge's, who asks for everybody."""
    found: dict[int, list[Silence]] = {}
    for row in await conn.execute(select(t.silences).where(t.silences.c.ends_at_ms > now_ms)):
        found.setdefault(row.team_id, []).append(_silence(row))
    return found


async def silences(conn: Conn, who: Who) -> list[Silence]:
    """The team's, those that end last first; those that are over among them."""
    columns = t.silences.c
    query = select(t.silences).where(visible_to(who, t.silences))
    rows = await conn.execute(query.order_by(columns.ends_at_ms.desc(), columns.id).limit(SHOWN_MAX))
    return [_silence(row) for row in rows]


async def make(
    conn: Conn, who: Who, matcher: Matcher, comment: str, span_ms: tuple[int, int], now_ms: int
) -> Silence:
    """A new one of the team, from and until these moments. Raises TooManyError."""
    columns = t.silences.c
    await conn.execute(delete(t.silences).where(columns.ends_at_ms < now_ms - KEPT_MS))
    lasts = visible_to(who, t.silences), columns.ends_at_ms > now_ms
    if (await conn.execute(select(func.count()).where(*lasts))).scalar_one() >= STANDING_MAX:
        raise TooManyError
    row: dict[str, Any] = {
        "id": secrets.token_hex(8),
        "team_id": who.team_id,
        "matcher": plain_matcher(matcher),
        "comment": comment,
        "made_by": await audit.actor(conn, who),
        "created_at_ms": now_ms,
        "starts_at_ms": span_ms[0],
        "ends_at_ms": span_ms[1],
    }
    await conn.execute(insert(t.silences).values(row))
    detail = {"starts_at_ms": span_ms[0], "ends_at_ms": span_ms[1]}
    await audit.note(conn, now_ms, who, "silence.make", f"silence:{row['id']}", detail)
    return Silence(**{**row, "matcher": matcher})


async def end(conn: Conn, who: Who, silence_id: str, now_ms: int) -> bool:
    """It ends now, if it has not ended; False when there is none, or when it is not the reader's."""
    columns = t.silences.c
    mine = columns.id == silence_id, visible_to(who, t.silences)
    row = (await conn.execute(select(columns.starts_at_ms).where(*mine))).one_or_none()
    if row is None:
        return False
    ended = update(t.silences).where(*mine, columns.ends_at_ms > now_ms)
    if (await conn.execute(ended.values(ends_at_ms=max(now_ms, row.starts_at_ms)))).rowcount:
        await audit.note(conn, now_ms, who, "silence.end", f"silence:{silence_id}")
    return True


def _silence(row: Row[Any]) -> Silence:
    return Silence(**{**row._asdict(), "matcher": parse_matcher(row.matcher)})
