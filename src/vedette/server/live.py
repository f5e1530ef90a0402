"""The live stream: server-sent events, encoded once and shared by every client as the same bytes.

What was told lately stands in rings, one for the public and one for each team that listens; a client holds a
cursor and nothing else. Whoever comes back with the id of the last event that it heard goes on from there, as
far as it may still see what was told; beyond the ring, or from another start of the server, it is told
`reset` and reads everything anew.
"""

import asyncio
import heapq
import json
import re
import secrets
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from vedette import __version__
from vedette.model.people import PUBLIC, Who
from vedette.server.access import NEIGHBOUR
from vedette.server.budgets import payer
from vedette.server.caller import CALLER
from vedette.server.problems import PROBLEM_TYPE, problem_body

RING_EVENTS_MAX, RING_BYTES_MAX = 2_048, 2 << 20
RINGS_BYTES_MAX = 64 << 20  # of all together: the more teams listen, the less each is held for
SEND_BYTES = 64 << 10
CLIENTS_MAX = 4_000
HEARTBEAT_S = 15
HEARTBEAT = b": still here\n\n"
LINGER_MS = 60_000
"""A ring outlives its last listener for so long: most of them are back in seconds."""
LIFE_MS = 3_600_000
"""A member's stream ends after this, and goes on when he comes back: what he may see is asked anew."""

AT_ONCE = b"retry: 100\n\n"
"""The pause before a browser comes back; the next greeting makes it longer again."""

STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hold the events back
]

EVENT_ID = re.compile(r"([0-9a-f]{1,24})-([0-9]{1,15})")

Told = tuple[int, bytes]
"""The number of an event, and its bytes as they are sent."""


class Ring:
    """What one audience was told lately. `lost` is the newest number that is not here any more."""

    def __init__(self, since: int) -> None:
        self.told: deque[Told] = deque()
        self.lost = since
        self.size_bytes = 0
        self.clients: set[Client] = set()
        self.left_at_ms = 0

    def add(self, number: int, message: bytes, most_bytes: int) -> None:
        self.told.append((number, message))
        self.size_bytes += len(message)
        while len(self.told) > RING_EVENTS_MAX or self.size_bytes > most_bytes:
            self.lost, dropped = self.told.popleft()
            self.size_bytes -= len(dropped)

    def skip(self, number: int) -> None:
        self.told.clear()
        self.size_bytes = 0
        self.lost = number
        for client in self.clients:
            client.wake.set()

    def after(self, number: int) -> list[Told]:
        """What was told since, oldest first."""
        found = []
        for told in reversed(self.told):
            if told[0] <= number:
                break
            found.append(told)
        found.reverse()
        return found


class Client:
    """One open stream: who reads it, and the number of the last event that it was sent."""

    __slots__ = (
        *("who", "name", "rings", "cursor", "ends_at_ms", "wake", "over", "last"),
        *("quiet", "sending", "sent", "stood", "task"),
    )

    def __init__(self, who: Who, name: str, rings: tuple[Ring, ...]) -> None:
        self.who = who
        self.name = name  # whose streams are counted
        self.rings = rings
        self.cursor = 0
        self.ends_at_ms = 0
        self.wake = asyncio.Event()
        self.over = False
        self.last = b""
        self.quiet = False  # nothing was sent since the last beat
        self.sending = False
        self.sent = self.stood = 0  # how often something was sent: now, and at the last beat
        self.task = asyncio.current_task()

    def end(self) -> None:
        self.over = True
        self.wake.set()

    @property
    def lost(self) -> int:
        return max(ring.lost for ring in self.rings)

    def waiting(self) -> Iterable[Told]:
        first, *others = (ring.after(self.cursor) for ring in self.rings)
        return heapq.merge(first, *others) if any(others) else first


class Live:
    """Everyone who listens. `publish` costs nothing when nobody does."""

    def __init__(
        self, who_of: Callable[[Scope], Awaitable[Who]], now_ms: Callable[[], int], streams_each: int = 0
    ) -> None:
        self._who_of = who_of
        self._streams_each = streams_each  # of one address, person or key; 0: as many as one likes
        self._streams_of: Counter[str] = Counter()
        self._now_ms = now_ms
        self._boot = f"{now_ms():x}{secrets.token_hex(2)}"
        self._number = 0
        self._rings: dict[int | None, Ring] = {}
        self._clients: set[Client] = set()
        self._revocations = 0
        self._closed = False

    def __len__(self) -> int:
        return len(self._clients)

    def heard_by(self, team_id: int | None) -> bool:
        """Whether what belongs to this team (None: what is public) has listeners, or had a moment ago."""
        return team_id in self._rings

    def publish(self, event: str, data: bytes, team_id: int | None = None) -> None:
        """Tell an event to all who may see it; `data` is JSON in one line."""
        ring = self._rings.get(team_id)
        if ring is None:
            return
        self._number += 1
        message = b"id: %s\nevent: %s\ndata: %s\n\n" % (self._id(self._number), event.encode(), data)
        ring.add(self._number, message, min(RING_BYTES_MAX, RINGS_BYTES_MAX // len(self._rings)))
        for client in ring.clients:
            client.wake.set()

    def skip(self) -> None:
        """Something could not be told, and nobody knows what: everyone is to read everything anew."""
        self._number += 1
        for ring in self._rings.values():
            ring.skip(self._number)

    @property
    def readers(self) -> set[Who]:
        """Everyone who listens with rights of his own."""
        return {client.who for client in self._clients if client.who != PUBLIC}

    def end_session(self, session_id: str) -> None:
        """The session is over: so are its streams."""
        self._end(lambda who: who.session_id == session_id)

    def end_user(self, user_id: int) -> None:
        self._end(lambda who: who.user_id == user_id)

    def end_team_member(self, team_id: int, user_id: int) -> None:
        """The user is no member of the team any more, or in another role."""
        self._end(lambda who: who.team_id == team_id and who.user_id == user_id)

    def end_keys(self, team_id: int) -> None:
        """Some of the team's keys have ended; streams of those that have not are opened again at once."""
        self._end(lambda who: who.key is not None and who.key.team_id == team_id)

    def end_key(self, key_id: str) -> None:
        self._end(lambda who: who.key is not None and who.key.id == key_id)

    def _end(self, is_theirs: Callable[[Who], bool]) -> None:
        self._revocations += 1
        for client in self._clients:
            if is_theirs(client.who):
                client.end()

    def close(self) -> None:
        """End every stream: the server stops, and clients come back to the next one."""
        self._closed = True
        for client in self._clients:
            client.end()

    async def beat(self) -> None:
        """Keep quiet streams open through proxies, end what has lived long, let go of who takes nothing."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            now = self._now_ms()
            for client in self._clients:
                self._look_at(client, now)
            for team_id, ring in list(self._rings.items()):
                if not ring.clients and now - ring.left_at_ms >= LINGER_MS:
                    del self._rings[team_id]

    def _look_at(self, client: Client, now: int) -> None:
        stands = client.sent == client.stood
        client.stood = client.sent
        if client.sending:
            if stands and client.task:
                client.task.cancel()
        elif client.ends_at_ms and now >= client.ends_at_ms:
            client.last = AT_ONCE
            client.end()
        elif stands:
            client.quiet = True
            client.wake.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI app of GET /api/v1/live."""
        if self._closed or len(self._clients) >= CLIENTS_MAX:
            await _too_many(send, 503, TOO_MANY)
            return
        who = await self._reader(scope)
        name = "" if who == NEIGHBOUR else payer(who, scope[CALLER])[0]
        if name and 0 < self._streams_each <= self._streams_of[name]:
            await _too_many(send, 429, TOO_MANY_EACH.format(most=self._streams_each))
            return
        client = self._entered(who, name)
        hello = self._greeted(client, last_event_id(scope))
        watch = asyncio.create_task(_end_when_gone(client, receive))
        try:
            await self._stream(client, hello, send)
        finally:
            self._left(client)
            watch.cancel()

    async def _reader(self, scope: Scope) -> Who:
        """Who reads, asked again if meanwhile a right was revoked: it may have been this one's."""
        while True:
            before = self._revocations
            who = await self._who_of(scope)
            if before == self._revocations:
                return who

    def _entered(self, who: Who, name: str) -> Client:
        audiences = (None,) if who.team_id is None else (None, who.team_id)
        client = Client(who, name, tuple(self._ring(one) for one in audiences))
        self._streams_of[name] += 1
        if who != PUBLIC:
            # Not all in one moment: a server's clients came in one.
            client.ends_at_ms = self._now_ms() + LIFE_MS // 2 + secrets.randbelow(LIFE_MS // 2)
        self._clients.add(client)
        for ring in client.rings:
            ring.clients.add(client)
        return client

    def _ring(self, team_id: int | None) -> Ring:
        if team_id not in self._rings:
            self._number += 1  # what was not told meanwhile counts: nobody goes on across it
            self._rings[team_id] = Ring(self._number)
        return self._rings[team_id]

    def _left(self, client: Client) -> None:
        self._clients.discard(client)
        self._streams_of[client.name] -= 1
        if not self._streams_of[client.name]:
            del self._streams_of[client.name]
        for ring in client.rings:
            ring.clients.discard(client)
            ring.left_at_ms = self._now_ms()

    def _greeted(self, client: Client, last_id: str | None) -> bytes:
        """The first words, and where the client goes on from."""
        found = self._number_of(last_id)
        resumed = found is not None and client.lost <= found <= self._number
        client.cursor = found if resumed and found is not None else self._number
        hello = {
            "at_ms": self._now_ms(),
            "version": __version__,
            "team": client.who.team_id is not None,
            "resumed": resumed,
        }
        said = (self._id(client.cursor), json.dumps(hello).encode())
        greeting = b"retry: 2000\nid: %s\nevent: hello\ndata: %s\n\n" % said
        return greeting if resumed or last_id is None else greeting + self._reset(client)

    def _reset(self, client: Client) -> bytes:
        return b"id: %s\nevent: reset\ndata: {}\n\n" % self._id(client.cursor)

    def _id(self, number: int) -> bytes:
        return b"%s-%d" % (self._boot.encode(), number)

    def _number_of(self, event_id: str | None) -> int | None:
        match = EVENT_ID.fullmatch(event_id or "")
        return int(match[2]) if match and match[1] == self._boot else None

    async def _stream(self, client: Client, hello: bytes, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
        message = hello
        while not client.over:
            if message:
                client.sending = True
                await send({"type": "http.response.body", "body": message, "more_body": True})
                client.sending = False
                client.sent += 1
            else:
                await client.wake.wait()
                client.wake.clear()
            message = self._next(client)
        await send({"type": "http.response.body", "body": client.last, "more_body": False})

    def _next(self, client: Client) -> bytes:
        """What the client is to be sent now, a part of it if it is much; nothing when it has everything."""
        if client.lost > client.cursor:
            client.cursor = self._number
            return self._reset(client)
        messages, size = [], 0
        for number, message in client.waiting():
            messages.append(message)
            size += len(message)
            client.cursor = number
            if size >= SEND_BYTES:
                break
        quiet, client.quiet = client.quiet, False
        return b"".join(messages) or (HEARTBEAT if quiet else b"")


def last_event_id(scope: Scope) -> str | None:
    """Where the client wants to go on: the header is the newer word, since a browser keeps the URL."""
    for name, value in scope["headers"]:
        if name == b"last-event-id":
            return str(value, "latin-1")
    asked = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))
    return asked.get("last_event_id")


async def _end_when_gone(client: Client, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    client.end()


TOO_MANY = "Too many live streams are open; try again in a while."
TOO_MANY_EACH = "You have {most} live streams open, and more are not given to one. Close some of them."


async def _too_many(send: Send, status: int, detail: str) -> None:
    body = problem_body(status, detail)
    headers = [(b"content-type", PROBLEM_TYPE.encode()), (b"retry-after", b"30")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
