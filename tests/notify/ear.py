"""A real HTTP server on loopback that remembers what it heard and answers as it is told."""

import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Ear:
    """What was heard, and how it answers."""

    def __init__(self) -> None:
        self.heard: list[tuple[web.BaseRequest, bytes]] = []
        self.answer: Handler = self.fine
        self.port = 0

    @staticmethod
    async def fine(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=204)

    async def hear(self, request: web.Request) -> web.StreamResponse:
        self.heard.append((request, await request.read()))
        return await self.answer(request)

    def say(self, status: int, body: object = None, headers: dict[str, str] | None = None) -> None:
        """Answer so from now on: JSON, or a text as it is."""
        text = body if isinstance(body, str) else json.dumps(body)

        async def said(_request: web.Request) -> web.StreamResponse:
            return web.Response(status=status, text=text, headers=headers)

        self.answer = said

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url(self, host: str = "127.0.0.1") -> str:
        return f"http://user:hunter2@{host}:{self.port}/hook/s3cret-path?token=s3cret-query"

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.heard]


@asynccontextmanager
async def listening() -> AsyncIterator[Ear]:
    ear = Ear()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", ear.hear)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    ear.port = listener.getsockname()[1]
    await web.SockSite(runner, listener).start()
    try:
        yield ear
    finally:
        await runner.cleanup()
