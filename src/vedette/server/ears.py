"""The server's own sense of time: what it could not hear while it was stopped, stalled or its clock was set.

Everything that judges asks `now_ms` here. A step of the machine's clock is taken up at the next tick, in the
same breath as every deadline moves by it, so no report and no rule ever sees one without the other.
"""

import asyncio
import logging
from dataclasses import replace

from vedette.model.clock import Clock, Tick, deaf_ms
from vedette.model.view import NodeView, View
from vedette.store import nodes
from vedette.store.database import Conn, Database

log = logging.getLogger(__name__)

PACE_MS = 1_000
NOISE_MS = 500
"""A busy machine is late by this much without being deaf."""

GRACE_MIN_MS, GRACE_MAX_MS = 15_000, 60_000
"""After our deafness agents get this long to come back: their pause between attempts grows with it."""


class Ears:
    """Ticks each second; `hearing` is held by whoever stamps and writes what was heard."""

    def __init__(self, clock: Clock, database: Database) -> None:
        self._clock = clock
        self._database = database
        self._tick = Tick.of(clock)
        self._ticking = asyncio.Lock()
        self.hearing = asyncio.Lock()
        self.lag_ms = 0
        self._woke_at_ms = 0
        self._patient_until_ms = 0

    def now_ms(self) -> int:
        """Unix time as of the last tick's wall clock, carried on by steady time."""
        return self._tick.wall_ms + self._clock.steady_ms() - self._tick.steady_ms

    def steady_ms(self) -> int:
        return self._clock.steady_ms()

    async def sleep_ms(self, duration_ms: int) -> None:
        await self._clock.sleep_ms(duration_ms)

    async def wake(self) -> None:
        """Before anything is judged: the time since this database's server was last alive was deaf time."""
        async with self._database.read() as conn:
            alive_at = await nodes.alive_at(conn)
        after = Tick.of(self._clock)
        if alive_at is None:  # the first start of all: there is nobody whom we could have missed
            await self._note(after)
        else:
            await self._shift(after.wall_ms - alive_at, after)

    async def tick(self) -> None:
        """Move every deadline by the time since the last tick in which we could not have heard anyone."""
        async with self._ticking:
            before, after = self._tick, Tick.of(self._clock)
            deaf = deaf_ms(before, after, PACE_MS)
            self.lag_ms = max(0, after.steady_ms - before.steady_ms - PACE_MS)
            if abs(deaf) > NOISE_MS:
                await self._shift(deaf, after)
            else:
                await self._note(after)

    async def _note(self, tick: Tick) -> None:
        await self._database.write(lambda conn: nodes.note_alive(conn, tick.wall_ms))
        self._tick = tick

    async def _shift(self, deaf: int, after: Tick) -> None:
        async def deed(conn: Conn) -> None:
            # One transaction: killed in between, the next start would count the same deafness again.
            await nodes.shift_due(conn, deaf)
            await nodes.note_alive(conn, after.wall_ms)

        async with self.hearing:
            await self._database.write(deed)
            self._be_patient(deaf, after.wall_ms)
            self._tick = after
        if abs(deaf) > NOISE_MS:
            log.warning("deaf for %.1f s: every deadline moved by it", deaf / 1000)

    def _be_patient(self, deaf: int, now: int) -> None:
        """Give agents time to come back. A stall while they still have some takes none of it away."""
        until = now + min(max(2 * abs(deaf), GRACE_MIN_MS), GRACE_MAX_MS)
        if self._tick.wall_ms >= self._patient_until_ms:
            self._woke_at_ms, self._patient_until_ms = now, until
            return
        # Both moved with every deadline. Stall upon stall stretches it to its bound and no further, or who
        # never comes back would never be found.
        self._woke_at_ms += deaf
        self._patient_until_ms += deaf
        self._patient_until_ms = max(self._patient_until_ms, min(until, self._woke_at_ms + GRACE_MAX_MS))

    def patient_due_ms(self, due_at_ms: int) -> int:
        """When a node counts as silent; one that was not silent before our deafness has a grace."""
        return max(due_at_ms, self._patient_until_ms) if due_at_ms >= self._woke_at_ms else due_at_ms

    def patient(self, view: View) -> View:
        """The view with our grace in it."""
        late = {node.id: due for node in view.nodes.values() if (due := self._grace(node)) > node.due_at_ms}
        if not late:
            return view
        patient = {key: replace(view.nodes[key], due_at_ms=due) for key, due in late.items()}
        return replace(view, nodes={**view.nodes, **patient})

    def _grace(self, node: NodeView) -> int:
        return self.patient_due_ms(node.due_at_ms)
