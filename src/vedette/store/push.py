"""Browsers that want to be told of public validators: whoever holds a subscription's token may change it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import delete, func, select, update

from vedette.model.people import EVERYBODY
from vedette.model.pos import PosAddress
from vedette.store import tables as t
from vedette.store.database import Conn, insert_into
from vedette.store.sessions import hash_of

CHANNEL: Final = "push:"
"""How a message's channel begins that goes to one browser; no channel of the settings has such a name."""
THE_KEY: Final = "vapid"
SUBSCRIPTIONS_MAX: Final = 5_000
FAILURES_MAX: Final = 3
"""So many messages that a push service refused for good, one after another, end a subscription."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One browser's subscription; `sealed` opens as push.Subscription."""

    id: str
    sealed: bytes
    language: Literal["en", "zh"]


def channel_of(subscription_id: str) -> str:
    return CHANNEL + subscription_id


# --- the server's own key ---------------------------------------------------------------------------------


async def key(conn: Conn) -> bytes | None:
    """The sealed secret, if one was made."""
    return (await conn.execute(select(t.push_keys.c.sealed).where(t.push_keys.c.id == THE_KEY))).scalar()


async def keep_key(conn: Conn, sealed: bytes, now_ms: int) -> bytes:
    """Keep a new secret, unless there is one; returns the one that counts."""
    add = insert_into(conn, t.push_keys).values(id=THE_KEY, sealed=sealed, created_at_ms=now_ms)
    await conn.execute(add.on_conflict_do_nothing())
    return await key(conn) or sealed


# --- subscriptions ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wish:
    """What a browser asks for. `endpoint` is hashed: the same browser again is the same subscription."""

    id: str
    token: str
    endpoint: str
    sealed: bytes
    addresses: tuple[PosAddress, ...]
    language: str


async def subscribe(conn: Conn, wish: Wish, now_ms: int) -> bool:
    """Keep what a browser asks for, in place of what it asked for before; False: there is no room."""
    endpoint_hash = hash_of(wish.endpoint)
    columns = t.push_subscriptions.c
    old = select(columns.id).where(columns.endpoint_hash == endpoint_hash)
    await remove(conn, (await conn.execute(old)).scalars().all())
    count = (await conn.execute(select(func.count()).select_from(t.push_subscriptions))).scalar_one()
    if count >= SUBSCRIPTIONS_MAX:
        return False
    everybody = insert_into(conn, t.teams).values(id=EVERYBODY, name="everybody")
    await conn.execute(everybody.on_conflict_do_nothing())
    row = {
        "id": wish.id,
        "token_hash": hash_of(wish.token),
        "endpoint_hash": endpoint_hash,
        "sealed": wish.sealed,
        "addresses": list(wish.addresses),
        "language": wish.language,
        "created_at_ms": now_ms,
    }
    await conn.execute(insert_into(conn, t.push_subscriptions).values(**row))
    return True


async def change(
    conn: Conn,
    subscription_id: str,
    token: bytes,
    addresses: Collection[PosAddress],
    language: str,
    moved: tuple[str, bytes] | None,
) -> bool:
    """What it asks for from now on; `moved`: its browser's service gave it another endpoint, and the seal.

    False: there is no such subscription, or the token is another's.
    """
    columns = t.push_subscriptions.c
    values: dict[str, object] = {"addresses": list(addresses), "language": language}
    if moved is not None:
        endpoint_hash = hash_of(moved[0])
        twins = select(columns.id).where(
            columns.endpoint_hash == endpoint_hash, columns.id != subscription_id
        )
        await remove(conn, (await conn.execute(twins)).scalars().all())
        values |= {"endpoint_hash": endpoint_hash, "sealed": moved[1], "failures": 0}
    mine = (columns.id == subscription_id, columns.token_hash == hash_of(token))
    return (await conn.execute(update(t.push_subscriptions).where(*mine).values(**values))).rowcount > 0


async def end(conn: Conn, subscription_id: str, token: bytes) -> bool:
    """Its browser wants no more; False: there is no such subscription, or the token is another's."""
    columns = t.push_subscriptions.c
    mine = select(columns.id).where(columns.id == subscription_id, columns.token_hash == hash_of(token))
    found = (await conn.execute(mine)).scalars().all()
    await remove(conn, found)
    return bool(found)


async def remove(conn: Conn, ids: Collection[str]) -> None:
    """Forget these, and what was still to be told to them."""
    if ids:
        waiting = (t.outbox.c.channel.in_([channel_of(one) for one in ids]), t.outbox.c.state == "waiting")
        await conn.execute(delete(t.outbox).where(*waiting))
        await conn.execute(delete(t.push_subscriptions).where(t.push_subscriptions.c.id.in_(ids)))


# --- telling ----------------------------------------------------------------------------------------------


async def audience(conn: Conn) -> Mapping[PosAddress, tuple[str, ...]]:
    """Whom to tell of each validator."""
    columns = t.push_subscriptions.c
    found: dict[PosAddress, list[str]] = {}
    for row in await conn.execute(select(columns.id, columns.addresses).order_by(columns.id)):
        for address in row.addresses:
            found.setdefault(PosAddress(address), []).append(row.id)
    return {address: tuple(ids) for address, ids in found.items()}


async def kept(conn: Conn, subscription_id: str) -> Kept | None:
    query = select(t.push_subscriptions).where(t.push_subscriptions.c.id == subscription_id)
    row = (await conn.execute(query)).one_or_none()
    return None if row is None else Kept(row.id, row.sealed, row.language)


async def told(conn: Conn, subscription_id: str) -> None:
    """A message was taken: its service works."""
    columns = t.push_subscriptions.c
    failed = (columns.id == subscription_id, columns.failures > 0)
    await conn.execute(update(t.push_subscriptions).where(*failed).values(failures=0))


async def refused(conn: Conn, subscription_id: str) -> bool:
    """A message was refused for good; whether that ended the subscription."""
    columns = t.push_subscriptions.c
    more = update(t.push_subscriptions).where(columns.id == subscription_id)
    count = await conn.execute(more.values(failures=columns.failures + 1).returning(columns.failures))
    if (count.scalar() or 0) < FAILURES_MAX:
        return False
    await remove(conn, [subscription_id])
    return True
