"""What the agent costs beside a node: memory and CPU, and the same of a peer that looks at the host alone.

Real validators, a server, and one agent beside a validator, at its usual interval and enrolled as an operator
does it. prometheus-node-exporter runs beside it and is scraped as often, the way Prometheus would. Both are
read from /proc after SETTLE_S seconds, over SECONDS. Without the Debian package the peer's figures are null.
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.machine import cpu_seconds, print_figures, rss_mb, running, wait_for

NODES = os.environ.get("NODES", "4")
SECONDS = int(os.environ.get("SECONDS", "300"))
SETTLE_S = int(os.environ.get("SETTLE_S", "60"))
SCRAPE_S = 10
PORT, PEER_PORT = 18436, 18437
URL, PEER_URL = f"http://127.0.0.1:{PORT}", f"http://127.0.0.1:{PEER_PORT}/metrics"


def vedette(*arguments: str) -> str:
    command = [sys.executable, "-m", "vedette.cli", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextmanager
def devnet(folder: Path) -> Iterator[list[dict[str, Any]]]:
    """Real validators, each as `devnet status` describes it."""
    where = ("--dir", str(folder / "devnet"))
    vedette("devnet", "up", "--nodes", NODES, *where)
    try:
        yield json.loads(vedette("devnet", "status", "--json", *where))
    finally:
        vedette("devnet", "down", *where)


@contextmanager
def server(folder: Path, endpoint: str) -> Iterator[str]:
    """A server, and the token that lets an agent in."""
    token, config, log = secrets.token_hex(16), folder / "server.toml", folder / "server.log"
    config.write_text(
        f'database = "{folder}/vedette.db"\ningest_token = "{token}"\n[server]\nport = {PORT}\n'
        f'[[endpoints]]\nname = "own"\nurl = "{endpoint}"\n'
    )
    with running(["serve", "--config", str(config)], log) as process:
        wait_for(f"{URL}/healthz", process, log)
        yield token


@contextmanager
def agent(folder: Path, token: str, node: dict[str, Any]) -> Iterator[int]:
    where = ("--dir", str(folder / "agent"))
    vedette("agent", "enroll", URL, token, "--name", "measured", "--node", node["local_url"], *where)
    with running(["agent", "run", *where], folder / "agent.log") as process:
        yield process.pid


@contextmanager
def peer(folder: Path) -> Iterator[int | None]:
    """prometheus-node-exporter, if this machine has it."""
    program = shutil.which("prometheus-node-exporter")
    if program is None:
        yield None
        return
    log = folder / "peer.log"
    command = [program, f"--web.listen-address=127.0.0.1:{PEER_PORT}"]
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            wait_for(PEER_URL, process, log)
            yield process.pid
        finally:
            process.terminate()


def live(seconds: int, scraped: bool) -> None:
    """Let time pass; the peer is asked as often as the agent looks."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if scraped:
            with urllib.request.urlopen(PEER_URL, timeout=5) as reply:
                reply.read()
        time.sleep(min(SCRAPE_S, left))


def costs(pids: Sequence[int | None]) -> list[tuple[float, float] | None]:
    """Memory in MB and CPU in percent of a core, of each process that there is."""
    live(SETTLE_S, pids[-1] is not None)
    before = [None if pid is None else cpu_seconds(pid) for pid in pids]
    live(SECONDS, pids[-1] is not None)
    return [
        None if pid is None or used is None else (rss_mb(pid), 100 * (cpu_seconds(pid) - used) / SECONDS)
        for pid, used in zip(pids, before, strict=True)
    ]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        nodes = stack.enter_context(devnet(folder))
        token = stack.enter_context(server(folder, nodes[0]["public_url"]))
        ours = stack.enter_context(agent(folder, token, nodes[1]))
        theirs = stack.enter_context(peer(folder))
        found = costs([ours, theirs])
    figures: dict[str, float | None] = {}
    for who, cost in zip(("", "node_exporter_"), found, strict=True):
        figures[f"{who}rss_mb"] = None if cost is None else round(cost[0], 1)
        figures[f"{who}cpu_percent"] = None if cost is None else round(cost[1], 2)
    print_figures(figures | {"seconds": SECONDS})


if __name__ == "__main__":
    main()
