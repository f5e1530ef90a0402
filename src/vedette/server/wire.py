"""HTTP as uvicorn speaks it, with the bounds that it leaves out: how long each part may be, and may take.

Without them one connection could fill the memory, and a few thousand that never end their sentence all else.
"""

import asyncio
from enum import Enum, auto
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from vedette.server.problems import PROBLEM_TYPE, problem_body

HEAD_BYTES_MAX: Final = 32 << 10
FIELDS_MAX: Final = 100
URL_BYTES_MAX: Final = 8 << 10
HEAD_S = 30
BODY_S = 60
"""From its head's end to its own: the largest, of a megabyte, passes in it on any line."""
WRITE_S = 60
"""Whoever takes nothing of an answer for so long is not read to."""

DETAILS: Final = {
    408: "The request did not arrive whole in time. Send it in one go.",
    414: f"The URL is longer than {URL_BYTES_MAX:,} bytes.",
    431: f"The head has more than {FIELDS_MAX} fields or {HEAD_BYTES_MAX:,} bytes.",
}
PHRASES: Final = {408: "Request Timeout", 414: "URI Too Long", 431: "Request Header Fields Too Large"}


class Part(Enum):
    """What of a request is arriving."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()


class BoundedProtocol(HttpToolsProtocol):
    """Refuses a request whose parts are too long or too slow, and lets go of who does not read."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._part = Part.NOTHING
        self._head_bytes = self._field_bytes = 0
        self._refusal: int | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._late: asyncio.TimerHandle | None = self.loop.call_later(HEAD_S, self._too_late)

    def data_received(self, data: bytes) -> None:
        if self._part is Part.HEAD:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._part is Part.NOTHING or self.transport.is_closing():
            return
        if self._part is Part.HEAD and self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(431)
        elif self._late is None:
            self._late = self.loop.call_later(HEAD_S if self._part is Part.HEAD else BODY_S, self._too_late)

    def on_message_begin(self) -> None:
        self._part = Part.HEAD
        self._head_bytes = 0  # of what came after the first bytes: those may be another request's as well
        self._field_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > URL_BYTES_MAX:
            self._stop(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._field_bytes += len(name) + len(value)
        if len(self.headers) > FIELDS_MAX or self._field_bytes > HEAD_BYTES_MAX:
            self._stop(431)

    def on_headers_complete(self) -> None:
        self._arrived(Part.BODY)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._arrived(Part.NOTHING)
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived(Part.NOTHING)
        self._resumed()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(WRITE_S, self.transport.abort)

    def resume_writing(self) -> None:
        self._resumed()
        super().resume_writing()

    def _resumed(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _arrived(self, then: Part) -> None:
        self._part = then
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _too_late(self) -> None:
        self._late = None
        if self._part is Part.NOTHING or self._is_answering():
            self.transport.close()
        else:
            self._refuse(408)

    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # there is none before the first head
        return cycle is not None and cycle.response_started and not cycle.response_complete

    def _stop(self, status: int) -> None:
        """End the parsing from within one of its callbacks."""
        self._refusal = status
        raise ValueError(PHRASES[status])

    def send_400_response(self, msg: str) -> None:
        """What the parser does not understand, or what we stopped it at."""
        if self._refusal is None:
            super().send_400_response(msg)
        else:
            self._refuse(self._refusal)

    def _refuse(self, status: int) -> None:
        if self.transport.is_closing():
            return
        body = problem_body(status, DETAILS[status])
        head = (
            f"HTTP/1.1 {status} {PHRASES[status]}\r\ncontent-type: {PROBLEM_TYPE}\r\n"
            f"content-length: {len(body)}\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
