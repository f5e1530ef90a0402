"""`vedette serve` and `vedette openapi`."""

import json
import logging
import os
from pathlib import Path
from typing import Annotated

import uvloop
from cyclopts import Parameter

from vedette.model.clock import MachineClock
from vedette.server.app import WebServer, bind, openapi_document
from vedette.server.house import opened
from vedette.server.settings import Settings, load

log = logging.getLogger(__name__)


def serve(
    *,
    config: Annotated[Path | None, Parameter(help="the settings, a TOML file")] = None,
    host: Annotated[str | None, Parameter(help="address to listen on")] = None,
    port: Annotated[int | None, Parameter(help="port to listen on")] = None,
    database: Annotated[str | None, Parameter(help="path of an SQLite file, or postgresql://...")] = None,
) -> None:
    """Run the server. Settings: the file, then VEDETTE_* of the environment, then these options."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    settings = load(config, os.environ, host=host, port=port, database=database)
    uvloop.run(run(settings))


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then close everything in reverse."""
    listener = bind(settings.host, settings.port)
    try:
        async with opened(settings, MachineClock()) as house:
            address, port, *_ = listener.getsockname()
            log.info("Vedette listens on http://%s:%d", f"[{address}]" if ":" in address else address, port)
            await WebServer(house).serve(sockets=[listener])
    finally:
        listener.close()


def openapi() -> None:
    """Print the OpenAPI document of the API."""
    print(json.dumps(openapi_document(), indent=2, ensure_ascii=False))  # noqa: T201 - it is the product
