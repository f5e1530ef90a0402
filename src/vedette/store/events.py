"""What the PoS chain's transactions did to accounts, and how far transactions were read."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, Select, select, update

from vedette.model.pos import PosAddress
from vedette.model.spans import Span, Spans, added, spans, without
from vedette.model.transaction import PosTransaction, TransactionKind, TransactionStatus
from vedette.store import tables as t
from vedette.store.accounts import intern
from vedette.store.database import Conn, insert_into
from vedette.store.rosters import addresses

ROUTINE = frozenset(
    {TransactionKind.BLOCK_METADATA, TransactionKind.PIVOT_DECISION, TransactionKind.ELECTION}
)
"""Some thousands a day, and nobody's event. Candidacies have a table of their own."""


async def remember_events(conn: Conn, told: Sequence[PosTransaction]) -> None:
    """Keep those of the transactions that are somebody's event and stand in a committed block.

    Saying it twice is harmless.
    """
    events = {each.number: each for each in told if each.kind not in ROUTINE and _is_committed(each)}
    everyone = {address for each in events.values() for address in (each.account, each.sender)}
    numbers = await intern(conn, {address for address in everyone if address is not None})
    rows = [_row(each, numbers) for each in events.values()]
    if rows:
        add = insert_into(conn, t.pos_events)
        anew = {name: add.excluded[name] for name in rows[0] if name != "number"}
        await conn.execute(add.on_conflict_do_update(index_elements=["number"], set_=anew), rows)


def _is_committed(told: PosTransaction) -> bool:
    """A node tells height and time of a transaction in a committed block, and of no other."""
    return told.height is not None and told.at_us is not None


def _row(event: PosTransaction, numbers: Mapping[PosAddress, int]) -> dict[str, Any]:
    return {
        "number": event.number,
        "hash": bytes.fromhex(event.hash.removeprefix("0x")),
        "height": event.height,
        "at_us": event.at_us,
        "kind": event.kind.value,
        "status": event.status.value,
        "account": None if event.account is None else numbers[event.account],
        "sender": None if event.sender is None else numbers[event.sender],
        "votes": event.votes,
        "conflict": event.conflict,
    }


async def events(
    conn: Conn, address: PosAddress | None, before_number: int | None, limit: int
) -> list[PosTransaction]:
    """At most `limit` events, newest first: of one account or of all, below that number or from the end."""
    columns = t.pos_events.c
    query = select(t.pos_events).order_by(columns.number.desc()).limit(limit)
    if address is not None:
        query = query.join(t.pos_accounts, columns.account == t.pos_accounts.c.id)
        query = query.where(t.pos_accounts.c.address == address)
    if before_number is not None:
        query = query.where(columns.number < before_number)
    rows = (await conn.execute(query)).all()
    named = await addresses(conn, {n for row in rows for n in (row.account, row.sender) if n is not None})
    return [_event(row, named) for row in rows]


async def added_since(conn: Conn, address: PosAddress, since_ms: int) -> bool:
    """Whether votes were added to an account since then."""
    query = _adding(address).where(t.pos_events.c.at_us > since_ms * 1000).limit(1)
    return (await conn.execute(query)).first() is not None


async def added_at(conn: Conn, address: PosAddress) -> list[int]:
    """When votes were added to an account, in milliseconds, ascending."""
    query = _adding(address).order_by(t.pos_events.c.at_us)
    return [at_us // 1000 for at_us in (await conn.execute(query)).scalars()]


def _adding(address: PosAddress) -> Select[Any]:
    columns = t.pos_events.c
    kinds = columns.kind.in_([TransactionKind.REGISTER.value, TransactionKind.UPDATE_VOTING_POWER.value])
    return (
        select(columns.at_us)
        .join(t.pos_accounts, columns.account == t.pos_accounts.c.id)
        .where(t.pos_accounts.c.address == address, kinds)
        .where(columns.status == TransactionStatus.EXECUTED.value)
    )


def _event(row: Row[Any], named: Mapping[int, PosAddress]) -> PosTransaction:
    return PosTransaction(
        number=row.number,
        hash="0x" + row.hash.hex(),
        kind=TransactionKind(row.kind),
        status=TransactionStatus(row.status),
        sender=None if row.sender is None else named[row.sender],
        height=row.height,
        at_us=row.at_us,
        account=None if row.account is None else named[row.account],
        target_term=None,
        votes=row.votes,
        conflict=row.conflict,
    )


# --- how far was read -------------------------------------------------------------------------------------


async def read_spans(conn: Conn, what: str) -> Spans:
    """The numbers that were read so far."""
    query = select(t.pos_readings.c.read).where(t.pos_readings.c.what == what)
    return spans((await conn.execute(query)).scalar() or [])


async def mark_read(conn: Conn, what: str, first: int, last: int) -> None:
    """Note that the numbers from first to last were read, too; others may note theirs at the same time."""
    await _change_read(conn, what, lambda held: added(held, Span(first, last)))


async def unmark_read(conn: Conn, what: str, first: int, last: int) -> None:
    """Note that the numbers from first to last are to be read anew."""
    await _change_read(conn, what, lambda held: without(held, Span(first, last)))


async def _change_read(conn: Conn, what: str, change: Callable[[Spans], Spans]) -> None:
    columns = t.pos_readings.c
    await conn.execute(insert_into(conn, t.pos_readings).values(what=what, read=[]).on_conflict_do_nothing())
    held = (
        await conn.execute(select(columns.read).where(columns.what == what).with_for_update())
    ).scalar_one()
    await conn.execute(update(t.pos_readings).where(columns.what == what).values(read=change(spans(held))))
