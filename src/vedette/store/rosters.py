"""Seats: the order in which a committee's members stand in a bitmap, and bitmaps read as signers.

A bitmap is an integer: bit i is the member in seat i. On disk it is those bytes, little end first.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from vedette.model.pos import Committee, PosAddress
from vedette.store import tables as t
from vedette.store.codec import unpack_ints
from vedette.store.database import Conn, is_reader

EPOCHS_KEPT = 64


@dataclass(frozen=True, eq=False)
class Roster:
    """A committee and the seats of its members, in the order of `committee.votes`."""

    committee: Committee

    @cached_property
    def bits(self) -> dict[PosAddress, int]:
        """Each member's own bit."""
        return {address: 1 << seat for seat, address in enumerate(self.committee.votes)}

    @cached_property
    def votes(self) -> NDArray[np.int64]:
        """The votes of each seat."""
        return np.array(list(self.committee.votes.values()), np.int64)

    @cached_property
    def places(self) -> dict[PosAddress, int]:
        """Each member's seat."""
        return {address: seat for seat, address in enumerate(self.committee.votes)}

    @property
    def seats(self) -> int:
        return len(self.committee.votes)

    def seat(self, address: PosAddress) -> int | None:
        return self.places.get(address)


class Signers(Mapping[PosAddress, int]):
    """Who signed, with their votes, read out of a bitmap only as far as you ask."""

    __slots__ = ("bitmap", "extra", "roster")

    def __init__(self, bitmap: int, roster: Roster | None, extra: Mapping[PosAddress, int]) -> None:
        self.bitmap = bitmap
        self.roster = roster
        self.extra = extra  # signers who have no seat, in the order of the bits after the seats

    def __contains__(self, address: object) -> bool:
        if self.roster is not None and (bit := self.roster.bits.get(address)):  # type: ignore[call-overload]
            return bool(self.bitmap & bit)
        return address in self.extra

    def __len__(self) -> int:
        return self.bitmap.bit_count()

    def __iter__(self) -> Iterator[PosAddress]:
        if self.roster is not None:
            yield from (address for address, bit in self.roster.bits.items() if self.bitmap & bit)
        yield from self.extra

    def __getitem__(self, address: PosAddress) -> int:
        if address not in self:
            raise KeyError(address)
        if self.roster is not None and address in self.roster.bits:
            return self.roster.committee.votes[address]
        return self.extra[address]

    @property
    def votes(self) -> int:
        """The votes of all signers together."""
        behind = sum(self.extra.values())
        if self.roster is None:
            return behind
        size = (self.roster.seats + 7) // 8
        seated = (self.bitmap & ((1 << self.roster.seats) - 1)).to_bytes(size, "little")
        bits = np.unpackbits(np.frombuffer(seated, np.uint8), count=self.roster.seats, bitorder="little")
        return behind + int(self.roster.votes[bits.view(np.bool_)].sum())

    def __repr__(self) -> str:
        return f"Signers({dict(self)})"


@dataclass(slots=True)
class _Kept:
    """What was decoded before, for one database. Only committed rows get in, and those never change."""

    addresses: dict[int, PosAddress]
    rosters: dict[tuple[int, bytes, bytes], Roster]


_kept: WeakKeyDictionary[Any, _Kept] = WeakKeyDictionary()


def _memory(conn: Conn) -> _Kept:
    """A deed under way may yet be undone, so what it reads is not kept for others."""
    if not is_reader(conn) or conn.sync_connection is None:
        return _Kept({}, {})
    return _kept.setdefault(conn.sync_connection.engine.pool, _Kept({}, {}))


async def rosters(conn: Conn, epochs: Collection[int]) -> dict[int, Roster]:
    """The rosters of those of these epochs whose committee is known."""
    if not epochs:
        return {}
    columns = t.pos_committees.c
    query = select(t.pos_committees).where(columns.epoch.in_(sorted(epochs))).order_by(columns.epoch)
    return await rosters_in(conn, (await conn.execute(query)).all())


async def rosters_in(conn: Conn, rows: Sequence[Any]) -> dict[int, Roster]:
    """The rosters that stand in these rows: each has an epoch and its committee's columns."""
    memory = _memory(conn)
    fresh = [row for row in rows if (row.epoch, row.members, row.votes) not in memory.rosters]
    await _open(conn, memory, fresh)
    found = {row.epoch: memory.rosters[row.epoch, row.members, row.votes] for row in rows}
    while len(memory.rosters) > EPOCHS_KEPT + len(found):
        del memory.rosters[next(iter(memory.rosters))]
    return found


async def _open(conn: Conn, memory: _Kept, rows: Sequence[Any]) -> None:
    members = {row.epoch: unpack_ints(row.members) for row in rows}
    await _learn(conn, memory, {number for numbers in members.values() for number in numbers})
    for row in rows:
        addresses = [memory.addresses[number] for number in members[row.epoch]]
        votes = dict(zip(addresses, unpack_ints(row.votes), strict=True))
        committee = Committee(row.epoch, row.quorum_votes, row.total_votes, votes)
        memory.rosters[row.epoch, row.members, row.votes] = Roster(committee)


async def _learn(conn: Conn, memory: _Kept, numbers: Collection[int]) -> None:
    """Read the addresses behind these numbers, as far as they are not known."""
    unknown = sorted(set(numbers) - memory.addresses.keys())
    if unknown:
        columns = t.pos_accounts.c
        query = select(columns.id, columns.address).where(columns.id.in_(unknown))
        memory.addresses |= {row.id: PosAddress(row.address) for row in await conn.execute(query)}


async def addresses(conn: Conn, numbers: Collection[int]) -> Mapping[int, PosAddress]:
    """The addresses behind these numbers."""
    memory = _memory(conn)
    await _learn(conn, memory, numbers)
    return memory.addresses
