"""What operators say of nodes, and tokens that work once, on both databases."""

import asyncio
from functools import partial

from sqlalchemy import func, select

from tests.store.doubles import NOON, delivery, enrolled, envelope, report
from vedette.model.people import FIRST_TEAM, PUBLIC, Who
from vedette.model.place import Place
from vedette.store import tables as t
from vedette.store.database import Database
from vedette.store.enrolments import HOUR_MS, enrolment, make_ticket, use_ticket
from vedette.store.nodes import agent_keys, node, witness_reports
from vedette.store.registry import change_node, forget_node, keep_places
from vedette.store.view import view

OURS = Who(FIRST_TEAM)
STRANGERS = (PUBLIC, Who(2))
SAID = {
    "name": "Asia One",
    "role": "voter",
    "labels": ["b", "a"],
    "group": "Asia",
    "is_public": True,
    "publish": "city",
    "place": {"country": "SG", "city": "Singapore", "latitude": 1.3, "longitude": 103.8, "hosting": None},
}


async def test_what_was_said_of_a_node_is_read_back_and_can_be_taken_back(database: Database) -> None:
    node_id, _ = await database.write(lambda conn: enrolled(conn, "node one"))
    assert await database.write(lambda conn: change_node(conn, OURS, node_id, SAID, NOON))
    async with database.read() as conn:
        held = await node(conn, OURS, node_id)
        judged = await view(conn, NOON)
    assert held is not None
    assert (held.name, held.role, held.labels, held.group) == ("Asia One", "voter", ("b", "a"), "Asia")
    assert (held.is_public, held.publish) == (True, "city")
    assert held.place == Place("SG", "Singapore", 1.3, 103.8, "operator")
    assert (judged.nodes[node_id].name, judged.nodes[node_id].role) == ("Asia One", "voter")
    back = dict.fromkeys(("name", "role", "group", "place"))
    assert await database.write(lambda conn: change_node(conn, OURS, node_id, back, NOON))
    async with database.read() as conn:
        held = await node(conn, OURS, node_id)
    assert held is not None
    assert (held.name, held.group, held.place, held.labels) == ("node one", None, None, ("b", "a"))


async def test_nobody_changes_or_forgets_another_teams_node(database: Database) -> None:
    node_id, _ = await database.write(lambda conn: enrolled(conn, "node one"))
    for who in STRANGERS:
        assert not await database.write(
            partial(change_node, who=who, node_id=node_id, said=SAID, now_ms=NOON)
        )
        assert not await database.write(partial(change_node, who=who, node_id=node_id, said={}, now_ms=NOON))
        assert await database.write(partial(forget_node, who=who, node_id=node_id, now_ms=NOON)) == "unknown"
    async with database.read() as conn:
        held = await node(conn, OURS, node_id)
    assert held is not None
    assert held.name == "node one"


async def test_a_forgotten_node_leaves_nothing_and_its_neighbour_all(database: Database) -> None:
    for name in ("node one", "node two"):
        node_id, agent = await database.write(partial(enrolled, name=name))
        told = envelope(agent, report(1, NOON + 1))
        await database.write(partial(witness_reports, deliveries=[delivery(node_id, told)]))
    assert await database.write(lambda conn: forget_node(conn, OURS, node_id, NOON)) == "done"
    async with database.read() as conn:
        assert await agent_keys(conn, agent) is None
        for table in (t.nodes, t.latest, t.hot, t.spools):
            assert (await conn.execute(select(func.count()).select_from(table))).scalar() == 1


async def test_a_place_is_kept_and_told_only_when_it_is_another(database: Database) -> None:
    node_id, _ = await database.write(lambda conn: enrolled(conn, "node one"))
    berlin = Place("DE", "Berlin", 52.5244, 13.4105, "address")

    async def keep(place: Place | None) -> list[str]:
        return await database.write(partial(keep_places, places={node_id: place, "gone": place}))

    assert [await keep(place) for place in (None, berlin, berlin, None)] == [[], [node_id], [], [node_id]]
    await keep(berlin)
    async with database.read() as conn:
        held = await node(conn, OURS, node_id)
    assert held is not None
    assert held.place == berlin
    said = {"place": SAID["place"]}
    await database.write(partial(change_node, who=OURS, node_id=node_id, said=said, now_ms=NOON))
    async with database.read() as conn:
        held = await node(conn, OURS, node_id)
    assert held is not None
    assert held.place is not None
    assert (held.place.country, held.place.source) == ("SG", "operator")


async def test_a_token_works_once_for_one_node_and_an_hour(database: Database) -> None:
    ticket = await database.write(lambda conn: make_ticket(conn, OURS, NOON))

    async def use(token: str, node_id: str, at_ms: int) -> int | None:
        return await database.write(lambda conn: use_ticket(conn, token, node_id, at_ms))

    assert await use(ticket.token[:-1] + "x", "n1", NOON) is None
    assert await use(ticket.token, "n1", NOON + HOUR_MS) is None
    answers = await asyncio.gather(*(use(ticket.token, f"n{i}", NOON + 1) for i in range(8)))
    assert sorted(answers, key=str) == [FIRST_TEAM, *[None] * 7]
    winner = f"n{answers.index(FIRST_TEAM)}"
    assert await use(ticket.token, winner, NOON + 2) == FIRST_TEAM, "its answer may have been lost"
    assert await use(ticket.token, winner, NOON + HOUR_MS) is None
    async with database.read() as conn:
        found = await enrolment(conn, OURS, ticket.id)
        assert found is not None
        assert found.node_id == winner
        assert [await enrolment(conn, who, ticket.id) for who in STRANGERS] == [None, None]
        rows = (await conn.execute(select(t.enrolments))).one()
    assert ticket.token not in repr(tuple(rows))


async def test_tokens_of_yesterday_are_swept_out(database: Database) -> None:
    for at_ms in (NOON, NOON + 26 * HOUR_MS):
        ticket = await database.write(partial(make_ticket, who=OURS, now_ms=at_ms))
    async with database.read() as conn:
        assert (await conn.execute(select(t.enrolments.c.id))).scalars().all() == [ticket.id]
