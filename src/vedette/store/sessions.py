"""Signed-in browsers and API keys: who stands behind a token. Only a token's hash is kept."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Select, and_, case, delete, insert, or_, select, update

from vedette.model.people import KeyHeld, Role, Scope, Who
from vedette.store import tables as t
from vedette.store.database import Conn

TOKEN_BYTES = 32
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Lasting:
    """How long a session lasts: in all, unused, and without a new proof before a change of the account."""

    whole_ms: int
    idle_ms: int
    fresh_ms: int = 10 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Held:
    """A session that a cookie brought."""

    who: Who
    created_at_ms: int
    seen_at_ms: int
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One line in a person's list of his sessions."""

    id: str
    browser: str
    created_at_ms: int
    seen_at_ms: int


def hash_of(token: str | bytes) -> bytes:
    """What is kept of a random token. Finding it by index tells nothing: its maker cannot steer its hash."""
    return hashlib.sha256(token if isinstance(token, bytes) else token.encode()).digest()


async def of_session(conn: Conn, token: bytes, now_ms: int) -> Held | None:
    """Who is signed in with this cookie; None when it ended, or its owner may no longer come in."""
    row = (await conn.execute(_held(now_ms).where(t.sessions.c.token_hash == hash_of(token)))).one_or_none()
    if row is None:
        return None
    role = None if row.role is None else Role(row.role)
    who = Who(row.team_id, role, row.user_id, row.id, row.is_admin, row.fresh_until_ms)
    return Held(who, row.created_at_ms, row.seen_at_ms, row.expires_at_ms)


async def standing(
    conn: Conn, session_ids: Iterable[str], now_ms: int
) -> dict[str, tuple[int | None, Role | None]]:
    """Which of these sessions have not ended, and what their owners are in which team."""
    rows = await conn.execute(_held(now_ms).where(t.sessions.c.id.in_(list(session_ids))))
    return {row.id: (row.team_id, None if row.role is None else Role(row.role)) for row in rows}


def _held(now_ms: int) -> Select[Any]:
    session, members, users = t.sessions.c, t.memberships.c, t.users.c
    of_team = and_(members.user_id == session.user_id, members.team_id == session.team_id)
    times = (session.created_at_ms, session.seen_at_ms, session.expires_at_ms, session.fresh_until_ms)
    return (
        select(session.id, session.user_id, members.team_id, members.role, users.is_admin, *times)
        .select_from(t.sessions.join(t.users).outerjoin(t.memberships, of_team))
        .where(session.expires_at_ms > now_ms, users.disabled_at_ms.is_(None))
    )


async def begin(
    conn: Conn, user_id: int, browser: str, now_ms: int, lasting: Lasting, team_id: int | None = None
) -> tuple[str, Who]:
    """A new session of this person, who has just proved himself: its cookie's value, and who he is now.

    He looks at the team that is named, or else at the one that he joined first.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    await conn.execute(delete(t.sessions).where(t.sessions.c.expires_at_ms <= now_ms))
    row = {
        "id": secrets.token_hex(16),
        "user_id": user_id,
        "team_id": team_id or await first_team(conn, user_id),
        "token_hash": hash_of(token),
        "created_at_ms": now_ms,
        "seen_at_ms": now_ms,
        "expires_at_ms": now_ms + min(lasting.whole_ms, lasting.idle_ms),
        "fresh_until_ms": now_ms + lasting.fresh_ms,
        "browser": browser,
    }
    await conn.execute(insert(t.sessions).values(row))
    held = await of_session(conn, token.encode(), now_ms)
    assert held is not None  # it was made in this transaction
    return token, held.who


async def first_team(conn: Conn, user_id: int) -> int | None:
    """The team that he joined first; None: he is in none."""
    members = t.memberships.c
    query = (
        select(members.team_id).where(members.user_id == user_id).order_by(members.since_ms, members.team_id)
    )
    found: int | None = (await conn.execute(query.limit(1))).scalar()
    return found


async def seen(conn: Conn, session_id: str, now_ms: int, lasting: Lasting) -> None:
    """Its owner was here: it lasts on, but never longer than in all."""
    session = t.sessions.c
    whole, idle = session.created_at_ms + lasting.whole_ms, now_ms + lasting.idle_ms
    change = {"seen_at_ms": now_ms, "expires_at_ms": case((whole < idle, whole), else_=idle)}
    mine = session.id == session_id, session.seen_at_ms <= now_ms - MINUTE_MS
    await conn.execute(update(t.sessions).where(*mine).values(change))


async def ends_at(conn: Conn, session_id: str) -> int | None:
    """When it ends if its owner does not come again."""
    ends: int | None = (
        await conn.execute(select(t.sessions.c.expires_at_ms).where(t.sessions.c.id == session_id))
    ).scalar()
    return ends


async def freshen(conn: Conn, who: Who, now_ms: int, lasting: Lasting) -> Who:
    """Its owner has proved himself again."""
    until_ms = now_ms + lasting.fresh_ms
    mine = update(t.sessions).where(t.sessions.c.id == who.session_id)
    await conn.execute(mine.values(fresh_until_ms=until_ms))
    return replace(who, fresh_until_ms=until_ms)


async def look_at(conn: Conn, session_id: str, team_id: int) -> None:
    """From now on he looks at this team; whether it is his is asked with every request."""
    await conn.execute(update(t.sessions).where(t.sessions.c.id == session_id).values(team_id=team_id))


async def of_user(conn: Conn, user_id: int, now_ms: int) -> list[SessionRow]:
    """Where this person is signed in, the newest first."""
    session = t.sessions.c
    query = select(session.id, session.browser, session.created_at_ms, session.seen_at_ms)
    mine = query.where(session.user_id == user_id, session.expires_at_ms > now_ms)
    return [
        SessionRow(*row) for row in await conn.execute(mine.order_by(session.seen_at_ms.desc(), session.id))
    ]


async def end(
    conn: Conn, user_id: int, *, session_id: str | None = None, but: str | None = None
) -> list[str]:
    """End one of his sessions, or all (but one). Returns those that ended."""
    session = t.sessions.c
    mine = [session.user_id == user_id]
    if session_id is not None:
        mine.append(session.id == session_id)
    if but is not None:
        mine.append(session.id != but)
    ended = await conn.execute(delete(t.sessions).where(*mine).returning(session.id))
    return list(ended.scalars())


async def of_key(conn: Conn, token: bytes, now_ms: int) -> Who | None:
    """Who reads with this API key; None when there is none such, or it ended."""
    keys = t.api_keys.c
    lasts = or_(keys.expires_at_ms.is_(None), keys.expires_at_ms > now_ms)
    # Whoever may not come in himself does not by a key that he made.
    made = t.api_keys.outerjoin(t.users, t.users.c.id == keys.user_id)
    query = (
        select(keys.id, keys.team_id, keys.scopes)
        .select_from(made)
        .where(keys.token_hash == hash_of(token), keys.revoked_at_ms.is_(None), lasts)
        .where(t.users.c.disabled_at_ms.is_(None))
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
