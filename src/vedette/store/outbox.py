"""Messages on their way: claimed, sent, tried again, given up."""

from vedette.model.incident import Notice
from vedette.store.database import Conn

CLAIM_MS = 60_000
"""Whoever took a message has this long to say how it went; then another may try."""


async def due(conn: Conn, now_ms: int, limit: int) -> list[Notice]:
    """Claim at most `limit` messages that are due, oldest first (a write). No two callers get the same."""
    raise NotImplementedError


async def sent(conn: Conn, notice_id: int, now_ms: int) -> None:
    """It was delivered."""
    raise NotImplementedError


async def failed(conn: Conn, notice_id: int, now_ms: int, error: str, retry_at_ms: int | None) -> None:
    """It was not delivered: try again at `retry_at_ms`, or (None) give up."""
    raise NotImplementedError


async def oldest_waiting_ms(conn: Conn) -> int | None:
    """When the oldest message that still waits was made."""
    raise NotImplementedError


async def next_due_ms(conn: Conn) -> int | None:
    """When the next message may be tried; None when none waits."""
    raise NotImplementedError
