"""Tells each team how a day or a week went, when its clocks say so."""

from collections import Counter
from functools import partial
from typing import Final

import msgspec

from vedette.model.clock import rounds
from vedette.model.digest import DAYS, ROWS_MAX, DigestMatter, DigestPlan, Row, Told
from vedette.model.incident import Incident, Notice, Severity
from vedette.model.people import Who
from vedette.notify.digest import digest_message
from vedette.notify.kinds import KINDS
from vedette.notify.text import Message, incident_title
from vedette.notify.words import Lang
from vedette.server.ears import Ears
from vedette.server.loops import Failures
from vedette.store import contacts, digests, incidents, nodes, reading
from vedette.store.availability import Calendar, Uptime, total
from vedette.store.database import Conn, Database
from vedette.store.nodes import NodeRow

LOOK_MS: Final = 60_000
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
LANGS: Final[tuple[Lang, ...]] = ("en", "zh")
SETTINGS: Final = "settings:"
HEAD_LETTERS, TAIL_LETTERS = 10, 4


class Digests:
    """Looks once a minute whether one is due."""

    def __init__(self, database: Database, ears: Ears) -> None:
        self._database = database
        self._ears = ears

    async def run(self, failures: Failures) -> None:
        async for _ in rounds(self._ears, LOOK_MS):
            await failures.guard("digests", self.round)

    async def round(self) -> int:
        """How many teams were told."""
        now_ms = self._ears.now_ms()
        async with self._database.read() as conn:
            wishes = await digests.plans(conn)
        due = {team_id: until for team_id, one in wishes.items() if (until := one.due_ms(now_ms)) is not None}
        for team_id, until_ms in due.items():
            await self._tell(team_id, wishes[team_id], until_ms)
        return len(due)

    async def _tell(self, team_id: int, wish: DigestPlan, until_ms: int) -> None:
        async with self._database.read() as conn:
            matter = await gathered(conn, team_id, wish, until_ms)
            ways = await _ways(conn, team_id, wish)
        now_ms = self._ears.now_ms()
        await self._database.write(
            partial(digests.tell, team_id=team_id, wish=wish, channels=ways, matter=matter, now_ms=now_ms)
        )


async def _ways(conn: Conn, team_id: int, wish: DigestPlan) -> list[str]:
    """The outbox's names of those that still stand: one that was removed or switched off is passed over."""
    able = {one.channel for one in await contacts.of_team(conn, team_id) if one.is_enabled}
    return [
        ref.removeprefix(SETTINGS)
        for ref in wish.contacts
        if not ref.startswith(contacts.CHANNEL) or ref in able
    ]


def takes_digests(kind: str) -> bool:
    return kind in KINDS and KINDS[kind].digests


# --- what it tells ----------------------------------------------------------------------------------------


async def gathered(conn: Conn, team_id: int, wish: DigestPlan, until_ms: int) -> DigestMatter:
    from_ms = wish.begins_ms(until_ms)
    told = await incidents.told_between(conn, team_id, from_ms, until_ms)
    counts = Counter(one.severity for one in told)
    watched = await digests.watched(conn, team_id)
    rows = await nodes.nodes(conn, Who(team_id))
    days = DAYS[wish.every]
    return DigestMatter(
        every=wish.every,
        zone=wish.zone,
        from_ms=from_ms,
        until_ms=until_ms,
        critical_count=counts[Severity.CRITICAL],
        warning_count=counts[Severity.WARNING],
        open_count=sum(1 for one in told if one.resolved_at_ms is None or one.resolved_at_ms > until_ms),
        incidents=tuple(_told(one) for one in told[:ROWS_MAX]),
        incidents_more=max(0, len(told) - ROWS_MAX),
        validators=tuple(
            [
                await digests.signed(conn, one, short(one), from_ms, until_ms, days)
                for one in watched[:ROWS_MAX]
            ]
        ),
        validators_more=max(0, len(watched) - ROWS_MAX),
        nodes=tuple([await _up(conn, row, from_ms, until_ms, days) for row in rows[:ROWS_MAX]]),
        nodes_more=max(0, len(rows) - ROWS_MAX),
    )


def _told(one: Incident) -> Told:
    return Told(
        severity=one.severity.value,
        titles={lang: incident_title(one, lang) for lang in LANGS},
        opened_at_ms=one.opened_at_ms,
        resolved_at_ms=one.resolved_at_ms,
    )


async def _up(conn: Conn, row: NodeRow, from_ms: int, until_ms: int, days: int) -> Row:
    """How long a node was up, by the hour or by the day."""
    cell_ms = HOUR_MS if days == 1 else DAY_MS
    found = await reading.availability_of(
        conn, Who(row.team_id), row.id, until_ms - from_ms, until_ms, cell_ms
    )
    if found is None:
        return Row(name=row.name, ppm=None)
    cells = _cells(found)
    parts = [None if cell.up_ppm is None else cell.up_ppm / digests.PPM for cell in cells]
    return Row(name=row.name, ppm=total(cells).up_ppm, parts=tuple(parts))


def _cells(found: Calendar) -> tuple[Uptime, ...]:
    """Of its process; of an endpoint without an agent, of its answers."""
    return found.rpc if total(found.process).up_ppm is None else found.process


def short(address: str) -> str:
    return f"{address[:HEAD_LETTERS]}…{address[-TAIL_LETTERS:]}"


def rendered(notice: Notice, lang: Lang, page_url: str) -> Message:
    """A digest that waits in the outbox, as a message."""
    matter = msgspec.convert(dict(notice.matter), DigestMatter)
    return digest_message(matter, lang, page_url, notice.key, notice.incident.team_id)
