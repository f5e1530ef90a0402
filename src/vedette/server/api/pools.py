"""Staking pools: what they leave their stakers, what their operators changed when, and when they failed."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from vedette.conflux.address import AddressError, simple
from vedette.model.account_events import account_events
from vedette.model.history import Of
from vedette.model.pool import KnownPool
from vedette.model.pool_performance import Outage, SilentEpoch, outages
from vedette.model.pos import PosAddress
from vedette.server.api import exports
from vedette.server.api.figures import window_header
from vedette.server.api.ordering import tier
from vedette.server.api.past import SPAN_MAX_MS, USUAL_SPAN_MS
from vedette.server.api.pool_board import PoolBoard, holdings_fields, pool_shape
from vedette.server.api.pool_shapes import (
    FeeLine,
    Fees,
    HoldingsHistory,
    HoldingsPoint,
    OutageShape,
    PoolDetail,
    Pools,
    PoolShape,
)
from vedette.server.api.sent import LIVE
from vedette.server.api.talk import PAGE_ROWS, TABLE, Before, Format, FromMs, Rooms, Rows, Span, ToMs, reply
from vedette.server.problems import ProblemError
from vedette.server.standings import Standing
from vedette.store import accounts, epochs, pools, sums
from vedette.store.database import Conn
from vedette.store.pools import Since

router = APIRouter(prefix="/pools", tags=["pools"])

POS_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{64}")
SILENT_MAX: Final = 50
"""Of silent epochs no more are looked for: each costs a few reads."""

PoolKey = Literal[
    "apy_after_fee",
    "apy",
    "fee",
    "votes",
    "stakers",
    "reward",
    "silent",
    "score",
    "name",
    "-apy_after_fee",
    "-apy",
    "-fee",
    "-votes",
    "-stakers",
    "-reward",
    "-silent",
    "-score",
    "-name",
]
PoolSort = Annotated[PoolKey, Query(description="`-` puts the highest first; what is not known comes last")]
PoolName = Annotated[
    str,
    Path(
        max_length=120, description="a pool's contract (Core Space address), or its validator's PoS address"
    ),
]


def _whole(text: str | None) -> int | None:
    return None if text is None else int(text)


VALUES: Final[Mapping[str, Callable[[PoolShape], int | str | None]]] = {
    "apy_after_fee": lambda one: one.performance.apy_after_fee_ppm,
    "apy": lambda one: one.performance.apy_ppm,
    "fee": lambda one: one.terms.fee_ppm,
    "votes": lambda one: one.holdings.available_votes,
    "stakers": lambda one: one.holdings.staker_count,
    "reward": lambda one: _whole(one.performance.reward_gdrip),
    "silent": lambda one: one.performance.silent_epochs,
    "score": lambda one: one.performance.score,
    "name": lambda one: one.name.casefold(),
}


# --- all of them ------------------------------------------------------------------------------------------


@router.get("", response_model=Pools, responses=TABLE)
async def list_pools(
    request: Request,
    rooms: Rooms,
    span: Span = "24h",
    sort: PoolSort = "-apy_after_fee",
    form: Format = "json",
) -> Response:
    """Every pool that is listed: its fee, what it holds, and what it left its stakers."""
    board: PoolBoard = request.app.state.pools
    listing = await board.listing(span)
    rows = ordered(listing.rows, sort)
    if form != "json":
        return await exports.rows(rooms, form, "pools", PoolShape, rows)
    return reply(Pools(window=window_header(listing.standing), pools=rows), LIVE)


def ordered(rows: Sequence[PoolShape], sort: str) -> list[PoolShape]:
    """The rows in their order; equals by contract."""
    key = sort.removeprefix("-")
    keyed = [(VALUES[key](one), one) for one in sorted(rows, key=lambda one: one.contract)]
    known = [(value, one) for value, one in keyed if value is not None]
    known.sort(key=lambda pair: pair[0], reverse=sort.startswith("-"))
    by_value = [one for _, one in known] + [one for value, one in keyed if value is None]
    return sorted(by_value, key=lambda one: tier(key, VALUES[key](one), one.performance.staked_epochs))


# --- one of them ------------------------------------------------------------------------------------------


async def found_pool(conn: Conn, name: str) -> KnownPool:
    """The pool of that contract or validator. Raises ProblemError."""
    if POS_ADDRESS.fullmatch(name):
        found = await pools.pools_of_validator(conn, PosAddress(name.lower()))
        if not found:
            raise ProblemError(404, "No pool that is listed names this validator as its own.")
        return found[0]
    try:
        pool = await pools.pool_of_contract(conn, simple(name))
    except AddressError as error:
        raise ProblemError(422, f"{error}. A PoS address would be 0x and 64 hex digits.") from error
    if pool is None:
        raise ProblemError(404, "No pool with this contract is listed. [[pools]] of the settings lists more.")
    return pool


@router.get("/{pool}", response_model=PoolDetail)
async def one_pool(pool: PoolName, rooms: Rooms, span: Span = "24h") -> Response:
    """One pool, and when it failed."""
    standing = await rooms.standings.of(span)
    async with rooms.database.read() as conn:
        found = await found_pool(conn, pool)
        shape = await pool_shape(conn, found, standing)
        failures = await _outages(conn, found.pos_address, standing) if found.pos_address else []
    lines = [
        OutageShape(**{name: getattr(one, name) for name in OutageShape.model_fields}) for one in failures
    ]
    return reply(
        PoolDetail(**dict(shape), window=window_header(standing), outages=lines),
        LIVE,
    )


async def _outages(conn: Conn, validator: PosAddress, standing: Standing) -> list[Outage]:
    window = standing.window
    silent = await silent_epochs(conn, validator, window.first_epoch, window.last_epoch, SILENT_MAX)
    spans = {epoch: (await epochs.spans_between(conn, epoch, epoch)).get(epoch) for epoch in silent}
    begun = await epochs.spans_between(conn, window.first_epoch, window.first_epoch)
    first_ms = begun[window.first_epoch].first_at_us // 1000 if begun else None
    history = await accounts.stake_history(conn, validator, first_ms, None)
    return outages(
        [
            SilentEpoch(epoch, span.first_height, span.first_at_us // 1000, span.last_at_us // 1000)
            for epoch, span in spans.items()
            if span is not None
        ],
        account_events(history),
    )


async def silent_epochs(conn: Conn, validator: PosAddress, first: int, last: int, most: int) -> list[int]:
    """The newest of these epochs in which it was silent, newest first: found by halving what has some."""
    window = await sums.window(conn, first, last)
    count = window.accounts[validator][Of.SILENT_EPOCHS] if validator in window.accounts else 0
    if not count or not most:
        return []
    if first == last:
        return [first]
    middle = (first + last) // 2
    newer = await silent_epochs(conn, validator, middle + 1, last, most)
    if len(newer) == min(count, most):
        return newer
    return newer + await silent_epochs(conn, validator, first, middle, most - len(newer))


# --- what was decided, and what was held ------------------------------------------------------------------


@router.get("/{pool}/fees", response_model=Fees, responses=TABLE)
async def pool_fees(
    pool: PoolName, rooms: Rooms, before: Before = None, limit: Rows = None, form: Format = "json"
) -> Response:
    """What its operator decided when: fee, periods, owner and code; newest first."""
    async with rooms.database.read() as conn:
        contract = (await found_pool(conn, pool)).contract

    async def page(before: int | None, limit: int) -> tuple[list[FeeLine], int | None]:
        async with rooms.database.read() as conn:
            found = await pools.terms_before(conn, contract, before, limit + 1)
            until_ms = None if before is None else await pools.next_terms_ms(conn, contract, before)
        return _fee_lines(found, until_ms, limit), found[limit - 1].at_ms if len(found) > limit else None

    if form != "json":
        return await exports.stream(
            rooms, form, f"fees-{contract.partition(':')[2]}", FeeLine, page, before, limit
        )
    rows, next_before = await page(before, limit or PAGE_ROWS)
    return reply(Fees(fees=rows, next_before=next_before), LIVE)


def _fee_lines(newest_first: Sequence[Since], until_ms: int | None, limit: int) -> list[FeeLine]:
    """The lines of all but what comes behind the page, which is only compared with."""
    lines = []
    for place, since in enumerate(newest_first[:limit]):
        before = newest_first[place + 1] if place + 1 < len(newest_first) else None
        lines.append(_fee_line(since, until_ms, before))
        until_ms = since.at_ms
    return lines


FEE_FIELDS: Final = {
    "fee_ppm": "user_share_hundredths",
    "owner": "owner",
    "upgradable": "is_upgradable",
    "implementation": "implementation",
    "lock_blocks": "lock_blocks",
    "unlock_blocks": "unlock_blocks",
}


def _fee_line(since: Since, until_ms: int | None, before: Since | None) -> FeeLine:
    terms = since.terms
    changed = [] if before is None else [
        told for told, kept in FEE_FIELDS.items() if getattr(terms, kept) != getattr(before.terms, kept)
    ]  # fmt: skip
    return FeeLine(
        from_ms=since.at_ms,
        until_ms=until_ms,
        fee_ppm=terms.fee_ppm,
        owner=terms.owner,
        upgradable=terms.is_upgradable,
        implementation=terms.implementation,
        lock_blocks=terms.lock_blocks,
        unlock_blocks=terms.unlock_blocks,
        changed=changed,
    )


@router.get("/{pool}/holdings", response_model=HoldingsHistory, responses=TABLE)
async def pool_holdings(
    pool: PoolName, rooms: Rooms, from_ms: FromMs = None, to_ms: ToMs = None, form: Format = "json"
) -> Response:
    """What it held and had earned over time; without times, the last 30 days."""
    end = to_ms if to_ms is not None else rooms.ears.now_ms()
    begin = from_ms if from_ms is not None else max(0, end - USUAL_SPAN_MS)
    if not 0 < end - begin <= SPAN_MAX_MS:
        raise ProblemError(422, "from_ms must lie before to_ms, by at most 400 days")
    async with rooms.database.read() as conn:
        contract = (await found_pool(conn, pool)).contract
        held = await pools.holdings_between(conn, contract, begin, end)
    points = [
        HoldingsPoint.model_validate({"at_ms": one.at_ms, **holdings_fields(one.holdings)}) for one in held
    ]
    if form != "json":
        return await exports.rows(
            rooms, form, f"holdings-{contract.partition(':')[2]}", HoldingsPoint, points
        )
    return reply(HoldingsHistory(from_ms=begin, to_ms=end, points=points), LIVE)
