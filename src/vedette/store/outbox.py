"""Messages on their way: claimed, sent, tried again, given up."""

from typing import Any, cast

import msgspec
from sqlalchemy import ColumnElement, Row, func, select, update

from vedette.model.incident import Incident, Notice, Reason
from vedette.store.database import Conn
from vedette.store.tables import outbox

CLAIM_MS = 60_000
"""Whoever took a message has this long to say how it went; then another may try."""


async def due(conn: Conn, now_ms: int, limit: int) -> list[Notice]:
    """Claim at most `limit` messages that are due, oldest first (a write). No two callers get the same.

    `attempts` counts the attempts begun before this one.
    """
    columns = outbox.c
    query = (
        select(outbox)
        .where(columns.state == "waiting", columns.next_at_ms <= now_ms)
        .order_by(columns.next_at_ms, columns.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = (await conn.execute(query)).all()
    claim = (
        update(outbox)
        .where(columns.id.in_([row.id for row in rows]))
        .values(next_at_ms=now_ms + CLAIM_MS, attempts=columns.attempts + 1)
    )
    if rows:
        await conn.execute(claim)
    return [_notice(row) for row in rows]


def _notice(row: Row[Any]) -> Notice:
    return Notice(
        id=row.id,
        incident=msgspec.convert(row.incident, Incident),
        channel=row.channel,
        reason=Reason(row.reason),
        key=row.key,
        created_at_ms=row.created_at_ms,
        attempts=row.attempts,
    )


async def sent(conn: Conn, notice_id: int, now_ms: int) -> None:
    """It was delivered."""
    told = update(outbox).where(outbox.c.id == notice_id, outbox.c.state != "sent")
    await conn.execute(told.values(state="sent", sent_at_ms=now_ms, error=None))


async def failed(conn: Conn, notice_id: int, now_ms: int, error: str, retry_at_ms: int | None) -> None:
    """It was not delivered: try again at `retry_at_ms`, or (None) give up."""
    again = {"state": "failed", "next_at_ms": now_ms}
    if retry_at_ms is not None:
        again = {"next_at_ms": retry_at_ms}
    waits = update(outbox).where(outbox.c.id == notice_id, outbox.c.state == "waiting")
    await conn.execute(waits.values(**again, error=error))


async def oldest_waiting_ms(conn: Conn) -> int | None:
    """When the oldest message that still waits was made."""
    return await _least(conn, outbox.c.created_at_ms)


async def next_due_ms(conn: Conn) -> int | None:
    """When the next message may be tried; None when none waits."""
    return await _least(conn, outbox.c.next_at_ms)


async def _least(conn: Conn, column: ColumnElement[Any]) -> int | None:
    query = select(func.min(column)).where(outbox.c.state == "waiting")
    return cast("int | None", (await conn.execute(query)).scalar())
