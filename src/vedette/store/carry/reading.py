"""A file's records as they are worked on: checked one by one, and some at a time."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from vedette.model.pos import PosAddress
from vedette.store.carry import blocks, records
from vedette.store.carry.blocks import Carried
from vedette.store.carry.file import CarryError, HistoryReader
from vedette.store.carry.records import Record

AT_ONCE: Final = 128  # records a transaction: those of some thirty epochs

Item: TypeAlias = Record | Carried
"""A record as it stands; an Epoch opened together with its Committee, which comes before it, too."""


class HistoryFile:
    """An open file. What does not fit together is a CarryError that names the place."""

    def __init__(self, path: Path, reader: HistoryReader) -> None:
        self.path = path
        self.reader = reader
        self.head = records.Head("", None, None, 0, 0, None)
        self.addresses: set[PosAddress] = set()
        self.epochs = 0
        self.newest_epoch = 0
        self.newest_transaction = 0

    def batches(self) -> Iterator[list[Item]]:
        """All items in order. What the file says of itself is whole when all were taken."""
        self.addresses, self.epochs = set(), 0
        waiting: list[Item] = []
        for item in self._items():
            waiting.append(item)
            if len(waiting) == AT_ONCE:
                yield waiting
                waiting = []
        yield waiting

    def _items(self) -> Iterator[Item]:
        committee: records.Committee | None = None
        before: Carried | None = None
        for record in self.reader.records():
            item: Item = record
            try:
                if isinstance(record, records.Committee):
                    committee = record
                if isinstance(record, records.Epoch):
                    item = before = _following(before, _opened(committee, record))
                self._note(item)
            except ValueError as error:
                raise CarryError(f"{self.path} does not fit together ({_place(record)}: {error})") from error
            yield item

    def _note(self, item: Item) -> None:
        self.addresses.update(_checked(item))
        if isinstance(item, records.Head):
            self.head = item
        if isinstance(item, records.Committee):
            self.newest_epoch = max(self.newest_epoch, item.epoch)
        if isinstance(item, Carried):
            self.epochs += 1
            self.newest_transaction = max(self.newest_transaction, item.blocks[-1].last_tx_number)
        if isinstance(item, records.Events):
            self.newest_transaction = max([self.newest_transaction, *(row.number for row in item.rows)])


def _opened(committee: records.Committee | None, epoch: records.Epoch) -> Carried:
    if committee is None:
        raise ValueError("its committee is missing")
    carried = blocks.opened(committee, epoch)
    blocks.check(carried)
    return carried


def _following(before: Carried | None, now: Carried) -> Carried:
    """An epoch begins where the one before it ended. Raises ValueError."""
    if before is not None:
        distance = now.heights.first - before.heights.last
        if now.epoch <= before.epoch or distance < 1 or (distance == 1) != (now.epoch == before.epoch + 1):
            raise ValueError(f"it does not follow epoch {before.epoch}")
    return now


def _place(record: Record) -> str:
    number = getattr(record, "epoch", None)
    return records.kind(record) if number is None else f"epoch {number}"


def _checked(item: Item) -> Iterable[PosAddress]:
    """Everybody of whom an item speaks, if its parts are as many as they should be. Raises ValueError."""
    way = _PEOPLE.get(type(item))
    return () if way is None else way(item)


def _elected(record: records.Election) -> list[PosAddress]:
    elected = [] if record.elected is None else _as_many(record.elected.accounts, record.elected.votes)
    return [*records.parted(record.candidates or b""), *elected]


def _as_many(addresses: bytes, others: list[str] | list[int]) -> list[PosAddress]:
    found = records.parted(addresses)
    if len(found) != len(others):
        raise ValueError("a column is cut short")
    return found


def _staked(record: records.Stakes) -> list[PosAddress]:
    if record.network_votes is not None and record.network_votes < max(record.votes, default=0):
        raise ValueError("an account holds more votes than all together")
    return _as_many(record.accounts, record.votes)


def maybe(address: bytes | None) -> list[PosAddress]:
    """One address, or none. Raises ValueError."""
    return [] if address is None else records.parted(address)


def drips_of(told: records.Payments) -> dict[PosAddress, int]:
    """What each account was paid. Raises ValueError."""
    who = records.parted(told.accounts)
    drips = records.amounts(told.drips, len(who))
    if max(drips, default=0) >= records.PAYMENT_DRIP_MAX:
        raise ValueError("a payment is larger than any")
    return dict(zip(who, drips, strict=True))


_PEOPLE: Mapping[type, Callable[[Any], Iterable[PosAddress]]] = {
    Carried: lambda item: item.people,
    records.Committee: blocks.members_of,
    records.People: lambda item: _as_many(item.addresses, item.bound_to),
    records.Payments: drips_of,
    records.Stakes: _staked,
    records.Election: _elected,
    records.Events: lambda item: [
        who for row in item.rows for who in (*maybe(row.account), *maybe(row.sender))
    ],
    records.StakeHistory: lambda item: [records.parted(row.account)[0] for row in item.rows],
    records.StakesNow: lambda item: [records.parted(row.account)[0] for row in item.rows],
}
