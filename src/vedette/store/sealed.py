"""Every column that holds a sealed secret, and how all of them are sealed anew."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Table, select, update

from vedette.store import tables as t
from vedette.store.database import Conn


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """Where secrets stand, and for what they were sealed."""

    column: Column[bytes]
    purpose: str

    @property
    def table(self) -> Table:
        assert isinstance(self.column.table, Table)
        return self.column.table


TOTP = SealedColumn(t.users.c.totp_sealed, "totp")
PUSH = SealedColumn(t.push_subscriptions.c.sealed, "push")
PUSH_KEY = SealedColumn(t.push_keys.c.sealed, "push key")
CONTACT = SealedColumn(t.contact_points.c.sealed, "contact point")
SEALED = (TOTP, PUSH, PUSH_KEY, CONTACT)

Anew = Callable[[bytes, str], bytes]
"""From a seal and its purpose to a seal of the same secret with the newest key."""


async def reseal(conn: Conn, anew: Anew) -> int:
    """Seal everything anew; returns how much that was."""
    count = 0
    for one in SEALED:
        for key, sealed in await _held(conn, one):
            same = one.table.c.id == key
            done = update(one.table).where(same, one.column == sealed)  # not over what was set meanwhile
            count += (await conn.execute(done.values({one.column: anew(sealed, one.purpose)}))).rowcount
    return count


async def seals(conn: Conn) -> list[bytes]:
    """All that is sealed."""
    return [sealed for one in SEALED for _, sealed in await _held(conn, one)]


async def _held(conn: Conn, one: SealedColumn) -> list[tuple[Any, bytes]]:
    query = select(one.table.c.id, one.column).where(one.column.is_not(None))
    return [(key, sealed) for key, sealed in await conn.execute(query)]
