"""Validators that teams say are theirs: what waits to be signed, what was proved, and what is shown of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Row, delete, select, update

from vedette.model.claims import Challenge, Claim, Link, Signer
from vedette.model.people import Who
from vedette.model.pos import PosAddress
from vedette.store import audit
from vedette.store import tables as t
from vedette.store.database import Conn, insert_into, visible_to

WAITING_MAX: Final = 50
"""Challenges of one team that wait: whoever asks for more loses the oldest."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the public is told of a claimed validator."""

    name: str | None
    team_id: int
    team: str
    slug: str | None  # of the team's status page, if it has one
    about: str
    links: tuple[Link, ...]


# --- to be signed -----------------------------------------------------------------------------------------


async def ask(conn: Conn, one: Challenge, who: Who, now_ms: int) -> None:
    """Keep a challenge until it is signed or over."""
    columns = t.claim_challenges.c
    await conn.execute(delete(t.claim_challenges).where(columns.expires_at_ms <= now_ms))
    newest = (
        select(columns.id)
        .where(columns.team_id == one.team_id)
        .order_by(columns.expires_at_ms.desc(), columns.id)
        .offset(WAITING_MAX - 1)
        .limit(WAITING_MAX)
    )
    too_many = (await conn.execute(newest)).scalars().all()
    await conn.execute(delete(t.claim_challenges).where(columns.id.in_(too_many)))
    row = msgspec.to_builtins(one) | {"user_id": who.user_id}
    await conn.execute(insert_into(conn, t.claim_challenges).values(**row))


async def challenge(conn: Conn, who: Who, challenge_id: str, now_ms: int) -> Challenge | None:
    """The reader's challenge, if it was not used and is not over."""
    columns = t.claim_challenges.c
    query = select(t.claim_challenges).where(
        columns.id == challenge_id, columns.expires_at_ms > now_ms, visible_to(who, t.claim_challenges)
    )
    row = (await conn.execute(query)).one_or_none()
    if row is None:
        return None
    return Challenge(
        id=row.id,
        team_id=row.team_id,
        address=PosAddress(row.address),
        message=row.message,
        signers=tuple(msgspec.convert(row.signers, list[Signer])),
        expires_at_ms=row.expires_at_ms,
    )


# --- proved -----------------------------------------------------------------------------------------------


async def claim(
    conn: Conn, who: Who, signed: Challenge, signer: Signer, signature: bytes, now_ms: int
) -> bool:
    """The validator is that team's from now on, whosever it was; False: the challenge was used before.

    Whoever can sign decides, so a later claim takes over, and the team that loses it reads so in its log.
    """
    used = delete(t.claim_challenges).where(t.claim_challenges.c.id == signed.id)
    if (await conn.execute(used)).rowcount == 0:
        return False
    before = await _locked(conn, signed.address)
    if before is not None and before.team_id != signed.team_id:
        await conn.execute(delete(t.claims).where(t.claims.c.address == signed.address))
        detail = {"signer": signer.address}
        await audit.note(conn, now_ms, None, "claim.taken", signed.address, detail, team_id=before.team_id)
    proof = {
        "team_id": signed.team_id,
        "user_id": who.user_id,
        "signer": signer.address,
        "space": signer.space.value,
        "message": signed.message,
        "signature": signature,
        "claimed_at_ms": now_ms,
        "lapsed_at_ms": None,
    }
    add = insert_into(conn, t.claims).values(address=signed.address, **proof)
    await conn.execute(add.on_conflict_do_update(index_elements=["address"], set_=proof))
    await audit.note(conn, now_ms, who, "claim.make", signed.address, {"signer": signer.address})
    return True


async def _locked(conn: Conn, address: str) -> Row[Any] | None:
    query = select(t.claims).where(t.claims.c.address == address).with_for_update()
    return (await conn.execute(query)).one_or_none()


async def claims(conn: Conn, who: Who) -> list[Claim]:
    """The team's claims, those that lapsed too."""
    query = select(t.claims).where(visible_to(who, t.claims)).order_by(t.claims.c.address)
    return [_claim(row) for row in await conn.execute(query)]


async def claim_of(conn: Conn, who: Who, address: str) -> Claim | None:
    query = select(t.claims).where(visible_to(who, t.claims), t.claims.c.address == address)
    row = (await conn.execute(query)).one_or_none()
    return None if row is None else _claim(row)


async def change(conn: Conn, who: Who, address: str, said: Mapping[str, Any], now_ms: int) -> bool:
    """Keep what the public is to be told; False when the claim is not the reader's."""
    mine = (t.claims.c.address == address, visible_to(who, t.claims))
    if not said:
        return (await conn.execute(select(t.claims.c.address).where(*mine))).scalar() is not None
    if (await conn.execute(update(t.claims).where(*mine).values(**said))).rowcount == 0:
        return False
    await audit.note(conn, now_ms, who, "claim.change", address, {"changed": " ".join(sorted(said))})
    return True


async def drop(conn: Conn, who: Who, address: str, now_ms: int) -> bool:
    """The validator is nobody's again; False when the claim is not the reader's."""
    gone = delete(t.claims).where(t.claims.c.address == address, visible_to(who, t.claims))
    if (await conn.execute(gone)).rowcount == 0:
        return False
    await audit.note(conn, now_ms, who, "claim.drop", address)
    return True


# --- looked at again --------------------------------------------------------------------------------------


async def every_claim(conn: Conn) -> list[Claim]:
    """Every team's: the server asks the chain about all of them."""
    return [_claim(row) for row in await conn.execute(select(t.claims).order_by(t.claims.c.address))]


async def judge(conn: Conn, one: Claim, holds: bool, now_ms: int) -> bool:
    """Keep whether the chain still names its signer; returns whether that is news.

    A claim that lapsed is kept, with its name and links, and shown to nobody but its team: who moved his
    stake by mistake, or whose endpoint told nonsense for an hour, has nothing to do anew.
    """
    if holds == (one.lapsed_at_ms is None):
        return False
    columns = t.claims.c
    # Whoever signed meanwhile proved it anew.
    same = (columns.address == one.address, columns.claimed_at_ms == one.claimed_at_ms)
    changed = update(t.claims).where(*same).values(lapsed_at_ms=None if holds else now_ms)
    if (await conn.execute(changed)).rowcount == 0:
        return False
    act = "claim.restore" if holds else "claim.lapse"
    await audit.note(conn, now_ms, None, act, one.address, {"signer": one.signer}, team_id=one.team_id)
    return True


# --- shown ------------------------------------------------------------------------------------------------


async def shown(conn: Conn) -> dict[PosAddress, Shown]:
    """What the public is told of validators: only what their teams published, and the chain bears out."""
    columns, teams = t.claims.c, t.teams.c
    query = (
        select(*columns["address", "name", "about", "links", "team_id"], teams.name.label("team"))
        .add_columns(teams.slug, teams.is_public)
        .join_from(t.claims, t.teams)
        .where(columns.is_public, columns.lapsed_at_ms.is_(None))
    )
    return {PosAddress(row.address): _shown(row) for row in await conn.execute(query)}


def _shown(row: Row[Any]) -> Shown:
    slug = row.slug if row.is_public else None
    return Shown(row.name, row.team_id, row.team, slug, row.about, links_of(row.links))


def links_of(told: list[dict[str, str]]) -> tuple[Link, ...]:
    return tuple(Link(one["label"], one["url"]) for one in told)


def _claim(row: Row[Any]) -> Claim:
    kept = {name: getattr(row, name) for name in Claim.__dataclass_fields__}
    return msgspec.convert(kept, Claim)
