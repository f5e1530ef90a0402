"""Building the tiers out of chunks, and dropping what they hold.

Everything about one chunk is one transaction: its minutes, hours and day are written and the chunk is no
longer dirty, or nothing happened. Building it again replaces what was built before. Only when the samples of
that time were dropped are late ones *added* to the tiers; their chunk is then dropped in that transaction.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, or_, select, update

from vedette.store import availability
from vedette.store import tables as t
from vedette.store.codec import Chunk, decode_chunk
from vedette.store.database import Conn, insert_into
from vedette.store.tiers import (
    DAY,
    DAY_MS,
    HOUR,
    MINUTE,
    NOTHING,
    SLOT_MS,
    TIERS,
    Tier,
    decode,
    encode,
    fold,
    of_samples,
    with_added,
    with_slot,
)


@dataclass(frozen=True, slots=True)
class Keep:
    """For how long samples, minutes and hours are kept. Days are kept for ever."""

    raw_days: int = 7
    minute_days: int = 90
    hour_days: int = 3 * 365

    def kept(self, now_ms: int) -> "Kept":
        """What need not be kept lies before these times, which chunks begin with."""
        return Kept(
            (now_ms - self.raw_days * DAY_MS) // SLOT_MS * SLOT_MS,
            MINUTE.chunk_start_ms(now_ms - self.minute_days * DAY_MS),
            HOUR.chunk_start_ms(now_ms - self.hour_days * DAY_MS),
        )


@dataclass(frozen=True, slots=True)
class Kept:
    """From when on a node's samples, minutes and hours are there: what is coarser reaches further back."""

    raw_from_ms: int = 0
    minute_from_ms: int = 0
    hour_from_ms: int = 0

    def all(self) -> tuple[int, int, int]:
        return self.raw_from_ms, self.minute_from_ms, self.hour_from_ms

    def from_of(self, tier: Tier) -> int:
        return {MINUTE: self.minute_from_ms, HOUR: self.hour_from_ms}.get(tier, 0)

    def step_min_ms(self, from_ms: int) -> int:
        """The narrowest step that all of the time from then on is held in; 0: that of the samples."""
        for before_ms, tier in (
            (self.hour_from_ms, DAY),
            (self.minute_from_ms, HOUR),
            (self.raw_from_ms, MINUTE),
        ):
            if from_ms < before_ms:
                return tier.step_ms
        return 0


async def kept_of(conn: Conn, node_id: str) -> Kept:
    columns = t.kept.c
    query = select(columns.raw_from_ms, columns.minute_from_ms, columns.hour_from_ms)
    row = (await conn.execute(query.where(columns.node_id == node_id))).one_or_none()
    return Kept() if row is None else Kept(*row)


# --- building ---------------------------------------------------------------------------------------------


async def build_one(conn: Conn) -> int:
    """Fold one finished chunk into the tiers; returns 1, or 0 when none waits."""
    columns = t.chunks.c
    waiting = select(t.chunks).where(columns.dirty, columns.span_ms == SLOT_MS)
    found = (await conn.execute(waiting.order_by(columns.start_ms).limit(1))).one_or_none()
    if found is None:
        return 0
    kept = await kept_of(conn, found.node_id)
    late = found.start_ms < kept.raw_from_ms
    held = await _held(conn, found)
    bodies = await asyncio.to_thread(_built, found.start_ms, found.body, held, kept, late)
    await _keep(conn, found, bodies)
    this = and_(columns.node_id == found.node_id, columns.start_ms == found.start_ms)
    await conn.execute(
        delete(t.chunks).where(this) if late else update(t.chunks).where(this).values(dirty=False)
    )
    return 1


async def _held(conn: Conn, chunk: Row[Any]) -> dict[Tier, bytes]:
    """What the tiers have of the time around a chunk."""
    columns = t.tiers.c
    places = {tier: tier.chunk_start_ms(chunk.start_ms) for tier in TIERS}
    these = or_(
        *(and_(columns.step_ms == tier.step_ms, columns.start_ms == at) for tier, at in places.items())
    )
    rows = await conn.execute(
        select(columns.step_ms, columns.body).where(columns.node_id == chunk.node_id, these)
    )
    bodies = {row.step_ms: row.body for row in rows}
    return {tier: bodies[tier.step_ms] for tier in TIERS if tier.step_ms in bodies}


@dataclass(frozen=True, slots=True)
class _Body:
    bucket_count: int
    body: bytes


def _built(
    start_ms: int, chunk: bytes, held: Mapping[Tier, bytes], kept: Kept, late: bool
) -> dict[Tier, _Body]:
    """What the tiers around a chunk become."""
    old = {tier: decode(Chunk(held[tier])) if tier in held else NOTHING for tier in TIERS}
    told = decode_chunk(chunk)
    spent = availability.spent(told, start_ms + SLOT_MS, MINUTE.step_ms)
    minutes = fold([of_samples(told), spent], MINUTE.step_ms)
    built = with_added(old, minutes) if late else with_slot(old, minutes, start_ms)
    return {
        tier: _Body(len(buckets.at), encode(buckets))
        for tier, buckets in built.items()
        if start_ms >= kept.from_of(tier)
    }


async def _keep(conn: Conn, chunk: Row[Any], bodies: Mapping[Tier, _Body]) -> None:
    add = insert_into(conn, t.tiers)
    told = {name: add.excluded[name] for name in ("bucket_count", "body")}
    rows = [
        {
            "node_id": chunk.node_id,
            "step_ms": tier.step_ms,
            "start_ms": tier.chunk_start_ms(chunk.start_ms),
            "team_id": chunk.team_id,
            "bucket_count": made.bucket_count,
            "body": made.body,
        }
        for tier, made in bodies.items()
    ]
    await conn.execute(
        add.on_conflict_do_update(index_elements=["node_id", "step_ms", "start_ms"], set_=told), rows
    )


# --- dropping ---------------------------------------------------------------------------------------------


async def forget_one(conn: Conn, now_ms: int, keep: Keep) -> int:
    """Drop what one node need not keep any longer; returns 1, or 0 when there is nothing to drop."""
    wanted = keep.kept(now_ms)
    found = await _droppable(conn, wanted)
    if found is None:
        return 0
    held = await kept_of(conn, found.node_id)
    kept = Kept(*(max(one, other) for one, other in zip(held.all(), wanted.all(), strict=True)))
    await conn.execute(
        delete(t.chunks).where(_old_chunk(t.chunks.c, kept), t.chunks.c.node_id == found.node_id)
    )
    await conn.execute(delete(t.tiers).where(_old_tier(t.tiers.c, kept), t.tiers.c.node_id == found.node_id))
    add = insert_into(conn, t.kept)
    told = {
        "raw_from_ms": kept.raw_from_ms,
        "minute_from_ms": kept.minute_from_ms,
        "hour_from_ms": kept.hour_from_ms,
    }
    row = add.values(node_id=found.node_id, team_id=found.team_id, **told)
    await conn.execute(row.on_conflict_do_update(index_elements=["node_id"], set_=told))
    return 1


async def _droppable(conn: Conn, wanted: Kept) -> Any:
    """A node with something old, or None. While one of its old chunks waits for the tiers, all stay."""
    columns, others = t.chunks.c, t.chunks.alias("others").c
    waits = exists().where(
        others.node_id == columns.node_id, others.dirty, others.start_ms < wanted.raw_from_ms
    )
    chunks = select(columns.node_id, columns.team_id).where(_old_chunk(columns, wanted), ~waits).limit(1)
    if (found := (await conn.execute(chunks)).one_or_none()) is not None:
        return found
    waits = exists().where(
        others.node_id == t.tiers.c.node_id, others.dirty, others.start_ms < wanted.raw_from_ms
    )
    tiers = select(t.tiers.c.node_id, t.tiers.c.team_id).where(_old_tier(t.tiers.c, wanted), ~waits).limit(1)
    return (await conn.execute(tiers)).one_or_none()


def _old_chunk(columns: Any, kept: Kept) -> ColumnElement[bool]:
    """A chunk that the tiers hold, and that need not be kept; what is still to become larger is dirty."""
    return and_(columns.span_ms == SLOT_MS, columns.start_ms < kept.raw_from_ms, ~columns.dirty)


def _old_tier(columns: Any, kept: Kept) -> ColumnElement[bool]:
    return or_(
        *(
            and_(columns.step_ms == tier.step_ms, columns.start_ms < kept.from_of(tier))
            for tier in (MINUTE, HOUR)
        )
    )
