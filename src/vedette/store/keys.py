"""API keys: tokens with scopes that a team's owners hand to programs. Only a token's hash is kept."""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import ColumnElement, Row, Select, func, insert, or_, select, update

from vedette.model.people import Scope, Who
from vedette.store import audit
from vedette.store import tables as t
from vedette.store.database import Conn, visible_to
from vedette.store.sessions import hash_of

START: Final = "vdt_"
"""How every API key begins, so that one that leaked is known for what it is."""
TOKEN_BYTES: Final = 32
HINT_CHARS: Final = 4
NAME_CHARS_MAX: Final = 80
DAYS_MAX: Final = 3_650
LIVE_MAX: Final = 100
"""So many keys of a team at a time are more than anybody keeps an eye on."""


class TooManyKeysError(Exception):
    """The team has as many live keys as it may."""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as its team sees it. `made_by` is None when that was the server's machine, or he is forgotten."""

    id: str
    team_id: int
    name: str
    hint: str
    scopes: tuple[Scope, ...]
    made_by: str | None
    created_at_ms: int
    expires_at_ms: int | None
    used_at_ms: int | None
    revoked_at_ms: int | None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key and its token, which is told once."""

    row: KeyRow
    token: str = field(repr=False)


async def make_key(
    conn: Conn, who: Who, name: str, scopes: Collection[Scope], expires_at_ms: int | None, now_ms: int
) -> NewKey:
    """A new key of the maker's team. Raises TooManyKeysError."""
    if await _live(conn, who, now_ms) >= LIVE_MAX:
        raise TooManyKeysError
    token, key_id = START + secrets.token_urlsafe(TOKEN_BYTES), secrets.token_hex(8)
    names = [scope.value for scope in Scope if scope in scopes]
    row: dict[str, object] = {"id": key_id, "team_id": who.team_id, "user_id": who.user_id, "name": name}
    row |= {"scopes": names}
    row |= {"token_hash": hash_of(token), "hint": token[-HINT_CHARS:]}
    row |= {"created_at_ms": now_ms, "expires_at_ms": expires_at_ms}
    await conn.execute(insert(t.api_keys).values(row))
    told = {"scopes": " ".join(names), "expires_at_ms": expires_at_ms}
    await audit.note(conn, now_ms, who, "key.make", f"key:{key_id}", told)
    made = (await conn.execute(_KEYS.where(t.api_keys.c.id == key_id))).one()
    return NewKey(_row(made), token)


async def keys(conn: Conn, who: Who) -> list[KeyRow]:
    """The team's keys, the newest first; revoked and expired ones among them."""
    newest = t.api_keys.c.created_at_ms.desc(), t.api_keys.c.id
    rows = await conn.execute(_KEYS.where(visible_to(who, t.api_keys)).order_by(*newest))
    return [_row(row) for row in rows]


async def revoke(conn: Conn, who: Who, key_id: str, now_ms: int) -> bool:
    """From now on the key opens nothing. False when there is none, or when it is not the reader's."""
    mine = t.api_keys.c.id == key_id, visible_to(who, t.api_keys)
    if (await conn.execute(select(t.api_keys.c.id).where(*mine))).first() is None:
        return False
    if await _end(conn, now_ms, *mine):
        await audit.note(conn, now_ms, who, "key.revoke", f"key:{key_id}")
    return True


async def revoke_of(conn: Conn, team_id: int, user_id: int, now_ms: int) -> int:
    """End the keys that he made there, for he knows their tokens; returns how many those were."""
    keys = t.api_keys.c
    return await _end(conn, now_ms, keys.team_id == team_id, keys.user_id == user_id)


async def _end(conn: Conn, now_ms: int, *which: ColumnElement[bool]) -> int:
    live = t.api_keys.c.revoked_at_ms.is_(None)
    return (await conn.execute(update(t.api_keys).where(live, *which).values(revoked_at_ms=now_ms))).rowcount


async def used(conn: Conn, at_ms: Mapping[str, int]) -> None:
    """Note when each key was last used."""
    keys = t.api_keys.c
    for key_id, at in sorted(
        at_ms.items()
    ):  # always in the same order: two servers must not block each other
        older = or_(keys.used_at_ms.is_(None), keys.used_at_ms < at)
        await conn.execute(update(t.api_keys).where(keys.id == key_id, older).values(used_at_ms=at))


async def _live(conn: Conn, who: Who, now_ms: int) -> int:
    keys = t.api_keys.c
    lasts = or_(keys.expires_at_ms.is_(None), keys.expires_at_ms > now_ms)
    live = visible_to(who, t.api_keys), keys.revoked_at_ms.is_(None), lasts
    return int((await conn.execute(select(func.count()).select_from(t.api_keys).where(*live))).scalar_one())


_COLUMNS = [name for name in KeyRow.__dataclass_fields__ if name != "made_by"]
_KEYS: Select[tuple[object, ...]] = select(
    *(t.api_keys.c[name] for name in _COLUMNS), t.users.c.name.label("made_by")
).select_from(t.api_keys.outerjoin(t.users))


def _row(row: Row[tuple[object, ...]]) -> KeyRow:
    told = row._asdict()
    return KeyRow(**{**told, "scopes": tuple(Scope(name) for name in told["scopes"])})
