"""Tables as Parquet files, made by a short-lived process beside the server (see `parquet_writer`)."""

import asyncio
import importlib.util
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final

import msgspec
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from vedette.server.parquet_writer import Table, message
from vedette.server.problems import ProblemError

log = logging.getLogger(__name__)

AT_ONCE: Final = 2
"""Each costs some 110 MB while it lasts."""
WAITING_MAX: Final = 8
LASTS_S: Final = 300
"""No export goes on for longer, however slowly its reader takes it."""
CHUNK_BYTES: Final = 64 << 10
MEDIA_TYPE: Final = "application/vnd.apache.parquet"

NO_LIBRARY: Final = (
    "This server makes no Parquet: its keeper may install vedette[parquet], and format=csv has the same rows."
)
BUSY: Final = "Too many Parquet files are being made; come again in a few seconds, or take format=csv."
FAILED: Final = "The Parquet file could not be made; the server's log says why. format=csv has the same rows."

Rows = AsyncIterator[Sequence[Sequence[Any]]]


class Kiln:
    """Makes few files at a time."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def file(self, table: Table, rows: Rows) -> "Growing":
        """A file that has begun to grow; close it. Raises ProblemError: what is wrong from the start."""
        if not _has_library():
            raise ProblemError(501, NO_LIBRARY)
        if self._waiting >= WAITING_MAX:
            raise ProblemError(503, BUSY, {"Retry-After": "5"})
        async with AsyncExitStack() as stack:
            await self._take_place(stack)
            process = await stack.enter_async_context(_writer())
            feeding = await stack.enter_async_context(_fed(process, table, rows))
            first = await _chunk(process, feeding)
            if not first:
                raise ProblemError(500, FAILED)
            return Growing(first, process, feeding, stack.pop_all())

    async def _take_place(self, stack: AsyncExitStack) -> None:
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        stack.callback(self._places.release)


class Growing:
    """A file on its way."""

    def __init__(
        self, first: bytes, process: Process, feeding: asyncio.Task[None], held: AsyncExitStack
    ) -> None:
        self._first, self._process, self._feeding, self._held = first, process, feeding, held

    async def chunks(self) -> AsyncIterator[bytes]:
        """What the process writes. If it fails half-way, so does this: half a file must not look whole."""
        chunk = self._first
        while chunk:
            yield chunk
            chunk = await _chunk(self._process, self._feeding)

    async def close(self) -> None:
        """Whoever reads it has it, or went away."""
        await self._held.aclose()


class ParquetReply(StreamingResponse):
    """Sends a growing file, and closes it however that ends."""

    def __init__(self, file: Growing, headers: dict[str, str]) -> None:
        super().__init__(file.chunks(), headers=headers, media_type=MEDIA_TYPE)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._file.close()


def _has_library() -> bool:
    """Found, not loaded."""
    try:
        return importlib.util.find_spec("pyarrow") is not None
    except ValueError:  # it is barred
        return False


@asynccontextmanager
async def _writer() -> AsyncIterator[Process]:
    """The process; it does not outlive us, nor its time."""
    command = (sys.executable, "-m", "vedette.server.parquet_writer")
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=_env())
    ending = asyncio.get_running_loop().call_later(LASTS_S, _kill, process)
    try:
        yield process
    finally:
        ending.cancel()
        _kill(process)
        await process.communicate()  # its end is noticed only when its pipes are empty


def _env() -> dict[str, str]:
    """Nothing of ours that it need not know: settings may hold secrets."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
    return {**kept, "OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}


def _kill(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()


@asynccontextmanager
async def _fed(process: Process, table: Table, rows: Rows) -> AsyncIterator[asyncio.Task[None]]:
    feeding = asyncio.create_task(_feed(process, table, rows))
    try:
        yield feeding
    finally:
        feeding.cancel()
        with suppress(asyncio.CancelledError, OSError):
            await feeding


async def _feed(process: Process, table: Table, rows: Rows) -> None:
    assert process.stdin is not None
    encode = msgspec.msgpack.Encoder().encode
    try:
        process.stdin.write(message(encode(table)))
        async for some in rows:
            process.stdin.write(message(encode(some)))
            await process.stdin.drain()
        process.stdin.close()
    finally:
        if not process.stdin.is_closing():
            _kill(process)  # it would wait for the rest


async def _chunk(process: Process, feeding: asyncio.Task[None]) -> bytes:
    """What it has written; nothing at the end. Raises if that was no good end."""
    assert process.stdout is not None
    assert process.stderr is not None
    chunk = await process.stdout.read(CHUNK_BYTES)
    if chunk:
        return chunk
    said = (await process.stderr.read()).decode(errors="replace").strip()
    failed = await process.wait() != 0
    with suppress(OSError):
        await feeding  # a read of the database that failed is raised as what it is
    if failed:
        log.error("a Parquet file was not made: %s", said.rpartition("\n")[2] or "it took too long")
        raise ProblemError(500, FAILED)
    return b""
