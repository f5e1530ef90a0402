"""Faults of nodes made real on four validators: what is told of each, and how many seconds later.

Where a fault cannot be made here, the smallest honest stand-in is named in its test. The tests run in order
and share the devnet; the table is printed at its end.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.proof.teller import Teller
from tests.server.stage import Agent
from tests.whole.conftest import running_devnet
from tests.whole.outside import Post, Receivers, free_port, get, post, receivers, until
from vedette.devnet import demo
from vedette.devnet.net import Devnet
from vedette.devnet.options import DevnetOptions

pytestmark = [pytest.mark.proof, pytest.mark.real]

TERM = 20
OPTIONS = DevnetOptions(term_rounds=TERM, votes=200, elected=50)
"""More votes than seats, so that everybody has votes to stand with in each term."""
NETWORK = """as_of = 2100-01-01
[[networks]]
name = "devnet"
chain_id = 1234
espace_chain_id = 1235
explorer = "https://example.org"
endpoints = []
endpoint_calls_per_s = 5
in_queue_blocks = 40
out_queue_blocks = 40
dispute_lock_blocks = 518400
terms = [{ from_height = 0, blocks = 20 }]
rounds = [{ from_epoch = 0, seconds = 1 }]
forks = [{ name = "v9", version = "9.0.0", pos_height = 500000 }]
pools = []
"""
LIMITS = """[alerts.rules.backup_not_ready]
hold_ms = 0
[alerts.rules.few_peers]
hold_ms = 0
alone_seconds = 20
starting_ms = 0
"""
"""The table that the demo writes of few_peers goes on with this."""


@dataclass
class Ground:
    """A devnet that is watched, and everything that was told of it."""

    net: Devnet
    folder: Path
    api: str
    told: Receivers
    rows: list[str] = field(default_factory=list)

    def node_id(self, index: int) -> str:
        nodes = get(f"{self.api}/nodes")["nodes"]
        found: str = next(node["id"] for node in nodes if node["name"] == f"validator-{index}")
        return found

    def restarts(self, index: int) -> float:
        told: dict[str, float] = get(f"{self.api}/nodes/{self.node_id(index)}")["numbers"]
        return told.get("process.restarts_count", 0)

    def limits(self, rules: dict[str, Any], subject: str) -> None:
        """Other limits for one node, as its operator would set them."""
        known = get(f"{self.api}/alerts/rules")
        subjects = {one["id"]: one["rules"] for one in known["subjects"]}
        subjects[subject] = {**subjects.get(subject, {}), **rules}
        wish = {"preset": known["preset"], "subjects": subjects, "version": known["version"]}
        post(f"{self.api}/alerts/limits", wish, "PUT")

    def started(self, index: int) -> float:
        """Start a node; the moment at which it first answered: before that, nobody can see what is wrong."""
        began_s = time.monotonic()
        self.net.start(index)
        answers_s = time.monotonic()
        self.rows.append(f"{answers_s - began_s:6.1f} s  the start of validator-{index}; then")
        return answers_s

    def awaited(self, rule: str, name: str, since_s: float, *, severity: str, within_s: float) -> Post:
        """The first word of that severity about it; its row goes into the table."""

        def first() -> Post | None:
            return next((one for one in self.told.posts if _is(one, rule, name, severity)), None)

        heard = until(first, within_s, f"{rule} of {name}, {severity}")
        incident = heard.message["incident"]
        self.rows.append(f"{heard.at_s - since_s:6.1f} s  {rule} {severity}: {incident['title']}")
        return heard


def _is(one: Post, rule: str, name: str, severity: str) -> bool:
    incident = one.message["incident"]
    loud = incident["severity"] == severity
    return one.what[0] in {"opened", "escalated"} and one.what[1:] == (rule, name) and loud


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("faults")
    with ExitStack() as stack:
        told = stack.enter_context(receivers())
        for net in running_devnet(folder / "net", OPTIONS):
            plan = demo.Plan(folder, free_port(), None, told.webhook_url, None)
            demo.write_settings(plan, net)
            config = folder / "server.toml"
            config.write_text(config.read_text().replace("[alerts.rules.few_peers]\n", LIMITS, 1))
            with ExitStack() as children:
                serve = ["serve", "--config", str(config)]
                server = children.enter_context(demo._child(plan, "server", serve))
                demo._wait_answering(plan, [server])
                for node in net.nodes:
                    arguments = [*demo.agent_arguments(plan, node), "--pos-address", node.pos_address]
                    arguments += ["--role", "backup"] if node.index == 2 else []
                    children.enter_context(demo._child(plan, f"agent{node.index}", arguments))
                made = Ground(net, folder, f"{plan.page_url}/api/v1", told)
                until(lambda made=made: _all_well(made) or None, 60, "four nodes that are well")  # type: ignore[misc]
                yield made
                print("\n" + "\n".join(made.rows))


def _all_well(ground: Ground) -> bool:
    nodes = get(f"{ground.api}/nodes")["nodes"]
    well = [node for node in nodes if node["state"] == "up" and node["version"]]
    return len(well) == len(ground.net.nodes)


def test_a_disk_that_is_nearly_full(ground: Ground) -> None:
    """Stand-in: the limit is moved, not the disk filled."""
    began_s = time.monotonic()
    full = {"critical_free_bytes": 10**16, "free_of_bytes": 0}
    ground.limits({"disk_filling": full}, ground.node_id(0))
    heard = ground.awaited("disk_filling", "validator-0", began_s, severity="critical", within_s=90)
    assert heard.message["incident"]["facts"]["free_bytes"] > 0


def test_a_clock_that_is_off(ground: Ground) -> None:
    """Stand-in: an agent made up here tells so, twice; nothing may move this machine's clock."""
    token = (ground.folder / "enrolment-token").read_text().strip()
    teller = Teller(ground.api.removesuffix("/api/v1"), Agent("clock", interval_ms=5_000), token)
    teller.enrol()
    off = {"host.clock.offset_ms": 700, "host.clock.synchronised": 1}
    hold_s, began_s = 65.0, time.monotonic()

    def told() -> bool:
        teller.tell(off)
        time.sleep(2)
        return time.monotonic() - began_s >= hold_s

    until(told, hold_s + 30, "a minute of a clock that is off")
    ground.awaited("clock_off", "clock", began_s + hold_s, severity="warning", within_s=30)


def test_a_fork_for_which_the_nodes_are_too_old(ground: Ground) -> None:
    """A newer list of forks arrives, as `vedette networks update` brings it."""
    began_s = time.monotonic()
    (ground.folder / "networks.toml").write_text(NETWORK)
    for index in range(4):
        ground.awaited("fork_deadline", f"validator-{index}", began_s, severity="warning", within_s=150)


def test_a_log_that_tells_of_an_invalid_state(ground: Ground) -> None:
    """Stand-in: the line is written into the node's log, as a node on a wrong fork writes it."""
    began_s = time.monotonic()
    with (ground.net.node(3).dir / "conflux.log").open("a") as log:
        log.write("2026-01-01T00:00:00 ERROR consensus - Block 0x12 state/blame is invalid\n")
    ground.awaited("wrong_fork", "validator-3", began_s, severity="critical", within_s=60)


def test_a_backup_that_would_vote_after_a_restart(ground: Ground) -> None:
    began_s = time.monotonic()
    ground.net.ask(2, "test_posStopVoting")
    heard = ground.awaited("backup_not_ready", "validator-2", began_s, severity="warning", within_s=60)
    assert heard.message["incident"]["facts"]["starts_voting"] == 1


def test_a_public_port_that_strangers_command(ground: Ground) -> None:
    node = ground.net.node(3)
    ground.net.kill(3)
    config = node.dir / "config.toml"
    config.write_text(config.read_text().replace('"safe,pos"', '"all"'))
    answers_s = ground.started(3)
    heard = ground.awaited("rpc_exposed", "validator-3", answers_s, severity="critical", within_s=120)
    assert heard.message["incident"]["facts"]["groups"] == "debug, test"


def test_a_node_that_is_started_again_and_again(ground: Ground) -> None:
    """The agent counts the processes that it found: each lives until it has been."""
    began_s, before = 0.0, ground.restarts(3)
    for count in range(1, 4):
        ground.net.kill(3)
        began_s = time.monotonic()
        ground.net.start(3)
        until(lambda wanted=before + count: ground.restarts(3) >= wanted, 60, "the agent to see it")  # type: ignore[misc]
    ground.awaited("restart_loop", "validator-3", began_s, severity="critical", within_s=60)


def test_a_node_whose_key_file_is_gone(ground: Ground) -> None:
    node = ground.net.node(1)
    ground.net.kill(1)
    (node.dir / "pos_key").rename(node.dir / "pos_key.away")
    answers_s = ground.started(1)
    heard = ground.awaited("key_changed", "validator-1", answers_s, severity="critical", within_s=120)
    facts = heard.message["incident"]["facts"]
    assert facts["expected_address"].startswith(node.pos_address[:10])
    assert facts["pos_address"] != facts["expected_address"]
    ground.net.kill(1)
    (node.dir / "pos_key").unlink()
    (node.dir / "pos_key.away").rename(node.dir / "pos_key")
    ground.net.start(1)
    until(lambda: ground.told.told("resolved", "key_changed"), 120, "the end of key_changed")


def test_a_validator_that_does_not_stand(ground: Ground) -> None:
    began_s = time.monotonic()
    ground.net.ask(0, "test_posStopElection")
    ground.awaited("not_elected", "validator-0", began_s, severity="warning", within_s=20 * TERM)


def test_a_node_that_is_cut_off(ground: Ground) -> None:
    began_s = time.monotonic()
    for index in (1, 2, 3):
        ground.net.kill(index)
    ground.awaited("few_peers", "validator-0", began_s, severity="warning", within_s=90)
    ground.awaited("few_peers", "validator-0", began_s, severity="critical", within_s=120)
