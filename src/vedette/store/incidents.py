"""Incidents, and the messages decided with them in the same transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from vedette.model.incident import Incident, Reason
from vedette.model.people import Who
from vedette.store.database import Conn


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
    raise NotImplementedError


async def save(conn: Conn, changes: Sequence[Change]) -> list[Incident]:
    """Keep the incidents, with their ids, and put a message for each channel in the outbox.

    Saying it twice is harmless. When another judge has opened the same trouble meanwhile, its incident is
    returned and nothing is told.
    """
    raise NotImplementedError


async def incidents(
    conn: Conn, who: Who, before: int | None, limit: int
) -> list[tuple[Incident, list[NoticeRow]]]:
    """First page (`before` None): every unresolved one, newest first, then the newest `limit` resolved ones.

    Next pages: at most `limit` resolved ones with an id below `before`. The last one's id is the next `before`;
    a page with fewer than `limit` rows is the last.
    """
    raise NotImplementedError


async def incident(conn: Conn, who: Who, incident_id: int) -> tuple[Incident, list[NoticeRow]] | None:
    """One incident with its messages; None when there is none, or when it is not the reader's."""
    raise NotImplementedError
