"""What the database holds of the chain's own shape: enough to tell one chain from another."""

from sqlalchemy import func, select

from vedette.store import epochs
from vedette.store.database import Conn
from vedette.store.tables import pos_blocks
from vedette.store.votes import LOCK


async def hashes(conn: Conn, first: int, last: int) -> dict[int, str]:
    """The hashes of the blocks held in [first, last], by height, as 0x and 64 hex digits."""
    rows = await conn.execute(
        select(pos_blocks.c.height, pos_blocks.c.hash).where(pos_blocks.c.height.between(first, last))
    )
    return {height: f"0x{bytes(found).hex()}" for height, found in rows} | await epochs.hashes(
        conn, first, last
    )


async def hashes_before_writing(conn: Conn, first: int, last: int) -> dict[int, str]:
    """The same, and until this transaction ends nobody else adds blocks: what was compared stays true."""
    if conn.dialect.name == "postgresql":
        await conn.execute(select(func.pg_advisory_xact_lock(LOCK)))
    return await hashes(conn, first, last)
