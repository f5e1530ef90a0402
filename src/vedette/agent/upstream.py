"""The server as an agent meets it: one place, two questions (enrol, report), and what became of them."""

from typing import Any

import msgspec
import zstandard

from vedette.agent.identity import Identity
from vedette.conflux.exchange import NoReply, Peer, Reply
from vedette.model.report import SERVER_TIME, Ack, Enrolment, Envelope

REPLY_BYTES_MAX = 65_536
TOKEN_CHARS_MAX = 1_024
DEADLINE_S = 10.0
OK, CREATED = 200, 201

REMEDIES = {
    400: "the server does not understand this report",
    404: "there is no Vedette server at this URL: put --server right",
    413: "the server finds the post too large",
    426: "the server speaks another protocol: upgrade the server first, then the agent",
    429: "the server asks for patience",
    503: "the server asks for patience",
}


class Undelivered(Exception):  # noqa: N818  a fact about one attempt
    """The server did not take it; `str()` is one line.

    `wait_s`: how long the server asked us to wait; `server_at_ms`: its time, if it finds ours too far off.
    """

    def __init__(
        self, line: str, *, status: int = 0, wait_s: float | None = None, server_at_ms: int | None = None
    ) -> None:
        super().__init__(line)
        self.status = status
        self.wait_s = wait_s
        self.server_at_ms = server_at_ms

    @property
    def unknown(self) -> bool:
        """Whether the server heard us, and does not know or believe us."""
        return self.status in {401, 403}


class Upstream:
    """One server over one connection. For one thread."""

    def __init__(self, url: str) -> None:
        self._peer = Peer(url)
        self._path = self._peer.path.rstrip("/")
        self._pack = zstandard.ZstdCompressor(level=1)
        self._encode = msgspec.msgpack.Encoder().encode

    @property
    def name(self) -> str:
        """host:port, for logs."""
        return self._peer.name

    def enrol(self, identity: Identity, name: str, role: str, token: str) -> None:
        """Make ourselves known; the server then keeps a node for our key. Raises Undelivered."""
        told = Enrolment(identity.public_key_hex, name, role)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        self._ask("/api/v1/agents", msgspec.json.encode(told), headers)

    def report(self, identity: Identity, envelope: Envelope) -> Ack:
        """Deliver. Raises Undelivered."""
        body = self._pack.compress(self._encode(envelope))
        headers = {
            "Content-Type": "application/x-msgpack",
            "Content-Encoding": "zstd",
            "Vedette-Agent": identity.agent,
            "Vedette-Signature": identity.sign(body),
        }
        reply = self._ask("/api/v1/reports", body, headers)
        try:
            return msgspec.msgpack.decode(reply.body, type=Ack)
        except msgspec.MsgspecError as error:
            raise Undelivered("the answer is none of a Vedette server: put --server right") from error

    def close(self) -> None:
        self._peer.close()

    def _ask(self, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        try:
            reply = self._peer.post(
                self._path + path, body, headers, deadline_s=DEADLINE_S, bytes_max=REPLY_BYTES_MAX
            )
        except NoReply as error:
            raise Undelivered(str(error)) from error
        if reply.status not in {OK, CREATED}:
            raise Undelivered(
                _said(reply),
                status=reply.status,
                wait_s=_header(reply, "retry-after", 6),
                server_at_ms=_header(reply, SERVER_TIME.lower(), 16),
            )
        return reply


def token_in(text: str) -> str | None:
    """The one enrolment token that a file or a line holds; None if it is no such thing."""
    token = text.strip()
    sound = 0 < len(token) <= TOKEN_CHARS_MAX and token.isascii() and token.isprintable() and " " not in token
    return token if sound else None


def _said(reply: Reply) -> str:
    """HTTP's number, what to do, and the server's own words if it sent a problem."""
    if 300 <= reply.status < 400:  # noqa: PLR2004
        return f"HTTP {reply.status}: redirects are not followed; give the final URL as --server"
    remedy = REMEDIES.get(reply.status, "the server failed")
    return f"HTTP {reply.status}: {remedy}{_detail(reply.body)}"


def _detail(body: bytes) -> str:
    try:
        problem: Any = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""
    detail = problem.get("detail") if isinstance(problem, dict) else None
    return f" ({detail[:200]!a})" if isinstance(detail, str) else ""


def _header(reply: Reply, name: str, digits_max: int) -> int | None:
    """A whole number that the server sent along."""
    words = reply.headers.get(name, "")
    return int(words) if words.isascii() and words.isdigit() and len(words) <= digits_max else None
