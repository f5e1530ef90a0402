"""The web application over an opened house, and the process that serves it."""

import asyncio
import contextlib
import copy
import json
import signal
import socket
from collections.abc import Generator
from functools import cache
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI, Response
from fastapi.middleware.gzip import GZipMiddleware
from starlette.datastructures import State

from vedette import __version__
from vedette.model.errors import SettingError
from vedette.server import page, security_txt
from vedette.server.api import (
    account,
    agents,
    audit_log,
    blocks,
    claims,
    contacts,
    digests,
    embeds,
    epochs,
    events,
    exposition,
    feeds,
    fleet,
    history,
    incidents,
    keys,
    live,
    maintenances,
    network,
    nodes,
    oidc,
    operator_keys,
    outlook,
    past,
    pools,
    profiles,
    push,
    rehearsals,
    routing,
    rules,
    session,
    silences,
    system,
    teams,
    users,
    validators,
    wallets,
)
from vedette.server.api.board import Board
from vedette.server.api.exposition import Scrapes
from vedette.server.api.pool_board import PoolBoard
from vedette.server.api.sent import LIVE, Body, Sent
from vedette.server.api.shapes import IncidentShape, LiveBlock, Problem
from vedette.server.document import TAGS, dressed, operation_id
from vedette.server.door import Door
from vedette.server.house import House
from vedette.server.metrics import Metrics
from vedette.server.problems import PROBLEM_TYPE, say_problems
from vedette.server.wire import BoundedProtocol

BACKLOG = 2_048
KEEP_ALIVE_S = 75  # longer than agents' usual interval: most of a small post's cost would be its connection
GRACE_S = 3
SIGNALS = (signal.SIGTERM, signal.SIGINT)

NOUNS = (
    network,
    history,
    validators,
    past,
    outlook,
    events,
    epochs,
    nodes,
    fleet,
    blocks,
    pools,
    wallets,
    incidents,
    rules,
    live,
    agents,
    claims,
    contacts,
    profiles,
    push,
    rehearsals,
    exposition,
    session,
    account,
    oidc,
    users,
    audit_log,
    keys,
    operator_keys,
    teams,
    routing,
    silences,
    maintenances,
    digests,
)


@cache
def routed() -> FastAPI:
    """The application with its routes, over no house: the same for every one.

    Made once, because it takes a fifth of a second to find out what each route takes; most of it when the
    OpenAPI document is made, or at the first request.
    """
    app = FastAPI(
        title="Vedette",
        version=__version__,
        summary="Keeps watch over Conflux validators and nodes.",
        openapi_url=None,  # we serve it ourselves, tagged
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        openapi_tags=TAGS,
        generate_unique_id_function=operation_id,
        responses={"default": {"model": Problem, "description": "what is wrong, and what to do"}},
    )
    api = APIRouter(prefix="/api/v1")
    for noun in NOUNS:
        api.include_router(noun.router)
    api.include_router(embeds.oembed_router)
    app.include_router(api)
    app.include_router(embeds.router)
    app.include_router(feeds.router)
    app.include_router(system.router)
    app.include_router(security_txt.router)
    app.add_api_route("/api/openapi.json", _openapi, include_in_schema=False)
    app.include_router(page.router())  # it takes every path that is left
    app.add_middleware(GZipMiddleware, minimum_size=1_024, compresslevel=4)
    say_problems(app)
    return app


async def _openapi() -> Response:
    return Sent(_openapi_body(), LIVE)


@cache
def _openapi_body() -> Body:
    return Body(json.dumps(openapi_document(), separators=(",", ":")).encode())


@cache
def openapi_document() -> dict[str, Any]:
    """The OpenAPI document, made once: it takes half a second.

    Every error is a Problem; the live stream's events have their shapes in it.
    """
    return dressed(_with_problems(routed().openapi()))


def _with_problems(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document["components"]["schemas"]
    for shape in (LiveBlock, IncidentShape):
        made = shape.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= made.pop("$defs", {})
        schemas[shape.__name__] = made
    for operation in (one for path in document["paths"].values() for one in path.values()):
        for status, response in operation["responses"].items():
            if not str(status).startswith("2") and "text/html" not in response.get("content", ()):
                schema = {"$ref": "#/components/schemas/Problem"}
                response["content"] = {PROBLEM_TYPE: {"schema": schema}}
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document


def build(house: House) -> Door:
    """The whole application: what uvicorn serves."""
    app = copy.copy(routed())  # its routes are everybody's, its state is this house's
    app.state = State()
    app.openapi_schema = openapi_document()  # what an address takes, for whoever asks for another method
    app.state.house = house
    app.state.board = Board(house)
    app.state.pools = PoolBoard(house)
    door = Door(
        app,
        {("POST", "/api/v1/reports"): house.ingest, ("GET", "/api/v1/live"): house.live},
        house.access.who,
        house.budgets,
        house.settings.trusted,
        house.settings.is_https,
    )
    app.state.metrics = Metrics(house, door)
    app.state.scrapes = Scrapes()
    return door


def bind(host: str, port: int) -> socket.socket:
    """Take the port before anything else is opened, so that a second server changes nothing."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio would not know to send small replies at once.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        why = error.strerror or "it is no address of this machine"
        raise SettingError(
            f"cannot listen on {host} port {port}: {why}; choose another with --port"
        ) from error
    return listener


class WebServer(uvicorn.Server):
    """Ends the live streams first, then leaves the closing of everything else to its caller."""

    def __init__(self, house: House) -> None:
        super().__init__(
            uvicorn.Config(
                build(house),
                http=BoundedProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,  # whoever says he speaks for another is not believed
                server_header=False,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._live = house.live

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Uvicorn would raise the signal again when it has ended, before the house could be closed."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ValueError, RuntimeError):  # not the main thread: whoever runs us stops us
            for one in SIGNALS:
                loop.add_signal_handler(one, self.stop)
        try:
            yield
        finally:
            for one in SIGNALS:
                loop.remove_signal_handler(one)

    def stop(self) -> None:
        self.force_exit = self.should_exit  # asked twice: do not wait for anyone
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._live.close()
        await super().shutdown(sockets)
