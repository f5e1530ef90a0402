"""Maintenance: times in which people, or acts of control, expect trouble."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Final

from sqlalchemy import Row, delete, func, insert, or_, select, update

from vedette.model.people import Who
from vedette.model.policy import Maintenance, Matcher, parse_matcher, plain_matcher
from vedette.store import audit
from vedette.store import tables as t
from vedette.store.database import Conn, visible_to

STANDING_MAX: Final = 200
SHOWN_MAX: Final = 300
KEPT_MS: Final = 90 * 86_400_000
CONTROL: Final = "control"
"""Who made the maintenance of an act's own."""


class TooManyError(Exception):
    """The team has as many as it may."""


async def standing(conn: Conn, now_ms: int) -> dict[int, list[Maintenance]]:
    """By team, whatever is not over: the judge's, who asks for everybody."""
    found: dict[int, list[Maintenance]] = {}
    for row in await conn.execute(select(t.maintenances).where(_lasts(now_ms))):
        found.setdefault(row.team_id, []).append(_maintenance(row))
    return found


async def maintenances(conn: Conn, who: Who) -> list[Maintenance]:
    """The team's, the newest first; those that are over among them."""
    columns = t.maintenances.c
    query = select(t.maintenances).where(visible_to(who, t.maintenances))
    rows = await conn.execute(query.order_by(columns.created_at_ms.desc(), columns.id).limit(SHOWN_MAX))
    return [_maintenance(row) for row in rows]


async def maintenance(conn: Conn, who: Who, maintenance_id: str) -> Maintenance | None:
    mine = t.maintenances.c.id == maintenance_id, visible_to(who, t.maintenances)
    row = (await conn.execute(select(t.maintenances).where(*mine))).one_or_none()
    return None if row is None else _maintenance(row)


async def make(conn: Conn, who: Who, one: Maintenance, now_ms: int) -> Maintenance:
    """A new one of the team; its id, team and maker are given here. Raises TooManyError."""
    columns = t.maintenances.c
    await conn.execute(delete(t.maintenances).where(columns.ends_at_ms < now_ms - KEPT_MS))
    standing_now = select(func.count()).where(visible_to(who, t.maintenances), _lasts(now_ms))
    if (await conn.execute(standing_now)).scalar_one() >= STANDING_MAX:
        raise TooManyError
    made = replace(
        one,
        id=secrets.token_hex(8),
        team_id=who.team_id or 0,
        made_by=await audit.actor(conn, who),
        created_at_ms=now_ms,
    )
    await conn.execute(insert(t.maintenances).values(_row(made)))
    detail = {"starts_at_ms": one.starts_at_ms, "ends_at_ms": one.ends_at_ms, "cron": one.cron}
    await audit.note(conn, now_ms, who, "maintenance.make", f"maintenance:{made.id}", detail)
    return made


async def change(conn: Conn, who: Who, one: Maintenance, changed: Mapping[str, Any], now_ms: int) -> bool:
    """Keep it as it is now; False when there is none, or when it is not the reader's."""
    mine = t.maintenances.c.id == one.id, visible_to(who, t.maintenances)
    if not (await conn.execute(update(t.maintenances).where(*mine).values(_row(one)))).rowcount:
        return False
    detail = {"changed": " ".join(sorted(changed))}
    await audit.note(conn, now_ms, who, "maintenance.change", f"maintenance:{one.id}", detail)
    return True


async def drop(conn: Conn, who: Who, maintenance_id: str, now_ms: int) -> bool:
    """Forget it; False when there is none, or when it is not the reader's."""
    gone = delete(t.maintenances).where(
        t.maintenances.c.id == maintenance_id, visible_to(who, t.maintenances)
    )
    if not (await conn.execute(gone)).rowcount:
        return False
    await audit.note(conn, now_ms, who, "maintenance.drop", f"maintenance:{maintenance_id}")
    return True


async def begin_act(
    conn: Conn, team_id: int, node_id: str, name: str, until_ms: int, now_ms: int
) -> Maintenance:
    """An act of control begins on a node: whatever it does there is expected until then, or until it ends.

    Runs in the act's own transaction. It ends by `end_act`; should nobody call that, at `until_ms`.
    """
    one = Maintenance(
        id=secrets.token_hex(8),
        team_id=team_id,
        name=name,
        matcher=Matcher(subjects=(node_id,)),
        comment="",
        made_by=CONTROL,
        created_at_ms=now_ms,
        starts_at_ms=now_ms,
        ends_at_ms=until_ms,
    )
    await conn.execute(insert(t.maintenances).values(_row(one)))
    detail = {"ends_at_ms": until_ms}
    await audit.note(conn, now_ms, None, "maintenance.make", f"maintenance:{one.id}", detail, team_id=team_id)
    return one


async def end_act(conn: Conn, maintenance_id: str, now_ms: int) -> None:
    """The act is over: from now on the node's trouble is trouble."""
    columns = t.maintenances.c
    mine = columns.id == maintenance_id, columns.made_by == CONTROL, columns.ends_at_ms > now_ms
    await conn.execute(update(t.maintenances).where(*mine).values(ends_at_ms=now_ms))


def _lasts(now_ms: int) -> Any:
    ends = t.maintenances.c.ends_at_ms
    return or_(ends.is_(None), ends > now_ms)


def _row(one: Maintenance) -> dict[str, Any]:
    return {**asdict(one), "matcher": plain_matcher(one.matcher)}


def _maintenance(row: Row[Any]) -> Maintenance:
    return Maintenance(**{**row._asdict(), "matcher": parse_matcher(row.matcher)})
