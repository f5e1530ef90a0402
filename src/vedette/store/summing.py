"""Making the sums anew where counts, rewards or stakes changed. What is derived may always be thrown away.

A rebuild reads what it needs, adds up outside of any transaction that writes, and keeps the result in one
short one: readers see sums that belong together, if at times a little old.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Row, case, delete, func, select, update

from vedette.model.history import Of
from vedette.model.pos import PosAddress
from vedette.model.sums import contribution
from vedette.store import epochs, stakes
from vedette.store import tables as t
from vedette.store.codec import unpack_drips, unpack_ints
from vedette.store.database import Conn, Database, insert_into
from vedette.store.rosters import addresses
from vedette.store.sums import NOTHING, SEGMENT_EPOCHS, Sums, packed, unpacked
from vedette.store.votes import LOCK

BREATHE_EPOCHS = 8
"""While adding up, others get their turn each so many epochs."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The sums of one segment from `dirty_from` on."""

    segment: int
    dirty_from: int
    version: int
    sums: dict[int, Sums]


async def refresh(database: Database) -> int:
    """Make anew the sums of every segment that is dirty; returns how many there were."""
    async with database.read() as conn:
        wanted = (await conn.execute(_DIRTY)).all()
    for row in wanted:
        async with database.read() as conn:
            rebuilt = await _rebuild(conn, row)

        async def keep(conn: Conn, rebuilt: Rebuilt = rebuilt) -> None:
            await _keep(conn, rebuilt)

        await database.write(keep)
    return len(wanted)


_DIRTY = (
    select(*t.pos_segments.c["segment", "dirty_from", "version"])
    .where(t.pos_segments.c.dirty_from.is_not(None))
    .order_by(t.pos_segments.c.segment)
)


# --- adding up --------------------------------------------------------------------------------------------


async def _rebuild(conn: Conn, row: Row[Any]) -> Rebuilt:
    segment, dirty_from, version = row.segment, row.dirty_from, row.version
    first, last = segment * SEGMENT_EPOCHS, segment * SEGMENT_EPOCHS + SEGMENT_EPOCHS - 1
    counts = await epochs.counts(conn, dirty_from, last + 1)
    drips = await _drips(conn, dirty_from, last)
    ends = await stakes.stakes(conn, dirty_from, last)
    numbers = await _numbers(conn)
    running = await _last_sum(conn, first, dirty_from - 1)
    made: dict[int, Sums] = {}
    for one, after in zip(counts, (*counts[1:], None), strict=False):  # of no counts, nothing
        if one.epoch > last:
            break
        ended_at_us = after.first_at_us if after is not None and after.epoch == one.epoch + 1 else None
        held = ends.get(one.epoch, (None, None))
        added = contribution(one, drips.get(one.epoch), *held, next_first_at_us=ended_at_us)
        running = running.plus(_as_sums(*added, numbers))
        made[one.epoch] = running
        if len(made) % BREATHE_EPOCHS == 0:
            await asyncio.sleep(0)
    return Rebuilt(segment, dirty_from, version, made)


def _as_sums(
    network: tuple[int, ...], lines: Mapping[PosAddress, tuple[int, ...]], numbers: Mapping[PosAddress, int]
) -> Sums:
    ordered = sorted((numbers[address], line) for address, line in lines.items())
    matrix = np.array([line for _, line in ordered], np.int64).reshape(-1, len(Of))
    return Sums(np.array(network, np.int64), np.array([n for n, _ in ordered], np.int32), matrix)


async def _last_sum(conn: Conn, first: int, last: int) -> Sums:
    """The newest sum in [first, last]."""
    columns = t.pos_sums.c
    query = select(columns.body).where(columns.epoch.between(first, last))
    body = (await conn.execute(query.order_by(columns.epoch.desc()).limit(1))).scalar()
    return NOTHING if body is None else unpacked(body)


async def _numbers(conn: Conn) -> dict[PosAddress, int]:
    rows = await conn.execute(select(t.pos_accounts.c.address, t.pos_accounts.c.id))
    return {PosAddress(row.address): row.id for row in rows}


async def _drips(conn: Conn, first: int, last: int) -> dict[int, dict[PosAddress, int]]:
    columns = t.pos_rewards.c
    query = select(columns.epoch, columns.accounts, columns.drips).where(columns.epoch.between(first, last))
    rows = (await conn.execute(query)).all()
    paid = {row.epoch: _paid(row.accounts, row.drips) for row in rows}
    named = await addresses(conn, {number for one in paid.values() for number in one})
    return {epoch: {named[number]: drip for number, drip in one.items()} for epoch, one in paid.items()}


def _paid(accounts: bytes, drips: bytes) -> dict[int, int]:
    return dict(zip(unpack_ints(accounts), unpack_drips(drips), strict=True))


# --- keeping ----------------------------------------------------------------------------------------------


async def _keep(conn: Conn, rebuilt: Rebuilt) -> None:
    """Replace the segment's sums from `dirty_from` on, and move the bases of all later segments."""
    if conn.dialect.name == "postgresql":
        await conn.execute(select(func.pg_advisory_xact_lock(LOCK)))
    first, last = rebuilt.segment * SEGMENT_EPOCHS, rebuilt.segment * SEGMENT_EPOCHS + SEGMENT_EPOCHS - 1
    # Another process may have kept a rebuild of its own meanwhile: the bases stand on what is here now.
    before = await _last_sum(conn, first, last)
    await conn.execute(delete(t.pos_sums).where(t.pos_sums.c.epoch.between(rebuilt.dirty_from, last)))
    rows = [{"epoch": epoch, "body": packed(sums)} for epoch, sums in rebuilt.sums.items()]
    if rows:
        await conn.execute(insert_into(conn, t.pos_sums), rows)
    after = await _last_sum(conn, first, last)
    await _rebase(conn, rebuilt.segment, after.minus(before))
    columns = t.pos_segments.c
    clean = case((columns.version == rebuilt.version, None), else_=columns.dirty_from)
    base = await _base(conn, rebuilt.segment)
    await conn.execute(
        update(t.pos_segments)
        .where(columns.segment == rebuilt.segment)
        .values(dirty_from=clean, base=packed(base))
    )


async def _rebase(conn: Conn, segment: int, by: Sums) -> None:
    columns = t.pos_segments.c
    query = select(columns.segment, columns.base).where(columns.segment > segment, columns.base.is_not(None))
    for row in (await conn.execute(query)).all():
        moved = packed(unpacked(row.base).plus(by))
        await conn.execute(update(t.pos_segments).where(columns.segment == row.segment).values(base=moved))


async def _base(conn: Conn, segment: int) -> Sums:
    """The sum of everything before the segment: the base of the one before, and that one's last sum."""
    columns = t.pos_segments.c
    query = select(columns.segment, columns.base).where(columns.segment < segment, columns.base.is_not(None))
    row = (await conn.execute(query.order_by(columns.segment.desc()).limit(1))).one_or_none()
    if row is None:
        return NOTHING
    first = row.segment * SEGMENT_EPOCHS
    return unpacked(row.base).plus(await _last_sum(conn, first, first + SEGMENT_EPOCHS - 1))
