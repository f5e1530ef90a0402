"""Enrolment tokens that work once and for an hour. Only a token's hash is kept."""

import secrets
from dataclasses import dataclass

from sqlalchemy import delete, insert, or_, select, update

from vedette.model.people import Who
from vedette.store import audit
from vedette.store import tables as t
from vedette.store.database import Conn, visible_to
from vedette.store.sessions import hash_of

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
TOKEN_BYTES = 24
"""Too many to be guessed, so a hash without salt is as good as any."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A fresh token, told once to the member who asked for it."""

    id: str
    token: str
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class EnrolmentRow:
    """What became of a token."""

    id: str
    expires_at_ms: int
    used_at_ms: int | None
    node_id: str | None


async def make_ticket(conn: Conn, who: Who, now_ms: int) -> Ticket:
    """A new token of the reader's team; those that ended a day ago are swept out."""
    table = t.enrolments
    await conn.execute(delete(table).where(table.c.expires_at_ms < now_ms - DAY_MS))
    ticket = Ticket(secrets.token_hex(16), secrets.token_hex(TOKEN_BYTES), now_ms + HOUR_MS)
    row = {"id": ticket.id, "team_id": who.team_id, "token_hash": hash_of(ticket.token)}
    await conn.execute(insert(table).values(**row, expires_at_ms=ticket.expires_at_ms))
    await audit.note(conn, now_ms, who, "enrolment.make", f"enrolment:{ticket.id}")
    return ticket


async def waiting(conn: Conn, who: Who, now_ms: int) -> list[EnrolmentRow]:
    """The reader's tokens that still let somebody in."""
    columns = t.enrolments.c
    query = (
        select(columns.id, columns.expires_at_ms, columns.used_at_ms, columns.node_id)
        .where(visible_to(who, t.enrolments), columns.used_at_ms.is_(None), columns.expires_at_ms > now_ms)
        .order_by(columns.expires_at_ms.desc(), columns.id)
    )
    return [EnrolmentRow(*row) for row in await conn.execute(query)]


async def withdraw(conn: Conn, who: Who, ticket_id: str, now_ms: int) -> bool:
    """Take a token back that nobody used; False when there is none such."""
    columns = t.enrolments.c
    waits = columns.id == ticket_id, columns.used_at_ms.is_(None), visible_to(who, t.enrolments)
    if not (await conn.execute(delete(t.enrolments).where(*waits))).rowcount:
        return False
    await audit.note(conn, now_ms, who, "enrolment.withdraw", f"enrolment:{ticket_id}")
    return True


async def use_ticket(conn: Conn, token: str, node_id: str, now_ms: int) -> int | None:
    """Use the token up for this node; returns its team, or None when it lets nobody in.

    The same node may show it again while it lasts: the answer to the first time may not have come.
    """
    columns = t.enrolments.c
    mine = (
        columns.token_hash == hash_of(token),
        columns.expires_at_ms > now_ms,
        or_(columns.used_at_ms.is_(None), columns.node_id == node_id),
    )
    use = update(t.enrolments).where(*mine).values(used_at_ms=now_ms, node_id=node_id)
    team_id: int | None = (await conn.execute(use.returning(columns.team_id))).scalar()
    return team_id


async def enrolment(conn: Conn, who: Who, ticket_id: str) -> EnrolmentRow | None:
    """What became of one of the reader's tokens."""
    columns = t.enrolments.c
    query = select(columns.id, columns.expires_at_ms, columns.used_at_ms, columns.node_id)
    row = (
        await conn.execute(query.where(columns.id == ticket_id, visible_to(who, t.enrolments)))
    ).one_or_none()
    return None if row is None else EnrolmentRow(*row)
