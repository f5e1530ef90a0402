import asyncio
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from tests.store.doubles import ALICE, BOB, CAROL, DAVE, FOUR, account, block, committee, stake
from vedette.model.pos import PosAddress, PosBlock, Queued
from vedette.model.spans import Span
from vedette.store import tables as t
from vedette.store.accounts import (
    accounts,
    known_addresses,
    remember_accounts,
    remember_looked_up,
    stake_history,
)
from vedette.store.database import Conn, Database
from vedette.store.rosters import Roster, Signers
from vedette.store.tally import Tally
from vedette.store.votes import (
    BlockVotes,
    RecentVotes,
    blocks_before,
    known_epochs,
    last_signed,
    newest_height,
    read_of,
    recent,
    remember_committee,
    strip,
    strips,
    witness_blocks,
    witness_counts,
)
from vedette.store.votes import committee as committee_of

EVERYONE = list(FOUR)


async def _elect(database: Database, *epochs: int) -> None:
    for epoch in epochs:
        await database.write(lambda conn, epoch=epoch: remember_committee(conn, committee(epoch, FOUR)))  # type: ignore[misc]


async def _witness(database: Database, name: str, *blocks: PosBlock) -> list[int]:
    read = Span(min(block.height for block in blocks), max(block.height for block in blocks))
    return await database.write(lambda conn: witness_blocks(conn, name, blocks, read))


async def _recent(database: Database, last: int = 100) -> RecentVotes:
    async with database.read() as conn:
        return await recent(conn, last)


async def test_signers_of_all_witnesses_add_up(database: Database) -> None:
    await _elect(database, 1)
    assert await _witness(database, "node0", block(1, [ALICE, BOB], proposer=ALICE)) == [1]
    assert await _witness(database, "node1", block(1, [BOB, CAROL], proposer=ALICE)) == [1]
    assert await _witness(database, "node2", block(1, [ALICE, CAROL], proposer=ALICE)) == []
    votes = await _recent(database)
    assert dict(votes.blocks[0].signers) == {ALICE: 10, BOB: 20, CAROL: 30}
    assert (votes.first, votes.blocks[0].witnesses, votes.blocks[0].signed_votes) == (1, 3, 60)
    assert {a: strip(votes, a) for a in EVERYONE} == {ALICE: "l", BOB: "s", CAROL: "s", DAVE: "a"}


async def test_a_signer_whom_one_of_three_invented_is_not_believed(database: Database) -> None:
    await _elect(database, 1)
    for height in (1, 2):
        await _witness(database, "node0", block(height, [ALICE, BOB]))
    assert await _witness(database, "liar", block(2, [ALICE, DAVE])) == [2]
    async with database.read() as conn:
        assert await last_signed(conn, DAVE) == 2, "with two who differ, nobody is accused"
    assert await _witness(database, "node1", block(2, [ALICE, BOB])) == [2], "its signers changed"
    held = (await _recent(database)).blocks[1]
    assert (dict(held.signers), held.witnesses) == ({ALICE: 10, BOB: 20}, 3)
    async with database.read() as conn:
        assert [await last_signed(conn, a) for a in EVERYONE] == [2, 2, None, None]
    await _witness(database, "liar", block(3, [DAVE]))
    await _witness(database, "node0", block(3, [ALICE]))
    await _witness(database, "liar", block(4, [ALICE, DAVE]))
    await _witness(database, "node0", block(4, [ALICE]))
    await _witness(database, "node1", block(4, [ALICE]))
    async with database.read() as conn:
        assert await last_signed(conn, DAVE) == 3, "the highest block that is still believed"


certificates = st.lists(st.frozensets(st.sampled_from(EVERYONE)), max_size=5)


@given(certificates)
def test_what_witnesses_tell_is_believed_unless_it_is_one_against_most(
    told: list[frozenset[PosAddress]],
) -> None:
    tally = Tally(Roster(committee(1, FOUR)))
    for number, signers in enumerate(told):
        tally.hear(number, dict.fromkeys(signers, 1))
    everyone = {who for signers in told for who in signers}
    found = set(tally.signers(tally.union))
    assert found <= everyone
    assert bool(found) == bool(everyone)
    known = [signers for signers in told if signers]
    for who in everyone - found:
        (alone,) = [signers for signers in known if who in signers]
        others = [signers for signers in known if signers is not alone]
        assert len(known) >= 3
        assert any(others.count(one) * 2 > len(known) for one in others)


async def test_saying_it_twice_is_harmless(database: Database) -> None:
    await _elect(database, 1)
    told = [block(height, [ALICE, BOB]) for height in range(1, 6)]
    assert await _witness(database, "node0", *told) == [1, 2, 3, 4, 5]
    before = await _recent(database)
    assert await _witness(database, "node0", *told) == []
    assert await _recent(database) == before


async def test_an_unseen_certificate_accuses_nobody(database: Database) -> None:
    await _elect(database, 1)
    assert await _witness(database, "catching up", block(1, [])) == [1]
    held = (await _recent(database)).blocks[0]
    assert (held.witnesses, held.signed_votes, len(held.signers)) == (0, None, 0)
    assert strip([held], ALICE) == "?"
    assert await _witness(database, "node0", block(1, [ALICE])) == [1]
    assert await _witness(database, "catching up", block(1, [])) == []
    held = (await _recent(database)).blocks[0]
    assert (held.witnesses, dict(held.signers)) == (1, {ALICE: 10})


async def test_signers_told_before_their_committee_are_kept_and_take_their_seats(database: Database) -> None:
    await _witness(database, "node0", block(1, [ALICE, BOB]), block(2, []))
    await _witness(database, "node1", block(1, [CAROL]))
    held = (await _recent(database)).blocks
    assert dict(held[0].signers) == {ALICE: 10, BOB: 20, CAROL: 30}
    assert strip(held, ALICE) == "??"
    await _elect(database, 1)
    held = (await _recent(database)).blocks
    assert dict(held[0].signers) == {ALICE: 10, BOB: 20, CAROL: 30}
    assert [strip(held, a) for a in (ALICE, DAVE)] == ["s?", "a?"]
    async with database.read() as conn:
        rows = (await conn.execute(select(t.pos_blocks.c.seats, t.pos_blocks.c.extra))).all()
    assert [tuple(row) for row in rows] == [(4, None), (4, None)]
    assert await _witness(database, "node0", block(1, [ALICE, BOB])) == []


async def test_a_committee_told_differently_later_reseats_the_signers(database: Database) -> None:
    await _elect(database, 1)
    await _witness(database, "node0", block(1, [ALICE, CAROL]))
    other = committee(1, {account("erin"): 5, CAROL: 31, BOB: 20})
    await database.write(lambda conn: remember_committee(conn, other))
    held = (await _recent(database)).blocks[0]
    assert dict(held.signers) == {CAROL: 31, ALICE: 10}
    assert [strip([held], a) for a in (CAROL, BOB, ALICE)] == ["s", "a", "-"]


async def test_another_hash_replaces_the_block_and_its_signers(database: Database) -> None:
    await _elect(database, 1)
    await _witness(database, "node0", block(1, EVERYONE))
    assert await _witness(database, "node1", block(1, [BOB], fork="x")) == [1]
    held = (await _recent(database)).blocks[0]
    assert (dict(held.signers), held.witnesses, held.hash) == ({BOB: 20}, 1, block(1, [], fork="x").hash)


async def test_a_witness_that_tells_more_later_adds_to_what_it_told(database: Database) -> None:
    await _elect(database, 1)
    twice = [block(1, [ALICE]), block(1, [BOB])]
    assert await _witness(database, "node0", *twice) == [1]
    assert dict((await _recent(database)).blocks[0].signers) == {ALICE: 10, BOB: 20}
    assert await _witness(database, "node0", block(1, [CAROL])) == [1]
    assert len((await _recent(database)).blocks[0].signers) == 3


async def test_how_many_told_of_a_block_is_known(database: Database) -> None:
    await _elect(database, 1)
    await _witness(database, "node0", block(1, [ALICE]), block(2, [ALICE]))
    await _witness(database, "node1", block(2, []))
    async with database.read() as conn:
        assert await witness_counts(conn, {1, 2, 3}) == {1: 1, 2: 2}
        assert await witness_counts(conn, set()) == {}


async def test_what_was_read_from_each_witness_is_remembered(database: Database) -> None:
    await database.write(lambda conn: witness_blocks(conn, "node0", [], Span(5, 7)))
    await database.write(lambda conn: witness_blocks(conn, "node0", [block(3, [ALICE])], Span(3, 3)))
    async with database.read() as conn:
        assert await read_of(conn, "node0") == (Span(3, 3), Span(5, 7))
        assert await read_of(conn, "node1") == ()
        assert await newest_height(conn) == 3


async def test_a_height_that_was_not_read_is_an_empty_entry(database: Database) -> None:
    await _elect(database, 1)
    await _witness(database, "node0", block(10, [ALICE]), block(12, [BOB]))
    votes = await _recent(database, 4)
    assert (votes.first, [b.known for b in votes.blocks]) == (9, [False, True, False, True])
    assert strip(votes, ALICE) == "?s?a"
    async with database.read() as conn:
        assert [b.height for b in await blocks_before(conn, None, 5)] == [12, 10]
        assert [b.height for b in await blocks_before(conn, 12, 5)] == [10]


async def test_nothing_is_recent_when_nothing_is_held(database: Database) -> None:
    assert await _recent(database) == RecentVotes(0, [])
    async with database.read() as conn:
        assert await newest_height(conn) is None
        assert await blocks_before(conn, None, 5) == []
        assert await last_signed(conn, ALICE) is None
        assert await committee_of(conn, 1) is None


async def test_the_last_signature_of_each_account_is_remembered(database: Database) -> None:
    await _elect(database, 1)
    await _witness(database, "node0", block(5, [ALICE, BOB]), block(6, [BOB]), block(4, [ALICE, CAROL]))
    await _witness(database, "node1", block(2, EVERYONE))
    async with database.read() as conn:
        assert [await last_signed(conn, a) for a in EVERYONE] == [5, 6, 4, 2]


async def test_committees_come_back_as_they_were_told(database: Database) -> None:
    await _elect(database, 3, 1)
    await database.write(lambda conn: remember_committee(conn, committee(3, FOUR)))
    async with database.read() as conn:
        assert await committee_of(conn, 3) == committee(3, FOUR)
        assert await known_epochs(conn, 0, 2) == {1}
        assert await known_epochs(conn, 1, 3) == {1, 3}


async def test_a_deed_that_is_undone_leaves_no_trace_in_what_readers_remember(database: Database) -> None:
    async def undone(conn: Conn) -> None:
        await remember_committee(conn, committee(1, {account("mallory"): 1}))
        assert await committee_of(conn, 1) is not None
        raise ValueError("changed my mind")

    with pytest.raises(ValueError, match="changed my mind"):
        await database.write(undone)
    await _elect(database, 1)
    async with database.read() as conn:
        assert await committee_of(conn, 1) == committee(1, FOUR)


def _random_chain(chance: random.Random, members: list[PosAddress]) -> list[PosBlock]:
    return [
        block(height, chance.sample(members, chance.randrange(len(members))), epoch=1 + height // 7)
        for height in range(1, 60)
    ]


async def test_many_strips_at_once_say_what_each_says_alone(database: Database) -> None:
    chance = random.Random(5)
    members = [account(f"member {n}") for n in range(21)]
    chain = [replace(b, proposer=chance.choice([None, *members])) for b in _random_chain(chance, members)]
    for epoch in (1, 2, 3, 5, 6, 7):  # epoch 4 is not known
        seated = {a: 1 + n for n, a in enumerate(chance.sample(members, 17))}
        elected = committee(epoch, seated)
        await database.write(lambda conn, elected=elected: remember_committee(conn, elected))  # type: ignore[misc]
    await _witness(database, "node0", *chain[:50:2], *chain[51:])
    votes = await _recent(database)
    written = strips(votes)
    assert set(written) <= set(members)
    assert written == {address: strip(votes, address) for address in written}
    plain = [replace(b, signers=dict(b.signers)) for b in votes.blocks]
    assert strips(plain) == written


async def test_what_witnesses_saw_in_any_order_comes_to_the_same(database: Database) -> None:
    chance = random.Random(8)
    names = ("node0", "node1", "node2")
    sightings = [
        (name, block(height, chance.sample(EVERYONE, chance.randrange(5))))
        for height in range(1, 12)
        for name in names
    ]
    expected = {h: {a for _, b in sightings for a in b.signers if b.height == h} for h in range(1, 12)}
    for batch in (sightings, chance.sample(sightings, len(sightings))):
        for name, seen in batch:
            await _witness(database, name, seen)
        await _elect(database, 1)
        assert {b.height: set(b.signers) for b in (await _recent(database)).blocks} == expected


async def test_rivals_who_witness_the_same_blocks_lose_no_signer(database_url: str) -> None:
    servers = [await Database.open(database_url) for _ in range(2)]
    await _elect(servers[0], 1)
    deeds = [
        _witness(servers[n % 2], f"node{n}", *(block(height, [a]) for height in range(1, 30)))
        for n, a in enumerate(EVERYONE)
    ]
    await asyncio.gather(*deeds)
    for held in (await _recent(servers[0])).blocks:
        assert (dict(held.signers), held.witnesses) == (FOUR, 4)
    for server in servers:
        await server.close()


def test_signers_read_like_the_dictionary_they_stand_for() -> None:
    behind = {account("erin"): 3}
    signers = Signers(1, None, behind)
    assert (dict(signers), len(signers), signers.votes, ALICE in signers) == (behind, 1, 3, False)
    with pytest.raises(KeyError):
        signers[ALICE]
    held = BlockVotes(1, "0x", 1, 1, 1, None, signers, None, 1)
    assert (held.signed_votes, replace(held, signers=behind).signed_votes) == (3, 3)


async def test_a_stake_gets_a_row_of_history_only_when_it_changed(database: Database) -> None:
    changed = []
    for height, locked in ((1, 5), (2, 5), (3, 6), (4, 6)):
        told = [stake(ALICE, height, locked), stake(BOB, height, 1)]
        changed.append(
            await database.write(lambda conn, t=told, h=height: remember_accounts(conn, t, h * 1000))  # type: ignore[misc]
        )
    assert changed == [{ALICE, BOB}, set(), {ALICE}, set()]
    async with database.read() as conn:
        held = await accounts(conn)
        rows = (await conn.execute(select(t.pos_stake_history).order_by(t.pos_stake_history.c.at_ms))).all()
        assert await known_addresses(conn) == sorted([ALICE, BOB])
    assert held == {ALICE: (stake(ALICE, 4, 6), 4000), BOB: (stake(BOB, 4, 1), 4000)}
    assert sorted((row.at_ms, row.locked_votes) for row in rows) == [(1000, 1), (1000, 5), (3000, 6)]


async def test_what_a_lagging_node_says_of_a_stake_is_old(database: Database) -> None:
    for told in (stake(ALICE, 100, 10), stake(ALICE, 90, 7), stake(ALICE, 100, 12)):
        await database.write(lambda conn, told=told: remember_accounts(conn, [told], 5))  # type: ignore[misc]
    async with database.read() as conn:
        assert (await accounts(conn))[ALICE][0].locked_votes == 12
        history = await stake_history(conn, ALICE, None, None)
    assert [held.locked_votes for _, held in history] == [12]


async def test_queues_of_a_stake_come_back_in_order(database: Database) -> None:
    told = replace(
        stake(CAROL, 9, 100),
        in_queue=(Queued(10, 1), Queued(20, 2)),
        out_queue=(Queued(5, 3),),
        force_retired_height=8,
    )
    await database.write(lambda conn: remember_accounts(conn, [told], 1))
    async with database.read() as conn:
        assert await accounts(conn) == {CAROL: (told, 1)}


async def test_so_many_idle_accounts_are_kept_because_somebody_looked(database: Database) -> None:
    async def looked_up(who: PosAddress, busy: set[PosAddress]) -> bool:
        return await database.write(lambda conn: remember_looked_up(conn, stake(who, 9, 5), 1, busy, 2))

    assert [await looked_up(who, set()) for who in (ALICE, BOB, CAROL, ALICE)] == [True, True, False, True]
    async with database.read() as conn:
        assert await known_addresses(conn) == sorted([ALICE, BOB])
    assert await looked_up(CAROL, {ALICE}), "who votes by now is in nobody's way"
    assert not await looked_up(DAVE, set())
    async with database.read() as conn:
        assert (await accounts(conn)).keys() == {ALICE, BOB, CAROL}
