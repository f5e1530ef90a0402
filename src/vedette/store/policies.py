"""How teams want to be told, and whom they can tell."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from vedette.model.people import Who
from vedette.model.policy import CONTACT, Contact
from vedette.store import audit
from vedette.store import tables as t
from vedette.store.database import Conn, insert_into, visible_to


class StalePolicyError(Exception):
    """Somebody else has changed it since it was read."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A team's policy as plain data; what is None was never set."""

    team_id: int
    version: int = 0
    routing: Any = None
    limits: Any = None
    digest: Any = None


async def versions(conn: Conn) -> dict[int, int]:
    """Of every team that set anything."""
    columns = t.alert_policies.c
    rows = await conn.execute(select(columns.team_id, columns.version))
    return {row.team_id: row.version for row in rows}


async def kept_of(conn: Conn, team_ids: Collection[int]) -> list[Kept]:
    """Of these teams: the judge's, who asks for everybody."""
    columns = t.alert_policies.c
    return [_kept(row) for row in await conn.execute(_KEPT.where(columns.team_id.in_(team_ids)))]


async def policy(conn: Conn, who: Who) -> Kept:
    """The reader's own team's."""
    row = (await conn.execute(_KEPT.where(visible_to(who, t.alert_policies)))).one_or_none()
    return Kept(who.team_id or 0) if row is None else _kept(row)


async def keep(conn: Conn, who: Who, what: str, value: Any, version: int, now_ms: int) -> int:
    """Keep the team's `routing`, `limits` or `digest`; returns the new version.

    Raises StalePolicyError when `version` is not the one that is kept: somebody else changed it meanwhile.
    """
    row = t.alert_policies.c
    values = {what: value, "version": version + 1, "changed_at_ms": now_ms}
    add = insert_into(conn, t.alert_policies).values(team_id=who.team_id, **values)
    if version == 0:
        add = add.on_conflict_do_update(index_elements=["team_id"], set_=values, where=row.version == 0)
        done = (await conn.execute(add)).rowcount
    else:
        mine = t.alert_policies.update().where(visible_to(who, t.alert_policies), row.version == version)
        done = (await conn.execute(mine.values(values))).rowcount
    if not done:
        raise StalePolicyError
    await audit.note(conn, now_ms, who, f"alerts.{what}", f"team:{who.team_id}", {"version": version + 1})
    return version + 1


async def contacts(conn: Conn) -> dict[int, list[Contact]]:
    """Every team's contact points, by their names, as far as telling goes."""
    points = t.contact_points.c
    query = select(*points["team_id", "id", "name", "disabled_at_ms", "fallback_id", "kind"]).order_by(
        points.name, points.id
    )
    found: dict[int, list[Contact]] = {}
    for row in await conn.execute(query):
        fallback = None if row.fallback_id is None else CONTACT + row.fallback_id
        one = Contact(CONTACT + row.id, row.name, row.disabled_at_ms is None, fallback, row.kind)
        found.setdefault(row.team_id, []).append(one)
    return found


_KEPT = select(*t.alert_policies.c["team_id", "version", "routing", "limits", "digest"])


def _kept(row: Row[Any]) -> Kept:
    return Kept(**row._asdict())
