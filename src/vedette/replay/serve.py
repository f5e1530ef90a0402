"""A history behind a real JSON-RPC port."""

import asyncio
import math
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import msgspec
from aiohttp import web

from vedette.replay.faults import Faults
from vedette.replay.network import Network
from vedette.replay.node import Node, Refusal

BODY_BYTES_MAX: Final = 1 << 24
PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
TOO_MANY: Final = -32005
BATCH_TOO_LARGE: Final = -32010
"""The last two as gateways have them (Confura, jsonrpsee)."""

JSON_TYPE: Final = "application/json; charset=utf-8"

SUBSCRIPTION: Final = "0x1b1f5ba74c1c0d7e"
HEAD_S: Final = 1.0

Clock = Callable[[], float]


class Question(msgspec.Struct):
    """One call, as far as it could be read."""

    id: int | str | None = None
    method: str = ""
    params: list[Any] | dict[str, Any] | None = None
    jsonrpc: str | None = None


_questions = msgspec.json.Decoder(list[Question] | Question)


@dataclass(slots=True)
class Allowance:
    """How many calls an endpoint still answers: it fills at the allowed rate, up to a second's worth."""

    calls: float | None = None
    at_s: float = 0.0

    def take(self, calls: int, rate: float, now_s: float) -> float:
        """Take them, or tell after how many seconds to ask again."""
        most = max(1.0, rate)
        held = most if self.calls is None else min(most, self.calls + (now_s - self.at_s) * rate)
        self.at_s = now_s
        if calls > held:
            self.calls = held
            return (min(calls, most) - held) / rate if calls <= most else 1.0
        self.calls = held - calls
        return 0.0


@dataclass(slots=True)
class Served:
    """A running endpoint. `faults` may be changed at any time."""

    node: Node
    clock: Clock
    url: str = ""
    asked: int = 0  # HTTP requests so far
    calls: int = 0  # calls in them
    _allowance: Allowance = field(default_factory=Allowance)

    @property
    def faults(self) -> Faults:
        return self.node.faults

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One HTTP request: one call, or a batch of them."""
        if not request.content_type.startswith("application/json"):
            text = "Supplied content type is not allowed. Content-Type: application/json is required\n"
            return web.Response(status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE, text=text)
        body = await request.read()
        self.asked += 1
        if self.faults.latency_ms:
            await asyncio.sleep(self.faults.latency_ms / 1000)
        try:
            asked = _questions.decode(body)
        except (msgspec.MsgspecError, ValueError):
            return _reply(_error(None, PARSE_ERROR, "Parse error"))
        calls = len(asked) if isinstance(asked, list) else 1
        self.calls += calls
        return self._refused(asked, calls) or await self._answered(request, asked)

    def _refused(self, asked: list[Question] | Question, calls: int) -> web.Response | None:
        """What a gateway says before it looks at the calls."""
        rate, most = self.faults.calls_per_s, self.faults.batch_max
        wait_s = self._allowance.take(calls, rate, self.clock()) if rate else 0.0
        if wait_s:
            what = _error(_id(asked), TOO_MANY, f"too many requests, try again after {wait_s:.3f}s")
            headers = {"Retry-After": str(math.ceil(wait_s))}
            return _reply(what, status=HTTPStatus.TOO_MANY_REQUESTS, headers=headers)
        if most is not None and isinstance(asked, list) and calls > most:
            return _reply(_error(None, BATCH_TOO_LARGE, "The batch request was too large"))
        return None

    async def _answered(self, request: web.Request, asked: list[Question] | Question) -> web.StreamResponse:
        if isinstance(asked, list):
            body = b"[" + b",".join(map(self.answer, asked)) + b"]\n"
        else:
            body = self.answer(asked) + b"\n"
        if self.faults.cut_every and self.asked % self.faults.cut_every == 0:
            return await _cut(request, body)
        return _reply(body)

    def answer(self, question: Question) -> bytes:
        """The whole JSON-RPC reply to one call."""
        if question.jsonrpc != "2.0":
            return _error(question.id, INVALID_REQUEST, "Unsupported JSON-RPC protocol version")
        params: Sequence[Any] = question.params if isinstance(question.params, list) else ()
        try:
            result = self.node.answer(question.method, params)
        except Refusal as refusal:
            return _error(question.id, refusal.code, refusal.message)
        return b'{"jsonrpc":"2.0","result":' + result + b',"id":' + msgspec.json.encode(question.id) + b"}"

    async def heads(self, request: web.Request) -> web.StreamResponse:
        """The WebSocket: a subscription to new heads, and one head at once and each second."""
        socket = web.WebSocketResponse(max_msg_size=BODY_BYTES_MAX)
        await socket.prepare(request)
        asked = await socket.receive()
        question = _questions.decode(asked.data or b"")
        if not isinstance(question, Question) or question.method not in {"cfx_subscribe", "eth_subscribe"}:
            await socket.close()
            return socket
        reply = {"jsonrpc": "2.0", "result": SUBSCRIPTION, "id": question.id}
        await socket.send_str(msgspec.json.encode(reply).decode())
        while not socket.closed:
            if not self.faults.silent_heads:
                await socket.send_str(self._head(question.method.partition("_")[0]))
            with suppress(TimeoutError):
                await socket.receive(timeout=HEAD_S)  # whatever it is, or that it hangs up
        return socket

    def _head(self, space: str) -> str:
        block = msgspec.Raw(self.node.answer("cfx_getBlockByEpochNumber", ["latest_mined", False]))
        params = {"subscription": SUBSCRIPTION, "result": block}
        told = {"jsonrpc": "2.0", "method": f"{space}_subscription", "params": params}
        return msgspec.json.encode(told).decode()


async def _cut(request: web.Request, body: bytes) -> web.StreamResponse:
    """Promise the whole body, send half of it, and hang up."""
    response = web.StreamResponse(headers={"Content-Type": JSON_TYPE})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def _reply(body: bytes, status: int = HTTPStatus.OK, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=body, status=status, headers={"Content-Type": JSON_TYPE} | (headers or {}))


def _error(id_: int | str | None, code: int, message: str) -> bytes:
    error = {"jsonrpc": "2.0", "error": {"code": code, "message": message}, "id": id_}
    return msgspec.json.encode(error)


def _id(asked: list[Question] | Question) -> int | str | None:
    return None if isinstance(asked, list) else asked.id


async def _only_post(_: web.Request) -> web.Response:
    text = "Used HTTP Method is not allowed. POST or OPTIONS is required\n"
    return web.Response(status=HTTPStatus.METHOD_NOT_ALLOWED, text=text)


def moving(network: Network, round_ms: int, clock: Clock) -> Callable[[], int]:
    """The height of the newest block: the history's last, and one more each round; 0: it stands still."""
    start_s = clock()
    if not round_ms:
        return lambda: network.head
    return lambda: network.head + int((clock() - start_s) * 1000) // round_ms


@asynccontextmanager
async def served(
    network: Network,
    faults: Faults | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    round_ms: int = 0,
    clock: Clock = time.monotonic,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Served]:
    """The history answers on a port [a free one] as long as this lasts; several may serve one history."""
    node = Node(network, moving(network, round_ms, clock), faults or Faults())
    endpoint = Served(node, clock)
    app = web.Application(client_max_size=BODY_BYTES_MAX)
    app.router.add_post("/", endpoint.handle)
    app.router.add_get("/ws", endpoint.heads)
    app.router.add_route("*", "/{path:.*}", _only_post)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
        address, bound = runner.addresses[0][:2]
        endpoint.url = f"http{'s' if tls else ''}://{f'[{address}]' if ':' in address else address}:{bound}"
        yield endpoint
    finally:
        await runner.cleanup()
