"""Who did what: a log in which each line's hash is over the line before, so none can be changed or taken out.

Whoever holds the database could write all of it anew from some line on. Its head is therefore written to a
file outside as well (`server.audit`), and a log that no longer leads through a head that was once told shows.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, func, insert, select

from vedette.model.people import Who
from vedette.model.private import masked
from vedette.store import tables as t
from vedette.store.database import Conn, visible_to

LOCK: Final = 0x7EDE7A0D
"""The advisory lock that whoever adds a line on PostgreSQL holds until his transaction ends."""
NOTHING: Final = bytes(32)
"""The hash before the first line."""
BATCH: Final = 500
MACHINE, SERVER, PUBLIC, TOKEN = "machine", "server", "public", "read-token"
"""Actors without an account: the server's own machine, its own loops, nobody known, the settings' token."""
SUBJECT_CHARS_MAX: Final = 200

Detail = Mapping[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class Head:
    """The newest line; before the first one number 0."""

    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `actor_name` is today's name behind the pseudonym; None when it was forgotten."""

    seq: int
    at_ms: int
    team_id: int | None
    actor: str
    actor_name: str | None
    act: str
    subject: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Walk:
    """What became of a walk along the chain: where it ended well, or the first line that is wrong and why."""

    head: Head
    broken_seq: int | None = None
    why: str | None = None


async def note(
    conn: Conn,
    at_ms: int,
    who: Who | None,
    act: str,
    subject: str,
    detail: Detail | None = None,
    *,
    team_id: int | None = None,
) -> None:
    """Add a line in the change's own transaction. `who` is None for what the server did by itself.

    `team_id` is the team that it concerns, where that is not the one that `who` looks at.
    """
    if conn.dialect.name == "postgresql":
        await conn.execute(select(func.pg_advisory_xact_lock(LOCK)))
    before = await head(conn)
    told = {
        "seq": before.seq + 1,
        "at_ms": at_ms,
        "team_id": team_id if team_id is not None or who is None else who.team_id,
        "actor": await actor(conn, who),
        "act": act,
        "subject": masked(subject)[:SUBJECT_CHARS_MAX],
        "detail": _letters({key: _sound(value) for key, value in (detail or {}).items()}),
    }
    await conn.execute(insert(t.audit).values(**told, hash=_hash(before.hash, told)))


async def head(conn: Conn) -> Head:
    row = (
        await conn.execute(select(t.audit.c.seq, t.audit.c.hash).order_by(t.audit.c.seq.desc()).limit(1))
    ).one_or_none()
    return Head(0, NOTHING) if row is None else Head(row.seq, row.hash)


async def entries(
    conn: Conn, who: Who, before: int | None, limit: int, *, every_team: bool = False
) -> list[Entry]:
    """Lines of the reader's team, newest first; of all teams and of none with `every_team`."""
    audit, people, keys = t.audit, t.users, t.api_keys
    by_key = audit.c.actor == "key:" + keys.c.id
    joined = audit.outerjoin(people, people.c.pseudonym == audit.c.actor).outerjoin(keys, by_key)
    columns = [column for column in audit.c if column.name != "hash"]
    query = (
        select(*columns, func.coalesce(people.c.name, keys.c.name).label("actor_name"))
        .select_from(joined)
        .order_by(audit.c.seq.desc())
        .limit(limit)
    )
    if not every_team:
        query = query.where(visible_to(who, audit))
    if before is not None:
        query = query.where(audit.c.seq < before)
    rows = await conn.execute(query)
    return [Entry(**{**row._asdict(), "detail": json.loads(row.detail)}) for row in rows]


async def walk(conn: Conn, pins: Iterable[Head] = ()) -> Walk:
    """Walk the whole chain from its first line; it must lead through every head that was told outside."""
    wanted, last = {pin.seq: pin.hash for pin in pins}, Head(0, NOTHING)
    while rows := await _after(conn, last.seq):
        for row in rows:
            why = _wrong(last, row, wanted.pop(row.seq, None))
            if why is not None:
                return Walk(last, last.seq + 1, why)
            last = Head(row.seq, row.hash)
    if wanted:
        cut = f"the log ends at line {last.seq}, and line {max(wanted)} was once told: it was cut off"
        return Walk(last, last.seq + 1, cut)
    return Walk(last)


async def holds(conn: Conn, pin: Head) -> bool:
    """Whether the log still has this line, and has it as it was told."""
    held = (await conn.execute(select(t.audit.c.hash).where(t.audit.c.seq == pin.seq))).scalar()
    return pin.seq == 0 or held == pin.hash


async def _after(conn: Conn, seq: int) -> Sequence[Row[Any]]:
    query = select(t.audit).where(t.audit.c.seq > seq).order_by(t.audit.c.seq).limit(BATCH)
    return (await conn.execute(query)).all()


def _wrong(last: Head, row: Row[Any], pinned: bytes | None) -> str | None:
    if row.seq != last.seq + 1:
        return f"line {last.seq + 1} is missing: line {row.seq} follows"
    if row.hash != _hash(last.hash, row._asdict()):
        return f"line {row.seq} is not what was written"
    if pinned is not None and row.hash != pinned:
        return f"line {row.seq} is another one than was told outside: the log was written anew"
    return None


def _hash(before: bytes, told: Mapping[str, Any]) -> bytes:
    """SHA-256 of the hash before and the line; a list, so that no two lines are spelled alike."""
    line = [told[name] for name in ("seq", "at_ms", "team_id", "actor", "act", "subject", "detail")]
    return hashlib.sha256(before + _letters(line).encode()).digest()


def _letters(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _sound(value: str | int | bool | None) -> str | int | bool | None:
    return masked(value) if isinstance(value, str) else value


async def actor(conn: Conn, who: Who | None) -> str:
    """Who that is in what is kept: a pseudonym, a key, or one of the words above."""
    if who is None:
        return SERVER
    if who.key is not None:
        return f"key:{who.key.id}"
    if who.user_id is not None:
        query = select(t.users.c.pseudonym).where(t.users.c.id == who.user_id)
        return str((await conn.execute(query)).scalar_one())
    if who.is_admin:
        return MACHINE
    return PUBLIC if who.role is None else TOKEN
