"""What a team set, on the judge's way from a death to the message: held back, told, passed on, told again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.server.people import team_of
from tests.server.stage import Agent, HandClock, Letterbox, enrol, hear, quiet_house, settings
from vedette.alerts.limits import parse as parse_limits
from vedette.alerts.limits import plain as plain_limits
from vedette.model.incident import Decision, Incident
from vedette.model.people import FIRST_TEAM, Who
from vedette.model.policy import Contact, Matcher
from vedette.server.house import House
from vedette.store import acks, incidents, maintenances, outbox, policies, silences
from vedette.store import tables as t
from vedette.store.database import Conn

TEAM = Who(FIRST_TEAM)
MINUTE_MS = 60_000
ANA, BO = "settings:ana", "settings:bo"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def house(tmp_path: Path, clock: HandClock) -> AsyncIterator[House]:
    boxes = {"ana": Letterbox("ana"), "bo": Letterbox("bo")}
    async with quiet_house(settings(tmp_path), clock, boxes) as house:
        yield house


async def bury(house: House, clock: HandClock) -> Agent:
    """A node dies, a minute ago, for which it is told."""
    agent = Agent()
    await enrol(house, agent)
    await hear(house, *agent.post(agent.envelope(clock.now_ms())))
    clock.pass_ms(10)
    await hear(house, *agent.post(agent.died(clock.now_ms())))
    return agent


async def speaks(house: House, clock: HandClock, agent: Agent) -> None:
    """Its agent is heard of, so that time may pass, and the node is still dead."""
    await hear(house, *agent.post(agent.died(clock.now_ms())))


async def after(house: House, clock: HandClock, agent: Agent, ms: int) -> Incident:
    """The incident, judged once more so much later."""
    clock.pass_ms(ms)
    await speaks(house, clock, agent)
    await house.judge.round()
    return await standing(house)


async def standing(house: House) -> Incident:
    async with house.database.read() as conn:
        found = [one for one in await incidents.unresolved(conn) if one.rule == "node_down"]
    (incident,) = found
    return incident


async def told(house: House) -> list[tuple[str, str]]:
    """Channel and reason of every message, in order."""
    query = select(t.outbox.c.channel, t.outbox.c.reason).order_by(t.outbox.c.id)
    async with house.database.read() as conn:
        return [(row.channel, row.reason) for row in await conn.execute(query)]


async def routed(house: House, **routing: Any) -> None:
    usual: dict[str, Any] = {"routes": [], "escalations": [], "schedules": [], "quiet": []}
    now_ms = house.ears.now_ms()
    async with house.database.read() as conn:
        version = (await policies.policy(conn, TEAM)).version
    data = usual | routing
    await house.database.write(lambda conn: policies.keep(conn, TEAM, "routing", data, version, now_ms))
    house.policies.forget()


def route(name: str, *contacts: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "name": name, "match": {}, "contacts": list(contacts), **more}


async def silenced(house: House, ms: int) -> str:
    now_ms = house.ears.now_ms()
    made = await house.database.write(
        lambda conn: silences.make(
            conn, TEAM, Matcher(rules=("node_down",)), "works", (now_ms, now_ms + ms), now_ms
        )
    )
    house.policies.forget()
    return made.id


async def kinds(house: House) -> list[tuple[str, str | None]]:
    """The timeline: what happened, and the decision if it is one."""
    query = select(t.incident_events.c.kind, t.incident_events.c.detail).order_by(t.incident_events.c.id)
    async with house.database.read() as conn:
        return [(row.kind, row.detail.get("decision")) for row in await conn.execute(query)]


async def test_a_team_that_set_nothing_is_told_on_all_its_channels(house: House, clock: HandClock) -> None:
    """As ever."""
    await bury(house, clock)
    await house.judge.round()
    assert await told(house) == [("ana", "opened"), ("bo", "opened")]
    assert (await standing(house)).decision is Decision.TOLD


async def test_what_still_stands_when_a_silence_ends_is_told_then(house: House, clock: HandClock) -> None:
    """And its timeline says why it was not before."""
    await silenced(house, 10 * MINUTE_MS)
    agent = await bury(house, clock)
    await house.judge.round()
    assert (await standing(house)).decision is Decision.SILENCED
    assert (await after(house, clock, agent, 5 * MINUTE_MS)).told_at_ms is None
    assert await told(house) == []
    ended = await after(house, clock, agent, 5 * MINUTE_MS)
    assert (ended.decision, ended.told_count) == (Decision.TOLD, 1)
    assert await told(house) == [("ana", "opened"), ("bo", "opened")]
    assert ("decision", "silenced") in await kinds(house)


async def test_what_was_told_shows_that_it_is_silenced_now(house: House, clock: HandClock) -> None:
    """It is written once, not each round; and so is the silence's end."""
    agent = await bury(house, clock)
    await house.judge.round()
    silence = await silenced(house, 60 * MINUTE_MS)
    for _ in range(3):
        assert (await after(house, clock, agent, 1_000)).decision is Decision.SILENCED
    assert [kind for kind in await kinds(house) if kind == ("decision", "silenced")] == [
        ("decision", "silenced")
    ]
    now_ms = clock.now_ms()
    await house.database.write(lambda conn: silences.end(conn, TEAM, silence, now_ms))
    house.policies.forget()
    assert (await after(house, clock, agent, 1_000)).decision is Decision.TOLD


async def test_whoever_was_told_hears_of_the_end_whatever_is_silent_by_then(
    house: House, clock: HandClock
) -> None:
    """And nobody who was not."""
    await routed(house, routes=[route("a", ANA)])
    agent = await bury(house, clock)
    await house.judge.round()
    await routed(house, routes=[route("b", BO)])
    await silenced(house, 60 * MINUTE_MS)
    clock.pass_ms(1_000)
    await hear(house, *agent.post(agent.envelope(clock.now_ms())))
    await house.judge.round()
    clock.pass_ms(600_000)
    await hear(house, *agent.post(agent.envelope(clock.now_ms())))
    await house.judge.round()
    assert await told(house) == [("ana", "opened"), ("ana", "resolved")]


async def test_maintenance_holds_back_until_it_ends(house: House, clock: HandClock) -> None:
    """An act of control makes one of its own, and ends it."""
    agent = await bury(house, clock)
    now_ms = clock.now_ms()
    act = await house.database.write(
        lambda conn: maintenances.begin_act(
            conn, FIRST_TEAM, agent.node_id, "restart", now_ms + 3_600_000, now_ms
        )
    )
    house.policies.forget()
    await house.judge.round()
    assert (await standing(house)).decision is Decision.MAINTENANCE
    clock.pass_ms(30_000)
    await house.database.write(lambda conn: maintenances.end_act(conn, act.id, clock.now_ms()))
    house.policies.forget()
    assert (await after(house, clock, agent, 1_000)).decision is Decision.TOLD


async def test_quiet_hours_hold_a_warning_and_not_what_wakes(house: House, clock: HandClock) -> None:
    """A warning that still stands in the morning is told then."""
    here = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    night = {"id": "q", "name": "q", "zone": "UTC", "weekdays": None}
    night |= {"from": f"{here:%H:%M}", "until": f"{here + timedelta(minutes=30):%H:%M}"}
    warnings = {"node_down": {"loudest": "warning"}}
    await limited(house, warnings)
    await routed(house, routes=[route("a", ANA, quiet="q")], quiet=[night])
    agent = await bury(house, clock)
    await house.judge.round()
    assert (await standing(house)).decision is Decision.QUIET_HOURS
    assert await told(house) == []
    for _ in range(3):
        await after(house, clock, agent, 10 * MINUTE_MS)
    assert await told(house) == [("ana", "opened")]


async def test_a_warnings_end_at_night_is_said_in_the_morning(house: House, clock: HandClock) -> None:
    """It waits in the outbox, also when its channel comes back from a failure."""
    here = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    night = {"id": "q", "name": "q", "zone": "UTC", "weekdays": None}
    night |= {
        "from": f"{here + timedelta(minutes=1):%H:%M}",
        "until": f"{here + timedelta(minutes=30):%H:%M}",
    }
    await limited(house, {"node_down": {"loudest": "warning"}})
    await routed(house, routes=[route("a", ANA, quiet="q")], quiet=[night])
    agent = await bury(house, clock)
    await house.judge.round()
    clock.pass_ms(2 * MINUTE_MS)
    for _ in range(2):
        await hear(house, *agent.post(agent.envelope(clock.now_ms())))
        await house.judge.round()
        clock.pass_ms(10 * MINUTE_MS)
    assert await told(house) == [("ana", "opened"), ("ana", "resolved")]
    await house.database.write(lambda conn: outbox.hurry(conn, "ana", clock.now_ms()))
    query = select(t.outbox.c.next_at_ms).where(t.outbox.c.reason == "resolved")
    async with house.database.read() as conn:
        due_ms = (await conn.execute(query)).scalar_one()
    minutes = datetime.fromtimestamp(due_ms / 1000, UTC) - here.replace(second=0, microsecond=0)
    assert minutes == timedelta(minutes=30)


async def limited(house: House, rules: dict[str, Any], team: Who = TEAM) -> None:
    now_ms, data = house.ears.now_ms(), plain_limits(parse_limits({"rules": rules}))
    await house.database.write(lambda conn: policies.keep(conn, team, "limits", data, 0, now_ms))
    house.policies.forget()


async def test_what_nobody_takes_on_is_passed_on_and_an_acknowledgement_ends_that(
    house: House, clock: HandClock
) -> None:
    """Step by step, each once; its end is told to all who heard."""
    steps = [{"after_minutes": 5, "contacts": [BO]}, {"after_minutes": 8, "contacts": [ANA]}]
    up = {"id": "up", "name": "up", "steps": steps, "repeat_minutes": None}
    await limited(house, {"node_down": {"loudest": "warning"}})
    await routed(house, routes=[route("a", ANA, escalation="up")], escalations=[up])
    agent = await bury(house, clock)
    await house.judge.round()
    for _ in range(6):
        await after(house, clock, agent, MINUTE_MS)
    assert await told(house) == [("ana", "opened"), ("bo", "passed_on")]
    incident = await standing(house)
    assert incident.step == 1
    now_ms = clock.now_ms()
    await house.database.write(lambda conn: acks.acknowledge(conn, TEAM, incident.id, None, "", now_ms))
    for _ in range(6):
        await after(house, clock, agent, MINUTE_MS)
    assert len(await told(house)) == 2
    await hear(house, *agent.post(agent.envelope(clock.now_ms())))
    await house.judge.round()
    clock.pass_ms(600_000)
    await hear(house, *agent.post(agent.envelope(clock.now_ms())))
    await house.judge.round()
    assert (await told(house))[2:] == [("ana", "resolved"), ("bo", "resolved")]


async def test_what_was_taken_for_a_while_is_passed_on_when_that_is_over(
    house: House, clock: HandClock
) -> None:
    """Counted from the end of that while, and told in the timeline."""
    up = {"id": "up", "name": "up", "steps": [{"after_minutes": 5, "contacts": [BO]}], "repeat_minutes": None}
    await limited(house, {"node_down": {"loudest": "warning"}})
    await routed(house, routes=[route("a", ANA, escalation="up")], escalations=[up])
    agent = await bury(house, clock)
    await house.judge.round()
    incident, now_ms = await standing(house), clock.now_ms()
    until_ms = now_ms + 10 * MINUTE_MS
    await house.database.write(lambda conn: acks.acknowledge(conn, TEAM, incident.id, until_ms, "", now_ms))
    for _ in range(14):
        await after(house, clock, agent, MINUTE_MS)
    assert await told(house) == [("ana", "opened")]
    assert (await standing(house)).acked is None
    await after(house, clock, agent, MINUTE_MS)
    assert await told(house) == [("ana", "opened"), ("bo", "passed_on")]
    assert [kind for kind, _ in await kinds(house)].count("ran_out") == 1


async def test_a_route_that_leads_to_nobody_is_said_to(house: House, clock: HandClock) -> None:
    """And what stands is told as soon as it leads to somebody."""
    await routed(house, routes=[route("a", ANA, match={"rules": ["clock_off"]})])
    agent = await bury(house, clock)
    await house.judge.round()
    assert (await standing(house)).decision is Decision.NO_CONTACT
    assert (await after(house, clock, agent, 1_000)).decision is Decision.NO_CONTACT
    assert [one for one in await kinds(house) if one[1] == "no_contact"] == [("decision", "no_contact")]
    await routed(house, routes=[route("a", ANA)])
    assert (await after(house, clock, agent, 1_000)).decision is Decision.TOLD
    assert await told(house) == [("ana", "opened")]


async def test_of_what_nobody_was_told_nobody_hears_the_end(house: House, clock: HandClock) -> None:
    """Its timeline says that it is over, and not that it was told to nobody."""
    await routed(house, routes=[route("a", ANA, match={"rules": ["clock_off"]})])
    agent = await bury(house, clock)
    await house.judge.round()
    clock.pass_ms(600_000)
    for _ in range(3):
        clock.pass_ms(600_000)
        await hear(house, *agent.post(agent.envelope(clock.now_ms())))
        await house.judge.round()
    happened = [kind for kind, _ in await kinds(house)]
    assert (await told(house), happened[-1], "told" in happened) == ([], "over", False)


async def test_each_team_is_judged_by_its_own_limits(house: House, clock: HandClock) -> None:
    """One that turned a rule off hears nothing of it; the others are judged as the settings say."""
    other = Who(await team_of(house.database, "other"))
    await limited(house, {"node_down": {"is_on": False}}, other)
    await bury(house, clock)
    await house.judge.round()
    assert (await standing(house)).decision is Decision.TOLD
    await house.policies.look(house.database)
    assert not house.policies.of(other.team_id or 0).limits.rules["node_down"]["is_on"]
    assert "node_down" not in house.policies.of(FIRST_TEAM).limits.rules
    await routed(house, routes=[route("a", ANA)])
    await house.policies.look(house.database)
    assert house.policies.of(FIRST_TEAM).limits is house.policies.base, "only routes were set"


async def test_what_cannot_be_read_any_more_is_told_in_the_log_and_everybody_hears(
    house: House, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A policy that a later version cannot read must not make a team deaf."""
    now_ms = clock.now_ms()
    for what, version in (("routing", 0), ("limits", 1)):
        await house.database.write(
            lambda conn, what=what, version=version: policies.keep(  # type: ignore[misc]
                conn, TEAM, what, {"nonsense": 1}, version, now_ms
            )
        )
    house.policies.forget()
    await bury(house, clock)
    await house.judge.round()
    assert await told(house) == [("ana", "opened"), ("bo", "opened")]
    assert "the routes of team 1 cannot be read" in caplog.text
    assert "the limits of team 1 cannot be read" in caplog.text


async def test_policies_are_read_again_when_forgotten_and_every_other_second(
    house: House, clock: HandClock
) -> None:
    """Another server on the same database may have changed them."""
    await house.policies.look(house.database)
    now_ms = clock.now_ms()
    await house.database.write(
        lambda conn: silences.make(conn, TEAM, Matcher(), "by another", (now_ms, now_ms + 9_000), now_ms)
    )
    for passed_ms, seen in ((1_000, 0), (1_000, 1)):
        clock.pass_ms(passed_ms)
        await house.policies.look(house.database)
        assert len(house.policies.of(FIRST_TEAM).policy.silences) == seen


async def test_a_slow_look_from_before_a_change_undoes_nothing(
    house: House, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The judge began to read, somebody silenced all and was told so, and the judge ended last."""
    now_ms, read = clock.now_ms(), asyncio.Event()
    contacts = policies.contacts

    async def slowly(conn: Conn) -> dict[int, list[Contact]]:
        found = await contacts(conn)
        if not read.is_set():
            read.set()
            await asyncio.wait_for(done.wait(), 10)
        return found

    done = asyncio.Event()
    monkeypatch.setattr(policies, "contacts", slowly)
    judge = asyncio.create_task(house.policies.look(house.database))
    await asyncio.wait_for(read.wait(), 10)
    await house.database.write(
        lambda conn: silences.make(conn, TEAM, Matcher(), "now", (now_ms, now_ms + 9_000), now_ms)
    )
    house.policies.forget()
    await house.policies.look(house.database)
    done.set()
    await judge
    assert len(house.policies.of(FIRST_TEAM).policy.silences) == 1


async def test_the_second_of_two_editors_is_told(house: House) -> None:
    """Nothing of the first one's is lost."""
    await routed(house, routes=[route("a", ANA)])
    with pytest.raises(policies.StalePolicyError):
        await house.database.write(lambda conn: policies.keep(conn, TEAM, "routing", {}, 0, 0))
    with pytest.raises(policies.StalePolicyError):
        await house.database.write(lambda conn: policies.keep(conn, TEAM, "routing", {}, 7, 0))
    async with house.database.read() as conn:
        kept = await policies.policy(conn, TEAM)
    assert (kept.version, kept.routing["routes"][0]["id"]) == (1, "a")
