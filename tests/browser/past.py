"""A past behind a real server in a thread of its own, for the pages that tell of it.

The past is the API tests' own, with its holes: see tests/server/history.py.
"""

import asyncio
import contextlib
import json
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.server.history import filled, grown
from tests.server.stage import served, settings


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
def past_server(place: Path) -> Iterator[PastServer]:
    found: list[str] = []
    up, over = threading.Event(), threading.Event()

    async def serve() -> None:
        await filled(grown(), place / "vedette.db")
        async with served(settings(place)) as (_, url):
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
