"""What happened to a validator: its transactions, and what snapshots of its stake show between them."""

from collections.abc import Iterable, Sequence
from typing import Final

from fastapi import APIRouter, Response

from vedette.model.account_events import AccountEvent, AccountEventKind, events_between
from vedette.model.pos import Account
from vedette.model.transaction import PosTransaction, TransactionKind, TransactionStatus
from vedette.server.api import exports
from vedette.server.api.history_shapes import EventLine, Events
from vedette.server.api.sent import LIVE
from vedette.server.api.talk import PAGE_ROWS, TABLE, Address, Before, Format, Rooms, Rows, known, reply
from vedette.store import accounts, events

router = APIRouter(prefix="/validators/{address}", tags=["validators"])

EVENTS_MAX: Final = 10_000
"""Nobody does so much; it bounds what one request may cost."""

TRANSACTION_OF: Final = {
    AccountEventKind.REGISTERED: TransactionKind.REGISTER,
    AccountEventKind.ADDED: TransactionKind.UPDATE_VOTING_POWER,
    AccountEventKind.UNLOCKING: TransactionKind.RETIRE,
    AccountEventKind.RETIRED: TransactionKind.RETIRE,
    AccountEventKind.DISPUTE_LOCKED: TransactionKind.DISPUTE,
}
"""Which transaction brings about what a snapshot shows."""


@router.get("/events", response_model=Events, responses=TABLE)
async def validator_events(
    address: Address, rooms: Rooms, before: Before = None, limit: Rows = None, form: Format = "json"
) -> Response:
    """What happened to it: its transactions, and what snapshots of its stake show; newest first."""
    one, _ = await known(address, rooms)

    async def page(before: int | None, limit: int) -> tuple[list[EventLine], int | None]:
        async with rooms.database.read() as conn:
            told = await events.events(conn, one, None, EVENTS_MAX)
            history = await accounts.stake_history(conn, one, None, None)
        return _page(merged(history, told), before, limit)

    if form != "json":
        return await exports.stream(rooms, form, f"events-{one}", EventLine, page, before, limit)
    rows, next_before = await page(before, limit or PAGE_ROWS)
    return reply(Events(events=rows, next_before=next_before), LIVE)


def _page(
    newest_first: Sequence[EventLine], before: int | None, limit: int
) -> tuple[list[EventLine], int | None]:
    """At most `limit`, and whatever else was at the same moment as the last of them."""
    rest = [line for line in newest_first if before is None or line.at_ms < before]
    size = limit
    while 0 < size < len(rest) and rest[size].at_ms == rest[size - 1].at_ms:
        size += 1
    return rest[:size], rest[size - 1].at_ms if size < len(rest) else None


def merged(history: Iterable[tuple[int, Account]], told: Sequence[PosTransaction]) -> list[EventLine]:
    """All events, newest first; `told` is, too. What a transaction and a snapshot both tell is told once."""
    chain = {one.number: _of_transaction(one) for one in told}
    waiting = [one for one in told[::-1] if one.status is TransactionStatus.EXECUTED]  # oldest first
    lines = []
    for at_ms, before, after in _steps(history):
        for event in events_between(before, after):
            cause = next((one for one in waiting if _brings(one, event, before)), None)
            if cause is None:
                lines.append(_of_snapshot(at_ms, event))
                continue
            waiting.remove(cause)
            chain[cause.number] = chain[cause.number].model_copy(update={"until_height": event.until_height})
    return sorted([*chain.values(), *lines], key=_newest_first, reverse=True)


def _newest_first(line: EventLine) -> tuple[int, int, int]:
    return line.at_ms, line.height, line.transaction or 0


def _steps(history: Iterable[tuple[int, Account]]) -> Iterable[tuple[int, Account, Account]]:
    """Each snapshot after the first with the one before it; those of a node that lags are left out."""
    before: Account | None = None
    for at_ms, after in history:
        if before is not None and after.height < before.height:
            continue
        if before is not None:
            yield at_ms, before, after
        before = after


def _brings(one: PosTransaction, event: AccountEvent, before: Account) -> bool:
    """Whether the transaction is what the snapshot shows. It stands in one of the blocks in between."""
    if one.kind is not TRANSACTION_OF.get(event.kind) or one.height is None:
        return False
    counted = one.kind in {TransactionKind.UPDATE_VOTING_POWER, TransactionKind.RETIRE}
    return before.height < one.height <= event.height and (not counted or one.votes == event.votes)


def _of_transaction(one: PosTransaction) -> EventLine:
    assert one.height is not None
    assert one.at_us is not None  # the store keeps only those of committed blocks
    return EventLine(
        at_ms=one.at_us // 1000,
        height=one.height,
        kind=one.kind.value,
        source="chain",
        votes=one.votes,
        until_height=None,
        transaction=one.number,
        transaction_hash=one.hash,
        status=one.status.value,
        conflict=one.conflict,
        sender=one.sender,
    )


def _of_snapshot(at_ms: int, event: AccountEvent) -> EventLine:
    return EventLine(
        at_ms=at_ms,
        height=event.height,
        kind=event.kind.value,
        source="snapshot",
        votes=event.votes,
        until_height=event.until_height,
        transaction=None,
        transaction_hash=None,
        status=None,
        conflict=None,
        sender=None,
    )
