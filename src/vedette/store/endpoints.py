"""Nodes that have no agent: endpoints of the settings, and what our own rounds see of them.

They are nodes of their team like any other; their samples take the way of an agent's reports.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select

from vedette.model.report import PROTOCOL, Envelope, Live, Numbers, Report, States
from vedette.store import nodes
from vedette.store import tables as t
from vedette.store.database import Conn, insert_into
from vedette.store.nodes import AGENT, ENDPOINT, FIRST_REPORT_MS, Delivery

__all__ = ["AGENT", "ENDPOINT", "EndpointNode", "Seen", "keep_endpoints", "node_id", "witness_endpoint"]

SPOOL = "endpoint"
"""The name of the one spool that each endpoint's samples are counted in."""


@dataclass(frozen=True, slots=True)
class EndpointNode:
    """An endpoint of the settings that is watched."""

    name: str
    role: str


@dataclass(frozen=True, slots=True)
class Seen:
    """One round. `heard_at_ms` and `due_at_ms` are None when the endpoint did not answer."""

    at_ms: int
    interval_ms: int
    numbers: Numbers
    states: States
    heard_at_ms: int | None
    due_at_ms: int | None


def node_id(name: str) -> str:
    """An endpoint is the node of its name, whatever its URL becomes."""
    return hashlib.sha256(f"endpoint/{name}".encode()).hexdigest()[:16]


async def keep_endpoints(conn: Conn, team_id: int, wanted: Sequence[EndpointNode], now_ms: int) -> None:
    """Make these, and no others, the team's watched endpoints. What was seen of the others stays."""
    ids = [node_id(one.name) for one in wanted]
    columns = t.nodes.c
    gone = select(columns.id).where(
        columns.team_id == team_id, columns.kind == ENDPOINT, columns.id.not_in(ids)
    )
    await conn.execute(delete(t.latest).where(t.latest.c.node_id.in_(gone)))
    for one in wanted:
        await _keep(conn, team_id, one, now_ms)


async def _keep(conn: Conn, team_id: int, one: EndpointNode, now_ms: int) -> None:
    told = {"name": one.name, "role": one.role}
    row = {"id": node_id(one.name), "team_id": team_id, "agent": node_id(one.name), "public_key": b""}
    add = insert_into(conn, t.nodes).values(**row, **told, kind=ENDPOINT, enrolled_at_ms=now_ms)
    await conn.execute(add.on_conflict_do_update(index_elements=["id"], set_=told))
    heard = insert_into(conn, t.latest).values(
        node_id=row["id"], team_id=team_id, heard_at_ms=now_ms, due_at_ms=now_ms + FIRST_REPORT_MS
    )
    await conn.execute(heard.on_conflict_do_nothing())


async def witness_endpoint(conn: Conn, team_id: int, id_: str, seen: Seen) -> Envelope | None:
    """Take one round over; None when the endpoint is watched no longer."""
    known = t.latest.c
    query = select(known.heard_at_ms, known.due_at_ms).where(known.node_id == id_)
    before = (await conn.execute(query)).one_or_none()
    if before is None:
        return None
    report = Report(await _next_seq(conn, id_), seen.at_ms, seen.numbers, seen.states)
    live = Live(seen.at_ms, seen.numbers, seen.states)
    envelope = Envelope(PROTOCOL, id_, SPOOL, seen.at_ms, seen.interval_ms, live, [report])
    heard_at = before.heard_at_ms if seen.heard_at_ms is None else seen.heard_at_ms
    due_at = before.due_at_ms if seen.due_at_ms is None else seen.due_at_ms
    await nodes.witness_reports(conn, [Delivery(id_, team_id, envelope, heard_at, due_at)])
    return envelope


async def _next_seq(conn: Conn, id_: str) -> int:
    spools = t.spools.c
    query = select(spools.acknowledged_seq).where(spools.agent == id_, spools.spool == SPOOL)
    return 1 + ((await conn.execute(query)).scalar() or 0)
