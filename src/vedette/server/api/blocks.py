"""Settled PoS blocks."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from vedette.server.api import exports
from vedette.server.api.history_shapes import BlockShape, ElectedVotes
from vedette.server.api.sent import LIVE
from vedette.server.api.shapes import Block, Blocks
from vedette.server.api.talk import INT64_MAX, PAGE_ROWS, TABLE, Before, Format, Rooms, Rows, reply
from vedette.server.problems import ProblemError
from vedette.store import votes
from vedette.store.votes import BlockVotes

router = APIRouter(tags=["chain"])

Height = Annotated[int, Path(ge=1, le=INT64_MAX, description="PoS height")]
NO_BLOCK = "This block was not read yet. /api/v1/history tells how far the past is read."


@router.get("/blocks", response_model=Blocks, responses=TABLE)
async def list_blocks(
    rooms: Rooms, before: Before = None, limit: Rows = None, form: Format = "json"
) -> Response:
    """Settled blocks and who was absent, newest first."""

    async def page(before: int | None, limit: int) -> tuple[list[Block], int | None]:
        async with rooms.database.read() as conn:
            found = await votes.blocks_before(conn, before, limit)
        return [block_shape(block) for block in found], found[-1].height if len(found) == limit else None

    if form != "json":
        return await exports.stream(rooms, form, "blocks", Block, page, before, limit)
    rows, next_before = await page(before, limit or PAGE_ROWS)
    return reply(Blocks(blocks=rows, next_before=next_before), LIVE)


@router.get("/blocks/{height}", response_model=BlockShape, responses=TABLE)
async def one_block(height: Height, rooms: Rooms, form: Format = "json") -> Response:
    """One settled block: who signed it, and who did not."""
    async with rooms.database.read() as conn:
        near = {block.height: block for block in await votes.blocks_between(conn, height - 1, height)}
    if height not in near:
        raise ProblemError(404, NO_BLOCK)
    found = _whole(near[height], near.get(height - 1))
    if form != "json":
        return await exports.rows(rooms, form, f"block-{height}", ElectedVotes, found.signed)
    return reply(found, LIVE)


def _whole(block: BlockVotes, previous: BlockVotes | None) -> BlockShape:
    signed = sorted(block.signers.items(), key=lambda pair: (-pair[1], pair[0]))
    return BlockShape(
        **dict(block_shape(block)),
        quorum_votes=block.committee.quorum_votes if block.committee else None,
        since_previous_ms=(block.at_us - previous.at_us) // 1000 if previous else None,
        skipped_rounds=_skipped_rounds(block, previous),
        signed=[ElectedVotes(address=one, votes=held) for one, held in signed],
    )


def _skipped_rounds(block: BlockVotes, previous: BlockVotes | None) -> int | None:
    """Rounds without a block before it; in an epoch's first block they count from round 1."""
    if previous is None:
        return None
    return max(0, block.round - 1 - (previous.round if previous.epoch == block.epoch else 0))


def block_shape(block: BlockVotes) -> Block:
    seen = len(block.signers) > 0
    committee = block.committee
    absent: list[str] = (
        [one for one in committee.votes if one not in block.signers] if committee and seen else []
    )
    return Block(
        height=block.height,
        hash=block.hash,
        epoch=block.epoch,
        round=block.round,
        at_ms=block.at_us // 1000,
        proposer=block.proposer,
        signers=len(block.signers) if seen else None,
        members=len(committee.votes) if committee else None,
        signed_votes=signed_votes(block),
        total_votes=committee.total_votes if committee else None,
        absent=absent,
        witnesses=block.witnesses,
    )


def signed_votes(block: BlockVotes) -> int | None:
    """Votes in the certificate, as the witnesses told them; None when nobody saw one."""
    return sum(block.signers.values()) if block.signers else None
