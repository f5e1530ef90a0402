"""What an operator says of his nodes: names, roles, labels, places, and that one is to be forgotten."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

from sqlalchemy import delete, select, update

from vedette.model.people import Who
from vedette.model.place import Place
from vedette.store import audit, forget
from vedette.store import tables as t
from vedette.store.database import Conn, visible_to
from vedette.store.nodes import AGENT

COLUMNS = {
    "name": "set_name",
    "role": "set_role",
    "labels": "labels",
    "group": "group_name",
    "is_public": "is_public",
    "publish": "publish",
    "place": "set_place",
}
"""Where each word of an operator is kept."""

Done = Literal["done", "unknown", "endpoint"]


async def change_node(conn: Conn, who: Who, node_id: str, said: Mapping[str, Any], now_ms: int) -> bool:
    """Keep what was said of a node; False when there is none, or when it is not the reader's."""
    mine = (t.nodes.c.id == node_id, visible_to(who, t.nodes))
    if not said:
        return (await conn.execute(select(t.nodes.c.id).where(*mine))).scalar() is not None
    values = {COLUMNS[name]: value for name, value in said.items()}
    if not (await conn.execute(update(t.nodes).where(*mine).values(**values))).rowcount:
        return False
    # What was changed, and not to what: names and places are the operator's own.
    told: dict[str, str | int | bool | None] = {"changed": " ".join(sorted(said))}
    told |= {name: said[name] for name in ("is_public", "publish") if name in said}
    await audit.note(conn, now_ms, who, "node.change", f"node:{node_id}", told)
    return True


async def revoke_node(conn: Conn, who: Who, node_id: str, now_ms: int) -> Done:
    """Refuse its agent from now on, until a ticket lets it in again. What it told stays."""
    kind = await _kind(conn, who, node_id)
    if kind != AGENT:
        return "unknown" if kind is None else "endpoint"
    fresh = t.nodes.c.id == node_id, t.nodes.c.revoked_at_ms.is_(None)
    if (await conn.execute(update(t.nodes).where(*fresh).values(revoked_at_ms=now_ms))).rowcount:
        # The token that let it in lets the same agent in again while it lasts.
        await conn.execute(delete(t.enrolments).where(t.enrolments.c.node_id == node_id))
        await audit.note(conn, now_ms, who, "node.revoke", f"node:{node_id}")
    return "done"


async def forget_node(conn: Conn, who: Who, node_id: str, now_ms: int) -> Done:
    """Delete a node with its key and its past. One that the settings name would be back at the next start."""
    kind = await _kind(conn, who, node_id)
    if kind != AGENT:
        return "unknown" if kind is None else "endpoint"
    await forget.forget_node(conn, who, node_id, now_ms)
    return "done"


async def _kind(conn: Conn, who: Who, node_id: str) -> str | None:
    query = select(t.nodes.c.kind).where(t.nodes.c.id == node_id, visible_to(who, t.nodes))
    found: str | None = (await conn.execute(query)).scalar()
    return found


async def keep_places(conn: Conn, places: Mapping[str, Place | None]) -> list[str]:
    """Keep what the nodes' addresses suggest; returns those that are somewhere else than before."""
    columns = t.nodes.c
    query = select(columns.id, columns.seen_place).where(columns.id.in_(sorted(places)))
    changed = []
    for row in await conn.execute(query):
        place = places[row.id]
        told = None if place is None else _kept(place)
        if told != row.seen_place:
            changed.append((row.id, told))
    for node_id, told in changed:
        await conn.execute(update(t.nodes).where(columns.id == node_id).values(seen_place=told))
    return [node_id for node_id, _ in changed]


def _kept(place: Place) -> dict[str, Any]:
    """Without its source: the column tells it."""
    return {name: value for name, value in asdict(place).items() if name != "source"}
