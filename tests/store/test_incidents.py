import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import func, insert, select

from tests.store.doubles import (
    ALICE,
    BOB,
    CAROL,
    FOUR,
    NOON,
    TROUBLE,
    block,
    committee,
    delivery,
    enrolled,
    envelope,
    told,
)
from vedette.model.incident import Incident, Reason, Severity
from vedette.model.people import FIRST_TEAM, PUBLIC, Who
from vedette.model.report import Live
from vedette.model.spans import Span
from vedette.model.view import ProcessState, SettledBlock, View
from vedette.store import tables as t
from vedette.store.database import Database
from vedette.store.incidents import Change, incident, incidents, save, unresolved
from vedette.store.nodes import witness_reports
from vedette.store.outbox import CLAIM_MS, due, failed, lines_due, oldest_waiting_ms, sent
from vedette.store.people import Watches, watch, watched, watched_by, watches_of
from vedette.store.view import view, views
from vedette.store.votes import remember_committee, witness_blocks

OURS = Who(FIRST_TEAM)
BOTH = ("email", "webhook-1")


async def _save(
    database: Database, what: Incident, reason: Reason | None = None, now_ms: int = NOON
) -> Incident:
    [kept] = await database.write(lambda conn: save(conn, [Change(what, reason, BOTH, now_ms)]))
    return kept


async def _rows(database: Database) -> int:
    async with database.read() as conn:
        return int((await conn.execute(select(func.count()).select_from(t.outbox))).scalar_one())


async def test_an_incident_comes_back_as_it_was_kept(database: Database) -> None:
    kept = await _save(database, TROUBLE)
    assert kept == replace(TROUBLE, id=kept.id)
    assert kept.id > 0
    async with database.read() as conn:
        assert await unresolved(conn) == [kept]
        assert await incident(conn, OURS, kept.id) == (kept, [])
    assert await _rows(database) == 0


async def test_one_message_a_channel_is_decided_with_the_incident_however_often_it_is_said(
    database: Database,
) -> None:
    kept = await _save(database, told(TROUBLE), Reason.OPENED)
    again = await _save(database, kept, Reason.OPENED)
    assert again == kept
    async with database.read() as conn:
        found = await incident(conn, OURS, kept.id)
    assert found is not None
    assert [(n.channel, n.reason, n.state, n.attempts) for n in found[1]] == [
        ("email", Reason.OPENED, "waiting", 0),
        ("webhook-1", Reason.OPENED, "waiting", 0),
    ]


async def test_two_judges_cannot_open_the_same_trouble_twice(database_url: str) -> None:
    judges = [await Database.open(database_url) for _ in range(2)]
    kept = await asyncio.gather(*(_save(judge, told(TROUBLE), Reason.OPENED) for judge in judges * 4))
    assert len({one.id for one in kept}) == 1
    assert await _rows(judges[0]) == 2
    for judge in judges:
        await judge.close()


async def test_the_same_trouble_after_its_end_is_a_new_incident(database: Database) -> None:
    first = await _save(database, told(TROUBLE), Reason.OPENED)
    over = replace(told(first), resolved_at_ms=NOON + 9)
    await _save(database, over, Reason.RESOLVED)
    second = await _save(database, TROUBLE)
    assert second.id > first.id
    async with database.read() as conn:
        assert await unresolved(conn) == [second]
        found = await incident(conn, OURS, first.id)
    assert found is not None
    assert found[0] == over
    assert [n.reason for n in found[1]] == [Reason.OPENED] * 2 + [Reason.RESOLVED] * 2


async def test_what_is_over_stays_over(database: Database) -> None:
    kept = await _save(database, told(TROUBLE), Reason.OPENED)
    await _save(database, replace(kept, resolved_at_ms=NOON + 9))
    await _save(database, replace(kept, severity=Severity.CRITICAL))
    async with database.read() as conn:
        assert await unresolved(conn) == []


async def test_open_incidents_come_first_and_pages_follow_one_another(database: Database) -> None:
    kept = [await _save(database, replace(TROUBLE, key=f"node_down/{n}")) for n in range(9)]
    for one in kept[:7]:
        await _save(database, replace(one, resolved_at_ms=NOON + 1))
    numbers = [one.id for one in kept]
    async with database.read() as conn:
        first = [one.id for one, _ in await incidents(conn, OURS, None, 3)]
        second = [one.id for one, _ in await incidents(conn, OURS, first[-1], 3)]
        third = [one.id for one, _ in await incidents(conn, OURS, second[-1], 3)]
    assert first == [numbers[8], numbers[7], numbers[6], numbers[5], numbers[4]]
    assert (second, third) == ([numbers[3], numbers[2], numbers[1]], [numbers[0]])


async def test_incidents_are_their_team_s_alone(database: Database) -> None:
    kept = await _save(database, told(TROUBLE), Reason.OPENED)
    async with database.read() as conn:
        for stranger in (PUBLIC, Who(2)):
            assert await incidents(conn, stranger, None, 10) == []
            assert await incident(conn, stranger, kept.id) is None


async def test_a_message_is_claimed_once_and_again_only_after_its_claim_ran_out(database: Database) -> None:
    kept = await _save(database, told(TROUBLE), Reason.OPENED)
    async with database.read() as conn:
        assert await oldest_waiting_ms(conn) == NOON
        assert sorted(await lines_due(conn, NOON)) == sorted(BOTH)
        assert await lines_due(conn, NOON - 1) == []
    assert await database.write(lambda conn: due(conn, NOON - 1, 10)) == []
    notices = await database.write(lambda conn: due(conn, NOON, 10))
    assert [(n.channel, n.reason, n.key, n.attempts, n.incident) for n in notices] == [
        (channel, Reason.OPENED, f"{kept.id}/1/opened/{channel}", 0, kept) for channel in BOTH
    ]
    assert await database.write(lambda conn: due(conn, NOON + CLAIM_MS - 1, 10)) == []
    again = await database.write(lambda conn: due(conn, NOON + CLAIM_MS, 10))
    assert [(n.key, n.attempts) for n in again] == [(n.key, 1) for n in notices]


async def test_a_message_tells_the_incident_as_it_was_when_it_was_decided(database: Database) -> None:
    kept = await _save(database, told(TROUBLE), Reason.OPENED)
    await _save(database, replace(kept, severity=Severity.CRITICAL, facts={"died_at_ms": 0}))
    [notice, _] = await database.write(lambda conn: due(conn, NOON, 10))
    assert notice.incident == kept


async def test_messages_are_sent_tried_again_or_given_up(database: Database) -> None:
    await _save(database, told(TROUBLE), Reason.OPENED)
    mail, hook = await database.write(lambda conn: due(conn, NOON, 10))
    await database.write(lambda conn: sent(conn, mail.id, NOON + 5))
    await database.write(lambda conn: failed(conn, hook.id, NOON + 5, "503", NOON + 9))
    async with database.read() as conn:
        assert await oldest_waiting_ms(conn) == NOON
        assert (await lines_due(conn, NOON + 8), await lines_due(conn, NOON + 9)) == ([], [hook.channel])
    [again] = await database.write(lambda conn: due(conn, NOON + 9, 10))
    assert (again.id, again.attempts) == (hook.id, 1)
    await database.write(lambda conn: failed(conn, hook.id, NOON + 10, "410 gone", None))
    await database.write(lambda conn: failed(conn, mail.id, NOON + 10, "too late to fail", NOON + 11))
    async with database.read() as conn:
        [(_, notices)] = await incidents(conn, OURS, None, 10)
        assert (await lines_due(conn, NOON + 99), await oldest_waiting_ms(conn)) == ([], None)
    assert [(n.state, n.sent_at_ms, n.attempts, n.error) for n in notices] == [
        ("sent", NOON + 5, 1, None),
        ("failed", None, 2, "410 gone"),
    ]


async def test_two_senders_never_claim_the_same_message(database_url: str) -> None:
    senders = [await Database.open(database_url) for _ in range(2)]
    for n in range(20):
        await _save(senders[0], told(replace(TROUBLE, key=f"node_down/{n}")), Reason.OPENED)
    claims = await asyncio.gather(
        *(sender.write(lambda conn: due(conn, NOON, 7)) for sender in senders for _ in range(4))
    )
    numbers = [notice.id for claim in claims for notice in claim]
    assert len(numbers) == len(set(numbers))
    assert len(numbers) >= 20
    for sender in senders:
        await sender.close()


async def test_a_team_watches_exactly_what_it_says(database: Database) -> None:
    await database.write(lambda conn: conn.execute(insert(t.teams).values(id=2, name="rivals")))
    await database.write(lambda conn: watch(conn, 1, [ALICE, BOB]))
    await database.write(lambda conn: watch(conn, 2, [BOB, CAROL]))
    async with database.read() as conn:
        assert await watched(conn) == {ALICE, BOB, CAROL}
        assert await watched_by(conn) == {1: {ALICE, BOB}, 2: {BOB, CAROL}}
    await database.write(lambda conn: watch(conn, 1, [ALICE, ALICE]))
    async with database.read() as conn:
        assert await watched_by(conn) == {1: {ALICE}, 2: {BOB, CAROL}}
    await database.write(lambda conn: watch(conn, 1, []))
    async with database.read() as conn:
        assert await watched_by(conn) == {2: {BOB, CAROL}}


async def test_what_the_settings_name_is_theirs_and_the_teams_own_word_is_its_own(database: Database) -> None:
    await database.write(lambda conn: watch(conn, 1, [ALICE], of_settings=True))
    await database.write(lambda conn: watch(conn, 1, [ALICE, BOB]))
    async with database.read() as conn:
        assert await watches_of(conn, Who(1)) == Watches((ALICE,), (BOB,))
        assert await watches_of(conn, Who(2)) == Watches((), ())
    await database.write(lambda conn: watch(conn, 1, [BOB, CAROL], of_settings=True))
    async with database.read() as conn:
        assert await watches_of(conn, Who(1)) == Watches(tuple(sorted([BOB, CAROL])), ())


async def test_each_team_is_shown_its_own_nodes_and_what_it_watches(database: Database) -> None:
    await database.write(lambda conn: conn.execute(insert(t.teams).values(id=2, name="rivals")))
    node_id, agent = await database.write(lambda conn: enrolled(conn, "node one"))
    live = Live(NOON, {}, {"process.state": "running", "node.pos_address": BOB})
    await database.write(lambda conn: witness_reports(conn, [delivery(node_id, envelope(agent, live=live))]))
    await database.write(lambda conn: watch(conn, 2, [BOB, CAROL]))
    async with database.read() as conn:
        shown = await views(conn, NOON)
    seen = {team_id: (set(view.nodes), set(view.validators)) for team_id, view in shown.items()}
    assert seen == {1: ({node_id}, {BOB}), 2: (set(), {BOB, CAROL})}
    assert {one.team_id for one in shown[2].validators.values()} == {2}


async def test_the_view_shows_nodes_blocks_and_the_validators_that_concern_us(database: Database) -> None:
    node_id, agent = await database.write(lambda conn: enrolled(conn, "node one"))
    quiet, _ = await database.write(lambda conn: enrolled(conn, "node two"))
    states = {"process.state": "gone", "node.pos_address": BOB, "node.sync_phase": "NormalSyncPhase"}
    live = Live(NOON, {}, states, NOON + 60_000, NOON - 4)
    await database.write(lambda conn: witness_reports(conn, [delivery(node_id, envelope(agent, live=live))]))
    await database.write(lambda conn: watch(conn, 1, [ALICE, CAROL]))
    await database.write(lambda conn: remember_committee(conn, committee(1, {ALICE: 10, BOB: 20})))
    seen = [block(1, [ALICE], proposer=ALICE, votes=FOUR), block(2, []), block(3, [ALICE, BOB], epoch=2)]
    await database.write(lambda conn: witness_blocks(conn, "node0", seen, Span(1, 3)))
    async with database.read() as conn:
        shown = await view(conn, NOON + 1)
    assert shown.blocks == (
        SettledBlock(1, 1, 30, 10),
        SettledBlock(2, 1, 30, None),
        SettledBlock(3, 2, None, 30),
    )
    assert {a: (v.strip, v.votes, v.team_id) for a, v in shown.validators.items()} == {
        ALICE: ("l??", 10, 1),  # as in the epoch before: nobody has told the committee of this one
        BOB: ("a??", 20, 1),
        CAROL: ("--?", 0, 1),
    }
    node = shown.nodes[node_id]
    assert (node.process, node.died_at_ms, node.planned_stop_until_ms) == (
        ProcessState.GONE,
        NOON - 4,
        NOON + 60_000,
    )
    assert (node.pos_address, node.sync_phase, node.due_at_ms) == (BOB, "NormalSyncPhase", NOON + 30_000)
    assert shown.nodes[quiet].process is ProcessState.UNKNOWN


@pytest.mark.parametrize(
    ("up_seconds", "ago_ms"),
    [(90, 90_000), (0, 0), (-1, None), (2**63 - 1, None), (float("nan"), None), (float("inf"), None)],
)
async def test_the_view_knows_since_when_a_process_runs_by_our_own_clock(
    database: Database, up_seconds: float, ago_ms: int | None
) -> None:
    node_id, agent = await database.write(lambda conn: enrolled(conn, "node one"))
    live = Live(NOON - 3_600_000, {"process.up_seconds": up_seconds}, {"process.state": "running"})
    await database.write(lambda conn: witness_reports(conn, [delivery(node_id, envelope(agent, live=live))]))
    async with database.read() as conn:
        node = (await view(conn, NOON + 1)).nodes[node_id]
    assert node.running_since_ms == (None if ago_ms is None else node.heard_at_ms - ago_ms)


async def test_the_view_of_an_empty_database_is_empty(database: Database) -> None:
    async with database.read() as conn:
        assert await view(conn, NOON) == View(NOON)
