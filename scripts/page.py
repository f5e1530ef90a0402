"""Types and checks of the page: `scripts/page.py types` writes them, `scripts/page.py check` only looks.

The page's types are made from the server's OpenAPI document, so a field that the server no longer has is an
error of the page's build and not of somebody's night.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
UI = ROOT / "ui"
TYPES = UI / "src" / "api-types.ts"
sys.path.insert(0, str(ROOT))

from hatch_build import npm_command  # noqa: E402  the root is no package, so its folder comes first
from vedette.server.app import openapi_document  # noqa: E402  as above


def npm(*arguments: str) -> None:
    """One npm command in ui/, by the Node that PyPI brings; what it says is shown, its failure is ours."""
    command = npm_command()
    path = f"{Path(command[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run([*command, *arguments], cwd=UI, env={**os.environ, "PATH": path}, check=False)  # noqa: S603  our own commands
    if done.returncode:
        sys.exit(f"npm {' '.join(arguments)} failed with status {done.returncode}")


def made() -> str:
    """The types as the server's document has them now."""
    with tempfile.TemporaryDirectory() as folder:
        document, types = Path(folder) / "openapi.json", Path(folder) / "api-types.ts"
        document.write_text(json.dumps(without_examples(openapi_document())))
        npm("exec", "--silent", "--", "openapi-typescript", str(document), "-o", str(types))
        return types.read_text()


def without_examples(document: Any) -> Any:
    """The document for types alone: their examples would be lines of comments."""
    if isinstance(document, dict):
        shows = "schema" in document
        return {k: without_examples(v) for k, v in document.items() if not (shows and k == "example")}
    return [without_examples(one) for one in document] if isinstance(document, list) else document


def main() -> None:
    if sys.argv[1:] == ["types"]:
        TYPES.write_text(made())
    elif sys.argv[1:] == ["check"]:
        if TYPES.read_text() != made():
            sys.exit(f"{TYPES.relative_to(ROOT)} is stale: make page-types")
        npm("run", "--silent", "check")
        npm("run", "--silent", "test")
    else:
        sys.exit(f"usage: {sys.argv[0]} types|check")


if __name__ == "__main__":
    main()
