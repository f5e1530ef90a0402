"""Writing what a database holds of the chain into a file: all of it as it is at one moment."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Row, Select, Table, func, select

from vedette.model.election import TERMS_SERVING
from vedette.model.pos import PosAddress
from vedette.model.spans import Span, Spans, gaps, spans
from vedette.store import accounts, chain, elections, epochs, rewards
from vedette.store import tables as t
from vedette.store.carry import blocks, records
from vedette.store.carry.blocks import Witness
from vedette.store.carry.file import CarryError, HistoryWriter
from vedette.store.carry.records import BY_TRANSACTION
from vedette.store.codec import unpack_ints
from vedette.store.database import Conn, Database
from vedette.store.rosters import addresses, rosters

EPOCHS_AT_ONCE: Final = 16
ROWS_AT_ONCE: Final = 500
ALL: Final = Span(0, 2**62)

T = TypeVar("T", bound=msgspec.Struct)
Tell = Callable[[int, int], None]
"""Told how many epochs are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is to be carried. Where no epochs were named, all of it."""

    epochs: Span
    heights: Span
    transactions: Span
    moments_ms: Span


@dataclass(frozen=True, slots=True)
class Left:
    """What was written."""

    first_epoch: int
    last_epoch: int
    epochs: int
    size_bytes: int
    sha256: str  # of the file


async def leave(
    database: Database,
    path: Path,
    *,
    first_epoch: int | None = None,
    last_epoch: int | None = None,
    written_by: str = "",
    tell: Tell = lambda *_: None,
) -> Left:
    """Write the history of these epochs [all] into a file. Raises CarryError in one line.

    Blocks of an epoch that is not finished, or that lacks some, stay behind.
    """
    async with database.read() as conn:
        scope = await _scope(conn, first_epoch, last_epoch)
        with HistoryWriter(path) as writer:
            head = await _head(conn, scope, written_by)
            writer.write(head)
            await _write_epochs(conn, scope, writer, tell)
            async for record in _rest(conn, scope):
                writer.write(record)
    return Left(head.first_epoch, head.last_epoch, writer.counts["epoch"], writer.size_bytes, writer.sha256)


async def _scope(conn: Conn, first: int | None, last: int | None) -> Scope:
    within = Span(ALL.first if first is None else first, ALL.last if last is None else last)
    if within.last < within.first:
        raise CarryError(f"from epoch {first} to {last} there is nothing")
    columns = t.pos_epochs.c
    ends = select(t.pos_epochs).where(columns.epoch.between(*within))
    lowest = (await conn.execute(ends.order_by(columns.epoch).limit(1))).first()
    highest = (await conn.execute(ends.order_by(columns.epoch.desc()).limit(1))).first()
    if lowest is None or highest is None:
        raise CarryError("no finished epoch is held there: there is no history to carry yet")
    opened = await epochs.holding_epochs(conn, {lowest.epoch, highest.epoch})
    numbers = [opened[row.epoch].blocks[at].last_tx_number for row, at in ((lowest, 0), (highest, -1))]
    return Scope(
        epochs=within,
        heights=_span(first, last, lowest.first_height, highest.last_height),
        transactions=_span(first, last, numbers[0] + 1, numbers[1]),
        moments_ms=_span(first, last, lowest.first_at_us // 1000, highest.last_at_us // 1000),
    )


def _span(first: int | None, last: int | None, low: int, high: int) -> Span:
    return Span(ALL.first if first is None else low, ALL.last if last is None else high)


async def _head(conn: Conn, scope: Scope, written_by: str) -> records.Head:
    origin = (await chain.hashes(conn, epochs.FIRST_BLOCK, epochs.FIRST_BLOCK)).get(epochs.FIRST_BLOCK)
    columns = t.pos_epochs.c
    edges = select(func.min(columns.epoch), func.max(columns.epoch)).where(
        columns.epoch.between(*scope.epochs)
    )
    first, last = (await conn.execute(edges)).one()
    newest = select(func.max(t.pos_rewards.c.epoch)).where(t.pos_rewards.c.epoch.between(*scope.epochs))
    return records.Head(
        written_by=written_by,
        chain_id=await chain.chain_id(conn),
        origin=None if origin is None else bytes.fromhex(origin[2:]),
        first_epoch=first,
        last_epoch=last,
        newest_paid=(await conn.execute(newest)).scalar(),
    )


# --- what belongs to epochs -------------------------------------------------------------------------------


async def _write_epochs(conn: Conn, scope: Scope, writer: HistoryWriter, tell: Tell) -> None:
    bound = await accounts.pow_addresses(conn)
    everyone = sorted(bound)
    for at in range(0, len(everyone), ROWS_AT_ONCE):
        some = everyone[at : at + ROWS_AT_ONCE]
        writer.write(records.People(records.joined(some), [bound[address] for address in some]))
    witnesses = [
        Witness(row.id, row.name, spans(row.read))
        for row in await conn.execute(select(t.pos_witnesses).order_by(t.pos_witnesses.c.name))
    ]
    numbers = await _epochs_with_something(conn, scope)
    for at in range(0, len(numbers), EPOCHS_AT_ONCE):
        for record in await _of_epochs(conn, numbers[at : at + EPOCHS_AT_ONCE], witnesses):
            writer.write(record)
        tell(min(at + EPOCHS_AT_ONCE, len(numbers)), len(numbers))


async def _epochs_with_something(conn: Conn, scope: Scope) -> list[int]:
    found: set[int] = set()
    for table in (t.pos_committees, t.pos_epochs, t.pos_rewards, t.pos_epoch_stakes):
        query = select(table.c.epoch).where(table.c.epoch.between(*scope.epochs))
        found |= set((await conn.execute(query)).scalars())
    return sorted(found)


async def _of_epochs(conn: Conn, wanted: Sequence[int], witnesses: Sequence[Witness]) -> list[records.Record]:
    known = await rosters(conn, wanted)
    opened = await epochs.holding_epochs(conn, wanted)
    leaders = {block.proposer for one in opened.values() for block in one.blocks} - {None}
    named = await addresses(conn, {number for number in leaders if number is not None})
    paid = await rewards.rewards(conn, wanted[0], wanted[-1])
    held = await _stakes(conn, wanted)
    found: list[records.Record] = []
    for epoch in wanted:
        if epoch in known:
            found.append(blocks.committee_record(known[epoch]))
        if epoch in opened:
            found.append(blocks.epoch_record(opened[epoch], named, witnesses))
        if epoch in paid:
            found.append(_payments(paid[epoch]))
        if epoch in held:
            found.append(held[epoch])
    return found


def _payments(paid: rewards.PaidEpoch) -> records.Payments:
    who = sorted(paid.drips)
    return records.Payments(
        epoch=paid.epoch,
        pow_hash=bytes.fromhex(paid.pow_hash[2:]),
        pow_epoch=paid.pow_epoch,
        paid_at_s=paid.paid_at_s,
        accounts=records.joined(who),
        drips=records.drips([paid.drips[address] for address in who]),
    )


async def _stakes(conn: Conn, wanted: Sequence[int]) -> dict[int, records.Stakes]:
    columns = t.pos_epoch_stakes.c
    rows = (await conn.execute(select(t.pos_epoch_stakes).where(columns.epoch.in_(wanted)))).all()
    held = {
        row.epoch: dict(zip(unpack_ints(row.accounts), unpack_ints(row.votes), strict=True)) for row in rows
    }
    named = await addresses(conn, {number for one in held.values() for number in one})
    found = {}
    for row in rows:
        votes = {named[number]: votes for number, votes in held[row.epoch].items()}
        who = sorted(votes)
        found[row.epoch] = records.Stakes(
            row.epoch, records.joined(who), [votes[address] for address in who], row.network_votes
        )
    return found


# --- the rest ---------------------------------------------------------------------------------------------


async def _rest(conn: Conn, scope: Scope) -> AsyncIterator[records.Record]:
    async for election in _elections(conn, scope):
        yield election
    happened = select(t.pos_events).where(t.pos_events.c.height.between(*scope.heights))
    async for rows in _some_at_a_time(conn, happened.order_by(t.pos_events.c.number)):
        yield records.Events(await _events(conn, rows))
    moment = t.pos_economics.c.at_ms
    measured = select(t.pos_economics).where(moment.between(*scope.moments_ms)).order_by(moment)
    async for rows in _some_at_a_time(conn, measured):
        yield records.Economics([_as(records.Moment, row) for row in rows])
    moment = t.pos_stake_history.c.at_ms
    changed = _stakes_in(t.pos_stake_history).where(moment.between(*scope.moments_ms))
    async for rows in _some_at_a_time(conn, changed.order_by(moment, t.pos_accounts.c.address)):
        yield records.StakeHistory(_in_order(rows))
    if scope.epochs.last == ALL.last:
        for some in _batches(await _stakes_now(conn)):
            yield records.StakesNow(some)
    for reading in await _readings(conn, scope):
        yield reading


async def _elections(conn: Conn, scope: Scope) -> AsyncIterator[records.Election]:
    """Those whose seats served in these epochs, and those that were decided in them."""
    bounds = await elections.bounds(conn)
    if bounds is None:
        return
    first, last = max(bounds[0], scope.epochs.first - TERMS_SERVING), min(bounds[1], scope.epochs.last)
    for at in range(first, last + 1, ROWS_AT_ONCE):
        held = await elections.elections(conn, at, min(at + ROWS_AT_ONCE - 1, last))
        for term, one in held.items():
            candidates = None if one.candidates is None else records.joined(sorted(one.candidates))
            yield records.Election(term, candidates, _elected(one))


def _elected(one: elections.TermElection) -> records.Elected | None:
    if one.election is None or one.seen_at_ms is None:
        return None
    votes = one.election.votes
    who = sorted(votes)
    return records.Elected(
        one.election.start_height,
        one.election.is_finalized,
        records.joined(who),
        [votes[address] for address in who],
        one.seen_at_ms,
    )


async def _some_at_a_time(conn: Conn, query: Select[Any]) -> AsyncIterator[Sequence[Row[Any]]]:
    async with conn.stream(query) as result:
        async for rows in result.partitions(ROWS_AT_ONCE):
            yield rows


def _as(kind: type[T], row: Row[Any], **said_otherwise: object) -> T:
    """The record that has a row's columns."""
    columns = {name: getattr(row, name) for name in kind.__struct_fields__}
    return kind(**columns | said_otherwise)


async def _events(conn: Conn, rows: Sequence[Row[Any]]) -> list[records.Event]:
    named = await addresses(conn, {n for row in rows for n in (row.account, row.sender) if n is not None})

    def address(number: int | None) -> bytes | None:
        return None if number is None else records.joined([named[number]])

    return [
        _as(
            records.Event,
            row,
            hash=bytes(row.hash),
            account=address(row.account),
            sender=address(row.sender),
        )
        for row in rows
    ]


def _stakes_in(table: Table) -> Select[Any]:
    return select(t.pos_accounts.c.address, *table.c).join_from(table, t.pos_accounts)


async def _stakes_now(conn: Conn) -> list[records.Stake]:
    return _in_order((await conn.execute(_stakes_in(t.pos_stakes))).all())


def _in_order(rows: Iterable[Row[Any]]) -> list[records.Stake]:
    """By time and address. An address that holds nothing tells only that somebody looked at it."""
    stakes = [_stake(row) for row in rows if _exists(row)]
    return sorted(stakes, key=lambda stake: (stake.at_ms, stake.account))


HELD: Final = (
    "available_votes",
    "locked_votes",
    "in_queue",
    "out_queue",
    "unlocked_votes",
    "forfeited_votes",
)


def _exists(row: Row[Any]) -> bool:
    return any(getattr(row, name) for name in HELD) or row.force_retired_height is not None


def _stake(row: Row[Any]) -> records.Stake:
    queues = {
        name: [(queued["end_height"], queued["votes"]) for queued in getattr(row, name)]
        for name in ("in_queue", "out_queue")
    }
    return _as(records.Stake, row, account=records.joined([PosAddress(row.address)]), **queues)


def _batches(stakes: Sequence[records.Stake]) -> Iterable[list[records.Stake]]:
    return (list(stakes[at : at + ROWS_AT_ONCE]) for at in range(0, len(stakes), ROWS_AT_ONCE))


async def _readings(conn: Conn, scope: Scope) -> list[records.Reading]:
    rows = await conn.execute(select(t.pos_readings).order_by(t.pos_readings.c.what))
    return [records.Reading(row.what, _within(spans(row.read), row.what, scope)) for row in rows]


def _within(read: Spans, what: str, scope: Scope) -> list[tuple[int, int]]:
    span = scope.transactions if what == BY_TRANSACTION else scope.epochs
    return [(one.first, one.last) for one in gaps(gaps(read, span), span)]
