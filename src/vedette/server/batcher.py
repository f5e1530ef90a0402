"""Gathers concurrent deliveries: one transaction for all that came while the last one was written."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from vedette.model.report import ENVELOPE_BYTES_MAX, Envelope
from vedette.server.ears import Ears
from vedette.store import nodes
from vedette.store.database import Database
from vedette.store.nodes import AgentRow, Delivery

log = logging.getLogger(__name__)

BATCH_MAX = 500
GATHER_S = 0.25
"""In a stream of deliveries those of a moment share a commit; at rest, and in an emergency, nobody waits."""
QUIET_S = 0.01
"""When nothing comes for so long, everybody is waiting for us."""
WAITING_MAX = 2_000
WAITING_BYTES_MAX = 16 * ENVELOPE_BYTES_MAX

PATIENCE_INTERVALS, PATIENCE_MIN_MS = 3, 15_000


class QueueFullError(Exception):
    """More is coming than the disk takes; the agent keeps its reports and comes again."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One envelope that is on disk now."""

    agent: AgentRow
    envelope: Envelope
    heard_at_ms: int

    @property
    def due_at_ms(self) -> int:
        return self.heard_at_ms + patience_ms(self.envelope.interval_ms)


@dataclass(slots=True)
class _Waiting:
    agent: AgentRow
    envelope: Envelope
    size: int
    acknowledged: "asyncio.Future[int]"


def patience_ms(interval_ms: int) -> int:
    """How long after a post an agent counts as silent: three missed posts, and a slow network's time."""
    return max(PATIENCE_INTERVALS * interval_ms, PATIENCE_MIN_MS)


class Batcher:
    """A bounded queue in front of the store."""

    def __init__(self, database: Database, ears: Ears, on_heard: Callable[[Heard], None]) -> None:
        self._database = database
        self._ears = ears
        self._on_heard = on_heard
        self._waiting: deque[_Waiting] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._hurry = asyncio.Event()
        self._written_at_s = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    async def take(self, agent: AgentRow, envelope: Envelope, size: int) -> int:
        """Wait until the delivery is on disk; returns the acknowledged seq."""
        if len(self._waiting) >= WAITING_MAX or self._bytes + size > WAITING_BYTES_MAX:
            raise QueueFullError
        waiting = _Waiting(agent, envelope, size, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._bytes += size
        self._filled.set()
        # An agent whose node has just died sends its state alone, without the reports that wait.
        if not envelope.reports or len(self._waiting) >= BATCH_MAX:
            self._hurry.set()
        return await waiting.acknowledged

    async def run(self) -> None:
        while True:
            await self._filled.wait()
            await self._gather()
            if batch := self._next_batch():
                await self._write(batch)

    async def _gather(self) -> None:
        end_s, count = self._written_at_s + GATHER_S, -1
        while not self._hurry.is_set() and time.monotonic() < end_s and len(self._waiting) != count:
            count = len(self._waiting)
            with suppress(TimeoutError):
                async with asyncio.timeout(QUIET_S):
                    await self._hurry.wait()
        self._hurry.clear()
        self._written_at_s = time.monotonic()

    def _next_batch(self) -> list[_Waiting]:
        batch = [self._waiting.popleft() for _ in range(min(BATCH_MAX, len(self._waiting)))]
        self._bytes -= sum(waiting.size for waiting in batch)
        if not self._waiting:
            self._filled.clear()
        return batch

    async def _write(self, batch: Sequence[_Waiting]) -> None:
        try:
            await self._witness(batch)
        except Exception as error:
            if len(batch) == 1:
                _fail(batch[0], error)
                return
            # One delivery that cannot be written must not take the others with it.
            log.exception("could not write %d deliveries together; trying one by one", len(batch))
            for waiting in batch:
                await self._write([waiting])

    async def _witness(self, batch: Sequence[_Waiting]) -> None:
        async with self._ears.hearing:
            heard_at = self._ears.now_ms()
            deliveries = [_delivery(waiting, heard_at) for waiting in batch]
            acknowledged = await self._database.write(lambda conn: nodes.witness_reports(conn, deliveries))
        for waiting, seq in zip(batch, acknowledged, strict=True):
            if not waiting.acknowledged.done():  # its connection may be gone
                waiting.acknowledged.set_result(seq)
            self._on_heard(Heard(waiting.agent, waiting.envelope, heard_at))


def _delivery(waiting: _Waiting, heard_at: int) -> Delivery:
    due_at = heard_at + patience_ms(waiting.envelope.interval_ms)
    return Delivery(waiting.agent.node_id, waiting.agent.team_id, waiting.envelope, heard_at, due_at)


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.acknowledged.done():
        waiting.acknowledged.set_exception(error)
