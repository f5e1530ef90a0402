"""The network over time, and how far its past is read."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from vedette.server.api.history_shapes import HistoryProgressShape, NetworkHistory
from vedette.server.api.talk import CSV, Format, Rooms, Span
from vedette.server.problems import ProblemError

router = APIRouter(tags=["chain"])

Points = Annotated[int, Query(ge=1, le=1_000, description="at most so many; each covers whole epochs")]


@router.get("/network/history", response_model=NetworkHistory, responses=CSV)
async def network_history(
    rooms: Rooms, span: Span = "30d", points: Points = 300, form: Format = "json"
) -> Response:
    """Columns for charts: participation, rewards, stake, yields and finality."""
    raise ProblemError(501, "Not yet.")


@router.get("/history", response_model=HistoryProgressShape)
async def history_progress(rooms: Rooms) -> Response:
    """How far the past is read: blocks, epochs, rewards, transactions."""
    raise ProblemError(501, "Not yet.")
