"""What the database holds of the chain's own shape: enough to tell one chain from another."""

from sqlalchemy import select

from vedette.store.database import Conn
from vedette.store.tables import pos_blocks


async def hashes(conn: Conn, first: int, last: int) -> dict[int, str]:
    """The hashes of the blocks held in [first, last], by height, as 0x and 64 hex digits."""
    rows = await conn.execute(
        select(pos_blocks.c.height, pos_blocks.c.hash).where(pos_blocks.c.height.between(first, last))
    )
    return {height: f"0x{bytes(found).hex()}" for height, found in rows}
