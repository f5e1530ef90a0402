"""Stakes of PoS accounts: the newest of each, and a row of history whenever one changed."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import Row, Table, func, select, update

from vedette.model.pos import Account, PosAddress, Queued
from vedette.store import tables as t
from vedette.store.database import Conn, insert_into


async def intern(conn: Conn, addresses: Collection[PosAddress]) -> dict[PosAddress, int]:
    """The short numbers of these accounts; those that were never seen get one."""
    if not addresses:
        return {}
    held = await _numbers(conn, addresses)
    missing = [{"address": address} for address in sorted(set(addresses) - held.keys())]
    if not missing:
        return held
    await conn.execute(insert_into(conn, t.pos_accounts).on_conflict_do_nothing(), missing)
    return await _numbers(conn, addresses)


async def _numbers(conn: Conn, addresses: Collection[PosAddress]) -> dict[PosAddress, int]:
    columns = t.pos_accounts.c
    query = select(columns.id, columns.address).where(columns.address.in_(sorted(addresses)))
    return {row.address: row.id for row in await conn.execute(query)}


async def remember_accounts(conn: Conn, accounts: Sequence[Account], now_ms: int) -> frozenset[PosAddress]:
    """Keep what a node said of these accounts; one that changed since also gets a row of history.

    What a node says that lags behind the one asked before is old. Returns who changed.
    """
    numbers = await intern(conn, {account.address for account in accounts})
    newest = {numbers[account.address]: account for account in accounts}
    held = await _held(conn, newest.keys())
    newest = {n: told for n, told in newest.items() if n not in held or told.height >= held[n].height}
    rows = [{"account": number, "at_ms": now_ms} | _columns(told) for number, told in sorted(newest.items())]
    changed = [row for row in rows if _changed(newest[row["account"]], held.get(row["account"]))]
    await _upsert(conn, t.pos_stakes, ["account"], rows)
    await _upsert(conn, t.pos_stake_history, ["account", "at_ms"], changed)
    return frozenset(newest[row["account"]].address for row in changed)


LOOKED_UP = "looked up"
"""The mark that names, by space, the accounts that somebody looked up and that had never signed then."""


async def remember_looked_up(
    conn: Conn, account: Account, now_ms: int, busy: Collection[PosAddress], idle_max: int
) -> bool:
    """Keep an account that somebody looked up; False: so many are kept already that are not `busy`."""
    await conn.execute(insert_into(conn, t.marks).values(name=LOOKED_UP, text="").on_conflict_do_nothing())
    mark = select(t.marks.c.text).where(t.marks.c.name == LOOKED_UP).with_for_update()
    named = (await conn.execute(mark)).scalar_one().split()
    idle = {PosAddress(one) for one in named} - set(busy) | {account.address}
    if len(idle) > idle_max:
        return False
    text = " ".join(sorted(idle))
    await conn.execute(update(t.marks).where(t.marks.c.name == LOOKED_UP).values(text=text))
    await remember_accounts(conn, [account], now_ms)
    return True


async def _held(conn: Conn, numbers: Collection[int]) -> dict[int, Account]:
    query = _STAKES.where(t.pos_stakes.c.account.in_(sorted(numbers)))
    return {row.account: _account(row) for row in await conn.execute(query)}


def _changed(told: Account, held: Account | None) -> bool:
    """A snapshot at another height that says the same is no change."""
    return held is None or replace(told, height=held.height) != held


async def _upsert(conn: Conn, table: Table, key: list[str], rows: list[dict[str, Any]]) -> None:
    if rows:
        add = insert_into(conn, table)
        told = {name: add.excluded[name] for name in rows[0] if name not in key}
        await conn.execute(add.on_conflict_do_update(index_elements=key, set_=told), rows)


_STAKES = select(t.pos_accounts.c.address, *t.pos_stakes.c).join_from(t.pos_stakes, t.pos_accounts)


async def accounts(conn: Conn) -> dict[PosAddress, tuple[Account, int]]:
    """The newest snapshot of every account, and when it was taken (unix milliseconds)."""
    return {row.address: (_account(row), row.at_ms) for row in await conn.execute(_STAKES)}


_HISTORY = select(t.pos_accounts.c.address, *t.pos_stake_history.c).join_from(
    t.pos_stake_history, t.pos_accounts
)


async def stake_history(
    conn: Conn, address: PosAddress, first_ms: int | None, last_ms: int | None
) -> list[tuple[int, Account]]:
    """What it held from first to last (None: no end), ascending: what it held at first, then each change."""
    columns = t.pos_stake_history.c
    mine = _HISTORY.where(t.pos_accounts.c.address == address).order_by(columns.at_ms)
    if first_ms is not None:
        start = select(columns.at_ms).join(t.pos_accounts).where(t.pos_accounts.c.address == address)
        start = start.where(columns.at_ms <= first_ms).order_by(columns.at_ms.desc()).limit(1)
        mine = mine.where(columns.at_ms >= func.coalesce(start.scalar_subquery(), first_ms))
    if last_ms is not None:
        mine = mine.where(columns.at_ms <= last_ms)
    return [(row.at_ms, _account(row)) for row in await conn.execute(mine)]


async def stake_histories(
    conn: Conn, addresses: Collection[PosAddress], first_ms: int
) -> dict[PosAddress, list[tuple[int, Account]]]:
    """The same from then on, of those of these accounts that changed since."""
    columns = t.pos_stake_history.c
    asked = t.pos_accounts.c.address.in_(sorted(addresses))
    changed = _HISTORY.where(asked, columns.at_ms > first_ms).order_by(columns.at_ms)
    found: dict[PosAddress, list[tuple[int, Account]]] = {}
    for row in await conn.execute(changed):
        found.setdefault(row.address, []).append((row.at_ms, _account(row)))
    return {
        address: [*await stake_history(conn, address, first_ms, first_ms), *later]
        for address, later in found.items()
    }


async def retired_at(conn: Conn, addresses: Collection[PosAddress]) -> dict[PosAddress, int]:
    """When those of these that the chain ever retired by force were first seen so, the last time."""
    columns, people = t.pos_stake_history.c, t.pos_accounts.c
    height, first = columns.force_retired_height, func.min(columns.at_ms).label("at_ms")
    query = (
        select(people.address, height, first)
        .join_from(t.pos_stake_history, t.pos_accounts)
        .where(people.address.in_(sorted(addresses)), height.is_not(None))
        .group_by(people.address, height)
        .order_by(height)
    )
    return {PosAddress(row.address): row.at_ms for row in await conn.execute(query)}


async def numbers(conn: Conn, addresses: Collection[PosAddress]) -> dict[PosAddress, int]:
    """The short numbers of those of these accounts that were ever seen."""
    return await _numbers(conn, addresses)


async def pow_addresses(conn: Conn) -> dict[PosAddress, str]:
    """Where the rewards of each account go, as far as it is known."""
    columns = t.pos_accounts.c
    query = select(columns.address, columns.pow_address).where(columns.pow_address.is_not(None))
    return {PosAddress(row.address): row.pow_address for row in await conn.execute(query)}


async def known_addresses(conn: Conn) -> list[PosAddress]:
    """Everyone who was ever in a committee, signed, or was snapshotted; sorted."""
    query = select(t.pos_accounts.c.address).order_by(t.pos_accounts.c.address)
    return [PosAddress(row.address) for row in await conn.execute(query)]


def _columns(account: Account) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(account)
    del told["address"]
    return told


def _account(row: Row[Any]) -> Account:
    return Account(
        address=row.address,
        height=row.height,
        available_votes=row.available_votes,
        locked_votes=row.locked_votes,
        in_queue=tuple(Queued(**queued) for queued in row.in_queue),
        out_queue=tuple(Queued(**queued) for queued in row.out_queue),
        unlocked_votes=row.unlocked_votes,
        forfeited_votes=row.forfeited_votes,
        force_retired_height=row.force_retired_height,
    )
