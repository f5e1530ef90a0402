"""The disk is the queue: reports wait here until the server says that it has them.

SQLite in WAL mode with synchronous=FULL. NORMAL would survive a `kill -9`, but after a power cut it may
forget the newest commits, and then a `seq` that the server has already acknowledged would be given to another
report, which the server would take for a copy. One fsync a round is the price of that never happening; what
was acknowledged is forgotten within the next round's transaction, because to send it again is harmless.

The size is bounded, and the age. When the bound nears, the oldest reports are thinned before any hour is lost
altogether: of each minute one report is kept as it was (an average of heights, or of what was on and off,
would be a number that nobody saw), and each that tells of a change. Only when all is thinned the oldest go.
"""

import contextlib
import logging
import secrets
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import zstandard

from vedette.agent.troubles import Troubles
from vedette.model.report import Report

log = logging.getLogger("vedette.agent")

APPLICATION_ID = 0x56656474  # "Vedt"
VERSION = 1
SCHEMA = (
    "CREATE TABLE reports (seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, body BLOB NOT NULL)",
    # spool: its name, chosen at random. given_seq: the last seq ever given, never given again.
    # dropped_count: reports that went before they were delivered.
    # thinned_seq: up to here reports were thinned. thinned_count: how many went by that.
    (
        "CREATE TABLE facts (spool TEXT NOT NULL, given_seq INTEGER NOT NULL, dropped_count INTEGER NOT NULL,"
        " thinned_seq INTEGER NOT NULL DEFAULT 0, thinned_count INTEGER NOT NULL DEFAULT 0)"
    ),
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {VERSION}",
)

BROKEN = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
"""Only these speak of the file itself; for a full disk or a missing right, moving files is no help."""

DAY_MS = 86_400_000
DROP_ROWS = 64
"""Dropped at once when the spool is full, so that a full spool does not sweep at every round."""

THIN_FROM_RATIO = 7 / 8
"""So much of the bound may be used before the oldest reports are thinned."""
THIN_ROWS = 240
"""Looked at in one sweep: twenty minutes of rounds, a hundredth of a second and half a megabyte."""
THIN_STEP_MS = 60_000
WHOLE_MS = 600_000
"""The newest reports stay whole: somebody may be looking for what happened just now."""
TURNING = ("process.state", "node.sync_phase", "node.voting", "node.version", "guard.file")
"""A report in which one of these states changed is always kept."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may wait: bytes on the disk, and age."""

    bytes_max: int = 128 << 20  # seven days of all probes, each ten seconds
    age_max_ms: int = 7 * DAY_MS


BOUNDS = Bounds()
PLAIN_BYTES_MAX = 1 << 20


class StrangeSpoolError(Exception):
    """The file is no spool of ours, or a broken one."""


def _packed(report: Report) -> bytes:
    """Half the size on the disk, for 30 microseconds; a byte that flips there is noticed by the checksum."""
    return zstandard.ZstdCompressor(level=3, write_checksum=True).compress(msgspec.msgpack.encode(report))


def _plain(body: bytes) -> bytes:
    """Spools from before were not packed. Raises ZstdError."""
    packed = body.startswith(zstandard.FRAME_HEADER)
    return zstandard.ZstdDecompressor().decompress(body, PLAIN_BYTES_MAX) if packed else body


class Spool:
    """Any thread may use it. Methods raise nothing: a disk that fails is a trouble that is told."""

    def __init__(self, path: Path, troubles: Troubles, bounds: Bounds = BOUNDS) -> None:
        """Open or begin the spool; a file that cannot be understood is moved aside.

        Raises sqlite3.Error or OSError when there can be no spool here at all.
        """
        self._path = path
        self._troubles = troubles
        self._bounds = bounds
        self._thin_from_bytes = int(bounds.bytes_max * THIN_FROM_RATIO)
        self._lock = threading.Lock()
        self._closed = False
        self._db = _open(path)
        self.spool, self._given_seq, self.dropped_count = _facts(self._db)
        self._thinned_seq, self.thinned_count = _thinned(self._db)
        self._acknowledged_seq = 0
        self.waiting_count = _waiting_count(self._db, 0)

    def append(self, at_ms: int, numbers: Mapping[str, float], states: Mapping[str, str]) -> bool:
        """Put one report on the disk; False if that failed (told, and counted as dropped)."""
        with self._lock:
            if self._closed:
                return False
            report = Report(self._given_seq + 1, at_ms, dict(numbers), dict(states))
            try:
                self._insert(report)
            except sqlite3.Error as error:
                self._failed(error)
                return False
            self._given_seq = report.seq
            self.waiting_count += 1
            self._troubles.over("spool", f"{self._path} can be written again")
            self._bound(at_ms)
            return True

    def oldest(self, count_max: int, bytes_max: int) -> list[Report]:
        """The oldest reports, as many as fit; at least one if any waits."""
        with self._lock:
            try:
                return self._read(count_max, bytes_max)
            except sqlite3.Error as error:
                self._failed(error, lost=0)
                return []

    def acknowledge(self, seq: int) -> None:
        """Forget all reports up to this one: the server has them on its disk."""
        with self._lock:
            try:
                if seq > self._given_seq:
                    self._rename(seq)
                elif seq > self._acknowledged_seq:
                    self._acknowledged_seq = seq
                    self.waiting_count = _waiting_count(self._db, seq)
            except sqlite3.Error as error:
                self._failed(error, lost=0)

    def drop(self, seq: int) -> None:
        """Give up one report that the server will never take."""
        with self._lock:
            try:
                log.warning("report %d was dropped: the server takes all others, but never this one", seq)
                self._dropped(self._delete("seq = ?", seq))
            except sqlite3.Error as error:
                self._failed(error, lost=0)

    def close(self) -> None:
        """Close the file. A thread that comes later is refused quietly: its report was of the last moment."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._closed = True
            self._db.close()

    def _insert(self, report: Report) -> None:
        body = _packed(report)
        with self._db:
            self._db.execute("DELETE FROM reports WHERE seq <= ?", (self._acknowledged_seq,))
            self._db.execute("INSERT INTO reports VALUES (?, ?, ?)", (report.seq, report.at_ms, body))
            self._db.execute("UPDATE facts SET given_seq = ?", (report.seq,))

    def _read(self, count_max: int, bytes_max: int) -> list[Report]:
        reports: list[Report] = []
        spoiled: list[int] = []
        size = 0
        rows = self._db.execute(
            "SELECT seq, body FROM reports WHERE seq > ? ORDER BY seq LIMIT ?",
            (self._acknowledged_seq, count_max),
        )
        for seq, body in rows:
            try:
                plain = _plain(body)
                report = msgspec.msgpack.decode(plain, type=Report)
            except (msgspec.MsgspecError, ValueError, zstandard.ZstdError):
                spoiled.append(seq)
                continue
            size += len(plain)
            if reports and size > bytes_max:
                break
            reports.append(report)
        for seq in spoiled:
            log.warning("report %d of the spool is spoiled and was dropped", seq)
            self._dropped(self._delete("seq = ?", seq))
        return reports

    def _delete(self, where: str, *values: int) -> int:
        with self._db:
            return self._db.execute(f"DELETE FROM reports WHERE {where}", values).rowcount  # noqa: S608  ours

    def _bound(self, now_ms: int) -> None:
        # Age goes with seq, so only the oldest few are looked at.
        oldest = "seq IN (SELECT seq FROM reports ORDER BY seq LIMIT ?)"
        try:
            count = self._delete(f"{oldest} AND at_ms < ?", DROP_ROWS, now_ms - self._bounds.age_max_ms)
            used = self._used_bytes()
            full = used > self._bounds.bytes_max
            thinned = self._thin(now_ms, 1 if full else THIN_ROWS) if used > self._thin_from_bytes else 0
            if full and thinned < DROP_ROWS:  # all but a few were thinned before
                count += self._delete(oldest, DROP_ROWS)
            self._tell_bound(count)
            self._dropped(count)
        except sqlite3.Error as error:
            self._failed(error, lost=0)

    def _thin(self, now_ms: int, rows_min: int) -> int:
        """Thin the next of the oldest reports, if there are so many; how many went."""
        # The report at the mark was kept: the next minute is told apart from its.
        rows = self._db.execute(
            "SELECT seq, at_ms, body FROM reports WHERE seq >= ? AND at_ms < ? ORDER BY seq LIMIT ?",
            (max(self._thinned_seq, self._acknowledged_seq + 1), now_ms - WHOLE_MS, THIN_ROWS),
        ).fetchall()
        if len(rows) < rows_min:
            return 0
        kept = set(telling(rows))
        gone = [(seq,) for seq, _, _ in rows if seq not in kept]
        self._thinned_seq = max(kept, default=self._thinned_seq)
        self.thinned_count += len(gone)
        with self._db:
            self._db.executemany("DELETE FROM reports WHERE seq = ?", gone)
            facts = (self._thinned_seq, self.thinned_count)
            self._db.execute("UPDATE facts SET thinned_seq = ?, thinned_count = ?", facts)
        self.waiting_count -= len(gone)
        self._tell_thin(len(gone))
        return len(gone)

    def _tell_thin(self, count: int) -> None:
        if count:
            self._troubles.say(
                "spool thin",
                f"the spool nears its bound of {self._bounds.bytes_max / 2**20:.3g} MiB:"
                " of the oldest reports one a minute is kept, and each that tells of a change",
            )

    def _tell_bound(self, count: int) -> None:
        if count:
            self._troubles.say(
                "spool full",
                f"the spool is full, {self.waiting_count} reports wait: the oldest go undelivered",
            )
        elif self.waiting_count <= 1:
            self._troubles.over("spool full", f"the spool is empty; {self.dropped_count} were dropped")
            self._troubles.over("spool thin", f"the spool is empty; {self.thinned_count} were thinned out")

    def _used_bytes(self) -> int:
        (used,) = self._db.execute(
            "SELECT (page_count - freelist_count) * page_size"
            " FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
        ).fetchone()
        return int(used)

    def _dropped(self, count: int) -> None:
        if not count:
            return
        self.waiting_count -= count
        self.dropped_count += count
        with self._db:
            self._db.execute("UPDATE facts SET dropped_count = ?", (self.dropped_count,))

    def _failed(self, error: sqlite3.Error, lost: int = 1) -> None:
        if self._closed:
            return
        self.dropped_count += lost
        self._troubles.say("spool", f"{self._path} cannot be used: {error}; reports are only sent live")
        if is_broken(error):
            with contextlib.suppress(sqlite3.Error, OSError):
                self._replace(str(error))

    def _replace(self, why: str) -> None:
        self._db.close()
        self._db = _begin_anew(self._path, why)
        self.spool, self._given_seq, _ = _facts(self._db)
        self._acknowledged_seq = self._thinned_seq = self.waiting_count = 0

    def _rename(self, seq: int) -> None:
        """The server has more of this spool than we ever gave: this file is an old copy of it, put back.

        Under the old name our next reports would be taken for copies, so the spool takes a new name.
        """
        self.spool = new_spool_id()
        log.warning("the server knows report %d, we only %d: this spool is an old copy", seq, self._given_seq)
        with self._db:
            self._db.execute("UPDATE facts SET spool = ?", (self.spool,))


def telling(rows: Iterable[tuple[int, int, bytes]]) -> Iterator[int]:
    """The seqs to keep of (seq, at_ms, body) in order: the first of each minute, and each change."""
    minute: int | None = None
    before: list[str | None] = []
    for seq, at_ms, body in rows:
        turns = _turns(body)
        if at_ms // THIN_STEP_MS != minute or turns != before:
            yield seq
        minute, before = at_ms // THIN_STEP_MS, turns


def _turns(body: bytes) -> list[str | None]:
    """What a change is measured by; of a spoiled report nothing, and reading it will say so."""
    try:
        states = msgspec.msgpack.decode(_plain(body), type=Report).states
    except (msgspec.MsgspecError, ValueError, zstandard.ZstdError):
        return []
    return [states.get(name) for name in TURNING]


def new_spool_id() -> str:
    return secrets.token_hex(16)


def _open(path: Path) -> sqlite3.Connection:
    if not path.exists():
        return _begin(path)
    try:
        return _understood(path)
    except StrangeSpoolError as error:
        return _begin_anew(path, str(error))
    except sqlite3.Error as error:
        if not is_broken(error):
            raise
        return _begin_anew(path, str(error))


def is_broken(error: sqlite3.Error) -> bool:
    """Whether the file is at fault. An error without a code is our own misuse, and no file's fault."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF in BROKEN


def _understood(path: Path) -> sqlite3.Connection:
    db = _connect(path)
    try:
        if db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            _create(db)  # an empty file: we were killed while we began it
        strange = _strange(db)
        if strange is None:
            _learn_thinning(db)
    except BaseException:
        db.close()
        raise
    if strange:
        db.close()
        raise StrangeSpoolError(strange)
    return db


def _strange(db: sqlite3.Connection) -> str | None:
    """Why this database cannot be our spool. Raises sqlite3.Error."""
    (kind,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if (kind, version) != (APPLICATION_ID, VERSION):
        return "it is no spool of this version"
    (health,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if health != "ok":
        return f"it is damaged ({health})"
    (facts,) = db.execute("SELECT count(*) FROM facts").fetchone()
    return None if facts == 1 else "its facts are missing"


def _begin_anew(path: Path, why: str) -> sqlite3.Connection:
    aside = path.with_name(f"{path.name}.aside-{secrets.token_hex(4)}")
    path.rename(aside)
    for tail in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + tail).rename(aside.with_name(aside.name + tail))
    log.warning("%s cannot be used: %s. It was moved to %s and a new spool begun", path, why, aside.name)
    return _begin(path)


def _begin(path: Path) -> sqlite3.Connection:
    db = _connect(path)
    _create(db)
    return db


def _create(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    for statement in SCHEMA:
        db.execute(statement)
    db.execute("INSERT INTO facts (spool, given_seq, dropped_count) VALUES (?, 0, 0)", (new_spool_id(),))
    db.commit()


def _learn_thinning(db: sqlite3.Connection) -> None:
    """A spool from before reports were thinned is of the same version: an older agent can still use it."""
    names = {row[1] for row in db.execute("PRAGMA table_info(facts)")}
    if "thinned_seq" not in names:
        db.execute("ALTER TABLE facts ADD COLUMN thinned_seq INTEGER NOT NULL DEFAULT 0")
        db.execute("ALTER TABLE facts ADD COLUMN thinned_count INTEGER NOT NULL DEFAULT 0")


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, check_same_thread=False, timeout=1.0)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA cache_size = -256")  # KiB: the queue is read from one end to the other
    db.execute("PRAGMA journal_size_limit = 4194304")
    return db


def _facts(db: sqlite3.Connection) -> tuple[str, int, int]:
    spool, given_seq, dropped = db.execute("SELECT spool, given_seq, dropped_count FROM facts").fetchone()
    return str(spool), int(given_seq), int(dropped)


def _thinned(db: sqlite3.Connection) -> tuple[int, int]:
    seq, count = db.execute("SELECT thinned_seq, thinned_count FROM facts").fetchone()
    return int(seq), int(count)


def _waiting_count(db: sqlite3.Connection, acknowledged_seq: int) -> int:
    (count,) = db.execute("SELECT count(*) FROM reports WHERE seq > ?", (acknowledged_seq,)).fetchone()
    return int(count)
