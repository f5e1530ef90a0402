"""Forget a team, a person or a node, and all that is theirs; the audit log keeps its pseudonyms.

Each table that has one of their numbers says here what becomes of its rows. A table that says nothing fails a
test: nothing is to be left behind because nobody thought of it.
"""

import json
from collections import Counter
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Text, cast, delete, or_, select, update

from vedette.model.errors import StoreError
from vedette.model.incident import SubjectKind
from vedette.model.people import EVERYBODY, FIRST_TEAM, Who
from vedette.store import audit, evidence, keys
from vedette.store import tables as t
from vedette.store.database import Conn
from vedette.store.nodes import ENDPOINT
from vedette.store.teams import owned_alone, subject_of

Counts = Counter[str]
"""How many rows of each table went, or were cleared."""


class Act(Enum):
    """What becomes of a row that names whom we forget."""

    DELETE = "delete"
    CLEAR = "clear"  # the row is another's too: only the number goes
    KEEP = "keep"  # it says nothing without what was deleted


D, C, K = Act.DELETE, Act.CLEAR, Act.KEEP

RULES: Final[Mapping[str, Mapping[str, Act]]] = {
    "team_id": {
        "alert_policies": D, "api_keys": D, "audit": K, "chunks": D, "claim_challenges": D, "claims": D,
        "contact_points": D, "deliveries": D, "enrolments": D, "hot": D, "incident_events": D,
        "incident_evidence": D, "incidents": D, "invitations": D, "kept": D, "latest": D, "maintenances": D,
        "memberships": D, "nodes": D, "operator_keys": D, "outbox": D, "sessions": C, "silences": D,
        "spools": D, "tiers": D, "watches": D,
    },
    "user_id": {
        "api_keys": C, "claim_challenges": D, "claims": C, "contact_points": C, "memberships": D,
        "operator_keys": C, "passkeys": D, "recovery_codes": D, "sessions": D, "tickets": D,
    },
    "node_id": {"chunks": D, "enrolments": D, "hot": D, "kept": D, "latest": D, "tiers": D},
}  # fmt: skip

ACTORS: Final = frozenset(
    {"silences.made_by", "maintenances.made_by", "incidents.acked_by", "incidents.closed_by"}
)
"""The columns that call a person by his pseudonym, so that the name comes when they are read."""


class ForgetError(StoreError):
    """It cannot be forgotten as things are; the line says what to do first."""


async def forget_team(conn: Conn, who: Who, team_id: int, now_ms: int) -> Counts:
    """Its nodes with their past, incidents, keys, claims and memberships; its people keep their accounts."""
    if team_id == EVERYBODY:
        raise ForgetError("this is no team: what browsers are told of public validators is kept under it")
    if team_id == FIRST_TEAM:
        raise ForgetError("the first team is the installation's own: forget its nodes and people instead")
    counts = await _rows(conn, "team_id", team_id)
    counts += await _delete(conn, "teams", t.teams.c.id == team_id)
    await audit.note(conn, now_ms, who, "team.forget", f"team:{team_id}", _told(counts), team_id=team_id)
    return counts


async def forget_user(conn: Conn, who: Who, user_id: int, now_ms: int, act: str = "user.forget") -> Counts:
    """His account with all that proves him; the keys that he made end, for he knows their tokens.

    Raises ForgetError when a team would be left without an owner.
    """
    await _hold_teams(conn, user_id)
    for alone in await owned_alone(conn, user_id):
        otherwise = "" if alone.team_id == FIRST_TEAM else ", or forget the team"
        raise ForgetError(
            f"he is the only owner of team {alone.team_id} ({alone.team_name}):"
            f" make somebody else an owner first{otherwise}"
        )
    subject, email = await subject_of(conn, user_id), await _email(conn, user_id)
    pseudonym = subject.partition(":")[2]
    for team_id in (await conn.execute(_teams_of_keys(user_id))).scalars().all():
        await keys.revoke_of(conn, team_id, user_id, now_ms)
    counts = await _rows(conn, "user_id", user_id)
    if email is not None:
        to_him = update(t.invitations).where(t.invitations.c.email == email).values(email=None)
        counts["invitations"] += (await conn.execute(to_him)).rowcount
    counts += await _deeds(conn, pseudonym)
    # Noted while he can still be named by his pseudonym, should he be the one who asked.
    await audit.note(conn, now_ms, who, act, subject, _told(counts))
    return counts + await _delete(conn, "users", t.users.c.id == user_id)


async def forget_node(conn: Conn, who: Who, node_id: str, now_ms: int) -> Counts:
    """Its key, its past, and what was told of it. Its agent is refused from then on, until it is enrolled."""
    columns = t.nodes.c
    query = select(columns.agent, columns.kind, columns.team_id, columns.name, columns.set_name)
    row = (await conn.execute(query.where(columns.id == node_id))).one()
    if row.kind == ENDPOINT:
        raise ForgetError("this node is an endpoint of the settings: take it out there")
    counts = await _rows(conn, "node_id", node_id)
    counts += await _delete(conn, "spools", t.spools.c.agent == row.agent)
    counts += await _words(conn, row.team_id, node_id, {row.name, row.set_name} - {None})
    counts += await _delete(conn, "nodes", columns.id == node_id)
    await audit.note(conn, now_ms, who, "node.forget", f"node:{node_id}", _told(counts), team_id=row.team_id)
    return counts


async def _rows(conn: Conn, column: str, value: int | str) -> Counts:
    """Follow the rules for one number, children before their parents."""
    counts: Counts = Counter()
    for table in reversed(t.metadata.sorted_tables):
        act = RULES[column].get(table.name)
        mine = table.c[column] == value if column in table.c else None
        if mine is None or act is None or act is K:
            continue
        if act is D:
            counts += await _delete(conn, table.name, mine)
        else:
            done = await conn.execute(update(table).where(mine).values({column: None}))
            counts[table.name] += done.rowcount
    return counts


async def _delete(conn: Conn, table: str, which: ColumnElement[bool]) -> Counts:
    return Counter({table: (await conn.execute(delete(t.metadata.tables[table]).where(which))).rowcount})


async def _words(conn: Conn, team_id: int, node_id: str, names: set[str]) -> Counts:
    """Incidents of the node go; those of its validator stay, and are no longer called by its name."""
    told = t.incidents.c
    own = (
        (told.team_id == team_id)
        & (told.subject_kind == SubjectKind.NODE.value)
        & (told.subject_id == node_id)
    )
    gone = (await conn.execute(select(told.id).where(own))).scalars().all()
    counts = await _delete(conn, "outbox", t.outbox.c.incident_id.in_(gone))
    counts["incident_evidence"] += await evidence.drop_of(conn, gone)
    counts += await _delete(conn, "incident_events", t.incident_events.c.incident_id.in_(gone))
    counts += await _delete(conn, "incidents", own)
    named = (told.team_id == team_id) & or_(told.subject_name.in_(names), told.muted_by.like(f"%/{node_id}"))
    ids = (await conn.execute(select(told.id).where(named))).scalars().all()
    by_it = update(t.incidents).where(told.id.in_(ids), told.subject_name.in_(names))
    await conn.execute(by_it.values(subject_name=told.subject_id))
    muted = update(t.incidents).where(told.id.in_(ids), told.muted_by.like(f"%/{node_id}"))
    await conn.execute(muted.values(muted_by=None))
    await _messages(conn, team_id, node_id, names)
    await _facts(conn, team_id, node_id, names)
    await evidence.forget_node(conn, team_id, node_id, names)
    return counts


async def _facts(conn: Conn, team_id: int, node_id: str, names: set[str]) -> None:
    """What other incidents' facts and timelines say of it."""
    for table, name in ((t.incidents, "facts"), (t.incident_events, "detail")):
        column = table.c[name]
        speaks = _speaks(column, node_id, names)
        rows = await conn.execute(select(table.c.id, column).where(table.c.team_id == team_id, speaks))
        for number, said in rows.all():
            clean = {name: evidence.cleaned(said, node_id, names)}
            await conn.execute(update(table).where(table.c.id == number).values(clean))


async def _messages(conn: Conn, team_id: int, node_id: str, names: set[str]) -> None:
    """What was sent, or waits, of other incidents: the same words go there."""
    sent = t.outbox.c
    speaks = _speaks(sent.incident, node_id, names)
    query = select(sent.id, sent.incident).where(sent.team_id == team_id, speaks)
    for row in (await conn.execute(query)).all():
        clean = _cleaned(row.incident, node_id, names)
        await conn.execute(update(t.outbox).where(sent.id == row.id).values(incident=clean))


def _speaks(column: Column[Any], node_id: str, names: set[str]) -> ColumnElement[bool]:
    words = (node_id, *names)
    return or_(*(cast(column, Text).contains(_spelled(word), autoescape=True) for word in words))


def _spelled(word: str) -> str:
    """As it stands within JSON."""
    return json.dumps(word)[1:-1]


def _cleaned(incident: dict[str, Any], node_id: str, names: set[str]) -> dict[str, Any]:
    if "subject" not in incident:  # the matter of a digest, say
        whole: dict[str, Any] = evidence.cleaned(incident, node_id, names)
        return whole
    subject = dict(incident["subject"])
    if subject["name"] in names:
        subject["name"] = subject["id"]
    muted_by = incident.get("muted_by")
    muted = None if muted_by is not None and muted_by.endswith(f"/{node_id}") else muted_by
    facts = evidence.cleaned(incident.get("facts", {}), node_id, names)
    return {**incident, "subject": subject, "muted_by": muted, "facts": facts}


async def _deeds(conn: Conn, pseudonym: str) -> Counts:
    """What he made, took or said stays, and nobody can tell any more that it was he."""
    counts: Counts = Counter()
    for name in sorted(ACTORS):
        table = t.metadata.tables[name.partition(".")[0]]
        column = table.c[name.partition(".")[2]]
        done = update(table).where(column == pseudonym).values({column: evidence.FORGOTTEN})
        counts[table.name] += (await conn.execute(done)).rowcount
    for column in (t.incident_events.c.detail, t.outbox.c.incident):
        table = column.table
        query = select(table.c.id, column).where(_speaks(column, pseudonym, set()))
        for number, said in (await conn.execute(query)).all():
            clean = {column: evidence.cleaned(said, pseudonym, ())}
            await conn.execute(update(table).where(table.c.id == number).values(clean))
            counts[table.name] += 1
    return counts


async def _email(conn: Conn, user_id: int) -> str | None:
    found: str | None = (await conn.execute(select(t.users.c.email).where(t.users.c.id == user_id))).scalar()
    return found


async def _hold_teams(conn: Conn, user_id: int) -> None:
    """Until this transaction ends nobody else changes who owns his teams."""
    his = select(t.memberships.c.team_id).where(t.memberships.c.user_id == user_id)
    held = select(t.teams.c.id).where(t.teams.c.id.in_(his)).order_by(t.teams.c.id)
    await conn.execute(held.with_for_update())


def _teams_of_keys(user_id: int) -> Any:
    return select(t.api_keys.c.team_id).where(t.api_keys.c.user_id == user_id).distinct()


def _told(counts: Counts) -> audit.Detail:
    return {name: count for name, count in sorted(counts.items()) if count}
