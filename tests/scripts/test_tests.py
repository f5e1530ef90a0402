"""The second look: what failed in the crowd and passes alone is named, all else fails as before."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/tests.py"

ONCE = """
def test_{name}():
    from pathlib import Path
    been = Path("been-{name}")
    again = been.exists()
    been.touch()
    assert again
"""
ALWAYS = "\ndef test_never():\n    assert False\n"
FINE = "\ndef test_fine():\n    assert True\n"
PACE = "PASSED ALONE"


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (FINE + ONCE.format(name="a"), 0, PACE),
        (ONCE.format(name="a") + ALWAYS, 1, "failed alone as well"),
        ("".join(ONCE.format(name=name) for name in "abcd"), 1, "4 tests failed"),
        ("import nothing_such", 2, ""),
    ],
)
def test_only_a_few_that_pass_alone_are_forgiven(tmp_path: Path, body: str, status: int, says: str) -> None:
    (tmp_path / "test_it.py").write_text(body)
    command = [sys.executable, str(SCRIPT), "-p", "xdist.plugin", "-W", "ignore", "test_it.py"]
    bare = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # loading what is not asked costs seconds
    ended = subprocess.run(command, cwd=tmp_path, env=bare, capture_output=True, text=True, check=False)
    assert ended.returncode == status, ended.stdout + ended.stderr
    assert says in ended.stderr
    assert (PACE in ended.stderr) == (says == PACE)
    if says == PACE:
        assert "test_it.py::test_a" in ended.stderr
