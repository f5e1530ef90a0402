"""Parameters and balances over time, to the last Drip."""

from dataclasses import replace

from tests.store.doubles import ALICE, BOB, NOON, stake
from vedette.model.economics import Economics
from vedette.model.pos import PosAddress
from vedette.store.accounts import remember_accounts, stake_history
from vedette.store.database import Database
from vedette.store.economics import (
    Balance,
    balances,
    economics_between,
    newest_economics,
    remember_balance,
    remember_economics,
)

TOLD = Economics(800_000 * 10**18, 7, 443, 40_000, 2**127 + 1, 2**64 + 3)


async def _economics(database: Database, told: Economics, at_ms: int) -> None:
    await database.write(lambda conn: remember_economics(conn, told, at_ms))


async def _balance(database: Database, who: PosAddress, balance: int, staking: int, at_ms: int) -> None:
    await database.write(lambda conn: remember_balance(conn, who, balance, staking, at_ms))


async def test_parameters_come_back_as_they_were_told(database: Database) -> None:
    async with database.read() as conn:
        assert await newest_economics(conn) is None
        assert await economics_between(conn, 0, NOON) == []
    later = replace(TOLD, distributable_drip=8)
    await _economics(database, later, NOON + 1)
    await _economics(database, TOLD, NOON)
    async with database.read() as conn:
        assert await newest_economics(conn) == (NOON + 1, later)
        assert await economics_between(conn, 0, NOON + 1) == [(NOON, TOLD), (NOON + 1, later)]
        assert await economics_between(conn, 0, NOON) == [(NOON, TOLD)]


async def test_parameters_told_twice_for_one_moment_are_the_last(database: Database) -> None:
    await _economics(database, TOLD, NOON)
    await _economics(database, replace(TOLD, interest_rate=1), NOON)
    async with database.read() as conn:
        assert await economics_between(conn, NOON, NOON) == [(NOON, replace(TOLD, interest_rate=1))]


async def test_a_balance_gets_a_row_only_when_it_changed(database: Database) -> None:
    for at_ms, balance, staking in ((1, 5, 0), (2, 5, 0), (3, 5, 2**90), (4, 5, 2**90), (5, 5, 0)):
        await _balance(database, ALICE, balance, staking, at_ms)
    await _balance(database, BOB, 1, 1, 4)
    async with database.read() as conn:
        assert await balances(conn, ALICE, 0, 99) == [
            Balance(1, 5, 0),
            Balance(3, 5, 2**90),
            Balance(5, 5, 0),
        ]
        assert await balances(conn, BOB, 0, 99) == [Balance(4, 1, 1)]


async def test_a_window_of_balances_begins_with_what_was_held_then(database: Database) -> None:
    for at_ms in (10, 20, 30):
        await _balance(database, ALICE, at_ms, 0, at_ms)
    async with database.read() as conn:
        assert [each.at_ms for each in await balances(conn, ALICE, 25, 40)] == [20, 30]
        assert [each.at_ms for each in await balances(conn, ALICE, 20, 29)] == [20]
        assert [each.at_ms for each in await balances(conn, ALICE, 0, 5)] == []
        assert await balances(conn, BOB, 0, 99) == []


async def test_a_stake_s_history_begins_with_what_was_held_then(database: Database) -> None:
    for at_ms in (10, 20, 30):
        told = [stake(ALICE, at_ms, at_ms), stake(BOB, at_ms, 1)]
        await database.write(lambda conn, t=told, at=at_ms: remember_accounts(conn, t, at))  # type: ignore[misc]

    async def times(first_ms: int | None, last_ms: int | None) -> list[int]:
        async with database.read() as conn:
            return [at_ms for at_ms, _ in await stake_history(conn, ALICE, first_ms, last_ms)]

    assert await times(None, None) == [10, 20, 30]
    assert await times(20, None) == [20, 30]
    assert await times(25, 40) == [20, 30]
    assert await times(5, 15) == [10]
    assert await times(None, 20) == [10, 20]
    assert await times(0, 5) == []
    async with database.read() as conn:
        assert await stake_history(conn, BOB, None, None) == [(10, stake(BOB, 10, 1))]
