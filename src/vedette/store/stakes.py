"""What accounts held at the end of an epoch. It is seen live or never: no node tells of past stakes."""

from collections.abc import Mapping
from typing import cast

from sqlalchemy import func, select

from vedette.model.pos import PosAddress
from vedette.store import tables as t
from vedette.store.accounts import intern
from vedette.store.codec import pack_ints, unpack_ints
from vedette.store.database import Conn, insert_into
from vedette.store.rosters import addresses
from vedette.store.sums import dirty


async def remember_stakes(
    conn: Conn, epoch: int, votes: Mapping[PosAddress, int], network_votes: int | None
) -> None:
    """Keep the available votes of these accounts, and of the whole network, as of the end of an epoch.

    The first word counts: one that comes later, say after a restart, was seen further from the epoch's end.
    """
    numbers = await intern(conn, votes.keys())
    ordered = sorted((numbers[address], held) for address, held in votes.items())
    row = {
        "epoch": epoch,
        "accounts": pack_ints([number for number, _ in ordered]),
        "votes": pack_ints([held for _, held in ordered]),
        "network_votes": network_votes,
    }
    add = insert_into(conn, t.pos_epoch_stakes).values(**row).on_conflict_do_nothing()
    if (await conn.execute(add)).rowcount:
        await dirty(conn, epoch)


async def first_staked_epoch(conn: Conn) -> int | None:
    """The first epoch whose stakes were seen live; before it, expectations are not known."""
    first = select(func.min(t.pos_epoch_stakes.c.epoch))
    return cast("int | None", (await conn.execute(first)).scalar())


async def stakes(conn: Conn, first: int, last: int) -> dict[int, tuple[dict[PosAddress, int], int | None]]:
    """Available votes as each of these epochs ended, of accounts and of everybody together."""
    columns = t.pos_epoch_stakes.c
    rows = (await conn.execute(select(t.pos_epoch_stakes).where(columns.epoch.between(first, last)))).all()
    held = {
        row.epoch: dict(zip(unpack_ints(row.accounts), unpack_ints(row.votes), strict=True)) for row in rows
    }
    named = await addresses(conn, {number for one in held.values() for number in one})
    return {
        row.epoch: ({named[n]: votes for n, votes in held[row.epoch].items()}, row.network_votes)
        for row in rows
    }
