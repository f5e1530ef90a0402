"""What it costs the server to hear 5,000 agents: unique, signed reports of real size.

Three loads, one after the other, against one server process on SQLite: single posts at 500 a second; a
backlog in batches of 60 reports (ten minutes of a node) as fast as it goes; single posts as fast as they go.
Each node's ten minutes are sealed into a chunk once, so that during the first load as many must be sealed as
fall due in that time: so many nodes bring theirs beforehand. CPU and memory are read from /proc.
AGENTS, SECONDS and PEAK_SECONDS in the environment shorten it.
"""

import asyncio
import base64
import os
import random
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import aiohttp
import msgspec
import uvloop
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.machine import cpu_seconds, percentile, print_figures, rss_mb, running, wait_for
from vedette.model.report import PROTOCOL, Ack, Enrolment, Envelope, Live, Report

AGENTS = int(os.environ.get("AGENTS", "5000"))
SECONDS = int(os.environ.get("SECONDS", "90"))
PEAK_SECONDS = int(os.environ.get("PEAK_SECONDS", "10"))
EPOCH_MS, BLOCK_MS = 1_200, 31_000
VOTERS = 300  # as many validators as mainnet has; the other nodes carry no key
INTERVAL_MS = 10_000
BATCH = 60  # reports of an agent in a window that is sealed as one
SENDERS, SENDERS_AT_PEAK = 64, 1_000
PORT = 18431
URL = f"http://127.0.0.1:{PORT}"
TOKEN = "bench-" + secrets.token_hex(16)

COUNTERS = [f"pow.{name}_epoch" for name in ("latest", "state", "confirmed", "finalized", "checkpoint")] + [
    "pow.block_number", "pos.epoch", "pos.committed_height", "pos.voted_height", "pos.pivot_height",
]  # fmt: skip
GAUGES = [
    "pow.pending_tx_count", "pow.execution_lag_epochs", "peers.all_count", "peers.outgoing_count",
    "host.memory.used_bytes", "host.memory.total_bytes", "host.disk.used_bytes", "host.disk.total_bytes",
    "process.rss_bytes", "process.open_files_count", "process.up_seconds", "process.running",
    "agent.rss_bytes", "agent.spool.waiting_count", "agent.spool.dropped_count", "agent.round_ms",
]  # fmt: skip
RATIOS = ["host.cpu.used_ratio", "host.load_1m", "host.disk.used_ratio", "process.cpu.used_cores"]
PROBES = [
    f"probe.{name}.ms" for name in ("pow", "pos", "phase", "peers", "voting", "version", "host", "process")
]
HEALTHY = {
    "pow.execution_lag_epochs": 5.0,
    "pow.still_seconds": 1.0,
    "pos.still_seconds": 20.0,
    "peers.all_count": 40.0,
    "peers.outgoing_count": 8.0,
    "host.memory.used_bytes": 2e10,
    "host.memory.total_bytes": 6.4e10,
    "host.disk.used_bytes": 5e11,
    "host.disk.total_bytes": 2e12,
    "host.disk.used_ratio": 0.25,
    "process.rss_bytes": 8e9,
    "process.up_seconds": 9e5,
    "process.running": 1,
}
"""Nobody is to be told of anything: thousands of incidents are another measurement."""
STATES = {
    "node.version": "conflux-rust/v3.0.2-fd68efe-20260110/x86_64-linux-gnu/rustc1.86.0",
    "node.sync_phase": "NormalSyncPhase",
    "node.voting": "true",
    "process.state": "running",
    "agent.version": "0.0.1",
    "host.os": "Linux 6.1.0",
}

_encode = msgspec.msgpack.Encoder().encode
_compress = zstandard.ZstdCompressor(level=3).compress


@dataclass
class Agent:
    """A simulated agent with a key, a spool and numbers of its own."""

    key: Ed25519PrivateKey
    is_voter: bool = False
    seq: int = 0
    spool: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def public(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    @property
    def id(self) -> str:
        return sha256(self.public).hexdigest()[:32]

    def numbers(self, at_ms: int) -> dict[str, int | float]:
        counted = {
            name: at_ms // (BLOCK_MS if name.startswith("pos.") else EPOCH_MS) for name in COUNTERS
        }  # all follow one chain
        gauged = {name: random.randrange(10**3, 10**9) for name in GAUGES if name not in HEALTHY}
        shares = {name: round(random.random(), 4) for name in RATIOS if name not in HEALTHY}
        timed = {name: round(random.random() * 9, 2) for name in PROBES}
        well = {name: round(usual * (1 - random.random() / 50), 4) for name, usual in HEALTHY.items()}
        return counted | gauged | shares | timed | well | {"process.running": 1}  # whole, unlike the others

    def report(self, at_ms: int) -> Report:
        self.seq += 1
        states = STATES | ({"node.pos_address": "0x" + self.public.hex()} if self.is_voter else {})
        return Report(seq=self.seq, at_ms=at_ms, numbers=self.numbers(at_ms), states=states)

    def post(self, reports: list[Report], now_ms: int) -> tuple[bytes, dict[str, str]]:
        last = reports[-1]
        live = Live(at_ms=now_ms, numbers=last.numbers, states=last.states)
        envelope = Envelope(PROTOCOL, self.id, self.spool, now_ms, INTERVAL_MS, live, reports)
        body = _compress(_encode(envelope))
        return body, {
            "Vedette-Agent": self.id,
            "Vedette-Signature": base64.b64encode(self.key.sign(body)).decode(),
            "Content-Type": "application/x-msgpack",
            "Content-Encoding": "zstd",
        }


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def enrol(http: aiohttp.ClientSession, agent: Agent, number: int) -> None:
    body = msgspec.json.encode(Enrolment(agent.public.hex(), f"node-{number:04}", "full"))
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    async with http.post(f"{URL}/api/v1/agents", data=body, headers=headers) as reply:
        assert reply.status < 300, await reply.text()


async def send(http: aiohttp.ClientSession, body: bytes, headers: dict[str, str]) -> float:
    """Post, check the acknowledgement, and return how long it took in ms."""
    began = time.perf_counter()
    async with http.post(f"{URL}/api/v1/reports", data=body, headers=headers) as reply:
        answer = await reply.read()
        assert reply.status == 200, (reply.status, answer)
    assert msgspec.msgpack.decode(answer, type=Ack).acknowledged_seq > 0
    return (time.perf_counter() - began) * 1000


async def in_parallel(jobs: Iterable[Callable[[], Awaitable[object]]], senders: int = SENDERS) -> None:
    """Run jobs, so many at a time."""
    todo = iter(jobs)

    async def work() -> None:
        for job in todo:
            await job()

    await asyncio.gather(*(work() for _ in range(senders)))


async def backlog(http: aiohttp.ClientSession, agents: list[Agent]) -> float:
    """Ten minutes of every node, in batches; reports a second, the making of the bodies not counted."""
    start_ms = (now_ms() // 600_000 - 2) * 600_000  # a window that is over, so that it will be sealed
    spent = 0.0
    for i in range(0, len(agents), 500):
        part = agents[i : i + 500]
        bodies = [
            agent.post([agent.report(start_ms + n * INTERVAL_MS) for n in range(BATCH)], now_ms())
            for agent in part
        ]
        began = time.perf_counter()
        await in_parallel([lambda b=b: send(http, *b) for b in bodies])  # type: ignore[misc]  # lambda default
        spent += time.perf_counter() - began
    return len(agents) * BATCH / spent


async def steadily(http: aiohttp.ClientSession, agents: list[Agent], seconds: int) -> list[float]:
    """Each agent posts once per interval, spread evenly; latencies in ms."""
    pace = INTERVAL_MS / 1000 / len(agents)
    began, latencies, tasks = time.perf_counter(), [], set[asyncio.Task[None]]()

    async def one(agent: Agent) -> None:
        latencies.append(await send(http, *agent.post([agent.report(now_ms())], now_ms())))

    for n in range(int(seconds / pace)):
        delay = began + n * pace - time.perf_counter()
        if delay > 0:
            await asyncio.sleep(delay)
        task = asyncio.create_task(one(agents[n % len(agents)]))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    return latencies


async def at_full_speed(http: aiohttp.ClientSession, agents: list[Agent], seconds: int) -> float:
    """Single posts, signed beforehand, as fast as the server takes them; posts a second."""
    bodies = [agent.post([agent.report(now_ms())], now_ms()) for _ in range(3) for agent in agents]
    began, count = time.perf_counter(), 0

    async def one(body: bytes, headers: dict[str, str]) -> None:
        nonlocal count
        if time.perf_counter() - began < seconds:
            await send(http, body, headers)
            count += 1

    jobs = [lambda b=b: one(*b) for b in bodies]
    await in_parallel(jobs, SENDERS_AT_PEAK)
    return count / (time.perf_counter() - began)


@asynccontextmanager
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0)  # agents do not wait for one another
    async with aiohttp.ClientSession(connector=connector, trust_env=False) as http:
        yield http


async def measure(pid: int) -> dict[str, float | None]:
    agents = [Agent(Ed25519PrivateKey.generate(), number < VOTERS) for number in range(AGENTS)]
    async with client() as http:
        await in_parallel([lambda a=a, n=n: enrol(http, a, n) for n, a in enumerate(agents)])  # type: ignore[misc]  # lambda default
        due = round(len(agents) * min(SECONDS * 1000 / (BATCH * INTERVAL_MS), 0.9))
        await backlog(http, agents[:due])
        cpu, began = cpu_seconds(pid), time.perf_counter()
        latencies = await steadily(http, agents, SECONDS)
        cores = (cpu_seconds(pid) - cpu) / (time.perf_counter() - began)
        rss = rss_mb(pid)
        batched = await backlog(http, agents[due:])
        singles = await at_full_speed(http, agents, PEAK_SECONDS)
    return {
        f"cpu_cores_at_{len(agents) * 1000 // INTERVAL_MS}_per_s": round(cores, 3),
        "peak_reports_per_s": round(batched),
        "peak_single_posts_per_s": round(singles),
        "p50_ms": round(percentile(latencies, 0.5) or 0, 2),
        "p99_ms": round(percentile(latencies, 0.99) or 0, 2),
        "rss_mb": round(rss, 1),
        "rss_after_peak_mb": round(rss_mb(pid), 1),
    }


def settings(folder: Path) -> Path:
    path = folder / "server.toml"
    path.write_text(
        f'database = "{folder}/vedette.db"\ningest_token = "{TOKEN}"\n'
        f'[server]\nhost = "127.0.0.1"\nport = {PORT}\n'
        "[limits]\nper_minute = 0\n"  # all agents enrol from this one address
    )
    return path


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as name:
        folder = Path(name)
        log = folder / "server.log"
        with running(["serve", "--config", str(settings(folder))], log) as server:
            wait_for(f"{URL}/healthz", server, log)
            figures = uvloop.run(measure(server.pid))
            database = sum(f.stat().st_size for f in folder.glob("vedette.db*")) / 1e6
    print_figures(figures | {"database_mb": round(database, 1), "agents": AGENTS, "seconds": SECONDS})


if __name__ == "__main__":
    main()
