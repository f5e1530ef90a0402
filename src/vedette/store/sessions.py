"""Signed-in browsers and API keys: who stands behind a token. Only a token's hash is kept."""

import hashlib

from sqlalchemy import and_, or_, select

from vedette.model.people import KeyHeld, Role, Scope, Who
from vedette.store import tables as t
from vedette.store.database import Conn


def hash_of(token: str | bytes) -> bytes:
    """What is kept of a random token. Finding it by index tells nothing: its maker cannot steer its hash."""
    return hashlib.sha256(token if isinstance(token, bytes) else token.encode()).digest()


async def of_session(conn: Conn, token: bytes, now_ms: int) -> Who | None:
    """Who is signed in with this cookie; None when it ended, or its owner may no longer come in."""
    sessions, members, users = t.sessions.c, t.memberships.c, t.users.c
    of_team = and_(members.user_id == sessions.user_id, members.team_id == sessions.team_id)
    query = (
        select(sessions.id, sessions.user_id, members.team_id, members.role, users.is_admin)
        .select_from(t.sessions.join(t.users).outerjoin(t.memberships, of_team))
        .where(sessions.token_hash == hash_of(token), sessions.expires_at_ms > now_ms)
        .where(users.disabled_at_ms.is_(None))
    )
    row = (await conn.execute(query)).one_or_none()
    if row is None:
        return None
    role = None if row.role is None else Role(row.role)
    return Who(row.team_id, role, row.user_id, row.id, row.is_admin)


async def of_key(conn: Conn, token: bytes, now_ms: int) -> Who | None:
    """Who reads with this API key; None when there is none such, or it ended."""
    keys = t.api_keys.c
    lasts = or_(keys.expires_at_ms.is_(None), keys.expires_at_ms > now_ms)
    query = select(keys.id, keys.team_id, keys.scopes).where(
        keys.token_hash == hash_of(token), keys.revoked_at_ms.is_(None), lasts
    )
    row = (await conn.execute(query)).one_or_none()
    return None if row is None else reader_with(KeyHeld(row.id, row.team_id, _scopes(row.scopes)))


def reader_with(key: KeyHeld) -> Who:
    """What a key makes of its bearer."""
    if Scope.WRITE in key.scopes:
        return Who(key.team_id, Role.OPERATOR, key=key)
    if Scope.READ in key.scopes:
        return Who(key.team_id, Role.VIEWER, key=key)
    return Who(None, key=key)


def _scopes(names: list[str]) -> frozenset[Scope]:
    return frozenset(Scope(name) for name in names)
