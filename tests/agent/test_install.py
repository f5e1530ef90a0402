"""The agent's unit: what systemd says of it, and what it may touch."""

import os
import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.agent.conftest import Scene
from vedette.agent.commands import app
from vedette.agent.install import Account, Unit, command_here, quoted, unit_for
from vedette.agent.options import Options, write_options
from vedette.model.errors import SettingError

ROOT = Path(__file__).parents[2]
SHIPPED = Unit("/opt/vedette/bin/vedette", Path("/var/lib/vedette-agent"), Account("conflux"))
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="systemd-analyze is not here (Debian: apt install systemd)",
)


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def value(text: str, name: str) -> list[str]:
    return [line.partition("=")[2] for line in lines(text) if line.startswith(f"{name}=")]


UNITS = {
    "named": Unit(command_here(), Path("/var/lib/vedette-agent"), Account("daemon", "1")),
    "dynamic": Unit(command_here(), Path("/var/lib/vedette-agent"), Account("dynamic")),
    "odd paths": Unit(
        command_here(), Path("/srv/my agents/50%"), Account("daemon"), (Path("/srv/the node/$x"), Path("/a"))
    ),
    "root": Unit(command_here(), Path("/srv/agent"), Account("root", "0"), (Path("/srv/node"),)),
}


@needs_systemd
@pytest.mark.parametrize("kind", UNITS)
def test_systemd_understands_every_line(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "vedette-agent.service"
    path.write_text(UNITS[kind].text())
    done = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_systemd
@pytest.mark.parametrize("kind, most", [("named", 20), ("dynamic", 20), ("odd paths", 20), ("root", 30)])
def test_systemd_finds_little_exposed(tmp_path: Path, kind: str, most: int) -> None:
    """In tenths, as systemd counts: nothing is 0, and a unit without any of this 96."""
    path = tmp_path / "vedette-agent.service"
    path.write_text(UNITS[kind].text())
    command = [
        "systemd-analyze",
        "security",
        "--offline=true",
        f"--threshold={most}",
        "--no-pager",
        str(path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    (told,) = re.findall(r"exposure level .*: ([0-9.]+)", done.stdout)
    assert done.returncode == 0, done.stdout
    assert float(told) * 10 <= most


def test_nothing_of_the_template_is_left_open() -> None:
    for unit in UNITS.values():
        assert re.findall(r"@[A-Z_]+@", unit.text()) == []


def test_the_unit_in_deploy_is_what_install_would_write() -> None:
    assert (ROOT / "deploy/systemd/vedette-agent.service").read_text() == SHIPPED.text()


def test_the_folder_alone_can_be_written() -> None:
    assert value(SHIPPED.text(), "StateDirectory") == ["vedette-agent"]
    assert value(SHIPPED.text(), "ReadWritePaths") == []
    text = UNITS["odd paths"].text()
    assert value(text, "ReadWritePaths") == ['"/srv/my agents/50%%"']
    assert value(text, "ReadOnlyPaths") == ['"-/srv/the node/$$x" -/a']
    assert value(text, "ProtectSystem") == ["strict"]
    assert value(text, "ExecStart")[0].endswith('agent run --dir "/srv/my agents/50%%"')


def test_it_has_bounds() -> None:
    bounds = {
        name: value(SHIPPED.text(), name) for name in ("MemoryMax", "CPUQuota", "TasksMax", "TimeoutStopSec")
    }
    assert bounds == {
        "MemoryMax": ["128M"],
        "CPUQuota": ["20%"],
        "TasksMax": ["128"],
        "TimeoutStopSec": ["10"],
    }


def test_only_root_keeps_a_capability() -> None:
    assert value(SHIPPED.text(), "CapabilityBoundingSet") == [""]
    assert value(UNITS["root"].text(), "CapabilityBoundingSet") == ["CAP_SYS_PTRACE CAP_DAC_READ_SEARCH"]


def test_it_runs_as_the_user_and_group_of_the_nodes_process(scene: Scene, tmp_path: Path) -> None:
    write_options(tmp_path, Options(node=scene.settings.node))
    unit = unit_for(tmp_path, Options(node=scene.settings.node), None)
    assert unit.account == Account(pwd.getpwuid(os.geteuid()).pw_name, str(os.getegid()))


def test_the_nodes_files_are_read_only(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    config = tmp_path / "hydra.toml"
    config.write_text(
        f'conflux_data_dir = "{tmp_path}/data"\nlog_file = "/x/y/z.log"\n'
        f'pos_config_path = "{tmp_path}/none.yaml"\n'
    )
    unit = unit_for(tmp_path / "agent", Options(node=scene.settings.node, config=config), None)
    assert {tmp_path, Path("/x/y")} <= set(unit.read)
    assert tmp_path / "data" not in unit.read  # within another
    assert value(unit.text(), "PrivateTmp") == ["no"]  # or the node's files were hidden


def test_without_the_nodes_process_a_user_must_be_named(tmp_path: Path) -> None:
    away = Options(node="http://127.0.0.1:9")
    with pytest.raises(SettingError, match=r"--user: .*nothing listens on port 9"):
        unit_for(tmp_path, away, None)
    assert unit_for(tmp_path, away, "daemon").account == Account("daemon")
    assert unit_for(tmp_path, away, "dynamic").account == Account("dynamic")
    with pytest.raises(SettingError, match="there is no user 'no-such-user'"):
        unit_for(tmp_path, away, "no-such-user")


@pytest.mark.parametrize("name", ['a"b', "a\nb", "a\\b", "a\x07"])
def test_a_path_that_no_unit_can_hold_is_refused(name: str) -> None:
    with pytest.raises(SettingError, match="cannot stand in a unit file"):
        quoted(Path("/srv") / name)


def test_install_writes_the_unit_and_says_what_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["install", "--dir", "/srv/agent", "--user", "daemon", "--node", "http://127.0.0.1:9"]
    app([*words, "--dry-run"], result_action="return_value")
    shown = capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    app([*words, "--unit-dir", str(tmp_path), "--unit", "agent-b"], result_action="return_value")
    path = tmp_path / "agent-b.service"
    assert path.read_text() == shown
    assert path.stat().st_mode & 0o777 == 0o644
    steps = [line.strip() for line in capsys.readouterr().out.splitlines()[1:]]
    assert steps[0].startswith("vedette agent enroll URL - --name NAME --dir /srv/agent")
    assert steps[1:4] == [
        "chown -R daemon: /srv/agent",
        "systemctl daemon-reload",
        "systemctl enable --now agent-b",
    ]
    assert steps[4].startswith("sudo -u daemon ")


@pytest.mark.parametrize(
    "words, line",
    [
        (["--unit", "../x"], "--unit"),
        (["--unit-dir", "/no/such/folder"], "cannot be written"),
    ],
)
def test_a_wrong_place_is_one_line(words: list[str], line: str) -> None:
    with pytest.raises(SettingError, match=line):
        app(
            ["install", "--user", "daemon", "--node", "http://127.0.0.1:9", *words],
            result_action="return_value",
        )


def test_the_command_is_there() -> None:
    program = command_here().split()[0]
    assert os.access(program, os.X_OK)
    assert Path(program).parent == Path(sys.executable).parent


HARDENED = """
import ctypes, os, runpy, sys
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0  # NoNewPrivileges
if libc.prctl(65, 1, 0, 0, 0):  # MemoryDenyWriteExecute, since Linux 6.3
    sys.exit(77)
sys.argv = ["vedette", *sys.argv[1:]]
runpy.run_module("vedette.agent", run_name="__main__")
"""


@pytest.mark.slow
def test_the_agent_lives_without_memory_that_is_written_and_run(scene: Scene) -> None:
    settings = msgspec.json.encode(scene.settings).decode()
    child = subprocess.Popen([sys.executable, "-c", HARDENED, settings], stderr=subprocess.PIPE, text=True)
    with child:
        try:
            post = scene.server.wait_for(lambda _: len(scene.server.reports) > 2, within_s=20)
        finally:
            child.terminate()
            _, errors = child.communicate(timeout=10)
    if child.returncode == 77:
        pytest.skip("this kernel cannot forbid memory that is written and run")
    assert child.returncode == 0, errors
    failing = {
        name for report in post.envelope.reports for name in report.numbers if name.endswith(".failed")
    }
    assert "a bug" not in errors
    assert not failing & {"probe.clock.failed", "probe.process.failed"}
