"""Lists what is pinned in requirements/ and behind the index's newest; whether it is weak it cannot know.

usage: scripts/outdated.py [FILE ...]      exits with 1 if something is behind by a whole first number
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


def pinned(files: list[Path]) -> dict[str, str]:
    """Each package's version, as the files pin it."""
    return {_plain(name): version for file in files for name, version in PIN.findall(file.read_text())}


def newer() -> dict[str, str]:
    """The newest version of each installed package that is behind, as pip finds it at its own index."""
    command = [sys.executable, "-m", "pip", "list", "--outdated", "--format", "json"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own words
    return {_plain(one["name"]): one["latest_version"] for one in json.loads(told)}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main(given: list[str]) -> int:
    files = [Path(name) for name in given] or sorted((ROOT / "requirements").glob("*.txt"))
    pins, latest = pinned(files), newer()
    behind = {name: (pins[name], latest[name]) for name in sorted(pins.keys() & latest.keys())}
    for name, (ours, theirs) in behind.items():
        print(f"{name}\t{ours}\t{theirs}")  # noqa: T201 - its product
    return int(any(ours.partition(".")[0] != theirs.partition(".")[0] for ours, theirs in behind.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
