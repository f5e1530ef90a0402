"""Whether a carried history contradicts what a database holds: then one of them is wrong."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select

from vedette.store import chain, epochs, rewards
from vedette.store import tables as t
from vedette.store.carry import blocks, records
from vedette.store.carry.blocks import Carried
from vedette.store.carry.file import CarryError
from vedette.store.carry.reading import Item, drips_of
from vedette.store.database import Conn
from vedette.store.rosters import rosters


async def compare(conn: Conn, items: Sequence[Item], path: Path, *, writing: bool = False) -> None:
    """Raises CarryError that names the first contradiction.

    When writing, nobody else adds blocks until the transaction ends: what was compared stays true.
    """
    for item in items:
        if isinstance(item, records.Head):
            await _compare_chain(conn, item, path)
    await _compare_blocks(conn, [one for one in items if isinstance(one, Carried)], path, writing=writing)
    await _compare_committees(conn, [one for one in items if isinstance(one, records.Committee)], path)
    await _compare_payments(conn, [one for one in items if isinstance(one, records.Payments)], path)
    events = [one for one in items if isinstance(one, records.Events)]
    await _compare_events(conn, [row for one in events for row in one.rows], path)


async def _compare_chain(conn: Conn, head: records.Head, path: Path) -> None:
    ours = await chain.chain_id(conn)
    if None not in (ours, head.chain_id) and ours != head.chain_id:
        raise CarryError(f"{path} is of another chain: its chain id is {head.chain_id}, and ours is {ours}")
    if head.origin is not None:
        first = epochs.FIRST_BLOCK
        held = (await chain.hashes(conn, first, first)).get(first)
        told = "0x" + head.origin.hex()
        if held not in {None, told}:
            raise _other_block(path, 1, first, told, str(held))


def _other_block(path: Path, epoch: int, height: int, told: str, held: str) -> CarryError:
    return CarryError(
        f"{path} contradicts this database in epoch {epoch}: its block {height} is {told[:14]}…,"
        f" and ours is {held[:14]}…"
    )


async def _compare_blocks(conn: Conn, carried: Sequence[Carried], path: Path, *, writing: bool) -> None:
    if not carried:
        return
    hashes = chain.hashes_before_writing if writing else chain.hashes
    held = await hashes(conn, carried[0].heights.first, carried[-1].heights.last)
    ours = await epochs.spans_between(conn, carried[0].epoch, carried[-1].epoch)
    for one in carried if held else ():
        for height, told in one.hex_hashes.items():
            if held.get(height, told) != told:
                raise _other_block(path, one.epoch, height, told, held[height])
        span = ours.get(one.epoch)
        if span is not None and (span.first_height, span.last_height) != one.heights:
            raise _others(path, one.epoch, "bounds")


async def _compare_committees(conn: Conn, told: Sequence[records.Committee], path: Path) -> None:
    held = await rosters(conn, [one.epoch for one in told])
    for one in told:
        if one.epoch in held and held[one.epoch].committee != blocks.as_committee(one):
            raise _others(path, one.epoch, "committee")


async def _compare_payments(conn: Conn, told: Sequence[records.Payments], path: Path) -> None:
    held = await rewards.rewards(conn, told[0].epoch, told[-1].epoch) if told else {}
    for one in told:
        if one.epoch in held and held[one.epoch].drips != drips_of(one):
            raise _others(path, one.epoch, "rewards")


def _others(path: Path, epoch: int, what: str) -> CarryError:
    return CarryError(f"{path} contradicts this database in epoch {epoch}: its {what} and ours differ")


async def _compare_events(conn: Conn, rows: Sequence[records.Event], path: Path) -> None:
    columns = t.pos_events.c
    query = select(columns.number, columns.hash).where(columns.number.in_([row.number for row in rows]))
    held = {row.number: bytes(row.hash) for row in await conn.execute(query)} if rows else {}
    for row in rows:
        if held.get(row.number, row.hash) != row.hash:
            raise CarryError(
                f"{path} contradicts this database: its transaction {row.number} is 0x{row.hash.hex()[:12]}…,"
                f" and ours is 0x{held[row.number].hex()[:12]}…"
            )
