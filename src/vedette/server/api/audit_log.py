"""Who did what: the team's own lines for its owners, all of them for an administrator."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from vedette.model.people import Role, Who
from vedette.server.api.members import Admin, admin, at_least
from vedette.server.api.talk import Before, Limit, Rooms, Whose, reply
from vedette.store import audit
from vedette.store.audit import Entry

router = APIRouter(tags=["audit"])

Every = Annotated[
    bool, Query(alias="all", description="lines of every team and of none; administrators only")
]


class AuditEntry(BaseModel):
    """One line. Persons stand in it by pseudonym, also when they were forgotten."""

    seq: int
    at_ms: int
    actor: str = Field(
        description="a pseudonym, `key:<id>`, `machine` (a command on the server), `server`, `public`"
    )
    actor_name: str | None = Field(description="today's name of the person or key; null when there is none")
    act: str
    subject: str
    detail: dict[str, str | int | bool | None]


class Audit(BaseModel):
    """Lines, newest first."""

    entries: list[AuditEntry]
    next_before: int | None


class AuditHead(BaseModel):
    """The newest line: kept elsewhere, it binds the whole log."""

    seq: int = Field(description="0 while the log is empty")
    hash: str


def _reader(request: Request, rooms: Rooms, who: Whose, every: Every = False) -> Who:
    return admin(request, rooms, who) if every else at_least(Role.OWNER)(request, rooms, who)


@router.get("/audit", response_model=Audit)
async def read_audit(
    rooms: Rooms,
    who: Annotated[Who, Depends(_reader)],
    every: Every = False,
    before: Before = None,
    limit: Limit = 50,
) -> Response:
    """Who did what in your team. Owners only."""
    async with rooms.database.read() as conn:
        rows = await audit.entries(conn, who, before, limit, every_team=every)
    more = rows[-1].seq if len(rows) == limit and rows[-1].seq > 1 else None
    return reply(Audit(entries=[_entry(row) for row in rows], next_before=more))


@router.get("/audit/head", response_model=AuditHead)
async def audit_head(rooms: Rooms, _: Admin) -> Response:
    """The head of the whole log, to be kept where nobody can change it. Administrators only."""
    async with rooms.database.read() as conn:
        head = await audit.head(conn)
    return reply(AuditHead(seq=head.seq, hash=head.hash.hex()))


def _entry(row: Entry) -> AuditEntry:
    return AuditEntry(**{name: getattr(row, name) for name in AuditEntry.model_fields})
