"""The hash that a node wants to be told about its own genesis, so that it cannot be led onto another chain.

Only the node can compute it. So a scratch node is started once with a wrong one: it refuses to go on, and
says which would be right. The answer depends only on the genesis file and the node's version, and is kept.
"""

import hashlib
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from vedette.devnet import process
from vedette.devnet.addon import PACKAGE, VERSION
from vedette.devnet.files import cache_folder, replace_file
from vedette.devnet.nodes import Node
from vedette.devnet.tell import Tell
from vedette.model.errors import VedetteError

WRONG = "0:" + "00" * 32
REFUSAL = re.compile(r"Waypoint verification failed.*?got.*?([0-9a-f]{64})", re.DOTALL)
DEADLINE_S = 90.0

Start = Callable[[Node, str], subprocess.Popen[bytes]]
"""Writes the node's files with this waypoint and starts it."""


def waypoint(genesis: bytes, model: Node, start: Start, tell: Tell) -> str:
    """The waypoint of a genesis file; `model` lends its key and ports to the scratch node."""
    known = _memory(genesis)
    if known.exists():
        return known.read_text()
    tell("asking a scratch node for the waypoint of this genesis")
    found = _ask_scratch_node(model, start)
    replace_file(known, found)
    return found


def _memory(genesis: bytes) -> Path:
    folder = cache_folder() / "waypoints"
    folder.mkdir(exist_ok=True)
    return folder / hashlib.sha256(f"{PACKAGE}@{VERSION} ".encode() + genesis).hexdigest()


def _ask_scratch_node(model: Node, start: Start) -> str:
    scratch = msgspec.structs.replace(model, dir=model.dir.parent / "scratch")
    scratch.dir.mkdir()
    shutil.copy(model.dir / "pos_key", scratch.dir)
    try:
        with start(scratch, WRONG) as child:
            try:
                return "0:" + _refusal(scratch, child)
            finally:
                child.kill()
    finally:
        process.end({scratch.dir}, signal.SIGKILL, patience_s=0)  # if we were interrupted at its birth
        shutil.rmtree(scratch.dir, ignore_errors=True)


def _refusal(scratch: Node, child: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        has_ended = child.poll() is not None  # asked first, so that its last words are read too
        if said := REFUSAL.search(_said(scratch)):
            return said[1]
        if has_ended:
            break
        time.sleep(0.1)
    raise VedetteError(f"the node did not name its waypoint: {process.last_words(scratch)}")


def _said(scratch: Node) -> str:
    logs = (scratch.output_file, scratch.dir / "conflux.log", scratch.dir / "pos.log")
    return "".join(log.read_text(errors="replace") for log in logs if log.exists())
