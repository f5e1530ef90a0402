"""What is forgotten is nowhere any more, on both databases; a new table must say what becomes of its rows."""

from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, Column, Integer, LargeBinary, Table, Text, func, insert, select, update
from sqlalchemy.types import BigInteger, SmallInteger

from vedette.model.people import FIRST_TEAM, Role, Who
from vedette.store import audit, forget
from vedette.store import tables as t
from vedette.store.database import Conn, Database
from vedette.store.evidence import FORGOTTEN, pack, unpack
from vedette.store.forget import ACTORS, RULES, Act, ForgetError

NOW = 1_800_000_000_000
MACHINE = Who(FIRST_TEAM, Role.OWNER, is_admin=True)
TEAM, TEAM_NAME = 2, "canary team"
NODE, NODE_NAME, AGENT = "c0ffee00c0ffee00", "canary nödé", "c0ffee00c0ffee00c0ffee00c0ffee00"
USER_NAME, EMAIL, PSEUDONYM = "canary-user", "canary@example.org", "u-c0ffee"
NUMBERS = ("team_id", "user_id", "node_id")
OF_INCIDENTS = {t.incidents, t.outbox, t.deliveries, t.incident_events, t.incident_evidence}


@pytest.mark.parametrize("number", NUMBERS)
def test_every_table_says_what_becomes_of_its_rows(number: str) -> None:
    named = {table.name for table in t.metadata.sorted_tables if number in table.c}
    assert set(RULES[number]) == named


def test_every_other_column_that_leads_to_an_owner_is_known() -> None:
    """References by another name than `team_id`, `user_id`, `node_id`."""
    others = {
        f"{table.name}.{column.name}"
        for table in t.metadata.sorted_tables
        for column in table.columns
        for key in column.foreign_keys
        if key.column.table in {t.teams, t.users, t.nodes} and column.name not in NUMBERS
    }
    assert others == set()


def test_every_column_that_calls_a_person_by_his_pseudonym_is_known() -> None:
    called = {
        f"{table.name}.{column.name}"
        for table in t.metadata.sorted_tables
        for column in table.columns
        if column.name == "actor" or column.name.endswith("_by")
    }
    assert called - ACTORS == {"audit.actor", "operator_keys.made_by", "incidents.muted_by"}


def filler(column: Column[Any]) -> Any:
    """Something of the column's kind."""
    kinds: list[tuple[Any, Any]] = [
        (Boolean, False), ((Integer, BigInteger, SmallInteger), 1), (LargeBinary, b"x"), (JSON, []),
    ]  # fmt: skip
    return next((value for kind, value in kinds if isinstance(column.type, kind)), "x")


def row_of(table: Table, given: dict[str, Any]) -> dict[str, Any]:
    row = {column.name: filler(column) for column in table.columns if not column.nullable}
    if table.c[table.primary_key.columns.keys()[0]].autoincrement is True or table in OF_INCIDENTS - {
        t.incident_evidence
    }:
        row.pop("id", None)
    row |= {column.name: PSEUDONYM for column in table.columns if f"{table.name}.{column.name}" in ACTORS}
    return row | {name: value for name, value in given.items() if name in table.c}


async def canaries(conn: Conn) -> int:
    """A team, a person and a node that have a row in every table that can name them; the person's number."""
    await conn.execute(insert(t.teams).values(id=TEAM, name=TEAM_NAME))
    person = {"name": USER_NAME, "email": EMAIL, "pseudonym": PSEUDONYM, "created_at_ms": 0}
    user_id = int((await conn.execute(insert(t.users).values(person).returning(t.users.c.id))).scalar_one())
    node = {"id": NODE, "agent": AGENT, "name": NODE_NAME, "team_id": TEAM, "kind": "agent", "role": "full"}
    await conn.execute(insert(t.nodes).values(row_of(t.nodes, node)))
    given = {
        "team_id": TEAM,
        "user_id": user_id,
        "node_id": NODE,
        "agent": AGENT,
        "email": EMAIL,
        "role": "viewer",
    }
    given |= {"revoked_at_ms": None}
    for table in t.metadata.sorted_tables:
        if table in {t.nodes, t.audit, *OF_INCIDENTS} or not set(NUMBERS) & set(table.c.keys()):
            continue
        await conn.execute(insert(table).values(row_of(table, given)))
    await incidents(conn)
    await audit.note(conn, NOW, Who(TEAM, Role.VIEWER, user_id), "node.change", f"node:{NODE}")
    return user_id


async def incidents(conn: Conn) -> None:
    """One of the node, and one of its validator, called by its name and explained by it; messages of both."""
    of_node = {
        "subject_kind": "node",
        "subject_id": NODE,
        "subject_name": NODE_NAME,
        "key": f"node_down/{NODE}",
    }
    of_validator: dict[str, Any] = {"subject_kind": "validator", "subject_id": "0xabc"}
    of_validator |= {"subject_name": NODE_NAME, "key": "absent_votes/0xabc", "muted_by": f"node_down/{NODE}"}
    of_validator["facts"] = {"node": NODE_NAME}
    for told in (of_node, of_validator):
        new = insert(t.incidents).values(row_of(t.incidents, {"team_id": TEAM, **told}))
        number = (await conn.execute(new.returning(t.incidents.c.id))).scalar_one()
        subject = {"kind": told["subject_kind"], "id": told["subject_id"], "name": NODE_NAME}
        letter: dict[str, Any] = {
            "incident": {
                "key": told["key"],
                "subject": subject,
                "muted_by": told.get("muted_by"),
                "acked": {"by": PSEUDONYM},
            }
        }
        letter |= {"incident_id": number, "key": f"{number}/1", "team_id": TEAM, "state": "sent"}
        sent = insert(t.outbox).values(row_of(t.outbox, letter)).returning(t.outbox.c.id)
        letter["notice_id"] = (await conn.execute(sent)).scalar_one()
        letter["packed"] = pack(
            {"nodes": {NODE: {"name": NODE_NAME}}, "facts": {"node": NODE_NAME, "votes": 3}}
        )
        for table in OF_INCIDENTS - {t.incidents, t.outbox}:
            event = {"cause": f"node_down/{NODE}", "why": NODE_NAME, "by": PSEUDONYM}
            said = {"detail": event} if table is t.incident_events else {}
            await conn.execute(insert(table).values(row_of(table, letter | said)))


async def everything(conn: Conn) -> dict[str, str]:
    """Every row of every table, as words."""
    found = {}
    for table in t.metadata.sorted_tables:
        rows = (await conn.execute(select(table))).all()
        found[table.name] = "\n".join(repr(tuple(row)) for row in rows)
    return found


async def naming(conn: Conn, **numbers: Any) -> set[str]:
    """The tables that have a row with one of these numbers."""
    return {
        table.name
        for table in t.metadata.sorted_tables
        for name, value in numbers.items()
        if name in table.c
        and (
            await conn.execute(select(func.count()).select_from(table).where(table.c[name] == value))
        ).scalar()
    }


async def test_the_canaries_are_everywhere(database: Database) -> None:
    user_id = await database.write(canaries)
    async with database.read() as conn:
        for number, value in (("team_id", TEAM), ("user_id", user_id), ("node_id", NODE)):
            assert await naming(conn, **{number: value}) == set(RULES[number])


async def test_of_a_forgotten_node_only_the_log_knows_its_number(database: Database) -> None:
    await database.write(canaries)
    counts = await database.write(lambda conn: forget.forget_node(conn, MACHINE, NODE, NOW))
    assert (counts["nodes"], counts["hot"], counts["incidents"], counts["outbox"]) == (1, 1, 1, 1)
    async with database.read() as conn:
        told = await everything(conn)
    assert {name for name, words in told.items() if NODE in words} == {"audit"}
    assert all(NODE_NAME not in words and AGENT not in words for words in told.values())
    assert "absent_votes/0xabc" in told["incidents"], "its validator's incidents stay"
    assert (counts["incident_evidence"], counts["incident_events"]) == (1, 1)
    async with database.read() as conn:
        [packed] = (await conn.execute(select(t.incident_evidence.c.packed))).scalars()
    assert unpack(packed) == {"nodes": {}, "facts": {"node": FORGOTTEN, "votes": 3}}


async def test_of_a_forgotten_person_only_the_log_knows_a_pseudonym(database: Database) -> None:
    user_id = await database.write(canaries)
    await database.write(lambda conn: forget.forget_user(conn, MACHINE, user_id, NOW))
    async with database.read() as conn:
        assert await naming(conn, user_id=user_id) == set()
        told = await everything(conn)
        (revoked,) = (await conn.execute(select(t.api_keys.c.revoked_at_ms))).scalars().all()
        assert (await audit.walk(conn)).why is None
        entries = await audit.entries(conn, MACHINE, None, 9, every_team=True)
    assert revoked == NOW, "he knows its token"
    assert {name for name, words in told.items() if PSEUDONYM in words} == {"audit"}
    assert all(USER_NAME not in words and EMAIL not in words for words in told.values())
    assert (entries[0].act, entries[0].subject) == ("user.forget", f"user:{PSEUDONYM}")
    assert (entries[1].actor, entries[1].actor_name) == (PSEUDONYM, None)


async def test_a_person_may_forget_himself(database: Database) -> None:
    user_id = await database.write(canaries)
    himself = Who(TEAM, Role.VIEWER, user_id)
    await database.write(lambda conn: forget.forget_user(conn, himself, user_id, NOW, "account.remove"))
    async with database.read() as conn:
        newest = (await audit.entries(conn, MACHINE, None, 1, every_team=True))[0]
    assert (newest.actor, newest.act) == (PSEUDONYM, "account.remove")


async def test_of_a_forgotten_team_only_the_log_knows_its_number(database: Database) -> None:
    user_id = await database.write(canaries)
    await database.write(lambda conn: forget.forget_team(conn, MACHINE, TEAM, NOW))
    async with database.read() as conn:
        assert await naming(conn, team_id=TEAM, node_id=NODE) == {"audit"}
        assert await naming(conn, user_id=user_id) >= {"sessions", "passkeys"}, "people keep their accounts"
        told = await everything(conn)
    assert all(TEAM_NAME not in words and NODE_NAME not in words for words in told.values())


async def test_no_team_is_left_without_an_owner_and_the_first_one_stays(database: Database) -> None:
    user_id = await database.write(canaries)
    await database.write(lambda conn: conn.execute(update(t.memberships).values(role="owner")))
    with pytest.raises(ForgetError, match=r"the only owner of team 2 \(canary team\)"):
        await database.write(lambda conn: forget.forget_user(conn, MACHINE, user_id, NOW))
    with pytest.raises(ForgetError, match="the first team is the installation's own"):
        await database.write(lambda conn: forget.forget_team(conn, MACHINE, FIRST_TEAM, NOW))
    async with database.read() as conn:
        assert await naming(conn, user_id=user_id) == set(RULES["user_id"]), "nothing was changed"


def test_what_is_kept_says_nothing_by_itself() -> None:
    kept = {table for rules in RULES.values() for table, act in rules.items() if act is Act.KEEP}
    assert kept == {"audit"}
    assert isinstance(t.audit.c.detail.type, Text)
