"""Whoever can sign in: names, passwords' hashes, what else proves him, and the teams that he is in."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, select, update

from vedette.model.people import Role
from vedette.store import tables as t
from vedette.store.database import Conn, insert_into


class NameTakenError(Exception):
    """Somebody else has this name."""


@dataclass(frozen=True, slots=True)
class UserRow:
    """One person, with what proves him: never shown as it is."""

    id: int
    name: str
    pseudonym: str
    email: str | None
    email_verified_at_ms: int | None
    password_hash: str | None = field(repr=False)
    totp_sealed: bytes | None = field(repr=False)
    totp_confirmed_at_ms: int | None
    totp_last_step: int
    is_admin: bool
    created_at_ms: int
    disabled_at_ms: int | None

    @property
    def may_be_written_to(self) -> bool:
        """Whether a letter about the account may go to his address: it was shown to be his."""
        return self.email_verified_at_ms is not None and self.disabled_at_ms is None

    @property
    def has_totp(self) -> bool:
        return self.totp_confirmed_at_ms is not None


@dataclass(frozen=True, slots=True)
class TeamOf:
    """A team that a person is in."""

    id: int
    name: str
    role: Role


COLUMNS = tuple(t.users.c[name] for name in UserRow.__dataclass_fields__)


async def anybody(conn: Conn) -> bool:
    """Whether there is any user at all."""
    return (await conn.execute(select(t.users.c.id).limit(1))).first() is not None


async def by_id(conn: Conn, user_id: int) -> UserRow | None:
    return await _one(conn, t.users.c.id == user_id)


async def by_name(conn: Conn, name: str) -> UserRow | None:
    return await _one(conn, t.users.c.name == name)


async def by_oidc(conn: Conn, issuer: str, subject: str) -> UserRow | None:
    """Whom another place vouches for."""
    return await _one(conn, (t.users.c.oidc_issuer == issuer) & (t.users.c.oidc_subject == subject))


async def by_email(conn: Conn, email: str) -> UserRow | None:
    """Who has this address and has shown that it is his."""
    return await _one(conn, (t.users.c.email == email) & t.users.c.email_verified_at_ms.is_not(None))


async def _one(conn: Conn, wanted: ColumnElement[bool]) -> UserRow | None:
    row = (await conn.execute(select(*COLUMNS).where(wanted))).one_or_none()
    return None if row is None else UserRow(*row)


async def everybody(conn: Conn, after: str = "", limit: int | None = None) -> list[UserRow]:
    """By name; those whose names come after this one, at most so many."""
    query = select(*COLUMNS).where(t.users.c.name > after).order_by(t.users.c.name).limit(limit)
    return [UserRow(*row) for row in await conn.execute(query)]


async def create(
    conn: Conn,
    name: str,
    now_ms: int,
    *,
    password_hash: str | None = None,
    email: str | None = None,
    is_admin: bool = False,
) -> UserRow:
    """A new person, in no team yet. Raises NameTakenError."""
    row = {"name": name, "pseudonym": f"u-{secrets.token_hex(8)}", "email": email, "created_at_ms": now_ms}
    row |= {"password_hash": password_hash, "is_admin": is_admin}
    new = insert_into(conn, t.users).values(row).on_conflict_do_nothing(index_elements=["name"])
    made = (await conn.execute(new.returning(*COLUMNS))).one_or_none()
    if made is None:
        raise NameTakenError(name)
    return UserRow(*made)


async def change(conn: Conn, user_id: int, **columns: Any) -> None:
    await conn.execute(update(t.users).where(t.users.c.id == user_id).values(columns))


async def rename(conn: Conn, user_id: int, name: str) -> None:
    """Raises NameTakenError."""
    query = select(t.users.c.id).where(t.users.c.name == name, t.users.c.id != user_id)
    if (await conn.execute(query)).first() is not None:
        raise NameTakenError(name)
    await change(conn, user_id, name=name)


async def take_email(conn: Conn, user_id: int, email: str, now_ms: int) -> bool:
    """He has shown that this address is his; False when somebody else had shown that before.

    Whoever only said so loses it.
    """
    users = t.users.c
    others = (users.email == email) & (users.id != user_id)
    await conn.execute(update(t.users).where(others, users.email_verified_at_ms.is_(None)).values(email=None))
    if (await conn.execute(select(users.id).where(others))).first() is not None:
        return False
    await change(conn, user_id, email=email, email_verified_at_ms=now_ms)
    return True


async def role_in(conn: Conn, user_id: int, team_id: int) -> Role | None:
    """What he is in this team; None: not in it."""
    members = t.memberships.c
    mine = select(members.role).where(members.user_id == user_id, members.team_id == team_id)
    role = (await conn.execute(mine)).scalar()
    return None if role is None else Role(role)


async def teams_of(conn: Conn, user_id: int) -> list[TeamOf]:
    """His teams, the one that he joined first in front."""
    members = t.memberships.c
    query = (
        select(t.teams.c.id, t.teams.c.name, members.role)
        .select_from(t.teams.join(t.memberships))
        .where(members.user_id == user_id)
        .order_by(members.since_ms, members.team_id)
    )
    return [TeamOf(row.id, row.name, Role(row.role)) for row in await conn.execute(query)]


async def another_admin(conn: Conn, user_id: int) -> bool:
    """Whether somebody else looks after this installation, and may come in."""
    users = t.users.c
    query = select(users.id).where(users.is_admin, users.disabled_at_ms.is_(None), users.id != user_id)
    return (await conn.execute(query.limit(1))).first() is not None


async def hold_first_team(conn: Conn, team_id: int) -> None:
    """Nobody else may be setting this installation up at the same moment."""
    await conn.execute(select(t.teams.c.id).where(t.teams.c.id == team_id).with_for_update())


async def name_team(conn: Conn, team_id: int, name: str) -> None:
    await conn.execute(update(t.teams).where(t.teams.c.id == team_id).values(name=name))
