"""Prometheus's own programs, for tests that let them judge what we tell it."""

import shutil
import subprocess
from pathlib import Path

import pytest

UNPACKED = Path(__file__).parents[1] / ".venv/prometheus/usr/bin"


def program(name: str) -> str:
    """Where it is; the test is skipped, and says so, if it is nowhere."""
    found = shutil.which(name) or shutil.which(name, path=str(UNPACKED))
    if found is None:
        pytest.skip(f"{name} is not here: scripts/promtool.sh brings it (Debian: the package prometheus)")
    return found


def promtool(*arguments: str | Path, given: bytes = b"") -> str:
    """What promtool says; it must be content."""
    command = [program("promtool"), *map(str, arguments)]
    done = subprocess.run(command, input=given, capture_output=True, check=False, timeout=60)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said
