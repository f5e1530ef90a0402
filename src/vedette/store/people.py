"""Teams, and the validators that they watch."""

from collections.abc import Iterable

from sqlalchemy import delete, select

from vedette.model.pos import PosAddress
from vedette.store.database import Conn, insert_into
from vedette.store.tables import watches


async def watched(conn: Conn) -> dict[PosAddress, int]:
    """Each watched validator and the team that is told about it (the oldest team, if several watch)."""
    query = select(watches.c.address, watches.c.team_id).order_by(watches.c.team_id.desc())
    return {row.address: row.team_id for row in await conn.execute(query)}


async def watch(conn: Conn, team_id: int, addresses: Iterable[PosAddress]) -> None:
    """From now on the team watches exactly these."""
    await conn.execute(delete(watches).where(watches.c.team_id == team_id))
    rows = [{"team_id": team_id, "address": address} for address in sorted(set(addresses))]
    if rows:
        await conn.execute(insert_into(conn, watches).on_conflict_do_nothing(), rows)
