"""The main job, end to end, as one story on four real validators. The tests run in order and share it."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.whole.outside import Receivers, ask, free_port, get, letter, receivers, until

pytestmark = pytest.mark.real

ROUND_S = 1.0
EPOCH_BLOCKS = 60
KILLED_S = 90.0
BLOCKS = 300


@dataclass
class Demo:
    """A running `vedette demo`, its folder, and what it has told so far."""

    process: subprocess.Popen[str]
    folder: Path
    api: str
    told: Receivers

    def devnet(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "vedette.cli", "devnet", *arguments]
        command += ["--dir", str(self.folder / "devnet")]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def validators(self) -> list[dict[str, Any]]:
        nodes: list[dict[str, Any]] = json.loads(self.devnet("status", "--json"))
        return nodes

    def server(self) -> psutil.Process:
        """The server's process, as the system knows it."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        alive = [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
        return next(child for child in alive if "serve" in child.cmdline())

    def node(self, index: int) -> dict[str, Any]:
        nodes = get(f"{self.api}/nodes")["nodes"]
        found: dict[str, Any] = next(node for node in nodes if node["name"] == f"validator-{index}")
        return found

    def height(self) -> int:
        height: int = get(f"{self.api}/network")["pos"]["height"]
        return height

    def strip(self, address: str, last: int = 60) -> tuple[int, str]:
        votes = get(f"{self.api}/validators/{address}/votes?last={last}")
        return votes["first"], votes["strip"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    with receivers() as told:
        port = free_port()
        command = [sys.executable, "-m", "vedette.cli", "demo", "--port", str(port), "--dir", str(folder)]
        command += ["--webhook", told.webhook_url, "--mail", told.mail_url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert _shown(process), f"the demo ended with {process.wait()}"
            yield Demo(process, folder, f"http://127.0.0.1:{port}/api/v1", told)
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
    left = [p for p in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(p.info["cmdline"] or [])]
    assert left == []


def _shown(process: subprocess.Popen[str]) -> bool:
    """Read what the demo says until it names its page; False if it ends first."""
    assert process.stdout is not None
    return any(line.startswith("vedette: http") for line in process.stdout)


def test_four_validators_sign_and_four_nodes_are_up(demo: Demo) -> None:
    validators = until(lambda: _all_sign(demo), 30, "four validators that signed the newest block")
    assert sorted(v["address"] for v in validators) == sorted(v["pos_address"] for v in demo.validators())
    nodes = until(lambda: _all_up(demo), 30, "four nodes up")
    assert {node["pos_address"] for node in nodes} == {v["pos_address"] for v in demo.validators()}
    assert all(node["version"].startswith("conflux-rust/v3") for node in nodes)
    assert demo.told.posts == []


def _all_sign(demo: Demo) -> list[dict[str, Any]] | None:
    validators: list[dict[str, Any]] = get(f"{demo.api}/validators")["validators"]
    signing = [one for one in validators if one["votes"]["strip"][-1:] in ("s", "l")]
    return validators if len(signing) == len(validators) == 4 else None


def _all_up(demo: Demo) -> list[dict[str, Any]] | None:
    nodes: list[dict[str, Any]] = get(f"{demo.api}/nodes")["nodes"]
    # A probe that came home too late for the first round tells its part in the next one.
    up = [node for node in nodes if node["state"] == "up" and node["pos_address"] and node["version"]]
    return nodes if len(up) == len(nodes) == 4 else None


@pytest.fixture(scope="module")
def killed(demo: Demo) -> tuple[dict[str, Any], float]:
    """Validator 3, killed; and when."""
    victim = demo.validators()[3]
    # A healthy while first, so that its absence has a before. And the chain must have left its first epoch: a
    # member that is silent for all of the second one ends it (conflux-rust 3.0.2).
    height = EPOCH_BLOCKS + 3
    until(lambda: demo.height() > height or None, 2 * EPOCH_BLOCKS * ROUND_S, "the second epoch")
    victim["voted_at_death"] = int(ask(victim["public_url"], "pos_getStatus")["latestVoted"], 16)
    killed_s = time.monotonic()
    os.kill(victim["pid"], signal.SIGKILL)
    return victim, killed_s


def test_a_death_is_told_once_within_three_seconds(demo: Demo, killed: tuple[dict[str, Any], float]) -> None:
    _, killed_s = killed
    until(lambda: demo.told.posts and demo.told.letters, 10, "a post and a letter")
    posted_s = demo.told.posts[0].at_s - killed_s
    mailed_s = demo.told.letters[0][0] - killed_s
    print(f"told after {posted_s:.2f} s, mailed after {mailed_s:.2f} s")
    assert posted_s < 3
    assert mailed_s < 3
    assert demo.node(3)["state"] == "down"
    time.sleep(15)  # long enough for ten absent blocks, which the dead node explains
    assert [post.what for post in demo.told.posts] == [("opened", "node_down", "validator-3")]
    assert demo.told.posts[0].message["incident"]["severity"] == "warning"
    assert len(demo.told.letters) == 1


def test_the_strip_turns_absent_within_three_blocks(demo: Demo, killed: tuple[dict[str, Any], float]) -> None:
    victim, _ = killed
    due = victim["voted_at_death"] + 3
    after = until(lambda: _letters_from(demo, victim["pos_address"], due, 3), 30, "three settled blocks")
    assert set(after) == {"a"}


def _letters_from(demo: Demo, address: str, height: int, count: int) -> str | None:
    first, strip = demo.strip(address)
    after = strip[height - first :]
    return after if len(after) >= count else None


def test_after_a_minute_a_members_death_is_critical(demo: Demo, killed: tuple[dict[str, Any], float]) -> None:
    _, killed_s = killed
    until(lambda: demo.told.told("escalated", "node_down"), 90, "an escalation")
    (escalated,) = demo.told.told("escalated", "node_down")
    assert 59 < escalated.at_s - killed_s < 75  # at once on the minute; the machine may be busy
    assert escalated.message["incident"]["severity"] == "critical"
    until(lambda: len(demo.told.letters) >= 2, 30, "the letter beside the post")
    assert len(demo.told.posts) == len(demo.told.letters) == 2


def test_a_killed_server_resumes_and_tells_nothing_twice(
    demo: Demo, killed: tuple[dict[str, Any], float]
) -> None:
    victim, _ = killed
    height = demo.height()
    # One that is on its way may come again after a kill, under its key; here none is.
    until(lambda: _all_sent(demo) or None, 30, "every message known to be sent")
    server = demo.server()
    server.send_signal(signal.SIGKILL)
    server.wait()
    until(lambda: demo.height() > height + 5, 60, "the follower going on")
    first, strip = demo.strip(victim["pos_address"], last=1000)
    assert first <= height, "nothing that was stored is lost"
    assert "?" not in strip[height - 40 - first :], "and no block was left out"
    until(lambda: demo.node(0)["state"] == "up" or None, 30, "the agents coming back")
    time.sleep(5)
    assert len(demo.told.posts) == len(demo.told.letters) == 2
    incidents = get(f"{demo.api}/incidents")["incidents"]
    assert [i["state"] for i in incidents if i["rule"] == "node_down"] == ["open"]
    assert all(i["muted_by"] for i in incidents if i["rule"] == "absent_votes")
    _assert_no_gap(demo, 0)


def _all_sent(demo: Demo) -> bool:
    incidents = get(f"{demo.api}/incidents")["incidents"]
    return all(notice["state"] == "sent" for one in incidents for notice in one["notices"])


def _assert_no_gap(demo: Demo, index: int) -> None:
    node = demo.node(index)
    series = get(f"{demo.api}/nodes/{node['id']}/series?names=pos.committed_height&points=2000")
    times = [t for t, value in zip(series["times"], series["mean"][0], strict=True) if value is not None]
    assert len(times) > 10
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert max(gaps) < 11, f"five-second rounds, yet a gap of {max(gaps):.0f} s"


def test_a_returned_validator_is_told_and_signs_again(
    demo: Demo, killed: tuple[dict[str, Any], float]
) -> None:
    victim, killed_s = killed
    time.sleep(max(0.0, killed_s + KILLED_S - time.monotonic()))
    demo.devnet("start", "3")
    until(lambda: demo.told.told("resolved", "node_down"), 60, "a resolution")
    until(lambda: demo.strip(victim["pos_address"])[1][-1] in "sl" or None, 60, "a signature again")
    account = ask(demo.validators()[0]["public_url"], "pos_getAccount", victim["pos_address"])
    assert account["status"]["forceRetired"] is None
    time.sleep(5)
    assert [post.what[0] for post in demo.told.posts] == ["opened", "escalated", "resolved"]
    until(lambda: len(demo.told.letters) >= 3, 30, "the letter beside the post")
    assert len(demo.told.letters) == 3, [one["Message-ID"] for _, one in demo.told.letters]
    assert len({post.key for post in demo.told.posts}) == 3


def test_an_announced_stop_is_held(demo: Demo) -> None:
    before = len(demo.told.posts)
    demo.devnet("stop", "2")
    until(lambda: demo.node(2)["state"] == "stopped" or None, 20, "the node shown as stopped")
    time.sleep(15)
    demo.devnet("start", "2")
    until(lambda: demo.node(2)["state"] == "up" or None, 60, "the node up again")
    assert [post.what for post in demo.told.posts[before:]] == []


def test_the_strips_are_what_the_nodes_say(demo: Demo) -> None:
    """Every letter of every validator for at least 300 blocks, against the nodes' own raw replies."""
    nodes = demo.validators()
    need_s = (BLOCKS + 5) * ROUND_S * 2
    until(lambda: demo.height() > BLOCKS or None, need_s, "300 settled blocks")
    time.sleep(5)  # every witness has told its newest blocks
    strips = {node["pos_address"]: demo.strip(node["pos_address"], last=BLOCKS) for node in nodes}
    wrong = []
    committees: dict[int, dict[str, Any]] = {}
    first = max(first for first, _ in strips.values())
    last = min(first + len(strip) for first, strip in strips.values()) - 1
    assert last - first + 1 >= BLOCKS - 1
    for height in range(first, last + 1):
        seen = [ask(node["public_url"], "pos_getBlockByNumber", hex(height)) for node in nodes]
        epoch = int(seen[0]["epoch"], 16)
        if epoch not in committees:
            state = ask(nodes[0]["public_url"], "pos_getEpochState", hex(epoch))
            committees[epoch] = state["verifier"]["addressToValidatorInfo"]
        signers = {signature["account"] for block in seen for signature in block["signatures"]}
        for address, (begin, strip) in strips.items():
            expected = letter(address, committees[epoch], signers, seen[0]["miner"])
            if strip[height - begin] != expected:
                wrong.append((height, address[:8], strip[height - begin], expected))
    assert wrong == []
