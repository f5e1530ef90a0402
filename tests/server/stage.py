"""What the tests of the server share: a clock to set by hand, an agent, a house, a served house."""

import asyncio
import atexit
import base64
import hashlib
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vedette.model.clock import Clock, MachineClock
from vedette.model.report import PROTOCOL, Ack, Enrolment, Envelope, Live, Report
from vedette.notify.channels import Channel
from vedette.notify.text import Message
from vedette.server import house as houses
from vedette.server.app import WebServer, bind
from vedette.server.ears import Ears
from vedette.server.house import House, opened
from vedette.server.problems import ProblemError
from vedette.server.settings import AccountSetting, Settings
from vedette.store.database import Database

TOKEN = "enrol-me-enrol-me-enrol-me"
READ_TOKEN = "let-me-read-let-me-read"
CHEAP = AccountSetting(password_memory_kib=32, password_rounds=1)
"""A password's hash costs a tenth of a millisecond."""
START_MS = 1_800_000_000_000


class HandClock:
    """Two clocks that move only by hand; sleeping takes real time, so that loops stay loops."""

    def __init__(self) -> None:
        self.wall = START_MS
        self.steady = 5_000_000

    def now_ms(self) -> int:
        return self.wall

    def steady_ms(self) -> int:
        return self.steady

    async def sleep_ms(self, duration_ms: int) -> None:
        await asyncio.sleep(duration_ms / 1000)

    def pass_ms(self, ms: int) -> None:
        self.wall += ms
        self.steady += ms

    def step_ms(self, ms: int) -> None:
        """Somebody sets the machine's clock."""
        self.wall += ms


@dataclass
class Agent:
    """An agent with a key and a spool, in memory."""

    name: str = "n1"
    interval_ms: int = 5_000
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    spool: str = field(default_factory=lambda: secrets.token_hex(16))
    seq: int = 0
    states: dict[str, str] = field(default_factory=dict)  # told with every report

    @property
    def public(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    @property
    def id(self) -> str:
        return hashlib.sha256(self.public).hexdigest()[:32]

    @property
    def node_id(self) -> str:
        return self.id[:16]

    def enrolment(self) -> bytes:
        return msgspec.json.encode(Enrolment(self.public.hex(), self.name))

    def envelope(self, now_ms: int, **live: Any) -> Envelope:
        """One more report, and the live state."""
        self.seq += 1
        states = {"process.state": "running", **self.states, **live.pop("states", {})}
        numbers = {"pos.epoch": 7, "host.cpu.used_ratio": 0.25, **live.pop("numbers", {})}
        report = Report(seq=self.seq, at_ms=now_ms, numbers=dict(numbers), states=states)
        told = Live(at_ms=now_ms, numbers=dict(numbers), states=states, **live)
        return Envelope(PROTOCOL, self.id, self.spool, now_ms, self.interval_ms, told, [report])

    def died(self, now_ms: int) -> Envelope:
        """The node's death, told alone: no report is taken from the spool for it."""
        told = self.envelope(now_ms, states={"process.state": "gone"}, died_at_ms=now_ms)
        self.seq -= 1
        return replace_live(told, [])

    def post(self, envelope: Any) -> tuple[bytes, dict[str, str]]:
        return self.sign(zstandard.compress(msgspec.msgpack.encode(envelope)))

    def sign(self, body: bytes) -> tuple[bytes, dict[str, str]]:
        signature = base64.b64encode(self.key.sign(body)).decode()
        return body, {"Vedette-Agent": self.id, "Vedette-Signature": signature}


def replace_live(envelope: Envelope, reports: list[Report]) -> Envelope:
    return msgspec.structs.replace(envelope, reports=reports)


def raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI carries them."""
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def receiver(*parts: bytes) -> Callable[[], Any]:
    """A request's body, part by part."""
    waiting = list(parts)

    async def receive() -> dict[str, Any]:
        part = waiting.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    return receive


async def enrol(house: House, agent: Agent) -> None:
    await house.ingest.enrol(raw(bearer(TOKEN)), agent.enrolment())


async def hear(house: House, body: bytes, headers: Mapping[str, str]) -> Ack:
    answer = await house.ingest.hear(raw(headers), receiver(body))
    return msgspec.msgpack.decode(answer, type=Ack)


async def refusal(house: House, body: bytes, headers: Mapping[str, str]) -> ProblemError:
    """How the server refuses this delivery."""
    try:
        await hear(house, body, headers)
    except ProblemError as problem:
        return problem
    raise AssertionError("it was taken")


class Letterbox:
    """A channel that keeps what it was sent, and fails as it is told to."""

    def __init__(self, name: str = "box") -> None:
        self.name = name
        self.messages: list[Message] = []
        self.failures: list[Exception] = []
        self.slow = asyncio.Event()
        self.slow.set()

    async def send(self, message: Message) -> None:
        await self.slow.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.messages.append(message)

    async def close(self) -> None:
        pass

    @property
    def keys(self) -> list[str]:
        return [message.key for message in self.messages]


def settings(tmp_path: Path, **other: Any) -> Settings:
    usual = Settings(
        database=str(tmp_path / "vedette.db"),
        port=0,
        ingest_token=TOKEN,
        read_token=READ_TOKEN,
        accounts=CHEAP,
        key_file=tmp_path / "secret-keys",
    )
    return replace(usual, **other)


@cache
def _template() -> Path:
    return Path(tempfile.mkdtemp(prefix="vedette-template-")) / "fresh.db"


def _is_wanted(database: str) -> bool:
    return "://" not in database and not Path(database).exists()


async def _prepared(database: str) -> None:
    """Put a fresh file there, unless there is one: to copy one is quicker than to migrate one."""
    if not _is_wanted(database):
        return
    if not _template().exists():
        await (await Database.open(str(_template()))).close()
        atexit.register(shutil.rmtree, _template().parent, ignore_errors=True)
    shutil.copy(_template(), database)


@asynccontextmanager
async def quiet_house(
    given: Settings, clock: Clock, boxes: Mapping[str, Channel] | None = None
) -> AsyncIterator[House]:
    """A house that hears, and whose other loops are turned by hand."""
    await _prepared(given.database)
    database = await Database.open(given.database)
    ears = Ears(clock, database)
    await ears.wake()
    house = houses.build(given, clock, database, ears, dict(boxes or {}), TOKEN)
    batcher = asyncio.create_task(house.batcher.run())
    try:
        yield house
    finally:
        batcher.cancel()
        with suppress(asyncio.CancelledError):
            await batcher
        await database.close()


@asynccontextmanager
async def served(given: Settings, clock: Clock | None = None) -> AsyncIterator[tuple[House, str]]:
    """The whole server on a port of its own, in this process."""
    await _prepared(given.database)
    listener = bind("127.0.0.1", 0)
    async with opened(given, clock or MachineClock()) as house:
        server = WebServer(house)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        await until(lambda: server.started)
        try:
            yield house, f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.stop()
            await task


@asynccontextmanager
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(trust_env=False) as http:
        yield http


async def until(true: Callable[[], Any], timeout_s: float = 30) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(timeout_s):
        while not true():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.02)
