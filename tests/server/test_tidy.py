"""The server drops by itself what it need not remember."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.server.stage import HandClock, quiet_house, settings
from vedette.model.incident import Incident, Reason, Severity, Subject, SubjectKind
from vedette.model.people import FIRST_TEAM
from vedette.server import loops
from vedette.server.house import House, running
from vedette.server.settings import AlertSetting
from vedette.store import incidents, outbox
from vedette.store import tables as t
from vedette.store.incidents import Change

DAY_MS = 86_400_000


async def left(house: House) -> tuple[int, int]:
    """How many messages, and how many moments of incidents."""
    async with house.database.read() as conn:
        counts = [
            (await conn.execute(select(func.count()).select_from(table))).scalar_one()
            for table in (t.outbox, t.incident_evidence)
        ]
    return counts[0], counts[1]


async def until_left(house: House, wanted: tuple[int, int]) -> None:
    async with asyncio.timeout(30):
        while await left(house) != wanted:  # noqa: ASYNC110  the database tells nobody
            await asyncio.sleep(0.02)


async def test_messages_and_evidence_go_when_their_days_are_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the settings say: messages after two days, what led to it after four."""
    monkeypatch.setattr(loops, "TIDY_MS", 20)
    given, clock = settings(tmp_path, alerts=AlertSetting(log_days=2, evidence_days=4)), HandClock()
    async with quiet_house(given, clock) as house:
        now_ms, node = clock.wall, Subject(SubjectKind.NODE, "n1", "n1")
        one = Incident(0, "node_down/n1", "node_down", FIRST_TEAM, Severity.WARNING, node, {}, now_ms)
        told = Change(one, Reason.OPENED, ("email",), now_ms, evidence=("opened", {"facts": {}}))
        [kept] = await house.database.write(lambda conn: incidents.save(conn, [told]))
        over = Change(replace(kept, resolved_at_ms=now_ms), None, (), now_ms)
        await house.database.write(lambda conn: incidents.save(conn, [over]))
        await house.database.write(lambda conn: outbox.sent(conn, 1, now_ms))
        loops_of_house = running(house)
        tidying = asyncio.create_task(loops_of_house.pop("tidy"))
        for loop in loops_of_house.values():
            loop.close()
        await asyncio.sleep(0.1)
        assert await left(house) == (1, 1)
        clock.pass_ms(3 * DAY_MS)
        await until_left(house, (0, 1))
        clock.pass_ms(2 * DAY_MS)
        await until_left(house, (0, 0))
        tidying.cancel()
        with suppress(asyncio.CancelledError):
            await tidying
        assert not house.failures.of
