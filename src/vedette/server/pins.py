"""The audit log's head, told to a file outside the database: what is cut off the log, or written anew, shows.

The file only grows. Kept where the server's user cannot take lines out (`chattr +a`, another machine), it
binds whoever holds the database as well.
"""

import logging
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from vedette.model.clock import rounds
from vedette.model.errors import SettingError
from vedette.server.ears import Ears
from vedette.server.loops import Failures
from vedette.store import audit
from vedette.store.audit import Head
from vedette.store.database import Database

log = logging.getLogger(__name__)

PIN_MS = 60_000
LINE = re.compile(r"(\d{1,18}) ([0-9a-f]{64}) \S+")
TORN = " torn\n"
"""Ends a line of which a crash wrote a part only; it told nothing."""
DIFFERS = (
    "the audit log does not lead through line %d, which %s tells of: run vedette audit verify;"
    " if an older database was put back, move that file away"
)


class Pins:
    """Writes down the head whenever it moved, once a minute."""

    def __init__(self, path: Path, database: Database, ears: Ears) -> None:
        self.path = path
        self._database = database
        self._ears = ears
        self._told: Head | None = None

    async def run(self, failures: Failures) -> None:
        await failures.guard("audit", self.compare)
        async for _ in rounds(self._ears, PIN_MS):
            await failures.guard("audit", self.pin)

    async def compare(self) -> None:
        """What was told last must still be in the log."""
        told = read_pins(self.path)
        if told:
            self._told = told[-1]
            async with self._database.read() as conn:
                if not await audit.holds(conn, told[-1]):
                    log.error(DIFFERS, told[-1].seq, self.path)

    async def pin(self) -> None:
        async with self._database.read() as conn:
            head = await audit.head(conn)
        if head.seq and head != self._told:
            append(self.path, head, self._ears.now_ms())
            self._told = head


def append(path: Path, head: Head, at_ms: int) -> None:
    """One line more, on the disk before it counts."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(handle).st_size
        end = TORN if size and os.pread(handle, 1, size - 1) != b"\n" else ""
        os.write(handle, f"{end}{head.seq} {head.hash.hex()} {at}\n".encode())
        os.fsync(handle)
    finally:
        os.close(handle)


def read_pins(path: Path) -> Sequence[Head]:
    """The heads that were told; lines that a crash cut off are not among them. Raises SettingError."""
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not a text"
        raise SettingError(f"cannot read the audit log's heads {path}: {why}") from error
    lines = [line for line in text.split("\n")[:-1] if not line.endswith(TORN.rstrip())]
    found = [LINE.fullmatch(line) for line in lines]
    wrong = next((number for number, one in enumerate(found, 1) if one is None), None)
    if wrong is not None:
        raise SettingError(f"{path} line {wrong} is no head of an audit log: the file was changed")
    return [Head(int(one[1]), bytes.fromhex(one[2])) for one in found if one is not None]
