"""How often somebody tried to sign in: each try beyond some costs twice the wait of the one before.

It is kept by a keyed hash of a name or an address, so that the table tells neither.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import delete, select, update

from vedette.store import tables as t
from vedette.store.database import Conn, insert_into

WAIT_FIRST_MS = 15_000
WAIT_MAX_MS = 3_600_000
FORGET_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose tries are counted, and how many cost no wait."""

    hash: bytes
    free: int


def wait_after(count: int, free: int) -> int:
    """How long nobody may try again after this many."""
    beyond = count - free
    return 0 if beyond < 0 else min(WAIT_FIRST_MS << min(beyond, 20), WAIT_MAX_MS)


async def take(conn: Conn, subjects: Iterable[Subject], now_ms: int) -> int:
    """Count one try before it is made, so that many at once gain nothing; 0, or how long to wait.

    A try that must wait is not counted: it could lengthen the wait for ever.
    """
    await conn.execute(delete(t.tries).where(t.tries.c.expires_at_ms <= now_ms))
    # Always in one order, or two of them could wait for each other.
    asked = sorted(subjects, key=lambda one: one.hash)
    wait_ms = 0
    for one in asked:
        count, since_ms = await _held(conn, one, now_ms)
        wait_ms = max(wait_ms, since_ms + wait_after(count, one.free) - now_ms)
    if wait_ms:
        return wait_ms
    for one in asked:
        change = {"count": t.tries.c.count + 1, "since_ms": now_ms, "expires_at_ms": now_ms + FORGET_MS}
        await conn.execute(update(t.tries).where(t.tries.c.subject_hash == one.hash).values(change))
    return 0


async def _held(conn: Conn, subject: Subject, now_ms: int) -> tuple[int, int]:
    """How many there were, and when the last one was; its row is held until the transaction ends."""
    columns = t.tries.c
    row = {"subject_hash": subject.hash, "count": 0, "since_ms": now_ms, "expires_at_ms": now_ms + FORGET_MS}
    await conn.execute(insert_into(conn, t.tries).values(row).on_conflict_do_nothing())
    query = select(columns.count, columns.since_ms).where(columns.subject_hash == subject.hash)
    count, since_ms = (await conn.execute(query.with_for_update())).one()
    return count, since_ms


async def give_back(conn: Conn, subject_hash: bytes) -> None:
    """That try was no guess."""
    columns = t.tries.c
    mine = columns.subject_hash == subject_hash, columns.count > 0
    await conn.execute(update(t.tries).where(*mine).values(count=columns.count - 1))


async def forget(conn: Conn, subject_hash: bytes) -> None:
    """He is who he says: his earlier tries were his own."""
    await conn.execute(delete(t.tries).where(t.tries.c.subject_hash == subject_hash))
