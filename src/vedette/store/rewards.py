"""What each epoch paid, to whom and when: one row an epoch."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Row, bindparam, delete, func, select, update

from vedette.model.pos import PosAddress
from vedette.model.reward import EpochRewards
from vedette.store import tables as t
from vedette.store.accounts import intern
from vedette.store.codec import drip_at, pack_drips, pack_ints, unpack_drips, unpack_ints
from vedette.store.database import Conn, insert_into
from vedette.store.rosters import addresses
from vedette.store.sums import dirty


@dataclass(frozen=True, slots=True)
class PaidEpoch:
    """The payments of one PoS epoch, in Drip. PoW epoch and moment are None until its block was asked for."""

    epoch: int
    pow_hash: str
    pow_epoch: int | None
    paid_at_s: int | None
    drips: Mapping[PosAddress, int]


class Payment(NamedTuple):
    """What one account was paid for one epoch."""

    epoch: int
    drip: int
    paid_at_s: int | None


async def remember_rewards(
    conn: Conn, told: EpochRewards, pow_epoch: int | None, paid_at_s: int | None
) -> bool:
    """Keep the payments of an epoch; tells whether that was news.

    Told differently, they replace what was held; a moment (`pow_epoch`, `paid_at_s`) that is not known this
    time leaves the known one, if the block is the same. Accounts learn the PoW address that was paid.
    """
    numbers = await intern(conn, {reward.account for reward in told.rewards})
    held = await _held(conn, told.epoch)
    row = _row(told, numbers, pow_epoch, paid_at_s)
    if held is not None and held["pow_hash"] == row["pow_hash"]:
        row |= {name: held[name] for name in ("pow_epoch", "paid_at_s") if row[name] is None}
    if row != held:
        add = insert_into(conn, t.pos_rewards).values(**row)
        await conn.execute(add.on_conflict_do_update(index_elements=["epoch"], set_=row))
    if held is None or _payments(held) != _payments(row):
        await dirty(conn, told.epoch)
    return await _note_addresses(conn, told, numbers) or row != held


async def time_payment(conn: Conn, epoch: int, pow_hash: str, pow_epoch: int, paid_at_s: int) -> None:
    """Note when an epoch was paid, if that block is still the one that paid it."""
    columns = t.pos_rewards.c
    same = (columns.epoch == epoch) & (columns.pow_hash == bytes.fromhex(pow_hash.removeprefix("0x")))
    await conn.execute(update(t.pos_rewards).where(same).values(pow_epoch=pow_epoch, paid_at_s=paid_at_s))


async def forget_rewards(conn: Conn, epoch: int) -> None:
    """What was told of an epoch's payments is not believed any more."""
    await conn.execute(delete(t.pos_rewards).where(t.pos_rewards.c.epoch == epoch))
    await dirty(conn, epoch)


async def _held(conn: Conn, epoch: int) -> dict[str, Any] | None:
    found = (await conn.execute(select(t.pos_rewards).where(t.pos_rewards.c.epoch == epoch))).first()
    return None if found is None else dict(found._mapping)  # noqa: SLF001 - its public name


def _row(
    told: EpochRewards, numbers: Mapping[PosAddress, int], pow_epoch: int | None, paid_at_s: int | None
) -> dict[str, Any]:
    paid = sorted((numbers[reward.account], reward.drip) for reward in told.rewards)
    return {
        "epoch": told.epoch,
        "pow_hash": bytes.fromhex(told.pow_hash.removeprefix("0x")),
        "pow_epoch": pow_epoch,
        "paid_at_s": paid_at_s,
        "accounts": pack_ints([number for number, _ in paid]),
        "drips": pack_drips([drip for _, drip in paid]),
    }


def _payments(row: Mapping[str, Any]) -> tuple[bytes, bytes]:
    return row["accounts"], row["drips"]


async def _note_addresses(conn: Conn, told: EpochRewards, numbers: Mapping[PosAddress, int]) -> bool:
    """Tells whether any account learned something.

    An account can be bound anew, so the newest epoch says where its rewards go; others where nobody did.
    """
    columns = t.pos_accounts.c
    newest = (await conn.execute(select(func.max(t.pos_rewards.c.epoch)))).scalar()
    query = select(columns.id, columns.pow_address).where(columns.id.in_(sorted(numbers.values())))
    known = {row.id: row.pow_address for row in await conn.execute(query)}
    rows = [
        {"account": number, "bound_to": reward.pow_address}
        for reward in told.rewards
        if (number := numbers[reward.account])
        and known[number] != reward.pow_address
        and (known[number] is None or told.epoch == newest)
    ]
    if rows:
        note = update(t.pos_accounts).where(columns.id == bindparam("account"))
        await conn.execute(note.values(pow_address=bindparam("bound_to")), rows)
    return bool(rows)


# --- reading ----------------------------------------------------------------------------------------------


async def paid_at(conn: Conn, first_epoch: int, last_epoch: int) -> dict[int, int]:
    """When those of these epochs were paid of which that is known, unix seconds."""
    columns = t.pos_rewards.c
    query = select(columns.epoch, columns.paid_at_s).where(columns.paid_at_s.is_not(None))
    rows = await conn.execute(query.where(columns.epoch.between(first_epoch, last_epoch)))
    return {row.epoch: row.paid_at_s for row in rows}


async def rewards(conn: Conn, first_epoch: int, last_epoch: int) -> dict[int, PaidEpoch]:
    """The payments of those epochs from first to last that are known, by epoch, ascending."""
    columns = t.pos_rewards.c
    query = (
        select(t.pos_rewards).where(columns.epoch.between(first_epoch, last_epoch)).order_by(columns.epoch)
    )
    rows = (await conn.execute(query)).all()
    named = await addresses(conn, {number for row in rows for number in _places(row.accounts)})
    return {row.epoch: _paid(row, named) for row in rows}


def _paid(row: Row[Any], named: Mapping[int, PosAddress]) -> PaidEpoch:
    drips = {named[number]: drip_at(row.drips, place) for number, place in _places(row.accounts).items()}
    return PaidEpoch(row.epoch, "0x" + row.pow_hash.hex(), row.pow_epoch, row.paid_at_s, drips)


# The same accounts are paid for many epochs in a row.
@lru_cache(maxsize=256)
def _places(accounts: bytes) -> Mapping[int, int]:
    """Where in the list of payments each account stands."""
    return {number: place for place, number in enumerate(unpack_ints(accounts))}


async def rewards_of(conn: Conn, address: PosAddress, first_epoch: int, last_epoch: int) -> list[Payment]:
    """What one account was paid, by epoch, ascending. An epoch left out paid it nothing, or is not known."""
    number = select(t.pos_accounts.c.id).where(t.pos_accounts.c.address == address)
    account = (await conn.execute(number)).scalar()
    if account is None:
        return []
    columns = t.pos_rewards.c
    query = select(columns.epoch, columns.paid_at_s, columns.accounts, columns.drips)
    rows = await conn.execute(
        query.where(columns.epoch.between(first_epoch, last_epoch)).order_by(columns.epoch)
    )
    return [
        Payment(row.epoch, drip_at(row.drips, place), row.paid_at_s)
        for row in rows
        if (place := _places(row.accounts).get(account)) is not None
    ]


async def untimed_payments(conn: Conn) -> list[tuple[int, str]]:
    """The epochs whose moment of payment is not known, with the PoW block that paid, newest first."""
    columns = t.pos_rewards.c
    query = select(columns.epoch, columns.pow_hash).where(columns.paid_at_s.is_(None))
    rows = await conn.execute(query.order_by(columns.epoch.desc()))
    return [(row.epoch, "0x" + row.pow_hash.hex()) for row in rows]


async def rewarded_epochs(conn: Conn, first_epoch: int, last_epoch: int) -> set[int]:
    """The epochs from first to last whose payments are known."""
    columns = t.pos_rewards.c
    query = select(columns.epoch).where(columns.epoch.between(first_epoch, last_epoch))
    return set((await conn.execute(query)).scalars())


class Paid(NamedTuple):
    """What one account was paid for one epoch; nothing (0) is a payment, too, if others were paid."""

    epoch: int
    drip: int
    pow_epoch: int | None
    paid_at_s: int | None


async def payments_before(conn: Conn, address: PosAddress, before: int | None, limit: int) -> list[Paid]:
    """At most `limit` epochs below that one (None: from the newest) with known payments, newest first."""
    number = select(t.pos_accounts.c.id).where(t.pos_accounts.c.address == address)
    account = (await conn.execute(number)).scalar()
    query = select(t.pos_rewards).order_by(t.pos_rewards.c.epoch.desc()).limit(limit)
    rows = await conn.execute(query if before is None else query.where(t.pos_rewards.c.epoch < before))
    return [Paid(row.epoch, _drip_of(row, account), row.pow_epoch, row.paid_at_s) for row in rows]


def _drip_of(row: Row[Any], account: int | None) -> int:
    place = None if account is None else _places(row.accounts).get(account)
    return 0 if place is None else drip_at(row.drips, place)


class PaidTotal(NamedTuple):
    """What was paid to everybody for one epoch."""

    drip: int
    accounts: int
    pow_epoch: int | None
    paid_at_s: int | None


async def totals(conn: Conn, first_epoch: int, last_epoch: int) -> dict[int, PaidTotal]:
    """What was paid for each of those epochs from first to last whose payments are known."""
    query = select(t.pos_rewards).where(t.pos_rewards.c.epoch.between(first_epoch, last_epoch))
    return {row.epoch: _total(row) for row in await conn.execute(query)}


def _total(row: Row[Any]) -> PaidTotal:
    drips = unpack_drips(row.drips)
    return PaidTotal(sum(drips), len(drips), row.pow_epoch, row.paid_at_s)


async def rewarded_count(conn: Conn) -> int:
    """How many epochs' payments are known."""
    return int((await conn.execute(select(func.count()).select_from(t.pos_rewards))).scalar_one())
