"""Settled PoS blocks."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from vedette.server.api.history_shapes import BlockShape
from vedette.server.api.shapes import Block, Blocks
from vedette.server.api.talk import CSV, INT64_MAX, Before, Format, Limit, Rooms, reply
from vedette.server.problems import ProblemError
from vedette.store import votes
from vedette.store.votes import BlockVotes

router = APIRouter(tags=["chain"])

Height = Annotated[int, Path(ge=1, le=INT64_MAX, description="PoS height")]


@router.get("/blocks", response_model=Blocks, responses=CSV)
async def list_blocks(
    rooms: Rooms, before: Before = None, limit: Limit = 50, form: Format = "json"
) -> Response:
    """Settled blocks and who was absent, newest first."""
    async with rooms.database.read() as conn:
        found = await votes.blocks_before(conn, before, limit)
    next_before = found[-1].height if len(found) == limit else None
    return reply(Blocks(blocks=[block_shape(block) for block in found], next_before=next_before))


@router.get("/blocks/{height}", response_model=BlockShape, responses=CSV)
async def one_block(height: Height, rooms: Rooms, form: Format = "json") -> Response:
    """One settled block: who signed it, and who did not."""
    raise ProblemError(501, "Not yet.")


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
