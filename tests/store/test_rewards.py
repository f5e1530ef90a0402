"""What was paid comes back to the last Drip, and says whether it was news."""

import random

import pytest
from sqlalchemy import select, update

from tests.store.doubles import ALICE, BOB, CAROL, account
from vedette.model.pos import PosAddress
from vedette.model.reward import EpochRewards, Reward
from vedette.store import tables as t
from vedette.store.accounts import known_addresses, pow_addresses
from vedette.store.codec import ChunkError, pack_drips
from vedette.store.database import Database
from vedette.store.rewards import (
    PaidEpoch,
    Payment,
    forget_rewards,
    remember_rewards,
    rewarded_epochs,
    rewards,
    rewards_of,
    time_payment,
    untimed_payments,
)

CFX = 10**18
HASH, OTHER_HASH = "0x" + "ab" * 32, "0x" + "cd" * 32
HERE, THERE = "net1234:aas42ej3wnehsr695aw807ccj751mpmw361xwss7r1", "net1234:aa-another"


def paid(epoch: int, drips: dict[PosAddress, int], pow_hash: str = HASH, to: str = HERE) -> EpochRewards:
    return EpochRewards(epoch, pow_hash, tuple(Reward(who, to, drip) for who, drip in drips.items()))


async def _remember(database: Database, told: EpochRewards, *moment: int | None) -> bool:
    pow_epoch, paid_at_s = moment or (None, None)
    return await database.write(lambda conn: remember_rewards(conn, told, pow_epoch, paid_at_s))


async def _rewards(database: Database, first: int = 0, last: int = 99) -> dict[int, PaidEpoch]:
    async with database.read() as conn:
        return await rewards(conn, first, last)


async def _dirty_from(database: Database) -> list[int | None]:
    async with database.read() as conn:
        return list((await conn.execute(select(t.pos_segments.c.dirty_from))).scalars())


async def test_rewards_come_back_as_they_were_told(database: Database) -> None:
    drips = {CAROL: 1492 * CFX + 1, ALICE: 0, BOB: 2**128 - 1}
    assert await _remember(database, paid(15, drips), 447, 1_700_000_000)
    assert await _rewards(database) == {15: PaidEpoch(15, HASH, 447, 1_700_000_000, drips)}
    async with database.read() as conn:
        assert await pow_addresses(conn) == dict.fromkeys(drips, HERE)


async def test_saying_it_twice_is_no_news_and_changes_nothing(database: Database) -> None:
    assert await _remember(database, paid(15, {ALICE: CFX}), 447, 17)
    before = await _rewards(database)
    assert await _dirty_from(database) == [15]
    await database.write(lambda conn: conn.execute(update(t.pos_segments).values(dirty_from=None)))
    assert not await _remember(database, paid(15, {ALICE: CFX}), 447, 17)
    assert not await _remember(database, paid(15, {ALICE: CFX}))
    assert (await _rewards(database), await _dirty_from(database)) == (before, [None])


async def test_the_moment_may_be_told_later_and_makes_no_sum_wrong(database: Database) -> None:
    assert await _remember(database, paid(15, {ALICE: CFX}))
    await database.write(lambda conn: conn.execute(update(t.pos_segments).values(dirty_from=None)))
    assert await _remember(database, paid(15, {ALICE: CFX}), 447, 17)
    held = (await _rewards(database))[15]
    assert (held.pow_epoch, held.paid_at_s) == (447, 17)
    assert await _dirty_from(database) == [None]


async def test_another_block_replaces_the_payments_and_their_moment(database: Database) -> None:
    await _remember(database, paid(15, {ALICE: CFX, BOB: CFX}), 447, 17)
    assert await _remember(database, paid(15, {ALICE: 2 * CFX}, OTHER_HASH))
    assert await _rewards(database) == {15: PaidEpoch(15, OTHER_HASH, None, None, {ALICE: 2 * CFX})}


async def test_an_epoch_that_paid_nobody_is_known(database: Database) -> None:
    assert await _remember(database, paid(15, {}))
    assert not await _remember(database, paid(15, {}))
    assert (await _rewards(database))[15].drips == {}
    async with database.read() as conn:
        assert await rewarded_epochs(conn, 0, 99) == {15}
        assert await known_addresses(conn) == []


async def test_only_the_epochs_asked_for_are_told_in_order(database: Database) -> None:
    for epoch in (30, 10, 20):
        await _remember(database, paid(epoch, {ALICE: epoch}))
    assert list(await _rewards(database, 10, 20)) == [10, 20]
    async with database.read() as conn:
        assert await rewarded_epochs(conn, 11, 30) == {20, 30}
        assert await rewarded_epochs(conn, 31, 99) == set()


async def test_the_payments_of_one_account_are_told_by_epoch(database: Database) -> None:
    await _remember(database, paid(10, {ALICE: 1, BOB: 2}), 400, 17)
    await _remember(database, paid(11, {BOB: 4}))
    await _remember(database, paid(12, {BOB: 6, ALICE: 5, CAROL: 7}))
    async with database.read() as conn:
        assert await rewards_of(conn, ALICE, 10, 12) == [Payment(10, 1, 17), Payment(12, 5, None)]
        assert await rewards_of(conn, BOB, 11, 12) == [(11, 4, None), (12, 6, None)]
        assert await rewards_of(conn, account("nobody"), 0, 99) == []


async def test_the_newest_epoch_says_where_rewards_go(database: Database) -> None:
    await _remember(database, paid(20, {ALICE: 1}, to=HERE))
    assert await _remember(database, paid(10, {ALICE: 1, BOB: 1}, to=THERE))  # read later, paid before
    async with database.read() as conn:
        assert await pow_addresses(conn) == {ALICE: HERE, BOB: THERE}
    assert await _remember(database, paid(20, {ALICE: 1}, to=THERE))
    await _remember(database, paid(21, {BOB: 1}, to=HERE))
    async with database.read() as conn:
        assert await pow_addresses(conn) == {ALICE: THERE, BOB: HERE}


async def test_a_payment_is_timed_by_the_block_that_paid_it(database: Database) -> None:
    for epoch in (10, 11, 12):
        await _remember(database, paid(epoch, {ALICE: 1}))
    await database.write(lambda conn: time_payment(conn, 11, HASH, 447, 17))
    await database.write(lambda conn: time_payment(conn, 12, OTHER_HASH, 448, 18))
    async with database.read() as conn:
        assert await untimed_payments(conn) == [(12, HASH), (10, HASH)]
        assert [one.paid_at_s for one in await rewards_of(conn, ALICE, 10, 12)] == [None, 17, None]


async def test_rewards_that_are_not_believed_are_forgotten(database: Database) -> None:
    await _remember(database, paid(10, {ALICE: 1}))
    await database.write(lambda conn: conn.execute(update(t.pos_segments).values(dirty_from=None)))
    await database.write(lambda conn: forget_rewards(conn, 10))
    assert await _rewards(database) == {}
    assert await _dirty_from(database) == [10]


async def test_rewards_that_are_cut_short_say_so(database: Database) -> None:
    await _remember(database, paid(10, {ALICE: 1, BOB: 2}))
    await database.write(lambda conn: conn.execute(update(t.pos_rewards).values(drips=pack_drips([1]))))
    with pytest.raises(ChunkError, match="restore the database"):
        await _rewards(database)


async def test_whatever_is_told_in_any_order_the_last_word_holds(database: Database) -> None:
    chance = random.Random(7)
    everyone = [account(str(number)) for number in range(20)]
    last: dict[int, dict[PosAddress, int]] = {}
    for _ in range(60):
        epoch = chance.randrange(12)
        some = chance.sample(everyone, chance.randrange(len(everyone)))
        drips = {who: chance.randrange(2 ** chance.choice([1, 64, 70, 128])) for who in some}
        assert await _remember(database, paid(epoch, drips)) == (last.get(epoch) != drips)
        last[epoch] = drips
    held = await _rewards(database)
    assert {epoch: dict(each.drips) for epoch, each in held.items()} == dict(sorted(last.items()))
    async with database.read() as conn:
        for who in everyone:
            mine = await rewards_of(conn, who, 0, 99)
            assert mine == [(epoch, last[epoch][who], None) for epoch in sorted(last) if who in last[epoch]]
