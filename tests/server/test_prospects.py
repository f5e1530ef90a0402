"""What the rules are told beyond the newest blocks: of a whole past, as its truth and the API have it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest

from tests.server.history import COUNTED, EPOCHS, HEAD, PAID, TERM, UNSEEN, Past
from tests.server.stage import START_MS, Agent, HandClock, enrol, hear, quiet_house, settings
from vedette.conflux import pos
from vedette.model.account_events import AccountEvent, AccountEventKind
from vedette.model.incident import Incident, Severity, Subject, SubjectKind
from vedette.model.people import EVERYBODY, FIRST_TEAM
from vedette.model.pool import PoolHoldings, PoolReading
from vedette.model.pos import Account, PosAddress, Queued
from vedette.model.reward import DRIP_PER_CFX
from vedette.model.transaction import PosTransaction, TransactionKind, TransactionStatus
from vedette.model.view import EpochView, StakeChange, ValidatorView, View
from vedette.server.ahead import ahead, last_signed, retirement_of
from vedette.server.feed import EndpointHealth
from vedette.server.house import House
from vedette.server.prospects import SERVED_MIN, explained_by
from vedette.server.sights import marked, sources
from vedette.store import accounts, events, people, pools
from vedette.store import tables as t
from vedette.store.announced import Trouble
from vedette.store.database import Conn
from vedette.store.incidents import Change, save
from vedette.store.pools import HeldSince

GDRIP = 10**9
MINUTE_MS = 60_000


@pytest.fixture
async def house(database_file: Path, tmp_path: Path, past: Past) -> AsyncIterator[House]:
    """Everybody is watched."""
    clock = HandClock()
    async with quiet_house(settings(tmp_path, database=str(database_file)), clock) as opened:
        await opened.database.write(lambda conn: people.watch(conn, FIRST_TEAM, past.people))
        yield opened


async def _seen(house: House) -> View:
    """A look is for those who were in the views before it."""
    for _ in range(2):
        async with house.database.read() as conn:
            views = await house.sights.views(conn, house.ears.now_ms())
        await house.sights.look()
    async with house.database.read() as conn:
        views = await house.sights.views(conn, house.ears.now_ms())
    return views[FIRST_TEAM]


async def test_the_first_view_of_all_knows_how_near_retirement_is(house: House) -> None:
    """Or whoever is absent would be judged as if his whole service were ahead, once after each start."""
    async with house.database.read() as conn:
        view = (await house.sights.views(conn, START_MS))[FIRST_TEAM]
    assert all(one.retirement is not None for one in view.validators.values())
    assert view.network.epoch_last_height is not None


async def test_how_long_each_may_stand_still_is_told_as_the_api_tells_it(house: House) -> None:
    view, tip = await _seen(house), await house.tips.now()
    async with house.database.read() as conn:
        found = await ahead(conn, tip)
        assert found is not None
        for one, seen in view.validators.items():
            account = tip.accounts[one][0] if one in tip.accounts else None
            expected = retirement_of(found, one, account, await last_signed(conn, one, found.pace))
            assert seen.retirement == expected
    assert {seen.retirement.state.value for seen in view.validators.values() if seen.retirement} >= {
        "safe",
        "idle",
    }
    assert view.network.epoch_last_height == EPOCHS * TERM
    assert view.network.term_blocks == TERM
    assert view.network.height == HEAD


async def test_each_counted_epoch_of_the_day_is_told(house: House, past: Past) -> None:
    view = await _seen(house)
    told = COUNTED[-24:]
    for one, seen in view.validators.items():
        assert [each.epoch for each in seen.epochs] == told
        for each in seen.epochs:
            counts, member = past.counts[each.epoch], past.counts[each.epoch].members.get(one)
            assert each.votes == (member.votes if member else 0)
            assert each.signed_blocks == (member.signed_blocks if member else 0)
            assert each.known_blocks == (counts.known_blocks if member else 0)
            assert each.ended_at_ms == counts.last_at_us // 1000
            paid = past.drips.get(each.epoch, {}).get(one, 0) // GDRIP if each.epoch in PAID else None
            assert each.reward_gdrip == paid
            assert each.reward_gdrip is not None or each.due_gdrip is None
    assert UNSEEN.start // TERM + 1 in told, "one epoch has blocks that nobody saw"


async def test_whoever_signs_earns_about_what_is_due(house: House) -> None:
    view = await _seen(house)
    shares = [
        each.reward_gdrip / each.due_gdrip
        for seen in view.validators.values()
        for each in seen.epochs
        if each.votes and each.signed_blocks and each.reward_gdrip is not None and each.due_gdrip
    ]
    assert len(shares) > 50
    assert min(shares) > 0.7


async def test_who_is_new_is_who_was_no_member_before(house: House, past: Past) -> None:
    view = await _seen(house)
    now, before = past.committees[EPOCHS].votes, past.committees[EPOCHS - 1].votes
    assert {one for one, seen in view.validators.items() if seen.newly_elected} == now.keys() - before.keys()
    leaving = {one for one, seen in view.validators.items() if seen.service_ends_height is not None}
    later = pos.committee(EPOCHS + 1, past.network.epoch_state(EPOCHS + 1))
    assert later is not None
    assert leaving <= now.keys() - later.votes.keys()


async def test_who_stood_for_the_last_closed_term_has_stood_in_none_less(house: House, past: Past) -> None:
    view = await _seen(house)
    stood = {
        one.account
        for one in past.transactions
        if one.target_term == EPOCHS - 1 and one.account is not None and one.status.value == "Executed"
    }
    for one, seen in view.validators.items():
        without = seen.election.terms_without_standing
        assert without is not None
        assert (without == 0) == (one in stood), one


async def test_what_an_account_holds_is_told_with_its_time(house: House, past: Past) -> None:
    view = await _seen(house)
    held = past.accounts(EPOCHS - 1)
    for one, seen in view.validators.items():
        assert seen.account == held[one]
        assert seen.account_at_ms == past.end_ms(EPOCHS - 1)


async def test_everybodys_usual_vote_rate_is_the_median_of_who_served(house: House, past: Past) -> None:
    view = await _seen(house)
    rates = []
    for one in past.people:
        served = [past.counts[e] for e in COUNTED[-24:] if one in past.counts[e].members]
        known = sum(each.known_blocks for each in served)
        if len(served) >= SERVED_MIN and known:
            rates.append(1_000_000 * sum(each.members[one].signed_blocks for each in served) // known)
    assert view.network.median_vote_rate_ppm == round(median(rates))
    assert view.network.followed_since_ms is not None


def test_epochs_in_which_a_trouble_was_known_are_explained_by_it() -> None:
    epochs = [EpochView(epoch, 1, 1, 120, START_MS + epoch * 60 * MINUTE_MS) for epoch in range(1, 7)]
    over = Trouble(1, "node", "n1", START_MS + 130 * MINUTE_MS, START_MS + 190 * MINUTE_MS)
    stands = Trouble(1, "node", "n1", START_MS + 310 * MINUTE_MS, None)
    assert [one.epoch for one in marked(epochs, [over]) if one.explained] == [2, 3, 4]
    assert [one.epoch for one in marked(epochs, [stands]) if one.explained] == [5, 6]
    assert marked(epochs, []) == tuple(epochs)


async def test_a_trouble_of_a_node_explains_the_epochs_of_its_validator(house: House, past: Past) -> None:
    one, other = past.people[:2]
    agent = Agent(states={"node.pos_address": one})
    await enrol(house, agent)
    await hear(house, *agent.post(agent.envelope(house.ears.now_ms())))
    subject = Subject(SubjectKind.NODE, agent.node_id, "n1")
    opened_ms = past.end_ms(27)
    down = Incident(0, f"node_down/{subject.id}", "node_down", 1, Severity.WARNING, subject, {}, opened_ms)
    await house.database.write(lambda conn: save(conn, [Change(down, None, (), opened_ms)]))
    seen = (await _seen(house)).validators
    assert {each.epoch for each in seen[one].epochs if each.explained} >= {28, 29}
    assert not any(each.explained for each in seen[other].epochs)


# --- stakes


def _account(one: PosAddress, height: int, locked: int, *leaving: Queued) -> Account:
    return Account(one, height, locked, locked, (), leaving, 0, 0, None)


async def _changed(house: House, one: PosAddress) -> tuple[StakeChange, ...]:
    """Twenty votes leave, an hour ago."""

    async def deed(conn: Conn) -> None:
        left = Queued(HEAD + 900, 20)
        now_ms = house.ears.now_ms()
        await accounts.remember_accounts(conn, [_account(one, HEAD, 500)], now_ms - 120 * MINUTE_MS)
        await accounts.remember_accounts(conn, [_account(one, HEAD + 9, 480, left)], now_ms - 60 * MINUTE_MS)

    await house.database.write(deed)
    return (await _validator(house, one)).changes


async def _validator(house: House, one: PosAddress) -> ValidatorView:
    return (await _seen(house)).validators[one]


async def test_a_change_that_nobody_announced_is_not_explained(house: House) -> None:
    one = PosAddress("0x" + "ab" * 32)
    await house.database.write(lambda conn: people.watch(conn, FIRST_TEAM, [one]))
    [change] = await _changed(house, one)
    assert (change.kind, change.votes, change.explained_by) == (AccountEventKind.UNLOCKING, 20, None)


async def test_what_a_team_announced_is_explained_to_it(house: House) -> None:
    one = PosAddress("0x" + "ab" * 32)
    now_ms = house.ears.now_ms()
    announced = {
        "id": "m1",
        "team_id": FIRST_TEAM,
        "name": "move stake",
        "matcher": {"validators": [one]},
        "made_by": "ann",
        "created_at_ms": now_ms,
        "starts_at_ms": now_ms - 90 * MINUTE_MS,
        "ends_at_ms": now_ms - 30 * MINUTE_MS,
    }
    await house.database.write(lambda conn: people.watch(conn, FIRST_TEAM, [one]))
    await house.database.write(lambda conn: conn.execute(t.maintenances.insert().values(**announced)))
    [change] = await _changed(house, one)
    assert change.explained_by == "announced"


async def test_strangers_are_not_told_of_what_is_the_owners_alone(house: House, past: Past) -> None:
    one = past.people[0]
    await _seen(house)
    async with house.database.read() as conn:
        views = await house.sights.views(conn, house.ears.now_ms(), [one])
    strangers, ours = views[EVERYBODY].validators[one], views[FIRST_TEAM].validators[one]
    assert (strangers.epochs, strangers.changes, strangers.gas_drip) == ((), (), None)
    assert (strangers.retirement, strangers.account) == (ours.retirement, ours.account)
    assert ours.epochs
    assert ours.gas_drip is not None


async def test_what_people_did_through_a_pool_is_explained_by_its_books(house: House) -> None:
    one, contract = PosAddress("0x" + "ab" * 32), "net1029:acdrf821t59y12b4guyzckyuw2xf1gfpj2ba0x4sj6"
    now_ms = house.ears.now_ms()

    async def books(conn: Conn) -> None:
        await people.watch(conn, FIRST_TEAM, [one])
        await pools.list_pools(conn, {contract: "Our Pool"}, now_ms)
        for at_ms, votes in ((now_ms - 110 * MINUTE_MS, 500), (now_ms - 70 * MINUTE_MS, 480)):
            told = PoolReading(contract, pos_address=one, holdings=PoolHoldings(available_votes=votes))
            await pools.remember_pool(conn, told, at_ms)

    await house.database.write(books)
    [change] = await _changed(house, one)
    assert change.explained_by == "pool"
    assert (await _validator(house, one)).pool == "Our Pool"


def _event(kind: AccountEventKind, votes: int = 20) -> AccountEvent:
    return AccountEvent(kind, PosAddress("0x1"), 9, votes)


def test_books_that_moved_otherwise_explain_nothing() -> None:
    at_ms = START_MS
    books = [HeldSince(at_ms - 9 * MINUTE_MS, PoolHoldings(500)), HeldSince(at_ms, PoolHoldings(510))]
    added = _event(AccountEventKind.ADDED, 10)
    assert explained_by(added, at_ms, books, retired=False) == "pool"
    assert explained_by(replace(added, votes=11), at_ms, books, retired=False) is None
    assert explained_by(_event(AccountEventKind.UNLOCKING, 10), at_ms, books, retired=False) is None
    assert explained_by(added, at_ms + 60 * MINUTE_MS, books, retired=False) is None, "long before it"


def test_the_chain_itself_retires_by_force() -> None:
    assert explained_by(_event(AccountEventKind.FORCE_RETIRED), 0, [], retired=True) == "forced_retirement"
    assert explained_by(_event(AccountEventKind.UNLOCKING), 0, [], retired=True) == "forced_retirement"
    assert explained_by(_event(AccountEventKind.UNLOCKING), 0, [], retired=False) is None


async def test_a_forced_retirement_is_told_until_votes_are_added(house: House) -> None:
    one, now_ms = PosAddress("0x" + "ab" * 32), house.ears.now_ms()
    whole = Account(one, HEAD, 500, 500, (), (), 0, 0, None)
    out = replace(whole, height=HEAD + 9, available_votes=0, locked_votes=0, force_retired_height=HEAD + 5)
    free = replace(out, height=HEAD + 99, unlocked_votes=500, force_retired_height=None)
    times = {whole: now_ms - 72 * 3_600_000, out: now_ms - 48 * 3_600_000, free: now_ms - 30 * 3_600_000}

    async def deed(conn: Conn) -> None:
        await people.watch(conn, FIRST_TEAM, [one])
        for account, at_ms in times.items():
            await accounts.remember_accounts(conn, [account], at_ms)

    await house.database.write(deed)
    assert (await _validator(house, one)).force_retired_at_ms == times[out]
    added = PosTransaction(
        number=999_999,
        hash="0x" + "cd" * 32,
        kind=TransactionKind.UPDATE_VOTING_POWER,
        status=TransactionStatus.EXECUTED,
        sender=one,
        height=HEAD + 200,
        at_us=(now_ms - 3_600_000) * 1000,
        account=one,
        target_term=None,
        votes=500,
        conflict=None,
    )
    await house.database.write(lambda conn: events.remember_events(conn, [added]))
    assert (await _validator(house, one)).force_retired_at_ms is None


# --- gas, and ourselves


async def test_what_an_owner_has_for_gas_is_what_was_told_last(house: House, past: Past) -> None:
    one = past.people[0]
    seen = await _validator(house, one)
    assert seen.pow_address is not None
    assert seen.gas_drip == past.held(EPOCHS - 1)[0]
    assert seen.gas_drip > DRIP_PER_CFX


def _endpoint(name: str, height: int | None, error: str | None = None, **other: bool) -> EndpointHealth:
    return EndpointHealth(name, height, 0, error, height, **other)


def test_an_endpoint_is_behind_what_two_others_agree_on() -> None:
    told = [_endpoint("stuck", 100), _endpoint("a", 200), _endpoint("b", 203)]
    assert {one.name: one.lag_blocks for one in sources(told)} == {"stuck": 100, "a": 0, "b": 0}
    liar = [_endpoint("liar", 9_000_000), _endpoint("a", 200), _endpoint("b", 201)]
    assert {one.name: one.lag_blocks for one in sources(liar)} == {"liar": 0, "a": 1, "b": 0}
    two = [_endpoint("liar", 9_000_000), _endpoint("a", 200)]
    assert {one.name: one.lag_blocks for one in sources(two)} == {"liar": 0, "a": None}
    alone = [_endpoint("a", 200), _endpoint("dead", 100, "refused"), _endpoint("new", None)]
    assert [one.lag_blocks for one in sources(alone)] == [None, 100, None]


async def test_a_loop_that_fails_each_time_is_named_after_a_minute(tmp_path: Path) -> None:
    clock = HandClock()
    async with quiet_house(settings(tmp_path), clock) as house:
        clock.pass_ms(1)

        async def broken() -> None:
            raise RuntimeError("always")

        async def well() -> None:
            pass

        await house.failures.guard("pools", broken)
        assert (await _seen(house)).monitor.failing_loops == ()
        clock.pass_ms(60_000)
        assert (await _seen(house)).monitor.failing_loops == ("pools",)
        await house.failures.guard("pools", well)
        assert (await _seen(house)).monitor.failing_loops == ()
