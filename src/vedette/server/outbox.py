"""Sends what waits. Each channel has a line of its own, so a slow one holds up nobody else.

A channel that fails pauses its whole line: one message at a time asks whether it is well again, and then all
that is still news goes at once. What is critical does not wait for that: it goes another way, too, when a
minute is over. Several may be sent as one message: the log has its attempts by the first of them.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from vedette.model.incident import Incident, Notice, Severity
from vedette.model.people import Who
from vedette.notify.channels import Channel, ChannelError
from vedette.notify.text import Message
from vedette.notify.words import Lang
from vedette.server.contacts import Contacts
from vedette.server.ears import Ears
from vedette.server.loops import Failures, woken
from vedette.store import contacts, lines, outbox
from vedette.store.database import Conn, Database
from vedette.store.outbox import Attempt, line_of
from vedette.store.push import CHANNEL as PUSH

log = logging.getLogger(__name__)

OUTBOX_MS: Final = 1_000
PUSH_CARRIERS: Final = 8
"""All browsers share one line; so many carry from it, so that one slow service holds up few."""
PUSH_AT_ONCE: Final = 5
RETRY_MAX_S: Final = 300.0
RETRY_ASKED_MAX_S: Final = 3_600.0
PACE_S: Final = ((120, 10.0), (240, 60.0))
"""How many failures in a row, and how long the pauses are until then: 20 minutes, and two hours."""
GIVE_UP_MS: Final = 24 * 3_600_000
STUCK_MS: Final = 300_000
"""Nothing was delivered to anybody for so long, though something waits: we cannot speak."""

Render = Callable[[Sequence[Notice], Lang | None], Message]
"""One message, of several notices if need be, in a language; without one in the settings' own."""


@dataclass(slots=True)
class Line:
    """What stands before one channel. Its failures in a row ask for a pause of all."""

    carriers: int = 0
    failures: int = 0
    paused_until_ms: int = 0  # steady
    in_hand: set[int] = field(default_factory=set)  # a slow attempt may outlast the store's claim


class Outbox:
    """Hands what is due to its line, and sends what comes too late another way as well."""

    def __init__(
        self,
        database: Database,
        ears: Ears,
        channels: Mapping[str, Channel],
        for_people: Collection[str],
        points: Contacts,
        render: Render,
        on_told: Callable[[Incident], None],
        push: Callable[[Notice], Awaitable[None]],
    ) -> None:
        """`channels`: the settings', and the members' mail. `points`: builds those of contact points.

        `for_people`: those of the channels in which several incidents may stand in one message.
        """
        self._database = database
        self._ears = ears
        self._channels = channels
        self._for_people = for_people
        self._points = points
        self._render = render
        self._on_told = on_told
        self._push = push
        self._lines: dict[str, Line] = {}
        self._carrying: set[asyncio.Task[None]] = set()
        self._failures: Failures | None = None
        self._told_at_ms: int | None = None
        self.rounds = 0
        self.well_at_ms = ears.steady_ms()  # the last round ended; before the first: we began
        self.wake = asyncio.Event()

    async def run(self, failures: Failures) -> None:
        self._failures = failures
        try:
            while True:
                await failures.guard("outbox", self.round)
                await woken(self.wake, OUTBOX_MS)
        finally:
            for task in self._carrying:
                task.cancel()
            await asyncio.gather(*self._carrying, return_exceptions=True)

    async def round(self) -> None:
        """Set those lines going in which something is due."""
        now = self._ears.now_ms()
        async with self._database.read() as conn:
            lines = await outbox.lines_due(conn, now)
            late = await outbox.late(conn, now)
        for notice in late:
            await self._relay(notice)
        for name in lines:
            self._set_going(name)
        self.rounds += 1
        self.well_at_ms = self._ears.steady_ms()

    async def is_stuck(self) -> bool:
        """Whether nobody was told anything for a while, though somebody should be."""
        async with self._database.read() as conn:
            oldest = await outbox.oldest_of_teams_ms(conn)
        if oldest is None or self._ears.now_ms() - oldest < STUCK_MS:
            return False
        return self._told_at_ms is None or self._told_at_ms < oldest

    def _set_going(self, name: str) -> None:
        line = self._lines.setdefault(name, Line())
        wanted = PUSH_CARRIERS if name == PUSH else 1
        while line.carriers < wanted and not self._is_paused(line):
            line.carriers += 1
            task = asyncio.create_task(self._carry(name, line), name=f"channel {name}")
            self._carrying.add(task)
            task.add_done_callback(self._carrying.discard)

    def _is_paused(self, line: Line) -> bool:
        return self._ears.steady_ms() < line.paused_until_ms

    async def _carry(self, name: str, line: Line) -> None:
        """Tell one after the other, until nothing is due or the channel is to be left alone for a while."""
        deed = partial(self._carry_on, name, line)
        try:
            await (deed() if self._failures is None else self._failures.guard(f"channel {_kind(name)}", deed))
        finally:
            line.carriers -= 1
            if not line.carriers and not line.failures:
                self._lines.pop(name, None)

    async def _carry_on(self, name: str, line: Line) -> None:
        while not self._is_paused(line) and (claimed := await self._claimed(name, line)):
            for notices in claimed:
                numbers = {notice.id for notice in notices}
                line.in_hand |= numbers
                try:
                    await self._tell(notices, line)
                finally:
                    line.in_hand -= numbers

    async def _claimed(self, name: str, line: Line) -> list[list[Notice]]:
        """What to send now, each by itself: of several notices, one message."""
        now, in_hand = self._ears.now_ms(), frozenset(line.in_hand)

        async def deed(conn: Conn) -> list[list[Notice]]:
            if name == PUSH:
                found = await outbox.due(conn, now, PUSH_AT_ONCE, name, in_hand)
                return [[notice] for notice in found]
            is_read = await self._is_for_people(conn, name)
            found = await lines.claim(conn, name, now, for_people=is_read, in_hand=in_hand)
            return [found] if found else []

        return await self._database.write(deed)

    async def _is_for_people(self, conn: Conn, name: str) -> bool:
        contact_id = contacts.id_of(name)
        return (
            name in self._for_people
            if contact_id is None
            else await self._points.is_for_people(conn, contact_id)
        )

    async def _tell(self, notices: Sequence[Notice], line: Line) -> None:
        at_ms, began = self._ears.now_ms(), time.perf_counter()
        try:
            receipt = await self._send_or_fail(notices)
        except ChannelError as error:
            attempt = Attempt(at_ms, int((time.perf_counter() - began) * 1000))
            await self._not_taken(notices, line, error, attempt)
        else:
            attempt = Attempt(at_ms, int((time.perf_counter() - began) * 1000))
            await self._taken(notices, line, receipt, attempt)
        for notice in notices:
            if notice.kind == outbox.INCIDENT:
                self._on_told(notice.incident)

    async def _send_or_fail(self, notices: Sequence[Notice]) -> str | None:
        """A bug of ours is one more way to fail: logged, tried again, and given up like the others."""
        try:
            return await self._send(notices)
        except ChannelError:
            raise
        except Exception as bug:
            log.exception("telling %s has a bug", notices[0].channel)
            raise ChannelError(f"a bug in this server: {type(bug).__name__}") from bug

    async def _send(self, notices: Sequence[Notice]) -> str | None:
        """Returns a receipt, if there is one. Raises ChannelError."""
        name = notices[0].channel
        if line_of(name) == PUSH:
            (notice,) = notices
            await self._push(notice)
            return None
        contact_id = contacts.id_of(name)
        if contact_id is not None:
            way = await self._points.way(contact_id)
            return await way.channel.send(self._render(notices, way.language))
        channel = self._channels.get(name)
        if channel is None:
            raise ChannelError(f"the settings have no channel of the name {name}", permanent=True)
        return await channel.send(self._render(notices, None))

    # --- how it went

    async def _taken(
        self, notices: Sequence[Notice], line: Line, receipt: str | None, attempt: Attempt
    ) -> None:
        now = self._told_at_ms = self._ears.now_ms()
        first = notices[0]
        for notice in notices:
            log.info("told %s: %s %s", notice.channel, notice.reason.value, notice.incident.key)
        contact_id, was_down = contacts.id_of(first.channel), line.failures > 1
        line.failures = 0

        async def deed(conn: Conn) -> None:
            for notice in notices:
                told_with = None if notice is first else first.id
                await outbox.sent(conn, notice.id, now, receipt, _kept(notice, attempt), told_with)
            if contact_id is not None:
                await contacts.took(conn, contact_id, now)
            if was_down:
                await outbox.hurry(conn, first.channel, now)

        await self._database.write(deed)

    async def _not_taken(
        self, notices: Sequence[Notice], line: Line, error: ChannelError, attempt: Attempt
    ) -> None:
        now, why = self._ears.now_ms(), str(error)
        over = [one for one in notices if error.permanent or now - one.created_at_ms >= GIVE_UP_MS]
        for notice in over:
            await self._given_up(notice, why, attempt, for_good=error.permanent)
        if again := [one for one in notices if one not in over]:
            await self._put_back(again, line, error, attempt)

    async def _put_back(
        self, notices: Sequence[Notice], line: Line, error: ChannelError, attempt: Attempt
    ) -> None:
        """They are tried again, all at the same moment, so that they can be told as one still."""
        now, why, first = self._ears.now_ms(), str(error), notices[0]
        log.warning("could not tell %s of %s: %s", first.channel, first.incident.key, why)
        tried = max(one.attempts for one in notices)
        pause_ms = retry_ms = retry_after_ms(line.failures, error.retry_after_s)
        if tried > line.failures:
            retry_ms = retry_after_ms(tried, error.retry_after_s)
        if line_of(first.channel) != PUSH:  # browsers have services of their own
            line.paused_until_ms = self._ears.steady_ms() + pause_ms
            line.failures += 1
        contact_id = contacts.id_of(first.channel)

        async def deed(conn: Conn) -> None:
            for notice in notices:
                kept = _kept(notice, attempt) if notice is first else None
                await outbox.failed(conn, notice.id, now, why, now + retry_ms, kept)
            if contact_id is not None:
                await contacts.fails(conn, contact_id, now, why)

        await self._database.write(deed)

    async def _given_up(self, notice: Notice, why: str, attempt: Attempt, *, for_good: bool) -> None:
        """It never was, or never will be, delivered there. What will take nothing more is switched off."""
        now = self._ears.now_ms()
        log.error("gave up telling %s of %s: %s", notice.channel, notice.incident.key, why)
        contact_id = contacts.id_of(notice.channel)

        async def deed(conn: Conn) -> tuple[bool, str | None]:
            await outbox.failed(conn, notice.id, now, why, None, _kept(notice, attempt))
            ends = contact_id is not None and for_good
            is_new = ends and await contacts.disable(conn, contact_id or "", now, why)
            return is_new, await self._other_way(conn, notice)

        is_new, instead = await self._database.write(deed)
        if is_new:
            log.error("%s is switched off: %s; set it right and enable it again", notice.channel, why)
        self._tell_relay(notice, instead)

    async def _relay(self, notice: Notice) -> None:
        """Its minute is over."""
        instead = await self._database.write(partial(self._other_way, notice=notice))
        self._tell_relay(notice, instead)

    async def _other_way(self, conn: Conn, notice: Notice) -> str | None:
        if notice.kind != outbox.INCIDENT or line_of(notice.channel) == PUSH:
            return None
        is_critical = notice.incident.severity is Severity.CRITICAL and notice.reason not in outbox.NO_ALARM
        others = self._points.of_settings(Who(notice.incident.team_id))
        now = self._ears.now_ms()
        return await outbox.relay(conn, notice, others, now, by_wish_alone=not is_critical)

    def _tell_relay(self, notice: Notice, instead: str | None) -> None:
        if instead is not None:
            log.warning("%s is told of %s instead of %s", instead, notice.incident.key, notice.channel)
            self.wake.set()


def _kind(line: str) -> str:
    """Contact points are many: in metrics they are one."""
    return contacts.CHANNEL.rstrip(":") if line.startswith(contacts.CHANNEL) else line


def _kept(notice: Notice, attempt: Attempt) -> Attempt | None:
    """What becomes of strangers' browsers is in nobody's log."""
    return None if line_of(notice.channel) == PUSH else attempt


def retry_after_ms(failures: int, asked_s: float | None, jitter: Callable[[], float] = random.random) -> int:
    """The pause before the next attempt: what the channel asked for, else 1 s, 2, 4 ... to the pace of then.

    Up to a quarter is added by chance, so that many do not come back in one moment.
    """
    pace_s = next((pace for most, pace in PACE_S if failures < most), RETRY_MAX_S)
    own_s = min(2.0 ** min(failures, 10), pace_s)
    pause_s = own_s if asked_s is None else min(max(asked_s, 1.0), RETRY_ASKED_MAX_S)
    return int(pause_s * 1000 * (1 + jitter() / 4))
