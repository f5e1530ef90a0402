"""Nodes without an agent, on both databases."""

from tests.store.doubles import NOON, TEN_S
from vedette.model.people import FIRST_TEAM, Who
from vedette.model.report import Envelope, Numbers
from vedette.store import nodes, reading
from vedette.store.database import Database
from vedette.store.endpoints import EndpointNode, Seen, keep_endpoints, node_id, witness_endpoint
from vedette.store.view import view

OURS = Who(FIRST_TEAM)
A, B = EndpointNode("a", "full"), EndpointNode("b", "archive")


async def _keep(database: Database, *wanted: EndpointNode, now_ms: int = NOON) -> None:
    await database.write(lambda conn: keep_endpoints(conn, FIRST_TEAM, wanted, now_ms))


async def _nodes(database: Database) -> list[nodes.NodeRow]:
    async with database.read() as conn:
        return await nodes.nodes(conn, OURS)


def _seen(at_ms: int, epoch: int, *, heard: bool = True) -> Seen:
    numbers: Numbers = {"pow.latest_epoch": epoch} if heard else {"endpoint.answers": 0}
    states = {"endpoint.state": "healthy" if heard else "unreachable"}
    return Seen(at_ms, TEN_S, numbers, states, at_ms if heard else None, at_ms + 30_000 if heard else None)


async def _take(database: Database, seen: Seen) -> Envelope | None:
    return await database.write(lambda conn: witness_endpoint(conn, FIRST_TEAM, node_id("a"), seen))


async def test_endpoints_of_the_settings_are_nodes_and_no_others(database: Database) -> None:
    await _keep(database, A, B)
    assert [(one.name, one.role, one.kind) for one in await _nodes(database)] == [
        ("a", "full", "endpoint"),
        ("b", "archive", "endpoint"),
    ]
    await _keep(database, EndpointNode("b", "rpc"))
    assert [(one.name, one.role) for one in await _nodes(database)] == [("b", "rpc")]
    async with database.read() as conn:
        assert list((await view(conn, NOON)).nodes) == [node_id("b")]
    await _keep(database)
    assert await _nodes(database) == []
    await _keep(database, A, now_ms=NOON + 1)
    (row,) = await _nodes(database)
    assert (row.name, row.heard_at_ms) == ("a", NOON + 1), "it begins anew, and is not silent since long ago"


async def test_agents_are_left_alone(database: Database) -> None:
    key = "ab" * 32
    await database.write(lambda conn: nodes.enroll(conn, FIRST_TEAM, key, "with agent", "full", NOON))
    await _keep(database)
    (row,) = await _nodes(database)
    assert (row.name, row.kind) == ("with agent", "agent")


async def test_a_round_is_a_report_and_silence_moves_no_deadline(database: Database) -> None:
    await _keep(database, A)
    id_ = node_id("a")
    for round_ in range(3):
        await _take(database, _seen(NOON + round_ * TEN_S, 100 + round_))
    (row,) = await _nodes(database)
    assert (row.heard_at_ms, row.due_at_ms) == (NOON + 2 * TEN_S, NOON + 2 * TEN_S + 30_000)
    assert row.numbers["pow.latest_epoch"] == 102
    await database.write(lambda conn: nodes.shift_due(conn, 7_000))  # we were deaf
    await _take(database, _seen(NOON + 3 * TEN_S, 0, heard=False))
    (row,) = await _nodes(database)
    assert (row.heard_at_ms, row.due_at_ms) == (NOON + 2 * TEN_S, NOON + 2 * TEN_S + 37_000)
    assert (row.states, row.live_at_ms) == ({"endpoint.state": "unreachable"}, NOON + 3 * TEN_S)
    async with database.read() as conn:
        names = ["pow.latest_epoch", "endpoint.answers"]
        told = await reading.columns(conn, OURS, id_, names, NOON, NOON + 5 * TEN_S, 500)
    assert told is not None
    assert told.mean == [[100, 101, 102, None], [None, None, None, 0]]


async def test_a_round_of_an_endpoint_that_was_taken_out_meanwhile_leaves_nothing(database: Database) -> None:
    await _keep(database, A)
    await _keep(database)
    assert await _take(database, _seen(NOON, 1)) is None
    assert await _nodes(database) == []
