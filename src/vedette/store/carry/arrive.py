"""Merging a file's history into a database.

The whole file is read twice. First it is only looked at: its checksums, whether its parts fit together, and
whether anything in it contradicts what is held, or what an inspector knows. Then it is written, some epochs a
transaction, each of which looks once more at what it contradicts. All that is written may be written twice:
an import that was stopped is finished by another. What an epoch adds up to is counted anew from its votes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from vedette.store import epochs, summing
from vedette.store.accounts import intern
from vedette.store.carry.compare import compare
from vedette.store.carry.file import HistoryReader
from vedette.store.carry.keep import Keeper
from vedette.store.carry.reading import HistoryFile, Item
from vedette.store.database import Conn, Database

ADDRESSES_AT_ONCE = 500

Tell = Callable[[str, int, int], None]
"""Told what is being done, and how many bytes of how many are done."""


class Inspector(Protocol):
    """Somebody outside who knows what is true."""

    def see(self, items: Sequence[Item]) -> None:
        """Some of the file's items, each once."""

    async def ask(self, tell: Tell) -> None:
        """Nothing was written yet. Raises CarryError."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """What a file held, and how many epochs were new."""

    first_epoch: int
    last_epoch: int
    epochs: int
    new_epochs: int


async def arrive(
    database: Database, path: Path, tell: Tell = lambda *_: None, inspector: Inspector | None = None
) -> Arrived:
    """Merge a file into the database. Raises CarryError in one line; nothing false was written then."""
    with HistoryReader(path) as reader:
        file = HistoryFile(path, reader)
        for items in file.batches():
            async with database.read() as conn:
                await compare(conn, items, path)
            if inspector is not None:
                inspector.see(items)
            tell("looking", reader.bytes_read, reader.size)
        if inspector is not None:
            await inspector.ask(tell)
        before = await _counted(database)
        await _write(database, file, tell)
    tell("adding up", 0, 0)
    await summing.refresh(database)
    new = await _counted(database) - before
    return Arrived(file.head.first_epoch, file.head.last_epoch, file.epochs, new)


async def _write(database: Database, file: HistoryFile, tell: Tell) -> None:
    people = sorted(file.addresses)
    parts = [people[at : at + ADDRESSES_AT_ONCE] for at in range(0, len(people), ADDRESSES_AT_ONCE)]
    known = [await database.write(partial(intern, addresses=part)) for part in parts]
    numbers = {address: number for part in known for address, number in part.items()}
    for items in file.batches():

        async def deed(conn: Conn, items: Sequence[Item] = items) -> None:
            await compare(conn, items, file.path, writing=True)
            await Keeper(conn, file, numbers).keep(items)

        await database.write(deed)
        tell("writing", file.reader.bytes_read, file.reader.size)


async def _counted(database: Database) -> int:
    async with database.read() as conn:
        return await epochs.count(conn)
