"""What proves a person beside his password: passkeys, codes of an authenticator, recovery codes."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select, update

from vedette.store import tables as t
from vedette.store.database import Conn


@dataclass(frozen=True, slots=True)
class PasskeyRow:
    """One passkey: its public half, and how often its authenticator says it was used."""

    id: int
    user_id: int
    credential_id: bytes
    public_key: bytes
    sign_count: int
    name: str
    created_at_ms: int
    used_at_ms: int | None


async def passkeys_of(conn: Conn, user_id: int) -> list[PasskeyRow]:
    query = select(t.passkeys).where(t.passkeys.c.user_id == user_id).order_by(t.passkeys.c.id)
    return [PasskeyRow(*row) for row in await conn.execute(query)]


async def passkey(conn: Conn, credential_id: bytes) -> PasskeyRow | None:
    query = select(t.passkeys).where(t.passkeys.c.credential_id == credential_id)
    row = (await conn.execute(query)).one_or_none()
    return None if row is None else PasskeyRow(*row)


async def passkey_count(conn: Conn, user_id: int) -> int:
    count = select(func.count()).select_from(t.passkeys).where(t.passkeys.c.user_id == user_id)
    return int((await conn.execute(count)).scalar_one())


async def add_passkey(
    conn: Conn, user_id: int, credential_id: bytes, public_key: bytes, sign_count: int, name: str, now_ms: int
) -> None:
    row = {"user_id": user_id, "credential_id": credential_id, "public_key": public_key, "name": name}
    await conn.execute(insert(t.passkeys).values(**row, sign_count=sign_count, created_at_ms=now_ms))


async def passkey_used(conn: Conn, one: PasskeyRow, sign_count: int, now_ms: int) -> bool:
    """Note its use; False when it was used elsewhere meanwhile, or taken away."""
    columns = t.passkeys.c
    same = columns.id == one.id, columns.sign_count == one.sign_count
    done = await conn.execute(
        update(t.passkeys).where(*same).values(sign_count=sign_count, used_at_ms=now_ms)
    )
    return done.rowcount == 1


async def remove_passkey(conn: Conn, user_id: int, passkey_id: int) -> bool:
    mine = t.passkeys.c.id == passkey_id, t.passkeys.c.user_id == user_id
    return (await conn.execute(delete(t.passkeys).where(*mine))).rowcount == 1


async def use_step(conn: Conn, user_id: int, step: int) -> bool:
    """Use an authenticator's code up, and all before it; False when that was done already."""
    mine = t.users.c.id == user_id, t.users.c.totp_last_step < step
    return (await conn.execute(update(t.users).where(*mine).values(totp_last_step=step))).rowcount == 1


def _code_hash(user_id: int, code: str) -> bytes:
    """Eighty random bits need no salt; whose they are keeps two persons' codes apart."""
    return hashlib.sha256(f"{user_id}:{code}".encode()).digest()


async def set_recovery_codes(conn: Conn, user_id: int, codes: Iterable[str]) -> None:
    """From now on these, and none that were before."""
    await conn.execute(delete(t.recovery_codes).where(t.recovery_codes.c.user_id == user_id))
    rows = [{"user_id": user_id, "code_hash": _code_hash(user_id, code)} for code in codes]
    if rows:
        await conn.execute(insert(t.recovery_codes), rows)


async def use_recovery_code(conn: Conn, user_id: int, code: str, now_ms: int) -> bool:
    codes = t.recovery_codes.c
    mine = codes.user_id == user_id, codes.code_hash == _code_hash(user_id, code), codes.used_at_ms.is_(None)
    return (await conn.execute(update(t.recovery_codes).where(*mine).values(used_at_ms=now_ms))).rowcount == 1


async def recovery_codes_left(conn: Conn, user_id: int) -> int:
    codes = t.recovery_codes.c
    count = select(func.count()).select_from(t.recovery_codes)
    left = count.where(codes.user_id == user_id, codes.used_at_ms.is_(None))
    return int((await conn.execute(left)).scalar_one())
