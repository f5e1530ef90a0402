"""One HTTP exchange with one deadline, blocking, on the standard library.

No redirects, no proxies, no more bytes than asked for. `http.client` has a timeout for each read only, so a
peer that sends a byte a second would hold us for ever: here every wait ends at the same moment.
"""

import contextlib
import http.client
import io
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlunsplit

from vedette.conflux.wire import checked_url, endpoint_name

CHUNK_BYTES = 1 << 16

FAILURES: tuple[tuple[type[Exception], str], ...] = (
    (ConnectionRefusedError, "refuses connections: nothing listens there"),
    (ConnectionError, "hung up in the middle"),
    (http.client.IncompleteRead, "hung up in the middle"),
    (socket.gaierror, "is not a host that can be found"),
)


class NoReply(Exception):  # noqa: N818  a fact about the talk
    """No whole reply came; `str()` is one line. `spoke`: the peer sent something that is not HTTP."""

    def __init__(self, line: str, *, spoke: bool = False) -> None:
        super().__init__(line)
        self.spoke = spoke


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. The names of the headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Peer:
    """One place to talk to, over one connection, kept while the other side keeps it. For one thread."""

    def __init__(self, url: str) -> None:
        parts = checked_url(url)
        self.name = endpoint_name(url)
        self.path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        self._host = parts.hostname or ""
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._connection: _Connection | None = None

    def post(
        self, path: str, body: bytes, headers: Mapping[str, str], *, deadline_s: float, bytes_max: int
    ) -> Reply:
        """Send and receive within the deadline. Raises NoReply."""
        return self._ask("POST", path, body, headers, deadline_s, bytes_max)

    def get(self, path: str, *, deadline_s: float, bytes_max: int) -> Reply:
        """Fetch within the deadline. Raises NoReply."""
        return self._ask("GET", path, None, {}, deadline_s, bytes_max)

    def _ask(
        self,
        verb: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        deadline_s: float,
        bytes_max: int,
    ) -> Reply:
        ends_at = time.monotonic() + deadline_s
        reused = self._connection is not None
        try:
            return self._exchange(verb, path, body, headers, ends_at, bytes_max)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            # A kept connection may have been closed while we were silent: that says nothing about the peer.
            if reused and isinstance(error, ConnectionError):
                return self._ask(verb, path, body, headers, ends_at - time.monotonic(), bytes_max)
            raise self._no_reply(error, deadline_s) from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.hang_up()
            self._connection = None

    def _exchange(
        self,
        verb: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        ends_at: float,
        bytes_max: int,
    ) -> Reply:
        connection = self._connection or _Connection(self._host, self._port, self._tls)
        self._connection = connection
        connection.ends_at = ends_at
        connection.request(verb, path, body, dict(headers))
        response = connection.getresponse()
        read = _read(response, bytes_max)
        if response.will_close or len(read) > bytes_max:
            self.close()
        names = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, names, read)

    def _no_reply(self, error: Exception, deadline_s: float) -> NoReply:
        if isinstance(error, TimeoutError):
            return NoReply(f"{self.name} did not answer within {max(deadline_s, 0):.3g} s")
        if isinstance(error, ssl.SSLCertVerificationError):
            return NoReply(f"{self.name} has no valid certificate: {error.verify_message}")
        for kind, what in FAILURES:
            if isinstance(error, kind):
                return NoReply(f"{self.name} {what}")
        if isinstance(error, OSError):
            return NoReply(f"{self.name} cannot be reached: {error.strerror or type(error).__name__}")
        return NoReply(f"{self.name} does not speak HTTP ({type(error).__name__})", spoke=True)


def _read(response: http.client.HTTPResponse, bytes_max: int) -> bytes:
    """The body, or one byte more than the most."""
    pieces = bytearray()
    while len(pieces) <= bytes_max:
        piece = response.read(min(CHUNK_BYTES, bytes_max + 1 - len(pieces)))
        if not piece:
            if response.length:
                raise ConnectionAbortedError
            break
        pieces += piece
    return bytes(pieces)


class _Connection(http.client.HTTPConnection):
    """Its socket is a `_Line`, which knows the deadline of the exchange at hand."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        super().__init__(host, port)
        self.ends_at = 0.0
        self._tls = tls
        self._line: _Line | None = None

    def left_s(self) -> float:
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def connect(self) -> None:
        plain = socket.create_connection((self.host, self.port), self.left_s())
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            plain.settimeout(self.left_s())
            wrapped = self._tls.wrap_socket(plain, server_hostname=self.host) if self._tls else plain
        except BaseException:
            plain.close()
            raise
        self._line = _Line(wrapped, self)
        self.sock = cast("Any", self._line)

    def hang_up(self) -> None:
        if self._line is not None:
            self._line.socket.close()
            self._line = None
        self.close()


class _Line:
    """As much of a socket as http.client uses."""

    def __init__(self, wrapped: socket.socket, owner: _Connection) -> None:
        self.socket = wrapped
        self._owner = owner

    def sendall(self, data: bytes) -> None:
        self.socket.settimeout(self._owner.left_s())
        self.socket.sendall(data)

    def receive_into(self, buffer: Any) -> int:
        self.socket.settimeout(self._owner.left_s())
        return self.socket.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        """http.client closes its socket before it has read the reply; the real end is `hang_up`."""


class _Reader(io.RawIOBase):
    def __init__(self, line: _Line) -> None:
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._line.receive_into(buffer)


def post_once(
    url: str, body: bytes, headers: Mapping[str, str], *, deadline_s: float, bytes_max: int
) -> Reply:
    """One exchange over a connection of its own. Raises NoReply."""
    with contextlib.closing(Peer(url)) as peer:
        return peer.post(peer.path, body, headers, deadline_s=deadline_s, bytes_max=bytes_max)


def get_once(url: str, *, deadline_s: float, bytes_max: int) -> Reply:
    """Fetch over a connection of its own. Raises NoReply."""
    with contextlib.closing(Peer(url)) as peer:
        return peer.get(peer.path, deadline_s=deadline_s, bytes_max=bytes_max)
