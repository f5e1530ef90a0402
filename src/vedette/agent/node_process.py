"""The node's process: the one that listens on its local RPC port, found through /proc and held by a pidfd.

A pidfd becomes readable in the moment of death and can never mean another process that got the same number.

A node that starts opens its port only when its data is recovered, which takes minutes to hours. So its next
process is also known by what the last one was: the same command line in the same folder.
"""

import contextlib
import hashlib
import ipaddress
import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from vedette.model.process import ProcessState

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
LISTEN = "0A"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LOOK_EVERY_S = 1.0
SCAN_EVERY_LOOKS = 10
"""Walking all of /proc costs; while the same socket stays unowned it is done only each tenth look."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is known of the process. `reason` says why it is unknown; `lives` counts deaths and returns.

    `up_seconds` is its age when it was found; None if it cannot be told. `starts` counts the different
    processes that were found: one more than the restarts that we saw.
    """

    state: ProcessState
    pid: int | None = None
    died_at_ms: int | None = None
    reason: str | None = None
    lives: int = 0
    up_seconds: int | None = None
    starts: int = 0


def local_port(url: str) -> int | None:
    """The port to look for on this machine; None if the node is elsewhere."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host != "localhost":
        try:
            if not ipaddress.ip_address(host).is_loopback:
                return None
        except ValueError:
            return None
    return parts.port or (443 if parts.scheme == "https" else 80)


def listeners(port: int, proc: Path = PROC) -> set[int]:
    """Inodes of the sockets that listen on the port where loopback reaches them."""
    found: set[int] = set()
    for table in ("net/tcp", "net/tcp6"):
        with contextlib.suppress(OSError):
            found.update(_listening(proc / table, port))
    return found


def _listening(table: Path, port: int) -> Iterator[int]:
    for address, inode in _sockets(table, port):
        mapped = getattr(address, "ipv4_mapped", None) or address
        if mapped.is_loopback or mapped.is_unspecified:
            yield inode


def listening_addresses(port: int, proc: Path = PROC) -> set[Address]:
    """The addresses of this machine on which somebody listens on the port."""
    found: set[Address] = set()
    for table in ("net/tcp", "net/tcp6"):
        with contextlib.suppress(OSError):
            found.update(address for address, _ in _sockets(proc / table, port))
    return found


def _sockets(table: Path, port: int) -> Iterator[tuple[Address, int]]:
    """All that listen on the port: (address, inode)."""
    suffix = f":{port:04X}"
    with table.open(encoding="ascii", errors="replace") as lines:
        for line in lines:
            # A busy node has thousands of connections: look before splitting.
            if suffix not in line:
                continue
            parts = line.split()
            if parts[1].endswith(suffix) and parts[3] == LISTEN:
                yield _address(parts[1]), int(parts[9])


def _address(local: str) -> Address:
    """`0100007F:30FB` is 127.0.0.1:12539: the kernel prints 32-bit words in this machine's order."""
    words = bytes.fromhex(local.partition(":")[0])
    packed = b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4))
    return ipaddress.ip_address(packed)


def owner(inodes: set[int], proc: Path = PROC) -> int | None:
    """The process that holds one of the sockets; the eldest if children inherited it."""
    names = {f"socket:[{inode}]" for inode in inodes}
    holders = [pid for pid in _pids(proc) if _holds(proc / str(pid) / "fd", names)]
    return min(holders, key=lambda pid: (_started_at(proc, pid), pid), default=None)


def _pids(proc: Path) -> list[int]:
    return [int(name) for name in os.listdir(proc) if name.isdigit()]  # noqa: PTH208  names, not Paths


def _holds(folder: Path, names: set[str]) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(os.readlink(entry.path) in names for entry in entries)  # noqa: PTH115  thousands of them
    except OSError:  # ended meanwhile, or not ours to see
        return False


def likeness(pid: int, proc: Path = PROC) -> str | None:
    """What a process of the same node has in common with this one; None where we may not see it.

    A hash, because a command line may hold a password.
    """
    try:
        words = (proc / str(pid) / "cmdline").read_bytes()
        folder = os.fsencode(os.readlink(proc / str(pid) / "cwd"))  # noqa: PTH115  a link of /proc is no file's
    except OSError:
        return None
    return hashlib.sha256(words + b"\0" + folder).hexdigest() if words else None


def alike(wanted: str, proc: Path = PROC) -> int | None:
    """A process with that likeness; the eldest of several."""
    found = [pid for pid in _pids(proc) if likeness(pid, proc) == wanted]
    return min(found, key=lambda pid: (_started_at(proc, pid), pid), default=None)


def _started_at(proc: Path, pid: int) -> int:
    try:
        return int((proc / str(pid) / "stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


def up_seconds(started_ticks: int) -> int | None:
    """The age of a process that started so many clock ticks after the boot; 0 ticks: unknown."""
    if not started_ticks:
        return None
    now_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    return max(0, int(now_s - started_ticks / TICKS_PER_SECOND))


class NodeProcess:
    """A thread that knows whether the node's process lives. `on_change` is called in that thread."""

    def __init__(
        self,
        url: str,
        now_ms: Callable[[], int],
        on_change: Callable[[Watch], None],
        died_at_ms: int | None = None,
        like: str | None = None,
    ) -> None:
        """From before our own restart: a death with no return since, and the likeness of its last process."""
        self._port = local_port(url)
        self._now_ms = now_ms
        self._on_change = on_change
        self.like = like
        self._held: int | None = None
        self._last: tuple[int, int] | None = None  # pid and start of the process that was held last
        self._unowned: set[int] = set()
        self._looks = 0
        state = ProcessState.UNKNOWN if died_at_ms is None else ProcessState.GONE
        self.watch = Watch(state, died_at_ms=died_at_ms)

    def run(self, stop: threading.Event) -> None:
        """Until told to stop: look for the process, hold it, tell of its death, look for it again."""
        if self._port is None:
            return
        try:
            while not stop.is_set():
                self.step(stop)
        finally:
            self._let_go()

    def close(self) -> None:
        """Let the process go: for who looked only once."""
        self._let_go()

    def step(self, stop: threading.Event, wait_s: float = LOOK_EVERY_S) -> None:
        """One wait of at most so long."""
        if self._held is None:
            self.look()
            if self._held is None:
                stop.wait(wait_s)
        elif _is_dead(self._held, wait_s):
            self._let_go()
            lives, starts = self.watch.lives + 1, self.watch.starts
            self._become(Watch(ProcessState.GONE, died_at_ms=self._now_ms(), lives=lives, starts=starts))

    def look(self) -> None:
        """Look for the process once."""
        if self._port is None:
            self.watch = Watch(ProcessState.UNKNOWN)
            return
        inodes = listeners(self._port)
        if not inodes:
            if self._find_alike():
                return
            if self.watch.state is not ProcessState.GONE:
                self._unknown(f"nothing listens on port {self._port} of this machine")
            return
        pid = self._owner(inodes)
        names = {f"socket:[{inode}]" for inode in inodes}
        if pid is None or not self._hold(pid, lambda: _holds(PROC / str(pid) / "fd", names)):
            self._unknown(
                f"the process on port {self._port} cannot be seen: run the agent as its user or as root"
            )

    def _find_alike(self) -> bool:
        """While nothing listens: whether a process like the last one runs; it may still be starting."""
        self._looks += 1
        if self.like is None or self._looks % SCAN_EVERY_LOOKS:
            return False
        pid = alike(self.like)
        return pid is not None and self._hold(pid, lambda: likeness(pid) == self.like)

    def _owner(self, inodes: set[int]) -> int | None:
        self._looks += 1
        if inodes == self._unowned and self._looks % SCAN_EVERY_LOOKS:
            return None
        pid = owner(inodes)
        self._unowned = inodes if pid is None else set()
        return pid

    def _hold(self, pid: int, is_still_it: Callable[[], bool]) -> bool:
        try:
            held = os.pidfd_open(pid)
        except OSError:
            return False
        # Between finding it and holding it the number may have passed to another process.
        if not is_still_it():
            os.close(held)
            return False
        self._held = held
        self.like = likeness(pid)
        started = _started_at(PROC, pid)
        before, self._last = self._last, (pid, started)
        self._become(
            Watch(
                ProcessState.RUNNING,
                pid=pid,
                lives=self.watch.lives + 1,
                up_seconds=up_seconds(started),
                starts=self.watch.starts + (before != self._last),
            )
        )
        return True

    def _unknown(self, reason: str) -> None:
        lives, starts = self.watch.lives, self.watch.starts
        if self.watch.state is ProcessState.UNKNOWN:
            self.watch = Watch(ProcessState.UNKNOWN, reason=reason, lives=lives, starts=starts)
        else:
            self._become(Watch(ProcessState.UNKNOWN, reason=reason, lives=lives + 1, starts=starts))

    def _become(self, watch: Watch) -> None:
        self.watch = watch
        self._on_change(watch)

    def _let_go(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None


def _is_dead(pidfd: int, wait_s: float) -> bool:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(wait_s * 1000))
