"""The agent as a whole: its parts, its threads, its end."""

import logging
import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import vedette
from vedette.agent.board import Board, Observed
from vedette.agent.clock import SteadyClock
from vedette.agent.config import Settings
from vedette.agent.files import own
from vedette.agent.heap import give_back, share
from vedette.agent.identity import load_identity
from vedette.agent.memory import Memory
from vedette.agent.node_process import NodeProcess, Watch
from vedette.agent.place import Finder, Place
from vedette.agent.planned import Plan
from vedette.agent.probes import (
    binary,
    cgroup,
    clock,
    config,
    disk,
    espace,
    exposure,
    guard,
    head,
    identity,
    memory,
    metrics,
    oom,
    peers,
    pivot,
    sync_phase,
    txpool,
    volumes,
    voting,
)
from vedette.agent.probes.binary import Binary
from vedette.agent.probes.cgroup import Cgroup
from vedette.agent.probes.cpu import Cpu
from vedette.agent.probes.logs import Logs
from vedette.agent.probes.network import Network
from vedette.agent.probes.node import Node
from vedette.agent.probes.pos import Pos
from vedette.agent.probes.pow import Pow
from vedette.agent.probes.process import PAGE_BYTES, Process
from vedette.agent.probes.progress import Progress
from vedette.agent.probes.reading import Probe, Reading, present
from vedette.agent.probes.volumes import Volumes
from vedette.agent.rounds import Roll, merged, rounds, tell
from vedette.agent.sender import Sender
from vedette.agent.sentinel import Sentinel
from vedette.agent.spool import Spool
from vedette.agent.troubles import Troubles
from vedette.agent.vitals import Vitals
from vedette.conflux.local import LocalRpc
from vedette.model.errors import SettingError
from vedette.model.process import ProcessState
from vedette.model.report import Live

log = logging.getLogger("vedette.agent")

STACK_BYTES = 512 << 10
END_S = 1.0
GATHER_S_MAX = 5.5
GLANCE_MS = 1_000
GIVE_BACK_MS = 3_600_000
ENDINGS = (signal.SIGTERM, signal.SIGINT)


class Agent:
    """One agent beside one node. Raises SettingError if its folder cannot be used."""

    def __init__(self, settings: Settings, on_broken: Callable[[], None] = lambda: None) -> None:
        """`on_broken` is called, in a thread, when a bug has ended one of our threads."""
        self._settings = settings
        self._on_broken = on_broken
        self._sending: threading.Thread | None = None
        folder = Path(settings.dir)
        self._lock = own(folder)
        self._stop = threading.Event()
        self._bell = threading.Event()  # a round is worth while now
        self._broken = False
        self._troubles = Troubles()
        self._clock = SteadyClock()
        self._memory = Memory(folder / "known.json", settings.node, self._troubles)
        self._host = {"agent.version": vedette.__version__, "host.os": host_os()}
        if settings.pos_address is not None:
            self._host["node.pos_address_expected"] = settings.pos_address
        self._spool = _open_spool(folder / "spool.db", self._troubles)
        self._process = NodeProcess(
            settings.node,
            self._clock.now_ms,
            self._process_changed,
            self._memory.known.died_at_ms,
            self._memory.known.like,
        )
        self._finder = Finder(
            lambda: self._process.watch,
            self._clock.steady_ms,
            None if settings.config is None else Path(settings.config),
            _place(self._memory.known.place),
            lambda place: self._memory.keep(place=_told(place)),
        )
        self._plan = Plan(Path(settings.planned_stop_file), self._troubles)
        self._node = Node(LocalRpc(settings.node, settings.rpc_deadline_s))
        self._chains = Progress(self._clock.steady_ms), Progress(self._clock.steady_ms)
        self._vitals = Vitals(
            self._node,
            lambda: self._process.watch,
            self._chains,
            self._say_now,
            self._learn_address,
            self._bell.set,
        )
        self._logs = Logs(
            self._finder,
            folder / "logs.json",
            self._clock.steady_ms,
            lambda: self._process.watch,
            lambda: self._memory.known.facts.get("node.pos_address"),
        )
        self._board = Board(self._process.watch, self._facts, self._vitals.reading)
        self._sender = Sender(
            settings,
            load_identity(folder / "agent.key"),
            self._spool,
            self._memory,
            self._clock,
            self._live,
            self._troubles,
        )
        self._sentinel = Sentinel(folder, settings.server, self._troubles)
        self._round_ms: int | None = None
        self._gave_back_ms: int | None = None

    def start(self) -> None:
        """Look for the process once, so that the first report knows it, and set all threads going."""
        log.info("watching %s as %s", LocalRpc(self._settings.node).name, self._settings.name)
        self._process.look()
        self._thread("process", partial(self._process.run, self._stop))
        self._thread("rounds", self._rounds)
        self._thread("vitals", partial(self._vitals.run, self._stop))
        self._thread("logs", self._glances)
        self._sending = self._thread("sender", partial(self._sender.run, self._stop))
        self._thread("sentinel", partial(self._sentinel.run, self._stop))

    def end(self) -> int:
        """End within 2 s; the exit status: 1 if one of our own threads broke."""
        self._stop.set()
        self._bell.set()
        self._sender.news()
        # Only a post on its way is worth a wait; the other threads may sit in a call to a node that hangs.
        if self._sending is not None:
            self._sending.join(END_S)
        self._spool.close()
        self._lock.close()
        log.info("ended")
        return int(self._broken)

    def _thread(self, name: str, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=self._loudly, args=(name, work), name=name, daemon=True)
        thread.start()
        return thread

    def _loudly(self, name: str, work: Callable[[], None]) -> None:
        """A bug ends the whole agent: half an agent would look alive."""
        try:
            work()
        except Exception:
            log.exception("a bug broke the thread %r", name)
            self._broken = True
            self._on_broken()

    def _rounds(self) -> None:
        roll = Roll(self._probes())
        interval_ms = self._settings.interval_ms
        for due_ms in rounds(self._stop, interval_ms, self._bell):
            lives = self._process.watch.lives
            outcomes = roll.call(due_ms, lives, min(interval_ms * 0.9 / 1000, GATHER_S_MAX))
            if self._stop.is_set():
                return  # what fails while all around us ends is no news
            self._round_ms = self._clock.steady_ms() - due_ms
            tell(roll.newest(), self._troubles)
            at_ms = self._clock.at_ms(due_ms)
            observed = self._board.settle(lives, at_ms, merged(outcomes), roll.kept(due_ms))
            if observed is not None:
                self._keep(observed)
                self._sender.news()

    def _glances(self) -> None:
        """A line that warns is told with a round of its own."""
        for _ in rounds(self._stop, GLANCE_MS):
            if self._logs.glance():
                self._bell.set()

    def _process_changed(self, watch: Watch) -> None:
        """Tell at once, then remember: the death of a validator waits for no disk."""
        now_ms = watch.died_at_ms or self._clock.now_ms()
        observed = self._board.change(watch, now_ms)
        self._sender.urgent()
        self._node.forget()
        self._keep(observed)
        self._sender.news()
        self._memory.keep(died_at_ms=watch.died_at_ms, like=self._process.like)
        _tell_process(watch)

    def _say_now(self) -> None:
        self._sender.urgent()

    def _keep(self, observed: Observed) -> None:
        self._spool.append(observed.at_ms, observed.numbers, observed.states)

    def _live(self) -> Live:
        now_ms = self._clock.now_ms()
        return self._board.live(now_ms, self._plan.until_ms(now_ms))

    def _facts(self) -> Mapping[str, str]:
        return {**self._memory.known.facts, **self._host}

    def _probes(self) -> list[Probe]:
        return [*self._of_rpc(), *self._of_files(), *self._of_host()]

    def _of_rpc(self) -> list[Probe]:
        """What the node says when it is asked."""
        node, (pow_chain, pos_chain) = self._node, self._chains
        return [
            Probe("pow", Pow(node, pow_chain), asks_node=True),
            Probe("head", partial(head.read, node), asks_node=True),
            Probe("pos", Pos(node, pos_chain), asks_node=True),
            Probe("pivot", partial(pivot.read, node), asks_node=True, every_s=pivot.EVERY_S),
            Probe("peers", partial(peers.read, node), asks_node=True),
            Probe("voting", partial(voting.read, node), asks_node=True),
            Probe("txpool", partial(txpool.read, node), asks_node=True, every_s=txpool.EVERY_S),
            self._fact("version", partial(identity.read_version, node)),
            self._fact("pos_address", partial(identity.read_pos_address, node, self._settings.pos_address)),
        ]

    def _of_files(self) -> list[Probe]:
        """What its files say, and the ports that they name."""
        node, deadline_s = self._node, self._settings.rpc_deadline_s
        finder, steady_ms, logs = self._finder, self._clock.steady_ms, self._logs
        served = partial(metrics.read, self._settings.metrics, finder, deadline_s)
        return [
            Probe("logs", logs),
            Probe("sync_phase", partial(sync_phase.read, node, lambda: logs.phase), asks_node=True),
            Probe("guard", partial(guard.read, finder)),
            Probe("config", partial(config.read, finder), every_s=config.EVERY_S),
            Probe("exposure", partial(exposure.read, finder, deadline_s), every_s=exposure.EVERY_S),
            Probe("espace", partial(espace.read, finder, node, deadline_s), every_s=espace.EVERY_S),
            Probe("metrics", served, every_s=metrics.EVERY_S),
            Probe("volumes", Volumes(finder, steady_ms), every_s=volumes.EVERY_S),
        ]

    def _of_host(self) -> list[Probe]:
        """What the kernel says of the machine, the node's process and us."""
        steady_ms = self._clock.steady_ms

        def watch() -> Watch:
            return self._process.watch

        return [
            Probe("process", Process(watch, steady_ms)),
            Probe("binary", Binary(watch, steady_ms), every_s=binary.EVERY_S),
            Probe("cgroup", Cgroup(watch), every_s=cgroup.EVERY_S),
            Probe("cpu", Cpu()),
            Probe("memory", memory.read),
            Probe("oom", oom.read),
            Probe("disk", partial(disk.read, self._settings.disk)),
            Probe("network", Network(steady_ms)),
            Probe("clock", lambda: clock.read(self._clock.apart_ms()), every_s=clock.EVERY_S),
            Probe("agent", self._self),
        ]

    def _learn_address(self) -> Reading:
        """Whose key the node has. Raises RpcError."""
        return self._learn(partial(identity.read_pos_address, self._node, self._settings.pos_address))

    def _learn(self, read: Callable[[], Reading]) -> Reading:
        reading = read()
        self._memory.keep_facts(reading.states)
        return Reading(reading.numbers)

    def _fact(self, name: str, read: Callable[[], Reading]) -> Probe:
        """What outlives the process is remembered, and told by the memory from then on."""
        return Probe(name, partial(self._learn, read), asks_node=True, every_s=identity.EVERY_S)

    def _give_back(self) -> None:
        """After the first round, which has used all that is ever used, and then each hour."""
        now_ms = self._clock.steady_ms()
        is_due = self._gave_back_ms is None or now_ms - self._gave_back_ms >= GIVE_BACK_MS
        if self._round_ms is not None and is_due:
            self._gave_back_ms = now_ms
            give_back()

    def _self(self) -> Reading:
        self._give_back()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return Reading(
            present(
                {
                    "agent.rss_bytes": pages * PAGE_BYTES,
                    "agent.spool.waiting_count": self._spool.waiting_count,
                    "agent.spool.dropped_count": self._spool.dropped_count,
                    "agent.spool.thinned_count": self._spool.thinned_count,
                    "agent.round_ms": self._round_ms,  # of the round before: this one has not ended
                }
            )
        )


def _place(known: tuple[str, str, str | None] | None) -> Place | None:
    if known is None:
        return None
    config, folder, stderr = known
    return Place(Path(config), Path(folder), None if stderr is None else Path(stderr))


def _told(place: Place) -> tuple[str, str, str | None]:
    return str(place.config), str(place.folder), None if place.stderr is None else str(place.stderr)


def _tell_process(watch: Watch) -> None:
    if watch.state is ProcessState.RUNNING:
        log.info("the node's process is %d; it runs", watch.pid)
    elif watch.state is ProcessState.GONE:
        log.warning("the node's process has ended")
    else:
        log.warning("the node's process is unknown: %s", watch.reason)


def host_os() -> str:
    """The operating system and kernel, as `Debian GNU/Linux 12 (bookworm), Linux 6.1.0`."""
    kernel = f"{os.uname().sysname} {os.uname().release}"
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return kernel
    names = [line.partition("=")[2].strip("\"'") for line in lines if line.startswith("PRETTY_NAME=")]
    return ", ".join([*(name[:100] for name in names[:1] if name.isprintable()), kernel])


def _open_spool(path: Path, troubles: Troubles) -> Spool:
    try:
        return Spool(path, troubles)
    except (OSError, sqlite3.Error) as error:
        raise SettingError(f"--dir: {path} cannot be used: {error}") from error


def run(settings: Settings) -> int:
    """Run one agent in this process until SIGTERM or SIGINT. Raises SettingError."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S%z"
    )
    threading.stack_size(STACK_BYTES)
    share()
    # Waited for, not handled: a handler may interrupt a thread that holds the lock which the handler wants.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
    agent = Agent(settings, on_broken=partial(os.kill, os.getpid(), signal.SIGTERM))
    give_back()
    agent.start()
    signal.sigwait(ENDINGS)
    return agent.end()
