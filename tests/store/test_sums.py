"""Sums of windows: the store's blobs against adding up each epoch anew."""

import random
from collections.abc import Mapping

import pytest
from sqlalchemy import delete, update

from tests.store.doubles import ALICE, BOB, FOUR, account, block, committee
from vedette.model import sums as plain
from vedette.model.history import Of, OfNetwork, Window
from vedette.model.pos import Committee, PosAddress, PosBlock
from vedette.model.spans import Span
from vedette.store import epochs, summing
from vedette.store import tables as t
from vedette.store.accounts import intern
from vedette.store.codec import ChunkError, deflate, pack_drips, pack_ints
from vedette.store.database import Conn, Database
from vedette.store.stakes import first_staked_epoch, remember_stakes
from vedette.store.sums import NOTHING, SEGMENT_EPOCHS, dirty, packed, unpacked, window
from vedette.store.votes import remember_committee, witness_blocks

TERM = 3
FIRST = SEGMENT_EPOCHS * 2 - 4
"""The epochs of these tests lie around the border of two segments, and one far behind."""
EPOCHS = range(FIRST, FIRST + 9)
PEOPLE = list(FOUR)
Paid = Mapping[int, Mapping[PosAddress, int]]


async def live(database: Database, chance: random.Random, numbers: list[int]) -> None:
    """Blocks of these epochs, each with its neighbours' so that it counts as whole."""
    for number in numbers:
        heights = range(2 + (number - 1) * TERM, 2 + number * TERM)
        members = committee(number, FOUR)
        seen = [
            block(h, chance.sample(PEOPLE, chance.randrange(5)), epoch=number, proposer=chance.choice(PEOPLE))
            for h in heights
        ]

        async def deed(conn: Conn, members: Committee = members, seen: list[PosBlock] = seen) -> None:
            await remember_committee(conn, members)
            await witness_blocks(conn, "node0", seen, Span(seen[0].height, seen[-1].height))

        await database.write(deed)


async def tidy(database: Database) -> None:
    while await database.write(lambda conn: epochs.fold(conn, 3)):
        pass
    await summing.refresh(database)


async def pay(database: Database, epoch: int, drips: Mapping[PosAddress, int]) -> None:
    """As the rewards room keeps it."""

    async def deed(conn: Conn) -> None:
        numbers = await intern(conn, drips.keys())
        ordered = sorted((numbers[who], drip) for who, drip in drips.items())
        await conn.execute(delete(t.pos_rewards).where(t.pos_rewards.c.epoch == epoch))
        row = {
            "epoch": epoch,
            "pow_hash": b"\0" * 32,
            "accounts": pack_ints([n for n, _ in ordered]),
            "drips": pack_drips([drip for _, drip in ordered]),
        }
        await conn.execute(t.pos_rewards.insert().values(**row))
        await dirty(conn, epoch)

    await database.write(deed)


async def anew(
    database: Database, first: int, last: int, paid: Paid, held: Mapping[int, Mapping[PosAddress, int]]
) -> Window:
    """The window, added up from every epoch's counts."""
    async with database.read() as conn:
        found = await epochs.counts(conn, 0, 10**6)
    following = {one.epoch - 1: one.first_at_us for one in found}
    return plain.window(
        first,
        last,
        (
            plain.contribution(
                one,
                paid.get(one.epoch),
                held.get(one.epoch),
                1_000 if one.epoch in held else None,
                next_first_at_us=following.get(one.epoch),
            )
            for one in found
            if first <= one.epoch <= last
        ),
    )


def shown(found: Window) -> tuple[object, ...]:
    people = {who: line for who, line in found.accounts.items() if any(line)}
    return (found.first_epoch, found.last_epoch, found.network, people)


async def test_any_window_is_the_sum_of_its_epochs_in_whatever_order_they_came(database: Database) -> None:
    chance = random.Random(3)
    order = [20, 21, 22, *chance.sample(EPOCHS, len(EPOCHS))]
    paid: dict[int, dict[PosAddress, int]] = {}
    held: dict[int, dict[PosAddress, int]] = {}
    for number in order:
        await live(database, chance, [number])
        if chance.random() < 0.7:
            paid[number] = {who: chance.randrange(10**21) for who in [*PEOPLE, account("erin")]}
            await pay(database, number, paid[number])
        if chance.random() < 0.5:
            held[number] = dict.fromkeys(PEOPLE, 200)
            await database.write(lambda conn, n=number: remember_stakes(conn, n, held[n], 1_000))  # type: ignore[misc]
        if chance.random() < 0.5:
            await tidy(database)
    await tidy(database)
    async with database.read() as conn:
        assert await epochs.bounds(conn) == (21, EPOCHS[-2])
        assert await first_staked_epoch(conn) == min(held)
        for _ in range(40):
            first, last = sorted(chance.choices([1, 21, 22, 500, *EPOCHS, 5_000], k=2))
            found = await window(conn, first, last)
            assert shown(found) == shown(await anew(database, first, last, paid, held))
            known = [n for n in (21, *EPOCHS[1:-1]) if first <= n <= last]
            assert (found.known_epochs, found.asked_epochs) == (len(known), last - first + 1)


async def test_a_late_witness_and_a_late_reward_change_the_sums(database: Database) -> None:
    chance = random.Random(4)
    await live(database, chance, list(EPOCHS))
    await tidy(database)
    first, last = EPOCHS[1], EPOCHS[-2]
    async with database.read() as conn:
        before = await window(conn, first, last)
    height = 3 + (EPOCHS[1] - 1) * TERM  # few signed it
    late = block(height, PEOPLE, epoch=EPOCHS[1])
    await database.write(lambda conn: witness_blocks(conn, "node1", [late], Span(height, height)))
    await pay(database, EPOCHS[2], {ALICE: 7 * 10**18})
    async with database.read() as conn:
        assert shown(await window(conn, first, last)) == shown(before), (
            "old, but whole, until they are made anew"
        )
    await summing.refresh(database)
    async with database.read() as conn:
        after = await window(conn, first, last)
    assert after.network[OfNetwork.CAST_VOTES] > before.network[OfNetwork.CAST_VOTES]
    assert after.accounts[ALICE][Of.REWARD_GDRIP] == 7 * 10**9
    assert after.network[OfNetwork.REWARDED_EPOCHS] == 1


async def test_an_epoch_that_is_no_longer_whole_leaves_the_sums(database: Database) -> None:
    chance = random.Random(5)
    await live(database, chance, list(EPOCHS))
    await tidy(database)
    await database.write(lambda conn: epochs.unfold(conn, EPOCHS[3]))
    await summing.refresh(database)
    async with database.read() as conn:
        found = await window(conn, EPOCHS[1], EPOCHS[-2])
        assert (found.known_epochs, found.asked_epochs) == (len(EPOCHS) - 3, len(EPOCHS) - 2)
    await tidy(database)
    async with database.read() as conn:
        assert (await window(conn, EPOCHS[1], EPOCHS[-2])).known_epochs == len(EPOCHS) - 2


async def test_what_changes_while_sums_are_made_is_not_forgotten(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(6)
    await live(database, chance, list(EPOCHS))
    await tidy(database)
    await pay(database, EPOCHS[2], {BOB: 10**18})
    rebuild = summing._rebuild

    async def and_then_more(conn: Conn, row: object) -> summing.Rebuilt:
        made = await rebuild(conn, row)  # type: ignore[arg-type]
        await database.write(
            lambda conn: conn.execute(
                update(t.pos_segments)
                .where(t.pos_segments.c.segment == made.segment)
                .values(version=made.version + 1)
            )
        )
        return made

    with monkeypatch.context() as patch:
        patch.setattr(summing, "_rebuild", and_then_more)
        assert await summing.refresh(database) == 1
    assert await summing.refresh(database) == 1, "it is made once more"
    assert await summing.refresh(database) == 0
    async with database.read() as conn:
        found = await window(conn, EPOCHS[1], EPOCHS[-2])
    assert found.accounts[BOB][Of.REWARD_GDRIP] == 10**9


async def test_nothing_known_sums_to_nothing(database: Database) -> None:
    async with database.read() as conn:
        for first, last in ((1, 100), (5, 4)):
            found = await window(conn, first, last)
            assert (found.known_epochs, dict(found.accounts)) == (0, {})
        assert await first_staked_epoch(conn) is None
    assert await summing.refresh(database) == 0


@pytest.mark.parametrize("blob", [b"", b"nonsense", deflate(b"\x90"), packed(unpacked(packed(NOTHING)))[:-4]])
def test_a_torn_sum_is_named(blob: bytes) -> None:
    with pytest.raises(ChunkError, match="restore the database"):
        unpacked(blob)
