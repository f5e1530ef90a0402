"""Epochs and their committees."""

from fastapi import APIRouter, Response

from vedette.server.api.history_shapes import CommitteeShape, Epochs, EpochShape
from vedette.server.api.talk import CSV, Before, Epoch, Format, Rooms, Rows
from vedette.server.problems import ProblemError

router = APIRouter(tags=["chain"])


@router.get("/committee", response_model=CommitteeShape, responses=CSV)
async def acting_committee(rooms: Rooms, form: Format = "json") -> Response:
    """Who may vote now, what they signed of the last hundred blocks, and the two coming elections."""
    raise ProblemError(501, "Not yet.")


@router.get("/committee/{epoch}", response_model=CommitteeShape, responses=CSV)
async def committee_of_epoch(epoch: Epoch, rooms: Rooms, form: Format = "json") -> Response:
    """Who could vote in an epoch, and what they signed in it."""
    raise ProblemError(501, "Not yet.")


@router.get("/epochs", response_model=Epochs, responses=CSV)
async def list_epochs(
    rooms: Rooms, before: Before = None, limit: Rows = None, form: Format = "json"
) -> Response:
    """Finished epochs, newest first."""
    raise ProblemError(501, "Not yet.")


@router.get("/epochs/{epoch}", response_model=EpochShape, responses=CSV)
async def one_epoch(epoch: Epoch, rooms: Rooms, form: Format = "json") -> Response:
    """One finished epoch, with everybody's part in it."""
    raise ProblemError(501, "Not yet.")
