"""Rehearsals over a past that is stored: what a judge told of it is told again, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.server.conftest import Api
from tests.server.history import HEAD, Past
from tests.server.stage import Agent
from tests.store.conftest import database_url, postgres_url, sqlite_template
from vedette.alerts import tale
from vedette.alerts.life import Patience
from vedette.alerts.limits import BY_NAME, Limits
from vedette.alerts.rehearsal import Lived
from vedette.alerts.rules import RULES
from vedette.alerts.tale import START_MS, Tale
from vedette.model.ballot import Ballot
from vedette.model.incident import Reason
from vedette.model.people import FIRST_TEAM, Who
from vedette.model.pos import PosAddress
from vedette.model.report import Envelope, Report
from vedette.model.view import NodeView, ProcessState, View
from vedette.server import rehearsals
from vedette.server.block_past import Blocks
from vedette.server.book_past import BY_ACCOUNTS, BY_EPOCHS
from vedette.server.node_past import OF_NODES
from vedette.server.rehearsals import DAY_MS, NOT_KEPT, NOTHING, BusyError, Rehearsals, Rehearsed
from vedette.store import nodes, people
from vedette.store.database import Conn, Database
from vedette.store.nodes import Delivery
from vedette.store.strips import between
from vedette.store.votelines import vote_lines

__all__ = ["database_url", "postgres_url", "sqlite_template"]

OURS = Who(FIRST_TEAM)
MINUTE_MS = 60_000
ROUND_MS = 10_000
IN_STEP = {"node.sync_phase": "NormalSyncPhase"}
EAGER = Limits(rules={"absent_votes": {"absent_blocks": 1, "others_participation_ratio": 0.1}})
TALES = Path(__file__).parents[1] / "tales"


def test_of_each_rule_it_is_known_whether_its_past_is_kept() -> None:
    blocks = {"absent_votes", "network_participation"}
    kinds = [blocks, OF_NODES.keys(), BY_ACCOUNTS, BY_EPOCHS, NOT_KEPT.keys()]
    assert sorted(name for kind in kinds for name in kind) == sorted(rule.name for rule in RULES)
    assert len(NOT_KEPT) == 3


# --- a tale's past put in the store -----------------------------------------------------------------------


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_url)
    yield opened
    await opened.close()


async def put(database: Database, one: Tale) -> None:
    """What its nodes' agents would have told, a report each round."""
    agents = {name: Agent(name) for name in one.nodes}
    rounds = [view for view in tale.views(one) if (view.now_ms - START_MS) % ROUND_MS == 0]

    async def deed(conn: Conn) -> None:
        for name, agent in agents.items():
            role = one.roles.get(name, "full")
            await nodes.enroll(conn, FIRST_TEAM, agent.public.hex(), name, role, START_MS)
            told = [
                report(view, view.nodes[name]) for view in rounds if view.now_ms < view.nodes[name].due_at_ms
            ]
            now_ms = rounds[-1].now_ms
            envelope = Envelope(1, agent.id, agent.spool, now_ms, ROUND_MS, None, numbered(told))
            await nodes.witness_reports(
                conn, [Delivery(agent.node_id, FIRST_TEAM, envelope, now_ms, now_ms + 15_000)]
            )

    await database.write(deed)


def numbered(told: list[Report]) -> list[Report]:
    return [Report(seq, one.at_ms, one.numbers, one.states) for seq, one in enumerate(told, 1)]


def report(view: View, node: NodeView) -> Report:
    gone = node.process is ProcessState.GONE
    phase = {} if node.sync_phase is None else {"node.sync_phase": node.sync_phase}
    states = {"process.state": "gone" if gone else "running", **phase, **node.states}
    return Report(0, view.now_ms, {"process.running": int(not gone), **node.numbers}, states)


def live(one: Tale, rule: str) -> list[tuple[str, int]]:
    """What the engine told of that rule, had it been the only one: the subject's name, and when."""
    others = {name: {"is_on": False} for name in BY_NAME if name != rule}
    own = Limits(one.limits.preset, {**one.limits.rules, **others}, one.limits.subjects)
    told = tale.lived(one, own)
    return [(incident.subject.name, now_ms) for now_ms, incident, reason in told if reason is Reason.OPENED]


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("certificate_ending_fires", "certificate_ending"),
        ("clock_off_fires", "clock_off"),
        ("disk_filling_nearly_full", "disk_filling"),
        ("execution_behind_fires", "execution_behind"),
        ("execution_behind_restart", "execution_behind"),
        ("few_peers_fires", "few_peers"),
        ("key_changed_fires", "key_changed"),
        ("memory_short_fires", "memory_short"),
        ("node_down_escalates", "node_down"),
        ("node_silent_long", "node_silent"),
        ("rpc_exposed_fires", "rpc_exposed"),
        ("rpc_exposed_nothing", "rpc_exposed"),
        ("rpc_silent_fires", "rpc_silent"),
        ("storm_fires", "storm"),
        ("wrong_fork_by_log", "wrong_fork"),
    ],
)
async def test_what_was_told_of_a_past_is_told_again(database: Database, name: str, rule: str) -> None:
    one = tale.parse(yaml.safe_load((TALES / f"{name}.yaml").read_text()))
    await put(database, one)
    asked = Rehearsals(database, one.patience)
    made = await asked.rehearse(OURS, BY_NAME[rule], one.limits, 2, START_MS + one.until_ms)
    expected = sorted(live(one, rule))
    found = sorted(made.told, key=lambda told: (told.subject.name, told.at_ms))
    assert [told.subject.name for told in found] == [subject for subject, _ in expected]
    for told, (_, at_ms) in zip(found, expected, strict=True):
        assert -MINUTE_MS < told.at_ms - at_ms <= 3 * MINUTE_MS, "to the minutes that are kept"


async def test_standing_still_while_others_move_is_seen_in_the_past(database: Database) -> None:
    """Layers are judged anew, against the other nodes and the blocks."""
    agents = [Agent(name) for name in ("stands", "moves", "moves too")]

    def numbers(agent: Agent, minute: int) -> dict[str, int | float]:
        stood = max(0, minute - 30) if agent.name == "stands" and minute < 50 else 0
        epoch = 1_000_000 + 60 * (minute - stood)
        return {"pow.latest_epoch": epoch, "pow.still_seconds": 60 * stood, "process.running": 1}

    async def deed(conn: Conn) -> None:
        for agent in agents:
            await nodes.enroll(conn, FIRST_TEAM, agent.public.hex(), agent.name, "full", START_MS)
            told = [
                Report(
                    minute + 1,
                    START_MS + MINUTE_MS * minute,
                    numbers(agent, minute),
                    {"node.sync_phase": "NormalSyncPhase"},
                )
                for minute in range(90)
            ]
            now_ms = told[-1].at_ms
            envelope = Envelope(1, agent.id, agent.spool, now_ms, MINUTE_MS, None, told)
            await nodes.witness_reports(conn, [Delivery(agent.node_id, FIRST_TEAM, envelope, now_ms, now_ms)])

    await database.write(deed)
    made = await Rehearsals(database, Patience()).rehearse(
        OURS, BY_NAME["pow_stuck"], Limits(), 1, START_MS + 90 * MINUTE_MS
    )
    (told,) = made.told
    assert told.subject.name == "stands"
    assert 32 <= (told.at_ms - START_MS) / MINUTE_MS <= 35
    assert 49 <= ((told.until_ms or 0) - START_MS) / MINUTE_MS <= 53
    assert made.seen_ms == pytest.approx(90 * MINUTE_MS, abs=2 * MINUTE_MS)


async def test_one_node_alone_has_nobody_to_be_behind(database: Database) -> None:
    one = tale.parse(yaml.safe_load((TALES / "few_peers_fires.yaml").read_text()))
    await put(database, one)
    made = await Rehearsals(database, Patience()).rehearse(
        OURS, BY_NAME["pow_stuck"], Limits(), 1, START_MS + one.until_ms
    )
    assert (made.lived, made.why) == (None, rehearsals.ALONE)


# --- the chain --------------------------------------------------------------------------------------------


async def watching(api: Api, *addresses: PosAddress) -> Rehearsals:
    await api.house.database.write(lambda conn: people.watch(conn, FIRST_TEAM, addresses))
    return Rehearsals(api.house.database, Patience())


def end_ms(past: Past) -> int:
    return past.blocks[HEAD].at_us // 1000


async def lines(api: Api, past: Past, from_ms: int = 0) -> Blocks:
    async with api.house.database.read() as conn:
        return Blocks(await vote_lines(conn, past.people, from_ms, end_ms(past)))


async def test_the_votes_are_those_that_were_seen(api: Api, past: Past) -> None:
    one, blocks = past.people[0], await lines(api, past)
    assert blocks.lines.heights.tolist() == sorted(past.blocks)
    async with api.house.database.read() as conn:
        strip = await between(conn, one, 2, HEAD)
    unread = 70 - 2
    assert blocks.lines.letters[one] == strip.letters[:unread] + strip.letters[unread + 1 :]
    cast = [sum(block.signers.values()) or -1 for _, block in sorted(past.blocks.items())]
    assert blocks.lines.signed_votes.tolist() == cast
    assert blocks.lines.at_ms.tolist() == [one.at_us // 1000 for _, one in sorted(past.blocks.items())]
    held = [past.committees[one.epoch].votes.get(past.people[0], 0) for _, one in sorted(past.blocks.items())]
    assert blocks.lines.votes[past.people[0]].tolist() == held
    late = await lines(api, past, end_ms(past) - 1)
    assert late.lines.heights.tolist() == [HEAD]


async def test_a_rule_is_told_as_often_as_there_were_absences(api: Api, past: Past) -> None:
    blocks = await lines(api, past)
    absent = next(who for who, letters in blocks.lines.letters.items() if Ballot.ABSENT in letters)
    asked, rule = await watching(api, absent), BY_NAME["absent_votes"]
    eager = await asked.rehearse(OURS, rule, EAGER, 30, end_ms(past))
    assert eager.told
    assert sum(eager.by_day(end_ms(past), 30).values()) == len(eager.told)
    assert len(eager.by_day(end_ms(past), 30)) == 30
    never = Limits(rules={"absent_votes": {"is_on": False}})
    assert (await asked.rehearse(OURS, rule, never, 30, end_ms(past))).told == ()


@pytest.mark.parametrize("name", sorted(BY_ACCOUNTS | BY_EPOCHS | {"network_participation"}))
async def test_every_rule_about_the_chain_is_lived_through(api: Api, past: Past, name: str) -> None:
    asked = await watching(api, *past.people)
    made = await asked.rehearse(OURS, BY_NAME[name], Limits(), 30, end_ms(past))
    assert made.lived is not None, made.why
    assert 0 < made.seen_ms <= made.span_ms
    gone = await asked.rehearse(OURS, BY_NAME[name], Limits(), 1, end_ms(past) + 90 * DAY_MS)
    assert gone.lived is None or gone.lived == Lived() or name in BY_ACCOUNTS


async def test_what_nobody_can_tell_is_null_with_a_reason(api: Api, past: Past) -> None:
    asked, now_ms = await watching(api, past.people[0]), end_ms(past)
    for name, why in NOT_KEPT.items():
        made = await asked.rehearse(OURS, BY_NAME[name], Limits(), 7, now_ms)
        assert (made.lived, made.why) == (None, why)
    empty = await asked.rehearse(OURS, BY_NAME["few_peers"], Limits(), 7, now_ms)
    assert (empty.lived, empty.why) == (None, NOTHING)
    later = await asked.rehearse(OURS, BY_NAME["absent_votes"], Limits(), 7, now_ms + 30 * DAY_MS)
    assert (later.lived, later.why) == (None, NOTHING)


# --- over the wire ----------------------------------------------------------------------------------------


async def post(api: Api, wish: dict[str, Any], status: int = 200) -> Any:
    async with api.http.post(f"{api.url}/api/v1/alerts/rehearsals", json=wish) as reply:
        assert reply.status == status, await reply.text()
        return await reply.json()


async def test_what_is_told_has_subject_and_length(api: Api) -> None:
    agent, now_ms = Agent(), api.house.ears.now_ms()

    async def deed(conn: Conn) -> None:
        await nodes.enroll(conn, FIRST_TEAM, agent.public.hex(), "node one", "full", now_ms)
        told = [
            Report(60 - back, now_ms - MINUTE_MS * back, {"peers.all_count": 1 if 20 < back < 40 else 9}, {})
            for back in range(59, 0, -1)
        ]
        envelope = Envelope(1, agent.id, agent.spool, now_ms, MINUTE_MS, None, told)
        await nodes.witness_reports(conn, [Delivery(agent.node_id, FIRST_TEAM, envelope, now_ms, now_ms)])

    await api.house.database.write(deed)
    wish: dict[str, Any] = {"rule": "few_peers", "days": 2}
    told = await post(api, wish)
    assert (told["fired"], told["why"], len(told["days"]), told["step_seconds"]) == (1, None, 2, 60)
    assert sum(day["fired"] for day in told["days"]) == 1
    (last,) = told["last"]
    assert last["subject"] == {"kind": "node", "id": agent.node_id, "name": "node one"}
    assert last["until_ms"] - last["at_ms"] == pytest.approx(19 * MINUTE_MS, abs=2 * MINUTE_MS)
    assert 0.03 <= told["seen_days"] <= 0.05
    assert 1 <= told["of_days"] <= 2
    assert (await post(api, wish | {"values": {"few_count": 0}}))["fired"] == 0
    assert (await post(api, {"rule": "source_bad"}))["whys"]["zh"] == NOT_KEPT["source_bad"]["zh"]


@pytest.mark.parametrize(
    ("wish", "status", "word"),
    [
        ({"rule": "no_such_rule"}, 404, "no_such_rule"),
        ({"rule": "few_peers", "values": {"nonsense": 1}}, 422, "unknown limit nonsense"),
        ({"rule": "few_peers", "values": {"few_count": -1}}, 422, "not negative"),
        ({"rule": "few_peers", "days": 31}, 422, "days"),
    ],
)
async def test_a_wish_that_is_none_says_why(api: Api, wish: dict[str, Any], status: int, word: str) -> None:
    assert word in (await post(api, wish, status))["detail"]


async def test_no_more_wait_than_may_and_the_same_is_not_relived(
    api: Api, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsals, "WAITING_MAX", 2)
    asked, rule, now_ms = await watching(api, past.people[0]), BY_NAME["absent_votes"], end_ms(past)
    results: list[Rehearsed | BaseException] = await asyncio.gather(
        *(asked.rehearse(OURS, rule, EAGER, days, now_ms) for days in (1, 2, 3)), return_exceptions=True
    )
    assert [isinstance(one, BusyError) for one in results] == [False, False, True]
    assert await asked.rehearse(OURS, rule, EAGER, 1, now_ms) is results[0]


async def test_who_goes_leaves_the_turn_to_others(api: Api, past: Past) -> None:
    asked, rule, now_ms = await watching(api, *past.people), BY_NAME["absent_votes"], end_ms(past)
    task = asyncio.create_task(asked.rehearse(OURS, rule, EAGER, 30, now_ms))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await asked.rehearse(OURS, rule, EAGER, 30, now_ms)).lived is not None
