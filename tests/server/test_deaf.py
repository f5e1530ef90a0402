"""Our own deafness is never their silence: server stopped, stalled, or its clock set. On both databases."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.server.stage import Agent, HandClock, Letterbox, enrol, hear, quiet_house
from tests.store.conftest import database_url, postgres_url, sqlite_template
from vedette.model.people import FIRST_TEAM, Who
from vedette.model.view import NodeState
from vedette.server.api.nodes import state_of
from vedette.server.house import House
from vedette.server.settings import Settings
from vedette.store import incidents, nodes

pytestmark = pytest.mark.slow  # opens a whole server for each case

__all__ = ["database_url", "postgres_url", "sqlite_template"]

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
TEAM = Who(FIRST_TEAM)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@asynccontextmanager
async def living(url: str, clock: HandClock) -> AsyncIterator[House]:
    async with quiet_house(Settings(database=url), clock, {"box": Letterbox()}) as house:
        yield house


async def tell(house: House, agent: Agent, clock: HandClock) -> None:
    await hear(house, *agent.post(agent.envelope(clock.wall)))


async def fleet(house: House, clock: HandClock) -> list[Agent]:
    agents = [Agent(name=f"n{i}") for i in range(3)]
    for agent in agents:
        await enrol(house, agent)
        await tell(house, agent, clock)
    return agents


async def live_on(house: House, agents: list[Agent], clock: HandClock, seconds: int) -> None:
    """Second by second: the heart beats, the judge looks, agents post every five."""
    for second in range(seconds):
        clock.pass_ms(1_000)
        await house.ears.tick()
        if second % 5 == 4:
            for agent in agents:
                await tell(house, agent, clock)
        await house.judge.round()


async def found(house: House) -> list[str]:
    """Every incident there ever was."""
    async with house.database.read() as conn:
        return [incident.key for incident, _ in await incidents.incidents(conn, TEAM, None, 100)]


async def states(house: House) -> set[NodeState]:
    async with house.database.read() as conn:
        return {state_of(row, house.ears) for row in await nodes.nodes(conn, TEAM)}


async def test_a_server_that_was_stopped_for_ten_minutes_accuses_nobody(
    database_url: str, clock: HandClock
) -> None:
    async with living(database_url, clock) as house:
        agents = await fleet(house, clock)
        await live_on(house, agents, clock, 7)
    clock.pass_ms(10 * MINUTE_MS)
    async with living(database_url, clock) as house:
        for _ in range(14):  # nobody has come back yet
            clock.pass_ms(1_000)
            await house.judge.round()
            assert await states(house) == {NodeState.UP}
        await live_on(house, agents, clock, 30)
        assert await found(house) == []


@pytest.mark.parametrize("step_ms", [HOUR_MS, -HOUR_MS, 30_000, -30_000])
async def test_a_clock_that_is_set_accuses_nobody(database_url: str, clock: HandClock, step_ms: int) -> None:
    async with living(database_url, clock) as house:
        agents = await fleet(house, clock)
        await live_on(house, agents, clock, 7)
        clock.step_ms(step_ms)
        await house.judge.round()
        assert await states(house) == {NodeState.UP}
        await live_on(house, agents, clock, 30)
        assert await found(house) == []


@pytest.mark.parametrize("step_ms", [HOUR_MS, -HOUR_MS])
async def test_a_report_between_the_step_and_our_next_breath_is_dated_as_everything_else(
    database_url: str, clock: HandClock, step_ms: int
) -> None:
    async with living(database_url, clock) as house:
        agents = await fleet(house, clock)
        await live_on(house, agents, clock, 7)
        clock.step_ms(step_ms)
        await tell(house, agents[0], clock)
        await house.judge.round()
        async with house.database.read() as conn:
            row = await nodes.node(conn, TEAM, agents[0].node_id)
        assert row is not None
        assert 14_000 <= row.due_at_ms - clock.wall <= 16_000
        await live_on(house, agents, clock, 30)
        assert await found(house) == []


@pytest.mark.parametrize("step_ms", [HOUR_MS, -HOUR_MS])
async def test_a_clock_that_was_set_while_we_were_stopped_accuses_nobody(
    database_url: str, clock: HandClock, step_ms: int
) -> None:
    async with living(database_url, clock) as house:
        agents = await fleet(house, clock)
        await live_on(house, agents, clock, 7)
    clock.pass_ms(20_000)
    clock.step_ms(step_ms)
    async with living(database_url, clock) as house:
        await live_on(house, agents, clock, 30)
        assert await found(house) == []


async def test_a_process_that_was_frozen_judges_nothing_before_it_has_counted_its_absence(
    database_url: str, clock: HandClock
) -> None:
    async with living(database_url, clock) as house:
        agents = await fleet(house, clock)
        await live_on(house, agents, clock, 7)
        clock.pass_ms(10 * MINUTE_MS)
        await house.judge.round()  # of all loops the judge wakes first
        await live_on(house, agents, clock, 30)
        assert await found(house) == []


async def test_who_was_silent_before_we_went_deaf_stays_silent(database_url: str, clock: HandClock) -> None:
    async with living(database_url, clock) as house:
        quiet, *others = await fleet(house, clock)
        await live_on(house, others, clock, 17)
        assert await found(house) == [f"node_silent/{quiet.node_id}"]
    clock.pass_ms(10 * MINUTE_MS)
    async with living(database_url, clock) as house:
        await live_on(house, others, clock, 30)
        async with house.database.read() as conn:
            standing = [incident.key for incident in await incidents.unresolved(conn)]
        assert standing == [f"node_silent/{quiet.node_id}"]


async def test_who_never_comes_back_after_our_deafness_is_found_all_the_same(
    database_url: str, clock: HandClock
) -> None:
    async with living(database_url, clock) as house:
        gone, *others = await fleet(house, clock)
        await live_on(house, [gone, *others], clock, 7)
    clock.pass_ms(10 * MINUTE_MS)
    async with living(database_url, clock) as house:
        await live_on(house, others, clock, 75)
        assert await found(house) == [f"node_silent/{gone.node_id}"]


async def test_killed_right_after_counting_its_deafness_it_is_not_counted_twice(
    database_url: str, clock: HandClock
) -> None:
    async with living(database_url, clock) as house:
        agent, *_ = await fleet(house, clock)
    clock.pass_ms(10 * MINUTE_MS)
    for _ in range(3):
        async with living(database_url, clock) as house, house.database.read() as conn:
            row = await nodes.node(conn, TEAM, agent.node_id)
            assert row is not None
            assert row.due_at_ms - clock.wall == 15_000


async def stall(house: House, clock: HandClock, seconds: int) -> None:
    """The process stands still, and then looks at once."""
    clock.pass_ms(1_000 * seconds)
    await house.judge.round()


async def test_a_stall_right_after_our_return_takes_nobodys_time_to_come_back(
    database_url: str, clock: HandClock
) -> None:
    async with living(database_url, clock) as house:
        agents = await fleet(house, clock)
        await live_on(house, agents, clock, 7)
    clock.pass_ms(10 * MINUTE_MS)
    async with living(database_url, clock) as house:
        for second in range(50):  # the slowest agent tries again each half a minute
            await (stall(house, clock, 3) if second in {10, 20} else live_on(house, [], clock, 1))
            assert await states(house) == {NodeState.UP}
        await live_on(house, agents, clock, 30)
        assert await found(house) == []


async def test_stall_upon_stall_hides_nobody_for_ever(database_url: str, clock: HandClock) -> None:
    async with living(database_url, clock) as house:
        agents = await fleet(house, clock)
        await live_on(house, agents, clock, 7)
    clock.pass_ms(10 * MINUTE_MS)
    async with living(database_url, clock) as house:
        for _ in range(20):
            await live_on(house, agents[1:], clock, 5)
            await stall(house, clock, 3)
        assert await found(house) == [f"node_silent/{agents[0].node_id}"]
