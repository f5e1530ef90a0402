"""Tokens that work once: to verify an address, to set a new password, to answer a challenge, to set up."""

import secrets
from dataclasses import dataclass

from sqlalchemy import delete, insert, select

from vedette.store import tables as t
from vedette.store.database import Conn
from vedette.store.sessions import TOKEN_BYTES, hash_of


@dataclass(frozen=True, slots=True)
class TicketRow:
    """What a token stood for."""

    user_id: int | None
    payload: bytes


def new_token() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)


async def make(
    conn: Conn,
    purpose: str,
    now_ms: int,
    lasts_ms: int,
    *,
    user_id: int | None = None,
    payload: bytes = b"",
    token: str | None = None,
) -> str:
    """A new token for one purpose. Those that ended are swept out."""
    token = token or new_token()
    await conn.execute(delete(t.tickets).where(t.tickets.c.expires_at_ms <= now_ms))
    row = {"token_hash": hash_of(token), "purpose": purpose, "user_id": user_id, "payload": payload}
    await conn.execute(insert(t.tickets).values(**row, expires_at_ms=now_ms + lasts_ms))
    return token


async def use(conn: Conn, purpose: str, token: str, now_ms: int) -> TicketRow | None:
    """Use the token up; None when it is none, has ended, was used, or is for something else."""
    columns = t.tickets.c
    mine = columns.token_hash == hash_of(token), columns.purpose == purpose, columns.expires_at_ms > now_ms
    used = await conn.execute(delete(t.tickets).where(*mine).returning(columns.user_id, columns.payload))
    row = used.one_or_none()
    return None if row is None else TicketRow(row.user_id, row.payload or b"")


async def end(conn: Conn, purpose: str, user_id: int | None = None) -> None:
    """None of these tokens works any more: all of a purpose, or one person's."""
    columns = t.tickets.c
    mine = (
        [columns.purpose == purpose]
        if user_id is None
        else [columns.purpose == purpose, columns.user_id == user_id]
    )
    await conn.execute(delete(t.tickets).where(*mine))


async def waiting(conn: Conn, purpose: str, user_id: int, now_ms: int) -> bytes | None:
    """What one of his tokens that still works stands for."""
    columns = t.tickets.c
    mine = columns.purpose == purpose, columns.user_id == user_id, columns.expires_at_ms > now_ms
    query = select(columns.payload).where(*mine).order_by(columns.expires_at_ms.desc()).limit(1)
    payload: bytes | None = (await conn.execute(query)).scalar()
    return payload
