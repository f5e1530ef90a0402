"""Ten minutes without a server, twenty agents, one killed meanwhile: nothing is lost, and nobody is told.

Thirteen minutes; the agents are real processes beside two of four real validators. The killed one misses what
it could not see until a service manager starts it again; nothing else is missing. OUTAGE_S shortens it.
"""

import itertools
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.proof.test_outage import command
from tests.whole.outside import Receivers, free_port, get, until
from vedette.devnet.demo import Plan, write_settings
from vedette.devnet.net import Devnet

pytestmark = [pytest.mark.proof, pytest.mark.real]

AGENTS, KILLED = 20, 7
OUTAGE_S = int(os.environ.get("OUTAGE_S", "600"))
HEALTHY_S = 40
RESTART_S = 5  # as the agent's unit says
GAP_S = 11  # two rounds of five seconds and some
DRAIN_S = 90


class Agents:
    """Twenty processes, each with a folder of its own."""

    def __init__(self, plan: Plan, net: Devnet) -> None:
        self._plan, self._net = plan, net
        self.running = [self._start(number) for number in range(AGENTS)]

    def folder(self, number: int) -> Path:
        return self._plan.dir / "agents" / str(number)

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        node = self._net.nodes[number % 2]
        options = {
            "--server": self._plan.page_url,
            "--token-file": self._plan.token_file,
            "--node": node.urls.local,
            "--name": f"n{number:02}",
            "--dir": self.folder(number),
            "--planned-stop-file": node.planned_stop_file,
        }
        words = [str(word) for option in options.items() for word in option]
        with (self._plan.dir / f"agent{number}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "vedette.cli", "agent", "run", *words], stdout=log, stderr=log
            )

    def kill_and_start_again(self, number: int) -> None:
        self.running[number].kill()
        self.running[number].wait()
        time.sleep(RESTART_S)
        self.running[number] = self._start(number)

    def end(self) -> None:
        for process in self.running:
            process.send_signal(signal.SIGTERM)
        for process in self.running:
            process.wait(30)

    def given(self, number: int) -> tuple[str, int, int]:
        """Of an agent's queue: its name, the last number given, and how many reports went undelivered."""
        with closing(sqlite3.connect(self.folder(number) / "spool.db")) as db:
            spool, given, dropped, thinned = db.execute(
                "SELECT spool, given_seq, dropped_count, thinned_count FROM facts"
            ).fetchone()
        return spool, given, dropped + thinned

    def waiting(self) -> int:
        waiting = 0
        for number in range(AGENTS):
            with closing(sqlite3.connect(self.folder(number) / "spool.db")) as db:
                waiting += db.execute("SELECT count(*) FROM reports").fetchone()[0]
        return waiting


def test_twenty_agents_outlive_an_outage_and_one_its_own_death(
    net: Devnet, told: Receivers, tmp_path: Path
) -> None:
    plan = Plan(tmp_path, free_port(), None, told.webhook_url, told.mail_url)
    write_settings(plan, net)
    api, serve = f"{plan.page_url}/api/v1", ("serve", "--config", str(tmp_path / "server.toml"))
    with ExitStack() as stack:
        with command(tmp_path / "server.log", *serve):
            until(lambda: get(f"{api}/nodes"), 60, "the server")
            agents = Agents(plan, net)
            stack.callback(agents.end)
            until(lambda: up(api), 120, "twenty nodes up")
            began_s = time.time()
            time.sleep(HEALTHY_S)
        time.sleep(OUTAGE_S / 2)
        agents.kill_and_start_again(KILLED)
        time.sleep(OUTAGE_S / 2 - RESTART_S)
        waited = agents.waiting()
        with command(tmp_path / "server.log", *serve):
            returned_s = time.time()
            until(lambda: agents.waiting() <= 2 * AGENTS, DRAIN_S, "the queues drained")
            drained_s = time.time() - returned_s
            until(lambda: up(api), 60, "twenty nodes up again")
            time.sleep(HEALTHY_S)
            gaps = [widest_gap_s(api, node["id"], began_s) for node in up(api) or []]
            incidents = get(f"{api}/incidents")["incidents"]
            agents.end()
            stack.pop_all()
            time.sleep(1)
    print(f"{waited} reports waited, delivered within {drained_s:.0f} s; widest gaps {sorted(gaps)[-3:]} s")
    assert (told.posts, told.letters, incidents) == ([], [], [])
    assert waited > AGENTS * OUTAGE_S / 5 * 0.8
    assert sorted(gaps)[-2] < GAP_S
    assert max(gaps) < GAP_S + RESTART_S + 10  # the killed one, and its start
    assert_each_is_there_once(tmp_path / "vedette.db", agents)


def up(api: str) -> Sequence[dict[str, str]] | None:
    nodes: list[dict[str, str]] = get(f"{api}/nodes")["nodes"]
    return nodes if [node["state"] for node in nodes] == ["up"] * AGENTS else None


def widest_gap_s(api: str, node_id: str, began_s: float) -> float:
    window = f"from_ms={int(began_s * 1000)}&to_ms={int(time.time() * 1000)}"
    series = get(f"{api}/nodes/{node_id}/series?names=agent.rss_bytes&points=2000&{window}")
    seen: list[float] = [
        at for at, value in zip(series["times"], series["mean"][0], strict=True) if value is not None
    ]
    ends = [began_s, *seen, time.time()]
    return max(later - earlier for earlier, later in itertools.pairwise(ends))


def assert_each_is_there_once(path: Path, agents: Agents) -> None:
    """What the agents' queues gave out, and what the server's database holds."""
    with closing(sqlite3.connect(path)) as db:
        kept = dict(db.execute("SELECT spool, acknowledged_seq FROM spools"))
        (gaps,) = db.execute("SELECT sum(gap_count) FROM spools").fetchone()
        (samples,) = db.execute(
            "SELECT (SELECT count(*) FROM hot) + (SELECT coalesce(sum(sample_count), 0) FROM chunks)"
        ).fetchone()
    undelivered = 0
    for number in range(AGENTS):
        spool, given, lost = agents.given(number)
        assert lost == 0
        assert given - kept[spool] <= 1  # what was seen in the moment of the end
        undelivered += given - kept[spool]
    assert (len(kept), gaps) == (AGENTS, 0)
    print(f"{samples} samples, {sum(kept.values())} reports acknowledged, {undelivered} still on disk")
    assert samples == sum(kept.values())
