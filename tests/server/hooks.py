"""A webhook's other side on loopback, which answers as it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

Answer = tuple[int, dict[str, str]]


class Hook:
    """Keeps what it took. `answers` come first, one each; then `usual`. While it `hangs` it is silent."""

    def __init__(self) -> None:
        self.url = ""
        self.bodies: list[dict[str, Any]] = []
        self.asked = 0
        self.answers: list[Answer] = []
        self.usual: Answer = (200, {})
        self.hangs = False
        self.ended = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        self.asked += 1
        body = await request.json()
        if self.hangs:
            await self.ended.wait()
        status, headers = self.answers.pop(0) if self.answers else self.usual
        if status < 300:
            self.bodies.append(body)
        return web.Response(status=status, headers=headers)

    @property
    def keys(self) -> list[str]:
        return [body["id"] for body in self.bodies]


@asynccontextmanager
async def hooks(port: int = 0) -> AsyncIterator[Hook]:
    hook = Hook()
    app = web.Application()
    app.router.add_post("/{path:.*}", hook.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    assert site._server is not None
    hook.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
    try:
        yield hook
    finally:
        hook.ended.set()
        await runner.cleanup()
