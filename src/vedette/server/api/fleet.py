"""All nodes together: where they stand, what they run, and how another one joins."""

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from fastapi import APIRouter, Request, Response

from vedette.conflux import networks
from vedette.model.people import Who
from vedette.model.place import Place, published
from vedette.model.pos import PosAddress
from vedette.model.view import NodeState
from vedette.server import readiness
from vedette.server.ahead import block_interval_ms
from vedette.server.api.members import Operator
from vedette.server.api.nodes import release_of, state_of
from vedette.server.api.sent import PRIVATE
from vedette.server.api.shapes import (
    Enrolments,
    EnrolmentState,
    EnrolmentTicket,
    EnrolmentWish,
    ForkReadiness,
    MapPlace,
    PlaceData,
    ReleaseCount,
    UnreadyNode,
    Versions,
    WaitingEnrolment,
    WorldMap,
)
from vedette.server.api.talk import Rooms, Whose, kept_by, reply
from vedette.server.ears import Ears
from vedette.server.geo import ATTRIBUTION
from vedette.server.house import House
from vedette.server.problems import ProblemError
from vedette.server.readiness import ForkState, Heights, Runner
from vedette.server.tip import Tip
from vedette.store import chain, enrolments, nodes
from vedette.store.nodes import NodeRow

router = APIRouter(tags=["nodes"])

PPM = 1_000_000
FOLDER = "/var/lib/vedette-agent"
VOTING_ROLES = {"voter", "validator"}
NO_TICKET = "There is no such enrolment, or it is not yours to see. POST /api/v1/enrolments makes one."


# --- one more node


@router.post("/enrolments", response_model=EnrolmentTicket)
async def make_enrolment(wish: EnrolmentWish, request: Request, rooms: Rooms, who: Operator) -> Response:
    """A token that lets one agent in, once, within an hour, and the line to run on the node's machine."""
    now_ms = rooms.ears.now_ms()
    made = await rooms.database.write(lambda conn: enrolments.make_ticket(conn, who, now_ms))
    origin = rooms.settings.public_url or f"http://{request.headers.get('host', '')}"
    line = enrol_line(origin, made.token, wish)
    return reply(EnrolmentTicket(id=made.id, token=made.token, expires_at_ms=made.expires_at_ms, line=line))


@router.get("/enrolments/{enrolment_id}", response_model=EnrolmentState)
async def enrolment(enrolment_id: str, rooms: Rooms, who: Operator) -> Response:
    """Whether an agent came with the token."""
    async with rooms.database.read() as conn:
        found = await enrolments.enrolment(conn, who, enrolment_id)
    if found is None:
        raise ProblemError(404, NO_TICKET)
    if found.used_at_ms is not None:
        return reply(EnrolmentState(state="used", node_id=found.node_id), PRIVATE)
    over = rooms.ears.now_ms() >= found.expires_at_ms
    return reply(EnrolmentState(state="expired" if over else "waiting", node_id=None), PRIVATE)


@router.get("/enrolments", response_model=Enrolments)
async def waiting_enrolments(rooms: Rooms, who: Operator) -> Response:
    """The tokens of your team with which no agent came yet, and which still let one in."""
    async with rooms.database.read() as conn:
        found = await enrolments.waiting(conn, who, rooms.ears.now_ms())
    return reply(
        Enrolments(enrolments=[WaitingEnrolment(id=one.id, expires_at_ms=one.expires_at_ms) for one in found])
    )


@router.delete("/enrolments/{enrolment_id}", status_code=204)
async def withdraw_enrolment(enrolment_id: str, rooms: Rooms, who: Operator) -> Response:
    """Take a token back: it lets nobody in from now on."""
    now_ms = rooms.ears.now_ms()
    if not await rooms.database.write(lambda conn: enrolments.withdraw(conn, who, enrolment_id, now_ms)):
        raise ProblemError(404, NO_TICKET)
    return Response(status_code=204)


def enrol_line(origin: str, token: str, wish: EnrolmentWish) -> str:
    name = '"$(hostname)"' if wish.name is None else shlex.quote(wish.name)
    folder = shlex.quote(wish.folder or FOLDER)
    return f"vedette agent enroll {shlex.quote(origin)} {token} --name {name} --dir {folder}"


# --- the map


@router.get("/map", response_model=WorldMap)
async def world_map(rooms: Rooms, who: Whose) -> Response:
    """Nodes by place. Without membership public ones only, and each no finer than its operator allowed."""
    rows = await visible(rooms, who)
    seats = None if who.is_public else (await rooms.tips.now()).committee_votes
    voting = frozenset(one.id for one in _runners(rows, seats or {}) if one.votes)
    placed = [(row, row.place) for row in rows if row.place is not None and row.place.point is not None]
    groups: dict[tuple[str, str | None], list[tuple[NodeRow, Place]]] = {}
    for row, place in placed:
        groups.setdefault((place.country, place.city), []).append((row, place))
    return reply(
        WorldMap(
            places=[
                _map_place(group, voting, rooms.ears) for _, group in sorted(groups.items(), key=_by_name)
            ],
            unplaced=len(rows) - len(placed),
            data=_data(rooms, (place for _, place in placed)),
        ),
        kept_by(who),
    )


async def visible(rooms: House, who: Who) -> list[NodeRow]:
    """The reader's nodes; for the public those that are, with the place that was published."""
    async with rooms.database.read() as conn:
        if not who.is_public:
            return await nodes.nodes(conn, who)
        shown = await nodes.public_nodes(conn)
    return [replace(row, place=published(row.place, row.publish)) for row in shown]


def _by_name(group: tuple[tuple[str, str | None], object]) -> tuple[str, str]:
    (country, city), _ = group
    return country, city or ""


def _map_place(group: Sequence[tuple[NodeRow, Place]], voting: frozenset[str], ears: Ears) -> MapPlace:
    rows, place = [row for row, _ in group], group[0][1]
    assert place.point is not None  # those without were left out
    releases = Counter(release for row in rows if (release := release_of(row.states)) is not None)
    return MapPlace(
        country=place.country,
        city=place.city,
        latitude=place.point[0],
        longitude=place.point[1],
        nodes=len(rows),
        voting_nodes=sum(row.id in voting for row in rows),
        up=sum(state_of(row, ears) is NodeState.UP for row in rows),
        releases={release: releases[release] for release in readiness.newest_first(releases)},
        names=[row.name for row in rows],
    )


def _data(rooms: House, places: Iterable[Place]) -> PlaceData | None:
    """The licence of what was looked up asks that its maker be named beside it."""
    looked_up = any(place.source == "address" for place in places)
    return PlaceData(source=ATTRIBUTION, as_of=rooms.whereabouts.geo.as_of) if looked_up else None


# --- what they run


@router.get("/versions", response_model=Versions)
async def versions(rooms: Rooms, who: Whose) -> Response:
    """Releases by nodes and voting power, and who is ready for which fork."""
    rows, tip = await visible(rooms, who), await rooms.tips.now()
    async with rooms.database.read() as conn:
        chain_id = await chain.chain_id(conn)
    network = None if chain_id is None else networks.network(chain_id)
    seats = None if who.is_public else tip.committee_votes
    runners = _runners(rows, seats or {})
    committee = tip.newest.committee if tip.newest else None
    total = committee.total_votes if committee else None
    return reply(
        Versions(
            releases=_releases(runners, None if seats is None else total),
            unknown_nodes=sum(one.release is None for one in runners),
            seats_known=None if seats is None else _seats(runners),
            seats_total=total,
            forks=_forks(network.forks if network else (), runners, _heights(rooms, tip), seats is not None),
            data_as_of=networks.known().as_of,
        ),
        kept_by(who),
    )


def _runners(rows: Sequence[NodeRow], seats: Mapping[PosAddress, int]) -> list[Runner]:
    """A node votes if that is its role, or if it holds seats, whatever it is called."""
    carriers = [
        (row.id, PosAddress(row.states.get("node.pos_address", "")), row.states.get("node.voting") == "true")
        for row in rows
    ]
    held = readiness.seats_once(carriers, seats)
    return [
        Runner(
            row.id,
            row.name,
            release_of(row.states),
            row.role in VOTING_ROLES or row.id in held,
            held.get(row.id, 0),
        )
        for row in rows
    ]


def _seats(runners: Sequence[Runner]) -> int:
    return sum(one.seats for one in runners)


def _releases(runners: Sequence[Runner], total: int | None) -> list[ReleaseCount]:
    """With `total` None seats are not told."""
    found = []
    for release in readiness.newest_first({one.release for one in runners if one.release is not None}):
        those = [one for one in runners if one.release == release]
        seats = None if total is None else _seats(those)
        found.append(
            ReleaseCount(
                release=release,
                nodes=len(those),
                voting_nodes=sum(one.votes for one in those),
                seats=seats,
                seats_ppm=PPM * seats // total if seats is not None and total else None,
            )
        )
    return found


def _heights(rooms: House, tip: Tip) -> Heights:
    newest, now = tip.newest, rooms.follower.pow_now
    pow_epoch = None if now is None else now.status.latest_epoch
    if newest is None:
        return Heights(pow_epoch, None)
    return Heights(pow_epoch, newest.height, newest.at_us // 1000, block_interval_ms(tip))


def _forks(
    forks: Sequence[networks.Fork], runners: Sequence[Runner], now: Heights, tell_seats: bool
) -> list[ForkReadiness]:
    return [
        _fork(fork, state, runners, now, tell_seats)
        for fork, state in zip(forks, readiness.states(forks, now), strict=True)
    ]


def _fork(
    fork: networks.Fork, state: ForkState, runners: Sequence[Runner], now: Heights, tell_seats: bool
) -> ForkReadiness:
    sides = readiness.split(runners, fork)
    return ForkReadiness(
        name=fork.name,
        version=fork.version,
        pow_epoch=fork.pow_epoch,
        pos_height=fork.pos_height,
        when=fork.when,
        activates_at_ms=None if state == "past" else readiness.activates_at_ms(fork, now),
        state=state,
        ready_nodes=len(sides.ready),
        not_ready_nodes=len(sides.not_ready),
        unknown_nodes=len(sides.unknown),
        ready_seats=_seats(sides.ready) if tell_seats else None,
        not_ready_seats=_seats(sides.not_ready) if tell_seats else None,
        not_ready=[
            UnreadyNode(id=one.id, name=one.name, release=one.release or "") for one in sides.not_ready
        ],
    )
