"""The real server beside a browser, in a thread of its own, as http://localhost so that passkeys work."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.server import stage
from vedette.model.clock import MachineClock
from vedette.server.app import WebServer, bind
from vedette.server.house import House, opened

T = TypeVar("T")
DEED_S = 30


@dataclass
class Real:
    """A server that runs: where it is, and how to do something in its own loop."""

    url: str
    house: House
    loop: asyncio.AbstractEventLoop

    def run(self, deed: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(deed, self.loop).result(DEED_S)


@contextlib.contextmanager
def real(folder: Path, **given: Any) -> Iterator[Real]:
    """A server that believes nobody on its machine, unless told otherwise."""
    up, over = threading.Event(), asyncio.Event()
    running: list[Real] = []
    failed: list[BaseException] = []

    async def serve() -> None:
        listener = bind("127.0.0.1", 0)
        url = f"http://localhost:{listener.getsockname()[1]}"
        settings = stage.settings(folder, **({"trust_loopback": False, "public_url": url} | given))
        async with opened(settings, MachineClock()) as house:
            server = WebServer(house)
            task = asyncio.create_task(server.serve(sockets=[listener]))
            await stage.until(lambda: server.started)
            running.append(Real(url, house, asyncio.get_running_loop()))
            up.set()
            await over.wait()
            server.stop()
            await task

    def work() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - told to the test, in whose thread it can be raised
            failed.append(error)
            up.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert up.wait(DEED_S)
    if failed:
        raise failed[0]
    yield running[0]
    running[0].loop.call_soon_threadsafe(over.set)
    thread.join(DEED_S)
    assert not failed, failed
