"""The page: static files that were built beside this module, and one page when they were not."""

from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse, HTMLResponse
from starlette.exceptions import HTTPException

STATIC = Path(__file__).parent / "static"
NOT_PAGES = ("api/", "healthz", "readyz", "metrics", "assets/", "badge/", "embed/", ".well-known/")
FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
FRESH = {"Cache-Control": "no-cache"}

UNBUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Vedette</title></head>
<body><h1>Vedette is running</h1>
<p>Its page was not built into this installation. In a checkout, run <code>python hatch_build.py</code>,
or install the wheel, which has it.</p>
<p>The API is at <a href="/api/v1/network">/api/v1/network</a>,
described by <a href="/api/openapi.json">/api/openapi.json</a>.</p></body></html>
"""


def router(static: Path = STATIC) -> APIRouter:
    """Serves `assets/` for ever (their names carry a hash), and index.html for every page's address."""
    routes = APIRouter(include_in_schema=False)
    files = {path.relative_to(static).as_posix(): path for path in static.rglob("*") if path.is_file()}
    index = files.get("index.html")

    @routes.api_route("/{path:path}", methods=["GET", "HEAD"])
    async def page(path: str) -> Response:
        file = files.get(path)
        if file is not None and file != index:
            return FileResponse(file, headers=FOREVER if path.startswith("assets/") else FRESH)
        if path.startswith(NOT_PAGES):
            raise HTTPException(404)  # or 405, where other methods are taken
        if index is None:
            return HTMLResponse(UNBUILT, headers=FRESH)
        return FileResponse(index, headers=FRESH)

    return routes
