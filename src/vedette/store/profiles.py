"""What a team tells the public of itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Row, select, update

from vedette.model.claims import Link
from vedette.model.people import Who
from vedette.store import audit
from vedette.store import tables as t
from vedette.store.claims import links_of
from vedette.store.database import Conn

PUBLIC_MAX: Final = 500
Outcome = Literal["changed", "taken", "slugless", "unknown"]


@dataclass(frozen=True, slots=True)
class Profile:
    """A team as the public may see it. Its page is there when it is public, under its slug."""

    team_id: int
    name: str
    slug: str | None
    is_public: bool
    about: str
    links: tuple[Link, ...]
    shows_incidents: bool


async def profile(conn: Conn, who: Who) -> Profile | None:
    """The reader's own team."""
    row = (await conn.execute(select(t.teams).where(t.teams.c.id == who.team_id))).one_or_none()
    return None if row is None else _profile(row)


async def public_profile(conn: Conn, slug: str) -> Profile | None:
    """The team that shows itself under this name."""
    query = select(t.teams).where(t.teams.c.slug == slug, t.teams.c.is_public)
    row = (await conn.execute(query)).one_or_none()
    return None if row is None else _profile(row)


async def public_profiles(conn: Conn) -> list[Profile]:
    """Every team that shows itself, the oldest first."""
    query = select(t.teams).where(t.teams.c.is_public, t.teams.c.slug.is_not(None)).order_by(t.teams.c.id)
    return [_profile(row) for row in await conn.execute(query.limit(PUBLIC_MAX))]


async def change(conn: Conn, who: Who, said: Mapping[str, Any], now_ms: int) -> Outcome:
    """Keep what the team tells of itself; a page needs a name to stand under, and one nobody else has."""
    held = await profile(conn, who)
    if held is None:
        return "unknown"
    if not said:
        return "changed"
    if said.get("is_public", held.is_public) and said.get("slug", held.slug) is None:
        return "slugless"
    slug = said.get("slug")
    rival = select(t.teams.c.id).where(t.teams.c.slug == slug, t.teams.c.id != who.team_id)
    if slug is not None and (await conn.execute(rival)).first() is not None:
        return "taken"
    await conn.execute(update(t.teams).where(t.teams.c.id == who.team_id).values(**said))
    detail = {"changed": " ".join(sorted(said))}
    await audit.note(conn, now_ms, who, "profile.change", f"team:{who.team_id}", detail)
    return "changed"


def _profile(row: Row[Any]) -> Profile:
    return Profile(
        team_id=row.id,
        name=row.name,
        slug=row.slug,
        is_public=row.is_public,
        about=row.about,
        links=links_of(row.links),
        shows_incidents=row.shows_incidents,
    )
