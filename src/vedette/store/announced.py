"""What explains a validator's past day to its team: work that was announced, and troubles that were known."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import or_, select

from vedette.model.pos import PosAddress
from vedette.store import tables as t
from vedette.store.database import Conn


class Announced(NamedTuple):
    """One maintenance that happens once. `ends_at_ms` None: it has not ended."""

    team_id: int
    starts_at_ms: int
    ends_at_ms: int | None
    names: frozenset[str]  # validators and subjects that it names

    def covers(self, address: PosAddress, at_ms: int) -> bool:
        lasts = self.ends_at_ms is None or at_ms < self.ends_at_ms
        return address in self.names and lasts and at_ms >= self.starts_at_ms


async def announced(conn: Conn, since_ms: int) -> list[Announced]:
    """Those that name somebody and were not over by then. Work that comes again announces no stake."""
    columns = t.maintenances.c
    lasts = or_(columns.ends_at_ms.is_(None), columns.ends_at_ms > since_ms)
    query = select(t.maintenances).where(columns.cron.is_(None), lasts)
    found = [
        Announced(row.team_id, row.starts_at_ms, row.ends_at_ms, _names(row.matcher))
        for row in await conn.execute(query)
    ]
    return [one for one in found if one.names]


class Trouble(NamedTuple):
    """An incident of the last day. `resolved_at_ms` None: it stands."""

    team_id: int
    kind: str
    subject_id: str
    opened_at_ms: int
    resolved_at_ms: int | None


async def troubles(conn: Conn, rules: Collection[str], since_ms: int) -> list[Trouble]:
    """Those of these rules that were not over by then."""
    columns = t.incidents.c
    lasts = or_(columns.resolved_at_ms.is_(None), columns.resolved_at_ms > since_ms)
    what = columns["team_id", "subject_kind", "subject_id", "opened_at_ms", "resolved_at_ms"]
    query = select(*what).where(columns.rule.in_(sorted(rules)), lasts)
    return [Trouble(*row) for row in await conn.execute(query)]


def _names(matcher: dict[str, object]) -> frozenset[str]:
    lists = [one for name in ("validators", "subjects") if isinstance(one := matcher.get(name), list)]
    return frozenset(str(name) for one in lists for name in one)
