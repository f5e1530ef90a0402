"""Somebody's transactions, and how far they were read."""

import asyncio
from dataclasses import replace

import pytest

from tests.store.doubles import ALICE, BOB, CAROL
from vedette.model.pos import PosAddress
from vedette.model.spans import Span
from vedette.model.transaction import PosTransaction, TransactionKind, TransactionStatus
from vedette.store.database import Database
from vedette.store.events import events, mark_read, read_spans, remember_events, unmark_read

K = TransactionKind


def transaction(number: int, kind: TransactionKind, who: PosAddress | None = ALICE) -> PosTransaction:
    return PosTransaction(
        number=number,
        hash=f"0x{number:064x}",
        kind=kind,
        status=TransactionStatus.EXECUTED,
        sender=BOB,
        height=number * 2,
        at_us=1_700_000_000_000_000 + number,
        account=who,
        target_term=None,
        votes=None,
        conflict=None,
    )


async def _remember(database: Database, *told: PosTransaction) -> None:
    await database.write(lambda conn: remember_events(conn, told))


async def _events(
    database: Database, who: PosAddress | None = None, before: int | None = None, limit: int = 99
) -> list[PosTransaction]:
    async with database.read() as conn:
        return await events(conn, who, before, limit)


async def test_events_come_back_whole_newest_first(database: Database) -> None:
    told = [
        transaction(3, K.REGISTER),
        replace(transaction(4, K.UPDATE_VOTING_POWER), votes=50),
        replace(transaction(9, K.DISPUTE, CAROL), conflict="vote", status=TransactionStatus.FAILED),
        replace(transaction(11, K.OTHER, None), sender=None),
        replace(transaction(12, K.RETIRE), votes=2**40),
    ]
    await _remember(database, *told)
    assert await _events(database) == told[::-1]


@pytest.mark.parametrize("kind", [K.BLOCK_METADATA, K.PIVOT_DECISION, K.ELECTION])
async def test_what_is_routine_is_nobody_s_event(database: Database, kind: TransactionKind) -> None:
    await _remember(database, transaction(3, kind))
    assert await _events(database) == []


async def test_a_transaction_outside_a_committed_block_is_no_event_yet(database: Database) -> None:
    pending = replace(transaction(3, K.RETIRE), status=TransactionStatus.PENDING, height=None, at_us=None)
    await _remember(database, pending)
    assert await _events(database) == []
    await _remember(database, transaction(3, K.RETIRE))
    assert [each.status for each in await _events(database)] == [TransactionStatus.EXECUTED]


async def test_saying_it_twice_is_harmless_and_the_last_word_holds(database: Database) -> None:
    told = transaction(3, K.RETIRE)
    await _remember(database, told, told)
    await _remember(database, replace(told, votes=7))
    assert await _events(database) == [replace(told, votes=7)]
    await _remember(database)
    assert len(await _events(database)) == 1


async def test_events_are_told_by_account_and_by_pages(database: Database) -> None:
    await _remember(database, *(transaction(n, K.RETIRE, ALICE if n % 2 else CAROL) for n in range(1, 11)))
    assert [each.number for each in await _events(database, ALICE)] == [9, 7, 5, 3, 1]
    assert [each.number for each in await _events(database, ALICE, before=7, limit=2)] == [5, 3]
    assert [each.number for each in await _events(database, None, before=4)] == [3, 2, 1]
    assert await _events(database, BOB) == []  # who only sent them


# --- how far was read -------------------------------------------------------------------------------------


async def test_what_was_read_is_told_in_spans(database: Database) -> None:
    async with database.read() as conn:
        assert await read_spans(conn, "transactions") == ()
    for first, last in ((10, 19), (40, 49), (30, 39), (20, 20), (5, 4), (12, 15)):
        await database.write(lambda conn, f=first, e=last: mark_read(conn, "transactions", f, e))  # type: ignore[misc]
    async with database.read() as conn:
        assert await read_spans(conn, "transactions") == (Span(10, 20), Span(30, 49))
        assert await read_spans(conn, "rewards") == ()


async def test_what_is_not_believed_any_more_is_to_be_read_anew(database: Database) -> None:
    await database.write(lambda conn: mark_read(conn, "rewards", 10, 19))
    await database.write(lambda conn: unmark_read(conn, "rewards", 12, 13))
    await database.write(lambda conn: unmark_read(conn, "transactions", 12, 13))
    async with database.read() as conn:
        assert await read_spans(conn, "rewards") == (Span(10, 11), Span(14, 19))
        assert await read_spans(conn, "transactions") == ()


async def test_readers_that_mark_at_once_do_not_undo_each_other(database: Database) -> None:
    await asyncio.gather(
        *(
            database.write(lambda conn, n=number: mark_read(conn, "transactions", 10 * n, 10 * n + 9))  # type: ignore[misc]
            for number in range(12)
        )
    )
    async with database.read() as conn:
        assert await read_spans(conn, "transactions") == (Span(0, 119),)
