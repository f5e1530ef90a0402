"""JSON-RPC to one endpoint, asynchronously: one call, one deadline, one tree of errors (see wire.py).

No redirects, no proxies from the environment, no cookies, no compression, a bounded reply. Every method asked
here only reads, so a call whose connection was cut off in the middle is asked once more. What a gateway
refuses because we ask too often is asked again when it says, if that is soon.
"""

import asyncio
import errno
import math
import os
import ssl
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import aiohttp
from yarl import URL

from vedette.conflux import wire
from vedette.conflux.wire import BODY_BYTES_MAX, DEADLINE_S, Call, Garbled, Limited, RpcError, Unreachable
from vedette.model.clock import Clock, MachineClock
from vedette.model.errors import SettingError

CONCURRENT_CALLS: Final = 8
KEPT_ALIVE_S: Final = 15.0
PATIENCE_S: Final = 60.0
"""A gateway that wants a longer rest than this is left to whoever asked: that is a day's limit."""
LIMITED_TRIES: Final = 4
FOUND_OUT_FIRST: Final = 64.0
"""Calls a second that are tried first at a gateway that turns out to have a limit; then half as many, ..."""
QUIET_MS: Final = 600_000
"""If it does not complain for so long, twice as many are tried."""
BURSTS_PER_S: Final = 5
"""A second's calls to a gateway with a limit are asked in so many batches at least."""


def open_session() -> aiohttp.ClientSession:
    """The session that all endpoints share. Made inside a running loop; whoever opens it closes it."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_ALIVE_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),  # each call has a deadline of its own
        trust_env=False,
        # A compressed reply could unfold to any size before its bound is seen.
        headers={**wire.HEADERS, "Accept-Encoding": "identity"},
        auto_decompress=False,
        trace_configs=[_no_redirects()],
    )


def _no_redirects() -> aiohttp.TraceConfig:
    """A call asks for none; the handshake of a WebSocket cannot, and would follow."""

    async def refuse(_: object, __: object, told: aiohttp.TraceRequestRedirectParams) -> None:
        told.response.close()
        raise Garbled(f"HTTP {told.response.status}: redirects are not followed; give the final URL.")

    tracing = aiohttp.TraceConfig()
    tracing.on_request_redirect.append(refuse)
    return tracing


@dataclass(frozen=True, slots=True)
class Budget:
    """A bucket of calls that fills at a steady pace. A spender may take it below zero, and waits for that."""

    calls_per_s: float
    calls: float  # what may be spent at once; negative: owed
    at_ms: int  # steady clock
    most: float  # what it holds when it is full

    @classmethod
    def full(cls, calls_per_s: float, now_ms: int, most: float | None = None) -> "Budget":
        """`most`: a second's worth, if nothing else is said."""
        most = max(1.0, calls_per_s if most is None else most)
        return cls(calls_per_s, most, now_ms, most)


def spend(budget: Budget, calls: int, now_ms: int) -> tuple[Budget, int]:
    """Take so many calls out of the budget: what is left of it, and how many ms to wait before asking."""
    earned = max(0, now_ms - budget.at_ms) / 1000 * budget.calls_per_s
    left = min(budget.calls + earned, budget.most) - calls
    return replace(budget, calls=left, at_ms=now_ms), max(0, round(-left / budget.calls_per_s * 1000))


def slower(calls_per_s: float | None) -> float:
    """The pace to try after a gateway wanted to be asked less often."""
    return max(1.0, (calls_per_s or 2 * FOUND_OUT_FIRST) / 2)


def faster(calls_per_s: float) -> float | None:
    """The pace to try when it has not complained for long; None: no limit."""
    return None if calls_per_s >= FOUND_OUT_FIRST else calls_per_s * 2


class Rpc:
    """One endpoint. `name` is host:port, safe to show; the URL may hold a password or a gateway's key.

    `calls_per_s` keeps within a public gateway's limit (a batch counts its calls); None: no limit is known,
    and if there is one it will be found out. With `limited_tries` 1 whoever asks hears of the limit at once.
    """

    def __init__(
        self,
        url: str,
        *,
        session: aiohttp.ClientSession,
        deadline_s: float = DEADLINE_S,
        calls_per_s: float | None = None,
        clock: Clock | None = None,
        headers: Mapping[str, str] | None = None,
        limited_tries: int = LIMITED_TRIES,
    ) -> None:
        self.name = wire.endpoint_name(url)
        self._url = _usable(url)
        self._session = session
        self._limited_tries = limited_tries
        self._headers = headers  # may hold a key: never shown
        self.took_ms: float | None = None  # how long the newest reply took; not what we waited before asking
        self._deadline_s = deadline_s
        self._clock = clock or MachineClock()
        self._slots = asyncio.Semaphore(CONCURRENT_CALLS)
        self._is_told = calls_per_s is not None
        self._budget = self._paced(calls_per_s)
        self._limited_at_ms = 0
        self._rests_until_ms = 0  # as a gateway asked for; steady clock

    @property
    def calls_per_s(self) -> float | None:
        """The limit that is kept to now; None: none is known."""
        return None if self._budget is None else self._budget.calls_per_s

    def _paced(self, calls_per_s: float | None) -> Budget | None:
        """A gateway's own bucket holds a second's worth; ours holds half of it.

        So calls that the network bunches together, or that were asked a moment later than we meant, still
        find enough in it.
        """
        if calls_per_s is None:
            return None
        return Budget.full(calls_per_s, self._clock.steady_ms(), calls_per_s / 2)

    async def ask(self, method: str, *params: Any) -> Any:
        """The `result` of one call, which may be None. Raises RpcError only."""
        for _ in range(self._limited_tries - 1):
            try:
                return await self._ask_once(method, params)
            except Limited as limited:
                self._rest(limited)
        return await self._ask_once(method, params)

    async def _ask_once(self, method: str, params: Sequence[Any]) -> Any:
        reply = await self._post(wire.request(1, method, params), calls=1, what=method)
        return wire.answer(reply.body, reply.status, reply.content_type, method=method)

    async def batch(self, calls: Sequence[Call]) -> list[Any | RpcError]:
        """The results of many calls in their order; a call that failed has its RpcError in its place.

        Raises RpcError when there was no usable reply at all.
        """
        found: dict[int, Any | RpcError] = {}
        left, refusals = deque(range(len(calls))), 0
        while left and refusals < LIMITED_TRIES:
            piece = [left.popleft() for _ in range(min(len(left), self._piece))]
            answers = await self._batch_once([calls[place] for place in piece])
            found |= zip(piece, answers, strict=True)
            again = {place: one for place in piece if isinstance(one := found[place], Limited)}
            refusals = refusals + 1 if len(again) == len(piece) else 0
            for limited in again.values():
                self._rest(limited)
            left.extendleft(reversed(again))
        return [found[place] if place in found else found[left[0]] for place in range(len(calls))]

    @property
    def _piece(self) -> int:
        """How many calls to ask at once of a gateway that counts them."""
        return sys.maxsize if self._budget is None else max(1, int(self._budget.calls_per_s / BURSTS_PER_S))

    async def _batch_once(self, calls: Sequence[Call]) -> list[Any | RpcError]:
        """A gateway that limits us refuses the whole, or a part: both have a Limited in each place."""
        methods = [method for method, _ in calls]
        try:
            reply = await self._post(wire.batch_request(calls), calls=len(calls), what=f"{len(calls)} calls")
            return wire.batch_answer(reply.body, reply.status, reply.content_type, methods=methods)
        except Limited as limited:
            return [limited] * len(calls)

    async def _post(self, question: bytes, *, calls: int, what: str) -> "_Reply":
        await self._afford(calls)
        async with self._slots:
            try:
                async with asyncio.timeout(self._deadline_s):
                    return await self._post_twice(question, what)
            except TimeoutError as error:
                raise Unreachable(f"No answer to {what} within {self._deadline_s:g} s.") from error
            except (aiohttp.ClientError, OSError) as error:
                raise Unreachable(f"No answer to {what}: {_why(error)}.") from error

    def _rest(self, limited: Limited) -> None:
        """Nothing is asked until the gateway wants to be asked again. Raises the error if that is long."""
        now_ms = self._clock.steady_ms()
        if not self._is_told and now_ms >= self._rests_until_ms and limited.retry_after_s <= PATIENCE_S:
            self._budget = self._paced(slower(self.calls_per_s))
            self._limited_at_ms = now_ms
        until_ms = now_ms + math.ceil(limited.retry_after_s * 1000)
        self._rests_until_ms = max(self._rests_until_ms, until_ms)
        if limited.retry_after_s > PATIENCE_S:
            raise limited

    async def _afford(self, calls: int) -> None:
        """Wait until so many calls may be asked. Raises Limited when the gateway wants a long rest."""
        now_ms = self._clock.steady_ms()
        if self._budget is not None and not self._is_told and now_ms - self._limited_at_ms > QUIET_MS:
            self._budget, self._limited_at_ms = self._paced(faster(self._budget.calls_per_s)), now_ms
        if self._budget is not None:
            self._budget, wait_ms = spend(self._budget, calls, now_ms)
            if wait_ms:
                await self._clock.sleep_ms(wait_ms)
        while (rest_ms := self._rests_until_ms - self._clock.steady_ms()) > 0:
            if rest_ms > PATIENCE_S * 1000:
                raise Limited(f"It wants us to wait for {rest_ms / 1000:.0f} s more.", rest_ms / 1000)
            await self._clock.sleep_ms(rest_ms)

    async def _post_twice(self, question: bytes, what: str) -> "_Reply":
        try:
            return await self._post_once(question, what)
        except (
            aiohttp.ServerDisconnectedError,
            aiohttp.ClientOSError,
            aiohttp.ClientPayloadError,  # in the middle of its body
        ) as error:
            if isinstance(error, aiohttp.ClientConnectorError):
                raise
            return await self._post_once(question, what)

    async def _post_once(self, question: bytes, what: str) -> "_Reply":
        began = time.monotonic()
        async with self._session.post(
            self._url, data=question, headers=self._headers, allow_redirects=False
        ) as response:
            body = bytearray()
            async for piece in response.content.iter_any():
                body += piece
                if len(body) > BODY_BYTES_MAX:
                    raise Garbled(f"The node answered {what} with more than {BODY_BYTES_MAX >> 20} MiB.")
            self.took_ms = (time.monotonic() - began) * 1000
            headers = response.headers
            limited = wire.limited(response.status, headers.get("Retry-After"), bytes(body), what)
            if limited is not None:
                raise limited
            return _Reply(bytes(body), response.status, headers.get("Content-Type", ""))


@dataclass(frozen=True, slots=True)
class _Reply:
    body: bytes
    status: int
    content_type: str


def _usable(url: str) -> URL:
    wire.checked_url(url)
    try:
        return URL(url)
    except ValueError as error:
        raise SettingError(
            f"endpoint {wire.endpoint_name(url)}: its URL has parts that no URL may have"
        ) from error


def _why(error: Exception) -> str:
    """The reason in few words, from what kind of error it is: its text could quote the URL."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its host name is not known"
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return "no safe connection (TLS), check its certificate"
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ECONNREFUSED:
        return "connection refused; check that the node runs"
    return os.strerror(number).lower() if number else "the connection was cut off"
