"""Agents are heard: what is acknowledged is on disk, and what is wrong gets one clear line."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard

from tests.server.stage import (
    TOKEN,
    Agent,
    HandClock,
    bearer,
    enrol,
    hear,
    quiet_house,
    raw,
    receiver,
    refusal,
    replace_live,
    settings,
)
from vedette.model.people import FIRST_TEAM, Who
from vedette.model.report import ENVELOPE_BYTES_MAX
from vedette.server import batcher
from vedette.server.house import House
from vedette.server.ingest import BODY_BYTES_MAX
from vedette.server.problems import ProblemError
from vedette.store import nodes, reading

TEAM = Who(FIRST_TEAM)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def house(tmp_path: Path, clock: HandClock) -> AsyncIterator[House]:
    async with quiet_house(settings(tmp_path), clock) as house:
        yield house


@pytest.fixture
async def agent(house: House) -> Agent:
    agent = Agent()
    await enrol(house, agent)
    return agent


async def samples(house: House, node_id: str) -> int:
    """Reports of the node that the store has."""
    async with house.database.read() as conn:
        columns = await reading.columns(conn, TEAM, node_id, ["pos.epoch"], 0, 2**52, 2000)
    assert columns is not None
    return sum(value is not None for column in columns.mean for value in column)


async def test_what_is_acknowledged_is_on_disk(house: House, agent: Agent, clock: HandClock) -> None:
    ack = await hear(house, *agent.post(agent.envelope(clock.now_ms())))
    assert (ack.acknowledged_seq, ack.server_at_ms) == (1, clock.now_ms())
    assert await samples(house, agent.node_id) == 1
    async with house.database.read() as conn:
        row = await nodes.node(conn, TEAM, agent.node_id)
    assert row is not None
    assert (row.name, row.states["process.state"], row.numbers["pos.epoch"]) == ("n1", "running", 7)


async def test_a_second_delivery_is_harmless(house: House, agent: Agent, clock: HandClock) -> None:
    post = agent.post(agent.envelope(clock.now_ms()))
    first, second = await hear(house, *post), await hear(house, *post)
    assert first.acknowledged_seq == second.acknowledged_seq == 1
    assert await samples(house, agent.node_id) == 1


async def test_an_empty_envelope_is_answered_and_is_no_sign_of_life(
    house: House, agent: Agent, clock: HandClock
) -> None:
    await hear(house, *agent.post(agent.envelope(clock.now_ms())))
    async with house.database.read() as conn:
        before = await nodes.node(conn, TEAM, agent.node_id)
    clock.pass_ms(9_000)
    question = msgspec.structs.replace(agent.envelope(clock.now_ms()), reports=[], live=None)
    ack = await hear(house, *agent.post(question))
    assert (ack.acknowledged_seq, ack.server_at_ms) == (0, clock.now_ms())
    async with house.database.read() as conn:
        assert await nodes.node(conn, TEAM, agent.node_id) == before


@pytest.mark.parametrize(("interval_ms", "patience_ms"), [(5_000, 15_000), (10_000, 30_000), (500, 15_000)])
async def test_a_node_is_due_after_three_intervals_and_at_least_fifteen_seconds(
    house: House, clock: HandClock, interval_ms: int, patience_ms: int
) -> None:
    agent = Agent(interval_ms=interval_ms)
    await enrol(house, agent)
    await hear(house, *agent.post(agent.envelope(clock.now_ms())))
    async with house.database.read() as conn:
        row = await nodes.node(conn, TEAM, agent.node_id)
    assert row is not None
    assert row.due_at_ms - row.heard_at_ms == patience_ms


async def test_many_at_once_share_commits_and_each_hears_its_own_number(
    house: House, clock: HandClock
) -> None:
    agents = [Agent(name=f"n{i}") for i in range(60)]
    for one in agents:
        await enrol(house, one)
        one.seq = agents.index(one)
    commits = house.database.stats.commits
    posts = [one.post(one.envelope(clock.now_ms())) for one in agents]
    acks = await asyncio.gather(*(hear(house, *post) for post in posts))
    assert [ack.acknowledged_seq for ack in acks] == [i + 1 for i in range(60)]
    assert house.database.stats.commits - commits < 20


def bomb() -> bytes:
    return zstandard.compress(bytes(ENVELOPE_BYTES_MAX + 1))


def unsized_bomb() -> bytes:
    made = zstandard.ZstdCompressor(level=3).compressobj()  # its frame does not tell its size
    return made.compress(bytes(64 << 20)) + made.flush()


def wide_window() -> bytes:
    wide = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True)
    made = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    return made.compress(bytes(1000)) + made.flush()


def packed(value: Any) -> bytes:
    return zstandard.compress(msgspec.msgpack.encode(value))


def nested(depth: int) -> bytes:
    return zstandard.compress(b"\x91" * depth + b"\xc0")


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 400, "zstd"),
        (b"garbage", 400, "zstd"),
        (bomb(), 413, "longer than 4,194,304 bytes"),
        (unsized_bomb(), 400, "zstd"),
        (wide_window(), 400, "zstd"),
        (zstandard.compress(b"x") + b"more", 400, "zstd"),
        (packed(5), 400, "envelope"),
        (packed({"protocol": 1}), 400, "envelope"),
        (zstandard.compress(b"\xc1"), 400, "envelope"),
        (nested(100_000), 400, "envelope"),
        (packed({"protocol": 99, "shape": "of tomorrow"}), 426, "Upgrade the server first"),
        (packed({"protocol": 0}), 426, "Upgrade the agent"),
        (packed({"protocol": 2**63}), 426, "Upgrade the server first"),
    ],
)
async def test_a_body_that_is_none_gets_one_clear_line(
    house: House, agent: Agent, clock: HandClock, body: bytes, status: int, says: str
) -> None:
    problem = await refusal(house, *agent.sign(body))
    assert problem.status_code == status
    assert says in problem.detail
    assert "\n" not in problem.detail
    ack = await hear(house, *agent.post(agent.envelope(clock.now_ms())))
    assert ack.acknowledged_seq == 1


def envelope(sender: Agent, now_ms: int) -> dict[str, Any]:
    """An envelope as plain data, so that anything may be wrong in it."""
    plain: dict[str, Any] = msgspec.to_builtins(sender.envelope(now_ms))
    return plain


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"agent": "a" * 32}, "another agent's"),
        ({"interval_ms": 1}, "interval_ms"),
        ({"interval_ms": "5000"}, "interval_ms"),
        ({"sent_at_ms": -1}, "sent_at_ms"),
        ({"spool": "../../etc"}, "spool"),
        ({"reports": 7}, "reports"),
        ({"reports": [{"seq": 1, "at_ms": 1, "numbers": {}}] * 501}, "reports"),
        ({"reports": [{"seq": s, "at_ms": 1, "numbers": {}} for s in (2, 2)]}, "ascend"),
        ({"reports": [{"seq": s, "at_ms": 1, "numbers": {}} for s in (3, 2)]}, "ascend"),
        ({"reports": [{"seq": 0, "at_ms": 1, "numbers": {}}]}, "seq"),
        ({"reports": [{"seq": 1, "at_ms": 1, "numbers": {"a": 2**64 - 1}}]}, "numbers"),
        ({"reports": [{"seq": 1, "at_ms": 1, "numbers": {"a": True}}]}, "numbers"),
        ({"reports": [{"seq": 1, "at_ms": 1, "numbers": {"a": "1"}}]}, "numbers"),
        ({"reports": [{"seq": 1, "at_ms": 1, "numbers": {"A b": 1}}]}, "is no name"),
        ({"reports": [{"seq": 1, "at_ms": 1, "numbers": {"a" * 81: 1}}]}, "numbers"),
        ({"reports": [{"seq": 1, "at_ms": 1, "numbers": {f"a{i}": 1 for i in range(300)}}]}, "numbers"),
        ({"reports": [{"seq": 1, "at_ms": 1, "numbers": {}, "states": {"a": "x" * 401}}]}, "states"),
        ({"sent_at_ms": 0, "live": None}, "10 minutes"),
        ({"sent_at_ms": 0, "reports": []}, "10 minutes"),
    ],
)
async def test_an_unsound_envelope_is_refused_whole(
    house: House, agent: Agent, clock: HandClock, other: dict[str, Any], says: str
) -> None:
    problem = await refusal(house, *agent.sign(packed(envelope(agent, clock.now_ms()) | other)))
    assert problem.status_code == 400
    assert says in problem.detail
    assert await samples(house, agent.node_id) == 0


async def test_a_number_that_is_none_is_left_out_and_the_rest_is_kept(
    house: House, agent: Agent, clock: HandClock
) -> None:
    odd = {"a.nan": float("nan"), "a.inf": float("inf"), "a.minus": float("-inf"), "a.fine": 2**63 - 1}
    await hear(house, *agent.post(agent.envelope(clock.now_ms(), numbers=odd)))
    async with house.database.read() as conn:
        row = await nodes.node(conn, TEAM, agent.node_id)
    assert row is not None
    assert row.numbers.keys() == {"a.fine", "pos.epoch", "host.cpu.used_ratio"}


async def test_only_the_agents_own_key_signs_for_it(house: House, agent: Agent, clock: HandClock) -> None:
    mallory = Agent(name="mallory")
    await enrol(house, mallory)
    body, headers = agent.post(agent.envelope(clock.now_ms()))
    _, forged = mallory.sign(body)
    changed = body[:-1] + bytes([body[-1] ^ 1])
    for sent, with_headers in (
        (body, forged | {"Vedette-Agent": agent.id}),
        (body, forged),  # its own name over another's envelope
        (changed, headers),
        (body, headers | {"Vedette-Signature": "AAAA"}),
        (body, headers | {"Vedette-Signature": "no base64!"}),
        (body, headers | {"Vedette-Agent": "f" * 32}),
        (body, headers | {"Vedette-Agent": "../../../x"}),
        (body, {"Vedette-Agent": agent.id}),
        (body, {}),
    ):
        problem = await refusal(house, sent, with_headers)
        assert problem.status_code in {400, 401}
    assert await samples(house, agent.node_id) == 0


async def test_a_body_is_not_read_past_its_bound(house: House, agent: Agent) -> None:
    body, headers = agent.sign(bytes(BODY_BYTES_MAX + 1))
    said = [*raw(headers), (b"content-length", b"99999999")]
    for given, parts in ((said, [b""]), (raw(headers), [body[: 1 << 19]] * 4)):
        with pytest.raises(ProblemError) as error:
            await house.ingest.hear(given, receiver(*parts))
        assert error.value.status_code == 413


async def test_a_full_queue_asks_the_agent_to_come_again(
    house: House, agent: Agent, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batcher, "WAITING_MAX", 0)
    problem = await refusal(house, *agent.post(agent.envelope(clock.now_ms())))
    assert problem.status_code == 503
    assert problem.headers is not None
    assert problem.headers["Retry-After"] == "5"


async def test_one_delivery_that_cannot_be_written_takes_no_other_with_it(
    house: House, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    agents = [Agent(name=f"n{i}") for i in range(5)]
    for one in agents:
        await enrol(house, one)
    witness = nodes.witness_reports

    async def moody(conn: Any, deliveries: Any) -> list[int]:
        if any(delivery.node_id == agents[2].node_id for delivery in deliveries):
            raise ValueError("the disk has a bad spot")
        return await witness(conn, deliveries)

    monkeypatch.setattr(nodes, "witness_reports", moody)
    posts = [one.post(one.envelope(clock.now_ms())) for one in agents]
    results = await asyncio.gather(*(hear(house, *post) for post in posts), return_exceptions=True)
    assert [isinstance(result, ValueError) for result in results] == [False, False, True, False, False]


async def test_a_failed_write_is_answered_with_503_and_told_to_the_log(
    house: House, agent: Agent, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> list[int]:
        raise OSError("the disk is gone")

    monkeypatch.setattr(nodes, "witness_reports", broken)
    body, headers = agent.post(agent.envelope(clock.now_ms()))
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await house.ingest({"headers": raw(headers)}, receiver(body), send)
    assert sent[0]["status"] == 503
    assert b"disk is gone" not in sent[1]["body"]


async def test_mistakes_are_logged_once_a_minute_for_each_agent_and_kind(
    house: House, agent: Agent, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "vedette.server.ingest")
    for _ in range(10):
        await refusal(house, *agent.sign(b"garbage"))
        await refusal(house, b"", {"Vedette-Agent": Agent().id, "Vedette-Signature": "AAAA"})
    assert len(caplog.records) == 2
    clock.pass_ms(60_000)
    await refusal(house, *agent.sign(b"garbage"))
    assert len(caplog.records) == 3


@pytest.mark.parametrize(
    ("headers", "body", "status", "says"),
    [
        ({}, b"{}", 401, "token"),
        (bearer("wrong"), b"{}", 401, "token"),
        (bearer(TOKEN), b"", 400, "JSON"),
        (bearer(TOKEN), b"[" * 50_000, 400, "JSON"),
        (bearer(TOKEN), b'{"public_key": "zz", "name": "n"}', 400, "public_key"),
        (bearer(TOKEN), b'{"public_key": "' + b"0" * 64 + b'", "name": ""}', 400, "name"),
        (bearer(TOKEN), b'{"public_key": "' + b"0" * 64 + b'", "name": "a\\nb"}', 400, "name"),
        (bearer(TOKEN), b'{"public_key": "' + b"0" * 64 + b'", "name": "n", "role": "king"}', 400, "role"),
        (bearer(TOKEN), b"\xff\xfe", 400, "JSON"),
    ],
)
async def test_who_may_not_enrol_and_how(
    house: House, headers: dict[str, str], body: bytes, status: int, says: str
) -> None:
    with pytest.raises(ProblemError) as error:
        await house.ingest.enrol(raw(headers), body)
    assert error.value.status_code == status
    assert says in error.value.detail


async def test_the_same_key_enrolled_again_is_the_same_node_renamed(
    house: House, agent: Agent, clock: HandClock
) -> None:
    await hear(house, *agent.post(agent.envelope(clock.now_ms())))
    agent.name = "renamed"
    await enrol(house, agent)
    async with house.database.read() as conn:
        rows = await nodes.nodes(conn, TEAM)
    assert [(row.id, row.name) for row in rows] == [(agent.node_id, "renamed")]


async def test_a_death_wakes_the_judge_and_an_ordinary_report_does_not(
    house: House, agent: Agent, clock: HandClock
) -> None:
    await hear(house, *agent.post(agent.envelope(clock.now_ms())))
    assert not house.judge.wake.is_set()
    await hear(house, *agent.post(agent.died(clock.now_ms())))
    assert house.judge.wake.is_set()
    house.judge.wake.clear()
    await hear(house, *agent.post(replace_live(agent.envelope(clock.now_ms()), [])))
    assert house.judge.wake.is_set()  # it is back


async def test_a_turned_voter_and_a_silence_wake_the_judge_once_each(
    house: House, agent: Agent, clock: HandClock
) -> None:
    async def woken(voting: str, silent_s: float) -> bool:
        house.judge.wake.clear()
        numbers, states = {"rpc.silent_seconds": silent_s}, {"node.voting": voting}
        told = agent.envelope(clock.now_ms(), numbers=numbers, states=states)
        await hear(house, *agent.post(replace_live(told, [])))
        return house.judge.wake.is_set()

    assert not await woken("true", 0)  # the first that we hear of it is no change
    assert [await woken("false", 0), await woken("false", 0)] == [True, False]
    assert [await woken("false", 9.5), await woken("false", 14.5), await woken("false", 0)] == [
        True,
        False,
        True,
    ]
