"""The node's process: found by its port, held by a pidfd, mourned at once."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ports import free_port
from vedette.agent.node_process import NodeProcess, Watch, listeners, local_port, owner
from vedette.model.view import ProcessState

LISTENER = """
import socket, sys, time
listener = socket.create_server((sys.argv[2], int(sys.argv[1])), family=getattr(socket, sys.argv[3]))
print("listening", flush=True)
time.sleep(60)
"""


@contextmanager
def process_on(port: int, address: str = "127.0.0.1", family: str = "AF_INET") -> Iterator[int]:
    """A child that listens on the port; its pid. It is dead at the end, whoever killed it."""
    arguments = [sys.executable, "-c", LISTENER, str(port), address, family]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        try:
            yield child.pid
        finally:
            child.kill()


def watcher(port: int, changes: list[Watch], died_at_ms: int | None = None) -> NodeProcess:
    return NodeProcess(
        f"http://127.0.0.1:{port}", lambda: time.time_ns() // 1_000_000, changes.append, died_at_ms
    )


@pytest.mark.parametrize(
    "address, family",
    [
        ("127.0.0.1", "AF_INET"),
        ("0.0.0.0", "AF_INET"),
        ("127.0.0.2", "AF_INET"),
        ("::1", "AF_INET6"),
        ("::", "AF_INET6"),
    ],
)
def test_the_process_is_found_by_the_port_it_listens_on(address: str, family: str) -> None:
    port = free_port()
    assert listeners(port) == set()
    with process_on(port, address, family) as pid:
        assert owner(listeners(port)) == pid


def test_a_client_of_the_port_is_not_taken_for_its_owner() -> None:
    port = free_port()
    with process_on(port) as pid, socket.create_connection(("127.0.0.1", port)):
        assert owner(listeners(port)) == pid != os.getpid()


@pytest.mark.parametrize(
    "url, port",
    [
        ("http://127.0.0.1:12539", 12539),
        ("http://localhost:12539/", 12539),
        ("http://[::1]:12539", 12539),
        ("https://127.0.0.1", 443),
        ("http://10.0.0.7:12539", None),
        ("http://node.example:12539", None),
    ],
)
def test_only_a_loopback_url_has_a_process_here(url: str, port: int | None) -> None:
    assert local_port(url) == port


def test_a_process_never_seen_is_unknown_with_a_reason() -> None:
    changes: list[Watch] = []
    process = watcher(free_port(), changes)
    process.look()
    assert process.watch.state is ProcessState.UNKNOWN
    assert "nothing listens" in (process.watch.reason or "")
    assert changes == []


def test_a_remote_node_is_unknown_for_ever() -> None:
    process = NodeProcess("http://192.0.2.1:12539", lambda: 0, lambda _: None)
    process.look()
    assert process.watch == Watch(ProcessState.UNKNOWN)
    process.run(threading.Event())  # returns at once: there is nothing to watch


def test_a_process_that_may_not_be_seen_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setattr("vedette.agent.node_process.owner", lambda _: None)
    with process_on(port):
        process = watcher(port, [])
        process.look()
    assert process.watch.state is ProcessState.UNKNOWN
    assert "run the agent as its user or as root" in (process.watch.reason or "")


def test_a_death_before_our_own_restart_is_remembered() -> None:
    process = watcher(free_port(), [], died_at_ms=1_795_000_000_000)
    process.look()
    assert (process.watch.state, process.watch.died_at_ms) == (ProcessState.GONE, 1_795_000_000_000)


def test_death_and_return_are_told_at_once() -> None:
    port = free_port()
    changes: list[Watch] = []
    process = watcher(port, changes)
    stop = threading.Event()
    with process_on(port) as pid:
        process.look()
        assert changes[-1].pid == pid
        thread = threading.Thread(target=process.run, args=(stop,))
        thread.start()
        time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        killed_at = time.monotonic()
        while len(changes) < 2 and time.monotonic() < killed_at + 5:
            time.sleep(0.0005)
        assert time.monotonic() - killed_at < 1
    assert changes[-1].state is ProcessState.GONE
    assert abs((changes[-1].died_at_ms or 0) - time.time() * 1000) < 5_000
    with process_on(port) as again:
        began = time.monotonic()
        while len(changes) < 3 and time.monotonic() < began + 5:
            time.sleep(0.01)
        assert (changes[-1].state, changes[-1].pid) == (ProcessState.RUNNING, again)
        assert changes[-1].died_at_ms is None
        assert changes[-1].up_seconds is not None, "it excuses the validator before the first round is over"
        assert changes[-1].up_seconds < 10
        stop.set()
        thread.join(3)
    assert [change.lives for change in changes] == [1, 2, 3]


def test_a_gone_process_is_looked_for_without_walking_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    walks = []
    monkeypatch.setattr("vedette.agent.node_process.owner", lambda _: walks.append(1))
    process = watcher(free_port(), [])
    for _ in range(20):
        process.look()
    assert walks == []


def test_an_unowned_socket_makes_us_walk_proc_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    walks = []
    monkeypatch.setattr("vedette.agent.node_process.owner", lambda _: walks.append(1))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = watcher(listener.getsockname()[1], [])
        for _ in range(20):
            process.look()
    assert 1 <= len(walks) <= 4


def test_the_process_probe_of_this_very_process(tmp_path: Path) -> None:
    from vedette.agent.probes.process import Process

    steady = iter([10_000_000_000, 10_000_001_000])
    probe = Process(lambda: Watch(ProcessState.RUNNING, pid=os.getpid()), lambda: next(steady))
    first, second = probe(), probe()
    assert first.numbers["process.rss_bytes"] > 5_000_000
    assert first.numbers["process.open_files_count"] >= 3
    assert "process.cpu.used_cores" not in first.numbers
    assert second.numbers["process.cpu.used_cores"] >= 0


def test_restarts_are_the_different_processes_that_were_found() -> None:
    port, stop = free_port(), threading.Event()
    process = watcher(port, [])
    for number in (1, 2, 3):
        with process_on(port):
            process.look()
            assert (process.watch.state.value, process.watch.starts) == ("running", number)
        process.step(stop)
        assert (process.watch.state.value, process.watch.starts) == ("gone", number)


LATE = """
import socket, sys, time
print("started", flush=True)
sys.stdin.readline()
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
sys.stdin.readline()
"""


@contextmanager
def slow_starter(folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """A node that takes its time before it listens."""
    (folder / "conflux.py").write_text(LATE)
    command = [sys.executable, "conflux.py", str(port)]
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "started\n"
        yield child
        child.kill()


def go_on(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write("\n")
    child.stdin.flush()
    assert child.stdout.readline() == "listening\n"


def test_a_node_that_starts_is_known_before_it_listens(tmp_path: Path) -> None:
    port, stop = free_port(), threading.Event()
    changes: list[Watch] = []
    process = watcher(port, changes)
    with slow_starter(tmp_path, port) as child:
        go_on(child)
        process.look()
    process.step(stop)
    with slow_starter(tmp_path, port) as child:
        for _ in range(10):  # all of /proc is walked each tenth time
            process.step(stop, 0.01)
        assert process.watch.pid == child.pid
        go_on(child)
        process.step(stop, 0.01)
        assert process.watch.pid == child.pid
    assert [change.state.value for change in changes] == ["running", "gone", "running"]


def test_a_likeness_outlives_our_own_restart_and_needs_the_same_folder(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "elsewhere").mkdir()
    process = watcher(port, [])
    with slow_starter(tmp_path, port) as child:
        go_on(child)
        process.look()
    again = NodeProcess(f"http://127.0.0.1:{port}", lambda: 0, lambda _: None, 1, process.like)
    with slow_starter(tmp_path / "elsewhere", port):
        for _ in range(10):
            again.step(threading.Event(), 0.01)
        assert again.watch.state is ProcessState.GONE
    with slow_starter(tmp_path, port) as child:
        for _ in range(10):
            again.step(threading.Event(), 0.01)
        assert again.watch.pid == child.pid
