"""Who stood, and who was elected, term by term."""

import asyncio
from collections.abc import Mapping

from tests.store.doubles import ALICE, BOB, CAROL, DAVE, FOUR, NOON, account, committee
from vedette.model.election import CommitteeNow, Election
from vedette.model.pos import PosAddress
from vedette.store.accounts import intern
from vedette.store.database import Database
from vedette.store.elections import (
    TermElection,
    candidacies,
    elections,
    remember_candidates,
    remember_elections,
)


def election(start: int, votes: Mapping[PosAddress, int], *, final: bool = False) -> Election:
    return Election(start, final, votes)


def now(epoch: int, *coming: Election) -> CommitteeNow:
    return CommitteeNow(committee(epoch, FOUR), coming)


async def _candidates(database: Database, term: int, *addresses: PosAddress) -> None:
    await database.write(lambda conn: remember_candidates(conn, term, addresses))


async def _elections(database: Database, first: int = 0, last: int = 99) -> dict[int, TermElection]:
    async with database.read() as conn:
        return await elections(conn, first, last)


async def _stood(database: Database, who: PosAddress, first: int, last: int) -> dict[int, bool | None]:
    async with database.read() as conn:
        return await candidacies(conn, who, first, last)


# --- candidates -------------------------------------------------------------------------------------------


async def test_candidates_of_a_term_add_up(database: Database) -> None:
    await _candidates(database, 17, ALICE)
    await _candidates(database, 17, CAROL, BOB)
    await _candidates(database, 17, ALICE)
    assert await _elections(database) == {17: TermElection(17, frozenset({ALICE, BOB, CAROL}), None, None)}


async def test_a_term_that_was_read_and_one_that_was_not_differ(database: Database) -> None:
    await _candidates(database, 17, ALICE)
    await _candidates(database, 18)
    assert await _stood(database, ALICE, 16, 19) == {16: None, 17: True, 18: False, 19: None}
    assert await _stood(database, BOB, 16, 18) == {16: None, 17: False, 18: False}
    assert (await _elections(database))[18].candidates == frozenset()


async def test_an_account_with_a_high_number_stands_too(database: Database) -> None:
    await database.write(lambda conn: intern(conn, [account(str(number)) for number in range(200)]))
    await _candidates(database, 17, DAVE)
    assert await _stood(database, DAVE, 17, 17) == {17: True}
    assert await _stood(database, account("0"), 17, 17) == {17: False}
    assert (await _elections(database))[17].candidates == frozenset({DAVE})


async def test_candidates_told_at_once_are_all_kept(database: Database) -> None:
    everyone = [account(str(number)) for number in range(12)]
    await asyncio.gather(*(_candidates(database, 17, each) for each in everyone))
    assert (await _elections(database))[17].candidates == frozenset(everyone)


# --- elections --------------------------------------------------------------------------------------------


async def test_the_next_two_terms_are_those_after_the_acting_one(database: Database) -> None:
    told = now(17, election(170, {ALICE: 30, BOB: 20}), election(180, {}))
    await database.write(lambda conn: remember_elections(conn, told, NOON))
    assert await _elections(database) == {
        17: TermElection(17, None, told.elections[0], NOON),
        18: TermElection(18, None, told.elections[1], NOON),
    }


async def test_the_first_election_of_a_chain_is_for_its_seventh_term(database: Database) -> None:
    # On a young chain with terms of ten blocks, a node tells starts 60 and 70 in the epochs 1 to 6.
    for epoch in (1, 4, 6):
        assert now(epoch).first_term == 6
    assert (now(7).first_term, now(8).first_term) == (7, 8)


async def test_an_open_election_changes_and_a_final_one_does_not(database: Database) -> None:
    async def say(votes: Mapping[PosAddress, int], at_ms: int, *, final: bool = False) -> None:
        told = now(17, election(170, votes, final=final))
        await database.write(lambda conn: remember_elections(conn, told, at_ms))

    await say({ALICE: 30}, 1)
    await say({ALICE: 20, BOB: 30}, 2)
    assert (await _elections(database))[17].election == election(170, {ALICE: 20, BOB: 30})
    await say({BOB: 50}, 3, final=True)
    await say({ALICE: 30}, 4)  # from a node that lags
    held = (await _elections(database))[17]
    assert (held.election, held.seen_at_ms) == (election(170, {BOB: 50}, final=True), 3)
    await say({BOB: 50}, 5, final=True)
    assert (await _elections(database))[17].seen_at_ms == 5


async def test_candidates_and_elected_of_a_term_do_not_disturb_each_other(database: Database) -> None:
    told = now(17, election(170, {BOB: 50}, final=True))
    await _candidates(database, 17, ALICE)
    await database.write(lambda conn: remember_elections(conn, told, NOON))
    await _candidates(database, 17, BOB)
    assert await _elections(database, 17, 17) == {
        17: TermElection(17, frozenset({ALICE, BOB}), told.elections[0], NOON)
    }
    assert await _elections(database, 18, 99) == {}
