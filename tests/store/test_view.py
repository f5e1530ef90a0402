"""What the rules see, as the store tells it."""

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import update

from tests.store.doubles import ALICE, FOUR, NOON, block, committee, delivery, enrolled, envelope
from vedette.model.people import FIRST_TEAM
from vedette.model.report import Live
from vedette.model.spans import Span
from vedette.model.view import View
from vedette.store import tables as t
from vedette.store.database import Conn, Database
from vedette.store.nodes import witness_reports
from vedette.store.people import watch
from vedette.store.view import view, views
from vedette.store.votes import remember_committee, witness_blocks

OTHERS = 2


async def _told(
    conn: Conn, name: str, team_id: int, numbers: Mapping[str, float], states: Mapping[str, str]
) -> str:
    node_id, agent = await enrolled(conn, name, team_id)
    live = Live(NOON, dict(numbers), dict(states))
    await witness_reports(conn, [delivery(node_id, envelope(agent, live=live), team_id=team_id)])
    return node_id


async def _other_team(conn: Conn) -> None:
    await conn.execute(t.teams.insert().values(id=OTHERS, name="others"))


async def test_a_node_is_seen_with_its_newest_words_and_what_its_operator_said(database: Database) -> None:
    async def deed(conn: Conn) -> str:
        node_id = await _told(conn, "a", FIRST_TEAM, {"host.disk.used_bytes": 5}, {"node.version": "3.0.2"})
        said = {"labels": ["eu"], "group_name": "prod", "set_name": "paris"}
        await conn.execute(update(t.nodes).values(**said))
        return node_id

    node_id = await database.write(deed)
    async with database.read() as conn:
        node = (await view(conn, NOON)).nodes[node_id]
    assert (node.name, node.labels, node.group) == ("paris", ("eu",), "prod")
    assert (node.numbers, node.states) == ({"host.disk.used_bytes": 5}, {"node.version": "3.0.2"})
    assert node.layers == {}, "the store judges nobody"


async def test_what_a_probe_no_longer_hears_is_not_told(database: Database) -> None:
    numbers = {"pow.latest_epoch": 7.0, "pos.committed_height": 9.0, "probe.pow.age_seconds": 31.0}
    states = {"node.sync_phase": "NormalSyncPhase", "probe.sync_phase.error": "timeout"}
    node_id = await database.write(lambda conn: _told(conn, "a", FIRST_TEAM, numbers, states))
    async with database.read() as conn:
        node = (await view(conn, NOON)).nodes[node_id]
    assert node.numbers == {"pos.committed_height": 9, "probe.pow.age_seconds": 31}
    assert node.states == {"probe.sync_phase.error": "timeout"}


async def test_the_newest_block_tells_of_the_chain(database: Database) -> None:
    async def deed(conn: Conn) -> None:
        await remember_committee(conn, committee(1, FOUR))
        blocks = [block(height, FOUR) for height in (5, 6, 7)]
        await witness_blocks(conn, "a", blocks, Span(5, 7))

    await database.write(deed)
    async with database.read() as conn:
        chain = (await view(conn, NOON)).network
    assert (chain.epoch, chain.height, chain.block_interval_ms) == (1, 7, 60_000)
    assert chain.block_at_ms == NOON + 7 * 60_000


async def test_while_nobody_told_an_epochs_committee_who_was_a_member_still_is(database: Database) -> None:
    async def deed(conn: Conn) -> None:
        await remember_committee(conn, committee(1, FOUR))
        await watch(conn, FIRST_TEAM, [ALICE])
        blocks = [block(height, FOUR) for height in (5, 6)] + [replace(block(7, FOUR), epoch=2)]
        await witness_blocks(conn, "a", blocks, Span(5, 7))

    await database.write(deed)
    async with database.read() as conn:
        seen = await view(conn, NOON)
    assert seen.network.epoch == 2
    assert [one.votes > 0 for one in seen.validators.values()] == [True]


async def test_one_teams_view_holds_nothing_of_anothers(database: Database) -> None:
    async def deed(conn: Conn) -> tuple[str, str]:
        await _other_team(conn)
        states = {"node.pos_address": ALICE}
        await watch(conn, FIRST_TEAM, [])
        return (
            await _told(conn, "ours", FIRST_TEAM, {"host.load_1m": 1}, {}),
            await _told(conn, "theirs", OTHERS, {"host.load_1m": 2}, states),
        )

    ours, theirs = await database.write(deed)
    async with database.read() as conn:
        seen = await views(conn, NOON)
    assert {team_id: list(one.nodes) for team_id, one in seen.items()} == {1: [ours], OTHERS: [theirs]}
    assert {team_id: one.team_id for team_id, one in seen.items()} == {1: 1, OTHERS: OTHERS}
    assert [list(one.validators) for one in seen.values()] == [[], [ALICE]]
    assert "theirs" not in repr(seen[FIRST_TEAM])


async def test_an_empty_store_is_seen_empty(database: Database) -> None:
    async with database.read() as conn:
        assert await views(conn, NOON) == {FIRST_TEAM: View(NOON)}
