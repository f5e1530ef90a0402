"""What waits before one channel: what is told no more, and what is told next, alone or in one message."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import case, select, update

from vedette.model.incident import Notice, Reason
from vedette.model.waiting import Waiting, plan
from vedette.store.database import Conn
from vedette.store.outbox import CLAIM_MS, INCIDENT, notice_of
from vedette.store.tables import outbox

LINE_MAX: Final = 1_000
"""So much of a line is looked at in one go, the oldest first."""
SUPERSEDED: Final = "superseded"
_BEFORE: Final = outbox.alias("before")


async def claim(
    conn: Conn, channel: str, now_ms: int, *, for_people: bool, in_hand: Collection[int] = ()
) -> list[Notice]:
    """Claim the next message of this channel (a write): several are to be told in one, in this order.

    What is no longer news is told no more, and says by which message it was superseded. No two callers get
    the same. `for_people`: several may stand in one message. `attempts` counts the attempts begun before.
    """
    found = plan(await _waiting(conn, channel, in_hand), now_ms, for_people=for_people)
    if found.superseded:
        await _supersede(conn, found.superseded, now_ms)
    return await _claimed(conn, found.together, now_ms) if found.together else []


async def _waiting(conn: Conn, channel: str, in_hand: Collection[int]) -> list[Waiting]:
    columns = outbox.c
    query = (
        select(
            columns.id,
            columns.incident_id,
            columns.kind,
            columns.reason,
            columns.created_at_ms,
            columns.next_at_ms,
            columns.attempts,
            columns.is_held,
        )
        .where(columns.channel == channel, columns.state == "waiting")
        .order_by(columns.id)
        .limit(LINE_MAX)
    )
    return [
        Waiting(
            id=row.id,
            incident_id=row.incident_id if row.kind == INCIDENT else None,
            reason=Reason(row.reason),
            created_at_ms=row.created_at_ms,
            next_at_ms=row.next_at_ms,
            attempts=row.attempts,
            is_held=row.is_held,
            is_in_hand=row.id in in_hand,
        )
        for row in await conn.execute(query)
    ]


async def _supersede(conn: Conn, superseded: Mapping[int, int], now_ms: int) -> None:
    """Another server may have begun to send one: then it is not due, and goes on."""
    columns = outbox.c
    still = columns.id.in_(superseded), columns.state == "waiting", columns.next_at_ms <= now_ms
    by = dict(superseded)
    told = update(outbox).where(*still).values(state=SUPERSEDED, error=None)
    await conn.execute(told.values(told_with=case(by, value=columns.id)))
    # What these had superseded before is told with the same; by its incident, which has an index.
    theirs = select(_BEFORE.c.incident_id).where(_BEFORE.c.id.in_(by))
    older = columns.incident_id.in_(theirs), columns.told_with.in_(by), columns.state == SUPERSEDED
    passed_on = update(outbox).where(*older)
    await conn.execute(passed_on.values(told_with=case(by, value=columns.told_with)))


async def _claimed(conn: Conn, ids: Sequence[int], now_ms: int) -> list[Notice]:
    columns = outbox.c
    still = columns.id.in_(ids), columns.state == "waiting", columns.next_at_ms <= now_ms
    query = select(outbox).where(*still).order_by(columns.id)
    rows = (await conn.execute(query.with_for_update(skip_locked=True, of=outbox))).all()
    mine = update(outbox).where(columns.id.in_([row.id for row in rows]))
    if rows:
        await conn.execute(mine.values(next_at_ms=now_ms + CLAIM_MS, attempts=columns.attempts + 1))
    return [notice_of(row) for row in rows]
