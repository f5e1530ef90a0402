"""Samples of a node over time: a hot window of packed rows in front of compressed column chunks."""

from collections.abc import Sequence
from dataclasses import dataclass

from vedette.model.people import Who
from vedette.store.database import Conn


@dataclass(frozen=True, slots=True)
class SeriesColumns:
    """Columns for a chart, field by field what `/api/v1` replies.

    `times` are unix seconds; each column has a value or None for each time. `step_ms` is the width of a
    bucket, 0 when every sample is given as it was (then mean, min and max are the same).
    """

    node_id: str
    from_ms: int
    to_ms: int
    step_ms: int
    names: list[str]
    times: list[float]
    mean: list[list[float | None]]
    min: list[list[float | None]]
    max: list[list[float | None]]
    available: list[str]


async def seal(conn: Conn, now_ms: int, limit: int) -> int:
    """Fold finished 10-minute windows of at most `limit` nodes into chunks; returns the chunks written.

    Call again at once while it returns more than 0.
    """
    raise NotImplementedError


async def columns(
    conn: Conn, who: Who, node_id: str, names: Sequence[str], from_ms: int, to_ms: int, points: int
) -> SeriesColumns | None:
    """At most `points` values of each named series in [from_ms, to_ms); None when the node is not visible.

    A name without any sample in the window is a column of None; `available` tells the names that have some.
    """
    raise NotImplementedError
