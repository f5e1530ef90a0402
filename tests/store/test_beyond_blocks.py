"""What the rules are told beyond the newest blocks, as the store has it: on both databases."""

from dataclasses import replace
from functools import partial

from tests.store.doubles import ALICE, BOB, CAROL, FOUR, NOON, TROUBLE, block, committee, stake
from vedette.model.account_events import AccountEventKind, account_events
from vedette.model.economics import Economics
from vedette.model.history import Of, OfNetwork
from vedette.model.people import FIRST_TEAM
from vedette.model.spans import Span
from vedette.model.transaction import PosTransaction, TransactionKind, TransactionStatus
from vedette.store import accounts, economics, epochs, events, pages, summing, votes
from vedette.store import tables as t
from vedette.store.announced import announced, troubles
from vedette.store.database import Conn, Database
from vedette.store.incidents import Change, save

HOUR = 3_600_000


async def test_the_newest_balance_of_each_is_told(database: Database) -> None:
    async def deed(conn: Conn) -> None:
        for hours, drip in enumerate((5, 7, 10**21)):
            await economics.remember_balance(conn, ALICE, drip, 0, NOON + hours * HOUR)
        await economics.remember_balance(conn, BOB, 3, 0, NOON)

    await database.write(deed)
    async with database.read() as conn:
        assert await economics.balances_now(conn, [ALICE, CAROL]) == {ALICE: 10**21}
        assert await economics.balances_now(conn, [ALICE, BOB]) == {ALICE: 10**21, BOB: 3}


async def test_the_chain_is_followed_since_its_parameters_were_first_told(database: Database) -> None:
    told = Economics(1, 1, 1, 1, 1, 1)
    async with database.read() as conn:
        assert await economics.first_economics_ms(conn) is None
    for at_ms in (NOON + HOUR, NOON):
        await database.write(partial(economics.remember_economics, told=told, at_ms=at_ms))
    async with database.read() as conn:
        assert await economics.first_economics_ms(conn) == NOON


async def test_of_those_that_changed_what_they_held_before_is_told_too(database: Database) -> None:
    async def deed(conn: Conn) -> None:
        await accounts.remember_accounts(conn, [stake(ALICE, 10, 5), stake(BOB, 10, 5)], NOON)
        await accounts.remember_accounts(conn, [stake(ALICE, 20, 9), stake(BOB, 20, 5)], NOON + 2 * HOUR)

    await database.write(deed)
    async with database.read() as conn:
        found = await accounts.stake_histories(conn, [ALICE, BOB, CAROL], NOON + HOUR)
    assert {one: [at for at, _ in history] for one, history in found.items()} == {
        ALICE: [NOON, NOON + 2 * HOUR]
    }
    [(at_ms, added), *_] = account_events(found[ALICE])
    assert (at_ms, added.kind, added.votes) == (NOON + 2 * HOUR, AccountEventKind.ADDED, 4)


async def test_a_forced_retirement_is_dated_by_the_snapshot_that_showed_it_first(database: Database) -> None:
    once = replace(stake(ALICE, 10, 0), force_retired_height=9)
    again = replace(stake(ALICE, 900, 0), force_retired_height=890)
    told = (stake(ALICE, 5, 5), once, stake(ALICE, 300, 5), again, replace(again, unlocked_votes=5))

    async def deed(conn: Conn) -> None:
        for hours, one in enumerate(told):
            await accounts.remember_accounts(conn, [one], NOON + hours * HOUR)
        await accounts.remember_accounts(conn, [stake(BOB, 5, 5)], NOON)

    await database.write(deed)
    async with database.read() as conn:
        assert await accounts.retired_at(conn, [ALICE, BOB]) == {ALICE: NOON + 3 * HOUR}


def _transaction(number: int, kind: TransactionKind, status: TransactionStatus) -> PosTransaction:
    return PosTransaction(
        number, f"0x{number:064x}", kind, status, ALICE, number, (NOON + HOUR) * 1000, ALICE, None, 4, None
    )


async def test_only_votes_that_were_added_since_make_a_retirement_good(database: Database) -> None:
    kinds, done = TransactionKind, TransactionStatus
    refused = [
        _transaction(1, kinds.RETIRE, done.EXECUTED),
        _transaction(2, kinds.REGISTER, done.FAILED),
    ]
    await database.write(lambda conn: events.remember_events(conn, refused))
    async with database.read() as conn:
        assert not await events.added_since(conn, ALICE, NOON)
    added = _transaction(3, kinds.UPDATE_VOTING_POWER, done.EXECUTED)
    await database.write(lambda conn: events.remember_events(conn, [added]))
    async with database.read() as conn:
        assert await events.added_since(conn, ALICE, NOON)
        assert not await events.added_since(conn, ALICE, NOON + 2 * HOUR)
        assert not await events.added_since(conn, BOB, NOON)


async def test_each_counted_epoch_is_told_alone_of_everybody(database: Database) -> None:
    async def deed(conn: Conn) -> None:
        heights = {1: (2, 11), 2: (12, 21), 3: (22, 23)}
        for epoch, (first, last) in heights.items():
            await votes.remember_committee(conn, committee(epoch, FOUR))
            signers = [ALICE, BOB, CAROL] if epoch == 1 else [BOB, CAROL]
            told = [block(height, signers, epoch=epoch) for height in range(first, last + 1)]
            await votes.witness_blocks(conn, "a", told, Span(first, last))
        await epochs.fold(conn)

    await database.write(deed)
    await summing.refresh(database)
    async with database.read() as conn:
        numbers = await accounts.numbers(conn, [ALICE])
        found = await pages.epoch_sums(conn, 24)
        [newest] = await pages.epoch_sums(conn, 1)
    assert [one.epoch for one in found] == [1, 2]
    assert newest.epoch == 2
    assert (newest.sums.network == found[1].sums.network).all()
    assert [int(one.sums.network[OfNetwork.KNOWN_BLOCKS]) for one in found] == [10, 10]
    lines = [dict(zip(one.sums.accounts.tolist(), one.sums.lines.tolist(), strict=True)) for one in found]
    assert [line[numbers[ALICE]][Of.SIGNED_BLOCKS] for line in lines] == [10, 0]
    assert [line[numbers[ALICE]][Of.SEAT_EPOCHS] for line in lines] == [10, 10]


async def _maintenance(conn: Conn, name: str, **other: object) -> None:
    row = {
        "id": name,
        "team_id": FIRST_TEAM,
        "name": name,
        "matcher": {"validators": [ALICE]},
        "made_by": "ann",
        "created_at_ms": NOON,
        "starts_at_ms": NOON,
        "ends_at_ms": NOON + HOUR,
    }
    await conn.execute(t.maintenances.insert().values(**row | other))


async def test_only_work_that_names_a_validator_announces_its_stake(database: Database) -> None:
    async def deed(conn: Conn) -> None:
        await _maintenance(conn, "named")
        await _maintenance(conn, "open", matcher={"subjects": [BOB]}, ends_at_ms=None)
        await _maintenance(conn, "all", matcher={})
        await _maintenance(conn, "weekly", cron="0 3 * * 1", zone="UTC", duration_ms=HOUR)
        await _maintenance(conn, "long ago", ends_at_ms=NOON - 1)

    await database.write(deed)
    async with database.read() as conn:
        found = await announced(conn, NOON)
    assert sorted(sorted(one.names) for one in found) == sorted([[ALICE], [BOB]])
    named = next(one for one in found if ALICE in one.names)
    assert named.covers(ALICE, NOON)
    assert not named.covers(ALICE, NOON + HOUR)
    assert not named.covers(BOB, NOON)
    assert next(one for one in found if BOB in one.names).covers(BOB, NOON + 99 * HOUR)


async def test_troubles_of_the_day_are_told_of_the_rules_that_are_asked_for(database: Database) -> None:
    over = replace(TROUBLE, key="node_down/old", told_at_ms=NOON, resolved_at_ms=NOON + HOUR)
    other = replace(TROUBLE, key="low_gas/x", rule="low_gas")
    changes = [Change(one, None, (), NOON) for one in (TROUBLE, over, other)]
    await database.write(lambda conn: save(conn, changes))
    async with database.read() as conn:
        both = await troubles(conn, ["node_down"], NOON)
        stands = await troubles(conn, ["node_down"], NOON + HOUR)
    assert sorted((one.resolved_at_ms or 0) for one in both) == [0, NOON + HOUR]
    assert [(one.team_id, one.kind, one.subject_id, one.resolved_at_ms) for one in stands] == [
        (1, "node", "ab12", None)
    ]
