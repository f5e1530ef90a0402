"""Runs one command as if nothing were beside it, and others in the time that it leaves over.

usage: scripts/lanes.py FIRST BEHIND...   (each a line for the shell)

Tests on real validators wait most of their time, and fail where the machine makes them wait longer. What
hangs on no pace, as types and sums, is done behind them: at the lowest priority, in a session of its own, for
some kernels weigh sessions before they weigh what is in them. The first one's output is seen as it comes,
that of the others when they have ended. The status is 1 if any of them failed.
"""

import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO

ASIDE = "echo 19 2>/dev/null >/proc/$$/autogroup; exec nice -n 19"
"""For the session as a whole, where the kernel weighs sessions, and for each of its processes."""


def main(lines: Sequence[str]) -> int:
    if len(lines) < 2:  # noqa: PLR2004 - one before, one behind
        say((__doc__ or "").splitlines()[2])
        return 2
    first, *others = lines
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # leaving, we end those behind
    with running(others) as behind:
        failed = [first] if subprocess.run(["bash", "-c", first], check=False).returncode else []  # noqa: S603, S607 - our caller's own words
        for line, lane, output in behind:
            status = lane.wait()
            say(f"\n{line}")
            output.seek(0)
            sys.stdout.write(output.read())
            sys.stdout.flush()
            failed += [line] if status else []
    for line in failed:
        say(f"failed: {line}")
    return int(bool(failed))


@contextmanager
def running(lines: Sequence[str]) -> Iterator[list[tuple[str, subprocess.Popen[str], IO[str]]]]:
    """Those behind; when we leave early, they end with us."""
    lanes: list[tuple[str, subprocess.Popen[str], IO[str]]] = []
    try:
        for line in lines:
            output = tempfile.TemporaryFile("w+")  # noqa: SIM115 - read after its writer has ended
            lane = subprocess.Popen(  # noqa: S603 - our caller's own words
                ["bash", "-c", f"{ASIDE} bash -c {shlex.quote(line)}"],  # noqa: S607 - the PATH's, as for make
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
            lanes.append((line, lane, output))
        yield lanes
    finally:
        for _, lane, told in lanes:
            with suppress(ProcessLookupError):
                if lane.poll() is None:
                    os.killpg(lane.pid, signal.SIGTERM)
                    lane.wait()
            told.close()


def say(line: str) -> None:
    print(f"vedette: {line.strip()}", file=sys.stderr, flush=True)  # noqa: T201 - its product


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
