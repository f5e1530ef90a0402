"""Staking pools: who they are, what their operators decided when, and what they hold and earned over time.

What was not told this time is what was told before: an endpoint that cannot answer does not empty a pool.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import msgspec
from sqlalchemy import Row, Select, Table, func, select, update

from vedette.model.pool import KnownPool, Names, PoolHoldings, PoolReading, PoolTerms
from vedette.model.pos import PosAddress
from vedette.store import tables as t
from vedette.store.database import Conn, insert_into

DRIPS = ("own_interest_drip", "total_interest_drip", "balance_drip", "withdrawable_drip")


# --- keeping ----------------------------------------------------------------------------------------------


async def list_pools(conn: Conn, names: Names, now_ms: int) -> None:
    """Keep which pools are listed. One that is listed no more is still remembered."""
    await conn.execute(update(t.pools).values(is_listed=False))
    for contract, name in names.items():
        listed = {"listed_name": name, "is_listed": True}
        add = insert_into(conn, t.pools).values(contract=contract, first_seen_ms=now_ms, **listed)
        await conn.execute(add.on_conflict_do_update(index_elements=["contract"], set_=listed))


async def remember_pool(conn: Conn, told: PoolReading, now_ms: int) -> None:
    """Keep what was learned of a listed pool; what changed gets a row of history."""
    query = select(t.pools.c.id, t.pools.c.pos_address).where(t.pools.c.contract == told.contract)
    held = (await conn.execute(query)).first()
    if held is None:
        return
    row = update(t.pools).where(t.pools.c.id == held.id)
    await conn.execute(
        row.values(told_at_ms=now_ms, trouble=told.trouble, **_learned(told, held.pos_address))
    )
    await _add(conn, t.pool_terms, held.id, told.terms, now_ms)
    await _add(conn, t.pool_holdings, held.id, told.holdings, now_ms)


def _learned(told: PoolReading, before: PosAddress | None) -> dict[str, Any]:
    named: dict[str, Any] = {
        "own_name": told.own_name,
        "pos_address": told.pos_address,
        "is_registered": told.is_registered,
    }
    learned = {name: value for name, value in named.items() if value is not None}
    if told.pos_address not in {None, before}:
        learned["is_registered"] = (
            told.is_registered
        )  # what was known of another validator is not of this one
    return learned


async def note_trouble(conn: Conn, contract: str, trouble: str) -> None:
    """Keep why nothing could be learned of a pool."""
    await conn.execute(update(t.pools).where(t.pools.c.contract == contract).values(trouble=trouble))


async def _add(conn: Conn, table: Table, pool: int, told: PoolTerms | PoolHoldings, now_ms: int) -> None:
    newest = table.select().where(table.c.pool == pool).order_by(table.c.at_ms.desc()).limit(1)
    found = (await conn.execute(newest)).first()
    held = {} if found is None else dict(found._mapping)  # noqa: SLF001 - its public name
    named = {name: value for name, value in _columns(told).items() if value is not None}
    if named and not named.items() <= held.items():
        row = {**held, **named, "pool": pool, "at_ms": now_ms}
        add = insert_into(conn, table).values(**row)
        await conn.execute(add.on_conflict_do_update(index_elements=["pool", "at_ms"], set_=row))


def _columns(told: PoolTerms | PoolHoldings) -> dict[str, Any]:
    columns: dict[str, Any] = msgspec.to_builtins(told)
    return columns | {name: str(value) for name in DRIPS if (value := columns.get(name)) is not None}


# --- reading ----------------------------------------------------------------------------------------------


class Since(NamedTuple):
    """What a pool's operator decided, and from when on that was seen."""

    at_ms: int
    terms: PoolTerms


class HeldSince(NamedTuple):
    """What a pool held, and from when on that was seen."""

    at_ms: int
    holdings: PoolHoldings


async def listed_pools(conn: Conn) -> list[KnownPool]:
    """The pools that are listed, with the newest of each, by name."""
    return await _pools(conn, select(t.pools).where(t.pools.c.is_listed))


async def pool_of_contract(conn: Conn, contract: str) -> KnownPool | None:
    """The pool of that contract (base32, simple form), listed or not."""
    found = await _pools(conn, select(t.pools).where(t.pools.c.contract == contract))
    return found[0] if found else None


async def pools_of_validator(conn: Conn, address: PosAddress) -> list[KnownPool]:
    """The listed pools that name this validator, first the one that the chain's register binds to it."""
    found = await _pools(conn, select(t.pools).where(t.pools.c.is_listed, t.pools.c.pos_address == address))
    return sorted(found, key=lambda one: not one.is_registered)


async def _pools(conn: Conn, query: Select[Any]) -> list[KnownPool]:
    rows = (await conn.execute(query.order_by(t.pools.c.listed_name, t.pools.c.contract))).all()
    numbers = [row.id for row in rows]
    terms = {row.pool: _terms(row) for row in await conn.execute(_newest(t.pool_terms, numbers))}
    held = {row.pool: _holdings(row) for row in await conn.execute(_newest(t.pool_holdings, numbers))}
    return [_pool(row, terms, held) for row in rows]


def _newest(table: Table, pools: list[int]) -> Select[Any]:
    last = select(table.c.pool, func.max(table.c.at_ms).label("at_ms"))
    last_of = last.where(table.c.pool.in_(pools)).group_by(table.c.pool).subquery()
    same = (table.c.pool == last_of.c.pool) & (table.c.at_ms == last_of.c.at_ms)
    return select(table).join(last_of, same)


def _pool(row: Row[Any], terms: Mapping[int, PoolTerms], held: Mapping[int, PoolHoldings]) -> KnownPool:
    return KnownPool(
        contract=row.contract,
        listed_name=row.listed_name,
        own_name=row.own_name,
        pos_address=row.pos_address,
        is_registered=row.is_registered,
        first_seen_ms=row.first_seen_ms,
        told_at_ms=row.told_at_ms,
        trouble=row.trouble,
        terms=terms.get(row.id, PoolTerms()),
        holdings=held.get(row.id, PoolHoldings()),
    )


async def terms_before(conn: Conn, contract: str, before_ms: int | None, limit: int) -> list[Since]:
    """At most `limit` changes of what its operator decided, before that time (None: all), newest first.

    The very first was decided at any time before it was seen.
    """
    columns = t.pool_terms.c
    query = _of(t.pool_terms, contract).order_by(columns.at_ms.desc()).limit(limit)
    if before_ms is not None:
        query = query.where(columns.at_ms < before_ms)
    return [Since(row.at_ms, _terms(row)) for row in await conn.execute(query)]


async def next_terms_ms(conn: Conn, contract: str, from_ms: int) -> int | None:
    """When its operator decided something next, at that time or later; None: not yet."""
    columns = t.pool_terms.c
    query = _of(t.pool_terms, contract).with_only_columns(func.min(columns.at_ms))
    return cast("int | None", (await conn.execute(query.where(columns.at_ms >= from_ms))).scalar())


async def terms_from(conn: Conn, contract: str, first_ms: int) -> list[Since]:
    """What its operator had decided by that time, then each change since, ascending."""
    rows = await conn.execute(_since(t.pool_terms, contract, first_ms))
    return [Since(row.at_ms, _terms(row)) for row in rows]


async def holdings_between(conn: Conn, contract: str, first_ms: int, last_ms: int) -> list[HeldSince]:
    """What a pool held at first, then each change until the last, ascending."""
    query = _since(t.pool_holdings, contract, first_ms).where(t.pool_holdings.c.at_ms <= last_ms)
    return [HeldSince(row.at_ms, _holdings(row)) for row in await conn.execute(query)]


def _since(table: Table, contract: str, first_ms: int) -> Select[Any]:
    at_ms = table.c.at_ms
    start = _of(table, contract).with_only_columns(func.max(at_ms)).where(at_ms <= first_ms)
    begun = func.coalesce(start.scalar_subquery(), first_ms)
    return _of(table, contract).where(at_ms >= begun).order_by(at_ms)


def _of(table: Table, contract: str) -> Select[Any]:
    return select(table).join(t.pools).where(t.pools.c.contract == contract)


def _terms(row: Row[Any]) -> PoolTerms:
    return PoolTerms(**{name: getattr(row, name) for name in PoolTerms.__dataclass_fields__})


def _holdings(row: Row[Any]) -> PoolHoldings:
    told = {name: getattr(row, name) for name in PoolHoldings.__dataclass_fields__}
    return PoolHoldings(**told | {name: int(told[name]) for name in DRIPS if told[name] is not None})
