"""What an operator says of his nodes: names, roles, labels, places, and that one is to be forgotten."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

from sqlalchemy import delete, select, update

from vedette.model.people import Who
from vedette.model.place import Place
from vedette.store import tables as t
from vedette.store.database import Conn, visible_to
from vedette.store.nodes import ENDPOINT

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

Forgotten = Literal["forgotten", "unknown", "endpoint"]
SERIES = (t.hot, t.chunks, t.tiers, t.kept)


async def change_node(conn: Conn, who: Who, node_id: str, said: Mapping[str, Any]) -> bool:
    """Keep what was said of a node; False when there is none, or when it is not the reader's."""
    mine = (t.nodes.c.id == node_id, visible_to(who, t.nodes))
    if not said:
        return (await conn.execute(select(t.nodes.c.id).where(*mine))).scalar() is not None
    values = {COLUMNS[name]: value for name, value in said.items()}
    return (await conn.execute(update(t.nodes).where(*mine).values(**values))).rowcount > 0


async def forget_node(conn: Conn, who: Who, node_id: str) -> Forgotten:
    """Delete a node with its key and its past. One that the settings name would be back at the next start."""
    columns = t.nodes.c
    query = select(columns.agent, columns.kind).where(columns.id == node_id, visible_to(who, t.nodes))
    row = (await conn.execute(query)).one_or_none()
    if row is None:
        return "unknown"
    if row.kind == ENDPOINT:
        return "endpoint"
    for table in (t.latest, *SERIES):
        await conn.execute(delete(table).where(table.c.node_id == node_id))
    # The token that let it in must not do so again.
    await conn.execute(delete(t.enrolments).where(t.enrolments.c.node_id == node_id))
    await conn.execute(delete(t.spools).where(t.spools.c.agent == row.agent))
    await conn.execute(delete(t.nodes).where(columns.id == node_id))
    return "forgotten"


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
