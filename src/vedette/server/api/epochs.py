"""Epochs and their committees."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Response

from vedette.model.ballot import known_count, signed_count
from vedette.model.election import TERMS_SERVING, Election
from vedette.model.history import EpochCounts
from vedette.model.performance import PPM
from vedette.model.pos import Committee, PosAddress
from vedette.server.ahead import coming
from vedette.server.api import exports
from vedette.server.api.history_shapes import (
    CommitteeMember,
    CommitteeShape,
    ElectedVotes,
    ElectionShape,
    EpochLine,
    EpochMember,
    Epochs,
    EpochShape,
)
from vedette.server.api.sent import LIVE, SETTLED
from vedette.server.api.talk import PAGE_ROWS, TABLE, Before, Epoch, Format, Rooms, Rows, reply
from vedette.server.house import House
from vedette.server.problems import ProblemError
from vedette.server.tip import Tip
from vedette.store import elections, epochs, rewards, votes
from vedette.store.database import Conn
from vedette.store.epochs import NumberedCounts
from vedette.store.rewards import PaidTotal

router = APIRouter(tags=["chain"])

NO_COMMITTEE = "The committee of this epoch is not known. /api/v1/history tells how far the past is read."
NOT_FINISHED = (
    "This epoch is not finished, or not wholly read yet. /api/v1/committee has the acting one, "
    "/api/v1/history tells how far the past is read."
)


def is_settled(one: EpochCounts | EpochLine) -> bool:
    """Whether its signatures are all known; that of the last block often reaches nobody (`late_blocks`)."""
    return one.blocks - one.known_blocks <= 1


# --- committees -------------------------------------------------------------------------------------------


@router.get("/committee", response_model=CommitteeShape, responses=TABLE)
async def acting_committee(rooms: Rooms, form: Format = "json") -> Response:
    """Who may vote now, what they signed of the last hundred blocks, and the two coming elections."""
    tip = await rooms.tips.now()
    newest = tip.newest
    if newest is None or newest.committee is None:
        raise ProblemError(404, NO_COMMITTEE)
    async with rooms.database.read() as conn:
        held = await elections.elections(conn, newest.epoch, newest.epoch + TERMS_SERVING)
    found = _acting(newest.committee, tip, coming(held, newest.epoch))
    return await _committee_reply(rooms, found, LIVE, form)


@router.get("/committee/{epoch}", response_model=CommitteeShape, responses=TABLE)
async def committee_of_epoch(epoch: Epoch, rooms: Rooms, form: Format = "json") -> Response:
    """Who could vote in an epoch, and what they signed in it."""
    async with rooms.database.read() as conn:
        committee = await votes.committee(conn, epoch)
        counted = await epochs.counts(conn, epoch, epoch)
    if committee is None:
        raise ProblemError(404, NO_COMMITTEE)
    counts = counted[0] if counted else None
    cache = SETTLED if counts is not None and is_settled(counts) else LIVE
    return await _committee_reply(rooms, _past_committee(committee, counts), cache, form)


async def _committee_reply(rooms: House, found: CommitteeShape, cache: str, form: str) -> Response:
    if form != "json":
        return await exports.rows(
            rooms, form, f"committee-{found.epoch}", CommitteeMember, found.members, cache
        )
    return reply(found, cache)


def _acting(committee: Committee, tip: Tip, terms: Sequence[tuple[int, Election]]) -> CommitteeShape:
    strips = {one: tip.strips.get(one, "") for one in committee.votes}
    led = Counter(block.proposer for block in tip.recent.blocks)
    return _committee(
        committee,
        [
            CommitteeMember(
                address=one,
                votes=held,
                signed_blocks=signed_count(strips[one]),
                known_blocks=known_count(strips[one]),
                led_blocks=led[one],
                silent=None,
            )
            for one, held in committee.votes.items()
        ],
        (tip.recent.first, tip.recent.first + len(tip.recent.blocks) - 1),
        [_election(term, election) for term, election in terms],
    )


def _past_committee(committee: Committee, counts: EpochCounts | None) -> CommitteeShape:
    return _committee(
        committee,
        [_past_member(one, held, counts) for one, held in committee.votes.items()],
        (counts.first_height, counts.last_height) if counts else None,
        None,
    )


def _past_member(one: PosAddress, held: int, counts: EpochCounts | None) -> CommitteeMember:
    part = counts.members.get(one) if counts else None
    return CommitteeMember(
        address=one,
        votes=held,
        signed_blocks=part.signed_blocks if part else None,
        known_blocks=counts.known_blocks if counts else None,
        led_blocks=part.led_blocks if part else None,
        silent=_silent(counts, one) if counts else None,
    )


def _committee(
    committee: Committee,
    members: list[CommitteeMember],
    heights: tuple[int, int] | None,
    terms: list[ElectionShape] | None,
) -> CommitteeShape:
    """`terms` are given of the acting committee only."""
    return CommitteeShape(
        epoch=committee.epoch,
        acting=terms is not None,
        quorum_votes=committee.quorum_votes,
        total_votes=committee.total_votes,
        first_height=heights[0] if heights else None,
        last_height=heights[1] if heights else None,
        members=sorted(members, key=lambda one: (-one.votes, one.address)),
        elections=terms or [],
    )


def _election(term: int, election: Election) -> ElectionShape:
    elected = sorted(election.votes.items(), key=lambda pair: (-pair[1], pair[0]))
    return ElectionShape(
        term=term,
        first_epoch=term + 1,
        last_epoch=term + TERMS_SERVING,
        start_height=election.start_height,
        finalized=election.is_finalized,
        elected_votes=sum(election.votes.values()),
        elected=[ElectedVotes(address=one, votes=held) for one, held in elected],
    )


# --- epochs -----------------------------------------------------------------------------------------------


@router.get("/epochs", response_model=Epochs, responses=TABLE)
async def list_epochs(
    rooms: Rooms, before: Before = None, limit: Rows = None, form: Format = "json"
) -> Response:
    """Finished epochs, newest first."""

    async def page(before: int | None, limit: int) -> tuple[list[EpochLine], int | None]:
        async with rooms.database.read() as conn:
            found = await epochs.counts_before(conn, before, limit)
            paid = await rewards.totals(conn, found[-1].epoch, found[0].epoch) if found else {}
        rows = [EpochLine(**_line(one, paid.get(one.epoch))) for one in found]
        return rows, found[-1].epoch if len(found) == limit else None

    if form != "json":
        return await exports.stream(rooms, form, "epochs", EpochLine, page, before, limit)
    rows, next_before = await page(before, limit or PAGE_ROWS)
    return reply(Epochs(epochs=rows, next_before=next_before), LIVE)


@router.get("/epochs/{epoch}", response_model=EpochShape, responses=TABLE)
async def one_epoch(epoch: Epoch, rooms: Rooms, form: Format = "json") -> Response:
    """One finished epoch, with everybody's part in it."""
    async with rooms.database.read() as conn:
        found = await _epoch(conn, epoch)
    if found is None:
        raise ProblemError(404, NOT_FINISHED)
    cache = SETTLED if is_settled(found) and found.reward_drip is not None else LIVE
    if form != "json":
        return await exports.rows(rooms, form, f"epoch-{epoch}", EpochMember, found.accounts, cache)
    return reply(found, cache)


async def _epoch(conn: Conn, epoch: int) -> EpochShape | None:
    numbered = await epochs.counts_before(conn, epoch + 1, 1)
    if not numbered or numbered[0].epoch != epoch:
        return None
    (counts,) = await epochs.counts(conn, epoch, epoch)
    paid = (await rewards.rewards(conn, epoch, epoch)).get(epoch)
    total = (await rewards.totals(conn, epoch, epoch)).get(epoch)
    drips = None if paid is None else paid.drips
    return EpochShape(**_line(numbered[0], total), accounts=_accounts(counts, drips))


def _line(one: NumberedCounts, paid: PaidTotal | None) -> dict[str, Any]:
    cast = int((one.votes.astype(int) * one.signed).sum())
    expected = one.total_votes * one.known_blocks
    paid_at_s = paid.paid_at_s if paid else None
    return {
        "epoch": one.epoch,
        "first_height": one.first_height,
        "last_height": one.last_height,
        "first_at_ms": one.first_at_us // 1000,
        "last_at_ms": one.last_at_us // 1000,
        "blocks": one.blocks,
        "known_blocks": one.known_blocks,
        "nil_blocks": one.nil_blocks,
        "timeout_rounds": one.timeout_rounds,
        "members": len(one.accounts),
        "quorum_votes": one.quorum_votes,
        "total_votes": one.total_votes,
        "cast_votes": cast,
        "expected_votes": expected,
        "participation_ppm": PPM * cast // expected if expected else None,
        "reward_drip": str(paid.drip) if paid else None,
        "paid_accounts": paid.accounts if paid else None,
        "pow_epoch": paid.pow_epoch if paid else None,
        "paid_at_ms": paid_at_s * 1000 if paid_at_s is not None else None,
    }


def _accounts(counts: EpochCounts, drips: Mapping[PosAddress, int] | None) -> list[EpochMember]:
    """Members by votes, then whoever else was paid."""
    members = sorted(counts.members, key=lambda one: (-counts.members[one].votes, one))
    others = sorted((drips or {}).keys() - counts.members.keys())
    return [_account(one, counts, drips) for one in (*members, *others)]


def _account(one: PosAddress, counts: EpochCounts, drips: Mapping[PosAddress, int] | None) -> EpochMember:
    part = counts.members.get(one)
    return EpochMember(
        address=one,
        votes=part.votes if part else 0,
        signed_blocks=part.signed_blocks if part else 0,
        counted_blocks=part.counted_blocks if part else 0,
        led_blocks=part.led_blocks if part else 0,
        bonus_votes=counts.bonus_votes.get(one, 0),
        silent=_silent(counts, one),
        reward_drip=None if drips is None else str(drips.get(one, 0)),
    )


def _silent(counts: EpochCounts, one: PosAddress) -> bool | None:
    """None: no member, or too little of the epoch is known to say so."""
    if one not in counts.members or counts.known_blocks * 2 < counts.blocks:
        return None
    return counts.is_silent(one)
