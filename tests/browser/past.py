"""A past behind a real server in a thread of its own, for the pages that tell of it.

The past is the API tests' own, with its holes: see tests/server/history.py.
"""

import asyncio
import contextlib
import json
import threading
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.server.history import Past, filled, grown
from tests.server.stage import served, settings
from vedette.server.house import House

Beside = Callable[[House, Past], Awaitable[None]]


@dataclass(frozen=True)
class PastServer:
    """Where it is, and what it says."""

    url: str

    def ask(self, path: str) -> Any:
        """What the API answers: the page must say the same."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.url}/api/v1/{path}", timeout=30) as reply:
            return json.load(reply)


@contextlib.contextmanager
def running(opened: AbstractAsyncContextManager[str]) -> Iterator[PastServer]:
    """Whatever opens a server and tells its address, in a thread with a loop of its own."""
    found: list[str] = []
    up, over = threading.Event(), threading.Event()

    async def serve() -> None:
        async with opened as url:
            found.append(url)
            up.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    try:
        assert up.wait(60), "the server did not start"
        yield PastServer(found[0])
    finally:
        over.set()
        thread.join(30)


@contextlib.asynccontextmanager
async def a_past(place: Path, beside: Beside | None = None) -> AsyncIterator[str]:
    """A server over the past, and over what is told to its store beside that."""
    past = grown()
    await filled(past, place / "vedette.db")
    async with served(settings(place)) as (house, url):
        if beside is not None:
            await beside(house, past)
        yield url


@contextlib.contextmanager
def past_server(place: Path) -> Iterator[PastServer]:
    with running(a_past(place)) as server:
        yield server
