"""Carrying a history from one database to another: what arrives is what was there, whatever is in between."""

import asyncio
import filecmp
import random
import signal
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.doubles import ALICE, BOB, CAROL, FOUR, NOON, account, block, committee, stake
from tests.store.test_epochs import (
    TERM,
    WITNESSES,
    chain_of,
    committee_of,
    elect,
    fold_all,
    kept_blocks,
    roster,
    witness,
)
from vedette.model.economics import Economics
from vedette.model.election import Election
from vedette.model.pos import PosAddress, PosBlock, Queued
from vedette.model.reward import EpochRewards, Reward
from vedette.model.spans import Span
from vedette.model.transaction import PosTransaction, TransactionKind, TransactionStatus
from vedette.store import (
    accounts,
    chain,
    economics,
    elections,
    epochs,
    events,
    people,
    rewards,
    stakes,
    summing,
    sums,
    votes,
)
from vedette.store import tables as t
from vedette.store.carry import blocks, reading, records
from vedette.store.carry.arrive import Arrived, arrive
from vedette.store.carry.blocks import Witness
from vedette.store.carry.file import FORMAT, CarryError, HistoryReader, HistoryWriter
from vedette.store.carry.leave import Left, leave
from vedette.store.database import Conn, Database
from vedette.store.epochs import OpenEpoch
from vedette.store.tally import KeptBlock

pytestmark = pytest.mark.slow  # one by one they are quick; together they take a minute

COUNT = 7  # epochs; the last one is under way
PEOPLE = [*FOUR, account("erin")]
HERE = "net1234:aas42ej3wnehsr695aw807ccj751mpmw361xwss7r1"
SEED = 8


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(tmp_path / "source.db") as one:
        await lived(one)
        yield one


@asynccontextmanager
async def opened(place: Path | str) -> AsyncIterator[Database]:
    database = await Database.open(str(place))
    yield database
    await database.close()


async def lived(database: Database, *, of: range = range(1, COUNT + 1), order: int = 0) -> None:
    """Some of a chain's life; the order in which accounts are met gives them their numbers."""
    met = random.Random(order).sample(PEOPLE, len(PEOPLE))
    for who in met if order else ():
        await database.write(lambda conn, who=who: accounts.intern(conn, [who]))  # type: ignore[misc]
    await database.write(lambda conn: chain.remember_chain_id(conn, 1234))
    await elect(database, *of)
    sightings = [(who, b) for who, b in certified() if b.epoch in of]
    for name in sorted(WITNESSES, reverse=bool(order)):
        await witness(database, name, *(b for who, b in sightings if who == name))
    await fold_all(database)
    await database.write(lambda conn: _lived_beside(conn, of))
    await summing.refresh(database)


def certified() -> list[tuple[str, PosBlock]]:
    """What witnesses see of a chain, whose certificates have a quorum, as the chain wants it."""
    return [
        (who, b if not b.signers or enough(b) else replace(b, signers=committee_of(b.epoch).votes))
        for who, b in chain_of(random.Random(SEED), COUNT)
    ]


def enough(told: PosBlock) -> bool:
    return sum(told.signers.values()) >= committee_of(told.epoch).quorum_votes


async def _lived_beside(conn: Conn, of: range) -> None:
    """Rewards, stakes, elections and events, each following from its epoch alone."""
    for epoch in of:
        chance = random.Random(f"{SEED}/{epoch}")
        paid = [Reward(who, HERE, chance.randrange(2**72)) for who in PEOPLE]
        told = EpochRewards(epoch, "0x" + sha256(b"%d" % epoch).hexdigest(), tuple(paid))
        moment = (epoch * 100, 1_700_000_000 + epoch) if epoch % 2 else (None, None)
        await rewards.remember_rewards(conn, told, *moment)
        held = {who: chance.randrange(1, 1_000) for who in PEOPLE}
        await stakes.remember_stakes(conn, epoch, held, sum(held.values()))
        await elections.remember_candidates(conn, epoch, chance.sample(PEOPLE, 3))
        seen = Election(epoch * TERM, epoch % 2 == 0, {who: chance.randrange(1, 9) for who in PEOPLE[:3]})
        await elections.remember_election(conn, epoch, seen, NOON + epoch)
        await events.remember_events(conn, [_event(number, epoch) for number in (epoch * 10, epoch * 10 + 1)])
        for number in (epoch * 10 - 5, epoch * 10):
            await events.mark_read(conn, "transactions", number, number + 1)
        await events.mark_read(conn, "rewards", epoch, epoch)
        parameters = Economics(epoch * 10**24, 5, epoch, 40_000, 10**27, 10**26)
        at_ms = NOON + epoch * TERM * 60_000
        await economics.remember_economics(conn, parameters, at_ms, 7 if epoch % 2 else None)
        changed = replace(stake(ALICE, epoch, 100 + epoch), in_queue=(Queued(epoch + 9, 3),))
        await accounts.remember_accounts(conn, [changed, stake(account("nobody"), epoch, 0)], at_ms)


def _event(number: int, epoch: int) -> PosTransaction:
    return PosTransaction(
        number=number,
        hash="0x" + sha256(b"tx %d" % number).hexdigest(),
        kind=TransactionKind.RETIRE if number % 2 else TransactionKind.DISPUTE,
        status=TransactionStatus.EXECUTED,
        sender=BOB if number % 2 else None,
        height=epoch * TERM,
        at_us=NOON * 1_000 + number,
        account=CAROL,
        target_term=None,
        votes=number if number % 2 else None,
        conflict=None if number % 2 else "vote",
    )


async def everything(database: Database, last_epoch: int = COUNT - 1) -> dict[str, object]:
    """All that readers can see of what a file carries."""
    await summing.refresh(database)
    height = last_epoch * TERM + 1
    async with database.read() as conn:
        found = await votes.blocks_between(conn, 0, height)
        window = await sums.window(conn, 1, last_epoch)
        return {
            "counts": await epochs.counts(conn, 0, last_epoch),
            "votes": [(b.height, b.hash, b.round, b.proposer, dict(b.signers), b.witnesses) for b in found],
            "strips": votes.strips(found),
            "committees": [await votes.committee(conn, epoch) for epoch in range(last_epoch + 2)],
            "read": {name: _below(await votes.read_of(conn, name), height) for name in WITNESSES},
            "told": await _told(conn, last_epoch),
            "last signed": [_until(await votes.last_signed(conn, who), who, found) for who in PEOPLE],
            "rewards": await rewards.rewards(conn, 0, COUNT),
            "homes": await accounts.pow_addresses(conn),
            "elections": await elections.elections(conn, 0, COUNT),
            "events": await events.events(conn, None, None, 1_000),
            "readings": [await events.read_spans(conn, what) for what in ("transactions", "rewards")],
            "economics": await economics.economics_between(conn, 0, 2**62),
            "gaps": await economics.finality_gaps(conn, 0, 2**62),
            "stakes": {who: one for who, one in (await accounts.accounts(conn)).items() if one[0].exists},
            "history": [await accounts.stake_history(conn, who, None, None) for who in PEOPLE],
            "sums": (window.network, dict(window.accounts)),
            "chain": await chain.chain_id(conn),
        }


async def _told(conn: Conn, last_epoch: int) -> object:
    """What each witness told of each block, by names."""
    rows = await conn.execute(t.pos_witnesses.select())
    names = {row.id: row.name.removesuffix(votes.IMPORTED) for row in rows}
    return [
        (b.height, {names[w]: b.tally.signers(bitmap) for w, bitmap in b.tally.told.items()})
        for one in (await epochs.holding_epochs(conn, range(last_epoch + 1))).values()
        for b in one.blocks
    ]


def _below(read: tuple[Span, ...], height: int) -> list[Span]:
    return [Span(one.first, min(one.last, height)) for one in read if one.first <= height]


def _until(signed: int | None, who: PosAddress, found: list[votes.BlockVotes]) -> int | None:
    """The last signature; if it was in what is not carried, the last one before."""
    if signed is None or signed <= found[-1].height:
        return signed
    return max(block.height for block in found if who in block.signers)


def names_in(place: Path, pattern: str) -> list[str]:
    return [path.name for path in place.glob(pattern)]


# --- there and back ---------------------------------------------------------------------------------------


async def test_what_arrives_in_an_empty_database_is_what_was_there(
    source: Database, database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "history"
    left = await leave(source, file)
    digest = sha256(file.read_bytes()).hexdigest()
    assert left == Left(1, COUNT - 1, COUNT - 1, file.stat().st_size, digest)
    assert names_in(tmp_path, "*.part") == []
    assert await arrive(database, file) == Arrived(1, COUNT - 1, COUNT - 1, COUNT - 1)
    assert await everything(database) == await everything(source)
    assert await arrive(database, file) == Arrived(1, COUNT - 1, COUNT - 1, 0)
    assert await everything(database) == await everything(source)


async def test_the_way_from_the_other_kind_of_database(database: Database, tmp_path: Path) -> None:
    await lived(database)
    await leave(database, tmp_path / "history")
    async with opened(tmp_path / "other.db") as other:
        await arrive(other, tmp_path / "history")
        assert await everything(other) == await everything(database)
        await leave(other, tmp_path / "again")
    async with opened(tmp_path / "third.db") as third:
        await arrive(third, tmp_path / "again")
        await leave(third, tmp_path / "thrice")
    assert filecmp.cmp(tmp_path / "thrice", tmp_path / "again", shallow=False), "one history, one file"


@pytest.mark.parametrize("held", [range(1, 4), range(3, 6), range(5, COUNT + 1), range(2, COUNT + 1, 2)])
async def test_a_database_with_other_numbers_and_a_part_of_it_is_completed(
    source: Database, database: Database, tmp_path: Path, held: range
) -> None:
    await lived(database, of=held, order=5)
    await leave(source, tmp_path / "history")
    await arrive(database, tmp_path / "history")
    assert await everything(database) == await everything(source)
    async with source.read() as ours, database.read() as theirs:
        assert await accounts.intern(ours, PEOPLE) != await accounts.intern(theirs, PEOPLE)


async def test_what_was_told_here_and_there_adds_up(database: Database, tmp_path: Path) -> None:
    """Each database heard its own witnesses; together they come to what one would that heard all."""
    sightings = certified()
    async with opened(tmp_path / "one.db") as one, opened(tmp_path / "all.db") as whole:
        for each, names in ((one, WITNESSES[:2]), (database, WITNESSES[2:]), (whole, WITNESSES)):
            await elect(each, *range(1, COUNT + 1))
            for name in names:
                await witness(each, name, *(b for who, b in sightings if who == name))
        await witness(database, WITNESSES[0], *[b for who, b in sightings if who == WITNESSES[0]][:9])
        await fold_all(one)
        await fold_all(whole)
        await leave(one, tmp_path / "history")
        await arrive(database, tmp_path / "history")
        await fold_all(database)
        assert await everything(database) == await everything(whole)


async def test_what_is_under_way_and_what_is_private_stays_behind(
    source: Database, database: Database, tmp_path: Path
) -> None:
    await source.write(lambda conn: people.watch(conn, 1, [account("nobody")]))
    await leave(source, tmp_path / "history")
    await arrive(database, tmp_path / "history")
    async with database.read() as conn:
        assert await votes.newest_height(conn) == (COUNT - 1) * TERM + 1
        assert await people.watched(conn) == set()
        assert account("nobody") not in await accounts.known_addresses(conn), "it tells who is watched"
        assert await votes.committee(conn, COUNT) is not None, "known before its epoch is over"


async def test_some_epochs_bring_what_belongs_to_them(
    source: Database, database: Database, tmp_path: Path
) -> None:
    left = await leave(source, tmp_path / "history", first_epoch=3, last_epoch=4)
    assert (left.first_epoch, left.last_epoch, left.epochs) == (3, 4, 2)
    await arrive(database, tmp_path / "history")
    async with database.read() as conn:
        assert await epochs.bounds(conn) == (3, 4)
        assert list(await rewards.rewards(conn, 0, COUNT)) == [3, 4]
        assert await events.read_spans(conn, "rewards") == (Span(3, 4),)
        assert {one.height for one in await events.events(conn, None, None, 99)} <= set(range(14, 26))
    await leave(source, tmp_path / "rest", last_epoch=2)
    await arrive(database, tmp_path / "rest")
    await leave(source, tmp_path / "rest", first_epoch=5)
    await arrive(database, tmp_path / "rest")
    await arrive(database, tmp_path / "history")
    assert (await everything(database))["votes"] == (await everything(source))["votes"]
    assert (await everything(database))["sums"] == (await everything(source))["sums"]


async def test_there_is_nothing_to_carry_from_an_empty_database(database: Database, tmp_path: Path) -> None:
    with pytest.raises(CarryError, match="no finished epoch is held there"):
        await leave(database, tmp_path / "history")
    assert names_in(tmp_path, "history*") == []


# --- stopped in the middle --------------------------------------------------------------------------------


class _Cut(Exception):  # noqa: N818  the plug, pulled
    pass


@pytest.mark.parametrize("at_once", [1, 3])
async def test_an_import_that_is_stopped_anywhere_is_finished_by_another(
    source: Database, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Between any two records: what was written by then is true, and the rest can still come."""
    monkeypatch.setattr(reading, "AT_ONCE", at_once)
    await leave(source, tmp_path / "history")
    await lived(database, of=range(3, 5), order=3)
    truth = await everything(source)
    done, stops = False, 0
    while not done:
        left = [stops]

        def cut(what: str, _done: int, _all: int, left: list[int] = left) -> None:
            left[0] -= what == "writing"
            if left[0] < 0:
                raise _Cut

        try:
            await arrive(database, tmp_path / "history", cut)
            done = True
        except _Cut:
            stops += random.Random(stops).randrange(1, 6)
        async with database.read() as conn:
            held = await epochs.counts(conn, 0, COUNT)
        assert held == [one for one in truth["counts"] if one in held]  # type: ignore[attr-defined]
    assert stops > 10
    assert await everything(database) == truth


KILLED = """
    import asyncio, sys
    from pathlib import Path
    from vedette.store.carry import reading
    from vedette.store.carry.arrive import arrive
    from vedette.store.database import Database

    reading.AT_ONCE = 2

    def tell(what, done, whole):
        print(what, flush=True)

    async def main():
        await arrive(await Database.open(sys.argv[1]), Path(sys.argv[2]), tell)

    asyncio.run(main())
"""


async def test_an_import_that_was_killed_is_finished_by_another(
    source: Database, database_url: str, tmp_path: Path
) -> None:
    await leave(source, tmp_path / "history")
    for lines in (3, 9):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", textwrap.dedent(KILLED), database_url, str(tmp_path / "history")),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        written = 0
        while written < lines and (line := await process.stdout.readline()):
            written += line.strip() == b"writing"
        process.kill()
        assert (written, await process.wait()) == (lines, -signal.SIGKILL)
    async with opened(database_url) as database:
        await arrive(database, tmp_path / "history")
        assert await everything(database) == await everything(source)


# --- files that are not as they should be -----------------------------------------------------------------


@pytest.fixture
async def small(tmp_path: Path) -> Path:
    """A file of two epochs: some hundred bytes of each kind."""
    async with opened(tmp_path / "small.db") as one:
        await lived(one, of=range(1, 4))
        await leave(one, tmp_path / "small")
    return tmp_path / "small"


async def test_a_file_that_is_torn_or_changed_anywhere_is_refused_and_nothing_is_written(
    small: Path, database: Database
) -> None:
    before = await everything(database)
    whole, torn = broken(small)
    for content in torn:
        put(small, content)
        with pytest.raises(CarryError) as caught:
            await arrive(database, small)
        assert "\n" not in str(caught.value)
    assert await everything(database) == before
    put(small, whole)
    assert (await arrive(database, small)).new_epochs == 2


def put(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def broken(path: Path) -> tuple[bytes, list[bytes]]:
    """What a file holds, and that torn or with a bit changed at many places."""
    whole = path.read_bytes()
    torn = [whole[:at] for at in range(0, len(whole), 7)]
    torn += [
        whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :] for at in range(0, len(whole), 5)
    ]
    return whole, [*torn, whole + b"\0", whole[:-1], whole[:-32], whole + whole]


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "is no history of Vedette"),
        (b"SQLite format 3\0" + b"\0" * 100, "is no history of Vedette"),
        (b"vedette history %d\n" % (FORMAT + 1) + b"\0" * 100, "use a newer Vedette"),
        (b"vedette history %d\n" % FORMAT, "is torn or was changed"),
    ],
)
async def test_a_foreign_or_newer_file_is_one_clear_line(
    database: Database, tmp_path: Path, content: bytes, words: str
) -> None:
    put(tmp_path / "file", content)
    with pytest.raises(CarryError, match=words):
        await arrive(database, tmp_path / "file")
    with pytest.raises(CarryError, match="cannot be read: No such file"):
        await arrive(database, tmp_path / "nowhere")


async def test_a_file_cannot_be_written_where_there_is_no_place(source: Database, tmp_path: Path) -> None:
    for place, words in ((tmp_path, "is a directory"), (tmp_path / "no" / "where", "cannot be written")):
        with pytest.raises(CarryError, match=words):
            await leave(source, place)


async def test_a_file_that_is_no_history_is_not_overwritten(source: Database, tmp_path: Path) -> None:
    """A database of years was lost once by naming it twice."""
    put(tmp_path / "precious", b"SQLite format 3\0")
    with pytest.raises(CarryError, match="precious is there and is no history: name another file"):
        await leave(source, tmp_path / "precious")
    assert (tmp_path / "precious").read_bytes() == b"SQLite format 3\0"
    for _ in range(2):
        await leave(source, tmp_path / "history")
    assert names_in(tmp_path, "*.part") == []


def forged(path: Path, change: Callable[[records.Record], records.Record | None]) -> None:
    """Write the file anew with some records changed or left out, and all checksums right."""
    with HistoryReader(path) as reader:
        changed = [change(record) for record in reader.records()]
    with HistoryWriter(path) as writer:
        for record in changed:
            if record is not None:
                writer.write(record)


def _without_committees(record: records.Record) -> records.Record | None:
    return None if isinstance(record, records.Committee) else record


def _later(record: records.Record) -> records.Record:
    if isinstance(record, records.Epoch) and record.epoch == 2:
        told = [
            msgspec.structs.replace(one, read=[(first + 1, last + 1) for first, last in one.read])
            for one in record.told
        ]
        return msgspec.structs.replace(record, first_height=record.first_height + 1, told=told)
    return record


def _told_otherwise(**changes: object) -> Callable[[records.Record], records.Record]:
    """What the first witness told of epoch 1 is something else."""

    def change(record: records.Record) -> records.Record:
        if isinstance(record, records.Epoch) and record.epoch == 1:
            told = [msgspec.structs.replace(record.told[0], **changes), *record.told[1:]]
            return msgspec.structs.replace(record, told=told)
        return record

    return change


def _hardly_signed(record: records.Record) -> records.Record:
    """Of all who signed only the first member is left."""
    if isinstance(record, records.Epoch):
        row = (len(record.hashes) // 32 + 7) // 8
        signers = record.signers[:row] + bytes(len(record.signers) - row)
        told = [msgspec.structs.replace(one, differs=b"") for one in record.told]
        return msgspec.structs.replace(record, signers=signers, told=told)
    return record


def _changed(of: type, **changes: object) -> Callable[[records.Record], records.Record]:
    def change(record: records.Record) -> records.Record:
        if isinstance(record, of):
            if hasattr(record, "rows"):
                rows = [msgspec.structs.replace(row, **changes) for row in record.rows]
                return msgspec.structs.replace(record, rows=rows)
            return msgspec.structs.replace(record, **changes)
        return record

    return change


def _more_votes(record: records.Record) -> records.Record:
    if isinstance(record, records.Committee):
        return msgspec.structs.replace(record, votes=[each + 1 for each in record.votes])
    return record


def _fewer_drips(record: records.Record) -> records.Record:
    if isinstance(record, records.Payments):
        return msgspec.structs.replace(record, drips=record.drips[:-16])
    return record


@pytest.mark.parametrize(
    "change, words",
    [
        (_without_committees, r"epoch 1: its committee is missing"),
        (_later, r"epoch 2: it does not follow epoch 1"),
        (_more_votes, r"epoch 1: its committee's votes do not add up"),
        (_fewer_drips, r"epoch 1: an amount is cut short"),
        (_hardly_signed, r"epoch 1: its block \d is signed with \d+ votes, and a quorum is 67"),
        (_told_otherwise(read=[(2, 10**9)]), r"epoch 1: a witness read what is not in it"),
        (_told_otherwise(witness="node1"), r"epoch 1: nobody tells of it, or somebody twice"),
        (_told_otherwise(witness="n" * 101), r"is torn or was changed \(Expected `str` of length <= 100"),
        (_changed(records.Committee, members=bytes(5 << 20)), r"is torn or was changed \(a record is larger"),
        (_changed(records.People, bound_to=["<b>"] * 5), r"is torn or was changed \(Expected `str` matching"),
        (_changed(records.Events, kind="Gift"), r"is torn or was changed \(Invalid enum value 'Gift'"),
        (_changed(records.Stakes, votes=[-1] * 5), r"is torn or was changed \(Expected `int` >= 0"),
        (_changed(records.Stakes, network_votes=1), r"epoch 1: an account holds more votes than all"),
        (_changed(records.Stakes, network_votes=2**30), r"is torn or was changed \(Expected `int` <= 1073"),
        (_changed(records.Payments, drips=b"\xff" * 80), r"epoch 1: a payment is larger than any"),
        (_changed(records.Epoch, at_us=records.ints([2**52] * 6)), "epoch 1: a block is of no time"),
        (_changed(records.Epoch, pivots=records.ints([-2] * 6)), "epoch 1: a number is below zero"),
        (_changed(records.StakesNow, at_ms=2**63), r"is torn or was changed \(Expected `int` <= 4611686"),
        (_changed(records.Payments, pow_hash=b"x"), r"is torn or was changed \(Expected `bytes` of length"),
    ],
)
async def test_a_file_whose_parts_do_not_fit_together_is_refused(
    small: Path,
    database: Database,
    change: Callable[[records.Record], records.Record | None],
    words: str,
) -> None:
    before = await everything(database)
    forged(small, change)
    with pytest.raises(CarryError, match=words):
        await arrive(database, small)
    assert await everything(database) == before


async def test_what_votes_add_up_to_is_counted_anew(small: Path, database: Database) -> None:
    """A file cannot bring counts at all; fewer signers in it are fewer signers here."""

    def silent(record: records.Record) -> records.Record:
        if isinstance(record, records.Epoch):
            told = [
                msgspec.structs.replace(one, certified=bytes(len(one.certified)), differs=b"")
                for one in record.told
            ]
            return msgspec.structs.replace(record, told=told)
        return record

    forged(small, silent)
    await arrive(database, small)
    async with database.read() as conn:
        assert [one.known_blocks for one in await epochs.counts(conn, 0, 9)] == [0, 0]


async def test_nothing_counts_as_read_beyond_what_a_file_holds(small: Path, database: Database) -> None:
    forged(small, _changed(records.Reading, read=[(0, 2**61)]))
    await arrive(database, small)
    async with database.read() as conn:
        assert await events.read_spans(conn, "rewards") == (Span(0, 3),)
        assert await events.read_spans(conn, "transactions") == (Span(0, 31),)


# --- whose word it is -------------------------------------------------------------------------------------


async def test_what_came_in_a_file_has_names_of_its_own(
    source: Database, database: Database, tmp_path: Path
) -> None:
    await leave(source, tmp_path / "history")
    await arrive(database, tmp_path / "history")
    await leave(database, tmp_path / "again")
    await arrive(database, tmp_path / "again")
    async with database.read() as conn:
        assert await votes.witnesses(conn) == [
            (f"{name} (imported)", (Span(2, (COUNT - 1) * TERM + 1),)) for name in WITNESSES
        ]


async def test_what_we_heard_ourselves_is_not_told_again_by_a_file(
    source: Database, database: Database, tmp_path: Path
) -> None:
    """One witness has one voice; where a file lets it say something else, both are kept."""
    await lived(database, of=range(2, 4))
    await leave(source, tmp_path / "history")
    forged(tmp_path / "history", _unlike_us)
    await arrive(database, tmp_path / "history")
    async with database.read() as conn:
        rows = await conn.execute(t.pos_witnesses.select())
        names = {row.id: row.name for row in rows}
        held = await epochs.holding_epochs(conn, range(1, 5))
    told = {
        epoch: {names[number] for block in one.blocks for number in block.tally.told}
        for epoch, one in held.items()
    }
    elsewhere = {f"{name} (imported)" for name in WITNESSES}
    assert told[1] == told[4] == elsewhere
    assert told[2] == set(WITNESSES)
    assert told[3] == {*WITNESSES, "node0 (imported)"}


def _unlike_us(record: records.Record) -> records.Record:
    if isinstance(record, records.Epoch) and record.epoch == 3:
        silent = msgspec.structs.replace(record.told[0], certified=b"\0", differs=b"")
        return msgspec.structs.replace(record, told=[silent, *record.told[1:]])
    return record


async def test_what_was_imported_need_not_be_read_by_anybody(
    source: Database, database: Database, tmp_path: Path
) -> None:
    await leave(source, tmp_path / "history", first_epoch=3)
    async with database.read() as conn:
        assert await votes.read_of(conn, "somebody") == ()
    await arrive(database, tmp_path / "history")
    async with database.read() as conn:
        assert await votes.read_of(conn, "somebody") == (Span(2 * TERM + 2, (COUNT - 1) * TERM + 1),)


# --- other chains -----------------------------------------------------------------------------------------


async def test_a_block_of_another_hash_is_refused_with_its_epoch(
    source: Database, database: Database, tmp_path: Path
) -> None:
    await leave(source, tmp_path / "history")
    height = 2 * TERM + 3
    other = [
        block(h, [ALICE], epoch=3, fork="b" if h == height else "") for h in range(height - 1, height + 1)
    ]
    await elect(database, 3)
    await witness(database, "node9", *other)
    before = await everything(database)
    with pytest.raises(CarryError, match=rf"contradicts this database in epoch 3: its block {height} is 0x"):
        await arrive(database, tmp_path / "history")
    assert await everything(database) == before


async def test_another_chain_is_refused_by_its_number_or_its_first_block(
    source: Database, database: Database, tmp_path: Path
) -> None:
    await leave(source, tmp_path / "history")
    await witness(database, "node9", replace(block(2, [ALICE]), hash="0x" + "ab" * 32))
    await leave(source, tmp_path / "late", first_epoch=3)
    for file in ("history", "late"):
        with pytest.raises(CarryError, match="in epoch 1: its block 2 is 0x"):
            await arrive(database, tmp_path / file)
    await database.write(lambda conn: chain.remember_chain_id(conn, 1029))
    with pytest.raises(CarryError, match="is of another chain: its chain id is 1234, and ours is 1029"):
        await arrive(database, tmp_path / "history")


async def test_other_committees_rewards_and_transactions_are_refused(
    source: Database, database: Database, tmp_path: Path
) -> None:
    await leave(source, tmp_path / "history")
    wrong = EpochRewards(4, "0x" + "ab" * 32, (Reward(ALICE, HERE, 1),))
    odd = replace(_event(41, 4), hash="0x" + "cd" * 32)
    cases: list[tuple[str, Callable[[Conn], object]]] = [
        ("its transaction 41 is 0x", lambda conn: events.remember_events(conn, [odd])),
        ("in epoch 4: its rewards and ours differ", lambda c: rewards.remember_rewards(c, wrong, None, None)),
        ("in epoch 2: its committee", lambda c: votes.remember_committee(c, committee(2, {ALICE: 1}))),
    ]
    for words, deed in cases:
        await database.write(deed)  # type: ignore[arg-type]
        with pytest.raises(CarryError, match=words):
            await arrive(database, tmp_path / "history")
    async with database.read() as conn:
        assert await epochs.bounds(conn) is None


async def test_what_is_newer_wins_and_what_is_final_stays(
    source: Database, database: Database, tmp_path: Path
) -> None:
    final = Election(TERM, True, {ALICE: 3})
    newer = stake(ALICE, 999, 7)
    await database.write(lambda conn: elections.remember_election(conn, 1, final, 5))
    await database.write(lambda conn: accounts.remember_accounts(conn, [newer], 2 * NOON))
    await leave(source, tmp_path / "history")
    await arrive(database, tmp_path / "history")
    async with database.read() as conn:
        assert (await elections.elections(conn, 1, 1))[1].election == final
        assert (await elections.elections(conn, 2, 2))[2].election is not None
        assert (await accounts.accounts(conn))[ALICE] == (newer, 2 * NOON)
        assert len(await accounts.stake_history(conn, ALICE, None, None)) == COUNT + 1


# --- records ----------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 2**128 - 1)))
def test_amounts_come_back_exact(amounts: list[int]) -> None:
    assert records.amounts(records.drips(amounts), len(amounts)) == amounts
    with pytest.raises(ValueError, match="cut short"):
        records.amounts(records.drips(amounts), len(amounts) + 1)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kept_blocks(), st.integers(0, 2**20))
def test_an_epochs_record_gives_back_its_blocks(held: list[KeptBlock], first_round: int) -> None:
    held = [replace(one, round=first_round + at) for at, one in enumerate(held)]
    named = {number: account(f"leader {number}") for number in range(1, 41)}
    numbers = {address: number for number, address in named.items()}
    everyone = [Witness(number, f"node{number}", (Span(1, 2**41),)) for number in range(1, 5)]
    record = blocks.epoch_record(OpenEpoch(roster, held), named, everyone)
    carried = blocks.opened(
        blocks.committee_record(roster),
        records.decode(records.encode(record)),
    )
    assert {one.witness: one.read for one in carried.told} == {
        one.name: (carried.heights,) for one in everyone
    }
    found = blocks.kept_blocks(carried, roster, numbers, {one.name: one.number for one in everyone})
    for one, other in zip(found, held, strict=True):
        assert replace(one, tally=other.tally) == other
        assert {w: one.tally.signers(b) for w, b in one.tally.told.items()} == {
            w: other.tally.signers(b) for w, b in other.tally.told.items()
        }
        assert one.tally.extra == other.tally.extra
