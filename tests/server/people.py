"""People and keys, put straight into a database: what tests need of them before they ask anything."""

import secrets
from collections.abc import Iterable

from sqlalchemy import insert

from vedette.model.people import FIRST_TEAM, Role
from vedette.store import tables as t
from vedette.store.database import Conn, Database
from vedette.store.sessions import hash_of

FOREVER_MS = 4_000_000_000_000
COOKIE = "vedette-session"


async def key_of(
    database: Database, scopes: Iterable[str] = ("read", "write"), team_id: int = FIRST_TEAM
) -> str:
    """A new API key's token."""
    token = "vdt_" + secrets.token_urlsafe(32)
    row = {"id": secrets.token_hex(16), "team_id": team_id, "name": "test", "hint": token[-4:]}
    row |= {"token_hash": hash_of(token), "scopes": list(scopes), "created_at_ms": 0}
    await database.write(lambda conn: conn.execute(insert(t.api_keys).values(row)))
    return token


async def team_of(database: Database, name: str) -> int:
    """A new team's number."""

    async def make(conn: Conn) -> int:
        made = await conn.execute(insert(t.teams).values(name=name).returning(t.teams.c.id))
        number: int = made.scalar_one()
        return number

    return await database.write(make)


async def signed_in(
    database: Database,
    name: str,
    role: Role | None = Role.OWNER,
    *,
    team_id: int = FIRST_TEAM,
    is_admin: bool = False,
) -> str:
    """A new user's session: the value of his cookie. He proved himself a moment ago."""
    token = secrets.token_urlsafe(32)
    user = {"name": name, "pseudonym": f"u-{secrets.token_hex(8)}", "is_admin": is_admin, "created_at_ms": 0}

    async def enter(conn: Conn) -> None:
        made = await conn.execute(insert(t.users).values(user).returning(t.users.c.id))
        user_id = made.scalar_one()
        if role is not None:
            member = {"team_id": team_id, "user_id": user_id, "role": role.value, "since_ms": 0}
            await conn.execute(insert(t.memberships).values(member))
        session = {"id": secrets.token_hex(16), "user_id": user_id, "team_id": team_id, "browser": "test"}
        session |= {"token_hash": hash_of(token), "created_at_ms": 0, "seen_at_ms": FOREVER_MS}
        session |= {"expires_at_ms": FOREVER_MS, "fresh_until_ms": FOREVER_MS}
        await conn.execute(insert(t.sessions).values(session))

    await database.write(enter)
    return token


def cookie(token: str) -> dict[str, str]:
    """The headers of a browser that signed in, and whose own page asks."""
    return {"Cookie": f"{COOKIE}={token}", "Sec-Fetch-Site": "same-origin"}
