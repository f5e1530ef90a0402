"""Real validators, their agents and a server, in a network of their own where we may make one."""

import ctypes
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.whole.outside import NOT_YET, ask, get, until
from vedette.devnet import demo
from vedette.devnet.net import Devnet

NEW_NETWORK = 0x40000000
"""CLONE_NEWNET, as unshare(2) calls it."""
CUT_GROUP = 4242
"""The node that is cut off runs under this group: so its packets are known from the others'."""
LOOK_EACH_S = 0.25
RISE_S = 90.0
STILL_MAX_S = 200.0

Seen = tuple[str, str]  # state and reason


@cache
def may_cut() -> bool:
    """Whether we may make networks and file systems here: root may, but not in every container."""
    tools = all(shutil.which(tool) for tool in ("unshare", "ip", "iptables", "mount"))
    tried = ["unshare", "--net", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return tools and os.geteuid() == 0 and subprocess.run(tried, check=False).returncode == 0


@contextmanager
def own_network() -> Iterator[None]:
    """A network namespace with loopback alone, for this thread and all that it starts; where we may."""
    if not may_cut():
        yield
        return
    libc, home = ctypes.CDLL(None, use_errno=True), os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(NEW_NETWORK):
            raise OSError(ctypes.get_errno(), "unshare")
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        yield
    finally:
        libc.setns(home, 0)
        os.close(home)


@contextmanager
def marked(*, wanted: bool = True) -> Iterator[None]:
    """What is started inside belongs to the group that a cut knows."""
    if not (wanted and may_cut()):
        yield
        return
    before = os.getegid()
    os.setegid(CUT_GROUP)
    try:
        yield
    finally:
        os.setegid(before)


@dataclass
class Watcher:
    """Looks at one node's health all the time, and remembers since when each layer has been what it is."""

    url: str
    since: dict[str, tuple[Seen, float]] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self._stop.wait(LOOK_EACH_S):
            try:
                health = get(self.url)["health"]
            except NOT_YET:
                continue
            now = time.monotonic()
            for layer in ("execution", "pow", "pos", "validator"):
                seen = health[layer]["state"], health[layer]["reason"]
                if self.since.get(layer, (None, 0.0))[0] != seen:
                    self.since = {**self.since, layer: (seen, now)}

    def shows(self, layer: str, seen: Seen) -> float | None:
        """Since when it has shown just that; None: it does not."""
        shown, since = self.since.get(layer, (None, 0.0))
        return since if shown == seen else None

    def stop(self) -> None:
        self._stop.set()


@dataclass
class Stage:
    net: Devnet
    plan: demo.Plan
    victim: int
    observer: int
    filling: int
    watchers: dict[int, Watcher] = field(default_factory=dict)

    # --- what is seen, by no client of ours

    def raw(self, index: int, method: str, *params: Any) -> Any:
        return ask(self.net.node(index).urls.local, method, *params)

    def height(self, index: int) -> int:
        """The newest PoS block that the node knows to be committed."""
        return int(self.raw(index, "pos_getStatus")["latestCommitted"], 16)

    def epoch(self, index: int) -> int:
        """The newest PoW epoch that the node knows."""
        return int(self.raw(index, "cfx_epochNumber"), 16)

    def unsigned(self, index: int) -> int:
        """How many of the newest committed blocks in a row lack the node's signature."""
        newest, address = self.height(self.observer), self.net.node(index).pos_address
        for absent in range(newest):
            block = self.raw(self.observer, "pos_getBlockByNumber", hex(newest - absent))
            if any(one["account"] == address for one in block["signatures"]):
                return absent
        return newest

    def wait_unsigned(self, index: int, blocks: int, timeout_s: float = 120) -> None:
        until(lambda: self.unsigned(index) >= blocks, timeout_s, f"{blocks} blocks without node {index}")

    def wait_signed(self, index: int, timeout_s: float = 120) -> None:
        until(lambda: self.unsigned(index) == 0, timeout_s, f"a signature of node {index}")

    def wait_still(
        self, height: Callable[[], int], for_s: float, seen: tuple[int, float] | None = None
    ) -> None:
        """Return when the height has not risen for so long. `seen`: what it was at a moment before."""
        last, risen = seen or (height(), time.monotonic())
        ends = time.monotonic() + STILL_MAX_S
        while time.monotonic() - risen <= for_s:
            assert time.monotonic() < ends, f"it still rises: {last}"
            time.sleep(LOOK_EACH_S)
            if (now := height()) != last:
                last, risen = now, time.monotonic()

    def wait_gone(self, index: int, timeout_s: float) -> None:
        def gone() -> bool:
            self.net.reap()
            return self.net.node(index).pid is None

        until(gone, timeout_s, f"node {index} ended")

    def wait_near(self, index: int) -> None:
        """Until the node is where the others are, by their own word."""
        until(lambda: self.raw(index, "debug_currentSyncPhase") == "NormalSyncPhase", RISE_S, "normal phase")
        until(lambda: self.height(self.observer) - self.height(index) < 3, RISE_S, "PoS near")
        until(lambda: self.epoch(self.observer) - self.epoch(index) < 20, RISE_S, "PoW near")

    # --- what is done

    def start(self, index: int) -> None:
        with marked(wanted=index == self.victim):
            self.net.start(index, timeout_s=120)

    def start_blind(self, index: int) -> None:
        """Without waiting for an answer on the port that the agent knows."""
        with marked(wanted=index == self.victim):
            self.net._spawn([self.net.node(index)], lambda _: None)
        # For a moment after its birth it is found by nobody, who might then start it a second time.
        until(lambda: self.net.node(index).pid, 10, f"the process of node {index}")

    def signal(self, index: int, sign: int) -> None:
        pid = self.net.node(index).pid
        assert pid is not None
        os.kill(pid, sign)

    def all_well(self, index: int, timeout_s: float = RISE_S) -> None:
        """Until the node's four layers are healthy."""
        watcher = self.watchers[index]

        def well() -> bool:
            signing = watcher.shows("validator", ("healthy", "signing")) is not None
            return signing and all(seen[0] == "healthy" for seen, _ in watcher.since.values())

        try:
            until(well, timeout_s, f"node {index} well")
        except AssertionError as error:
            raise AssertionError(f"{error}: {watcher.since}") from error

    def whole_again(self, index: int) -> None:
        """After a case that failed: its node is started anew, so that the next case tells of itself."""
        try:
            self.all_well(index, 60)
        except AssertionError:
            self.net.kill(index)
            self.start(index)

    @contextmanager
    def cut(self, index: int, *, agent_too: bool = False) -> Iterator[None]:
        """Nothing passes between the node and its peers, nor between its agent and the server."""
        own = self.net.node(index).ports.p2p
        peers = [str(node.ports.p2p) for node in self.net.nodes if node.index != index]
        group = ["-m", "owner", "--gid-owner", str(CUT_GROUP)]
        rules = [
            [*group, "-p", "tcp", "-m", "multiport", "--dports", ",".join(peers)],
            [*group, "-p", "tcp", "--sport", str(own)],
            ["-p", "tcp", "--dport", str(own)],
        ]
        if agent_too:
            rules.append([*group, "-p", "tcp", "--dport", str(self.plan.port)])
        for rule in rules:
            subprocess.run(["iptables", "-w", "-A", "OUTPUT", *rule, "-j", "DROP"], check=True)
        try:
            yield
        finally:
            subprocess.run(["iptables", "-w", "-F", "OUTPUT"], check=True)


@contextmanager
def running_stage(
    net: Devnet, plan: demo.Plan, *, victim: int, observer: int, filling: int
) -> Iterator[Stage]:
    stage = Stage(net, plan, victim, observer, filling)
    with ExitStack() as stack:
        stack.callback(net.down)
        stage.start_blind(victim)
        net.up(timeout_s=300)
        demo.write_settings(plan, net)
        serve = ["serve", "--config", str(plan.dir / "server.toml")]
        server = stack.enter_context(demo._child(plan, "server", serve))
        demo._wait_answering(plan, [server])
        for node in net.nodes:
            words = [*demo.agent_arguments(plan, node), "--pos-address", node.pos_address]
            with marked(wanted=node.index == victim):
                stack.enter_context(demo._child(plan, f"agent{node.index}", words))
        api = f"{plan.page_url}/api/v1/nodes"
        known = until(lambda: _named(api, len(net.nodes)), 60, "the agents of all nodes")
        for node in net.nodes:
            stage.watchers[node.index] = _watching(f"{api}/{known[f'validator-{node.index}']}", stack)
        yield stage


def _named(api: str, count: int) -> dict[str, str] | None:
    found = {node["name"]: node["id"] for node in get(api)["nodes"]}
    return found if len(found) == count else None


def _watching(url: str, stack: ExitStack) -> Watcher:
    watcher = Watcher(url)
    thread = threading.Thread(target=watcher.run, daemon=True)
    thread.start()
    stack.callback(thread.join)
    stack.callback(watcher.stop)
    return watcher


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[None]:
    """The folder's files on a file system of its own, which we can fill; where we may."""
    if not may_cut():
        yield
        return
    aside = folder.with_name(f"{folder.name}-aside")
    folder.rename(aside)
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)], check=True)
    try:
        for each in aside.iterdir():
            subprocess.run(["cp", "-a", str(each), str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all that is left."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:
        for piece_bytes in (1 << 20, 512):  # the last pieces are small, or some room would be left
            with suppress(OSError):
                while True:
                    file.write(bytes(piece_bytes))
    return path


def recorded(file: Path | None) -> dict[str, list[dict[str, Any]]]:
    """What an earlier run measured, by case."""
    if file is None or not file.exists():
        return {}
    lines = [json.loads(line) for line in file.read_text().splitlines() if line.strip()]
    return {line["case"]: line["rows"] for line in lines}
