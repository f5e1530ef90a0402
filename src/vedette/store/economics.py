"""The network's parameters over time, and what the PoW addresses of accounts held. Amounts are in Drip."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple, cast

import msgspec
from sqlalchemy import BigInteger, Row, Table, column, func, select, values

from vedette.model.economics import Economics
from vedette.model.pos import PosAddress
from vedette.store import tables as t
from vedette.store.accounts import intern
from vedette.store.database import Conn, insert_into

DRIPS = ("pos_staking_drip", "distributable_drip", "circulating_drip", "staking_drip")


class Balance(NamedTuple):
    """What an account's PoW address held from `at_ms` on."""

    at_ms: int
    balance_drip: int
    staking_drip: int


async def remember_economics(
    conn: Conn, told: Economics, at_ms: int, finality_gap_epochs: int | None = None
) -> None:
    """Keep the parameters as of that time, and how many PoW epochs were not final yet."""
    row: dict[str, Any] = msgspec.to_builtins(told)
    row |= {name: str(row[name]) for name in DRIPS}
    await _keep(
        conn, t.pos_economics, ["at_ms"], row | {"at_ms": at_ms, "finality_gap_epochs": finality_gap_epochs}
    )


async def _keep(conn: Conn, table: Table, key: list[str], row: dict[str, Any]) -> None:
    add = insert_into(conn, table).values(**row)
    await conn.execute(add.on_conflict_do_update(index_elements=key, set_=row))


async def economics_between(conn: Conn, first_ms: int, last_ms: int) -> list[tuple[int, Economics]]:
    """The parameters as they were told from first to last, each with its time, ascending."""
    columns = t.pos_economics.c
    query = select(t.pos_economics).where(columns.at_ms.between(first_ms, last_ms)).order_by(columns.at_ms)
    return [(row.at_ms, _economics(row)) for row in await conn.execute(query)]


class Parameters(NamedTuple):
    """The network's parameters at one moment."""

    at_ms: int
    economics: Economics
    finality_gap_epochs: int | None


async def parameters_at(conn: Conn, moments: Sequence[int]) -> list[Parameters | None]:
    """What was told last before each of these moments, or at it."""
    if not moments:
        return []
    at_ms = t.pos_economics.c.at_ms
    asked = values(column("moment", BigInteger), name="asked").data([(each,) for each in moments]).cte()
    newest = select(func.max(at_ms)).where(at_ms <= asked.c.moment).scalar_subquery()
    chosen = {row[0]: row[1] for row in await conn.execute(select(asked.c.moment, newest))}
    rows = await conn.execute(select(t.pos_economics).where(at_ms.in_({*chosen.values()} - {None})))
    told = {row.at_ms: Parameters(row.at_ms, _economics(row), row.finality_gap_epochs) for row in rows}
    return [told.get(chosen[each]) for each in moments]


async def finality_gaps(conn: Conn, first_ms: int, last_ms: int) -> list[tuple[int, int]]:
    """How many PoW epochs were not final, from first to last, each with its time, ascending."""
    columns = t.pos_economics.c
    known = columns.at_ms.between(first_ms, last_ms) & columns.finality_gap_epochs.is_not(None)
    query = select(columns.at_ms, columns.finality_gap_epochs).where(known).order_by(columns.at_ms)
    return [(row.at_ms, row.finality_gap_epochs) for row in await conn.execute(query)]


async def newest_economics(conn: Conn) -> tuple[int, Economics] | None:
    """The parameters told last, and when; None: nobody told any."""
    query = select(t.pos_economics).order_by(t.pos_economics.c.at_ms.desc()).limit(1)
    row = (await conn.execute(query)).first()
    return None if row is None else (row.at_ms, _economics(row))


def _economics(row: Row[Any]) -> Economics:
    return Economics(
        pos_staking_drip=int(row.pos_staking_drip),
        distributable_drip=int(row.distributable_drip),
        last_distribute_block=row.last_distribute_block,
        interest_rate=row.interest_rate,
        circulating_drip=int(row.circulating_drip),
        staking_drip=int(row.staking_drip),
    )


# --- balances ---------------------------------------------------------------------------------------------


async def remember_balance(
    conn: Conn, address: PosAddress, balance_drip: int, staking_drip: int, at_ms: int
) -> None:
    """Keep what the PoW address of an account holds, if it is not what it held at that time anyway."""
    account = (await intern(conn, [address]))[address]
    columns = t.pow_balances.c
    query = select(t.pow_balances).where(columns.account == account, columns.at_ms <= at_ms)
    held = (await conn.execute(query.order_by(columns.at_ms.desc()).limit(1))).first()
    row = {"balance_drip": str(balance_drip), "staking_drip": str(staking_drip)}
    if held is None or (held.balance_drip, held.staking_drip) != tuple(row.values()):
        await _keep(conn, t.pow_balances, ["account", "at_ms"], row | {"account": account, "at_ms": at_ms})


async def balances_now(conn: Conn, addresses: Collection[PosAddress]) -> dict[PosAddress, int]:
    """What the PoW addresses of these accounts held last, in Drip, where anybody asked."""
    columns, people = t.pow_balances.c, t.pos_accounts.c
    last = select(func.max(columns.at_ms)).where(columns.account == people.id).correlate(t.pos_accounts)
    newest = (columns.account == people.id) & (columns.at_ms == last.scalar_subquery())
    query = select(people.address, columns.balance_drip).join_from(t.pos_accounts, t.pow_balances, newest)
    rows = await conn.execute(query.where(people.address.in_(sorted(addresses))))
    return {PosAddress(row.address): int(row.balance_drip) for row in rows}


async def first_economics_ms(conn: Conn) -> int | None:
    """When the parameters were told for the first time: since then the chain is followed live."""
    first = select(func.min(t.pos_economics.c.at_ms))
    return cast("int | None", (await conn.execute(first)).scalar())


async def balances(conn: Conn, address: PosAddress, first_ms: int, last_ms: int) -> list[Balance]:
    """What an account held from first to last, ascending: what it held at first, then each change."""
    columns = t.pow_balances.c
    mine = select(t.pow_balances).join(t.pos_accounts).where(t.pos_accounts.c.address == address)
    earlier = mine.where(columns.at_ms <= first_ms).order_by(columns.at_ms.desc()).limit(1)
    within = mine.where(columns.at_ms > first_ms, columns.at_ms <= last_ms).order_by(columns.at_ms)
    rows = [*(await conn.execute(earlier)), *(await conn.execute(within))]
    return [Balance(row.at_ms, int(row.balance_drip), int(row.staking_drip)) for row in rows]
