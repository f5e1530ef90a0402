"""Incidents, and the messages decided with them in the same transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Row, or_, select, tuple_, update

from vedette.model.incident import Acknowledgement, Decision, Incident, Reason, Severity, Subject, SubjectKind
from vedette.model.people import Who
from vedette.model.timeline import became
from vedette.store import evidence, outbox, timeline
from vedette.store import tables as t
from vedette.store.actors import CONTACT, names_of
from vedette.store.database import Conn, insert_into, visible_to

TOLD_MAX = 200
HIDDEN_MAX = 200
WITNESSED_MAX = 50
"""Of so many changes at once the witnesses' own words are kept: a storm must not hold the writer."""


@dataclass(frozen=True, slots=True)
class Change:
    """What an incident became, and what is to be told of it on which channels."""

    incident: Incident
    reason: Reason | None
    channels: tuple[str, ...]
    now_ms: int
    not_before_ms: int | None = None  # its messages wait until then
    evidence: tuple[str, Mapping[str, Any]] | None = None  # which moment, and what was seen at it
    is_held: bool = False  # quiet hours hold or held it back: told together with what else they did


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """One message of an incident and how it went. `state` is waiting, sent, failed or superseded."""

    channel: str
    reason: Reason
    state: str
    created_at_ms: int
    sent_at_ms: int | None
    attempts: int
    error: str | None
    receipt: str | None = None  # what the other side called it when it took it


async def unresolved(conn: Conn) -> list[Incident]:
    """Everything that is not over, of every team, by id: what the judge goes on with."""
    query = select(t.incidents).where(t.incidents.c.resolved_at_ms.is_(None)).order_by(t.incidents.c.id)
    return [_incident(row) for row in await conn.execute(query)]


async def over_since(conn: Conn, since_ms: int) -> list[Incident]:
    """What ended since then, of every team, by id: whether a trouble comes back is seen by it."""
    over = t.incidents.c.resolved_at_ms
    query = select(t.incidents).where(over.is_not(None), over >= since_ms).order_by(t.incidents.c.id)
    return [_incident(row) for row in await conn.execute(query)]


async def told_on(conn: Conn, incident_ids: Collection[int]) -> dict[int, tuple[str, ...]]:
    """On which channels each was told of so far, in their order."""
    columns = t.outbox.c
    query = (
        select(columns.incident_id, columns.channel)
        .where(columns.incident_id.in_(incident_ids))
        .order_by(columns.id)
    )
    found: dict[int, dict[str, None]] = {}
    for row in await conn.execute(query):
        found.setdefault(row.incident_id, {})[row.channel] = None
    return {incident_id: tuple(channels) for incident_id, channels in found.items()}


async def save(conn: Conn, changes: Sequence[Change]) -> list[Incident]:
    """Keep the incidents, with their ids, and put a message for each channel in the outbox.

    Saying it twice is harmless. When another judge has opened the same trouble meanwhile, its incident is
    returned and nothing is told.
    """
    return [await _save(conn, change, place < WITNESSED_MAX) for place, change in enumerate(changes)]


async def _save(conn: Conn, change: Change, asks_witnesses: bool) -> Incident:
    before = await _kept(conn, change.incident.id) if change.incident.id else None
    if change.incident.id:
        kept = await _go_on(conn, change.incident)
    else:
        kept, mine = await _open(conn, change.incident)
        if not mine:
            return kept
    if before is not None and before.resolved_at_ms is not None:
        return kept  # another judge ended it meanwhile
    await timeline.note(conn, kept, became(before, kept, change.reason, change.channels, change.now_ms))
    if change.evidence is not None:
        what, seen = change.evidence
        await evidence.keep(conn, kept, what, seen, change.now_ms, asks_witnesses=asks_witnesses)
    if change.reason is not None:
        await _tell(conn, kept, change.reason, change)
    return kept


async def _kept(conn: Conn, incident_id: int) -> Incident | None:
    row = (await conn.execute(select(t.incidents).where(t.incidents.c.id == incident_id))).one_or_none()
    return None if row is None else _incident(row)


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
    due_ms = max(change.now_ms, change.not_before_ms or 0)
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
            "created_at_ms": due_ms,  # one that waits for the morning is not late before
            "next_at_ms": due_ms,
            "attempts": 0,
            "is_held": change.is_held,
        }
        for channel in dict.fromkeys((*change.channels, *heard))
    ]
    if rows:
        await conn.execute(insert_into(conn, t.outbox).on_conflict_do_nothing(), rows)


@dataclass(frozen=True, slots=True)
class Sought:
    """Which incidents to list; None: all."""

    is_over: bool | None = None
    severity: Severity | None = None
    rule: str | None = None
    subject: str | None = None

    def clauses(self) -> list[ColumnElement[bool]]:
        columns = t.incidents.c
        severity = None if self.severity is None else self.severity.value
        wanted = ((columns.severity, severity), (columns.rule, self.rule), (columns.subject_id, self.subject))
        return [column == value for column, value in wanted if value is not None]


EVERY: Final = Sought()


async def incidents(
    conn: Conn, who: Who, before: int | None, limit: int, sought: Sought = EVERY
) -> list[tuple[Incident, list[NoticeRow]]]:
    """First page (`before` None): every unresolved one, newest first, then the newest `limit` resolved ones.

    Next pages: at most `limit` resolved ones with an id below `before`. The last one's id is the next
    `before`; a page with fewer than `limit` resolved ones is the last.
    """
    columns = t.incidents.c
    mine = select(t.incidents).where(visible_to(who, t.incidents), *sought.clauses())
    mine = mine.order_by(columns.id.desc())
    past = mine.where(columns.resolved_at_ms.is_not(None)).limit(limit)
    if before is not None:
        past = past.where(columns.id < before)
    rows: list[Row[Any]] = []
    if sought.is_over is not True and before is None:
        rows += (await conn.execute(mine.where(columns.resolved_at_ms.is_(None)))).all()
    if sought.is_over is not False:
        rows += (await conn.execute(past)).all()
    return await _with_notices(conn, who, rows)


async def hidden_by(conn: Conn, who: Who, incident: Incident) -> list[int]:
    """The ids of incidents that tell nobody because this one explains them."""
    if incident.resolved_at_ms is not None:
        return []
    columns = t.incidents.c
    query = (
        select(columns.id)
        .where(visible_to(who, t.incidents), columns.muted_by == incident.key)
        .where(columns.resolved_at_ms.is_(None))
        .order_by(columns.id)
        .limit(HIDDEN_MAX)
    )
    return list((await conn.execute(query)).scalars())


async def incident(conn: Conn, who: Who, incident_id: int) -> tuple[Incident, list[NoticeRow]] | None:
    """One incident with its messages; None when there is none, or when it is not the reader's."""
    query = select(t.incidents).where(visible_to(who, t.incidents), t.incidents.c.id == incident_id)
    found = await _with_notices(conn, who, (await conn.execute(query)).all())
    return found[0] if found else None


async def one_of(conn: Conn, who: Who, incident_id: int, *, for_update: bool = False) -> Incident | None:
    """The incident alone; held until the transaction ends, if it is to be changed."""
    query = select(t.incidents).where(visible_to(who, t.incidents), t.incidents.c.id == incident_id)
    row = (await conn.execute(query.with_for_update() if for_update else query)).one_or_none()
    return None if row is None else _incident(row)


async def linked(conn: Conn, incident_id: int, contact: str) -> Incident | None:
    """The incident of a signed link, which asks no reader; None when its contact point is no more."""
    row = (await conn.execute(select(t.incidents).where(t.incidents.c.id == incident_id))).one_or_none()
    if row is None:
        return None
    if contact.startswith(CONTACT):
        points = t.contact_points.c
        mine = points.team_id == row.team_id, points.id == contact.removeprefix(CONTACT)
        if (
            await conn.execute(select(points.id).where(*mine, points.disabled_at_ms.is_(None)))
        ).first() is None:
            return None
    return (await _named(conn, [_incident(row)]))[0]


async def told_since(
    conn: Conn,
    team_id: int,
    subjects: Sequence[tuple[SubjectKind, str]],
    rules: Collection[str],
    since_ms: int,
) -> list[Incident]:
    """A team's incidents about these, by these rules, that were told, not muted, and open or over since then.

    Open ones first, then newest first. For whoever may see what is said of them: it asks no reader.
    """
    if not subjects:
        return []
    columns = t.incidents.c
    about = tuple_(columns.subject_kind, columns.subject_id)
    query = (
        select(t.incidents)
        .where(columns.team_id == team_id, about.in_([(kind.value, one) for kind, one in subjects]))
        .where(columns.rule.in_(rules))
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
    sent = (await conn.execute(query)).all()
    names = await names_of(conn, {row.channel for row in sent})
    for row in sent:
        notices[row.incident_id].append(replace(_notice(row), channel=names[row.channel]))
    found = await _named(conn, [_incident(row) for row in rows])
    return [(incident, notices[incident.id]) for incident in found]


async def _named(conn: Conn, found: list[Incident]) -> list[Incident]:
    """With the names of people in place of their codes."""
    codes = {i.acked.by for i in found if i.acked is not None} | {i.closed_by for i in found if i.closed_by}
    if not codes:
        return found
    names = await names_of(conn, codes)
    return [
        replace(
            incident,
            acked=None if incident.acked is None else replace(incident.acked, by=names[incident.acked.by]),
            closed_by=None if incident.closed_by is None else names[incident.closed_by],
        )
        for incident in found
    ]


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
        closed_by=_closed_by(row),
        step=row.step,
    )


def _closed_by(row: Row[Any]) -> str | None:
    """Nobody, once it is worse than what was closed."""
    closed = Severity(row.closed_severity or row.severity)
    return row.closed_by if Severity(row.severity).rank <= closed.rank else None


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
        receipt=row.receipt,
    )
