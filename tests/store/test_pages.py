"""The past page by page, for an interface: the same as the whole, whatever the size of a page."""

import random
from dataclasses import replace
from functools import partial

import numpy as np

from tests.store.doubles import ALICE, FOUR, account
from tests.store.test_economics import TOLD
from tests.store.test_elections import election, now
from tests.store.test_rewards import paid
from tests.store.test_sums import EPOCHS, PEOPLE, TERM, live, tidy
from vedette.model.history import Of, OfNetwork
from vedette.model.pos import PosAddress
from vedette.store import economics, elections, epochs, pages, rewards, sums, votes
from vedette.store.database import Database
from vedette.store.pages import AccountEpoch, SumsState

NOBODY = account("nobody")
NUMBERS = [20, 21, 22, 23, *EPOCHS]  # two stretches, of which the second lies on the border of two segments
KNOWN = [21, 22, *EPOCHS[1:-1]]  # the outer ones of each may have more blocks


async def past(database: Database, chance: random.Random) -> dict[int, dict[PosAddress, int]]:
    """Those epochs, some of them paid."""
    drips: dict[int, dict[PosAddress, int]] = {}
    await live(database, chance, NUMBERS)
    for epoch in chance.sample(NUMBERS, 8):
        drips[epoch] = {who: chance.randrange(10**21) for who in chance.sample(PEOPLE, 3)}
        told = paid(epoch, drips[epoch])
        await database.write(
            partial(rewards.remember_rewards, told=told, pow_epoch=epoch * 9, paid_at_s=None)
        )
    await tidy(database)
    return drips


async def account_epochs(database: Database, who: PosAddress, size: int) -> list[AccountEpoch]:
    found: list[AccountEpoch] = []
    async with database.read() as conn:
        while some := await pages.account_epochs(conn, who, found[-1].epoch if found else None, size):
            found += some
    return found


async def test_an_accounts_epochs_are_the_windows_of_one_epoch(database: Database) -> None:
    await past(database, random.Random(1))
    for who in (ALICE, PEOPLE[2], NOBODY):
        whole = await account_epochs(database, who, 100)
        assert [one.epoch for one in whole] == KNOWN[::-1]
        assert all([await account_epochs(database, who, size) == whole for size in (1, 2, 3, len(KNOWN))])
        async with database.read() as conn:
            for one in whole:
                alone = await sums.window(conn, one.epoch, one.epoch)
                through = await sums.window(conn, 1, one.epoch)
                assert one.network == alone.network
                assert any(one.line) == (who != NOBODY)
                assert one.line == alone.accounts.get(who, (0,) * len(one.line))
                assert one.cumulative == through.accounts.get(who, (0,) * len(one.line))


async def test_the_networks_totals_are_the_windows_from_the_beginning(database: Database) -> None:
    await past(database, random.Random(2))
    async with database.read() as conn:
        assert await pages.summed_epochs(conn, 22, EPOCHS[2]) == [22, EPOCHS[1], EPOCHS[2]]
        found = await pages.network_totals(conn, [*KNOWN, 5])
        assert list(found) == KNOWN, "one that was not added up has no total"
        assert {epoch: (await sums.window(conn, 1, epoch)).network for epoch in KNOWN} == found


async def test_the_state_of_the_sums_moves_whenever_they_may(database: Database) -> None:
    async def state() -> SumsState:
        async with database.read() as conn:
            return await pages.state(conn)

    assert await state() == SumsState(None, 0, 0)
    await past(database, random.Random(3))
    seen = [await state()]
    assert seen[0].newest_epoch == KNOWN[-1]
    told = paid(KNOWN[0], {ALICE: 1})
    await database.write(lambda conn: rewards.remember_rewards(conn, told, None, None))
    seen.append(await state())
    await tidy(database)
    seen.append(await state())
    assert len(set(seen)) == 3, "what is told, and what is added up then"
    await tidy(database)
    assert await state() == seen[-1]


async def test_payments_page_by_page_name_every_paid_epoch(database: Database) -> None:
    drips = await past(database, random.Random(4))
    async with database.read() as conn:
        for who in (*PEOPLE, NOBODY):
            found: list[rewards.Paid] = []
            while page := await rewards.payments_before(conn, who, found[-1].epoch if found else None, 3):
                found += page
            assert [(one.epoch, one.drip) for one in found] == [
                (epoch, drips[epoch].get(who, 0)) for epoch in sorted(drips, reverse=True)
            ]
            assert {one.pow_epoch for one in found} == {epoch * 9 for epoch in drips}
        totals = await rewards.totals(conn, 0, 10**6)
        assert await rewards.rewarded_count(conn) == len(drips)
    assert {epoch: (one.drip, one.accounts, one.pow_epoch) for epoch, one in totals.items()} == {
        epoch: (sum(each.values()), len(each), epoch * 9) for epoch, each in drips.items()
    }


async def test_counts_and_spans_of_finished_epochs(database: Database) -> None:
    await past(database, random.Random(5))
    async with database.read() as conn:
        whole = await epochs.counts_before(conn, None, 100)
        assert [one.epoch for one in whole] == KNOWN[::-1]
        page = await epochs.counts_before(conn, KNOWN[3], 2)
        assert [one.epoch for one in page] == [KNOWN[2], KNOWN[1]]
        assert await epochs.count(conn) == len(KNOWN)
        spans = await epochs.spans_between(conn, 22, EPOCHS[1])
        assert list(spans) == [22, EPOCHS[1]]
        assert (spans[22].first_height, spans[22].last_height) == (2 + 21 * TERM, 1 + 22 * TERM)
        assert spans[22].last_at_us - spans[22].first_at_us == (TERM - 1) * 60_000_000
        assert await epochs.span_before(conn, EPOCHS[1]) == spans[22]
        assert await epochs.span_before(conn, 21) is None
        assert await epochs.epoch_after(conn, spans[22].last_at_us) == EPOCHS[1]


async def test_committees_of_a_range(database: Database) -> None:
    await live(database, random.Random(6), [3, 5, 6])
    async with database.read() as conn:
        found = await votes.committees(conn, 4, 6)
    assert {epoch: dict(one.votes) for epoch, one in found.items()} == {5: FOUR, 6: FOUR}


async def test_parameters_at_a_moment_are_those_told_last(database: Database) -> None:
    told = {1_000: 5, 1_090: None, 1_099: 7, 1_450: 9}
    for at_ms, gap in told.items():
        one = replace(TOLD, interest_rate=at_ms)
        await database.write(
            partial(economics.remember_economics, told=one, at_ms=at_ms, finality_gap_epochs=gap)
        )
    async with database.read() as conn:
        found = await economics.parameters_at(conn, [999, 1_000, 1_098, 1_099, 1_449, 1_449, 9_999])
        assert await economics.parameters_at(conn, []) == []
    assert found[0] is None
    assert [(one.at_ms, one.finality_gap_epochs) for one in found if one] == [
        (1_000, 5), (1_090, None), (1_099, 7), (1_099, 7), (1_099, 7), (1_450, 9)
    ]  # fmt: skip
    assert all(one is None or one.economics == replace(TOLD, interest_rate=one.at_ms) for one in found)


async def test_the_terms_of_which_anything_is_known(database: Database) -> None:
    async with database.read() as conn:
        assert await elections.bounds(conn) is None
    await database.write(lambda conn: elections.remember_candidates(conn, 8, [ALICE]))
    seen = now(11, election(660, {ALICE: 1}), election(720, {}))
    await database.write(lambda conn: elections.remember_elections(conn, seen, 1))
    async with database.read() as conn:
        assert await elections.bounds(conn) == (8, 12)


def test_one_line_of_a_sum_is_the_line_of_the_whole() -> None:
    chance = np.random.default_rng(7)
    numbers = np.array(sorted(chance.choice(900, 40, replace=False)), np.int32)
    lines = chance.integers(-(2**40), 2**40, (40, len(Of)))
    whole = sums.Sums(chance.integers(0, 2**50, len(OfNetwork)), numbers, lines)
    blob = sums.packed(whole)
    for number in range(900):
        one = sums.unpacked_line(blob, number)
        mine = lines[numbers == number]
        assert one.lines.tolist() == mine.tolist()
        assert one.accounts.tolist() == [number] * len(mine)
        assert one.network.tolist() == whole.network.tolist()
    assert sums.unpacked(blob).lines.tolist() == lines.tolist()
