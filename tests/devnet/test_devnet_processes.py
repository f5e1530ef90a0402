"""Ports, processes and folders, without a node."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.devnet.test_devnet_options import a_node
from vedette.devnet import commands, process, staking
from vedette.devnet import demo as demo_module
from vedette.devnet.net import RECORD, Devnet, Record, _twin, patience
from vedette.devnet.options import DevnetOptions
from vedette.devnet.ports import END, FIRST, free_ports, reserved, taken
from vedette.model.errors import SettingError, VedetteError
from vedette.server.node_js import node_program

pytestmark = pytest.mark.slow  # starts and ends real processes

VEDETTE = [sys.executable, "-m", "vedette.cli"]
OBEDIENT = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
)


def a_devnet(folder: Path) -> Devnet:
    """One that was made, and of which nothing runs."""
    nodes = [a_node(0, folder), a_node(1, folder)]
    return Devnet(
        folder, Record(format=1, node_package="", waypoint="0:aa", options=DevnetOptions(), nodes=nodes)
    )


def vedette(*words: object) -> subprocess.CompletedProcess[str]:
    command = [*VEDETTE, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def runner(folder: Path, script: str) -> subprocess.Popen[bytes]:
    """A process that looks like a node's runner: `PROGRAM node_runner.cjs FOLDER`."""
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


def test_a_reserved_port_is_nobody_elses_and_can_still_be_listened_on() -> None:
    (port,) = free_ports(1)
    with reserved(port):
        assert list(taken([port])) == [port]
        with socket.create_server(("127.0.0.1", port)):
            pass
        with pytest.raises(SettingError, match=f"port {port} was taken"), reserved(port):
            pass
    assert not list(taken([port]))


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
    for command in (commands.kill, commands.start, commands.stop, commands.register, commands.twin):
        with pytest.raises(SettingError) as refusal:
            command(0, folder=tmp_path)
        assert str(refusal.value) == complaint
    for change in (commands.increase, commands.retire):
        with pytest.raises(SettingError, match="no devnet"):
            change(0, 1, folder=tmp_path)
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


def test_a_twin_is_the_same_validator_elsewhere(tmp_path: Path) -> None:
    node = a_node(1, tmp_path)
    twin = _twin(node)
    assert twin.dir == tmp_path / "node1-twin"
    assert (twin.pos_address, twin.pow_address) == (node.pos_address, node.pow_address)
    assert not set(twin.ports.all()) & set(node.ports.all())


def test_a_twin_ends_with_the_others(tmp_path: Path) -> None:
    net = a_devnet(tmp_path)
    with runner(tmp_path / "node1-twin", OBEDIENT) as twin, runner(tmp_path / "node1", OBEDIENT) as node:
        net.down()
        assert (node.wait(5), twin.wait(5)) == (-signal.SIGKILL, -signal.SIGKILL)


def test_a_node_has_one_twin_at_most(tmp_path: Path) -> None:
    with runner(tmp_path / "node0-twin", OBEDIENT) as twin:
        with pytest.raises(SettingError, match="node 0 has a twin already"):
            a_devnet(tmp_path).twin(0)
        twin.kill()


@pytest.mark.parametrize("votes", [0, -1])
def test_stake_changes_by_at_least_a_vote(tmp_path: Path, votes: int) -> None:
    for change in (staking.increase, staking.retire):
        with pytest.raises(SettingError, match=f"{votes} votes: choose 1 or more"):
            change(a_devnet(tmp_path), 0, votes)


def test_stake_needs_a_validator_and_a_maker_of_pow_blocks(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="node 0 is down and makes no PoW blocks: vedette devnet start 0"):
        staking.retire(a_devnet(tmp_path), 0, 1)


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


def test_the_runner_runs_below_a_folder_whose_scripts_are_modules(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"type": "module"}')
    runner_there = shutil.copy(process.RUNNER, tmp_path)
    command = [node_program(), runner_there, tmp_path / "no.node", "config", "log", tmp_path]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stderr
    assert "Cannot find module" in said
    assert "no.node" in said
