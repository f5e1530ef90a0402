"""The server stands still for ten minutes and its clock is stepped by an hour: nobody is told anything.

Sixteen minutes on four real validators. The agents go on beside them; afterwards every series is whole. The
step is real for the server's process: a preloaded library puts its wall clock ahead, its steady clocks stay
as they are. OUTAGE_S in the environment shortens the outage.
"""

import itertools
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.whole.outside import Receivers, free_port, get, until
from vedette.devnet.demo import Plan, agent_arguments, write_settings
from vedette.devnet.net import Devnet

pytestmark = [pytest.mark.proof, pytest.mark.real]

HOUR_S = 3_600
OUTAGE_S = int(os.environ.get("OUTAGE_S", "600"))
HEALTHY_S = 60
GAP_S = 11  # two rounds of five seconds and some


@contextmanager
def command(log: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Iterator[None]:
    """One of Vedette's commands, ended with SIGTERM."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "vedette.cli", *arguments],
            stdout=out,
            stderr=out,
            env={**os.environ, **(env or {})},
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


class SteppedClock:
    """How far a process's wall clock is ahead of the machine's."""

    def __init__(self, folder: Path) -> None:
        self._file, library = folder / "ahead", folder / "stepped_clock.so"
        source = Path(__file__).with_name("stepped_clock.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(source)], check=True)
        self._file.write_bytes(struct.pack("<q", 0))
        self.env = {"LD_PRELOAD": str(library), "STEPPED_CLOCK": str(self._file)}

    def step(self, ahead_s: int) -> None:
        with self._file.open("r+b") as file:
            file.write(struct.pack("<q", ahead_s))


def test_our_own_outage_and_a_stepped_clock_are_nobodys_fault(
    net: Devnet, told: Receivers, tmp_path: Path
) -> None:
    plan = Plan(tmp_path, free_port(), None, told.webhook_url, told.mail_url)
    write_settings(plan, net)
    clock, api = SteppedClock(tmp_path), f"{plan.page_url}/api/v1"
    serve = ("serve", "--config", str(tmp_path / "server.toml"))
    agents = [
        command(tmp_path / f"agent{node.index}.log", *agent_arguments(plan, node)) for node in net.nodes
    ]
    with agents[0], agents[1], agents[2], agents[3]:
        with command(tmp_path / "server.log", *serve, env=clock.env):
            until(lambda: all_up(api), 60, "four nodes up")
            began_s = time.time()
            time.sleep(HEALTHY_S)
        time.sleep(OUTAGE_S)
        clock.step(HOUR_S)
        with command(tmp_path / "server.log", *serve, env=clock.env):
            until(lambda: all_up(api), 60, "four nodes up again")
            time.sleep(HEALTHY_S)
            clock.step(0)  # and back, while it runs
            time.sleep(HEALTHY_S)
            clock.step(HOUR_S)
            time.sleep(HEALTHY_S)
            clock.step(0)
            time.sleep(HEALTHY_S)
            assert [post.what for post in told.posts] == []
            assert told.letters == []
            assert get(f"{api}/incidents")["incidents"] == []
            gaps = {node["name"]: widest_gap_s(api, node["id"], began_s) for node in all_up(api) or []}
    print(f"widest gap in s, of {time.time() - began_s:.0f} s: {gaps}")
    assert len(gaps) == 4
    assert max(gaps.values()) < GAP_S


def all_up(api: str) -> list[dict[str, str]] | None:
    nodes: list[dict[str, str]] = get(f"{api}/nodes")["nodes"]
    return nodes if [node["state"] for node in nodes] == ["up"] * 4 else None


def widest_gap_s(api: str, node_id: str, began_s: float) -> float:
    """Between two samples of the node, from the beginning until now, both by the machine's own clock."""
    window = f"from_ms={int(began_s * 1000)}&to_ms={int(time.time() * 1000)}"
    series = get(f"{api}/nodes/{node_id}/series?names=pos.committed_height&points=2000&{window}")
    seen: list[float] = [
        at for at, value in zip(series["times"], series["mean"][0], strict=True) if value is not None
    ]
    ends = [began_s, *seen, time.time()]
    return max(later - earlier for earlier, later in itertools.pairwise(ends))
