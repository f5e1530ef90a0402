"""The node's process and its files, as far as this user may see them."""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

from vedette.agent.checks.finding import Finding, failed, ok, warning
from vedette.agent.files import read_small
from vedette.agent.node_process import Watch, local_port
from vedette.agent.place import NodeFiles
from vedette.agent.probes import guard
from vedette.model.process import ProcessState

AS_ITS_USER = "run the agent as the node's user or as root; in a container share the node's PID namespace"
SHOW_DATA = (
    "let the agent's user read it (the node's user may); in a container mount it read-only at the same path"
)


def process_finding(url: str, watch: Watch) -> Finding:
    """Whether its end will be seen in the moment it comes."""
    what = "node process"
    if local_port(url) is None:
        told = "the node is on another machine: its end is seen only by its silence"
        return warning(what, told, "run an agent beside it, and give --node its loopback port")
    if watch.state is ProcessState.RUNNING:
        return ok(what, f"pid {watch.pid} of {_user(watch.pid)}; held by a pidfd, its end is told at once")
    mend = AS_ITS_USER if "cannot be seen" in (watch.reason or "") else "start the node, or put --node right"
    return failed(what, watch.reason or "it is not found", mend)


def _user(pid: int | None) -> str:
    try:
        uid = Path(f"/proc/{pid}").stat().st_uid
        return pwd.getpwuid(uid).pw_name
    except OSError:
        return "an unknown user"
    except KeyError:
        return f"user {uid}"


def file_findings(files: NodeFiles | None, why: str) -> Iterator[Finding]:
    """`why` the files are not known; empty if the node is simply elsewhere."""
    if files is None:
        told = why or "the node is on another machine: its files cannot be seen"
        mend = AS_ITS_USER if "cannot be seen" in told else "give the node's configuration as --config"
        yield failed("config file", told, mend) if why else warning("config file", told, AS_ITS_USER)
        return
    yield ok(
        "config file",
        f"{files.config} is read; of its settings only {len(files.settings)} harmless ones are kept",
    )
    yield _folder("data folder", files.data_dir)
    yield _guard(files)
    yield from _logs(files)


def _folder(what: str, path: Path) -> Finding:
    if not path.is_dir():
        return failed(what, f"{path} is not there, or not to be seen", SHOW_DATA)
    if not os.access(path, os.R_OK | os.X_OK):
        return failed(what, f"{path} cannot be read", SHOW_DATA)
    return ok(what, f"{path} can be read")


def _guard(files: NodeFiles) -> Finding:
    what, path = "guard file", files.guard
    try:
        content = read_small(path, guard.BYTES_MAX)
        numbers, _ = guard.guard(content or b"{}", 0)
    except OSError as error:
        return failed(what, f"{path}: {error.strerror or error}", SHOW_DATA)
    if content is not None:
        voted = numbers.get("guard.last_voted_round")
        return ok(what, f"{path} can be read" + ("" if voted is None else f": last voted in round {voted}"))
    if Path(f"{path}{guard.SAVED}").exists():
        told = f"{path} was moved away to {guard.SAVED}: voting was stopped"
        return warning(what, told, "start_voting on this node or on its twin, never on both")
    return warning(
        what, f"{path} is not there: the node has never voted", "nothing, unless it should be a voter"
    )


def _logs(files: NodeFiles) -> Iterator[Finding]:
    for path in (*files.node_logs, files.pos_log):
        what = "node log" if path in files.node_logs else "pos log"
        if not path.exists():
            yield warning(
                what, f"{path} is not there", "mount the log folder read-only, or ask the node to log there"
            )
        elif os.access(path, os.R_OK):
            yield ok(what, f"{path} can be read")
        else:
            yield failed(what, f"{path} cannot be read", SHOW_DATA)
