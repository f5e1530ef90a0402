"""Validators: stake, votes, and the node that carries the key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from vedette.model.ballot import known_count, signed_count
from vedette.model.incident import IncidentState, SubjectKind
from vedette.model.people import PUBLIC, Who
from vedette.model.pos import Account, PosAddress, account_states
from vedette.server.api.shapes import QueuedVotes, Stake, Strip, Validator, Validators, Votes
from vedette.server.api.talk import Rooms, Whose, reply
from vedette.server.problems import ProblemError
from vedette.server.tip import WINDOW_BLOCKS, Tip
from vedette.store import incidents, nodes, votes
from vedette.store.database import Conn
from vedette.store.nodes import NodeRow

router = APIRouter(tags=["chain"])

Address = Annotated[
    str, Path(pattern=r"^0x[0-9a-fA-F]{64}$", description="PoS address: 0x and 64 hex digits")
]
LastBlocks = Annotated[int, Query(ge=1, le=1_000, description="so many of the newest settled blocks")]


@dataclass(frozen=True, slots=True)
class Yours:
    """What only the reader's team may know about validators."""

    nodes: Mapping[str, NodeRow] = field(default_factory=dict)  # by PoS address
    incidents: Mapping[str, list[int]] = field(default_factory=dict)  # by PoS address


@router.get("/validators", response_model=Validators)
async def list_validators(rooms: Rooms, who: Whose, last: LastBlocks = WINDOW_BLOCKS) -> Response:
    """Every validator that was ever seen or is watched, with its votes in the last settled blocks."""
    tip = await rooms.tips.now()
    async with rooms.database.read() as conn:
        yours = await of_reader(conn, who)
        strips, first = tip.strips, tip.recent.first
        if last != WINDOW_BLOCKS:
            recent = await votes.recent(conn, last)
            members = votes.strips(recent)
            strips = {one: members.get(one) or votes.strip(recent, one) for one in tip.strips}
            first = recent.first
    shapes = [validator_shape(one, strip, first, tip, yours) for one, strip in strips.items()]
    return reply(Validators(height=tip.newest.height if tip.newest else None, validators=shapes))


@router.get("/validators/{address}", response_model=Validator)
async def one_validator(address: Address, rooms: Rooms, who: Whose) -> Response:
    """One validator."""
    one, tip = await _known(address, rooms)
    async with rooms.database.read() as conn:
        yours = await of_reader(conn, who)
    return reply(validator_shape(one, tip.strips[one], tip.recent.first, tip, yours))


@router.get("/validators/{address}/votes", response_model=Strip)
async def validator_votes(address: Address, rooms: Rooms, last: LastBlocks = WINDOW_BLOCKS) -> Response:
    """One validator's votes in the last settled blocks."""
    one, _ = await _known(address, rooms)
    async with rooms.database.read() as conn:
        recent = await votes.recent(conn, last)
    return reply(Strip(first=recent.first, strip=votes.strip(recent, one)))


async def _known(address: str, rooms: Rooms) -> tuple[PosAddress, Tip]:
    one, tip = PosAddress(address.lower()), await rooms.tips.now()
    if one not in tip.strips:
        raise ProblemError(404, "No validator with this address was seen yet, and none is watched.")
    return one, tip


async def of_reader(conn: Conn, who: Who) -> Yours:
    if who == PUBLIC:
        return Yours()
    carriers = {
        row.states["node.pos_address"]: row
        for row in await nodes.nodes(conn, who)
        if row.states.get("node.pos_address")
    }
    addresses = {row.id: address for address, row in carriers.items()}
    troubles: dict[str, list[int]] = {}
    for incident in await incidents.unresolved(conn):
        if incident.team_id != who.team_id or incident.state is not IncidentState.OPEN:
            continue
        subject = incident.subject
        about = addresses.get(subject.id) if subject.kind is SubjectKind.NODE else subject.id
        troubles.setdefault(about or "", []).append(incident.id)
    return Yours(carriers, troubles)


def validator_shape(address: PosAddress, strip: str, first: int, tip: Tip, yours: Yours) -> Validator:
    members = tip.committee_votes
    node = yours.nodes.get(address)
    known = known_count(strip)
    signed = signed_count(strip)
    return Validator(
        address=address,
        name=node.name if node else None,
        node_id=node.id if node else None,
        committee_votes=members.get(address, 0) if members is not None else None,
        stake=_stake(tip.accounts.get(address)),
        votes=Votes(
            first=first, strip=strip, signed=signed, known=known, rate=signed / known if known else None
        ),
        last_signed_height=tip.last_signed.get(address),
        incidents=yours.incidents.get(address, []),
    )


def _stake(snapshot: tuple[Account, int] | None) -> Stake | None:
    if snapshot is None:
        return None
    account, at_ms = snapshot
    return Stake(
        height=account.height,
        at_ms=at_ms,
        available_votes=account.available_votes,
        locked_votes=account.locked_votes,
        in_queue=[QueuedVotes(end_height=q.end_height, votes=q.votes) for q in account.in_queue],
        out_queue=[QueuedVotes(end_height=q.end_height, votes=q.votes) for q in account.out_queue],
        unlocked_votes=account.unlocked_votes,
        forfeited_votes=account.forfeited_votes,
        force_retired_height=account.force_retired_height,
        states=[state.value for state in account_states(account)],
    )
