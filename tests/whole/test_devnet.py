"""The devnet itself: real validators start, sign, die, return, register, and leave nothing behind.

The chain is asked by the tests' own JSON-RPC, so that a mistake in our client cannot hide one in the devnet.
"""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.whole.conftest import running_devnet
from tests.whole.outside import VEDETTE, ask, until, vedette
from vedette.devnet import process
from vedette.devnet.net import PLANNED_STOP_MS, Devnet
from vedette.devnet.options import DevnetOptions

pytestmark = pytest.mark.real

ABSENCE_S = 90.0
SETTLED = 3  # blocks below the newest, where a signature list no longer changes
STATUS_KEYS = {"index", "pid", "running", "pos_address", "public_url", "local_url"}


def described(net: Devnet) -> list[dict[str, Any]]:
    described: list[dict[str, Any]] = json.loads(vedette("devnet", "status", "--json", "--dir", net.dir))
    return described


def height(net: Devnet, index: int = 0) -> int:
    return int(ask(net.nodes[index].urls.public, "pos_getStatus")["latestCommitted"], 16)


def signers(net: Devnet, number: int) -> set[str]:
    block = ask(net.nodes[0].urls.public, "pos_getBlockByNumber", hex(number))
    return {signature["account"] for signature in block["signatures"]}


def a_block_signed_by(net: Devnet, addresses: set[str], above: int) -> int | None:
    """A settled block above a height, of the newest few, that carries all these signatures."""
    newest = height(net) - SETTLED
    for number in range(max(above, newest - 10) + 1, newest + 1):
        if addresses <= signers(net, number):
            return number
    return None


@dataclass(frozen=True)
class Absence:
    """Validator 3 was killed. It comes back by itself, whatever test runs meanwhile."""

    last_height: int  # the newest block when it was killed
    back: threading.Thread


@pytest.fixture(scope="module")
def absence(validators: Devnet) -> Iterator[Absence]:
    def come_back() -> None:
        time.sleep(ABSENCE_S)
        vedette("devnet", "start", 3, "--dir", validators.dir)

    vedette("devnet", "kill", 3, "--dir", validators.dir)
    absence = Absence(height(validators), threading.Thread(target=come_back))
    absence.back.start()
    yield absence
    absence.back.join()


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devnet]:
    """Short terms, so that a fifth node can register and be elected within a test."""
    options = DevnetOptions(nodes=5, genesis_validators=4, round_ms=500, term_rounds=10, block_ms=150)
    yield from running_devnet(tmp_path_factory.mktemp("fast") / "net", options)


def test_the_status_describes_every_node(validators: Devnet) -> None:
    nodes = described(validators)
    assert [node["index"] for node in nodes] == [0, 1, 2, 3]
    assert all(node.keys() == STATUS_KEYS for node in nodes)
    assert all(node["running"] and Path(f"/proc/{node['pid']}").exists() for node in nodes)
    assert {node["local_url"] for node in nodes} == {node.urls.local for node in validators.nodes}


def test_all_four_validators_sign(validators: Devnet) -> None:
    everybody = {node.pos_address for node in validators.nodes}
    until(lambda: a_block_signed_by(validators, everybody, above=1), 60, "a block signed by all four")


def test_the_public_port_answers_pos_and_keeps_the_rest_to_the_local_one(validators: Devnet) -> None:
    urls = validators.nodes[1].urls
    assert ask(urls.local, "test_posVotingStatus") is True
    with pytest.raises(AssertionError, match="Method not found"):
        ask(urls.public, "test_posVotingStatus")


def test_a_second_up_starts_nothing_twice(validators: Devnet) -> None:
    before = [node.pid for node in validators.nodes]
    vedette("devnet", "up", "--dir", validators.dir)
    assert [node.pid for node in validators.nodes] == before
    complaint = vedette("devnet", "up", "--dir", validators.dir, "--round-ms", 700, status=2)
    assert "was made with round_ms = 1000, not 700" in complaint


def test_a_node_that_is_not_there_is_named(validators: Devnet) -> None:
    complaint = vedette("devnet", "kill", 7, "--dir", validators.dir, status=2)
    assert complaint == "vedette: no node 7: there are 0..3\n"


def test_a_killed_validator_is_missing_from_the_signatures(validators: Devnet, absence: Absence) -> None:
    assert described(validators)[3]["running"] is False
    assert not validators.nodes[3].planned_stop_file.exists()
    others = {node.pos_address for node in validators.nodes[:3]}
    since = absence.last_height + 6  # the rounds under way when it was killed may still carry its vote
    number = until(lambda: a_block_signed_by(validators, others, since), 60, "a block without it")
    assert signers(validators, number) == others


def test_a_fifth_validator_registers_and_signs(fast: Devnet) -> None:
    newcomer = fast.nodes[4]
    vedette("devnet", "register", 4, "--dir", fast.dir)
    since = height(fast)
    until(lambda: a_block_signed_by(fast, {newcomer.pos_address}, since), 240, "its first signature")
    committee = ask(fast.nodes[0].urls.public, "pos_getCommittee")["currentCommittee"]["nodes"]
    assert int({one["address"]: one["votingPower"] for one in committee}[newcomer.pos_address], 16) > 0
    complaint = vedette("devnet", "register", 4, "--dir", fast.dir, status=2)
    assert complaint == "vedette: node 4 is a validator already\n"


def test_a_validator_that_was_killed_for_90_seconds_signs_again_and_keeps_its_stake(
    validators: Devnet, absence: Absence
) -> None:
    absence.back.join()
    returned, since = validators.nodes[3], height(validators)
    until(lambda: a_block_signed_by(validators, {returned.pos_address}, since), 120, "its signature")
    account = ask(validators.nodes[0].urls.public, "pos_getAccount", returned.pos_address)
    assert account["status"]["forceRetired"] is None
    assert int(account["status"]["availableVotes"], 16) == validators.options.votes


def test_pow_finality_moves(validators: Devnet) -> None:
    def finalized() -> int:
        return int(ask(validators.nodes[1].urls.public, "cfx_getStatus")["latestFinalized"], 16)

    until(finalized, 180, "a finalized epoch")


def test_a_stop_is_announced_before_it_happens(fast: Devnet) -> None:
    now_ms = time.time_ns() // 1_000_000
    vedette("devnet", "stop", 4, "--dir", fast.dir)
    plan = json.loads(fast.nodes[4].planned_stop_file.read_bytes())
    assert plan["why"] == "vedette devnet stop"
    assert now_ms + PLANNED_STOP_MS <= plan["until_ms"] <= now_ms + PLANNED_STOP_MS + 60_000
    assert fast.nodes[4].pid is None
    complaint = vedette("devnet", "stop", 4, "--dir", fast.dir, status=2)
    assert complaint == "vedette: node 4 does not run: vedette devnet start 4 starts it\n"


def test_a_start_ends_the_announced_stop(fast: Devnet) -> None:
    vedette("devnet", "start", 4, "--dir", fast.dir)
    assert fast.nodes[4].pid is not None
    assert not fast.nodes[4].planned_stop_file.exists()


def test_a_devnet_goes_on_from_its_data(fast: Devnet) -> None:
    before = height(fast)
    vedette("devnet", "down", "--dir", fast.dir)
    assert all(node.pid is None for node in fast.nodes)
    vedette("devnet", "up", "--dir", fast.dir)
    assert height(fast) > before


def test_a_taken_port_is_named_and_nothing_is_started(fast: Devnet) -> None:
    fast.kill(4)
    port = fast.nodes[4].ports.p2p
    with socket.create_server(("", port)):
        complaint = vedette("devnet", "start", 4, "--dir", fast.dir, status=2)
    assert f"port {port} of node 4 is taken by another process" in complaint
    assert fast.nodes[4].pid is None


def test_an_interrupted_up_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "net"
    command = [*VEDETTE, "devnet", "up", "--dir", str(folder)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True) as launcher:
        until(lambda: [running for running in process.running() if running.parent == folder], 60, "a node")
        os.kill(launcher.pid, signal.SIGTERM)
        assert launcher.wait(60) == 130
    assert not [running for running in process.running() if running.parent == folder]
    assert not folder.exists()


def test_down_leaves_no_process_and_no_folder(fast: Devnet) -> None:
    pids = [node.pid for node in fast.nodes if node.pid is not None]
    assert pids
    vedette("devnet", "down", "--wipe", "--dir", fast.dir)
    assert not fast.dir.exists()
    fast.reap()
    assert not [pid for pid in pids if is_alive(pid)]


def is_alive(pid: int) -> bool:
    """A process that ended and waits for its parent's attention is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
