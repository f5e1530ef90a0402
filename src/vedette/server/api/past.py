"""One validator's past: how well it did, epoch by epoch, what it was paid, and what it held."""

from fastapi import APIRouter, Response

from vedette.server.api.history_shapes import (
    Balance,
    Elections,
    Events,
    Outlook,
    PerformanceShape,
    Rewards,
    ValidatorEpochs,
)
from vedette.server.api.talk import CSV, Address, Before, Format, FromMs, Rooms, Rows, Span, ToMs
from vedette.server.problems import ProblemError

router = APIRouter(prefix="/validators/{address}", tags=["validators"])


@router.get("/performance", response_model=PerformanceShape)
async def validator_performance(address: Address, rooms: Rooms, span: Span = "24h") -> Response:
    """Every figure of one validator over a window, each with its formula."""
    raise ProblemError(501, "Not yet.")


@router.get("/epochs", response_model=ValidatorEpochs, responses=CSV)
async def validator_epochs(
    address: Address, rooms: Rooms, before: Before = None, limit: Rows = None, form: Format = "json"
) -> Response:
    """Epoch by epoch: votes, what it signed and led, and what it was paid; newest first."""
    raise ProblemError(501, "Not yet.")


@router.get("/rewards", response_model=Rewards, responses=CSV)
async def validator_rewards(
    address: Address, rooms: Rooms, before: Before = None, limit: Rows = None, form: Format = "json"
) -> Response:
    """What it was paid for each epoch, to the last Drip; newest first."""
    raise ProblemError(501, "Not yet.")


@router.get("/balance", response_model=Balance, responses=CSV)
async def validator_balance(
    address: Address, rooms: Rooms, from_ms: FromMs = None, to_ms: ToMs = None, form: Format = "json"
) -> Response:
    """What it held over time, in PoS and at its PoW address; without times, the last 30 days."""
    raise ProblemError(501, "Not yet.")


@router.get("/elections", response_model=Elections, responses=CSV)
async def validator_elections(
    address: Address, rooms: Rooms, before: Before = None, limit: Rows = None, form: Format = "json"
) -> Response:
    """Term by term: whether it stood for election, and which seats it won; newest first."""
    raise ProblemError(501, "Not yet.")


@router.get("/events", response_model=Events, responses=CSV)
async def validator_events(
    address: Address, rooms: Rooms, before: Before = None, limit: Rows = None, form: Format = "json"
) -> Response:
    """What happened to it: its transactions, and what snapshots of its stake show; newest first."""
    raise ProblemError(501, "Not yet.")


@router.get("/outlook", response_model=Outlook)
async def validator_outlook(address: Address, rooms: Rooms) -> Response:
    """How long it may stand still, when its queues end, and the elections that are coming."""
    raise ProblemError(501, "Not yet.")
