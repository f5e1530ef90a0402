"""`make bench`: every measurement in turn, as one table."""

import json
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

HELPERS = {"__init__", "__main__", "machine"}


def names() -> list[str]:
    return sorted(file.stem for file in Path(__file__).parent.glob("*.py") if file.stem not in HELPERS)


def measured(name: str) -> dict[str, object]:
    """One measurement's line; a failed one says so in its place."""
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{name}"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1] if done.stderr.strip() else done.returncode}
    figures: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


def main() -> None:
    table = Table("measurement", "figure", "value")
    failed = False
    for name in names():
        for key, value in measured(name).items():
            failed = failed or key == "failed"
            table.add_row(name, key, str(value))
        table.add_section()
    Console().print(table)
    sys.exit(failed)


if __name__ == "__main__":
    main()
