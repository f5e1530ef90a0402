"""Validators: stake, votes, and the node that carries the key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Query, Response

from vedette.model.ballot import known_count, signed_count
from vedette.model.incident import IncidentState, SubjectKind
from vedette.model.people import PUBLIC, Who
from vedette.model.pos import Account, PosAddress, account_states
from vedette.server.api.figures import summary, window_header
from vedette.server.api.ordering import SortKey, ordered, page
from vedette.server.api.shapes import QueuedVotes, Stake, Strip, Validator, Validators, Votes
from vedette.server.api.talk import CSV, INT64_MAX, Address, Format, Rooms, Span, Whose, reply
from vedette.server.problems import ProblemError
from vedette.server.standings import Standing
from vedette.server.tip import WINDOW_BLOCKS, Tip
from vedette.store import incidents, nodes, votes
from vedette.store.database import Conn
from vedette.store.nodes import NodeRow

router = APIRouter(tags=["chain"])

ROWS_MAX = 1_000
LastBlocks = Annotated[int, Query(ge=1, le=1_000, description="so many of the newest settled blocks")]
FirstEpoch = Annotated[
    int | None, Query(ge=1, le=INT64_MAX, description="with `last_epoch`: finished epochs")
]
LastEpoch = Annotated[int | None, Query(ge=1, le=INT64_MAX, description="at most 100 epochs in all")]
Search = Annotated[
    str, Query(max_length=80, description="any part of the address, or of the name of your node")
]
Sort = Annotated[SortKey, Query(description="`-` puts the highest first; what is not known comes last")]
RowsOfAll = Annotated[int, Query(ge=1, le=ROWS_MAX, description="at most so many")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before")]


@dataclass(frozen=True, slots=True)
class Yours:
    """What only the reader's team may know about validators."""

    nodes: Mapping[str, NodeRow] = field(default_factory=dict)  # by PoS address
    incidents: Mapping[str, list[int]] = field(default_factory=dict)  # by PoS address


@router.get("/validators", response_model=Validators, responses=CSV)
async def list_validators(
    rooms: Rooms,
    who: Whose,
    last: LastBlocks = WINDOW_BLOCKS,
    span: Span = "24h",
    q: Search = "",
    sort: Sort = "address",
    limit: RowsOfAll = ROWS_MAX,
    cursor: Cursor = None,
    form: Format = "json",
) -> Response:
    """Every validator that was ever seen or is watched: stake, last blocks, and how it did."""
    tip, standing = await rooms.tips.now(), await rooms.standings.of(span)
    async with rooms.database.read() as conn:
        yours = await of_reader(conn, who)
        strips, first = tip.strips, tip.recent.first
        if last != WINDOW_BLOCKS:
            recent = await votes.recent(conn, last)
            members = votes.strips(recent)
            strips = {one: members.get(one) or votes.strip(recent, one) for one in tip.strips}
            first = recent.first
    shapes = [validator_shape(one, strip, first, tip, yours, standing) for one, strip in strips.items()]
    found = [one for one in shapes if _matches(one, q.strip().lower())]
    rows, next_cursor = page(ordered(found, sort), cursor, limit)
    return reply(
        Validators(
            height=tip.newest.height if tip.newest else None,
            window=window_header(standing),
            total=len(found),
            validators=rows,
            next_cursor=next_cursor,
        )
    )


def _matches(one: Validator, wanted: str) -> bool:
    return wanted in one.address or wanted in (one.name or "").lower()


@router.get("/validators/{address}", response_model=Validator)
async def one_validator(address: Address, rooms: Rooms, who: Whose, span: Span = "24h") -> Response:
    """One validator."""
    one, tip = await known(address, rooms)
    standing = await rooms.standings.of(span)
    async with rooms.database.read() as conn:
        yours = await of_reader(conn, who)
    return reply(validator_shape(one, tip.strips[one], tip.recent.first, tip, yours, standing))


@router.get("/validators/{address}/votes", response_model=Strip)
async def validator_votes(
    address: Address,
    rooms: Rooms,
    last: LastBlocks = WINDOW_BLOCKS,
    first_epoch: FirstEpoch = None,
    last_epoch: LastEpoch = None,
) -> Response:
    """One validator's votes in the last settled blocks, or in finished epochs (at most 100 at a time)."""
    one, _ = await known(address, rooms)
    async with rooms.database.read() as conn:
        recent = await votes.recent(conn, last)
    return reply(Strip(first=recent.first, strip=votes.strip(recent, one)))


async def known(address: str, rooms: Rooms) -> tuple[PosAddress, Tip]:
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


def validator_shape(
    address: PosAddress, strip: str, first: int, tip: Tip, yours: Yours, standing: Standing
) -> Validator:
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
        performance=summary(standing.of(address)),
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
