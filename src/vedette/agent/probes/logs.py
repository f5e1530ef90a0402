"""The node's logs: findings of the last hour, and how far its start has come. Read on from where we were.

They are read each second, so that a line which warns waits for no round, and told once a round. Any thread
may ask.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from vedette.agent.files import read_small
from vedette.agent.node_process import Watch
from vedette.agent.place import Finder, NodeFiles
from vedette.agent.probes.findings import INFO, Findings
from vedette.agent.probes.reading import Reading
from vedette.agent.probes.sync_log import SyncLog
from vedette.agent.tail import Added, Position, read_on
from vedette.model.process import ProcessState

BYTES_MAX = 512 << 10
"""Of one file in one look; of more, the newest. A node that logs all it does writes less."""
FIRST_BYTES = 64 << 10
"""Of a file never seen before: its end may tell how far a start has come."""
MEMORY_BYTES_MAX = 1 << 20

POS, NODE, STDERR = "pos", "node", "stderr"


class Logs:
    """Remembers how far each file was read, in a file of its own."""

    def __init__(
        self,
        finder: Finder,
        memory: Path,
        steady_ms: Callable[[], int],
        watch: Callable[[], Watch],
        own_address: Callable[[], str | None],
    ) -> None:
        self._finder = finder
        self._memory = memory
        self._steady_ms = steady_ms
        self._watch = watch
        self._own_address = own_address
        self._positions = _remembered(memory)
        self._kept = self._told_positions = dict(self._positions)
        self._lock = threading.Lock()
        self._is_told = True
        self._odd: dict[str, str] = {}
        self._read_bytes = self._skipped_bytes = 0
        self._died_at_ms: int | None = None
        self._findings = Findings()
        self._sync = SyncLog(steady_ms)

    @property
    def phase(self) -> str | None:
        """The phase of the node's start by its log, since its process began."""
        return self._sync.phase

    def glance(self) -> bool:
        """Read on; True if that found what warns, of a kind of which the last hour knew nothing."""
        with self._lock:
            before = self._loud()
            self._read_on()
            return not self._loud() <= before

    def __call__(self) -> Reading:
        """What was found since the last call."""
        with self._lock:
            if self._finder.known() is None:
                return Reading()
            # Kept a round late: after a kill in between, lines are read twice rather than never.
            self._keep()
            self._read_on()
            self._is_told, self._told_positions = True, dict(self._positions)
            return self._told()

    def _loud(self) -> set[tuple[str, str]]:
        found = self._findings.found.items()
        return {(name, finding.severity) for name, finding in found if finding.severity != INFO}

    def _read_on(self) -> None:
        files, now_ms = self._finder.known(), self._steady_ms()
        if self._is_told:
            self._begin(now_ms)
        self._forget_the_dead()
        for kind, path in () if files is None else _logs(files):
            try:
                added = self._add(kind, path, now_ms)
            except OSError as error:
                self._odd[path.name] = error.strerror or str(error)
                continue
            self._read_bytes += len(added.text)
            self._skipped_bytes += added.skipped_bytes

    def _begin(self, now_ms: int) -> None:
        self._findings.begin(now_ms)
        self._sync.begin()
        self._is_told, self._odd = False, {}
        self._read_bytes = self._skipped_bytes = 0

    def _add(self, kind: str, path: Path, now_ms: int) -> Added:
        before = self._positions.get(str(path))
        # stderr is made anew with each process; of the others all but the end is history.
        first = BYTES_MAX if kind == STDERR else FIRST_BYTES
        added = read_on(path, before, BYTES_MAX, first)
        if added.position is not None:
            self._positions[str(path)] = added.position
        if kind == NODE:
            self._sync.see(added.text)
        if before is not None or kind == STDERR:
            self._findings.see(added.text, now_ms, self._own_address())
            if kind == POS:
                self._findings.see_pos(added.text, now_ms)
        return added

    def _forget_the_dead(self) -> None:
        watch = self._watch()
        if watch.state is ProcessState.GONE and watch.died_at_ms != self._died_at_ms:
            self._died_at_ms = watch.died_at_ms
            self._sync.forget()

    def _told(self) -> Reading:
        numbers: dict[str, int | float] = {
            "log.read_bytes": self._read_bytes,
            "log.skipped_bytes": self._skipped_bytes,
        }
        odd = "; ".join(f"{name}: {why}" for name, why in self._odd.items())
        numbers |= self._sync.numbers
        states = {"log.unreadable": odd[:300]} if odd else {}
        if self._sync.phase is not None:
            states["sync.log_phase"] = self._sync.phase
        for name, finding in self._findings.found.items():
            numbers[f"log.{name}.hour_count"] = finding.hour_count
            if finding.new_count:
                numbers[f"log.{name}.new_count"] = finding.new_count
            states[f"log.{name}.severity"] = finding.severity
            states[f"log.{name}.line"] = finding.line
        return Reading(numbers, states)

    def _keep(self) -> None:
        """Without a sync to the disk: after a crash of the machine the logs are read from their ends."""
        if self._told_positions == self._kept:
            return
        young = self._memory.with_name(f".{self._memory.name}")
        # A full disk costs us the place, not the reading; the spool says that the disk is full.
        with contextlib.suppress(OSError):
            young.write_bytes(msgspec.json.encode(self._told_positions))
            young.replace(self._memory)
            self._kept = self._told_positions


def _logs(files: NodeFiles) -> Iterator[tuple[str, Path]]:
    for path in files.node_logs:
        yield NODE, path
    yield POS, files.pos_log
    if files.stderr is not None:
        yield STDERR, files.stderr


def _remembered(memory: Path) -> dict[str, Position]:
    try:
        content = read_small(memory, MEMORY_BYTES_MAX)
        return {} if content is None else msgspec.json.decode(content, type=dict[str, Position])
    except (OSError, ValueError, RecursionError):
        return {}
