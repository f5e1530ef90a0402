"""Ports, processes and folders, without a node."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from vedette.devnet import commands, process
from vedette.devnet import demo as demo_module
from vedette.devnet.net import RECORD, Devnet, patience
from vedette.devnet.options import DevnetOptions
from vedette.devnet.ports import END, FIRST, free_ports, taken
from vedette.model.errors import SettingError, VedetteError

pytestmark = pytest.mark.slow  # starts and ends real processes

VEDETTE = [sys.executable, "-m", "vedette.cli"]
OBEDIENT = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
)


def vedette(*words: object) -> subprocess.CompletedProcess[str]:
    command = [*VEDETTE, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def runner(folder: Path, script: str) -> subprocess.Popen[bytes]:
    """A process that looks like a node's runner: `PROGRAM node_runner.js FOLDER`."""
    code = folder.parent / process.RUNNER.name
    code.write_text(script)
    child = subprocess.Popen([sys.executable, code, "config.toml", folder], stdout=subprocess.PIPE)
    while child.poll() is None and not Path(f"/proc/{child.pid}/cmdline").read_bytes():
        time.sleep(0.01)  # for a moment after its birth a process has no command line
    return child


def test_free_ports_lie_below_those_of_outgoing_connections() -> None:
    ports = free_ports(32)
    assert len(set(ports)) == 32
    assert min(ports) >= FIRST
    assert max(ports) < END < 32768
    assert not list(taken(ports))


def test_a_port_is_taken_while_somebody_listens_on_it(listener: int) -> None:
    assert list(taken([listener])) == [listener]


def test_more_ports_than_there_are_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vedette.devnet.ports.taken", list)
    with pytest.raises(SettingError, match="no 32 free ports"):
        free_ports(32)


def test_a_process_is_found_by_its_folder_and_ended(tmp_path: Path) -> None:
    folder = tmp_path / "node0"
    with runner(folder, OBEDIENT) as child:
        assert process.running()[folder] == child.pid
        process.end({folder}, signal.SIGTERM, patience_s=5)
        assert child.wait(5) == -signal.SIGTERM
    assert folder not in process.running()


def test_another_devnets_process_is_left_alone(tmp_path: Path) -> None:
    with runner(tmp_path / "node0", OBEDIENT) as child:
        process.end({tmp_path / "node1", tmp_path}, signal.SIGKILL, patience_s=0)
        assert child.poll() is None
        child.kill()


def test_who_does_not_hear_a_request_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "node0"
    with runner(folder, STUBBORN) as child:
        assert child.stdout
        child.stdout.readline()
        began = time.monotonic()
        process.end({folder}, signal.SIGTERM, patience_s=0.3)
        assert child.wait(5) == -signal.SIGKILL
        assert 0.3 <= time.monotonic() - began < 5


def test_a_wish_to_end_is_raised_where_we_are_and_a_second_one_waits() -> None:
    before, closed = signal.getsignal(signal.SIGTERM), []

    def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            closed.append(True)

    with pytest.raises(process.Stopped), process.stoppable():
        work()
    assert closed
    assert signal.getsignal(signal.SIGTERM) is before


def test_patience_tries_at_least_once_and_then_complains() -> None:
    tries = patience(0, "too long")
    next(tries)
    with pytest.raises(VedetteError, match="too long"):
        list(tries)


def test_where_there_is_no_devnet_every_command_says_so(tmp_path: Path) -> None:
    complaint = f"no devnet in {tmp_path}: make one with vedette devnet up --dir"
    done = vedette("devnet", "status", "--dir", tmp_path)
    assert (done.returncode, done.stderr) == (2, f"vedette: {complaint}\n")
    for command in (commands.kill, commands.start, commands.stop, commands.register):
        with pytest.raises(SettingError) as refusal:
            command(0, folder=tmp_path)
        assert str(refusal.value) == complaint
    with pytest.raises(SettingError, match="no devnet"):
        commands.down(folder=tmp_path, wipe=True)
    assert tmp_path.exists()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--nodes", "99"], "nodes is 99: choose 1 to 32"),
        (["--set", "round"], "--set 'round': write it as key=value"),
    ],
)
def test_a_wrong_option_is_one_line_and_makes_nothing(
    tmp_path: Path, words: list[str], complaint: str
) -> None:
    folder = tmp_path / "net"
    done = vedette("devnet", "up", "--dir", folder, *words)
    assert (done.returncode, done.stderr) == (2, f"vedette: {complaint}\n")
    assert not folder.exists()


def test_a_folder_with_other_things_in_it_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("dear")
    with pytest.raises(SettingError, match="exists and is no devnet"):
        Devnet.create(tmp_path, DevnetOptions())
    assert (tmp_path / "letter").read_text() == "dear"


def test_a_record_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / RECORD).write_text('{"format": 1}')
    with pytest.raises(SettingError, match=r"devnet\.json cannot be read: .*missing required field"):
        Devnet.open(tmp_path)


def test_a_demo_on_a_taken_port_starts_nothing(listener: int, tmp_path: Path) -> None:
    done = vedette("demo", "--port", listener, "--dir", tmp_path / "demo")
    assert done.returncode == 2
    assert done.stderr.startswith(f"vedette: port {listener} is taken: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize(
    ("option", "url", "example"),
    [
        ("webhook", "example.org/hook", "http://127.0.0.1:9000/hook"),
        ("webhook", "http:///hook", "http://127.0.0.1:9000/hook"),
        ("mail", "127.0.0.1:25", "smtp://127.0.0.1:2525"),
    ],
)
def test_a_channel_that_cannot_be_is_refused_before_anything_starts(
    tmp_path: Path, option: str, url: str, example: str
) -> None:
    with pytest.raises(SettingError) as refusal:
        demo_module.demo(port=1, folder=tmp_path / "demo", **{option: url})  # type: ignore[arg-type]
    assert str(refusal.value) == f"--{option} {url}: give a URL like {example}"
    assert not (tmp_path / "demo").exists()


def test_a_child_of_the_demo_that_dies_is_told_with_its_last_words(tmp_path: Path) -> None:
    plan = demo_module.Plan(tmp_path, 1, None, None, None)
    config = str(tmp_path / "absent.toml")
    with demo_module._child(plan, "server", ["serve", "--config", config]) as child:
        child.process.wait(60)
        with pytest.raises(demo_module.DemoError) as death:
            demo_module._refuse_dead([child])
    assert str(death.value).startswith("server ended with status 2: vedette: cannot read the settings")


def test_the_demos_children_do_not_outlive_it(tmp_path: Path) -> None:
    plan = demo_module.Plan(tmp_path, 1, None, None, None)

    def fail_with_a_child() -> None:
        with demo_module._child(plan, "agent", ["agent", "run", "--help"]) as child:
            pids.append(child.process.pid)
            raise KeyboardInterrupt

    pids: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        fail_with_a_child()
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)
