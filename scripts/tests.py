"""Runs pytest, and looks a second time, alone, at the few tests that failed in the crowd.

usage: scripts/tests.py [arguments of pytest]

Several workers on a machine of two cores slow each other down, so a test that hangs on the machine's pace may
fail although nothing is wrong. Up to three such failures are run again one after another: whoever fails again
has failed. Whoever passes is named loudly: it is to be mended, for no test should hang on the machine's pace.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

FEW = 3
FAILED = 1
"""Pytest's status when tests ran and some failed; the others mean that the run itself went wrong."""
ALONE = ("--last-failed", "--last-failed-no-failures=none", "-n", "0", "--dist", "no")


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="vedette-tests-") as folder:
        status = run(folder, arguments)
        failed = failures(folder)
        if status != FAILED or not failed:
            return status
        if len(failed) > FEW:
            say(f"{len(failed)} tests failed: too many to be the machine's pace")
            return status
        say(f"{len(failed)} failed in the crowd; once more, alone:", *failed)
        if run(folder, [*arguments, *ALONE]) != 0:
            say("failed alone as well")
            return FAILED
        say(
            "THESE FAILED IN THE CROWD AND PASSED ALONE. They hang on the machine's pace: mend them:", *failed
        )
        return 0


def run(folder: str, arguments: list[str]) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-o", f"cache_dir={folder}", *arguments]
    return subprocess.run(command, check=False).returncode  # noqa: S603 - the arguments are our caller's


def failures(folder: str) -> list[str]:
    """The tests that pytest remembers as failed in its last run."""
    noted = Path(folder, "v/cache/lastfailed")
    return sorted(json.loads(noted.read_text())) if noted.exists() else []


def say(line: str, *tests: str) -> None:
    print(f"\nvedette: {line}", *tests, sep="\n  ", file=sys.stderr, flush=True)  # noqa: T201 - its product


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
