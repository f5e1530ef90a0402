"""Nodes and their charts."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from vedette.conflux import networks
from vedette.conflux.version import build
from vedette.model.incident import Incident, IncidentState, SubjectKind
from vedette.model.people import Who
from vedette.model.place import Place, published
from vedette.model.view import NodeState, NodeView, ProcessState, node_state
from vedette.server.api import exports
from vedette.server.api.account_shapes import Nothing
from vedette.server.api.endpoints import watched
from vedette.server.api.healths import health_shapes
from vedette.server.api.members import Operator
from vedette.server.api.sent import LIVE, PRIVATE
from vedette.server.api.shapes import (
    Availability,
    Node,
    NodeChange,
    NodeHealth,
    Nodes,
    ProbeFailure,
    Series,
    SeriesLine,
    StateLine,
    States,
    Uptime,
    UptimeLine,
    WindowName,
)
from vedette.server.api.shapes import Place as PlaceShape
from vedette.server.api.talk import TABLE, Format, FromMs, Rooms, ToMs, Whose, reply
from vedette.server.company import Neighbour, duty_by, outside_by
from vedette.server.ears import Ears
from vedette.server.problems import ProblemError
from vedette.store import availability, incidents, nodes, reading, registry, votes
from vedette.store.nodes import ENDPOINT, NodeRow

router = APIRouter(tags=["nodes"])

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SPAN_MAX_YEARS = 20
NAMES_MAX = 20
WINDOWS_MS: dict[WindowName, int | None] = {
    "24h": DAY_MS,
    "7d": 7 * DAY_MS,
    "30d": 30 * DAY_MS,
    "365d": 365 * DAY_MS,
    "all": None,
}
CELLS_MS = {"hour": HOUR_MS, "day": DAY_MS}
BY_THE_HOUR = ("24h", "7d", "30d")
OF_SETTINGS = "This node is an endpoint of the settings: take it out there, and start the server again."
NodeRows = Annotated[int | None, Query(ge=1, le=1_000, description="at most so many; without it all")]
NodeCursor = Annotated[
    str | None,
    Query(
        max_length=300,
        description="`next_cursor` of the page before",
        examples=["ab12cd34ef56ab78~paris-1"],
    ),
]
NO_NODE = "There is no such node, or it is not yours to see. GET /api/v1/nodes lists yours."


@router.get("/nodes", response_model=Nodes)
async def list_nodes(rooms: Rooms, who: Whose, limit: NodeRows = None, cursor: NodeCursor = None) -> Response:
    """Your nodes, by name; for anybody else those that their operators made public, and little of them."""
    async with rooms.database.read() as conn:
        if who.is_public:
            some, after = _page(await nodes.public_nodes(conn), limit, cursor)
            public = [public_shape(row, rooms.ears) for row in some]
            return reply(Nodes(nodes=public, next_cursor=after), LIVE)
        rows = await nodes.nodes(conn, who)
        troubles = open_by_node(await incidents.unresolved(conn))
    found = await healths(rooms, rows)
    some, after = _page(rows, limit, cursor)
    shapes = [node_shape(row, rooms.ears, troubles.get(row.id, []), found[row.id]) for row in some]
    return reply(Nodes(nodes=shapes, next_cursor=after), PRIVATE)


def _page(
    rows: Sequence[NodeRow], limit: int | None, cursor: str | None
) -> tuple[Sequence[NodeRow], str | None]:
    """The rows after the cursor, and the cursor for those after them: an id, and the name that it had."""
    if limit is None and cursor is None:
        return rows, None
    id_, tilde, name = (cursor or "~").partition("~")
    if not tilde:
        raise ProblemError(422, "cursor: give the `next_cursor` of the page before, as it is")
    placed = sorted(rows, key=lambda row: (row.name, row.id))
    rest = [row for row in placed if cursor is None or (row.name, row.id) > (name, id_)]
    some = rest if limit is None else rest[:limit]
    return some, f"{some[-1].id}~{some[-1].name}" if len(rest) > len(some) else None


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
    return reply(node_shape(row, rooms.ears, troubles.get(row.id, []), found.get(row.id)), PRIVATE)


@router.patch("/nodes/{node_id}", response_model=Node)
async def change_node(node_id: str, change: NodeChange, rooms: Rooms, who: Operator) -> Response:
    """Say what your node is called, is for, and where it is; whatever is left out stays."""
    said, now_ms = change.model_dump(include=change.model_fields_set), rooms.ears.now_ms()
    if not await rooms.database.write(lambda conn: registry.change_node(conn, who, node_id, said, now_ms)):
        raise ProblemError(404, NO_NODE)
    _told(rooms, who, node_id)
    return await one_node(node_id, rooms, who)


def _told(rooms: Rooms, who: Who, node_id: str) -> None:
    if who.team_id is not None:
        rooms.news.enrolled(node_id, who.team_id)


@router.post("/nodes/{node_id}/revoke", response_model=Node)
async def revoke_node(node_id: str, _wish: Nothing, rooms: Rooms, who: Operator) -> Response:
    """Refuse your node's agent from now on, until a new enrolment lets it in again. Its past stays."""
    async with rooms.database.read() as conn:
        agent = await nodes.agent_of(conn, who, node_id)
    now_ms = rooms.ears.now_ms()
    done = await rooms.database.write(lambda conn: registry.revoke_node(conn, who, node_id, now_ms))
    if done == "unknown":
        raise ProblemError(404, NO_NODE)
    if done == "endpoint":
        raise ProblemError(409, OF_SETTINGS)
    if agent is not None:
        rooms.ingest.forget(agent)
    _told(rooms, who, node_id)
    rooms.news.judge_wake.set()
    return await one_node(node_id, rooms, who)


@router.delete("/nodes/{node_id}", status_code=204)
async def forget_node(node_id: str, rooms: Rooms, who: Operator) -> Response:
    """Forget your node and its past. Its agent is refused from then on, until it is enrolled again."""
    async with rooms.database.read() as conn:
        agent = await nodes.agent_of(conn, who, node_id)
    now_ms = rooms.ears.now_ms()
    done = await rooms.database.write(lambda conn: registry.forget_node(conn, who, node_id, now_ms))
    if done == "unknown":
        raise ProblemError(404, NO_NODE)
    if done == "endpoint":
        raise ProblemError(409, OF_SETTINGS)
    if agent is not None:
        rooms.ingest.forget(agent)
        rooms.whereabouts.forget(agent)
    rooms.news.judge_wake.set()
    return Response(status_code=204)


@router.get("/nodes/{node_id}/series", response_model=Series, responses=TABLE)
async def node_series(
    node_id: str,
    rooms: Rooms,
    who: Whose,
    names: Annotated[
        str,
        Query(
            description="names of series, divided by commas; at most 20",
            examples=["pow.latest_epoch,pos.committed_height"],
        ),
    ] = "",
    from_ms: FromMs = None,
    to_ms: ToMs = None,
    points: Annotated[int, Query(ge=1, le=2_000, description="at most so many buckets")] = 500,
    form: Format = "json",
) -> Response:
    """Columns for a chart; without times, the last 24 hours."""
    wanted, (begin, end) = _names(names), _span(from_ms, to_ms, rooms.ears)
    async with rooms.database.read() as conn:
        columns = await reading.columns(conn, who, node_id, wanted, begin, end, points)
    if columns is None:
        raise ProblemError(404, NO_NODE)
    shape = Series(**{name: getattr(columns, name) for name in Series.model_fields})
    if form != "json":
        return await exports.rows(rooms, form, f"series-{node_id}", SeriesLine, series_lines(shape), PRIVATE)
    return reply(shape, PRIVATE)


def series_lines(told: Series) -> Iterator[SeriesLine]:
    """By name, then by time."""
    for at, name in enumerate(told.names):
        for time_s, mean, low, high in zip(
            told.times, told.mean[at], told.min[at], told.max[at], strict=True
        ):
            if mean is not None:
                yield SeriesLine(at_ms=round(time_s * 1000), name=name, mean=mean, min=low, max=high)


async def healths(rooms: Rooms, rows: list[NodeRow]) -> dict[str, NodeHealth]:
    """Every node's health, each judged against the others and our endpoints."""
    now_ms = rooms.ears.now_ms()
    tip = await rooms.tips.now()
    outside = outside_by(rooms.follower, votes.usual_gap_s(tip.recent.blocks), duty_by(tip))
    neighbours = [Neighbour(row, state_of(row, rooms.ears)) for row in rows]
    return health_shapes(neighbours, outside, now_ms)


@router.get("/nodes/{node_id}/states", response_model=States, responses=TABLE)
async def node_states(
    node_id: str,
    rooms: Rooms,
    who: Whose,
    names: Annotated[
        str,
        Query(
            description="names of states, divided by commas; at most 20",
            examples=["node.version,process.state"],
        ),
    ] = "",
    from_ms: FromMs = None,
    to_ms: ToMs = None,
    form: Format = "json",
) -> Response:
    """Since when a state was what, over time: versions, phases, errors; without times, the last 24 hours."""
    wanted, (begin, end) = _names(names), _span(from_ms, to_ms, rooms.ears)
    async with rooms.database.read() as conn:
        runs = await reading.states(conn, who, node_id, wanted, begin, end)
    if runs is None:
        raise ProblemError(404, NO_NODE)
    shape = States(**{name: getattr(runs, name) for name in States.model_fields})
    if form != "json":
        lines = (
            StateLine(at_ms=at_ms, name=name, value=value)
            for name, told in shape.states.items()
            for at_ms, value in told
        )
        return await exports.rows(rooms, form, f"states-{node_id}", StateLine, lines, PRIVATE)
    return reply(shape, PRIVATE)


@router.get("/nodes/{node_id}/availability", response_model=Availability, responses=TABLE)
async def node_availability(
    node_id: str,
    rooms: Rooms,
    who: Whose,
    window: WindowName = "30d",
    cell: Annotated[
        Literal["hour", "day"] | None,
        Query(description="a cell of the calendar (UTC); without it an hour for 24h and 7d, else a day"),
    ] = None,
    form: Format = "json",
) -> Response:
    """How long it ran and answered, and how long nobody knows; with an availability calendar."""
    cell = cell or ("hour" if window in BY_THE_HOUR[:2] else "day")
    if cell == "hour" and window not in BY_THE_HOUR:
        raise ProblemError(422, f"cell: an hour is for the windows {', '.join(BY_THE_HOUR)}; ask for days")
    now_ms = rooms.ears.now_ms()
    async with rooms.database.read() as conn:
        found = await reading.availability_of(conn, who, node_id, WINDOWS_MS[window], now_ms, CELLS_MS[cell])
    if found is None:
        raise ProblemError(404, NO_NODE)
    shape = Availability(
        node_id=node_id,
        window=window,
        from_ms=found.from_ms,
        to_ms=found.to_ms,
        cell_ms=found.cell_ms,
        cells_at_ms=found.cells_at_ms,
        process=_uptime(found.process),
        rpc=_uptime(found.rpc),
    )
    if form != "json":
        name = f"availability-{node_id}"
        return await exports.rows(rooms, form, name, UptimeLine, uptime_lines(shape), PRIVATE)
    return reply(shape, PRIVATE)


def uptime_lines(told: Availability) -> Iterator[UptimeLine]:
    for at, at_ms in enumerate(told.cells_at_ms):
        parts = {
            f"{what}_{word}_ms": getattr(uptime, f"cells_{word}_ms")[at]
            for what, uptime in (("process", told.process), ("rpc", told.rpc))
            for word in ("up", "down", "unknown")
        }
        yield UptimeLine(at_ms=at_ms, **parts)


def _names(names: str) -> list[str]:
    wanted = [name for name in names.split(",") if name]
    if len(wanted) > NAMES_MAX:
        raise ProblemError(422, f"names: at most {NAMES_MAX} at a time (you gave {len(wanted)})")
    return wanted


def _span(from_ms: int | None, to_ms: int | None, ears: Ears) -> tuple[int, int]:
    end = to_ms if to_ms is not None else ears.now_ms()
    begin = from_ms if from_ms is not None else end - DAY_MS
    if not 0 < end - begin <= SPAN_MAX_YEARS * 366 * DAY_MS:
        raise ProblemError(422, f"from_ms must lie before to_ms, by at most {SPAN_MAX_YEARS} years")
    return begin, end


def _uptime(cells: Sequence[availability.Uptime]) -> Uptime:
    whole = availability.total(cells)
    return Uptime(
        up_ms=whole.up_ms,
        down_ms=whole.down_ms,
        unknown_ms=whole.unknown_ms,
        up_ppm=whole.up_ppm,
        cells_up_ms=[cell.up_ms for cell in cells],
        cells_down_ms=[cell.down_ms for cell in cells],
        cells_unknown_ms=[cell.unknown_ms for cell in cells],
    )


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
        labels=list(row.labels),
        group=row.group,
        is_public=row.is_public,
        publish=row.publish,
        place=place_shape(row.place),
        revoked_at_ms=row.revoked_at_ms,
    )


def public_shape(row: NodeRow, ears: Ears) -> Node:
    """A public node as anybody sees it: its name, state and release, and of its place what is published.

    Written out field by field, so that what is added to a node is not shown to everybody by mistake.
    """
    state = state_of(row, ears)
    return Node(
        id=row.id,
        name=row.name,
        kind="endpoint" if row.kind == ENDPOINT else "agent",
        role=row.role,
        state=state.value,
        since_ms=None,
        heard_at_ms=row.heard_at_ms,
        due_at_ms=row.due_at_ms,
        planned_stop_until_ms=None,
        pos_address=None,
        version=release_of(row.states),
        sync_phase=None,
        voting=None,
        numbers={},
        states={},
        failures=[],
        endpoint=None,
        incidents=[],
        health=None,
        labels=[],
        group=None,
        is_public=True,
        publish=row.publish,
        place=place_shape(published(row.place, row.publish)),
        revoked_at_ms=None,
    )


def release_of(states: Mapping[str, str]) -> str | None:
    """The release that a node runs, as 3.0.2-fix; None where nothing tells it."""
    told = states.get("node.release")
    if told and re.fullmatch(r"\d{1,4}\.\d{1,4}\.\d{1,4}(-[a-z0-9]{1,20})?", told):
        return told
    words = states.get("node.version", "")
    found = build(words)
    if found is not None:
        return found.release
    number = networks.client_version(words)
    return None if number is None else ".".join(map(str, number))


def place_shape(place: Place | None) -> PlaceShape | None:
    return None if place is None else PlaceShape(**asdict(place))


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
