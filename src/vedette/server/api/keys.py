"""API keys of a team: its owners make, see and revoke them."""

from fastapi import APIRouter, Response

from vedette.server.api.key_shapes import ApiKey, ApiKeys, KeyWish, MadeKey
from vedette.server.api.members import Owner
from vedette.server.api.talk import Rooms, reply
from vedette.server.problems import ProblemError
from vedette.store import keys
from vedette.store.keys import KeyRow, TooManyKeysError

router = APIRouter(tags=["keys"])

DAY_MS = 86_400_000
NO_KEY = "There is no such key in your team. GET /api/v1/keys lists them."
TOO_MANY = f"A team has at most {keys.LIVE_MAX} keys that work: revoke one that nobody uses."


@router.get("/keys", response_model=ApiKeys)
async def list_keys(rooms: Rooms, who: Owner) -> Response:
    """The team's API keys, the newest first; also those that were revoked or have expired."""
    async with rooms.database.read() as conn:
        rows = await keys.keys(conn, who)
    return reply(ApiKeys(keys=[_shape(row) for row in rows]))


@router.post("/keys", response_model=MadeKey)
async def make_key(wish: KeyWish, rooms: Rooms, who: Owner) -> Response:
    """Make an API key. Its token is in this reply alone: nobody can read it again."""
    now_ms = rooms.ears.now_ms()
    ends_ms = None if wish.expires_in_days is None else now_ms + wish.expires_in_days * DAY_MS
    try:
        made = await rooms.database.write(
            lambda conn: keys.make_key(conn, who, wish.name, wish.scopes, ends_ms, now_ms)
        )
    except TooManyKeysError:
        raise ProblemError(409, TOO_MANY) from None
    return reply(MadeKey(key=_shape(made.row), token=made.token))


@router.delete("/keys/{key_id}", status_code=204)
async def revoke_key(key_id: str, rooms: Rooms, who: Owner) -> Response:
    """Revoke a key: it opens nothing from now on, and stays in the list."""
    now_ms = rooms.ears.now_ms()
    if not await rooms.database.write(lambda conn: keys.revoke(conn, who, key_id, now_ms)):
        raise ProblemError(404, NO_KEY)
    rooms.live.end_key(key_id)
    return Response(status_code=204)


def _shape(row: KeyRow) -> ApiKey:
    return ApiKey(**{name: getattr(row, name) for name in ApiKey.model_fields})
