"""Contact points: where a team's messages can go, and how each of them fares.

What a contact point holds is sealed by whoever has the key (`server/contacts.py`); here it is opaque.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import Row, delete, func, insert, select, update

from vedette.model.people import Who
from vedette.model.view import ContactView
from vedette.store import audit
from vedette.store import tables as t
from vedette.store.database import Conn, visible_to

CHANNEL: Final = "contact:"
"""How the channel of a contact point begins; its id follows."""
CONTACTS_MAX: Final = 50
"""So many of a team are more than anybody looks after."""
ERROR_CHARS_MAX: Final = 500


class TooManyContactsError(Exception):
    """The team has as many contact points as it may."""


class TwinError(Exception):
    """The team has another contact point of that name."""


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact point, as its team sees it, and with its seal for whoever may open it."""

    id: str
    team_id: int
    name: str
    kind: str
    sealed: bytes = field(repr=False)
    hint: str
    language: Literal["en", "zh"]
    wakes: bool
    fallback_id: str | None
    created_at_ms: int
    disabled_at_ms: int | None
    disabled_why: str | None
    tested_at_ms: int | None
    sent_at_ms: int | None
    failing_since_ms: int | None
    error: str | None

    @property
    def is_enabled(self) -> bool:
        return self.disabled_at_ms is None

    @property
    def channel(self) -> str:
        return channel_of(self.id)


_NAMES: Final = tuple(Contact.__dataclass_fields__)
_COLUMNS: Final = tuple(t.contact_points.c[name] for name in _NAMES)


def channel_of(contact_id: str) -> str:
    """The channel's name, as the outbox keeps it."""
    return CHANNEL + contact_id


def id_of(channel: str) -> str | None:
    """The contact point of a channel; None for a channel of another sort."""
    return channel.removeprefix(CHANNEL) if channel.startswith(CHANNEL) else None


# --- reading ----------------------------------------------------------------------------------------------


async def views(conn: Conn, team_id: int) -> tuple[ContactView, ...]:
    """How the team's contact points fare, for the rules."""
    return tuple(
        ContactView(
            id=one.id,
            name=one.name,
            wakes=one.wakes,
            is_enabled=one.is_enabled,
            failing_since_ms=one.failing_since_ms,
            error=one.disabled_why or one.error,
        )
        for one in await of_team(conn, team_id)
    )


async def of_team(conn: Conn, team_id: int) -> list[Contact]:
    """All of a team, the oldest first. For whoever need not be asked who he is."""
    mine = t.contact_points.c.team_id == team_id
    order = t.contact_points.c.created_at_ms, t.contact_points.c.id
    return [_contact(row) for row in await conn.execute(select(*_COLUMNS).where(mine).order_by(*order))]


async def contacts(conn: Conn, who: Who) -> list[Contact]:
    """The reader's team's, the oldest first."""
    return [] if who.team_id is None else await of_team(conn, who.team_id)


async def contact(conn: Conn, who: Who, contact_id: str) -> Contact | None:
    """None when there is none, or when it is not the reader's."""
    mine = t.contact_points.c.id == contact_id, visible_to(who, t.contact_points)
    row = (await conn.execute(select(*_COLUMNS).where(*mine))).one_or_none()
    return None if row is None else _contact(row)


async def held(conn: Conn, contact_id: str) -> Contact | None:
    """For the outbox, which tells everybody's."""
    row = (await conn.execute(select(*_COLUMNS).where(t.contact_points.c.id == contact_id))).one_or_none()
    return None if row is None else _contact(row)


def _contact(row: Row[Any]) -> Contact:
    return Contact(**row._asdict())


# --- changing ---------------------------------------------------------------------------------------------


async def add(conn: Conn, who: Who, made: Contact) -> None:
    """Raises TooManyContactsError, TwinError."""
    mine = select(func.count()).select_from(t.contact_points).where(visible_to(who, t.contact_points))
    if int((await conn.execute(mine)).scalar_one()) >= CONTACTS_MAX:
        raise TooManyContactsError
    await _refuse_twin(conn, who, made.name, made.id)
    values = {name: getattr(made, name) for name in _NAMES} | {"user_id": who.user_id}
    await conn.execute(insert(t.contact_points).values(values))
    told: audit.Detail = {"name": made.name, "kind": made.kind, "wakes": made.wakes}
    await audit.note(conn, made.created_at_ms, who, "contact.add", made.channel, told)


async def change(conn: Conn, who: Who, contact_id: str, values: Mapping[str, Any], now_ms: int) -> bool:
    """Set these columns; False when there is none, or when it is not the reader's. Raises TwinError.

    A new configuration is given a fresh start: what was wrong with the old one is forgotten.
    """
    if await contact(conn, who, contact_id) is None:
        return False
    if "name" in values:
        await _refuse_twin(conn, who, values["name"], contact_id)
    fresh = _FRESH if "sealed" in values else {}
    mine = update(t.contact_points).where(t.contact_points.c.id == contact_id)
    await conn.execute(mine.values(**fresh, **values))
    told = {"changed": " ".join(sorted("config" if name == "sealed" else name for name in values))}
    await audit.note(conn, now_ms, who, "contact.change", channel_of(contact_id), told)
    return True


async def enable(conn: Conn, who: Who, contact_id: str, now_ms: int) -> bool:
    """Let it be told again; False when there is none, or when it is not the reader's."""
    mine = t.contact_points.c.id == contact_id, visible_to(who, t.contact_points)
    done = await conn.execute(update(t.contact_points).where(*mine).values(**_FRESH))
    if not done.rowcount:
        return False
    await audit.note(conn, now_ms, who, "contact.enable", channel_of(contact_id))
    return True


async def remove(conn: Conn, who: Who, contact_id: str, now_ms: int) -> bool:
    """Forget it. What still waits for it finds nobody, and goes another way if it is critical."""
    mine = t.contact_points.c.id == contact_id, visible_to(who, t.contact_points)
    if not (await conn.execute(delete(t.contact_points).where(*mine))).rowcount:
        return False
    leans = t.contact_points.c.fallback_id == contact_id
    await conn.execute(update(t.contact_points).where(leans).values(fallback_id=None))
    await audit.note(conn, now_ms, who, "contact.remove", channel_of(contact_id))
    return True


async def _refuse_twin(conn: Conn, who: Who, name: str, but_id: str) -> None:
    columns = t.contact_points.c
    twin = visible_to(who, t.contact_points), columns.name == name, columns.id != but_id
    if (await conn.execute(select(columns.id).where(*twin))).first() is not None:
        raise TwinError


# --- how it fares -----------------------------------------------------------------------------------------

_WELL: Final[Mapping[str, Any]] = {"failing_since_ms": None, "error": None}
_FRESH: Final[Mapping[str, Any]] = {**_WELL, "disabled_at_ms": None, "disabled_why": None}


async def took(conn: Conn, contact_id: str, now_ms: int, *, is_test: bool = False) -> None:
    """It took a message."""
    at = {"tested_at_ms" if is_test else "sent_at_ms": now_ms}
    mine = update(t.contact_points).where(t.contact_points.c.id == contact_id)
    await conn.execute(mine.values(**_WELL, **at))


async def fails(conn: Conn, contact_id: str, now_ms: int, why: str) -> None:
    """It did not take a message, and may yet."""
    since = func.coalesce(t.contact_points.c.failing_since_ms, now_ms)
    mine = update(t.contact_points).where(t.contact_points.c.id == contact_id)
    await conn.execute(mine.values(failing_since_ms=since, error=why[:ERROR_CHARS_MAX]))


async def disable(conn: Conn, contact_id: str, now_ms: int, why: str) -> bool:
    """It will take no message as it is; whether it was on until now. The team's log has a line of it."""
    columns = t.contact_points.c
    since = func.coalesce(columns.failing_since_ms, now_ms)
    said = why[:ERROR_CHARS_MAX]
    off = {"disabled_at_ms": now_ms, "disabled_why": said, "failing_since_ms": since, "error": said}
    mine = columns.id == contact_id, columns.disabled_at_ms.is_(None)
    done = update(t.contact_points).where(*mine).values(**off).returning(columns.team_id)
    team_id = (await conn.execute(done)).scalar()
    if team_id is None:
        return False
    await audit.note(conn, now_ms, None, "contact.disable", channel_of(contact_id), team_id=team_id)
    return True
