"""Public halves of keys that may command agents: kept to be shown, and trusted by nobody for it."""

import secrets
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import func, select, update

from vedette.model.people import Who
from vedette.store import audit
from vedette.store import tables as t
from vedette.store.database import Conn, insert_into, visible_to

KEYS_MAX: Final = 100
MadeBy = Literal["browser", "cli"]


@dataclass(frozen=True, slots=True)
class OperatorKeyRow:
    """One public half. How it was made is told once and stays: it decides what the key may sign."""

    id: str
    name: str
    public_key: bytes
    made_by: MadeBy
    created_at_ms: int
    revoked_at_ms: int | None

    @property
    def may_start_voter(self) -> bool:
        """Never one made in a browser: whoever has the server serves the code that would use it."""
        return self.made_by == "cli" and self.revoked_at_ms is None


COLUMNS = [t.operator_keys.c[name] for name in OperatorKeyRow.__dataclass_fields__]


async def add(
    conn: Conn, who: Who, name: str, public_key: bytes, made_by: MadeBy, now_ms: int
) -> OperatorKeyRow | Literal["known", "too many"]:
    """List a key; one that stands in the team's list, revoked or not, stays as it was told first."""
    table = t.operator_keys
    mine = select(func.count()).select_from(table).where(visible_to(who, table))
    if int((await conn.execute(mine)).scalar_one()) >= KEYS_MAX:
        return "too many"
    row = OperatorKeyRow(secrets.token_hex(8), name, public_key, made_by, now_ms, None)
    new = insert_into(conn, table).values(
        id=row.id, team_id=who.team_id, user_id=who.user_id, name=name,
        public_key=public_key, made_by=made_by, created_at_ms=now_ms,
    )  # fmt: skip
    if not (await conn.execute(new.on_conflict_do_nothing())).rowcount:
        return "known"
    await audit.note(conn, now_ms, who, "operator-key.add", f"operator-key:{row.id}", {"made_by": made_by})
    return row


async def listed(conn: Conn, who: Who) -> list[OperatorKeyRow]:
    """The team's list, the newest first."""
    columns = t.operator_keys.c
    query = select(*COLUMNS).where(visible_to(who, t.operator_keys))
    rows = await conn.execute(query.order_by(columns.created_at_ms.desc(), columns.id))
    return [OperatorKeyRow(*row) for row in rows]


async def revoke(conn: Conn, who: Who, key_id: str, now_ms: int) -> bool:
    """Say that a key is to be trusted no more; False when it is not in the team's list."""
    columns = t.operator_keys.c
    mine = columns.id == key_id, visible_to(who, t.operator_keys)
    if (await conn.execute(select(columns.id).where(*mine))).first() is None:
        return False
    live = update(t.operator_keys).where(*mine, columns.revoked_at_ms.is_(None))
    if (await conn.execute(live.values(revoked_at_ms=now_ms))).rowcount:
        await audit.note(conn, now_ms, who, "operator-key.revoke", f"operator-key:{key_id}")
    return True
