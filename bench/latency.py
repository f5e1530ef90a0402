"""From `kill -9` of a real validator to the message in a webhook's hands.

The demo runs whole: four validators with one-second rounds, four agents, one server. Three of them are killed
in turn, twice each: what comes back a third time is called flapping, and told no more. Each time the killed
one is started again and must be resolved before the next. Every other message is a false alarm.
"""

import json
import os
import queue
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench.machine import percentile, print_figures, running, wait_for

VICTIMS = (3, 2, 1) * 2  # none of them mines
PORT = 18432
URL = f"http://127.0.0.1:{PORT}"
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Told:
    """One message, and when it was in our hands."""

    at_s: float
    reason: str
    rule: str
    subject: str


@contextmanager
def webhook() -> Iterator[tuple[str, "queue.Queue[Told]"]]:
    """A receiver on loopback: its URL and what it was told."""
    told: queue.Queue[Told] = queue.Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            at_s = time.monotonic()
            message: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            incident = message["incident"]
            told.put(Told(at_s, message["reason"], incident["rule"], incident["subject"]["name"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", told
    finally:
        server.shutdown()


def devnet(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "vedette.cli", "devnet", *arguments, "--dir", str(folder / "devnet")]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def pid_of(folder: Path, index: int) -> int:
    nodes: list[dict[str, Any]] = json.loads(devnet(folder, "status", "--json"))
    return int(nodes[index]["pid"])


def wait_told(told: "queue.Queue[Told]", reason: str, others: list[Told]) -> Told:
    """The next message about a dead node with this reason; any other is put with the others."""
    end = time.monotonic() + PATIENCE_S
    while True:
        message = told.get(timeout=max(0.01, end - time.monotonic()))
        if message.rule == "node_down" and message.reason == reason:
            return message
        others.append(message)


def one_round(folder: Path, victim: int, told: "queue.Queue[Told]", others: list[Told]) -> float:
    """Kill, hear, start, hear: seconds from the signal to the message."""
    pid = pid_of(folder, victim)
    time.sleep(random.random() * 5)  # anywhere between two rounds of the agent's probes
    killed_s = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    spoken = wait_told(told, "opened", others)
    devnet(folder, "start", str(victim))
    wait_told(told, "resolved", others)
    time.sleep(10)  # it signs again, and whoever wants to complain of it may
    return spoken.at_s - killed_s


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as name, webhook() as (url, told):
        folder, log = Path(name), Path(name) / "demo.log"
        arguments = ["demo", "--port", str(PORT), "--dir", name, "--webhook", url]
        others: list[Told] = []
        with running(arguments, log) as demo:
            wait_for(f"{URL}/readyz", demo, log, timeout_s=180)
            time.sleep(20)  # a healthy while first: an alarm in it is false
            seconds = [one_round(folder, victim, told, others) for victim in VICTIMS]
        while not told.empty():
            others.append(told.get())
    print_figures(
        {
            "told_p50_s": round(percentile(seconds, 0.5) or 0, 2),
            "told_p95_s": round(percentile(seconds, 0.95) or 0, 2),
            "told_max_s": round(max(seconds), 2),
            "false_alarms": len(others),
            "rounds": len(VICTIMS),
        }
    )
    for other in others:
        print(f"false alarm: {other}", file=sys.stderr)


if __name__ == "__main__":
    main()
