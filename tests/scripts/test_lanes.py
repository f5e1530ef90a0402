"""What runs behind takes what is left over, is seen when it has ended, and ends with whoever called."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/lanes.py"


def lanes(*lines: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *lines]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_first_is_as_usual_and_those_behind_take_what_is_left() -> None:
    ended = lanes("nice; echo first", "nice", "echo 'it''s told' late; sleep 0.3; echo end")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split("\n") == [str(os.nice(0)), "first", "19", "its told late", "end", ""]


@pytest.mark.parametrize(
    ("lines", "failed"),
    [
        (("exit 3", "true"), ["exit 3"]),
        (("true", "true", "echo why; exit 7"), ["echo why; exit 7"]),
        (("false", "kill -9 $$"), ["false", "kill -9 $$"]),
    ],
)
def test_whoever_fails_is_named(lines: tuple[str, ...], failed: list[str]) -> None:
    ended = lanes(*lines)
    assert ended.returncode == 1
    assert [line for line in ended.stderr.splitlines() if "failed" in line] == [
        f"vedette: failed: {line}" for line in failed
    ]


def test_without_two_lanes_it_says_how_it_is_called() -> None:
    assert (lanes("true").returncode, "usage:" in lanes("true").stderr) == (2, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_whoever_stops_it_stops_all_of_it(tmp_path: Path, number: signal.Signals) -> None:
    behind = f"echo $$ > {tmp_path}/pid; exec sleep 60"
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), "exec sleep 60", behind], start_new_session=True, stderr=subprocess.PIPE
    ) as called:
        told = tmp_path / "pid"
        while not (told.exists() and told.read_text().strip()):
            time.sleep(0.02)
        os.killpg(called.pid, number)
        assert called.wait(20) != 0
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)
