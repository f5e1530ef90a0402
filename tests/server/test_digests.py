"""Digests: asked for, gathered from what is stored, and told once."""

from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.server.conftest import Api
from tests.server.history import Past
from tests.server.stage import Agent, HandClock, Letterbox, enrol, hear, quiet_house, settings, until
from vedette.model.ballot import known_count, signed_count
from vedette.model.digest import DigestPlan
from vedette.model.people import FIRST_TEAM, Role, Who
from vedette.server.contacts import Wish
from vedette.server.digests import gathered, short
from vedette.server.house import House
from vedette.store import digests, epochs, people, strips
from vedette.store import tables as t

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
OWNER = Who(FIRST_TEAM, role=Role.OWNER)
DAILY = {"every": "daily", "hour": 8, "weekday": None, "zone": "Asia/Shanghai", "contacts": ["settings:box"]}


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def box() -> Letterbox:
    return Letterbox()


@pytest.fixture
async def house(tmp_path: Path, clock: HandClock, box: Letterbox) -> AsyncIterator[House]:
    async with quiet_house(settings(tmp_path), clock, {"box": box}) as house:
        yield house


async def wish(house: House, *contacts: str) -> None:
    plan = DigestPlan(every="daily", contacts=contacts, told_until_ms=house.ears.now_ms())
    await house.database.write(lambda conn: digests.keep(conn, OWNER, plan, house.ears.now_ms()))


async def bury(house: House, clock: HandClock) -> None:
    agent = Agent(name="paris-1")
    await enrol(house, agent)
    await hear(house, *agent.post(agent.envelope(clock.now_ms())))
    clock.pass_ms(10)
    await hear(house, *agent.post(agent.died(clock.now_ms())))
    await house.judge.round()


async def told(house: House, box: Letterbox) -> list[Any]:
    """The digests that came, once the outbox has nothing more to send."""
    await house.outbox.round()
    await until(lambda: not house.outbox._carrying)
    return [one for one in box.messages if one.kind == "digest"]


async def test_a_day_is_told_once_with_what_happened(house: House, clock: HandClock, box: Letterbox) -> None:
    await wish(house, "settings:box")
    await bury(house, clock)
    assert await house.digests.round() == 0
    clock.pass_ms(DAY_MS)
    assert await house.digests.round() == 1
    assert await house.digests.round() == 0
    (digest,) = await told(house, box)
    assert "1 warnings" in digest.title or "1 critical" in digest.title
    assert "paris-1" in digest.body_text
    assert "1 still open" in digest.title
    clock.pass_ms(DAY_MS)
    assert await house.digests.round() == 1
    assert len({one.key for one in await told(house, box)}) == 2


async def test_a_server_that_was_down_tells_the_newest_day_alone(
    house: House, clock: HandClock, box: Letterbox
) -> None:
    await wish(house, "settings:box")
    clock.pass_ms(5 * DAY_MS)
    assert await house.digests.round() == 1
    assert await house.digests.round() == 0
    assert len(await told(house, box)) == 1


async def test_a_contact_point_that_is_gone_is_passed_over(
    house: House, clock: HandClock, box: Letterbox
) -> None:
    await wish(house, "contact:nobody", "settings:box")
    clock.pass_ms(DAY_MS)
    assert await house.digests.round() == 1
    async with house.database.read() as conn:
        assert list((await conn.execute(select(t.outbox.c.channel))).scalars()) == ["box"]


async def test_a_digest_is_no_incident_of_the_page(house: House, clock: HandClock, box: Letterbox) -> None:
    await wish(house, "settings:box")
    seen: list[object] = []
    house.outbox._on_told = seen.append
    clock.pass_ms(DAY_MS)
    await house.digests.round()
    assert len(await told(house, box)) == 1
    assert seen == []


async def test_what_a_validator_signed_is_counted_from_the_stored_votes(api: Api, past: Past) -> None:
    one = past.people[0]
    await api.house.database.write(lambda conn: people.watch(conn, FIRST_TEAM, [one]))
    async with api.house.database.read() as conn:
        newest = await epochs.span_before(conn, 1 << 60)
        assert newest is not None
        until_ms = newest.last_at_us // 1000 + 1
        plan = DigestPlan(every="daily", contacts=("settings:box",))
        matter = await gathered(conn, FIRST_TEAM, plan, until_ms)
        first = await epochs.epoch_after(conn, matter.from_ms * 1000)
        assert first is not None
        letters = (await strips.of_epochs(conn, one, first, newest.epoch)).letters
    (row,) = matter.validators
    assert row.name == short(one)
    assert row.ppm == 1_000_000 * signed_count(letters) // known_count(letters)
    assert len(row.parts) == newest.epoch - first + 1
    assert all(part is None or 0 <= part <= 1 for part in row.parts)


async def put(api: Api, **other: Any) -> tuple[int, Any]:
    async with api.http.put(f"{api.url}/api/v1/alerts/digest", json={**DAILY, **other}) as reply:
        return reply.status, await reply.json()


async def test_a_team_says_when_and_whereto(api: Api) -> None:
    assert (await api.get("/alerts/digest"))["every"] == "never"
    wish = Wish(name="hook", kind="webhook", config={"url": "https://hooks.example.org/x"})
    made = await api.house.contacts.make(OWNER, wish)
    asked = {**DAILY, "contacts": [made.channel]}
    assert await put(api, **asked) == (200, asked)
    assert await api.get("/alerts/digest") == asked
    async with api.house.database.read() as conn:
        acts = list((await conn.execute(select(t.audit.c.act))).scalars())
        plan = await digests.plan(conn, OWNER)
    assert "alerts.digest" in acts
    assert plan.told_until_ms > 0
    assert replace(plan, told_until_ms=0).due_ms(api.house.ears.now_ms()) is not None
    assert asdict(plan)["contacts"] == (made.channel,)


@pytest.mark.parametrize(
    "wrong, word",
    [
        ({"contacts": []}, "name at least one"),
        ({"every": "weekly", "contacts": ["members"]}, "needs one"),
        ({"contacts": ["contact:nobody"]}, "no contact point contact:nobody"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"zone": "../../etc/passwd"}, "zone"),
        ({"hour": 24}, "hour"),
        ({"weekday": 7}, "weekday"),
        ({"every": "hourly"}, "every"),
    ],
)
async def test_what_cannot_be_kept_is_said_in_one_line(api: Api, wrong: dict[str, Any], word: str) -> None:
    status, problem = await put(api, **wrong)
    assert status == 422
    assert word in problem["detail"]
    assert "\n" not in problem["detail"]


async def test_a_pager_takes_no_digests(api: Api) -> None:
    wish = Wish(name="pager", kind="pagerduty", config={"key": "a" * 32})
    made = await api.house.contacts.make(OWNER, wish)
    status, problem = await put(api, contacts=[made.channel])
    assert (status, "takes no digests" in problem["detail"]) == (422, True)
