"""Which validators the teams watch."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import delete, select

from vedette.model.people import Who
from vedette.model.pos import PosAddress
from vedette.store.database import Conn, insert_into, visible_to
from vedette.store.tables import watches


@dataclass(frozen=True, slots=True)
class Watches:
    """What one team watches: by its settings (the first team alone has some), and by its own word."""

    of_settings: tuple[PosAddress, ...]
    own: tuple[PosAddress, ...]


async def watched(conn: Conn) -> set[PosAddress]:
    """Every validator that some team watches."""
    return set((await conn.execute(select(watches.c.address).distinct())).scalars())


async def watched_by(conn: Conn) -> dict[int, set[PosAddress]]:
    """What each team watches: each is told for itself."""
    found: dict[int, set[PosAddress]] = {}
    for row in await conn.execute(select(watches.c.team_id, watches.c.address)):
        found.setdefault(row.team_id, set()).add(PosAddress(row.address))
    return found


async def watches_of(conn: Conn, who: Who) -> Watches:
    """What the reader's team watches."""
    query = select(watches.c.address, watches.c.of_settings).where(visible_to(who, watches))
    rows = (await conn.execute(query.order_by(watches.c.address))).all()
    return Watches(
        tuple(PosAddress(row.address) for row in rows if row.of_settings),
        tuple(PosAddress(row.address) for row in rows if not row.of_settings),
    )


async def watch(
    conn: Conn, team_id: int, addresses: Iterable[PosAddress], *, of_settings: bool = False
) -> None:
    """From now on the team watches exactly these, by its settings or by its own word.

    One that the settings name stays theirs: it goes when they no longer name it.
    """
    same = watches.c.team_id == team_id, watches.c.of_settings.is_(of_settings)
    await conn.execute(delete(watches).where(*same))
    rows = [
        {"team_id": team_id, "address": address, "of_settings": of_settings}
        for address in sorted(set(addresses))
    ]
    if rows:
        new = insert_into(conn, watches)
        theirs = new.on_conflict_do_update(
            index_elements=["team_id", "address"], set_={"of_settings": new.excluded.of_settings}
        )
        await conn.execute(theirs if of_settings else new.on_conflict_do_nothing(), rows)
