"""A Vedette server and a node, as an agent meets them: real HTTP on loopback, behaviour by order.

python -m tests.agent.stand_ins PORT   is a healthy node in a process of its own, to be killed.
"""

import base64
import hashlib
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from vedette.model.report import ENVELOPE_BYTES_MAX, Ack, Enrolment, Envelope, Report

TOKEN = "a-token"
NODE_ANSWERS: dict[str, Any] = {
    "cfx_getStatus": {
        "bestHash": "0x" + "1b" * 32,
        "blockNumber": "0x1c0",
        "chainId": "0x4d2",
        "epochNumber": "0x1bf",
        "ethereumSpaceChainId": "0x4d3",
        "latestCheckpoint": "0x0",
        "latestConfirmed": "0x168",
        "latestFinalized": "0x12c",
        "latestState": "0x1bb",
        "networkId": "0x4d2",
        "pendingTxNumber": "0x0",
    },
    "pos_getStatus": {
        "epoch": "0x11",
        "latestCommitted": "0xa3",
        "latestTxNumber": "0xd0",
        "latestVoted": "0xa6",
        "pivotDecision": {"blockHash": "0x" + "3a" * 32, "height": "0x12c"},
    },
    "cfx_epochNumber": "0x1bf",
    "cfx_getBlockByEpochNumber": {
        "hash": "0x" + "1b" * 32,
        "epochNumber": "0x1bf",
        "timestamp": "0x6b02dcf9",
        "posReference": "0x" + "b2" * 32,
    },
    "txpool_status": {"deferred": "0x1", "ready": "0x2", "received": "0x3", "unexecuted": "0x4"},
    "debug_currentSyncPhase": "NormalSyncPhase",
    "debug_getNetSessions": [
        {"originated": True, "status": "communicating (224.7s)", "lastRead": "98.149984ms"},
        {"originated": False, "status": "communicating (24.3s)", "lastRead": "61.5s"},
        {"originated": False, "status": "handshaking", "lastRead": "1.2s"},
    ],
    "test_posVotingStatus": True,
    "cfx_clientVersion": "conflux-rust/v3.0.2-fd68efe-20260110/x86_64-linux-gnu/rustc1.86.0",
    "test_posRegister": ["0xe335b451", "67" * 32],
}

Respond = Callable[[bytes], "Canned"]


@dataclass(frozen=True)
class Canned:
    """What to put on the wire. `hold_s`: how long to say nothing before."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    hold_s: float = 0.0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        canned: Canned = self.server.respond(self.path, dict(self.headers), body)  # type: ignore[attr-defined]
        self.server.closing.wait(canned.hold_s)  # type: ignore[attr-defined]
        try:
            self.send_response(canned.status)
            headers = {"Content-Type": canned.content_type, "Content-Length": str(len(canned.body))}
            for name, value in (headers | canned.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(canned.body)
        except OSError:
            self.close_connection = True

    do_GET = do_POST  # noqa: N815  the name that http.server wants

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64  # an agent knocks with all its probes at once
    block_on_close = False

    def __init__(self, respond: Callable[[str, dict[str, str], bytes], Canned], port: int = 0) -> None:
        self.respond = respond
        self.closing = threading.Event()
        super().__init__(("127.0.0.1", port), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        pass


@contextmanager
def serving(respond: Callable[[str, dict[str, str], bytes], Canned], port: int = 0) -> Iterator[Server]:
    server = Server(respond, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


class StubNode:
    """Answers like a node; `canned` overrides it for every call, `results` and `errors` for some methods."""

    def __init__(self) -> None:
        self.canned: Canned | None = None
        self.results: dict[str, Any] = dict(NODE_ANSWERS)
        self.errors: dict[str, Any] = {}
        self.asked: list[str] = []

    def respond(self, _path: str, _headers: dict[str, str], body: bytes) -> Canned:
        call = json.loads(body)
        self.asked.append(call["method"])
        if self.canned is not None:
            return self.canned
        reply = {"jsonrpc": "2.0", "id": call["id"]}
        if call["method"] in self.errors:
            return Canned(json.dumps(reply | {"error": self.errors[call["method"]]}).encode())
        if call["method"] in self.results:
            return Canned(json.dumps(reply | {"result": self.results[call["method"]]}).encode())
        return Canned(json.dumps(reply | {"error": {"code": -32601, "message": "Method not found"}}).encode())


@dataclass(frozen=True)
class Post:
    """One envelope that the stand-in server has verified."""

    at_s: float
    envelope: Envelope


class StubServer:
    """Enrols, verifies, decodes and acknowledges as the real one does; `refusals` are given out first."""

    def __init__(self) -> None:
        self.keys: dict[str, Ed25519PublicKey] = {}
        self.names: list[str] = []
        self.posts: list[Post] = []
        self.acknowledged: dict[str, int] = {}
        self.refusals: list[Canned] = []
        self.judge: Callable[[Envelope], Canned | None] = lambda _: None
        self.shift_ms = 0
        self.arrived = threading.Condition()

    def respond(self, path: str, headers: dict[str, str], body: bytes) -> Canned:
        if self.refusals:
            return self.refusals.pop(0)
        return self._enrol(headers, body) if path == "/api/v1/agents" else self._take(headers, body)

    def _enrol(self, headers: dict[str, str], body: bytes) -> Canned:
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return Canned(b'{"detail": "unknown token"}', 401)
        told = msgspec.json.decode(body, type=Enrolment)
        key = bytes.fromhex(told.public_key)
        self.keys[hashlib.sha256(key).hexdigest()[:32]] = Ed25519PublicKey.from_public_bytes(key)
        self.names.append(told.name)
        return Canned(b'{"node_id": "ab12cd34"}')

    def _take(self, headers: dict[str, str], body: bytes) -> Canned:
        key = self.keys.get(headers["Vedette-Agent"])
        if key is None:
            return Canned(b'{"detail": "unknown agent"}', 401)
        key.verify(base64.b64decode(headers["Vedette-Signature"]), body)
        unpacked = zstandard.ZstdDecompressor().decompress(body, ENVELOPE_BYTES_MAX)
        envelope = msgspec.msgpack.decode(unpacked, type=Envelope)
        refusal = self.judge(envelope)
        if refusal is not None:
            return refusal
        with self.arrived:
            self.posts.append(Post(time.monotonic(), envelope))
            known = self.acknowledged.get(envelope.spool, 0)
            self.acknowledged[envelope.spool] = max([known, *(report.seq for report in envelope.reports)])
            self.arrived.notify_all()
        ack = Ack(self.acknowledged[envelope.spool], time.time_ns() // 1_000_000 + self.shift_ms)
        return Canned(msgspec.msgpack.encode(ack), content_type="application/x-msgpack")

    @property
    def reports(self) -> list[Report]:
        """All reports in the order of their arrival."""
        return [report for post in list(self.posts) for report in post.envelope.reports]

    def wait_for(self, seen: Callable[[Envelope], bool], within_s: float = 10.0, since: int = 0) -> Post:
        """The first post from number `since` on of which `seen` is true."""
        found: list[Post] = []

        def look() -> bool:
            found[:] = [post for post in self.posts[since:] if seen(post.envelope)]
            return bool(found)

        with self.arrived:
            assert self.arrived.wait_for(look, within_s), f"nothing such in {len(self.posts)} posts"
        return found[0]


if __name__ == "__main__":
    with serving(StubNode().respond, int(sys.argv[1])):
        sys.stdout.write("listening\n")
        sys.stdout.flush()
        threading.Event().wait(300)
