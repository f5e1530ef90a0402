"""How everybody did over each window, added up once for all readers until the sums change."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from vedette.model.history import OfNetwork, Window
from vedette.model.performance import Performance, performance
from vedette.model.pos import PosAddress
from vedette.server.ears import Ears
from vedette.store import epochs, pages, stakes, sums
from vedette.store.database import Conn, Database
from vedette.store.epochs import EpochSpan
from vedette.store.pages import SumsState

DAY_US: Final = 86_400 * 1_000_000
WINDOWS: Final[dict[str, int | None]] = {
    "24h": DAY_US,
    "7d": 7 * DAY_US,
    "30d": 30 * DAY_US,
    "365d": 365 * DAY_US,
    "all": None,
}
"""How far each window reaches back from the end of the newest counted epoch; None: to the first of all."""
KEEP_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Standing:
    """One window, and everybody's part in it."""

    name: str
    window: Window
    first_live_epoch: int | None
    through_us: int | None  # when the newest counted epoch ended; None: none was counted
    state: SumsState
    performances: dict[PosAddress, Performance] = field(default_factory=dict)

    def of(self, address: PosAddress) -> Performance:
        """Its figures, reckoned when they are first asked for."""
        found = self.performances.get(address)
        if found is None:
            found = performance(self.window, address, first_live_epoch=self.first_live_epoch)
            self.performances[address] = found
        return found


class Standings:
    """Keeps each window until the sums change; looks whether they did once a second."""

    def __init__(self, database: Database, ears: Ears) -> None:
        self._database = database
        self._ears = ears
        self._kept: dict[str, Standing] = {}
        self._state: SumsState | None = None
        self._looked_at_ms = 0
        self._reading = asyncio.Lock()

    async def of(self, name: str) -> Standing:
        """The window of that name (of WINDOWS)."""
        async with self._reading:
            await self._look()
            found = self._kept.get(name)
            if found is None:
                async with self._database.read() as conn:
                    found = await standing(conn, name)
                self._kept[name] = found
            return found

    async def _look(self) -> None:
        now = self._ears.steady_ms()
        if self._state is not None and now - self._looked_at_ms < KEEP_MS:
            return
        async with self._database.read() as conn:
            state = await pages.state(conn)
        if state != self._state:
            self._kept.clear()
        self._state, self._looked_at_ms = state, now


async def standing(conn: Conn, name: str) -> Standing:
    """The window of that name, up to the newest counted epoch."""
    state = await pages.state(conn)
    first_live = await stakes.first_staked_epoch(conn)
    newest = None if state.newest_epoch is None else await epochs.span_before(conn, state.newest_epoch + 1)
    if newest is None:
        return Standing(name, Window(1, 0, (0,) * len(OfNetwork)), first_live, None, state)
    first = await _first_epoch(conn, newest, WINDOWS[name])
    window = await sums.window(conn, first, newest.epoch)
    return Standing(name, window, first_live, newest.last_at_us, state)


async def _first_epoch(conn: Conn, newest: EpochSpan, reach_us: int | None) -> int:
    """The epoch in which the window begins; an estimate where that part of the past was not read."""
    if reach_us is None:
        return 1
    start_us = newest.last_at_us - reach_us
    after = await epochs.epoch_after(conn, start_us)
    known = (await epochs.spans_between(conn, after, after)).get(after) if after is not None else None
    if known is None:
        return newest.epoch
    before = await epochs.span_before(conn, known.epoch)
    floor = 1 if before is None else before.epoch + 1
    missing = _epochs_between(start_us, known, newest) if known.epoch > floor else 0
    return max(floor, known.epoch - missing)


def _epochs_between(start_us: int, known: EpochSpan, newest: EpochSpan) -> int:
    """About how many epochs lie between that moment and the first known one, at the usual length."""
    steps = newest.epoch - known.epoch
    lasted_us = newest.last_at_us - known.last_at_us if steps else known.last_at_us - known.first_at_us
    length_us = max(1, lasted_us // max(1, steps))
    return max(0, -((start_us - known.first_at_us) // length_us))
