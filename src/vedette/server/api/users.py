"""All persons of the installation, for its administrators."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from vedette.model.people import Who
from vedette.server.account import LAST_ADMIN
from vedette.server.api.account_shapes import UserChange, UserEntry, Users
from vedette.server.api.members import Admin
from vedette.server.api.talk import Rooms, reply
from vedette.server.problems import ProblemError
from vedette.server.signing import subject_of
from vedette.store import audit, sessions, users
from vedette.store.database import Conn
from vedette.store.users import UserRow

router = APIRouter(tags=["accounts"])

NOBODY = "There is no such person."
UserRows = Annotated[int | None, Query(ge=1, le=1_000, description="at most so many; without it all")]
UserCursor = Annotated[str, Query(max_length=40, description="`next_cursor` of the page before")]
UserId = Annotated[int, Path(ge=1, le=2**53, description="of GET /api/v1/users")]


@router.get("/users", response_model=Users)
async def everybody(rooms: Rooms, _who: Admin, limit: UserRows = None, cursor: UserCursor = "") -> Response:
    """Everybody who has an account here, by name."""
    async with rooms.database.read() as conn:
        rows = await users.everybody(conn, cursor, None if limit is None else limit + 1)
    more = limit is not None and len(rows) > limit
    shown = rows[:limit]
    return reply(Users(users=[_entry(row) for row in shown], next_cursor=shown[-1].name if more else None))


@router.patch("/users/{user_id}", response_model=UserEntry)
async def change(user_id: UserId, wish: UserChange, rooms: Rooms, who: Admin) -> Response:
    """Make somebody an administrator or not, let him in or not. Who may not come in is signed out at once."""
    now_ms = rooms.ears.now_ms()
    row = await rooms.database.write(lambda conn: _changed(conn, who, user_id, wish, now_ms))
    if row.disabled_at_ms is not None:
        rooms.signing.ended_for(user_id)
    return reply(_entry(row))


async def _changed(conn: Conn, who: Who, user_id: int, wish: UserChange, now_ms: int) -> UserRow:
    user = await users.by_id(conn, user_id)
    if user is None:
        raise ProblemError(404, NOBODY)
    leaves = user.is_admin and (wish.is_admin is False or wish.is_disabled is True)
    if leaves and not await users.another_admin(conn, user_id):
        raise ProblemError(409, LAST_ADMIN)
    if wish.is_admin is not None and wish.is_admin != user.is_admin:
        await users.change(conn, user_id, is_admin=wish.is_admin)
        act = "account.admin-on" if wish.is_admin else "account.admin-off"
        await audit.note(conn, now_ms, who, act, subject_of(user))
    if wish.is_disabled is not None and wish.is_disabled != (user.disabled_at_ms is not None):
        await disable(conn, who, user, now_ms, is_disabled=wish.is_disabled)
    changed = await users.by_id(conn, user_id)
    assert changed is not None  # it was there in this transaction
    return changed


async def disable(conn: Conn, who: Who, user: UserRow, now_ms: int, *, is_disabled: bool) -> None:
    """Let a person in no more, or again."""
    await users.change(conn, user.id, disabled_at_ms=now_ms if is_disabled else None)
    if is_disabled:
        await sessions.end(conn, user.id)
    act = "account.disable" if is_disabled else "account.enable"
    await audit.note(conn, now_ms, who, act, subject_of(user))


def _entry(row: UserRow) -> UserEntry:
    return UserEntry(
        id=row.id,
        name=row.name,
        email=row.email,
        email_verified=row.email_verified_at_ms is not None,
        is_admin=row.is_admin,
        has_password=row.password_hash is not None,
        has_totp=row.has_totp,
        created_at_ms=row.created_at_ms,
        disabled_at_ms=row.disabled_at_ms,
    )
