"""The live stream: server-sent events, encoded once and shared by every client as the same bytes.

A client that does not keep up is dropped with the event `reset`: it then reads everything anew.
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Awaitable, Callable

from starlette.types import Receive, Scope, Send

from vedette import __version__
from vedette.model.people import Who
from vedette.server.problems import PROBLEM_TYPE, problem_body

WAITING_MAX = 256
CLIENTS_MAX = 4_000
HEARTBEAT_S = 15
HEARTBEAT = b": still here\n\n"
RESET = b"event: reset\ndata: {}\n\n"

STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hold the events back
]


class Client:
    """One open stream: what waits for it, and whether it is over."""

    __slots__ = ("over", "task", "team_id", "waiting", "wake")

    def __init__(self, who: Who) -> None:
        self.team_id = who.team_id
        self.waiting: deque[bytes] = deque()
        self.wake = asyncio.Event()
        self.over = False
        self.task = asyncio.current_task()

    def put(self, message: bytes) -> None:
        if self.over:
            return
        if len(self.waiting) >= WAITING_MAX:
            self.waiting.clear()
            self.end(RESET)
            return
        self.waiting.append(message)
        self.wake.set()

    def end(self, last: bytes | None = None) -> None:
        if last is not None:
            self.waiting.append(last)
        self.over = True
        self.wake.set()


class Live:
    """Everyone who listens. `publish` costs nothing when nobody does."""

    def __init__(self, who_of: Callable[[Scope], Awaitable[Who]], now_ms: Callable[[], int]) -> None:
        self._who_of = who_of
        self._now_ms = now_ms
        self._clients: set[Client] = set()
        self._teams: Counter[int | None] = Counter()
        self._id = 0
        self._closed = False

    def __len__(self) -> int:
        return len(self._clients)

    def heard_by(self, team_id: int | None) -> bool:
        """Whether anyone listens who may see what belongs to this team (None: what is public)."""
        return bool(self._clients) if team_id is None else self._teams[team_id] > 0

    def publish(self, event: str, data: bytes, team_id: int | None = None) -> None:
        """Tell an event to all who may see it; `data` is JSON in one line."""
        self._id += 1
        message = b"id: %d\nevent: %s\ndata: %s\n\n" % (self._id, event.encode(), data)
        for client in self._clients:
            if team_id is None or client.team_id == team_id:
                client.put(message)

    def close(self) -> None:
        """End every stream: the server stops, and clients come back to the next one."""
        self._closed = True
        for client in self._clients:
            client.end()

    async def beat(self) -> None:
        """Keep quiet streams open through proxies, and let go of those that take nothing."""
        while True:
            stuck = [client for client in self._clients if client.over and client.task]
            await asyncio.sleep(HEARTBEAT_S)
            for client in stuck:
                if client in self._clients and client.task:
                    client.task.cancel()
            for client in self._clients:
                client.put(HEARTBEAT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI app of GET /api/v1/live."""
        if self._closed or len(self._clients) >= CLIENTS_MAX:
            await _too_many(send)
            return
        client = Client(await self._who_of(scope))
        self._clients.add(client)
        self._teams[client.team_id] += 1
        watch = asyncio.create_task(_end_when_gone(client, receive))
        try:
            await self._stream(client, send)
        finally:
            self._clients.discard(client)
            self._teams[client.team_id] -= 1
            watch.cancel()

    async def _stream(self, client: Client, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
        await send({"type": "http.response.body", "body": self._hello(client), "more_body": True})
        while True:
            await client.wake.wait()
            client.wake.clear()
            messages, last = b"".join(client.waiting), client.over
            client.waiting.clear()
            await send({"type": "http.response.body", "body": messages, "more_body": not last})
            if last:
                return

    def _hello(self, client: Client) -> bytes:
        hello = {"at_ms": self._now_ms(), "version": __version__, "team": client.team_id is not None}
        return b"retry: 2000\nid: %d\nevent: hello\ndata: %s\n\n" % (self._id, json.dumps(hello).encode())


async def _end_when_gone(client: Client, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    client.end()


async def _too_many(send: Send) -> None:
    body = problem_body(503, "Too many live streams are open; try again in a while.")
    headers = [(b"content-type", PROBLEM_TYPE.encode()), (b"retry-after", b"30")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
