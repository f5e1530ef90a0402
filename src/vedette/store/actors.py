"""Who stands behind an actor's code, as the audit log and incidents keep it."""

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import select

from vedette.store import tables as t
from vedette.store.database import Conn

KEY: Final = "key:"
CONTACT: Final = "contact:"


async def names_of(conn: Conn, codes: Collection[str]) -> Mapping[str, str]:
    """The names behind actors' codes, as they are today. A code that leads to nobody is its own name."""
    found = {code: code for code in codes}
    users, keys, contacts = t.users.c, t.api_keys.c, t.contact_points.c
    ids = {code.partition(":")[2] for code in codes}
    if not codes:
        return found
    people = select(users.pseudonym, users.name).where(users.pseudonym.in_(codes))
    found |= {row.pseudonym: row.name for row in await conn.execute(people)}
    for prefix, columns in ((KEY, keys), (CONTACT, contacts)):
        rows = await conn.execute(select(columns.id, columns.name).where(columns.id.in_(ids)))
        found |= {prefix + row.id: row.name for row in rows if prefix + row.id in found}
    return found
