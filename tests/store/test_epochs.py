"""Folding epochs: whatever comes in whatever order, the past comes to the same as one clean pass."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.doubles import ALICE, BOB, CAROL, DAVE, FOUR, account, block, committee
from vedette.model.history import EpochCounts, MemberCounts
from vedette.model.pos import Committee, PosAddress, PosBlock
from vedette.model.spans import Span
from vedette.store import chain, epochs, packs
from vedette.store.codec import ChunkError, deflate
from vedette.store.database import Conn, Database
from vedette.store.rosters import Roster
from vedette.store.strips import Strip, between, newest, of_epochs
from vedette.store.tally import KeptBlock, Tally
from vedette.store.votes import (
    blocks_before,
    blocks_between,
    newest_height,
    read_of,
    recent,
    remember_committee,
    strip,
    strips,
    witness_blocks,
    witness_epoch,
)

TERM = 6
ERIN = account("erin")
WITNESSES = ("node0", "node1", "node2")


def committee_of(epoch: int) -> Committee:
    """Dave's seat goes to Erin each third epoch."""
    return committee(epoch, {ALICE: 10, BOB: 20, CAROL: 30, (ERIN if epoch % 3 == 0 else DAVE): 40})


def chain_of(chance: random.Random, epochs_count: int) -> list[tuple[str, PosBlock]]:
    """What each witness sees of each block. Some see no certificate, some a part of it."""
    sightings = []
    for height in range(2, epochs_count * TERM + 2):
        epoch = (height - 2) // TERM + 1
        members = list(committee_of(epoch).votes)
        plain = block(height, [], epoch=epoch, proposer=chance.choice([*members, None]), votes=FOUR)
        plain = replace(plain, round=height * 2 - chance.randrange(2))
        for witness in WITNESSES:
            signers = chance.sample(members, chance.randrange(len(members) + 1))
            votes = {who: committee_of(epoch).votes[who] for who in signers}
            sightings.append((witness, replace(plain, signers=votes)))
    return sightings


def believed(lists: list[frozenset[PosAddress]]) -> set[PosAddress]:
    """All signers; but where most of three lists are the same, nobody of whom one other list alone knows."""
    known = [each for each in lists if each]
    union = {who for each in known for who in each}
    if len(known) < 3 or max(map(known.count, known)) * 2 <= len(known):
        return union
    usual = max(known, key=known.count)
    return {who for who in union if who in usual or sum(who in each for each in known) > 1}


def counted(epoch: int, sightings: Sequence[tuple[str, PosBlock]]) -> EpochCounts:
    """The same counts the plain way: this is what the store must come to."""
    members = committee_of(epoch)
    blocks = {b.height: b for _, b in sightings if b.epoch == epoch}
    union = {h: believed([frozenset(b.signers) for _, b in sightings if b.height == h]) for h in blocks}
    rounds = [0, *(blocks[h].round for h in sorted(blocks))]
    bonus: dict[PosAddress, int] = {}
    for height, found in blocks.items():
        certificate = union.get(height - 1)  # what the block carries; the first one carries none
        if found.proposer is not None and certificate:
            above = max(0, sum(members.votes[who] for who in certificate) - members.quorum_votes)
            bonus[found.proposer] = bonus.get(found.proposer, 0) + above
    return EpochCounts(
        epoch=epoch,
        first_height=min(blocks),
        last_height=max(blocks),
        first_at_us=blocks[min(blocks)].at_us,
        last_at_us=blocks[max(blocks)].at_us,
        blocks=len(blocks),
        known_blocks=sum(1 for signers in union.values() if signers),
        nil_blocks=sum(1 for b in blocks.values() if b.proposer is None),
        timeout_rounds=sum(later - sooner - 1 for sooner, later in pairwise(rounds)),
        quorum_votes=members.quorum_votes,
        total_votes=members.total_votes,
        bonus_votes={who: votes for who, votes in bonus.items() if votes},
        members={
            who: MemberCounts(
                votes,
                sum(1 for signers in union.values() if who in signers),
                sum(1 for b in blocks.values() if b.proposer == who),
                int(who in union[max(blocks)]),
            )
            for who, votes in members.votes.items()
        },
    )


async def elect(database: Database, *numbers: int) -> None:
    async def deed(conn: Conn) -> None:
        for number in numbers:
            await remember_committee(conn, committee_of(number))

    await database.write(deed)


async def witness(database: Database, name: str, *blocks: PosBlock) -> list[int]:
    read = Span(min(b.height for b in blocks), max(b.height for b in blocks))
    return await database.write(lambda conn: witness_blocks(conn, name, blocks, read))


async def fold_all(database: Database) -> list[int]:
    folded: list[int] = []
    while some := await database.write(lambda conn: epochs.fold(conn, 2)):
        folded += some
    return folded


async def picture(database: Database, last_epoch: int) -> tuple[object, ...]:
    """Everything that a reader can see of the votes."""
    async with database.read() as conn:
        found = await recent(conn, 500)
        return (
            await epochs.counts(conn, 0, last_epoch),
            [(b.height, b.hash, b.round, b.proposer, dict(b.signers), b.witnesses) for b in found.blocks],
            strips(found),
            await chain.hashes(conn, 0, 1000),
        )


async def test_a_whole_epoch_is_folded_and_reads_as_before(database: Database) -> None:
    sightings = chain_of(random.Random(1), 4)
    await elect(database, 1, 2, 3, 4)
    for name in WITNESSES:
        await witness(database, name, *(b for who, b in sightings if who == name))
    before = (await picture(database, 4))[1:]
    assert await fold_all(database) == [3, 2, 1], "newest first; the one under way stays"
    assert (await picture(database, 4))[1:] == before
    async with database.read() as conn:
        assert await epochs.counts(conn, 1, 3) == [counted(epoch, sightings) for epoch in (1, 2, 3)]
        assert await epochs.bounds(conn) == (1, 3)
        assert await newest_height(conn) == 4 * TERM + 1
        assert [b.height for b in await blocks_before(conn, 12, 9)] == list(range(11, 2, -1))
        assert [b.height for b in await blocks_between(conn, 5, 22)] == list(range(5, 23))
        votes = await epochs.votes_of(conn, 2, 13)
        found = await recent(conn, 500)
        for address in (ALICE, DAVE, ERIN, account("nobody")):
            whole = strip(found, address)
            assert await newest(conn, address, 500) == Strip(found.first, whole)
            assert await between(conn, address, 0, 30) == Strip(0, "?" + whole + "?" * (29 - 4 * TERM))
            assert (await of_epochs(conn, address, 2, 9)).letters == whole[TERM + 1 : 3 * TERM + 1]
            assert (await newest(conn, address, 7)).letters == whole[-7:]
    for address in (ALICE, DAVE, ERIN):
        whole = strip(found, address)
        for epoch, held in votes.items():
            seats = {who: seat for seat, who in enumerate(roster_order(epoch))}
            at = held.first_height - found.first
            assert held.letters(seats.get(address)) == whole[at : at + TERM]


def roster_order(epoch: int) -> list[PosAddress]:
    """Members sit in the order in which the database first met them."""
    met = [*sorted([ALICE, BOB, CAROL, DAVE]), ERIN]
    return [who for who in met if who in committee_of(epoch).votes]


async def test_a_whole_epoch_told_at_once_comes_to_the_same(database: Database) -> None:
    sightings = chain_of(random.Random(7), 3)
    await elect(database, 1, 2, 3)
    await witness(database, "node1", *(b for who, b in sightings if who == "node1" and b.height in {3, 4, 9}))
    for epoch in (2, 1):
        for name in WITNESSES:
            told = [b for who, b in sightings if who == name and b.epoch == epoch]
            await database.write(lambda conn, n=name, t=told: witness_epoch(conn, n, t))  # type: ignore[misc]
    async with database.read() as conn:
        assert await epochs.counts(conn, 1, 3) == [counted(epoch, sightings) for epoch in (1, 2)]
        assert await read_of(conn, "node2") == (Span(2, 2 * TERM + 1),)
    await witness(database, "node0", *(b for who, b in sightings if who == "node0" and b.epoch == 3))
    assert await fold_all(database) == [], "the last one may have more blocks"


async def test_an_epoch_with_a_gap_or_without_its_committee_is_not_folded(database: Database) -> None:
    sightings = [b for who, b in chain_of(random.Random(2), 4) if who == "node0"]
    await elect(database, 1, 3, 4)
    await witness(database, "node0", *(b for b in sightings if b.height not in {3, 10}))
    assert await fold_all(database) == [3], "1 lacks a block, 2 a block and its committee"
    await witness(database, "node0", *(b for b in sightings if b.height in {3, 10}))
    assert await fold_all(database) == [1]
    await elect(database, 2)
    assert await fold_all(database) == [2]


async def test_an_epoch_is_whole_only_when_its_neighbours_are_held(database: Database) -> None:
    sightings = [b for who, b in chain_of(random.Random(3), 3) if who == "node0"]
    await elect(database, 1, 2, 3)
    await witness(database, "node0", *(b for b in sightings if b.epoch == 2))
    assert await fold_all(database) == [], "another block of it may come on either side"
    await witness(database, "node0", *(b for b in sightings if b.epoch == 3))
    assert await fold_all(database) == []
    await witness(database, "node0", *[b for b in sightings if b.epoch == 1][-1:])
    assert await fold_all(database) == [2]


async def test_another_hash_in_a_folded_epoch_opens_it_and_counts_anew(database: Database) -> None:
    sightings = [b for who, b in chain_of(random.Random(4), 3) if who == "node0"]
    await elect(database, 1, 2, 3)
    await witness(database, "node0", *sightings)
    await fold_all(database)
    other = replace(block(4, [ALICE, BOB], epoch=1, fork="b"), round=sightings[2].round)
    assert await witness(database, "node1", other) == [4]
    assert await fold_all(database) == [1]
    replaced = [("x", other if b.height == 4 else b) for b in sightings]
    async with database.read() as conn:
        assert await epochs.counts(conn, 1, 1) == [counted(1, replaced)]


async def test_a_committee_told_differently_later_counts_anew(database: Database) -> None:
    sightings = [b for who, b in chain_of(random.Random(5), 3) if who == "node0"]
    wrong = committee(1, {ALICE: 10, BOB: 20})
    await database.write(lambda conn: remember_committee(conn, wrong))
    await elect(database, 2, 3)
    await witness(database, "node0", *sightings)
    await fold_all(database)
    async with database.read() as conn:
        (odd,) = await epochs.counts(conn, 1, 1)
    assert set(odd.members) == {ALICE, BOB}, "who has no seat is not counted"
    await elect(database, 1)
    await fold_all(database)
    async with database.read() as conn:
        assert await epochs.counts(conn, 1, 1) == [counted(1, [("x", b) for b in sightings])]


async def test_any_order_duplication_and_folding_comes_to_the_same(database: Database) -> None:
    count = 5
    everything = chain_of(random.Random(6), count)
    await elect(database, *range(1, count + 1))
    for name in WITNESSES:
        await witness(database, name, *(b for who, b in everything if who == name))
    await fold_all(database)
    clean = await picture(database, count)
    for seed in range(6):
        await _emptied(database)
        await _live_through(database, random.Random(seed), everything, count)
        assert await picture(database, count) == clean, f"seed {seed}"


async def _emptied(database: Database) -> None:
    async def deed(conn: Conn) -> None:
        for table in ("pos_blocks", "pos_epochs", "pos_committees", "pos_witnesses", "pos_segments"):
            await conn.exec_driver_sql(f"DELETE FROM {table}")

    await database.write(deed)


async def _live_through(
    database: Database, chance: random.Random, everything: list[tuple[str, PosBlock]], count: int
) -> None:
    """Batches in a random order, some twice, committees late, folding now and then, and writes that fail."""
    told = [*everything, *chance.sample(everything, len(everything) // 3)]
    chance.shuffle(told)
    elections = list(range(1, count + 1))
    chance.shuffle(elections)
    for batch in batches(chance, told):
        for name in WITNESSES:
            seen = [b for who, b in batch if who == name]
            if seen and chance.random() < 0.2:
                await _interrupted(database, name, seen)
            if seen:
                await witness(database, name, *seen)
        if elections and chance.random() < 0.3:
            await elect(database, elections.pop())
        if chance.random() < 0.3:
            await database.write(lambda conn: epochs.fold(conn, 1))
    await elect(database, *elections)
    await fold_all(database)


class _Cut(Exception):  # noqa: N818  the plug, pulled
    pass


async def _interrupted(database: Database, name: str, seen: list[PosBlock]) -> None:
    """The transaction ends before its commit: nothing of it may stay."""

    async def deed(conn: Conn) -> None:
        await witness_blocks(conn, name, seen, Span(seen[0].height, seen[0].height))
        await epochs.fold(conn, 1)
        raise _Cut

    with pytest.raises(_Cut):
        await database.write(deed)


def batches(chance: random.Random, told: list[tuple[str, PosBlock]]) -> Iterator[list[tuple[str, PosBlock]]]:
    at = 0
    while at < len(told):
        size = chance.randrange(1, 25)
        yield told[at : at + size]
        at += size


# --- the packs themselves

roster = Roster(committee(1, {account(str(n)): n + 1 for n in range(11)}))
bitmaps = st.integers(0, 2**11 - 1)


@st.composite
def kept_blocks(draw: st.DrawFn) -> list[KeptBlock]:
    first, count = draw(st.integers(2, 2**40)), draw(st.integers(1, 20))
    return [draw(kept(first + at)) for at in range(count)]


def kept(height: int) -> st.SearchStrategy[KeptBlock]:
    extra = st.dictionaries(st.sampled_from([ERIN, DAVE]), st.integers(1, 300))
    tallies = st.builds(
        _tally, extra, st.dictionaries(st.integers(1, 4), st.integers(0, 2**13 - 1), min_size=1)
    )
    return st.builds(
        KeptBlock,
        height=st.just(height),
        hash=st.binary(min_size=32, max_size=32),
        epoch=st.just(1),
        round=st.integers(0, 2**31),
        at_us=st.integers(0, 2**53),
        proposer=st.none() | st.integers(1, 40),
        pivot_height=st.none() | st.integers(0, 2**40),
        last_tx_number=st.integers(0, 2**40),
        tally=tallies,
    )


def _tally(extra: dict[PosAddress, int], told: dict[int, int]) -> Tally:
    """Bits only where there is a seat or a signer without one."""
    everyone = (1 << 11 + len(extra)) - 1
    return Tally(roster, extra, {witness: bitmap & everyone for witness, bitmap in told.items()})


@settings(deadline=None)
@given(kept_blocks())
def test_a_pack_gives_back_what_was_put_in(blocks: list[KeptBlock]) -> None:
    votes, rest = packs.pack(blocks, roster, {number: number - 1 for number in range(1, 12)})
    opened = packs.unpack_votes(votes, 11)
    assert packs.unpack(opened, rest, 1, roster) == blocks
    assert packs.unpack_hashes(rest) == [b.hash for b in blocks]
    assert list(opened.known) == [b.tally.union != 0 for b in blocks]


@pytest.mark.parametrize("blob", [b"", b"nonsense", deflate(b"\x90"), deflate(b"\xc1")])
def test_a_torn_pack_is_named(blob: bytes) -> None:
    with pytest.raises(ChunkError, match="restore the database"):
        packs.unpack_votes(blob, 11)
    with pytest.raises(ChunkError, match="restore the database"):
        packs.unpack_hashes(blob)
