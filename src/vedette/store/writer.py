"""SQLite takes one writer at a time: deeds queue up for one connection and share its commits.

A commit must reach the disk before anyone is told "done", and that is most of what a small write costs. So
the deeds that are waiting go into one transaction, each inside a savepoint of its own: a deed that fails is
undone alone, and the others neither notice nor pay for a commit of their own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vedette.model.errors import StoreError

TRANSACTION_MS = 40
"""No further deed joins a transaction that is this old, so that one ends within about 50 ms."""


@dataclass(slots=True)
class _Waiting:
    """One accepted deed and the promise made to its caller."""

    deed: Callable[[AsyncConnection], Awaitable[Any]]
    promise: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    result: Any = None
    failure: Exception | None = None

    def keep(self) -> None:
        """Tell the caller how it went; one that was cancelled has its deed done all the same."""
        if self.promise.done():
            return
        if self.failure is None:
            self.promise.set_result(self.result)
        else:
            self.promise.set_exception(self.failure)


class Writer:
    """The queue and the one task that empties it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._queue: asyncio.Queue[_Waiting | None] = asyncio.Queue()
        self._closing = False
        self._task = asyncio.create_task(self._run(), name="store writer")
        self.commits = 0
        self.commit_ms_last = 0.0

    @property
    def depth(self) -> int:
        """Deeds accepted and not begun."""
        return self._queue.qsize()

    async def write(self, deed: Callable[[AsyncConnection], Awaitable[Any]]) -> Any:
        """Run the deed; returns once its transaction is on disk. A deed must not write through the queue."""
        if self._closing:
            raise StoreError("the database is being closed: nothing more is written")
        waiting = _Waiting(deed)
        self._queue.put_nowait(waiting)
        return await asyncio.shield(waiting.promise)

    async def close(self) -> None:
        """Accept nothing more, and finish what was accepted."""
        if not self._closing:
            self._closing = True
            self._queue.put_nowait(None)
        await self._task

    async def _run(self) -> None:
        async with self._engine.connect() as conn:
            while (first := await self._queue.get()) is not None:
                await self._transaction(conn, first)

    async def _transaction(self, conn: AsyncConnection, first: _Waiting) -> None:
        """One transaction for the first deed and those that wait behind it, as long as it stays short."""
        group = [first]
        try:
            async with conn.begin():
                await self._fill(conn, group)
                started = perf_counter()
            self.commits += 1
            self.commit_ms_last = (perf_counter() - started) * 1000
        except Exception as error:  # noqa: BLE001 - whatever undid the transaction undid every deed in it
            for waiting in group:
                waiting.failure = waiting.failure or error
        for waiting in group:
            waiting.keep()

    async def _fill(self, conn: AsyncConnection, group: list[_Waiting]) -> None:
        end = perf_counter() + TRANSACTION_MS / 1000
        await _try(conn, group[0])
        while perf_counter() < end and (following := self._next()) is not None:
            group.append(following)
            await _try(conn, following)

    def _next(self) -> _Waiting | None:
        if self._queue.empty():
            return None
        following = self._queue.get_nowait()
        if following is None:  # the end was asked for: it stays last in the queue
            self._queue.put_nowait(None)
        return following


async def _try(conn: AsyncConnection, waiting: _Waiting) -> None:
    """Run one deed in a savepoint. Its own failure is its caller's; a lost transaction is everyone's."""
    savepoint = await conn.begin_nested()
    try:
        waiting.result = await waiting.deed(conn)
    except Exception as error:  # noqa: BLE001 - handed to the caller as it is
        waiting.failure = error
        await savepoint.rollback()
    else:
        await savepoint.commit()
