"""A network of real validators on this machine: made, started, wounded, healed and removed."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from vedette.agent.planned import PlannedStop, announce, withdraw
from vedette.conflux import address
from vedette.conflux.local import LocalRpc
from vedette.conflux.wire import RpcError
from vedette.devnet import addon, process
from vedette.devnet.config import write_config
from vedette.devnet.files import replace_file, turn
from vedette.devnet.genesis import Member, genesis_file, initial_nodes
from vedette.devnet.keys import ValidatorKeys, pos_key_file
from vedette.devnet.nodes import PORTS_PER_NODE, Node, Ports
from vedette.devnet.options import CHAIN_ID, DevnetOptions
from vedette.devnet.ports import free_ports, taken
from vedette.devnet.tell import Tell, quiet
from vedette.devnet.waypoint import waypoint
from vedette.model.errors import SettingError, VedetteError
from vedette.server.node_js import node_program

RECORD = "devnet.json"
FORMAT = 1

PLANNED_STOP_MS = 90_000  # three terms without a signature, and the network retires a validator by force
STOP_PATIENCE_S = 15.0  # the runner gives up waiting for the node's own shutdown well before
POLL_S = 0.2
READY_HEIGHT = 2  # the first blocks that carry everybody's signatures


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """devnet.json: all that does not change. Who runs is asked of the machine each time."""

    format: int
    node_package: str
    waypoint: str
    options: DevnetOptions
    nodes: list[Node]


class Devnet:
    """Real Conflux validators in one folder. TEST keys only: all of them follow from the options' seed.

    The nodes' P2P, public RPC and eSpace ports listen on 0.0.0.0, because a node has no option for anything
    else; the public port therefore answers no more than cfx, txpool, pubsub and pos.

    Node 0 makes all PoW blocks: while it is down the PoW chain stands still and PoS goes on. PoS needs more
    than two thirds of the votes: of four validators one may be missing.
    """

    def __init__(self, folder: Path, record: Record) -> None:
        self.dir = folder
        self.options = record.options
        self._waypoint = record.waypoint
        self._nodes = record.nodes
        self._children: dict[Path, subprocess.Popen[bytes]] = {}  # held so that those that end are reaped

    @classmethod
    def create(cls, folder: Path, options: DevnetOptions | None = None, tell: Tell = quiet) -> "Devnet":
        """Draw keys, genesis and ports, and write every file. Starts nothing that lasts."""
        folder = folder.resolve()
        options = options or DevnetOptions()
        with _filled(folder):
            module = addon.addon(tell)
            tell(f"drawing keys and genesis of {options.nodes} nodes")
            record = _make(folder, options, module, tell)
            replace_file(
                folder / RECORD, msgspec.json.format(msgspec.json.encode(record, enc_hook=str), indent=1)
            )
        return cls(folder, record)

    @classmethod
    def open(cls, folder: Path) -> "Devnet":
        """The devnet that was made in this folder. Raises SettingError if there is none that we can read."""
        folder = folder.resolve()
        try:
            content = (folder / RECORD).read_bytes()
            record = msgspec.json.decode(content, type=Record, dec_hook=lambda kind, value: kind(value))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise SettingError(f"no devnet in {folder}: make one with vedette devnet up --dir") from error
        except (OSError, msgspec.MsgspecError) as error:
            raise SettingError(f"{folder / RECORD} cannot be read: {error}") from error
        if any(node.dir.parent != folder for node in record.nodes):
            raise SettingError(
                f"the devnet in {folder} was moved from {record.nodes[0].dir.parent}: move it back"
            )
        return cls(folder, record)

    @property
    def nodes(self) -> list[Node]:
        """All nodes, each with the pid it has at this moment, if it runs."""
        running = process.running()
        return [msgspec.structs.replace(node, pid=running.get(node.dir)) for node in self._nodes]

    def node(self, index: int) -> Node:
        if not 0 <= index < len(self._nodes):
            raise SettingError(f"no node {index}: there are 0..{len(self._nodes) - 1}")
        return self.nodes[index]

    def keys(self, index: int) -> ValidatorKeys:
        """The secrets of one node."""
        return _keys(self.options, self.node(index).index)

    def ask(self, index: int, method: str, *params: Any) -> Any:
        """Ask a node's local port, which answers every method. Raises RpcError."""
        return LocalRpc(self.node(index).urls.local).ask(method, *params)

    def up(self, tell: Tell = quiet, timeout_s: float = 180) -> None:
        """Start all nodes that do not run and wait until PoS commits; if that fails, they end again."""
        with self._started([node for node in self.nodes if node.pid is None], tell, timeout_s):
            heights = [self.committed_height(node) or 0 for node in self._nodes]
            self.wait_committed(max(READY_HEIGHT, max(heights) + 1), timeout_s, tell)

    def start(self, index: int, tell: Tell = quiet, timeout_s: float = 90) -> None:
        """Start one node on its data and wait until it answers; if it was stopped, its plan ends."""
        node = self.node(index)
        if node.pid is None:
            with self._started([node], tell, timeout_s):
                pass
        # Only now: without its plan, a node that is not up yet would count as dead.
        withdraw(node.planned_stop_file)

    def stop(self, index: int, why: str = "vedette devnet stop") -> None:
        """Announce a stop, then end the node with SIGTERM."""
        node = self.node(index)
        until_ms = time.time_ns() // 1_000_000 + PLANNED_STOP_MS
        announce(node.planned_stop_file, PlannedStop(until_ms, why))
        self._end([node], signal.SIGTERM, STOP_PATIENCE_S)

    def kill(self, index: int) -> None:
        """End a node with SIGKILL, unannounced."""
        self._end([self.node(index)], signal.SIGKILL)

    def twin(self, index: int, tell: Tell = quiet, timeout_s: float = 90) -> Node:
        """Start a second process with this node's PoS key and wait until it answers.

        As soon as the two sign different things, which is when the key leads a round at the latest, every
        honest member disputes the key. The twin is no node of the devnet; it ends when all nodes end.
        """
        node = self.node(index)
        twin = _twin(node)
        if twin.dir in process.running():
            raise SettingError(f"node {index} has a twin already")
        twin.dir.mkdir(exist_ok=True)
        (twin.dir / "pos_key").write_bytes((node.dir / "pos_key").read_bytes())
        secret = ValidatorKeys.from_seed(f"{self.options.seed}/{index}/twin").network_secret
        write_config(twin, self._nodes, self.options, secret, self._waypoint)
        with self._started([twin], tell, timeout_s):
            return msgspec.structs.replace(twin, pid=process.running().get(twin.dir))

    def down(self) -> None:
        """End all nodes at once, and twins, with SIGKILL; their data stays."""
        process.end({at for at in process.running() if at.parent == self.dir}, signal.SIGKILL, patience_s=0)
        self.reap()

    def wipe(self) -> None:
        """End all nodes and remove the folder."""
        self.down()
        shutil.rmtree(self.dir)

    def reap(self) -> None:
        """Let go of nodes of ours that ended, whoever ended them; until then they stay as zombies."""
        self._children = {at: child for at, child in self._children.items() if child.poll() is None}

    def committed_height(self, node: Node) -> int | None:
        """The newest PoS block that the node knows to be committed; None while it does not answer."""
        try:
            return int(LocalRpc(node.urls.local).ask("pos_getStatus")["latestCommitted"], 16)
        except RpcError:
            return None

    def wait_committed(self, height: int, timeout_s: float, tell: Tell = quiet) -> None:
        """Wait until every running node has committed the PoS block of this height."""
        complaint = f"PoS did not commit block {height} in {timeout_s:g} s; see {self.dir}/node*/"
        for _ in patience(timeout_s, complaint):
            heights = [self.committed_height(node) for node in self.nodes if node.pid is not None]
            ready = [known for known in heights if known is not None and known >= height]
            if heights and len(ready) == len(heights):
                return
            tell(f"waiting for PoS block {height}: {len(ready)} of {len(heights)} nodes have it")

    @contextmanager
    def _started(self, nodes: Sequence[Node], tell: Tell, timeout_s: float) -> Iterator[None]:
        try:
            with turn(self.dir / "lock"):  # two starts at the same moment do not start a node twice
                self._spawn(nodes, tell)
            self._wait_answering(nodes, tell, timeout_s)
            yield
        except BaseException:
            self._end(nodes, signal.SIGKILL)
            time.sleep(POLL_S)
            self._end(nodes, signal.SIGKILL)  # one that was just being born when we were interrupted
            raise

    def _spawn(self, nodes: Sequence[Node], tell: Tell) -> None:
        program, module, running = node_program(), addon.addon(tell), process.running()
        for node in nodes:
            if node.dir not in running:
                _refuse_taken_ports(node)
                tell(f"starting node {node.index}")
                self._children[node.dir] = process.spawn(node, program, module)

    def _wait_answering(self, nodes: Sequence[Node], tell: Tell, timeout_s: float) -> None:
        waiting = list(nodes)
        complaint = f"a node did not answer in {timeout_s:g} s; see {self.dir}/node*/stdout.log"
        for _ in patience(timeout_s, complaint):
            for node in waiting:
                if not self._lives(node):
                    raise VedetteError(f"node {node.index} ended while starting: {process.last_words(node)}")
            waiting = [node for node in waiting if self.committed_height(node) is None]
            if not waiting:
                return
            tell(f"waiting for an answer of node {', '.join(str(node.index) for node in waiting)}")

    def _end(self, nodes: Sequence[Node], sign: signal.Signals, patience_s: float = 0) -> None:
        process.end({node.dir for node in nodes}, sign, patience_s=patience_s)
        self.reap()

    def _lives(self, node: Node) -> bool:
        # Our own child first: for a moment after its birth a process has no command line to be found by.
        child = self._children.get(node.dir)
        return child.poll() is None if child else node.dir in process.running()


@contextmanager
def _filled(folder: Path) -> Iterator[None]:
    """A folder that is new or empty; emptied again if filling it fails."""
    if (folder / RECORD).exists():
        raise SettingError(
            f"there is a devnet in {folder} already: vedette devnet down --wipe --dir {folder}"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SettingError(f"{folder} exists and is no devnet: name an empty or a new folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise SettingError(f"the devnet cannot be written to {folder}: {error.strerror}") from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _make(folder: Path, options: DevnetOptions, module: Path, tell: Tell) -> Record:
    keys = [_keys(options, index) for index in range(options.nodes)]
    members = [Member(key, options.votes, options.committee_share) for key in keys[: options.genesis_count]]
    nodes = _nodes(folder, keys, len(members))
    for node, key in zip(nodes, keys, strict=True):
        node.dir.mkdir()
        (node.dir / "pos_key").write_bytes(pos_key_file(key))
    genesis = genesis_file(members)
    (folder / "genesis_file").write_bytes(genesis)
    (folder / "initial_nodes.json").write_text(initial_nodes(members))

    def start_scratch(scratch: Node, wrong: str) -> subprocess.Popen[bytes]:
        write_config(scratch, [], options, keys[0].network_secret, wrong)
        return process.spawn(scratch, node_program(), module)

    point = waypoint(genesis, nodes[0], start_scratch, tell)
    for node, key in zip(nodes, keys, strict=True):
        write_config(node, nodes, options, key.network_secret, point)
    package = f"{addon.PACKAGE}@{addon.VERSION}"
    return Record(format=FORMAT, node_package=package, waypoint=point, options=options, nodes=nodes)


def _keys(options: DevnetOptions, index: int) -> ValidatorKeys:
    return ValidatorKeys.from_seed(f"{options.seed}/{index}")


def _nodes(folder: Path, keys: Sequence[ValidatorKeys], genesis_count: int) -> list[Node]:
    ports = free_ports(PORTS_PER_NODE * len(keys))
    return [
        Node(
            index=index,
            dir=folder / f"node{index}",
            ports=Ports(*ports[index * PORTS_PER_NODE : (index + 1) * PORTS_PER_NODE]),
            pos_address="0x" + key.pos_address.hex(),
            pow_address=address.encode(key.pow_address, CHAIN_ID),
            node_id=key.node_id,
            in_genesis=index < genesis_count,
        )
        for index, key in enumerate(keys)
    ]


def _twin(node: Node) -> Node:
    """The same validator, in a folder and on ports of its own."""
    folder = node.dir.with_name(f"{node.dir.name}-twin")
    return msgspec.structs.replace(node, dir=folder, ports=Ports(*free_ports(PORTS_PER_NODE)), pid=None)


def _refuse_taken_ports(node: Node) -> None:
    busy = list(taken(node.ports.all()))
    if busy:
        raise SettingError(
            f"port {busy[0]} of node {node.index} is taken by another process: stop that one, "
            "or make a fresh devnet in another folder"
        )


def patience(timeout_s: float, complaint: str) -> Iterator[None]:
    """Try now, and again after each pause; raises VedetteError when the time is over."""
    deadline = time.monotonic() + timeout_s
    while True:
        yield
        if time.monotonic() > deadline:
            raise VedetteError(complaint)
        time.sleep(POLL_S)
