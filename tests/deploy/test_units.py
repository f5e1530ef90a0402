"""The server's systemd unit: what systemd says of it. The agent's own is tested where it is made."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy/systemd/vedette-server.service"
MOST_EXPOSED = 1.5  # of 10; a unit without any of this has 9.6
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="systemd-analyze is not here (Debian: apt install systemd)",
)


def values(name: str) -> list[str]:
    lines = UNIT.read_text().splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]


@needs_systemd
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    path = tmp_path / UNIT.name
    path.write_text(UNIT.read_text().replace("/opt/vedette/bin/vedette", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_systemd
def test_with_its_secrets_too(tmp_path: Path) -> None:
    path = tmp_path / UNIT.name
    text = re.sub(r"^# (LoadCredential|Environment)=", r"\1=", UNIT.read_text(), flags=re.MULTILINE)
    path.write_text(text.replace("/opt/vedette/bin/vedette", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)
    assert text.count("\nLoadCredential=") == 2
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_systemd
def test_systemd_finds_little_exposed() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    (told,) = re.findall(r"exposure level .*: ([0-9.]+)", done.stdout)
    assert float(told) <= MOST_EXPOSED


def test_it_writes_into_its_own_folder_alone() -> None:
    assert values("ProtectSystem") == ["strict"]
    assert values("StateDirectory") == ["vedette"]
    assert values("ReadWritePaths") == []
    assert values("CapabilityBoundingSet") == values("AmbientCapabilities") == [""]
    assert values("DynamicUser") == ["yes"]


def test_it_has_bounds_and_comes_back() -> None:
    names = ("MemoryMax", "TasksMax", "TimeoutStopSec", "Restart", "RestartSec", "StartLimitIntervalSec")
    assert {name: values(name) for name in names} == {
        "MemoryMax": ["1536M"],
        "TasksMax": ["256"],
        "TimeoutStopSec": ["30"],
        "Restart": ["always"],
        "RestartSec": ["2"],
        "StartLimitIntervalSec": ["0"],  # it tries again for ever
    }
