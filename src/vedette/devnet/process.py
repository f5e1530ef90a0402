"""The processes of the nodes.

They are found, not remembered: a node's process is the runner whose last argument is the node's folder, so no
pid on a disk can ever point to somebody else's process.
"""

import os
import select
import signal
import subprocess
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType

from vedette.devnet.nodes import Node
from vedette.model.errors import VedetteError

RUNNER = Path(__file__).with_name("node_runner.cjs")
KILL_DEADLINE_S = 10.0
LAST_WORDS_CHARS_MAX = 300


def spawn(node: Node, program: str, addon: Path) -> subprocess.Popen[bytes]:
    """Start the node in a session of its own: it outlives us, and a Ctrl-C meant for us does not reach it."""
    paths = (RUNNER, addon, node.dir / "config.toml", node.dir / "log.yaml", node.dir)
    command = [program, *map(str, paths)]
    with node.output_file.open("ab") as output:
        return subprocess.Popen(  # noqa: S603  # our own runner
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )


def running() -> Mapping[Path, int]:
    """The folders of all running nodes of this machine that we may see, and their pids."""
    found = {}
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and (folder := _runs_for(process)):
            found[folder] = int(process.name)
    return found


def _runs_for(process: Path) -> Path | None:
    """The node folder of a runner's process; None for any other process, and for one that just ended."""
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")[:-1]
    except OSError:
        return None
    is_runner = len(words) > 2 and Path(os.fsdecode(words[1])).name == RUNNER.name  # noqa: PLR2004
    return Path(os.fsdecode(words[-1])) if is_runner else None


def last_words(node: Node) -> str:
    """The end of what the node's process wrote, on one line: it says why it ended."""
    try:
        lines = node.output_file.read_text(errors="replace").split("\n")
    except OSError:
        lines = []
    said = [line.strip() for line in lines if line.strip()]
    return said[-1][:LAST_WORDS_CHARS_MAX] if said else f"it said nothing; see {node.dir}/conflux.log"


def end(folders: Collection[Path], sign: signal.Signals, *, patience_s: float) -> None:
    """Signal the nodes' processes and wait until all are gone; those that outstay the patience are killed."""
    with ExitStack() as stack:
        processes = list(_opened(folders, stack))
        for process in processes:
            _signal(process, sign)
        for process in _staying(processes, patience_s):
            _signal(process, signal.SIGKILL)
        if list(_staying(processes, KILL_DEADLINE_S)):
            raise VedetteError("a node does not end even when killed: its disk may hang")


def _opened(folders: Collection[Path], stack: ExitStack) -> Iterator[int]:
    """A handle on each process (pidfd): unlike a pid, it never comes to mean another one."""
    for folder, pid in running().items():
        if folder not in folders:
            continue
        with suppress(ProcessLookupError):
            handle = os.pidfd_open(pid)
            stack.callback(os.close, handle)
            if _runs_for(Path(f"/proc/{pid}")) == folder:  # the pid may have changed hands before we held it
                yield handle


def _signal(process: int, sign: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(process, sign)


def _staying(processes: Iterable[int], patience_s: float) -> Iterator[int]:
    """Those that have not ended, with all their threads, when the patience is over."""
    deadline = time.monotonic() + patience_s
    for process in processes:
        ended, _, _ = select.select([process], [], [], max(0.0, deadline - time.monotonic()))
        if not ended:
            yield process


class Stopped(KeyboardInterrupt):  # a wish, not an error
    """Somebody asked us to end: Ctrl-C, SIGTERM, or the terminal went away."""


@contextmanager
def stoppable() -> Iterator[None]:
    """Inside, a wish to end is raised as `Stopped` where we are, so that all that was opened is closed."""
    asked = False

    def stop(number: int, _: FrameType | None) -> None:
        nonlocal asked
        if not asked:  # the closing is not interrupted a second time
            asked = True
            raise Stopped(signal.Signals(number).name)

    before = {sign: signal.signal(sign, stop) for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
