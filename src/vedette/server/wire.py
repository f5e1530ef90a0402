"""HTTP as uvicorn speaks it, with the bounds that it leaves out: how long a head may be, and may take."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX = 32 << 10
HEAD_S = 30


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose head does not end: nothing else would stop it from filling the memory."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_bytes = 0
        self._in_head = True
        self._head_timer = self.loop.call_later(HEAD_S, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.transport.close()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        self._head_timer.cancel()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head = True  # of the next request, if there is one
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_timer.cancel()
        super().connection_lost(exc)
