"""A node that tells its samples to a database, and what can be read of it again."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select

from tests.store.doubles import NOON, delivery, envelope
from vedette.model.people import FIRST_TEAM, Who
from vedette.model.report import Report
from vedette.store import tables as t
from vedette.store.availability import Calendar
from vedette.store.charts import SeriesColumns
from vedette.store.database import Database
from vedette.store.nodes import witness_reports
from vedette.store.reading import availability_of, columns, states
from vedette.store.series import seal
from vedette.store.states import StateRuns
from vedette.store.tiering import Keep

OURS = Who(FIRST_TEAM)
CAUGHT_UP = {"node.sync_phase": "NormalSyncPhase"}
Told = tuple[int, Mapping[str, int | float]]


class Node:
    """A node that reports to a database."""

    def __init__(self, database: Database, node_id: str, agent: str) -> None:
        self.database = database
        self.id = node_id
        self._agent = agent
        self._seq = 0

    async def tell(self, *rows: Told, words: Mapping[str, str] = CAUGHT_UP) -> None:
        reports = []
        for at_ms, told in rows:
            self._seq += 1
            reports.append(Report(self._seq, at_ms, dict(told), dict(words)))
        for start in range(0, len(reports), 500):
            one = delivery(self.id, envelope(self._agent, *reports[start : start + 500]))
            await self.database.write(lambda conn, one=one: witness_reports(conn, [one]))  # type: ignore[misc]

    async def seal(self, now_ms: int, keep: Keep | None = None) -> int:
        written = 0
        while count := await self.database.write(lambda conn: seal(conn, now_ms, 10, keep)):
            written += count
        return written

    async def chart(
        self, names: list[str], from_ms: int, to_ms: int, points: int = 1_000, who: Who = OURS
    ) -> SeriesColumns | None:
        async with self.database.read() as conn:
            return await columns(conn, who, self.id, names, from_ms, to_ms, points)

    async def drawn(self, name: str, from_ms: int, to_ms: int, points: int = 1_000) -> SeriesColumns:
        found = await self.chart([name], from_ms, to_ms, points)
        assert found is not None
        return found

    async def count(self) -> tuple[int, list[int]]:
        """Rows in the hot window, and samples in each chunk."""
        async with self.database.read() as conn:
            hot = (await conn.execute(select(func.count()).select_from(t.hot))).scalar_one()
            query = select(t.chunks.c.sample_count).order_by(t.chunks.c.start_ms)
            return hot, list((await conn.execute(query)).scalars())

    async def spoke(self, names: Sequence[str], from_ms: int, to_ms: int) -> StateRuns:
        async with self.database.read() as conn:
            found = await states(conn, OURS, self.id, names, from_ms, to_ms)
        assert found is not None
        return found

    async def calendar(self, length_ms: int | None, to_ms: int, cell_ms: int) -> Calendar:
        async with self.database.read() as conn:
            found = await availability_of(conn, OURS, self.id, length_ms, to_ms, cell_ms)
        assert found is not None
        return found

    async def buckets(self) -> dict[int, int]:
        """How many buckets each tier has, by its step."""
        async with self.database.read() as conn:
            query = select(t.tiers.c.step_ms, func.sum(t.tiers.c.bucket_count)).group_by(t.tiers.c.step_ms)
            return {step: int(count) for step, count in await conn.execute(query)}


def every(step_ms: int, count: int, start_ms: int = NOON) -> list[Told]:
    """A rising number and half of it, at a steady pace."""
    return [(start_ms + n * step_ms, {"a": n, "b": n / 2}) for n in range(count)]
