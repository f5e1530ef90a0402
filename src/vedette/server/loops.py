"""What the server does by itself: listen to its own pulse, judge, condense the past.

A round that fails is logged with its traceback and counted, and the loop goes on after a pause: a bug is
loud, and nobody is left unwatched because of it.
"""

import asyncio
import gc
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from vedette.alerts import engine, evidence, telling
from vedette.alerts.life import Patience, freed
from vedette.alerts.telling import Telling
from vedette.model.clock import rounds
from vedette.model.incident import Incident, Reason
from vedette.model.people import EVERYBODY
from vedette.model.pos import PosAddress
from vedette.model.view import View
from vedette.server.ears import PACE_MS, Ears
from vedette.server.live import Live
from vedette.server.policies import Policies, channel_to, is_for_people, ref_of
from vedette.store import acks, incidents, outbox, series, sessions
from vedette.store import evidence as kept_evidence
from vedette.store.database import Conn, Database
from vedette.store.incidents import Change
from vedette.store.push import channel_of
from vedette.store.tiering import Keep

log = logging.getLogger(__name__)

JUDGE_MS, JUDGE_MAX_MS = 1_000, 10_000
OF_ONE_TEAM = "judge of one team"
JUDGE_SHARE = 20
"""A round is followed by this many times its length of rest, so that a large fleet costs a bounded share."""
LAPSE_MS = 60_000
SEAL_MS = 5_000
SEAL_NODES = 20
SEAL_PAUSE_MS = 50
TIDY_MS = 3_600_000
EVIDENCE_AT_ONCE = 100
DAY_MS = 86_400_000
PAUSE_AFTER_BUG_S = 1
TRACEBACK_EACH_MS = 60_000

Audience = Mapping[PosAddress, tuple[str, ...]]
"""Whom to tell of which validator: subscriptions of web push."""
Views = Callable[[Conn, int, Collection[PosAddress]], Awaitable[dict[int, View]]]
"""Each team's view at a moment; with that of strangers, who asked to be told of these validators."""


class Failures:
    """How often each loop's round has failed. The same failure is told with its traceback once a minute."""

    def __init__(self, steady_ms: Callable[[], int]) -> None:
        self.of: Counter[str] = Counter()
        self._steady_ms = steady_ms
        self._since: dict[str, int] = {}  # the first failure of each loop since it last did well
        self._told: dict[tuple[str, str], int] = {}

    async def guard(self, name: str, deed: Callable[[], Awaitable[object]]) -> None:
        """One round of a loop that must not end."""
        try:
            await deed()
            self.well(name)
        except Exception as error:  # noqa: BLE001 - told by `note`
            self.note(name, error)
            await asyncio.sleep(PAUSE_AFTER_BUG_S)

    def note(self, name: str, error: Exception) -> None:
        """A round, or a part of one, failed."""
        self.of[name] += 1
        self._since.setdefault(name, self._steady_ms())
        self._tell(name, error)

    def well(self, name: str) -> None:
        """A round went well."""
        self._since.pop(name, None)

    def failing(self, for_ms: int) -> tuple[str, ...]:
        """The loops of which no round went well for so long."""
        now = self._steady_ms()
        return tuple(sorted(name for name, since in self._since.items() if now - since >= for_ms))

    def _tell(self, name: str, error: Exception) -> None:
        now, kind = self._steady_ms(), (name, type(error).__name__)
        traceback = now - self._told.get(kind, -TRACEBACK_EACH_MS) >= TRACEBACK_EACH_MS
        if traceback:
            self._told[kind] = now
        log.error("the %s loop failed: %r; it goes on", name, error, exc_info=error if traceback else None)


async def again(name: str, loop: Callable[[], Awaitable[object]], failures: Failures) -> None:
    """A loop that keeps its own pace, begun anew should it ever end."""
    while True:
        await failures.guard(name, loop)


async def heartbeat(ears: Ears, failures: Failures) -> None:
    """Tick once a second. A tick that came late, or after a step of the clock, moves every deadline."""
    async for _ in rounds(ears, PACE_MS):
        await failures.guard("heartbeat", ears.tick)


async def lapse(database: Database, ears: Ears, live: Live, failures: Failures) -> None:
    """Each minute: end what sessions had open that ended by age, by hand or on another server."""
    async for _ in rounds(ears, LAPSE_MS):
        await failures.guard("lapse", partial(lapsed, database, ears, live))


async def lapsed(database: Database, ears: Ears, live: Live) -> None:
    """End every stream whose reader is no longer who he was when it began."""
    asked = {who.session_id: who for who in live.readers if who.session_id is not None}
    if not asked:
        return
    async with database.read() as conn:
        standing = await sessions.standing(conn, asked, ears.now_ms())
    for session_id, who in asked.items():
        if standing.get(session_id) != (who.team_id, who.role):
            live.end_session(session_id)


@contextmanager
def uncollected() -> Iterator[None]:
    """What is made here is many and dies by itself: the collector would go through all of it again and again.

    With 5,000 nodes that stopped everybody for a quarter of a second, each round.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def woken(wake: asyncio.Event, at_most_ms: int) -> None:
    """Until somebody wakes us, or the time is up."""
    with suppress(TimeoutError):
        async with asyncio.timeout(at_most_ms / 1000):
            await wake.wait()
    wake.clear()


class Judge:
    """Looks at everything once a second, or at once when it is woken, and saves what is to be told."""

    def __init__(
        self,
        database: Database,
        ears: Ears,
        policies: Policies,
        patience: Patience,
        on_saved: Callable[[list[Incident]], None],
        wake: asyncio.Event,
        audience: Callable[[], Awaitable[Audience]],
        views: Views,
    ) -> None:
        self._database = database
        self._views = views
        self._ears = ears
        self._policies = policies
        self._patience = patience
        self._on_saved = on_saved
        self._audience = audience
        self._failures: Failures | None = None
        self.wake = wake
        self.rounds = 0  # that went well
        self.well_at_ms = ears.steady_ms()  # the last of them ended; before the first: we began

    async def run(self, failures: Failures) -> None:
        self._failures = failures
        took_ms = 0.0
        while True:
            await asyncio.sleep(took_ms / 1000)
            await woken(self.wake, min(max(JUDGE_MS, int(JUDGE_SHARE * took_ms)), JUDGE_MAX_MS))
            began_s, worked_s = time.perf_counter(), time.process_time()
            await failures.guard("judge", self._whole_round)
            # Where others keep the processors busy a round waits for its turn: that is no work to rest from.
            took_ms = 1000 * min(time.perf_counter() - began_s, time.process_time() - worked_s)

    async def _whole_round(self) -> None:
        with uncollected():
            await self.round()
        self.rounds += 1
        self.well_at_ms = self._ears.steady_ms()

    async def round(self) -> list[Incident]:
        # First of all our own deafness: a stall of ours must never be judged as theirs.
        await self._ears.tick()
        now, audience = self._ears.now_ms(), await self._audience()
        await self._policies.look(self._database)
        async with self._database.read() as conn:
            seen = await self._views(conn, now, audience.keys())
            unresolved = await incidents.unresolved(conn)
            before = by_team(await incidents.over_since(conn, now - self._patience.again_ms))
        standing = by_team(await self._freed(unresolved, now))
        tellings: list[Telling] = []
        failed = False
        for team_id in sorted({*seen, *standing}):
            view, ours = seen.get(team_id, View(now, team_id=team_id)), standing.get(team_id, [])
            try:
                tellings += self._tellings(team_id, view, ours, before.get(team_id, []))
            except Exception as error:  # noqa: BLE001 - told by `_one_failed`
                # What one team set or its agents say must leave nobody else unwatched.
                failed = True
                self._one_failed(error)
        if not failed and self._failures is not None:
            self._failures.well(OF_ONE_TEAM)
        if not tellings:
            return []
        told_on = await self._told_on(tellings)
        known = {one.id: one for ours in standing.values() for one in ours}
        changes = [
            replace(self._change(one, audience, told_on, now), evidence=seen_of(seen, known, one))
            for one in tellings
        ]
        saved = await self._database.write(lambda conn: incidents.save(conn, changes))
        self._on_saved(saved)
        return saved

    async def _freed(self, unresolved: Sequence[Incident], now_ms: int) -> Sequence[Incident]:
        """Without the acknowledgements that were for a while which is over."""
        late = [(one, after) for one in unresolved if (after := freed(one, now_ms)) is not None]
        if not late:
            return unresolved

        async def free(conn: Conn) -> list[Incident]:
            return [after for one, after in late if await acks.run_out(conn, one, after, now_ms)]

        by_id = {one.id: one for one in await self._database.write(free)}
        self._on_saved(list(by_id.values()))
        return [by_id.get(one.id, one) for one in unresolved]

    def _one_failed(self, error: Exception) -> None:
        """A bug, told as any loop's; whoever asks for a single round hears of it himself."""
        if self._failures is None:
            raise error
        self._failures.note(OF_ONE_TEAM, error)

    def _tellings(
        self, team_id: int, view: View, unresolved: Collection[Incident], before: Collection[Incident]
    ) -> list[Telling]:
        """One team's: what it sees moves no other's incidents. Strangers' browsers have no policy."""
        patient = self._ears.patient(view)
        if team_id == EVERYBODY:
            steps = engine.step(patient, unresolved, self._policies.base, self._patience, before)
            return [Telling(*step) for step in steps]
        ours = self._policies.of(team_id)
        return telling.judge(patient, unresolved, ours.limits, self._patience, before, ours.policy)

    async def _told_on(self, tellings: Iterable[Telling]) -> Mapping[int, tuple[str, ...]]:
        """Whoever was told of what is over now."""
        over = [one.incident.id for one in tellings if one.reason is Reason.RESOLVED]
        if not over:
            return {}
        async with self._database.read() as conn:
            return await incidents.told_on(conn, over)

    def _change(
        self, told: Telling, audience: Audience, told_on: Mapping[int, tuple[str, ...]], now_ms: int
    ) -> Change:
        incident, reason = told.incident, told.reason
        if incident.team_id == EVERYBODY:
            return Change(incident, reason, told_to(audience, incident, reason), now_ms)
        channels = tuple(channel_to(ref) for ref in told.told)
        if reason is Reason.RESOLVED:
            channels = self._told_of_end(told, told_on.get(incident.id, ()))
            reason = reason if channels else None  # nobody heard of it, so nobody hears of its end
        return Change(
            incident, reason, channels, now_ms, not_before_ms=told.not_before_ms, is_held=told.is_held
        )

    def _told_of_end(self, told: Telling, heard: Sequence[str]) -> tuple[str, ...]:
        """Whoever heard of it; if quiet hours kept it from everybody, the people who were to be told then."""
        contacts = self._policies.of(told.incident.team_id).policy.contacts
        if told.told:
            return tuple(channel_to(ref) for ref in told.told if is_for_people(contacts[ref]))
        return tuple(one for one in heard if ref_of(one) in contacts)


def seen_of(
    seen: Mapping[int, View], known: Mapping[int, Incident], told: Telling
) -> tuple[str, Mapping[str, Any]] | None:
    """What is kept of this step, if anything: which moment it is, and what was seen at it."""
    after = told.incident
    view, what = seen.get(after.team_id), evidence.moment(known.get(after.id), after)
    return None if what is None or view is None else (what, evidence.bundle(view, after))


def by_team(found: Iterable[Incident]) -> dict[int, list[Incident]]:
    teams: dict[int, list[Incident]] = {}
    for incident in found:
        teams.setdefault(incident.team_id, []).append(incident)
    return teams


def told_to(audience: Audience, incident: Incident, reason: Reason | None) -> tuple[str, ...]:
    """Whom to tell of what became of a validator. Reminders are for whoever can do something about it."""
    if reason is Reason.REMINDED:
        return ()
    return tuple(channel_of(one) for one in audience.get(PosAddress(incident.subject.id), ()))


async def seal(database: Database, ears: Ears, keep: Keep, failures: Failures) -> None:
    """Fold finished windows into chunks, those into tiers, and drop what need not be kept.

    A slice at a time, so that no report waits long behind one.
    """

    async def some() -> None:
        while await database.write(lambda conn: series.seal(conn, ears.now_ms(), SEAL_NODES, keep)):
            await ears.sleep_ms(SEAL_PAUSE_MS)

    async for _ in rounds(ears, SEAL_MS):
        await failures.guard("seal", some)


async def tidy(database: Database, ears: Ears, log_days: int, evidence_days: int, failures: Failures) -> None:
    """Each hour: drop what was told long ago, and what led to incidents that have long been over."""

    async def some() -> None:
        now_ms = ears.now_ms()
        await _forget_messages(database, ears, now_ms - log_days * DAY_MS)
        await _forget_evidence(database, ears, now_ms - evidence_days * DAY_MS)

    async for _ in rounds(ears, TIDY_MS):
        await failures.guard("tidy", some)


async def _forget_messages(database: Database, ears: Ears, until_ms: int) -> None:
    after: int | None = 0
    while after is not None:
        after = await database.write(partial(outbox.forget_old, until_ms=until_ms, after=after))
        await ears.sleep_ms(SEAL_PAUSE_MS)


async def _forget_evidence(database: Database, ears: Ears, until_ms: int) -> None:
    while True:
        async with database.read() as conn:
            old = await kept_evidence.old(conn, until_ms, EVIDENCE_AT_ONCE)
        if not old:
            return
        await database.write(partial(kept_evidence.drop_of, incident_ids=old))
        await ears.sleep_ms(SEAL_PAUSE_MS)
