"""What is ahead of a validator: retirement, its queues, and its elections, which begin in the past."""

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter, Response

from vedette.model.election import TERMS_SERVING
from vedette.model.forecast import Arrival, Pace, arrivals
from vedette.model.pos import Account, Committee, PosAddress, Queued
from vedette.model.radar import ElectionView, Radar, SeatChange, seats_by_term
from vedette.server.ahead import (
    LOOK_BACK_EPOCHS,
    Ahead,
    LastSigned,
    ahead,
    candidate,
    held_in,
    last_signed,
    retirement_of,
)
from vedette.server.api import exports
from vedette.server.api.history_shapes import (
    ArrivalShape,
    ComingElection,
    Elections,
    Outlook,
    RadarShape,
    RetirementShape,
    SeatChangeShape,
    TermLine,
)
from vedette.server.api.sent import LIVE
from vedette.server.api.talk import PAGE_ROWS, TABLE, Address, Before, Format, Rooms, Rows, known, reply
from vedette.server.problems import ProblemError
from vedette.server.tip import Tip
from vedette.store import elections, votes
from vedette.store.database import Conn
from vedette.store.elections import TermElection

router = APIRouter(prefix="/validators/{address}", tags=["validators"])

NO_BLOCK = "No block was read yet, so nothing can be foretold. /api/v1/network tells how reading goes."
TOGETHER_TERMS: Final = 2 * TERMS_SERVING
"""Seats are told from the sums of committees: more terms together take longer and tell no more."""


@router.get("/outlook", response_model=Outlook)
async def validator_outlook(address: Address, rooms: Rooms) -> Response:
    """How long it may stand still, when its queues end, and the elections that are coming."""
    one, tip = await known(address, rooms)
    async with rooms.database.read() as conn:
        coming = await ahead(conn, tip)
        signed = None if coming is None else await last_signed(conn, one, coming.pace)
    return reply(_outlook(one, tip, coming, signed), LIVE)


def _outlook(one: PosAddress, tip: Tip, coming: Ahead | None, signed: LastSigned | None) -> Outlook:
    newest, snapshot = tip.newest, tip.accounts.get(one)
    if newest is None:
        raise ProblemError(503, NO_BLOCK)
    account, pace = snapshot[0] if snapshot else None, coming.pace if coming else None
    return Outlook(
        at_ms=newest.at_us // 1000,
        epoch=newest.epoch,
        height=newest.height,
        epoch_last_height=pace.epoch_last_height if pace else None,
        block_interval_ms=pace.block_interval_ms if pace else None,
        last_signed_height=tip.last_signed.get(one),
        force_retired_height=account.force_retired_height if account else None,
        retirement=_retirement(one, account, coming, signed, newest.at_us // 1000),
        locking=_arrivals(account.in_queue if account else (), pace),
        unlocking=_arrivals(account.out_queue if account else (), pace),
        radar=None if coming is None else _radar(coming.radar(one, account)),
    )


def _retirement(
    one: PosAddress, account: Account | None, coming: Ahead | None, signed: LastSigned | None, at_ms: int
) -> RetirementShape | None:
    if coming is None or signed is None:
        return None
    found = retirement_of(coming, one, account, signed)
    # A certificate that nobody saw may hold a later signature than the last that is known.
    whole = signed.epoch is None or signed.known_from_epoch <= signed.epoch + 1
    return RetirementShape(
        state=found.state,
        epoch=found.epoch,
        height=found.height,
        sign_by_height=found.sign_by_height,
        left_blocks=max(0, found.sign_by_height - coming.pace.height),
        left_ms=found.left_ms,
        safe_until_ms=None if found.left_ms is None else at_ms + found.left_ms,
        certain=found.is_certain and whole,
        last_signed_epoch=signed.epoch,
    )


def _arrivals(queue: tuple[Queued, ...], pace: Pace | None) -> list[ArrivalShape]:
    return [] if pace is None else [_arrival(one) for one in arrivals(queue, pace)]


def _arrival(one: Arrival) -> ArrivalShape:
    return ArrivalShape(votes=one.votes, height=one.height, left_blocks=one.left_blocks, left_ms=one.left_ms)


# --- the radar --------------------------------------------------------------------------------------------


def _radar(found: Radar) -> RadarShape:
    return RadarShape(
        epoch=found.epoch,
        seats=found.seats,
        seats_by_term=dict(found.seats_by_term),
        changes=[_change(one) for one in found.changes],
        elections=[_coming(one) for one in found.elections],
    )


def _change(one: SeatChange) -> SeatChangeShape:
    return SeatChangeShape(
        epoch=one.epoch,
        after_height=one.after_height,
        left_ms=one.left_ms,
        leaving=one.leaving,
        coming=one.coming,
    )


def _coming(one: ElectionView) -> ComingElection:
    return ComingElection(
        term=one.term,
        first_epoch=one.first_epoch,
        last_epoch=one.last_epoch,
        state=one.state,
        opens_at_height=one.opens_at_height,
        closes_at_height=one.closes_at_height,
        closes_in_ms=one.closes_in_ms,
        elected_votes=sum(one.elected.values()),
        own_seats=one.own_seats,
        free_votes=one.free_votes,
        chance_ppm=one.chance_ppm,
    )


# --- term by term -----------------------------------------------------------------------------------------


@router.get("/elections", response_model=Elections, responses=TABLE)
async def validator_elections(
    address: Address, rooms: Rooms, before: Before = None, limit: Rows = None, form: Format = "json"
) -> Response:
    """Term by term: whether it stood for election, and which seats it won; newest first."""
    one, tip = await known(address, rooms)
    snapshot = tip.accounts.get(one)
    account = snapshot[0] if snapshot else None
    async with rooms.database.read() as conn:
        coming = await ahead(conn, tip)

    async def page(before: int | None, limit: int) -> tuple[list[TermLine], int | None]:
        async with rooms.database.read() as conn:
            return await _terms(conn, one, account, coming.pace if coming else None, before, limit)

    if form != "json":
        return await exports.stream(rooms, form, f"elections-{one}", TermLine, page, before, limit)
    rows, next_before = await page(before, limit or PAGE_ROWS)
    found = None if coming is None or before is not None else _radar(coming.radar(one, account))
    return reply(Elections(terms=rows, next_before=next_before, radar=found), LIVE)


async def _terms(
    conn: Conn, one: PosAddress, account: Account | None, pace: Pace | None, before: int | None, limit: int
) -> tuple[list[TermLine], int | None]:
    bounds = await elections.bounds(conn)
    if bounds is None:
        return [], None
    oldest = max(bounds[0], TERMS_SERVING)
    last = bounds[1] if before is None else min(bounds[1], before - 1)
    first = max(oldest, last - limit + 1)
    seen = await elections.elections(conn, first - LOOK_BACK_EPOCHS, last + TERMS_SERVING)
    stood = await elections.candidacies(conn, one, first - 1, last + 1)
    near = range(first - 2 * LOOK_BACK_EPOCHS, last + LOOK_BACK_EPOCHS + 1)
    committees = await votes.committees(conn, near[0], near[-1])
    available = (await held_in(conn, near, pace)).votes(one, account)
    seats = _seats(one, range(first, last + 1), committees, seen, available)
    rows = [
        _term(term, one, seen.get(term), candidate(term, stood), seats) for term in range(last, first - 1, -1)
    ]
    return rows, first if first > oldest else None


def _seats(
    one: PosAddress,
    terms: range,
    committees: Mapping[int, Committee],
    seen: Mapping[int, TermElection],
    available: Mapping[int, int],
) -> dict[int, int]:
    """Its seats of those terms that committees and elections tell."""
    elected = {t: e.election.votes for t, e in seen.items() if e.election and e.election.is_finalized}
    found: dict[int, int] = {}
    for first in terms[::TOGETHER_TERMS]:
        near = range(first - LOOK_BACK_EPOCHS, first + TOGETHER_TERMS + TERMS_SERVING)
        some = {epoch: committees[epoch] for epoch in near if epoch in committees}
        told = seats_by_term(one, some, {term: elected[term] for term in near if term in elected}, available)
        found |= {
            term: told[term] for term in terms if term in told and first <= term < first + TOGETHER_TERMS
        }
    return found


def _term(
    term: int, one: PosAddress, held: TermElection | None, stood: bool | None, seats: Mapping[int, int]
) -> TermLine:
    election = held.election if held else None
    return TermLine(
        term=term,
        first_epoch=term + 1,
        last_epoch=term + TERMS_SERVING,
        candidate=stood,
        elected_votes=None if election is None else election.votes.get(one, 0),
        finalized=None if election is None else election.is_finalized,
        seats=seats.get(term),
    )
