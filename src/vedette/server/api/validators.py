"""Validators: stake, votes, how they did, and the node that carries the key."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Response

from vedette.conflux.wire import RpcError
from vedette.model.incident import IncidentState, SubjectKind
from vedette.model.people import Who
from vedette.model.pos import PosAddress
from vedette.server.api import exports, sheets
from vedette.server.api.board import (
    Carrier,
    Listing,
    Trouble,
    Wanted,
    Yours,
    in_full,
    validator_shape,
    with_yours,
)
from vedette.server.api.claim_shapes import ValidatorInFull
from vedette.server.api.figures import window_header
from vedette.server.api.ordering import SortKey, ordered, page
from vedette.server.api.sent import LIVE, PRIVATE, Body, Sent
from vedette.server.api.shapes import Strip, Validator, Validators, VoteLine
from vedette.server.api.talk import (
    INT64_MAX,
    TABLE,
    Address,
    Boards,
    Format,
    Rooms,
    Span,
    Whose,
    encoded,
    known,
    reply,
)
from vedette.server.asking import TooManyError
from vedette.server.lookups import IDLE_MAX, FullError, NoAccountError
from vedette.server.problems import ProblemError
from vedette.server.tip import WINDOW_BLOCKS
from vedette.store import incidents, nodes, strips
from vedette.store.database import Conn

if TYPE_CHECKING:
    from vedette.server.house import House

router = APIRouter(tags=["validators"])

NO_ACCOUNT = "There is no such account on this chain. One that has just registered appears in ten minutes."
FULL = (
    f"{IDLE_MAX} accounts that never voted were looked up and are kept, which is all there is room for;"
    " name this one under `watch` in the settings."
)
NOBODY_TELLS = "No endpoint tells now whether there is such an account; try again in a minute."
ROWS_MAX = 1_000
EPOCHS_MAX = 100
LastBlocks = Annotated[int, Query(ge=1, le=1_000, description="so many of the newest settled blocks")]
FirstEpoch = Annotated[
    int | None, Query(ge=1, le=INT64_MAX, description="with `last_epoch`: finished epochs")
]
LastEpoch = Annotated[int | None, Query(ge=1, le=INT64_MAX, description="at most 100 epochs in all")]
Look = Annotated[
    bool,
    Query(description="ask the chain for an account that was never seen; one that exists is then kept"),
]
Search = Annotated[
    str,
    Query(
        max_length=80,
        description="any part of the address, or of the name of your node or its public one",
        examples=["0x75fd"],
    ),
]
Sort = Annotated[SortKey, Query(description="`-` puts the highest first; what is not known comes last")]
RowsOfAll = Annotated[int, Query(ge=1, le=ROWS_MAX, description="at most so many")]
Cursor = Annotated[
    str | None,
    Query(max_length=200, description="`next_cursor` of the page before", examples=[f"-99~0x{'7' * 64}"]),
]


@router.get("/validators", response_model=Validators, responses=TABLE)
async def list_validators(
    rooms: Rooms,
    board: Boards,
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
    listing = await board.listing(span, last)
    wanted = Wanted(span, last, q.strip().lower(), sort, limit, cursor, form)
    yours, cache = await of_reader(rooms, who), LIVE if who.is_public else PRIVATE
    if form == "parquet":
        _, (some, _) = _wanted(listing, yours, wanted)
        return await exports.rows(rooms, form, "validators", Validator, some, cache)
    return Sent(listing.body(wanted, yours, lambda: _body(listing, yours, wanted)), cache)


def _body(listing: Listing, yours: Yours, wanted: Wanted) -> Body:
    """The part of the rows that is wanted, encoded."""
    total, (some, next_cursor) = _wanted(listing, yours, wanted)
    if wanted.form == "csv":
        return sheets.sheet_body("validators", Validator, some)
    newest = listing.tip.newest
    shape = Validators(
        height=newest.height if newest else None,
        window=window_header(listing.standing),
        total=total,
        validators=some,
        next_cursor=next_cursor,
    )
    return Body(encoded(shape))


def _wanted(listing: Listing, yours: Yours, wanted: Wanted) -> tuple[int, tuple[list[Validator], str | None]]:
    """How many were found, and the page of them."""
    rows = (with_yours(one, yours) for one in listing.rows)
    found = [one for one in rows if _matches(one, wanted.q)]
    return len(found), page(ordered(found, wanted.sort), wanted.cursor, wanted.limit)


def _matches(one: Validator, wanted: str) -> bool:
    claimed = one.claimed
    names = (one.name, claimed.name, claimed.team) if claimed else (one.name,)
    return wanted in one.address or any(wanted in name.lower() for name in names if name)


@router.get("/validators/{address}", response_model=ValidatorInFull)
async def one_validator(
    address: Address, rooms: Rooms, board: Boards, who: Whose, span: Span = "24h", look: Look = False
) -> Response:
    """One validator, with what its team tells of it, if one proved that it is its own."""
    if look:
        await look_up(address, rooms)
    one, tip = await known(address, rooms)
    did = board.summaries(await rooms.standings.of(span)).of(one)
    yours = await of_reader(rooms, who)
    shape = validator_shape(one, tip.strips[one], tip.recent.first, tip, tip.committee_votes, did)
    full = in_full(with_yours(shape, yours), await rooms.claims.shown())
    return reply(full, LIVE if who.is_public else PRIVATE)


async def look_up(address: str, rooms: "House") -> None:
    """Make known a validator that was never seen, if there is one. Raises ProblemError."""
    one = PosAddress(address.lower())
    if one in (await rooms.tips.now()).strips:
        return
    try:
        await rooms.lookups.of(one)
    except NoAccountError as error:
        raise ProblemError(404, NO_ACCOUNT) from error
    except FullError as error:
        raise ProblemError(503, FULL) from error
    except TooManyError as error:
        line = f"Too much is being looked up; try again in {error.retry_after_s} s."
        raise ProblemError(429, line, {"Retry-After": str(error.retry_after_s)}) from error
    except RpcError as error:
        raise ProblemError(503, NOBODY_TELLS) from error


@router.get("/validators/{address}/votes", response_model=Strip, responses=TABLE)
async def validator_votes(
    address: Address,
    rooms: Rooms,
    last: LastBlocks = WINDOW_BLOCKS,
    first_epoch: FirstEpoch = None,
    last_epoch: LastEpoch = None,
    form: Format = "json",
) -> Response:
    """One validator's votes in the last settled blocks, or in finished epochs (at most 100 at a time)."""
    one, _ = await known(address, rooms)
    if first_epoch is None and last_epoch is None:
        async with rooms.database.read() as conn:
            found = await strips.newest(conn, one, last)
    else:
        first, until = _epochs(first_epoch, last_epoch)
        async with rooms.database.read() as conn:
            found = await strips.of_epochs(conn, one, first, until)
    if form != "json":
        lines = (VoteLine(height=at, vote=vote) for at, vote in enumerate(found.letters, found.first))
        return await exports.rows(rooms, form, f"votes-{one}", VoteLine, lines)
    return reply(Strip(first=found.first, strip=found.letters), LIVE)


def _epochs(first: int | None, last: int | None) -> tuple[int, int]:
    if first is None or last is None:
        raise ProblemError(422, "first_epoch, last_epoch: give both, or neither")
    if not first <= last < first + EPOCHS_MAX:
        raise ProblemError(422, f"last_epoch: give first_epoch or more, at most {EPOCHS_MAX} epochs in all")
    return first, last


async def of_reader(rooms: "House", who: Who) -> Yours:
    """What the reader's team knows of its validators; the public knows nothing."""
    if who.is_public:
        return Yours()
    async with rooms.database.read() as conn:
        return await _yours(conn, who)


async def _yours(conn: Conn, who: Who) -> Yours:
    rows = await nodes.nodes(conn, who)
    carried = [(row.states.get("node.pos_address"), row) for row in rows]
    carriers = [Carrier(address, row.name, row.id) for address, row in carried if address]
    addresses = {one.node_id: one.address for one in carriers}
    return Yours(tuple(carriers), tuple(await _troubles(conn, who, addresses)))


async def _troubles(conn: Conn, who: Who, addresses: Mapping[str, str]) -> list[Trouble]:
    """The team's open incidents; `addresses` are those of its nodes' keys, by node."""
    found = []
    for incident in await incidents.unresolved(conn):
        if incident.team_id != who.team_id or incident.state is not IncidentState.OPEN:
            continue
        subject = incident.subject
        about = addresses.get(subject.id) if subject.kind is SubjectKind.NODE else subject.id
        found.append(Trouble(about or "", incident.id))
    return found
