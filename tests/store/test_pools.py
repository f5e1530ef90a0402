"""Pools: who is listed, what changed when, and what is left known when little is told."""

from dataclasses import replace
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.doubles import ALICE, BOB, NOON
from vedette.model.pool import KnownPool, PoolHoldings, PoolReading, PoolTerms
from vedette.store.database import Database
from vedette.store.pools import (
    HeldSince,
    Since,
    holdings_between,
    list_pools,
    listed_pools,
    next_terms_ms,
    note_trouble,
    pool_of_contract,
    pools_of_validator,
    remember_pool,
    terms_before,
    terms_from,
)

PHX = "cfx:acdj1y1r00mzvuw9s831rj1t5amst2405jv582syu0"
ABC = "cfx:accpx9uxky39pg1hzav757vdej95w1kbcp13d0hvm7"
OWNER = "cfx:aarc9abycue0hhzgyrr53m6cxedgccrmmyybjgh4xg"
TERMS = PoolTerms(9_000, OWNER, True, ABC, 2_250_000, 176_400)
HOLDINGS = PoolHoldings(70, 2**90, 2**91, 512, 66, 90, 19, 2**80, 2**70)
TOLD = PoolReading(PHX, "PHX V1", ALICE, True, TERMS, HOLDINGS)


async def listed(database: Database, *contracts: str, at_ms: int = NOON) -> None:
    names = {contract: f"the {contract[6:9]} pool" for contract in contracts}
    await database.write(lambda conn: list_pools(conn, names, at_ms))


async def told(database: Database, reading: PoolReading, at_ms: int) -> None:
    await database.write(lambda conn: remember_pool(conn, reading, at_ms))


async def known(database: Database, contract: str = PHX) -> KnownPool:
    async with database.read() as conn:
        found = await pool_of_contract(conn, contract)
    assert found is not None
    return found


async def test_a_pool_comes_back_as_it_was_told(database: Database) -> None:
    async with database.read() as conn:
        assert await listed_pools(conn) == []
        assert await pool_of_contract(conn, PHX) is None
    await listed(database, PHX)
    assert await known(database) == KnownPool(
        PHX, "the dj1 pool", None, None, None, NOON, None, None, PoolTerms(), PoolHoldings()
    )
    await told(database, TOLD, NOON + 5)
    assert await known(database) == KnownPool(
        PHX, "the dj1 pool", "PHX V1", ALICE, True, NOON, NOON + 5, None, TERMS, HOLDINGS
    )


async def test_only_what_is_listed_now_is_listed(database: Database) -> None:
    await listed(database, PHX, ABC)
    await told(database, TOLD, NOON + 1)
    await listed(database, ABC, at_ms=NOON + 9)
    async with database.read() as conn:
        assert [one.contract for one in await listed_pools(conn)] == [ABC]
        assert await pools_of_validator(conn, ALICE) == []
    assert (await known(database)).terms == TERMS
    await listed(database, PHX, at_ms=NOON + 20)
    assert (await known(database)).first_seen_ms == NOON


async def test_the_pool_that_the_register_knows_comes_before_one_that_claims_the_same(
    database: Database,
) -> None:
    await listed(database, PHX, ABC)
    await told(database, replace(TOLD, contract=ABC, is_registered=False), NOON)
    await told(database, TOLD, NOON)
    async with database.read() as conn:
        assert [one.contract for one in await pools_of_validator(conn, ALICE)] == [PHX, ABC]
        assert await pools_of_validator(conn, BOB) == []


async def test_a_change_of_the_fee_is_one_row_and_nothing_else_is(database: Database) -> None:
    await listed(database, PHX)
    for at_ms, share in ((1, 9_000), (2, 9_000), (3, 8_000), (4, 8_000), (5, 9_000)):
        await told(database, replace(TOLD, terms=replace(TERMS, user_share_hundredths=share)), at_ms)
    lower = replace(TERMS, user_share_hundredths=8_000)
    async with database.read() as conn:
        newest_first = await terms_before(conn, PHX, None, 10)
        assert newest_first == [Since(5, TERMS), Since(3, lower), Since(1, TERMS)]
        assert await terms_before(conn, PHX, 5, 1) == [Since(3, lower)]
        assert await terms_before(conn, ABC, None, 10) == []
        assert [await next_terms_ms(conn, PHX, at_ms) for at_ms in (0, 1, 2, 5, 6)] == [1, 1, 3, 5, None]
        assert await holdings_between(conn, PHX, 0, 9) == [HeldSince(1, HOLDINGS)]


async def test_a_window_begins_with_what_held_then(database: Database) -> None:
    await listed(database, PHX)
    for at_ms in (10, 20, 30):
        reading = PoolReading(
            PHX,
            terms=PoolTerms(user_share_hundredths=at_ms),
            holdings=PoolHoldings(staker_count=at_ms),
        )
        await told(database, reading, at_ms)
    async with database.read() as conn:
        for first_ms, expected in ((5, [10, 20, 30]), (20, [20, 30]), (25, [20, 30]), (99, [30])):
            assert [each.at_ms for each in await terms_from(conn, PHX, first_ms)] == expected
            assert [each.at_ms for each in await holdings_between(conn, PHX, first_ms, 99)] == expected
            assert [
                each.holdings.staker_count for each in await holdings_between(conn, PHX, first_ms, 99)
            ] == expected
        assert [each.at_ms for each in await holdings_between(conn, PHX, 12, 29)] == [10, 20]
        assert await holdings_between(conn, PHX, 0, 9) == []


async def test_what_is_not_told_stays_known(database: Database) -> None:
    await listed(database, PHX)
    await told(database, TOLD, 1)
    await told(database, PoolReading(PHX, trouble="it does not answer poolAPY"), 2)
    after = await known(database)
    assert (after.own_name, after.pos_address, after.is_registered) == ("PHX V1", ALICE, True)
    assert (after.terms, after.holdings) == (TERMS, HOLDINGS)
    assert (after.told_at_ms, after.trouble) == (2, "it does not answer poolAPY")
    async with database.read() as conn:
        assert len(await terms_before(conn, PHX, None, 10)) == 1
    await told(database, PoolReading(PHX, terms=PoolTerms(unlock_blocks=1)), 3)
    assert (await known(database)).terms == replace(TERMS, unlock_blocks=1)
    assert (await known(database)).trouble is None


async def test_what_was_known_of_one_validator_is_not_known_of_the_next(database: Database) -> None:
    await listed(database, PHX)
    await told(database, TOLD, 1)
    await told(database, replace(TOLD, pos_address=BOB, is_registered=None), 2)
    after = await known(database)
    assert (after.pos_address, after.is_registered) == (BOB, None)


async def test_a_pool_that_cannot_be_asked_says_why(database: Database) -> None:
    await listed(database, PHX)
    await database.write(lambda conn: note_trouble(conn, PHX, "it is of another network"))
    after = await known(database)
    assert (after.trouble, after.told_at_ms) == ("it is of another network", None)


async def test_a_pool_that_nobody_listed_is_not_kept(database: Database) -> None:
    await told(database, TOLD, 1)
    async with database.read() as conn:
        assert await pool_of_contract(conn, PHX) is None


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.none() | st.integers(0, 3), st.none() | st.integers(0, 2**100)), max_size=8))
async def test_histories_hold_each_change_and_nothing_twice(
    database: Database, rounds: list[tuple[int | None, int | None]]
) -> None:
    contract = f"net1234:{uuid4().hex}"  # a pool of its own for each example
    await database.write(lambda conn: list_pools(conn, {contract: "p"}, 0))
    fees: list[int] = []
    drips: list[int] = []
    for at_ms, (share, drip) in enumerate(rounds, start=1):
        reading = PoolReading(
            contract,
            terms=PoolTerms(user_share_hundredths=share),
            holdings=PoolHoldings(balance_drip=drip),
        )
        await told(database, reading, at_ms)
        fees += [share] if share is not None and fees[-1:] != [share] else []
        drips += [drip] if drip is not None and drips[-1:] != [drip] else []
    async with database.read() as conn:
        kept = await terms_before(conn, contract, None, 100)
        held = await holdings_between(conn, contract, 0, 99)
    assert [each.terms.user_share_hundredths for each in reversed(kept)] == fees
    assert [each.holdings.balance_drip for each in held] == drips
