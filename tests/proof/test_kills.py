"""The server is killed a hundred times while incidents open and end: every one is told, and none stays open.

Some eight minutes. Agents made up here tell a real server of deaths and returns, over HTTP; a webhook keeps
what it is told. A message that was being sent when the server died may come a second time, under the same
key: at most one a kill. KILLS_SEED and KILLS_ROUNDS in the environment make it another run, or a short one.
"""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.server.stage import TOKEN, Agent
from tests.whole.outside import NOT_YET, Receivers, free_port, get, receivers, until

pytestmark = pytest.mark.proof

SEED = int(os.environ.get("KILLS_SEED", "11"))
ROUNDS = int(os.environ.get("KILLS_ROUNDS", "100"))
NODES = 400
DEAD_MAX = 40
LONG_MS = 600_000
TOLD_WITHIN_S = 120.0


@dataclass
class Scene:
    """The server's process, whichever it is just now, and the agents that tell it of themselves."""

    folder: Path
    port: int
    rng: random.Random
    agents: list[Agent]
    dead: list[Agent] = field(default_factory=list)
    fresh: list[Agent] = field(default_factory=list)
    deaths: int = 0
    server: subprocess.Popen[bytes] | None = None
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "vedette.cli", "serve", "--config", str(self.folder / "server.toml")]
        with (self.folder / "server.log").open("ab") as log:
            self.server = subprocess.Popen(command, stdout=log, stderr=log)
        until(lambda: get(f"{self.url}/api/v1/network") is not None, 60, "the server answers")

    def kill(self) -> None:
        assert self.server is not None
        self.server.send_signal(signal.SIGKILL)
        self.server.wait()

    def tell(self) -> None:
        """Until it is over: a node dies, or one that is dead returns, some twenty times a second."""
        while not self.over.wait(self.rng.uniform(0.0, 0.1)):
            if self.fresh and len(self.dead) < DEAD_MAX and self.rng.random() < 0.5:
                agent = self.fresh.pop()
                self.post(agent, "gone")
                self.dead.append(agent)
                self.deaths += 1
            elif self.dead:
                self.post(self.dead.pop(0), "running")

    def post(self, agent: Agent, state: str) -> None:
        """Tell it, again and again until the server has taken it: so does a real agent."""
        while True:
            now_ms = time.time_ns() // 1_000_000
            died_at_ms = now_ms if state == "gone" else None
            told = agent.envelope(now_ms, states={"process.state": state}, died_at_ms=died_at_ms)
            body, headers = agent.post(told)
            with suppress(*NOT_YET):
                self.send("/api/v1/reports", body, {**headers, "Content-Type": "application/msgpack"})
                return
            agent.seq -= 1
            time.sleep(0.05)

    def send(self, path: str, body: bytes, headers: dict[str, str]) -> None:
        request = urllib.request.Request(self.url + path, body, headers, method="POST")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=10):
                return
        except urllib.error.HTTPError as error:
            if error.code in {429, 503}:
                raise ConnectionError("the server is busy") from error
            raise AssertionError(f"refused: {error.code} {error.read()!r}") from error


@contextmanager
def scene(folder: Path, told: Receivers) -> Iterator[Scene]:
    port = free_port()
    (folder / "server.toml").write_text(
        f'database = "vedette.db"\ningest_token = "{TOKEN}"\n'
        f'webhooks = [{{ name = "hook", url = "{told.webhook_url}" }}]\n'
        f"[server]\nport = {port}\n[limits]\nper_minute = 0\n"
        "[alerts.rules.storm]\nis_on = false\n"  # each death is to be told by itself
    )
    rng = random.Random(SEED)
    agents = [Agent(f"n{place}", interval_ms=LONG_MS) for place in range(NODES)]
    found = Scene(folder, port, rng, agents, fresh=list(agents))
    found.start()
    try:
        yield found
    finally:
        found.over.set()
        if found.server is not None:
            found.server.kill()
            found.server.wait()


def test_a_hundred_kills_lose_no_incident_and_leave_none_open(tmp_path: Path) -> None:
    with receivers() as told, scene(tmp_path, told) as on:
        for agent in on.agents:
            on.send(
                "/api/v1/agents",
                agent.enrolment(),
                {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
            )
            on.post(agent, "running")
        teller = threading.Thread(target=on.tell, daemon=True)
        teller.start()
        for _ in range(ROUNDS):
            time.sleep(on.rng.uniform(0.2, 2.5))
            on.kill()
            on.start()
            if not on.fresh:
                on.fresh = [agent for agent in on.agents if agent not in on.dead]
        on.over.set()
        teller.join(60)
        while on.dead:
            on.post(on.dead.pop(), "running")
        kept = _settled(on, told)
    _accounted(kept, told, on)


Kept = list[tuple[int, str, int, int | None, int | None]]
"""Of each incident: id, rule, how often told, when told first, when it ended."""


def _settled(on: Scene, told: Receivers) -> Kept:
    """Every incident, once none is open and no message waits. What flaps needs its calm first."""

    def quiet() -> bool:
        with sqlite3.connect(f"file:{on.folder / 'vedette.db'}?mode=ro", uri=True) as conn:
            query = (
                "select (select count(*) from incidents where resolved_at_ms is null)"
                " + (select count(*) from outbox where state = 'waiting')"
            )
            return int(conn.execute(query).fetchone()[0]) == 0

    until(quiet, TOLD_WITHIN_S + 11 * 60, f"all told and all over ({len(told.posts)} posts)")
    with sqlite3.connect(f"file:{on.folder / 'vedette.db'}?mode=ro", uri=True) as conn:
        query = "select id, rule, told_count, told_at_ms, resolved_at_ms from incidents"
        return list(conn.execute(query))


def _accounted(kept: Kept, told: Receivers, on: Scene) -> None:
    keys = Counter(post.key for post in told.posts)
    twice = sum(count - 1 for count in keys.values())
    opened = {post.message["incident"]["id"] for post in told.posts if post.message["reason"] == "opened"}
    ended = {post.message["incident"]["id"] for post in told.posts if post.message["reason"] == "resolved"}
    known = {number for number, *_ in kept}
    print(
        f"{ROUNDS} kills, {on.deaths} deaths, {len(kept)} incidents, {len(told.posts)} messages,"
        f" {twice} came twice under their key"
    )
    assert len(known) > ROUNDS / 2, "hardly anything happened"
    assert opened == known, "an incident was not told"
    assert ended == known, "an end was not told"
    assert max(keys.values()) <= 2
    assert twice <= ROUNDS
    by_kind = Counter((post.message["incident"]["id"], post.message["reason"]) for post in told.posts)
    again = [kind for kind, count in by_kind.items() if count > 1 and kind[1] in {"opened", "resolved"}]
    assert len(again) == twice, "something was told anew under another key"
