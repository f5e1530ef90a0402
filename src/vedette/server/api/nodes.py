"""Nodes and their charts."""

from collections.abc import Iterable, Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Response

from vedette.model.incident import Incident, IncidentState, SubjectKind
from vedette.model.people import PUBLIC
from vedette.model.view import NodeState, NodeView, ProcessState, node_state
from vedette.server.api.endpoints import watched
from vedette.server.api.healths import Neighbour, Outside, health_shape
from vedette.server.api.shapes import Node, NodeHealth, Nodes, ProbeFailure, Series
from vedette.server.api.talk import FromMs, Rooms, ToMs, Whose, reply
from vedette.server.ears import Ears
from vedette.server.problems import ProblemError
from vedette.store import incidents, nodes, series
from vedette.store.nodes import ENDPOINT, NodeRow

router = APIRouter(tags=["nodes"])

DAY_MS = 86_400_000
SPAN_MAX_MS = 400 * DAY_MS
NAMES_MAX = 20
NO_NODE = "There is no such node, or it is not yours to see. GET /api/v1/nodes lists yours."


@router.get("/nodes", response_model=Nodes)
async def list_nodes(rooms: Rooms, who: Whose) -> Response:
    """Your nodes, by name."""
    if who == PUBLIC:
        return reply(Nodes(nodes=[]))
    async with rooms.database.read() as conn:
        rows = await nodes.nodes(conn, who)
        troubles = open_by_node(await incidents.unresolved(conn))
    found = await healths(rooms, rows)
    shapes = [node_shape(row, rooms.ears, troubles.get(row.id, []), found[row.id]) for row in rows]
    return reply(Nodes(nodes=shapes))


@router.get("/nodes/{node_id}", response_model=Node)
async def one_node(node_id: str, rooms: Rooms, who: Whose) -> Response:
    """One node, as its agent last described it."""
    async with rooms.database.read() as conn:
        row = await nodes.node(conn, who, node_id)
        if row is None:
            raise ProblemError(404, NO_NODE)
        rows = await nodes.nodes(conn, who)
        troubles = open_by_node(await incidents.unresolved(conn))
    found = await healths(rooms, rows)
    return reply(node_shape(row, rooms.ears, troubles.get(row.id, []), found.get(row.id)))


@router.get("/nodes/{node_id}/series", response_model=Series)
async def node_series(
    node_id: str,
    rooms: Rooms,
    who: Whose,
    names: Annotated[str, Query(description="names of series, divided by commas; at most 20")] = "",
    from_ms: FromMs = None,
    to_ms: ToMs = None,
    points: Annotated[int, Query(ge=1, le=2_000, description="at most so many buckets")] = 500,
) -> Response:
    """Columns for a chart; without times, the last 24 hours."""
    wanted = [name for name in names.split(",") if name]
    if len(wanted) > NAMES_MAX:
        raise ProblemError(422, f"names: at most {NAMES_MAX} series at a time (you gave {len(wanted)})")
    end = to_ms if to_ms is not None else rooms.ears.now_ms()
    begin = from_ms if from_ms is not None else end - DAY_MS
    if not 0 < end - begin <= SPAN_MAX_MS:
        raise ProblemError(422, "from_ms must lie before to_ms, by at most 400 days")
    async with rooms.database.read() as conn:
        columns = await series.columns(conn, who, node_id, wanted, begin, end, points)
    if columns is None:
        raise ProblemError(404, NO_NODE)
    return reply(Series(**{name: getattr(columns, name) for name in Series.model_fields}))


async def healths(rooms: Rooms, rows: list[NodeRow]) -> dict[str, NodeHealth]:
    """Every node's health, each judged against the others and our endpoints."""
    now_ms = rooms.ears.now_ms()
    follower = rooms.follower
    read_now = any(one.error is None for one in follower.health)  # else its heights are of the past
    committed = follower.committed_height if read_now else None
    outside = Outside(committed, follower.pow_now, await rooms.tips.now())
    neighbours = [Neighbour(row, state_of(row, rooms.ears)) for row in rows]
    return {one.row.id: health_shape(one, neighbours, outside, now_ms) for one in neighbours}


def open_by_node(unresolved: Iterable[Incident]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for incident in unresolved:
        if incident.subject.kind is SubjectKind.NODE and incident.state is IncidentState.OPEN:
            found.setdefault(incident.subject.id, []).append(incident.id)
    return found


def node_shape(row: NodeRow, ears: Ears, troubles: list[int], health: NodeHealth | None = None) -> Node:
    """A node as the page shows it; `troubles` are its open incidents."""
    state = state_of(row, ears)
    states = row.states
    voting = {"true": True, "false": False}.get(states.get("node.voting", ""))
    return Node(
        id=row.id,
        name=row.name,
        kind="endpoint" if row.kind == ENDPOINT else "agent",
        role=row.role,
        state=state.value,
        since_ms=_since_ms(row, state),
        heard_at_ms=row.heard_at_ms,
        due_at_ms=row.due_at_ms,
        planned_stop_until_ms=row.planned_stop_until_ms,
        pos_address=states.get("node.pos_address") or None,
        version=states.get("node.version"),
        sync_phase=states.get("node.sync_phase"),
        voting=voting,
        numbers=dict(row.numbers),
        states=dict(states),
        failures=failures(states),
        endpoint=watched(row) if row.kind == ENDPOINT else None,
        incidents=troubles,
        health=health,
    )


def state_of(row: NodeRow, ears: Ears) -> NodeState:
    """The node's one word, now, with the patience that our own deafness asks for."""
    view = NodeView(
        id=row.id,
        team_id=row.team_id,
        name=row.name,
        pos_address=None,
        process=process_state(row.states),
        died_at_ms=row.died_at_ms,
        planned_stop_until_ms=row.planned_stop_until_ms,
        heard_at_ms=row.heard_at_ms,
        due_at_ms=ears.patient_due_ms(row.due_at_ms),
        sync_phase=row.states.get("node.sync_phase"),
    )
    return node_state(view, ears.now_ms())


def process_state(states: Mapping[str, str]) -> ProcessState:
    given = states.get("process.state", "")
    return ProcessState(given) if given in set(ProcessState) else ProcessState.UNKNOWN


def _since_ms(row: NodeRow, state: NodeState) -> int | None:
    """When it entered its state, where anything tells: its death, its deadline, or its process's age."""
    if state in {NodeState.DOWN, NodeState.STOPPED}:
        return row.died_at_ms
    if state is NodeState.SILENT:
        return row.due_at_ms
    up_seconds = row.numbers.get("process.up_seconds")
    if state is NodeState.UP and up_seconds is not None and row.live_at_ms is not None:
        return row.live_at_ms - int(up_seconds * 1000)
    return None


def failures(states: Mapping[str, str]) -> list[ProbeFailure]:
    """The probes that failed in the newest round: `probe.<name>.error` has the reason."""
    return [
        ProbeFailure(probe=name.removeprefix("probe.").removesuffix(".error"), reason=reason)
        for name, reason in sorted(states.items())
        if name.startswith("probe.") and name.endswith(".error")
    ]
