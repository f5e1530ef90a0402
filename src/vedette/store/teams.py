"""Teams: who is in them with which role, and who was invited. There is always an owner to let others in."""

import secrets
from dataclasses import dataclass, field
from typing import Final, Literal

from sqlalchemy import delete, func, insert, select, update

from vedette.model.people import Role, Who
from vedette.store import audit, keys
from vedette.store import tables as t
from vedette.store.database import Conn, insert_into, visible_to
from vedette.store.sessions import first_team, hash_of

DAY_MS: Final = 86_400_000
INVITED_MS: Final = 7 * DAY_MS
TOKEN_BYTES: Final = 24
OWNED_MAX: Final = 20
"""So many teams has nobody; whoever makes them without end has something else in mind."""
OPEN_MAX: Final = 50
"""Invitations of a team that wait at a time."""

Done = Literal["done", "unknown", "last owner"]


class TooManyError(Exception):
    """There are as many teams or invitations as may be."""


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A member; `seen_at_ms` is when any of his sessions was last used."""

    user_id: int
    name: str
    email: str | None
    role: Role
    since_ms: int
    seen_at_ms: int | None


@dataclass(frozen=True, slots=True)
class InvitationRow:
    """An invitation that waits to be accepted."""

    id: str
    role: Role
    email: str | None
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """An invitation and its token, which is told once."""

    row: InvitationRow
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Offer:
    """What an invitation offers, to whoever holds its token."""

    team_id: int
    team_name: str
    role: Role


# --- teams


async def team_name(conn: Conn, team_id: int) -> str | None:
    found: str | None = (await conn.execute(select(t.teams.c.name).where(t.teams.c.id == team_id))).scalar()
    return found


async def make_team(conn: Conn, who: Who, name: str, now_ms: int) -> int:
    """A new team, whose owner is the person who asks. Raises TooManyError."""
    assert who.user_id is not None
    members = t.memberships.c
    owned = members.user_id == who.user_id, members.role == Role.OWNER.value
    count = select(func.count()).select_from(t.memberships).where(*owned)
    if int((await conn.execute(count)).scalar_one()) >= OWNED_MAX:
        raise TooManyError
    new = insert(t.teams).values(name=name, created_at_ms=now_ms).returning(t.teams.c.id)
    team_id = int((await conn.execute(new)).scalar_one())
    await join(conn, team_id, who.user_id, Role.OWNER, now_ms)
    await audit.note(conn, now_ms, who, "team.make", f"team:{team_id}", team_id=team_id)
    return team_id


async def rename(conn: Conn, who: Who, name: str, now_ms: int) -> None:
    await conn.execute(update(t.teams).where(t.teams.c.id == who.team_id).values(name=name))
    await audit.note(conn, now_ms, who, "team.rename", f"team:{who.team_id}")


# --- members


async def members(conn: Conn, who: Who) -> list[MemberRow]:
    """The reader's team, by name."""
    seen = select(func.max(t.sessions.c.seen_at_ms)).where(t.sessions.c.user_id == t.users.c.id)
    query = (
        select(
            *t.memberships.c["user_id", "role", "since_ms"],
            *t.users.c["name", "email"],
            seen.scalar_subquery().label("seen_at_ms"),
        )
        .select_from(t.memberships.join(t.users))
        .where(visible_to(who, t.memberships))
        .order_by(t.users.c.name)
    )
    rows = [row._asdict() for row in await conn.execute(query)]
    return [MemberRow(**{**row, "role": Role(row["role"])}) for row in rows]


async def set_role(conn: Conn, who: Who, user_id: int, role: Role, now_ms: int) -> Done:
    """Give a member another role. One who is no owner any more loses the keys that he made."""
    found = await _role_of(conn, who, user_id)
    if found is None:
        return "unknown"
    if found is role:
        return "done"
    if found is Role.OWNER and await _is_last_owner(conn, who, user_id):
        return "last owner"
    mine = visible_to(who, t.memberships), t.memberships.c.user_id == user_id
    await conn.execute(update(t.memberships).where(*mine).values(role=role.value))
    told: dict[str, str | int | bool | None] = {"from": found.value, "to": role.value}
    if role is not Role.OWNER and who.team_id is not None:
        told["keys_revoked"] = await keys.revoke_of(conn, who.team_id, user_id, now_ms)
    await audit.note(conn, now_ms, who, "member.role", await subject_of(conn, user_id), told)
    return "done"


async def part(conn: Conn, who: Who, user_id: int, now_ms: int) -> Done:
    """A member leaves, or is sent away; the keys that he made end with it, for he knows their tokens."""
    found = await _role_of(conn, who, user_id)
    if found is None or who.team_id is None:
        return "unknown"
    if found is Role.OWNER and await _is_last_owner(conn, who, user_id):
        return "last owner"
    mine = visible_to(who, t.memberships), t.memberships.c.user_id == user_id
    await conn.execute(delete(t.memberships).where(*mine))
    sessions = t.sessions.c
    looked = sessions.user_id == user_id, sessions.team_id == who.team_id
    await conn.execute(update(t.sessions).where(*looked).values(team_id=await first_team(conn, user_id)))
    told: audit.Detail = {"keys_revoked": await keys.revoke_of(conn, who.team_id, user_id, now_ms)}
    act = "member.leave" if who.user_id == user_id else "member.remove"
    await audit.note(conn, now_ms, who, act, await subject_of(conn, user_id), told)
    return "done"


async def owned_alone(conn: Conn, user_id: int) -> list[Offer]:
    """The teams that would be left without an owner if he went."""
    mine, others = t.memberships.alias(), t.memberships.alias()
    another = select(others.c.user_id).where(
        others.c.team_id == mine.c.team_id, others.c.user_id != user_id, others.c.role == Role.OWNER.value
    )
    query = (
        select(t.teams.c.id, t.teams.c.name)
        .join_from(mine, t.teams, t.teams.c.id == mine.c.team_id)
        .where(mine.c.user_id == user_id, mine.c.role == Role.OWNER.value, ~another.exists())
        .order_by(t.teams.c.id)
    )
    return [Offer(row.id, row.name, Role.OWNER) for row in await conn.execute(query)]


async def subject_of(conn: Conn, user_id: int) -> str:
    """What the audit log calls him."""
    query = select(t.users.c.pseudonym).where(t.users.c.id == user_id)
    return f"user:{(await conn.execute(query)).scalar_one()}"


async def _role_of(conn: Conn, who: Who, user_id: int) -> Role | None:
    """A member's role; until this transaction ends nobody else changes who owns the team."""
    await conn.execute(select(t.teams.c.id).where(t.teams.c.id == who.team_id).with_for_update())
    mine = visible_to(who, t.memberships), t.memberships.c.user_id == user_id
    found = (await conn.execute(select(t.memberships.c.role).where(*mine))).scalar()
    return None if found is None else Role(found)


async def _is_last_owner(conn: Conn, who: Who, user_id: int) -> bool:
    return who.team_id in {one.team_id for one in await owned_alone(conn, user_id)}


async def join(conn: Conn, team_id: int, user_id: int, role: Role, now_ms: int) -> bool:
    """False when he is a member already. A session of his that looked at no team looks at this one."""
    row = {"team_id": team_id, "user_id": user_id, "role": role.value, "since_ms": now_ms}
    new = insert_into(conn, t.memberships).values(row).on_conflict_do_nothing()
    if not (await conn.execute(new)).rowcount:
        return False
    sessions = t.sessions.c
    lost = sessions.user_id == user_id, sessions.team_id.is_(None)
    await conn.execute(update(t.sessions).where(*lost).values(team_id=team_id))
    return True


# --- invitations


async def invite(conn: Conn, who: Who, role: Role, email: str | None, now_ms: int) -> NewInvitation:
    """A new invitation into the reader's team; old ones are swept out. Raises TooManyError."""
    table = t.invitations
    await conn.execute(delete(table).where(table.c.expires_at_ms < now_ms - DAY_MS))
    if len(await invitations(conn, who, now_ms)) >= OPEN_MAX:
        raise TooManyError
    token = secrets.token_urlsafe(TOKEN_BYTES)
    row = InvitationRow(secrets.token_hex(8), role, email, now_ms + INVITED_MS)
    values: dict[str, object] = {"id": row.id, "team_id": who.team_id, "role": role.value, "email": email}
    values |= {"token_hash": hash_of(token), "created_at_ms": now_ms, "expires_at_ms": row.expires_at_ms}
    await conn.execute(insert(table).values(values))
    told: audit.Detail = {"role": role.value, "by_mail": email is not None}
    await audit.note(conn, now_ms, who, "invitation.make", f"invitation:{row.id}", told)
    return NewInvitation(row, token)


async def invitations(conn: Conn, who: Who, now_ms: int) -> list[InvitationRow]:
    """The reader's team's invitations that wait, the last to end first."""
    columns = t.invitations.c
    query = (
        select(columns.id, columns.role, columns.email, columns.expires_at_ms)
        .where(visible_to(who, t.invitations), columns.used_at_ms.is_(None), columns.expires_at_ms > now_ms)
        .order_by(columns.expires_at_ms.desc(), columns.id)
    )
    return [
        InvitationRow(row.id, Role(row.role), row.email, row.expires_at_ms)
        for row in await conn.execute(query)
    ]


async def withdraw(conn: Conn, who: Who, invitation_id: str, now_ms: int) -> bool:
    """Take an invitation back; False when none waits."""
    columns = t.invitations.c
    waits = columns.id == invitation_id, columns.used_at_ms.is_(None), visible_to(who, t.invitations)
    if not (await conn.execute(delete(t.invitations).where(*waits))).rowcount:
        return False
    await audit.note(conn, now_ms, who, "invitation.withdraw", f"invitation:{invitation_id}")
    return True


async def offered(conn: Conn, token: str, now_ms: int) -> Offer | None:
    """What this token invites into; None when it was used, taken back, or has ended."""
    columns = t.invitations.c
    query = (
        select(t.teams.c.id, t.teams.c.name, columns.role)
        .select_from(t.invitations.join(t.teams))
        .where(columns.token_hash == hash_of(token), columns.used_at_ms.is_(None))
        .where(columns.expires_at_ms > now_ms)
    )
    row = (await conn.execute(query)).one_or_none()
    return None if row is None else Offer(row.id, row.name, Role(row.role))


async def accept(conn: Conn, token: str, user_id: int, now_ms: int) -> Offer | Literal["member"] | None:
    """Use the invitation up; "member" leaves it to somebody else, None says that it lets nobody in."""
    offer = await offered(conn, token, now_ms)
    if offer is None:
        return None
    columns = t.invitations.c
    unused = columns.token_hash == hash_of(token), columns.used_at_ms.is_(None)
    if not await join(conn, offer.team_id, user_id, offer.role, now_ms):
        return "member"
    taken = update(t.invitations).where(*unused).values(used_at_ms=now_ms, email=None).returning(columns.id)
    invitation_id = (await conn.execute(taken)).scalar()
    if invitation_id is None:
        raise UsedMeanwhileError
    who = Who(offer.team_id, offer.role, user_id)
    told: audit.Detail = {"role": offer.role.value, "invitation": invitation_id}
    await audit.note(conn, now_ms, who, "member.join", await subject_of(conn, user_id), told)
    return offer


class UsedMeanwhileError(Exception):
    """Somebody else used the invitation in this moment: the whole change is undone."""
