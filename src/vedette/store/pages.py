"""Sums epoch by epoch, for lists and charts: what one epoch added is the difference of two sums.

Nothing is added up again for them; see `sums`.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from typing import NamedTuple, TypeVar, cast

import msgspec
import numpy as np
import zstandard
from sqlalchemy import func, select

from vedette.model.history import Of
from vedette.model.pos import PosAddress
from vedette.store import tables as t
from vedette.store.codec import ChunkError, inflate
from vedette.store.database import Conn
from vedette.store.sums import BYTES_MAX, NOTHING, Ints, Sums, segment_of, unpacked, unpacked_line

T = TypeVar("T")


class SumsState(NamedTuple):
    """Changes whenever any window's sums may have changed."""

    newest_epoch: int | None  # None: nothing is added up yet
    version: int
    clean_segments: int


async def state(conn: Conn) -> SumsState:
    """What the sums rest on now: to know whether those read before are still right."""
    segments = t.pos_segments.c
    newest = select(func.max(t.pos_sums.c.epoch)).scalar_subquery()
    clean = func.count() - func.count(segments.dirty_from)
    query = select(newest, func.coalesce(func.sum(segments.version), 0), clean).select_from(t.pos_segments)
    row = (await conn.execute(query)).one()
    return SumsState(row[0], int(row[1]), row[2])


class AccountEpoch(NamedTuple):
    """One account in one counted epoch; integers as in `Of` and `OfNetwork`."""

    epoch: int
    network: tuple[int, ...]
    line: tuple[int, ...]
    cumulative: tuple[int, ...]  # of all counted epochs through this one


class EpochSums(NamedTuple):
    """One counted epoch alone, of everybody, by account number."""

    epoch: int
    sums: Sums


async def epoch_sums(conn: Conn, limit: int) -> list[EpochSums]:
    """At most so many of the newest counted epochs, oldest first."""
    columns = t.pos_sums.c
    query = select(columns.epoch, columns.body).order_by(columns.epoch.desc()).limit(limit + 1)
    rows = (await conn.execute(query)).all()[::-1]
    running = [EpochSums(row.epoch, unpacked(row.body)) async for row in _slowly(rows)]
    before = [None, *running]
    alone = [_alone(own, sooner) for own, sooner in zip(running, before, strict=False)]
    return alone[-limit:]


def _alone(own: EpochSums, sooner: EpochSums | None) -> EpochSums:
    """What its sum has more than the one before it in the segment."""
    if sooner is None or segment_of(sooner.epoch) != segment_of(own.epoch):
        return own
    return EpochSums(own.epoch, own.sums.minus(sooner.sums))


NOBODY = -1
BREATHE_ROWS = 32
"""While many sums are opened, others get their turn each so many."""


async def account_epochs(
    conn: Conn, address: PosAddress, before: int | None, limit: int
) -> list[AccountEpoch]:
    """At most `limit` counted epochs below that one (None: from the newest), newest first."""
    columns = t.pos_sums.c
    query = select(columns.epoch, columns.body).order_by(columns.epoch.desc()).limit(limit + 1)
    rows = (await conn.execute(query if before is None else query.where(columns.epoch < before))).all()
    number = await _number_of(conn, address)
    bases = await _bases(conn, {segment_of(row.epoch) for row in rows}, number)
    running = [_part(row.epoch, unpacked_line(row.body, number)) async for row in _slowly(rows)]
    found = []
    for at, own in enumerate(running[:limit]):
        sooner = running[at + 1] if at + 1 < len(running) else None
        begins = sooner is None or segment_of(sooner.epoch) != segment_of(own.epoch)
        base = _part(0, bases[segment_of(own.epoch)])
        found.append(_account_epoch(own, None if begins else sooner, base))
    return found


class _Part(NamedTuple):
    """What one account and the network have in a sum."""

    epoch: int
    network: Ints
    line: Ints


def _part(epoch: int, sums: Sums) -> _Part:
    return _Part(epoch, sums.network, sums.lines[0] if len(sums.lines) else np.zeros(len(Of), np.int64))


def _account_epoch(own: _Part, sooner: _Part | None, base: _Part) -> AccountEpoch:
    """The epoch alone is what its sum has more than the one before it in the segment."""
    network, line = own.network, own.line
    if sooner is not None:
        network, line = network - sooner.network, line - sooner.line
    return AccountEpoch(
        own.epoch, tuple(network.tolist()), tuple(line.tolist()), tuple((base.line + own.line).tolist())
    )


async def _slowly(rows: Iterable[T]) -> AsyncIterator[T]:
    for at, row in enumerate(rows):
        if at and at % BREATHE_ROWS == 0:
            await asyncio.sleep(0)
        yield row


async def _number_of(conn: Conn, address: PosAddress) -> int:
    """An account's short number; nobody's, if it has none."""
    query = select(t.pos_accounts.c.id).where(t.pos_accounts.c.address == address)
    found = cast("int | None", (await conn.execute(query)).scalar())
    return NOBODY if found is None else found


async def _bases(conn: Conn, segments: Collection[int], number: int) -> dict[int, Sums]:
    columns = t.pos_segments.c
    query = select(columns.segment, columns.base).where(columns.segment.in_(sorted(segments)))
    held = {row.segment: row.base for row in await conn.execute(query)}
    return {one: unpacked_line(held[one], number) if held.get(one) else NOTHING for one in segments}


async def summed_epochs(conn: Conn, first_epoch: int, last_epoch: int) -> list[int]:
    """The epochs in this range that were added up, ascending."""
    column = t.pos_sums.c.epoch
    query = select(column).where(column.between(first_epoch, last_epoch)).order_by(column)
    return list((await conn.execute(query)).scalars())


async def summed_before(conn: Conn, epoch: int) -> int | None:
    """The newest epoch below this one that was added up."""
    column = t.pos_sums.c.epoch
    return cast("int | None", (await conn.execute(select(func.max(column)).where(column < epoch))).scalar())


class _Head(msgspec.Struct, frozen=True, array_like=True):
    """What a sum begins with; the rest, which is nearly all of it, is passed over."""

    network: bytes


_decode_head = msgspec.msgpack.Decoder(_Head).decode


def _network(blob: bytes) -> Ints:
    try:
        return np.frombuffer(_decode_head(inflate(blob, BYTES_MAX)).network, np.int64)
    except (ValueError, msgspec.MsgspecError, zstandard.ZstdError) as error:
        raise ChunkError(f"a sum cannot be read ({error}): restore the database") from error


async def network_totals(conn: Conn, epochs: Collection[int]) -> dict[int, tuple[int, ...]]:
    """The network's own sums from the very first epoch through each of these, which were added up."""
    columns = t.pos_sums.c
    bases = await _base_networks(conn, {segment_of(epoch) for epoch in epochs})
    query = select(columns.epoch, columns.body).where(columns.epoch.in_(sorted(epochs)))
    rows = (await conn.execute(query.order_by(columns.epoch))).all()
    return {
        row.epoch: tuple((bases[segment_of(row.epoch)] + _network(row.body)).tolist())
        async for row in _slowly(rows)
    }


async def _base_networks(conn: Conn, segments: Collection[int]) -> dict[int, Ints]:
    columns = t.pos_segments.c
    query = select(columns.segment, columns.base).where(columns.segment.in_(sorted(segments)))
    held = {row.segment: _network(row.base) for row in await conn.execute(query) if row.base is not None}
    return {one: held.get(one, NOTHING.network) for one in segments}
