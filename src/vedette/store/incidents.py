"""Incidents, and the messages decided with them in the same transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import Row, or_, select, tuple_, update

from vedette.model.incident import Acknowledgement, Decision, Incident, Reason, Severity, Subject, SubjectKind
from vedette.model.people import Who
from vedette.store import outbox
from vedette.store import tables as t
from vedette.store.database import Conn, insert_into, visible_to

TOLD_MAX = 200


@dataclass(frozen=True, slots=True)
class Change:
    """What an incident became, and what is to be told of it on which channels."""

    incident: Incident
    reason: Reason | None
    channels: tuple[str, ...]
    now_ms: int


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """One message of an incident and how it went. `state` is waiting, sent or failed."""

    channel: str
    reason: Reason
    state: str
    created_at_ms: int
    sent_at_ms: int | None
    attempts: int
    error: str | None


async def unresolved(conn: Conn) -> list[Incident]:
    """Everything that is not over, of every team, by id: what the judge goes on with."""
    query = select(t.incidents).where(t.incidents.c.resolved_at_ms.is_(None)).order_by(t.incidents.c.id)
    return [_incident(row) for row in await conn.execute(query)]


async def over_since(conn: Conn, since_ms: int) -> list[Incident]:
    """What ended since then, of every team, by id: whether a trouble comes back is seen by it."""
    over = t.incidents.c.resolved_at_ms
    query = select(t.incidents).where(over.is_not(None), over >= since_ms).order_by(t.incidents.c.id)
    return [_incident(row) for row in await conn.execute(query)]


async def save(conn: Conn, changes: Sequence[Change]) -> list[Incident]:
    """Keep the incidents, with their ids, and put a message for each channel in the outbox.

    Saying it twice is harmless. When another judge has opened the same trouble meanwhile, its incident is
    returned and nothing is told.
    """
    return [await _save(conn, change) for change in changes]


async def _save(conn: Conn, change: Change) -> Incident:
    if change.incident.id:
        kept = await _go_on(conn, change.incident)
    else:
        kept, mine = await _open(conn, change.incident)
        if not mine:
            return kept
    if change.reason is not None:
        await _tell(conn, kept, change.reason, change)
    return kept


async def _open(conn: Conn, incident: Incident) -> tuple[Incident, bool]:
    """The incident as it is kept now, and whether it was we who opened it."""
    add = insert_into(conn, t.incidents).values(**_columns(incident))
    number = (await conn.execute(add.on_conflict_do_nothing().returning(t.incidents.c.id))).scalar()
    if number is not None:
        return replace(incident, id=number), True
    query = select(t.incidents).where(
        t.incidents.c.team_id == incident.team_id,
        t.incidents.c.key == incident.key,
        t.incidents.c.resolved_at_ms.is_(None),
    )
    return _incident((await conn.execute(query)).one()), False


async def _go_on(conn: Conn, incident: Incident) -> Incident:
    """A step of an incident's life. What is over stays over."""
    columns = t.incidents.c
    step = update(t.incidents).where(columns.id == incident.id, columns.resolved_at_ms.is_(None))
    await conn.execute(step.values(**_columns(incident)))
    return incident


async def _tell(conn: Conn, incident: Incident, reason: Reason, change: Change) -> None:
    snapshot = msgspec.to_builtins(incident)
    # Who heard of it in place of a channel that failed hears of its end, too.
    heard = await outbox.stood_in(conn, incident.id) if reason is Reason.RESOLVED else []
    rows = [
        {
            "team_id": incident.team_id,
            "incident_id": incident.id,
            "incident": snapshot,
            "channel": channel,
            "reason": reason.value,
            "key": f"{incident.id}/{incident.told_count}/{reason}/{channel}",
            "state": "waiting",
            "created_at_ms": change.now_ms,
            "next_at_ms": change.now_ms,
            "attempts": 0,
        }
        for channel in dict.fromkeys((*change.channels, *heard))
    ]
    if rows:
        await conn.execute(insert_into(conn, t.outbox).on_conflict_do_nothing(), rows)


async def incidents(
    conn: Conn, who: Who, before: int | None, limit: int
) -> list[tuple[Incident, list[NoticeRow]]]:
    """First page (`before` None): every unresolved one, newest first, then the newest `limit` resolved ones.

    Next pages: at most `limit` resolved ones with an id below `before`. The last one's id is the next
    `before`; a page with fewer than `limit` rows is the last.
    """
    columns = t.incidents.c
    mine = select(t.incidents).where(visible_to(who, t.incidents)).order_by(columns.id.desc())
    past = mine.where(columns.resolved_at_ms.is_not(None)).limit(limit)
    if before is not None:
        return await _with_notices(conn, who, (await conn.execute(past.where(columns.id < before))).all())
    now = (await conn.execute(mine.where(columns.resolved_at_ms.is_(None)))).all()
    return await _with_notices(conn, who, [*now, *await conn.execute(past)])


async def incident(conn: Conn, who: Who, incident_id: int) -> tuple[Incident, list[NoticeRow]] | None:
    """One incident with its messages; None when there is none, or when it is not the reader's."""
    query = select(t.incidents).where(visible_to(who, t.incidents), t.incidents.c.id == incident_id)
    found = await _with_notices(conn, who, (await conn.execute(query)).all())
    return found[0] if found else None


async def told_since(
    conn: Conn, team_id: int, subjects: Sequence[tuple[SubjectKind, str]], since_ms: int
) -> list[Incident]:
    """A team's incidents about these that were told, not muted, and open or over since then.

    Open ones first, then newest first. For whoever may see what is said of them: it asks no reader.
    """
    if not subjects:
        return []
    columns = t.incidents.c
    about = tuple_(columns.subject_kind, columns.subject_id)
    query = (
        select(t.incidents)
        .where(columns.team_id == team_id, about.in_([(kind.value, one) for kind, one in subjects]))
        .where(columns.told_at_ms.is_not(None), columns.muted_by.is_(None))
        .where(or_(columns.resolved_at_ms.is_(None), columns.resolved_at_ms >= since_ms))
        .order_by(columns.resolved_at_ms.is_not(None), columns.id.desc())
        .limit(TOLD_MAX)
    )
    return [_incident(row) for row in await conn.execute(query)]


async def told_between(conn: Conn, team_id: int, from_ms: int, until_ms: int) -> list[Incident]:
    """A team's incidents that were told and stood at some moment of this period, the worst first."""
    columns = t.incidents.c
    query = (
        select(t.incidents)
        .where(columns.team_id == team_id, columns.told_at_ms.is_not(None), columns.muted_by.is_(None))
        .where(columns.opened_at_ms < until_ms)
        .where(or_(columns.resolved_at_ms.is_(None), columns.resolved_at_ms >= from_ms))
        .order_by(columns.severity != Severity.CRITICAL.value, columns.id.desc())
        .limit(TOLD_MAX)
    )
    return [_incident(row) for row in await conn.execute(query)]


async def _with_notices(
    conn: Conn, who: Who, rows: Sequence[Row[Any]]
) -> list[tuple[Incident, list[NoticeRow]]]:
    if not rows:
        return []
    columns = t.outbox.c
    query = (
        select(t.outbox)
        .where(visible_to(who, t.outbox), columns.incident_id.in_([row.id for row in rows]))
        .order_by(columns.id)
    )
    notices: dict[int, list[NoticeRow]] = {row.id: [] for row in rows}
    for row in await conn.execute(query):
        notices[row.incident_id].append(_notice(row))
    return [(_incident(row), notices[row.id]) for row in rows]


def _columns(incident: Incident) -> dict[str, Any]:
    subject = incident.subject
    told = incident.told_severity
    return {
        "team_id": incident.team_id,
        "key": incident.key,
        "rule": incident.rule,
        "severity": incident.severity.value,
        "subject_kind": subject.kind.value,
        "subject_id": subject.id,
        "subject_name": subject.name,
        "facts": dict(incident.facts),
        "opened_at_ms": incident.opened_at_ms,
        "told_at_ms": incident.told_at_ms,
        "told_severity": None if told is None else told.value,
        "told_count": incident.told_count,
        "resolved_at_ms": incident.resolved_at_ms,
        "muted_by": incident.muted_by,
        "decision": None if incident.decision is None else incident.decision.value,
        "clear_since_ms": incident.clear_since_ms,
        "flaps": incident.flaps,
        "step": incident.step,
    }


def _incident(row: Row[Any]) -> Incident:
    return Incident(
        id=row.id,
        key=row.key,
        rule=row.rule,
        team_id=row.team_id,
        severity=Severity(row.severity),
        subject=Subject(SubjectKind(row.subject_kind), row.subject_id, row.subject_name),
        facts=row.facts,
        opened_at_ms=row.opened_at_ms,
        told_at_ms=row.told_at_ms,
        told_severity=None if row.told_severity is None else Severity(row.told_severity),
        told_count=row.told_count,
        resolved_at_ms=row.resolved_at_ms,
        muted_by=row.muted_by,
        decision=None if row.decision is None else Decision(row.decision),
        clear_since_ms=row.clear_since_ms,
        flaps=row.flaps,
        acked=_acknowledgement(row),
        closed_by=row.closed_by,
        step=row.step,
    )


def _acknowledgement(row: Row[Any]) -> Acknowledgement | None:
    """Written by whoever acknowledges, and by nobody else: the judge, who read it earlier, undoes nothing."""
    if row.acked_at_ms is None:
        return None
    severity = Severity(row.acked_severity or row.severity)
    return Acknowledgement(row.acked_at_ms, row.acked_by or "", severity, row.acked_until_ms)


def _notice(row: Row[Any]) -> NoticeRow:
    return NoticeRow(
        channel=row.channel,
        reason=Reason(row.reason),
        state=row.state,
        created_at_ms=row.created_at_ms,
        sent_at_ms=row.sent_at_ms,
        attempts=row.attempts,
        error=row.error,
    )
