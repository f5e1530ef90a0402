"""Operators' keys: their public halves, to be shown. An agent trusts what was named on its own host alone."""

from fastapi import APIRouter, Response

from vedette.model.operator_key import fingerprint, parsed
from vedette.server.api.key_shapes import OperatorKey, OperatorKeys, OperatorKeyWish
from vedette.server.api.members import Owner, Viewer
from vedette.server.api.talk import Rooms, reply
from vedette.server.problems import ProblemError
from vedette.store import operator_keys
from vedette.store.operator_keys import OperatorKeyRow

router = APIRouter(tags=["keys"])

NO_KEY = "There is no such key in your team's list. GET /api/v1/operator-keys has it."
KNOWN = "This key stands in your team's list already: how it was made is told once."
TOO_MANY = f"The list has {operator_keys.KEYS_MAX} keys: that is more than anybody keeps an eye on."


@router.get("/operator-keys", response_model=OperatorKeys)
async def list_operator_keys(rooms: Rooms, who: Viewer) -> Response:
    """The team's keys that may sign commands; also those that were revoked. No agent trusts this list."""
    async with rooms.database.read() as conn:
        rows = await operator_keys.listed(conn, who)
    return reply(OperatorKeys(keys=[_shape(row) for row in rows]))


@router.post("/operator-keys", response_model=OperatorKey)
async def add_operator_key(wish: OperatorKeyWish, rooms: Rooms, who: Owner) -> Response:
    """List the public half of a key. `vedette agent trust` on each host is what makes an agent obey it."""
    try:
        key, _ = parsed(wish.public_key)
    except ValueError as error:
        raise ProblemError(422, f"public_key: {error}") from error
    now_ms = rooms.ears.now_ms()
    made = await rooms.database.write(
        lambda conn: operator_keys.add(conn, who, wish.name, key, wish.made_by, now_ms)
    )
    if isinstance(made, str):
        raise ProblemError(409, KNOWN if made == "known" else TOO_MANY)
    return reply(_shape(made))


@router.delete("/operator-keys/{key_id}", status_code=204)
async def revoke_operator_key(key_id: str, rooms: Rooms, who: Owner) -> Response:
    """Say that a key is not to be trusted. Agents hear it by `vedette agent trust revoke`, on their hosts."""
    now_ms = rooms.ears.now_ms()
    if not await rooms.database.write(lambda conn: operator_keys.revoke(conn, who, key_id, now_ms)):
        raise ProblemError(404, NO_KEY)
    return Response(status_code=204)


def _shape(row: OperatorKeyRow) -> OperatorKey:
    return OperatorKey(
        id=row.id,
        name=row.name,
        fingerprint=fingerprint(row.public_key),
        public_key=row.public_key.hex(),
        made_by=row.made_by,
        may_start_voter=row.may_start_voter,
        created_at_ms=row.created_at_ms,
        revoked_at_ms=row.revoked_at_ms,
    )
