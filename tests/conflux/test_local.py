"""The blocking client against real sockets that misbehave."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.agent.stand_ins import Canned, StubNode, serving
from vedette.conflux import local
from vedette.conflux.exchange import Peer
from vedette.conflux.local import LocalRpc
from vedette.conflux.wire import Garbled, RpcError, Unreachable


def read_request(connection: socket.socket) -> None:
    """All of it: to hang up on unread bytes resets the connection, and the answer may be lost with it."""
    with connection.makefile("rb", buffering=0) as stream:
        lengths = [
            int(line[15:])
            for line in iter(stream.readline, b"\r\n")
            if line.lower().startswith(b"content-length:")
        ]
        stream.read(sum(lengths))


@contextmanager
def raw_peer(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """Whatever is behind `behave` answers each connection; it speaks bytes, not HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    try:
                        read_request(connection)
                        behave(connection)
                    except OSError:
                        pass

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        connection.sendall(b" ")
        time.sleep(0.05)


def drip_headers(connection: socket.socket) -> None:
    for letter in b"HTTP/1.1 200 OK\r\nContent-Length: 10":
        connection.sendall(bytes([letter]))
        time.sleep(0.05)


def test_it_asks_and_is_answered() -> None:
    node = StubNode()
    with serving(node.respond) as server:
        assert LocalRpc(server.url).ask("debug_currentSyncPhase") == "NormalSyncPhase"


@pytest.mark.parametrize("behave", [drip, drip_headers, lambda _: time.sleep(2)])
def test_one_deadline_holds_however_slowly_the_node_speaks(behave: Callable[[socket.socket], None]) -> None:
    with raw_peer(behave) as url:
        began = time.monotonic()
        with pytest.raises(Unreachable, match=r"did not answer within 0\.3 s"):
            LocalRpc(url, deadline_s=0.3).ask("cfx_getStatus")
        assert time.monotonic() - began < 0.8


@pytest.mark.parametrize(
    "sent, kind, said",
    [
        (b"", Unreachable, "hung up in the middle"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", Unreachable, "hung up in the middle"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            Unreachable,
            "hung up in the middle",
        ),
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", Garbled, "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", Garbled, "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\n\r\n<html>", Garbled, "not JSON-RPC"),
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
            Garbled,
            "redirects are not followed",
        ),
    ],
)
def test_odd_bytes_are_one_clear_error(sent: bytes, kind: type[RpcError], said: str) -> None:
    with raw_peer(lambda connection: connection.sendall(sent)) as url, pytest.raises(kind, match=said):
        LocalRpc(url, deadline_s=2).ask("cfx_getStatus")


def test_nobody_there_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="nothing listens there"):
        LocalRpc("http://127.0.0.1:1").ask("cfx_getStatus")


def test_an_endless_reply_is_read_no_further_than_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "BODY_BYTES_MAX", 1 << 16)
    sent = []

    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(1 << 12):
            connection.sendall(b" " * (1 << 16))
            sent.append(1)

    with raw_peer(flood) as url, pytest.raises(Garbled):
        LocalRpc(url).ask("cfx_getStatus")
    assert len(sent) < 1 << 10


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:1")
    node = StubNode()
    with serving(node.respond) as server:
        assert LocalRpc(server.url).ask("test_posVotingStatus") is True


def test_a_kept_connection_that_the_other_side_closed_is_opened_again() -> None:
    accepted = []

    def answer_and_close(connection: socket.socket) -> None:
        accepted.append(1)
        # It promises to stay, and leaves.
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with raw_peer(answer_and_close) as url:
        peer = Peer(url)
        for _ in range(3):
            assert peer.post("/", b"x", {}, deadline_s=2, bytes_max=10).body == b"ok"
            time.sleep(0.02)
        peer.close()
    assert len(accepted) == 3


def test_a_connection_is_kept_while_both_want_it() -> None:
    with serving(lambda *_: Canned(b"ok")) as server:
        peer = Peer(server.url)
        connections = set()
        for _ in range(3):
            assert peer.post("/", b"x", {}, deadline_s=2, bytes_max=10).status == 200
            connections.add(id(peer._connection))
        peer.close()
    assert len(connections) == 1
    assert id(None) not in connections
