"""Messages on their way: claimed, sent, tried again, sent another way, given up; and every attempt.

What is next before one channel is for `lines` to say; here one is claimed after the other.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec
from sqlalchemy import ColumnElement, Row, and_, case, delete, exists, func, insert, or_, select, true, update

from vedette.model.incident import Incident, Notice, Reason, Severity, Subject, SubjectKind
from vedette.model.people import EVERYBODY, Who
from vedette.model.timeline import Event, Happening
from vedette.store import contacts, timeline
from vedette.store import tables as t
from vedette.store.contacts import Contact
from vedette.store.database import Conn, insert_into, visible_to
from vedette.store.push import CHANNEL as PUSH
from vedette.store.tables import outbox

CLAIM_MS: Final = 60_000
"""Whoever took a message has this long to say how it went; then another may try."""
LATE_MS: Final = 60_000
"""A critical message that its channel did not take by then goes another way, too."""
NEWS_MS: Final = 3_600_000
"""What is older than that is sent no other way: whoever is told of it so late is not woken for it."""
INCIDENT: Final = "incident"
LINES_MAX: Final = 500
NO_ALARM: Final = frozenset({Reason.RESOLVED, Reason.ACKNOWLEDGED, Reason.TAKEN_BACK})
"""What wakes nobody elsewhere, and so goes no other way when it is late."""
RING_ON: Final = ("pagerduty",)
"""Kinds of contact points that ring until they know that somebody has it."""

_BEFORE: Final = outbox.alias("before")


def line_of(channel: str) -> str:
    """In which line a message stands: all browsers share one, every other channel has its own."""
    return PUSH if channel.startswith(PUSH) else channel


_WAITS: Final = (
    outbox.c.state == "waiting",
    or_(outbox.c.attempts > 0, outbox.c.next_at_ms <= outbox.c.created_at_ms),  # not what is held back
)
_LINE: Final = case((outbox.c.channel.startswith(PUSH, autoescape=True), PUSH), else_=outbox.c.channel)


def _due(now_ms: int) -> ColumnElement[bool]:
    """What may be tried now. Of one incident on one channel nothing overtakes what was said before.

    What is held back until a time of its own, and has not come to it yet, holds up nothing.
    """
    columns, before = outbox.c, _BEFORE.c
    earlier = exists().where(
        before.incident_id == columns.incident_id,
        before.channel == columns.channel,
        before.id < columns.id,
        before.state == "waiting",
        or_(before.attempts > 0, before.next_at_ms <= now_ms),
    )
    return and_(columns.state == "waiting", columns.next_at_ms <= now_ms, ~earlier)


# --- sending ----------------------------------------------------------------------------------------------


async def lines_due(conn: Conn, now_ms: int) -> list[str]:
    """The lines in which something may be tried now."""
    query = select(_LINE).where(_due(now_ms)).distinct().limit(LINES_MAX)
    return [str(line) for line in (await conn.execute(query)).scalars()]


async def due(
    conn: Conn, now_ms: int, limit: int, line: str | None = None, but: Collection[int] = ()
) -> list[Notice]:
    """Claim at most `limit` messages that are due, oldest first (a write). No two callers get the same.

    `line`: of one line alone; `but`: none of these. `attempts` counts the attempts begun before this one.
    """
    columns = outbox.c
    mine = true() if line is None else _LINE.in_([line])
    query = (
        select(outbox)
        .where(_due(now_ms), mine, columns.id.not_in(but) if but else true())
        .order_by(columns.next_at_ms, columns.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=outbox)
    )
    rows = (await conn.execute(query)).all()
    claim = (
        update(outbox)
        .where(columns.id.in_([row.id for row in rows]))
        .values(next_at_ms=now_ms + CLAIM_MS, attempts=columns.attempts + 1)
    )
    if rows:
        await conn.execute(claim)
    return [notice_of(row) for row in rows]


def notice_of(row: Row[Any]) -> Notice:
    """A row as a message to be sent."""
    is_incident = row.kind == INCIDENT
    return Notice(
        id=row.id,
        incident=msgspec.convert(row.incident, Incident) if is_incident else _nothing(row),
        channel=row.channel,
        reason=Reason(row.reason),
        key=row.key,
        created_at_ms=row.created_at_ms,
        attempts=row.attempts,
        kind=row.kind,
        matter={} if is_incident else row.incident,
        is_held=row.is_held,
    )


def _nothing(row: Row[Any]) -> Incident:
    """What a message that is about no incident has in its place."""
    about = Subject(SubjectKind.MONITOR, "", "Vedette")
    return Incident(0, row.kind, row.kind, row.team_id, Severity.INFO, about, {}, row.created_at_ms)


@dataclass(frozen=True, slots=True)
class Attempt:
    """When an attempt began, and how long it took."""

    at_ms: int
    took_ms: int

    @property
    def ended_at_ms(self) -> int:
        return self.at_ms + self.took_ms


async def sent(
    conn: Conn,
    notice_id: int,
    now_ms: int,
    receipt: str | None = None,
    attempt: Attempt | None = None,
    told_with: int | None = None,
) -> None:
    """It was delivered; `told_with`: in the message of another."""
    told = update(outbox).where(outbox.c.id == notice_id, outbox.c.state != "sent")
    values = {"state": "sent", "sent_at_ms": now_ms, "error": None, "receipt": receipt}
    await conn.execute(told.values(**values, told_with=told_with))
    if attempt is not None:
        await _note(conn, notice_id, attempt, "sent", receipt)


async def failed(
    conn: Conn,
    notice_id: int,
    now_ms: int,
    error: str,
    retry_at_ms: int | None,
    attempt: Attempt | None = None,
) -> None:
    """It was not delivered: try again at `retry_at_ms`, or (None) give up."""
    again = {"state": "failed", "next_at_ms": now_ms}
    if retry_at_ms is not None:
        again = {"next_at_ms": retry_at_ms}
    waits = update(outbox).where(outbox.c.id == notice_id, outbox.c.state == "waiting")
    await conn.execute(waits.values(**again, error=error))
    if attempt is not None:
        await _note(conn, notice_id, attempt, "refused" if retry_at_ms is None else "failed", error)


async def _note(conn: Conn, notice_id: int, attempt: Attempt, outcome: str, detail: str | None) -> None:
    team_id = (await conn.execute(select(outbox.c.team_id).where(outbox.c.id == notice_id))).scalar()
    if team_id is None:
        return  # nobody wants to know any more
    row = {"team_id": team_id, "notice_id": notice_id, "outcome": outcome, "detail": detail}
    times = {"at_ms": attempt.at_ms, "took_ms": attempt.took_ms}
    await conn.execute(insert(t.deliveries).values(row | times))


async def hurry(conn: Conn, channel: str, now_ms: int) -> None:
    """The channel takes messages again: nothing waits there for its next attempt any longer."""
    columns = outbox.c
    waits = columns.channel == channel, columns.state == "waiting", columns.next_at_ms > now_ms
    tried = update(outbox).where(*waits, columns.attempts > 0)  # not what waits for a time of its own
    await conn.execute(tried.values(next_at_ms=now_ms))


async def oldest_waiting_ms(conn: Conn) -> int | None:
    """When the oldest message that still waits was made."""
    query = select(func.min(outbox.c.created_at_ms)).where(*_WAITS)
    return cast("int | None", (await conn.execute(query)).scalar())


async def oldest_of_teams_ms(conn: Conn) -> int | None:
    """The same of what teams wait for, and not strangers' browsers."""
    query = select(func.min(outbox.c.created_at_ms)).where(*_WAITS, outbox.c.team_id != EVERYBODY)
    return cast("int | None", (await conn.execute(query)).scalar())


# --- another way ------------------------------------------------------------------------------------------


async def late(conn: Conn, now_ms: int) -> list[Notice]:
    """Critical messages that their channel has not taken in time, and that went no other way yet."""
    columns, other = outbox.c, _BEFORE.c
    # By its incident, which has an index: what was ever sent is many.
    went = exists().where(other.incident_id == columns.incident_id, other.instead_of == columns.id)
    query = select(outbox).where(
        columns.state == "waiting",
        columns.kind == INCIDENT,
        columns.created_at_ms <= now_ms - LATE_MS,
        columns.created_at_ms > now_ms - NEWS_MS,
        columns.reason.not_in([reason.value for reason in NO_ALARM]),
        columns.team_id != EVERYBODY,
        columns.incident["severity"].as_string() == Severity.CRITICAL.value,
        ~went,
    )
    return [notice_of(row) for row in await conn.execute(query.order_by(columns.id).limit(LINES_MAX))]


async def acknowledged(conn: Conn, incident: Incident, now_ms: int) -> None:
    """Tell those services that rang for it and would ring on that somebody has it."""
    await _tell_ringing(conn, incident, Reason.ACKNOWLEDGED, true(), now_ms)


async def taken_back(conn: Conn, incident: Incident, now_ms: int) -> None:
    """Tell the services that were told that somebody has it that nobody does any more."""
    knows = outbox.c.reason == Reason.ACKNOWLEDGED.value
    await _tell_ringing(conn, incident, Reason.TAKEN_BACK, knows, now_ms)


async def _tell_ringing(
    conn: Conn, incident: Incident, reason: Reason, which: ColumnElement[bool], now_ms: int
) -> None:
    """`which`: of the incident's messages, those that such a service must have been sent."""
    columns, points = outbox.c, t.contact_points.c
    heard = (
        select(columns.channel)
        .join(t.contact_points, columns.channel == contacts.CHANNEL + points.id)
        .where(columns.incident_id == incident.id, points.kind.in_(RING_ON), which)
        .distinct()
    )
    rows = [
        {
            "team_id": incident.team_id,
            "incident_id": incident.id,
            "incident": msgspec.to_builtins(incident),
            "channel": channel,
            "reason": reason.value,
            "key": f"{incident.id}/{now_ms}/{reason}/{channel}",
            "state": "waiting",
            "created_at_ms": now_ms,
            "next_at_ms": now_ms,
            "attempts": 0,
        }
        for channel in sorted((await conn.execute(heard)).scalars())
    ]
    if rows:
        await conn.execute(insert_into(conn, outbox).on_conflict_do_nothing(), rows)


async def relay(
    conn: Conn, notice: Notice, others: Sequence[str], now_ms: int, *, by_wish_alone: bool = False
) -> str | None:
    """Send it another way as well; the channel that is told instead, None when there is none or no need.

    `others`: channels of the settings, as a last resort. `by_wish_alone`: only to the fallback that its
    contact point names.
    """
    prefix = notice.key.removesuffix(notice.channel)
    alike = outbox.c.incident_id == notice.incident.id, outbox.c.reason == notice.reason.value
    query = select(outbox.c.channel).where(*alike, outbox.c.key.startswith(prefix, autoescape=True))
    already = set((await conn.execute(query)).scalars())
    points = await contacts.of_team(conn, notice.incident.team_id)
    channel = next_way(notice.channel, points, already, others, by_wish_alone=by_wish_alone)
    if channel is None:
        return None
    row = {
        "team_id": notice.incident.team_id,
        "incident_id": notice.incident.id,
        "incident": msgspec.to_builtins(notice.incident),
        "channel": channel,
        "reason": notice.reason.value,
        "key": prefix + channel,
        "state": "waiting",
        "created_at_ms": now_ms,
        "next_at_ms": now_ms,
        "attempts": 0,
        "instead_of": notice.id,
    }
    await conn.execute(insert_into(conn, outbox).values(row).on_conflict_do_nothing())
    said = {"reason": notice.reason.value, "severity": notice.incident.severity.value}
    said |= {"instead_of": notice.channel}
    told = Event(now_ms, Happening.TOLD, {**said, "channels": [channel]})
    await timeline.note(conn, notice.incident, [told])
    return channel


def next_way(
    channel: str,
    points: Sequence[Contact],
    already: Collection[str],
    others: Sequence[str],
    *,
    by_wish_alone: bool = False,
) -> str | None:
    """Who is told when a channel fails: its fallback, else what wakes, else anything; None: somebody is."""
    on = {one.id: one for one in points if one.is_enabled and one.channel != channel}
    own = next((one for one in points if one.channel == channel), None)
    wished = on.get(own.fallback_id) if own is not None and own.fallback_id is not None else None
    ways: list[list[str]] = [[wished.channel]] if wished is not None else []
    if not by_wish_alone:
        ways.append([one.channel for one in on.values() if one.wakes])
        ways.append([*(one.channel for one in on.values()), *(one for one in others if one != channel)])
    best = next((way for way in ways if way), [])
    return None if set(best).intersection(already) else next(iter(best), None)


async def stood_in(conn: Conn, incident_id: int) -> list[str]:
    """Who was told of an incident in another's place, and so is to hear of its end."""
    columns = outbox.c
    query = select(columns.channel).where(columns.incident_id == incident_id, columns.instead_of.is_not(None))
    return sorted(set((await conn.execute(query)).scalars()))


# --- the log ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One attempt: `outcome` is sent, failed (it is tried again) or refused."""

    at_ms: int
    took_ms: int
    outcome: str
    detail: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message, and every attempt to deliver it, the first first."""

    id: int
    kind: str
    incident: Incident | None
    channel: str
    reason: Reason
    state: str
    created_at_ms: int
    sent_at_ms: int | None
    error: str | None
    receipt: str | None
    instead_of: int | None
    told_with: int | None  # the message in which it was told; of one superseded, the one told instead
    attempts: tuple[AttemptRow, ...]


async def deliveries(
    conn: Conn,
    who: Who,
    *,
    channel: str | None = None,
    incident_id: int | None = None,
    before: int | None = None,
    limit: int,
) -> list[Delivery]:
    """The reader's team's messages, the newest first."""
    columns = outbox.c
    asked: dict[ColumnElement[Any], Any] = {columns.channel: channel, columns.incident_id: incident_id}
    query = select(outbox).where(visible_to(who, outbox)).order_by(columns.id.desc()).limit(limit)
    for column, value in asked.items():
        query = query if value is None else query.where(column == value)
    if before is not None:
        query = query.where(columns.id < before)
    rows = (await conn.execute(query)).all()
    attempts = await _attempts(conn, [row.id for row in rows])
    return [_delivery(row, tuple(attempts.get(row.id, ()))) for row in rows]


async def _attempts(conn: Conn, ids: Sequence[int]) -> Mapping[int, list[AttemptRow]]:
    found: dict[int, list[AttemptRow]] = {}
    query = select(t.deliveries).where(t.deliveries.c.notice_id.in_(ids)).order_by(t.deliveries.c.id)
    for row in await conn.execute(query):
        one = AttemptRow(row.at_ms, row.took_ms, row.outcome, row.detail)
        found.setdefault(row.notice_id, []).append(one)
    return found


def _delivery(row: Row[Any], attempts: tuple[AttemptRow, ...]) -> Delivery:
    return Delivery(
        id=row.id,
        kind=row.kind,
        incident=msgspec.convert(row.incident, Incident) if row.kind == INCIDENT else None,
        channel=row.channel,
        reason=Reason(row.reason),
        state=row.state,
        created_at_ms=row.created_at_ms,
        sent_at_ms=row.sent_at_ms,
        error=row.error,
        receipt=row.receipt,
        instead_of=row.instead_of,
        told_with=row.told_with,
        attempts=attempts,
    )


FORGOTTEN_AT_ONCE: Final = 500


async def forget_old(conn: Conn, until_ms: int, after: int = 0) -> int | None:
    """Drop messages from before then, with every attempt; from which one to go on, None at the end.

    What waits for its channel stays, and so does all that was told of an incident that is not over, or was
    not by then: whoever was told of it is to hear of its end. The numbers of messages ascend in time.
    """
    columns, trouble = outbox.c, t.incidents.c
    page = select(columns.id, columns.created_at_ms).where(columns.id > after).order_by(columns.id)
    rows = (await conn.execute(page.limit(FORGOTTEN_AT_ONCE))).all()
    old = [row.id for row in rows if row.created_at_ms < until_ms]
    over = exists().where(trouble.id == columns.incident_id, trouble.resolved_at_ms < until_ms)
    settled = columns.state != "waiting", or_(columns.incident_id.is_(None), over)
    if old:
        await conn.execute(delete(outbox).where(columns.id.in_(old), *settled))
    return old[-1] if len(old) == FORGOTTEN_AT_ONCE else None


@dataclass(frozen=True, slots=True)
class Fared:
    """How one of the settings' channels fares, by what the log says."""

    sent_at_ms: int | None
    failing_since_ms: int | None
    error: str | None


async def fared(conn: Conn, who: Who, channel: str) -> Fared:
    """By the reader's team's newest messages."""
    newest = await deliveries(conn, who, channel=channel, limit=20)
    sent_at = max((one.sent_at_ms for one in newest if one.sent_at_ms is not None), default=None)
    failing = [
        one for one in newest if one.error is not None and (sent_at is None or one.created_at_ms > sent_at)
    ]
    if not failing:
        return Fared(sent_at, None, None)
    return Fared(sent_at, failing[-1].created_at_ms, failing[0].error)


async def keep_test(
    conn: Conn, team_id: int, channel: str, attempt: Attempt, receipt: str | None, error: str | None
) -> None:
    """Keep how a test went, as of any other message."""
    is_taken = error is None
    row = {
        "team_id": team_id,
        "kind": "test",
        "incident": {},
        "channel": channel,
        "reason": Reason.OPENED.value,
        "key": f"test/{attempt.at_ms}/{channel}",
        "state": "sent" if is_taken else "failed",
        "created_at_ms": attempt.at_ms,
        "next_at_ms": attempt.at_ms,
        "sent_at_ms": attempt.ended_at_ms if is_taken else None,
        "attempts": 1,
        "error": error,
        "receipt": receipt,
    }
    add = insert_into(conn, outbox).values(row).on_conflict_do_nothing().returning(outbox.c.id)
    number = (await conn.execute(add)).scalar()
    if number is not None:
        await _note(conn, number, attempt, "sent" if is_taken else "refused", receipt if is_taken else error)
