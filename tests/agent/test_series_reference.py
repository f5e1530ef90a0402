"""The reference names every number and state that an agent, or a look from outside, tells."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ["pow", "pos", "peers", "txpool", "espace", "guard", "metrics", "sync", "log", "disk", "host"]
ROOMS += ["process", "agent", "node", "endpoint"]
NAME = re.compile(rf'"((?:{"|".join(ROOMS)})(?:\.[a-z0-9_]+)+)"')
FILES = {"agent.key", "agent.lock", "pos.log"}


def test_every_series_is_in_the_reference() -> None:
    told = {
        name for file in (ROOT / "src/vedette/agent").rglob("*.py") for name in NAME.findall(file.read_text())
    }
    for file in ("server/looker.py", "model/pos.py"):
        told |= set(NAME.findall((ROOT / "src/vedette" / file).read_text()))
    page = (ROOT / "docs/reference/series.md").read_text()
    assert len(told) > 30
    assert {name for name in told - FILES if f"`{name}`" not in page} == set()
