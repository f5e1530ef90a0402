"""Every probe beside a real node, through a stop of its voting and a kill. The tests run in order."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from tests.agent.conftest import settings_for
from tests.agent.stand_ins import StubServer, serving
from tests.whole.conftest import running_devnet
from tests.whole.outside import ask, until, vedette
from vedette.agent.agent import Agent
from vedette.agent.config import Settings
from vedette.agent.probes.findings import NAMES
from vedette.devnet.net import Devnet
from vedette.devnet.options import DevnetOptions
from vedette.model.report import Live

pytestmark = [pytest.mark.real, pytest.mark.slow]

PAGE = (Path(__file__).parents[2] / "docs/reference/series.md").read_text()
PLACES = (
    (r"^probe\.[a-z_]+\.", "probe.NAME."),
    (rf"^log\.({'|'.join(NAMES)})\.", "log.FINDING."),
    (r"^disk\.(data|pos|log)\.", "disk.VOLUME."),
)


@dataclass
class Scene:
    net: Devnet
    server: StubServer
    settings: Settings

    @property
    def live(self) -> Live:
        live = self.server.posts[-1].envelope.live
        assert live is not None
        return live

    def state(self, name: str) -> str | None:
        return self.live.states.get(name)


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devnet]:
    options = DevnetOptions(nodes=2, round_ms=500, log_level="info")
    yield from running_devnet(tmp_path_factory.mktemp("probes") / "net", options)


@pytest.fixture(scope="module")
def scene(net: Devnet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with ExitStack() as stack:
        server = StubServer()
        at = stack.enter_context(serving(server.respond))
        node = net.nodes[1]
        settings = msgspec.structs.replace(
            settings_for(tmp_path_factory.mktemp("agent"), at.url, node.urls.local),
            config=None,
            pos_address=node.pos_address,
        )
        agent = Agent(settings)
        agent.start()
        stack.callback(agent.end)
        server.wait_for(lambda envelope: bool(envelope.reports) and envelope.reports[-1].seq >= 4, 30)
        yield Scene(net, server, settings)


def placed(name: str) -> str:
    for pattern, place in PLACES:
        name = re.sub(pattern, place, name)
    return name


def test_no_probe_fails_beside_a_real_node_and_all_they_tell_is_in_the_reference(scene: Scene) -> None:
    until(lambda: "host.network.received_bytes_per_second" in scene.live.numbers, 10, "a second round")
    told = {*scene.live.numbers, *scene.live.states}
    assert [name for name in told if name.endswith((".failed", ".error"))] == []
    assert {name for name in told if f"`{placed(name)}`" not in PAGE} == set()
    assert len(told) > 120
    counts = {room: sum(name.startswith(f"{room}.") for name in told) for room in ("pow", "pos", "disk")}
    assert all(count >= 7 for count in counts.values()), counts


def test_the_node_is_known_with_its_files_and_exposes_nothing(scene: Scene) -> None:
    node, states, numbers = scene.net.nodes[1], scene.live.states, scene.live.numbers
    assert states["node.release"] == "3.0.2"
    assert states["node.config.file"] == str(node.dir / "config.toml")
    assert f"http {node.ports.http}" in states["node.config.ports"]
    assert states["node.exposed"] == "nothing"
    assert states["guard.owner_address"] == states["node.pos_address"] == node.pos_address
    assert numbers["node.pos_address_differs"] == 0
    assert 0 <= numbers["espace.lag_epochs"] < 30
    assert numbers["metrics.consensus_graph.headers_count"] > 0
    assert numbers["disk.pos_log_bytes"] > 0
    assert -5 < numbers["pow.head_age_seconds"] < 30
    assert numbers["pos.over_pow_epochs"] < 0


def test_what_a_slow_probe_saw_is_told_once_and_kept(scene: Scene) -> None:
    reports = [report for report in scene.server.reports if "pow.latest_epoch" in report.numbers]
    assert sum("txpool.ready_count" in report.numbers for report in reports) == 1
    assert scene.live.numbers["probe.txpool.age_seconds"] >= 1


def test_a_voter_that_lives_writes_its_guard_and_the_chains_move(scene: Scene) -> None:
    def place() -> tuple[float, float]:
        return scene.live.numbers["guard.epoch"], scene.live.numbers["guard.last_voted_round"]

    before = place()
    until(lambda: place() > before, 20, "another vote in the guard file")
    assert scene.live.numbers["guard.age_seconds"] < 10
    assert scene.live.numbers["pos.still_seconds"] < 10
    until(lambda: "sync.log_epoch" in scene.live.numbers, 10, "a line about catching up")


def test_a_voter_that_was_stopped_keeps_its_guard_aside(scene: Scene) -> None:
    ask(scene.net.nodes[1].urls.local, "test_posStopVoting")
    until(lambda: scene.state("guard.file") == "absent", 10, "the guard file gone")
    assert scene.state("guard.saved_file") == "present"
    until(lambda: scene.state("node.voting") == "false", 10, "an idle voter")


def test_a_port_that_offers_little_is_asked_once_and_the_rest_reports(scene: Scene, tmp_path: Path) -> None:
    server = StubServer()
    with serving(server.respond) as at:
        public = scene.net.nodes[0].urls.public
        settings = msgspec.structs.replace(settings_for(tmp_path, at.url, public), config=None)
        agent = Agent(settings)
        agent.start()
        try:
            server.wait_for(lambda envelope: bool(envelope.reports) and envelope.reports[-1].seq >= 5, 30)
        finally:
            agent.end()
    first, *_, last = (report for report in server.reports if "pow.latest_epoch" in report.numbers)
    refused = {"sync_phase", "peers", "voting", "pos_address"}
    # On a busy machine others may come home too late for the first round.
    assert {name.split(".")[1] for name in first.numbers if name.endswith(".failed")} >= refused
    assert [name for name in last.numbers if name.endswith(".failed")] == []
    assert last.numbers["pos.committed_height"] > 0


def test_a_kill_and_a_return_are_a_restart_and_its_log_tells_the_start(scene: Scene) -> None:
    node = scene.net.nodes[1]
    assert node.pid is not None
    scene.net.kill(1)
    until(lambda: scene.state("process.state") == "gone", 10, "its death")
    assert "sync.log_phase" not in scene.live.states
    vedette("devnet", "start", 1, "--dir", scene.net.dir)
    until(lambda: scene.state("process.state") == "running", 20, "its return")
    until(lambda: scene.state("sync.log_phase") == "NormalSyncPhase", 40, "its start by its log")
    until(lambda: scene.state("guard.file") == "present", 30, "a fresh guard: it votes again by default")
    assert scene.live.numbers["process.restarts_count"] == 1
    assert "log.panic.hour_count" not in scene.live.numbers


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_node_that_is_stopped_stands_still(scene: Scene) -> None:
    pid = scene.net.nodes[1].pid
    assert pid is not None
    with stopped(pid):
        until(lambda: "probe.pow.error" in scene.live.states, 20, "no answer")
        assert "did not answer within" in scene.live.states["probe.pow.error"]
        assert scene.state("process.state") == "running"
        assert scene.live.numbers["guard.age_seconds"] >= 0
    until(lambda: "probe.pow.error" not in scene.live.states, 20, "an answer")
