"""Vedette as the world sees it: raw HTTP, raw JSON-RPC, a webhook, a mailbox, and processes to kill."""

import email
import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message as Letter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.ports import free_port as free_port  # noqa: PLC0414 - for those who live here, too

T = TypeVar("T")

_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
VEDETTE = [sys.executable, "-m", "vedette.cli"]
NOT_YET = (urllib.error.URLError, ConnectionError, TimeoutError)


def get(url: str) -> Any:
    """The JSON at a URL."""
    with _open(url, timeout=10) as reply:
        return json.load(reply)


def post(url: str, body: Any, method: str = "POST") -> Any:
    """The JSON that a change is answered with."""
    told = {"Content-Type": "application/json"}
    with _open(
        urllib.request.Request(url, json.dumps(body).encode(), told, method=method), timeout=10
    ) as reply:
        return json.load(reply)


def ask(url: str, method: str, *params: Any) -> Any:
    """One JSON-RPC question, by no client of ours."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    with _open(urllib.request.Request(url, body, {"Content-Type": "application/json"}), timeout=10) as reply:
        answer = json.load(reply)
    assert "error" not in answer, answer
    return answer["result"]


def until(question: Callable[[], T | None], timeout_s: float, what: str) -> T:
    """Ask until the answer is a true one; what does not answer yet is asked again."""
    end = time.monotonic() + timeout_s
    last: object = None
    while time.monotonic() < end:
        try:
            last = answer = question()
            if answer:
                return answer
        except NOT_YET as error:
            last = error
        time.sleep(0.1)
    raise AssertionError(f"not within {timeout_s:g} s: {what}; last: {last!r}")


@dataclass(frozen=True)
class Post:
    """One message as the webhook took it."""

    at_s: float
    key: str
    message: dict[str, Any]

    @property
    def what(self) -> tuple[str, str, str]:
        incident = self.message["incident"]
        return self.message["reason"], incident["rule"], incident["subject"]["name"]


@dataclass
class Receivers:
    """A webhook and a mailbox on loopback, and everything that they were told, in order."""

    webhook_url: str = ""
    mail_url: str = ""
    posts: list[Post] = field(default_factory=list)
    letters: list[tuple[float, Letter]] = field(default_factory=list)

    def told(self, reason: str, rule: str) -> list[Post]:
        return [post for post in self.posts if post.what[:2] == (reason, rule)]


@contextmanager
def receivers() -> Iterator[Receivers]:
    """A real HTTP server and a real SMTP server that keep what they get."""
    kept = Receivers()

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            kept.posts.append(Post(time.monotonic(), self.headers["Idempotency-Key"], message))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
            del format, args

    class Mailbox:
        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  aiosmtpd's name
            assert isinstance(envelope.content, bytes)
            kept.letters.append((time.monotonic(), email.message_from_bytes(envelope.content)))
            return "250 kept"

    server = ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    mail = Controller(Mailbox(), hostname="127.0.0.1", port=free_port())
    mail.start()
    kept.webhook_url = f"http://127.0.0.1:{server.server_port}/hook"
    kept.mail_url = f"smtp://127.0.0.1:{mail.port}"
    try:
        yield kept
    finally:
        mail.stop()
        server.shutdown()
        server.server_close()
        thread.join()


def vedette(*words: object, status: int = 0) -> str:
    """Run our command. Returns what it printed, or what it complained about when it must end so."""
    command = [*VEDETTE, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr


def letter(validator: T, committee: Container[T], signers: Collection[T], leader: T | None) -> str:
    """The letter of a vote strip, of a validator and a block whose signers all nodes together know."""
    if validator not in committee:
        return "-"
    if not signers:
        return "?"
    if validator not in signers:
        return "a"
    return "l" if validator == leader else "s"
