"""The reference names every number and state that an agent, or a look from outside, tells."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAME = re.compile(r'"((?:pow|pos|peers|host|process|agent|node|endpoint)(?:\.[a-z0-9_]+)+)"')
FILES = {"agent.key", "agent.lock"}


def test_every_series_is_in_the_reference() -> None:
    told = {
        name for file in (ROOT / "src/vedette/agent").rglob("*.py") for name in NAME.findall(file.read_text())
    }
    told |= set(NAME.findall((ROOT / "src/vedette/server/looker.py").read_text()))
    page = (ROOT / "docs/reference/series.md").read_text()
    assert len(told) > 30
    assert {name for name in told - FILES if f"`{name}`" not in page} == set()
