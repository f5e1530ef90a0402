"""What the database holds of the chain's own shape: enough to tell one chain from another."""

from sqlalchemy import func, select

from vedette.store import epochs
from vedette.store.database import Conn, insert_into
from vedette.store.tables import marks, pos_blocks
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


async def chain_id(conn: Conn) -> int | None:
    """The PoW chain's number, if any endpoint ever told it."""
    found = (await conn.execute(select(marks.c.text).where(marks.c.name == "chain"))).scalar()
    return None if found is None else int(found)


async def remember_chain_id(conn: Conn, number: int) -> None:
    """Keep the PoW chain's number; the first word holds."""
    add = insert_into(conn, marks).values(name="chain", text=str(number))
    await conn.execute(add.on_conflict_do_nothing())
