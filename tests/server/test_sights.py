"""What the judge sees beyond what the store holds."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.server.stage import Agent, HandClock, enrol, hear, quiet_house, replace_live, settings, until
from tests.store.doubles import ALICE, BOB
from tests.stub_node import person
from vedette.model.layers import Condition, Layer
from vedette.model.people import FIRST_TEAM
from vedette.model.pos import Account, Committee, PosBlock
from vedette.model.report import Envelope
from vedette.model.spans import Span
from vedette.model.view import View
from vedette.server.house import House
from vedette.store import accounts, people, reading, votes
from vedette.store import tables as t
from vedette.store.database import Conn

OTHERS = 2
COMMITTEE = Committee(1, 1, 1, {person(1): 1})
BLOCK = PosBlock(2, "0x" + "ab" * 32, 1, 2, 1_800_000_000_000_000, person(1), None, 2, {person(1): 1})
OURS, THEIRS = "7300:0x1b1b1b1b1b1b1b1b", "7300:0x2c2c2c2c2c2c2c2c"


async def _told(house: House, agent: Agent, clock: HandClock, pivots: str) -> None:
    await enrol(house, agent)
    numbers = {"pow.latest_epoch": 7_400.0, "pow.still_seconds": 1.0}
    states = {"node.sync_phase": "NormalSyncPhase", "pow.pivots": pivots}
    await hear(house, *agent.post(agent.envelope(clock.wall, numbers=numbers, states=states)))


async def _seen(house: House) -> View:
    async with house.database.read() as conn:
        return (await house.sights.views(conn, house.ears.now_ms()))[FIRST_TEAM]


async def test_each_nodes_layers_are_judged_by_its_neighbours(tmp_path: Path) -> None:
    clock, lost = HandClock(), Agent("lost")
    async with quiet_house(settings(tmp_path), clock) as house:
        await _told(house, lost, clock, THEIRS)
        for name in ("a", "b"):
            await _told(house, Agent(name), clock, OURS)
        nodes = (await _seen(house)).nodes
    assert {one.name: one.layers[Layer.POW].state for one in nodes.values()} == {
        "lost": Condition.FORKED,
        "a": Condition.HEALTHY,
        "b": Condition.HEALTHY,
    }
    assert nodes[lost.node_id].numbers["pow.latest_epoch"] == 7_400


async def test_of_a_silent_node_nothing_is_known_any_more(tmp_path: Path) -> None:
    clock, agent = HandClock(), Agent()
    async with quiet_house(settings(tmp_path), clock) as house:
        await _told(house, agent, clock, OURS)
        clock.pass_ms(3_600_000)
        node = (await _seen(house)).nodes[agent.node_id]
    assert (dict(node.numbers), dict(node.states)) == ({}, {})
    assert node.layers[Layer.POS].reason == "agent_silent"


async def test_a_counter_that_rose_is_told_for_half_an_hour(tmp_path: Path) -> None:
    clock, agent = HandClock(), Agent()
    name = "process.restarts_count"
    rises = []
    async with quiet_house(settings(tmp_path), clock) as house:
        await enrol(house, agent)
        for count, minutes in ((4, 0), (6, 1), (1, 28), (1, 2), (1, 29)):
            clock.pass_ms(60_000 * minutes)
            await hear(house, *agent.post(agent.envelope(clock.wall, numbers={name: count})))
            rises.append(await _risen(house, agent, name))
    assert rises == [0, 2, 3, 1, 0], "one that began anew counts from nothing"


async def test_of_a_node_that_came_while_we_ran_no_past_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, agent = HandClock(), Agent()
    name = "process.restarts_count"
    async with quiet_house(settings(tmp_path), clock) as house:
        await enrol(house, agent)
        await hear(house, *agent.post(agent.envelope(clock.wall, numbers={name: 3})))
        monkeypatch.setattr(reading, "counts", None)  # whoever asks it would fail
        assert await _risen(house, agent, name) == 0


async def _risen(house: House, agent: Agent, name: str) -> float | None:
    """By how much, once what was counted before has been looked up."""
    await _seen(house)
    await house.sights.recall()
    return (await _seen(house)).nodes[agent.node_id].rises.get(name)


async def test_a_restart_loop_goes_on_across_a_restart_of_ours(tmp_path: Path) -> None:
    """Two starts before it, one while we were away (told when we were back), and one after."""
    clock, agent = HandClock(), Agent()
    name = "process.restarts_count"

    def counted(number: int) -> Envelope:
        return agent.envelope(clock.wall, numbers={name: number})

    async with quiet_house(settings(tmp_path), clock) as house:
        await enrol(house, agent)
        for number in (7, 8, 9):
            clock.pass_ms(60_000)
            await hear(house, *agent.post(counted(number)))
        assert await _risen(house, agent, name) == 2
    clock.pass_ms(120_000)
    while_away = counted(10)
    clock.pass_ms(60_000)
    async with quiet_house(settings(tmp_path), clock) as house:
        await hear(house, *agent.post(replace_live(counted(10), [])))  # what is live overtakes the backlog
        assert (await _seen(house)).nodes[agent.node_id].rises == {}, "not known yet is not none"
        assert await _risen(house, agent, name) == 3
        await hear(house, *agent.post(while_away))
        clock.pass_ms(60_000)
        await hear(house, *agent.post(counted(11)))
        assert await _risen(house, agent, name) == 4
        clock.pass_ms(25 * 60_000)
        await hear(house, *agent.post(counted(11)))
        assert await _risen(house, agent, name) == 3, "the first was half an hour ago"


async def test_an_account_that_changed_is_seen_and_judged_at_once(tmp_path: Path) -> None:
    """No block settles meanwhile, and the clock stands: nothing else makes anybody look."""
    watched, other = person(1), person(2)
    async with quiet_house(settings(tmp_path), HandClock()) as house:
        await house.database.write(lambda conn: people.watch(conn, FIRST_TEAM, [watched]))
        await house.database.write(lambda conn: votes.remember_committee(conn, COMMITTEE))
        await house.database.write(lambda conn: votes.witness_blocks(conn, "one", [BLOCK], Span(2, 2)))
        await _seen(house)
        looking = asyncio.create_task(house.sights.run(house.failures))
        await until(lambda: watched in house.sights.judged.by_teams)
        for one, wakes in ((other, False), (watched, True)):
            told = Account(one, 10, 0, 0, (), (), 0, 0, 9)
            changed = await house.database.write(
                lambda conn, told=told: accounts.remember_accounts(conn, [told], 1)  # type: ignore[misc]
            )
            house.sights.accounts_changed(changed)
            if wakes:
                await until(house.news.judge_wake.is_set)
            else:
                assert not house.sights._wake.is_set()
        seen = (await _seen(house)).validators[watched]
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
    assert seen.account is not None
    assert seen.account.force_retired_height == 9


async def test_nobody_is_judged_before_it_is_known_how_near_retirement_is(tmp_path: Path) -> None:
    """In the first round after a start, and in the first after somebody began to be watched."""
    looked: list[frozenset[str]] = []
    async with quiet_house(settings(tmp_path), HandClock()) as house:
        await house.database.write(lambda conn: people.watch(conn, FIRST_TEAM, [ALICE]))
        look = house.sights.look

        async def noted() -> None:
            looked.append(frozenset(house.sights._wanted))
            await look()

        house.sights.look = noted  # type: ignore[method-assign]
        for _ in range(2):
            await _seen(house)
        await house.database.write(lambda conn: people.watch(conn, FIRST_TEAM, [ALICE, BOB]))
        for _ in range(2):
            await _seen(house)
    assert looked == [{ALICE}, {ALICE, BOB}]


async def test_one_teams_view_holds_nothing_of_anothers(tmp_path: Path) -> None:
    """Neither nodes nor contact points, nor what only those who run the server are told."""
    clock, ours, theirs = HandClock(), Agent("ours"), Agent("theirs")
    async with quiet_house(settings(tmp_path), clock) as house:
        await _told(house, ours, clock, OURS)
        await _told(house, theirs, clock, THEIRS)
        contact = {
            "id": "c1",
            "team_id": OTHERS,
            "name": "their pager",
            "kind": "ntfy",
            "sealed": b"secret",
            "hint": "ntfy.example.org",
            "language": "en",
            "created_at_ms": clock.wall,
            "failing_since_ms": clock.wall,
        }

        async def deed(conn: Conn) -> None:
            await conn.execute(t.teams.insert().values(id=OTHERS, name="others"))
            for table, column in ((t.nodes, t.nodes.c.id), (t.latest, t.latest.c.node_id)):
                move = update(table).where(column == theirs.node_id)
                await conn.execute(move.values(team_id=OTHERS))
            await conn.execute(t.contact_points.insert().values(**contact))

        async def broken() -> None:
            raise RuntimeError("always")

        await house.database.write(deed)
        await house.failures.guard("pools", broken)
        clock.pass_ms(60_000)
        for _ in range(2):
            async with house.database.read() as conn:
                views = await house.sights.views(conn, house.ears.now_ms())
            await house.sights.look()
    assert {team_id: [one.name for one in view.nodes.values()] for team_id, view in views.items()} == {
        FIRST_TEAM: ["ours"],
        OTHERS: ["theirs"],
    }
    assert [one.name for one in views[OTHERS].monitor.contacts] == ["their pager"]
    assert views[OTHERS].monitor.failing_loops == ()
    assert views[FIRST_TEAM].monitor.failing_loops == ("pools",)
    assert "their" not in repr(views[FIRST_TEAM])
    assert "ours" not in repr(views[OTHERS])
