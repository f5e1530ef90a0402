"""The whole, in one reply."""

from collections import Counter

from fastapi import APIRouter, Response

from vedette import __version__
from vedette.conflux import networks
from vedette.model.incident import IncidentState
from vedette.model.people import Who
from vedette.server.api.nodes import state_of
from vedette.server.api.shapes import Endpoint, Network, PosNow, PowNow
from vedette.server.api.talk import Rooms, Whose, kept_by, reply
from vedette.server.follower import Follower
from vedette.server.tip import Tip, participation
from vedette.store import incidents, nodes
from vedette.store.database import Conn

router = APIRouter(tags=["chain"])


@router.get("/network", response_model=Network)
async def network(rooms: Rooms, who: Whose) -> Response:
    """Where the chain is, how our endpoints do, and how many of your nodes are in which state."""
    tip = await rooms.tips.now()
    follower = rooms.follower
    async with rooms.database.read() as conn:
        states = await _states(conn, who, rooms)
        troubles = await _open_incidents(conn, who)
    shape = Network.model_validate(
        {
            "at_ms": rooms.ears.now_ms(),
            "version": __version__,
            "pos": pos_now(tip, follower.committed_height),
            "pow": pow_now(follower),
            "validators": len(tip.strips),
            "nodes": states,
            "incidents_open": troubles,
            "endpoints": _endpoints(follower, who),
            "data_of": networks.known().as_of,
            "data_doubts": list(rooms.watch.data.doubts),
        }
    )
    return reply(shape, kept_by(who))


async def _states(conn: Conn, who: Who, rooms: Rooms) -> dict[str, int]:
    if who.is_public:
        return {}
    return dict(Counter(state_of(row, rooms.ears).value for row in await nodes.nodes(conn, who)))


async def _open_incidents(conn: Conn, who: Who) -> int:
    unresolved = await incidents.unresolved(conn)
    return sum(one.state is IncidentState.OPEN and one.team_id == who.team_id for one in unresolved)


def pos_now(tip: Tip, committed_height: int | None) -> PosNow | None:
    newest = tip.newest
    if newest is None:
        return None
    committee = newest.committee
    return PosNow(
        epoch=newest.epoch,
        height=newest.height,
        committed_height=committed_height,
        block_at_ms=newest.at_us // 1000,
        members=len(committee.votes) if committee else None,
        total_votes=committee.total_votes if committee else None,
        quorum_votes=committee.quorum_votes if committee else None,
        participation=participation(tip.recent.blocks),
    )


def pow_now(follower: Follower) -> PowNow | None:
    now = follower.pow_now
    if now is None:
        return None
    status = now.status
    return PowNow(
        latest_epoch=status.latest_epoch,
        state_epoch=status.state_epoch,
        confirmed_epoch=status.confirmed_epoch,
        finalized_epoch=status.finalized_epoch,
        chain_id=status.chain_id,
        at_ms=now.at_ms,
    )


def _endpoints(follower: Follower, who: Who) -> list[Endpoint]:
    """The public hears that an endpoint is not read now, not why: the reason may name hosts."""
    return [
        Endpoint(
            name=one.name,
            height=one.height,
            lag_blocks=one.lag_blocks,
            error="not read now" if one.error and who.is_public else one.error,
        )
        for one in follower.health
    ]
