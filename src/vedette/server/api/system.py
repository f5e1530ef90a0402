"""How the server itself is doing."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from vedette.server.api.exposition import TEXT
from vedette.server.api.members import Keeper
from vedette.server.api.talk import Rooms
from vedette.server.heartbeat import standing
from vedette.server.house import House
from vedette.server.problems import problem
from vedette.store import nodes, outbox

router = APIRouter(tags=["system"])

WRITE_STALLED_MS = 10_000
LAG_MAX_BLOCKS = 5


@router.get("/healthz", response_class=PlainTextResponse)
async def healthz(rooms: Rooms) -> Response:
    """The process lives, judges and tells. Else 503, with what has stood for half a minute."""
    if stands := _standing(rooms):
        return PlainTextResponse(f"ill: {'; '.join(stands)}\n", HTTPStatus.SERVICE_UNAVAILABLE)
    return PlainTextResponse("alive\n")


@router.get("/readyz", response_class=PlainTextResponse)
async def readyz(rooms: Rooms) -> Response:
    """Does its work: the database takes writes, the chain is followed, it judges and tells. Else 503."""
    reasons = [*await _database(rooms), *_follower(rooms), *_standing(rooms)]
    if reasons:
        return problem(503, "; ".join(reasons))
    return PlainTextResponse("ready\n")


@router.get("/metrics", response_class=PlainTextResponse, responses=TEXT)
async def metrics(request: Request, rooms: Rooms, who: Keeper) -> Response:
    """The server's own process for Prometheus: for administrators, and whoever holds the read token.

    Your nodes and validators are at /api/v1/metrics.
    """
    del who  # being one is enough
    async with rooms.database.read() as conn:
        oldest = await outbox.oldest_waiting_ms(conn)
    age_s = max(0, rooms.ears.now_ms() - oldest) / 1000 if oldest is not None else 0.0
    text, content_type = request.app.state.metrics.text(age_s, request.headers.get("accept", ""))
    headers = {"Content-Type": content_type, "Cache-Control": "no-store", "Vary": "Accept, Authorization"}
    return Response(text, headers=headers)


def _standing(rooms: House) -> list[str]:
    return standing(rooms.judge, rooms.outbox, rooms.ears.steady_ms())


async def _database(rooms: House) -> list[str]:
    """The heartbeat writes each second: when it was written last tells whether writing goes."""
    try:
        async with rooms.database.read() as conn:
            written_at = await nodes.alive_at(conn)
    except Exception:  # noqa: BLE001 - whatever it is, we are not ready, and the loops log it
        return ["the database cannot be read"]
    if written_at is None or rooms.ears.now_ms() - written_at > WRITE_STALLED_MS:
        return ["the database was not written for more than 10 s"]
    return []


def _follower(rooms: House) -> list[str]:
    health = rooms.follower.health
    if not health or any(_fresh(one.lag_blocks, one.error) for one in health):
        return []
    return ["no endpoint is being read, or all are behind: see /api/v1/network"]


def _fresh(lag_blocks: int | None, error: str | None) -> bool:
    return error is None and lag_blocks is not None and lag_blocks <= LAG_MAX_BLOCKS
