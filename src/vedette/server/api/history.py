"""The network over time, and how far its past is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Response

from vedette.model.economics import official_apy_ppm
from vedette.model.history import OfNetwork
from vedette.model.performance import PPM
from vedette.model.reward import DRIP_PER_CFX, VOTE_CFX
from vedette.model.spans import Spans
from vedette.server.api import exports
from vedette.server.api.figures import window_header
from vedette.server.api.history_shapes import Covered, HistoryProgressShape, NetworkHistory, NetworkPoint
from vedette.server.api.sent import LIVE
from vedette.server.api.talk import TABLE, Format, Rooms, Span, reply
from vedette.server.standings import Standing
from vedette.store import economics, epochs, events, pages, rewards, stakes
from vedette.store.database import Conn
from vedette.store.economics import Parameters

router = APIRouter(tags=["chain"])

Points = Annotated[int, Query(ge=1, le=1_000, description="at most so many; each covers whole epochs")]


# --- over time --------------------------------------------------------------------------------------------


@router.get("/network/history", response_model=NetworkHistory, responses=TABLE)
async def network_history(
    rooms: Rooms, span: Span = "30d", points: Points = 300, form: Format = "json"
) -> Response:
    """Columns for charts: participation, rewards, stake, yields and finality."""
    standing = await rooms.standings.of(span)
    async with rooms.database.read() as conn:
        rows, each = await _points(conn, standing, points)
    if form != "json":
        return await exports.rows(rooms, form, f"network-{span}", NetworkPoint, rows)
    return reply(_columns(standing, rows, each), LIVE)


def _columns(standing: Standing, rows: Sequence[NetworkPoint], each: int) -> NetworkHistory:
    columns = {name: [getattr(row, name) for row in rows] for name in NetworkPoint.model_fields}
    times = columns.pop("at_s")
    return NetworkHistory.model_validate(
        {"window": window_header(standing), "epochs_per_point": each, "times": times, **columns}
    )


async def _points(conn: Conn, standing: Standing, points: int) -> tuple[list[NetworkPoint], int]:
    """A point for each so many counted epochs, oldest first, and how many those are."""
    window = standing.window
    counted = await pages.summed_epochs(conn, window.first_epoch, window.last_epoch)
    each = max(1, -(-len(counted) // points))
    edges = counted[::-1][::each][::-1]
    if not edges:
        return [], each
    earlier = await pages.summed_before(conn, counted[0])
    totals = await pages.network_totals(conn, edges if earlier is None else [earlier, *edges])
    ends = await epochs.ends(conn, edges if earlier is None else [earlier, *edges])
    stretches = zip([earlier, *edges], edges, strict=False)
    rows = [_Stretch(ends[last] // 1_000, last, _less(totals[last], totals.get(first or 0)))
            for first, last in stretches if last in ends]  # fmt: skip
    told = await economics.parameters_at(conn, [row.at_ms for row in rows])
    return _points_of(rows, told, ends.get(earlier or 0, 0) // 1_000), each


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Some epochs together."""

    at_ms: int
    epoch: int  # the last
    network: tuple[int, ...]


def _less(total: Sequence[int], earlier: Sequence[int] | None) -> tuple[int, ...]:
    return tuple(total) if earlier is None else tuple(a - b for a, b in zip(total, earlier, strict=True))


def _points_of(
    rows: Sequence[_Stretch], told: Sequence[Parameters | None], since_ms: int
) -> list[NetworkPoint]:
    """Parameters that were told before a stretch began are those of an earlier one."""
    begun = [since_ms, *(row.at_ms for row in rows)]
    return [
        _point(row, one if one is not None and one.at_ms > sooner else None)
        for row, one, sooner in zip(rows, told, begun, strict=False)
    ]


def _point(row: _Stretch, told: Parameters | None) -> NetworkPoint:
    return NetworkPoint(
        at_s=row.at_ms // 1000,
        epoch=row.epoch,
        participation_ppm=_share(row.network, OfNetwork.CAST_VOTES, OfNetwork.EXPECTED_VOTES, PPM),
        reward_gdrip=_share(row.network, OfNetwork.REWARD_GDRIP, OfNetwork.REWARDED_EPOCHS, 1),
        staked_votes=told.economics.pos_staking_drip // (VOTE_CFX * DRIP_PER_CFX) if told else None,
        official_apy_ppm=official_apy_ppm(told.economics) if told else None,
        realised_apy_ppm=_realised(row.network),
        finality_gap_epochs=told.finality_gap_epochs if told else None,
    )


def _share(network: Sequence[int], part: OfNetwork, whole: OfNetwork, times: int) -> int | None:
    return times * network[part] // network[whole] if network[whole] else None


def _realised(network: Sequence[int]) -> int | None:
    """As performance.py has it: a year has 31,536,000 seconds, a vote 1,000 CFX of 10^9 Gdrip."""
    held = 1_000 * network[OfNetwork.NETWORK_VOTE_SECONDS]
    return 31_536 * network[OfNetwork.NETWORK_REWARD_STAKED_GDRIP] // held if held else None


# --- how far the past is read -----------------------------------------------------------------------------


@router.get("/history", response_model=HistoryProgressShape)
async def history_progress(rooms: Rooms) -> Response:
    """How far the past is read: blocks, epochs, rewards, transactions."""
    async with rooms.database.read() as conn:
        bounds = await epochs.bounds(conn)
        known, paid = await epochs.count(conn), await rewards.rewarded_count(conn)
        read = await events.read_spans(conn, "transactions")
        staked = await stakes.first_staked_epoch(conn)
    progress = rooms.follower.progress
    last = bounds[1] if bounds else None
    return reply(
        HistoryProgressShape(
            at_ms=rooms.ears.now_ms(),
            unread_blocks=progress.unread_blocks,
            settled_blocks=progress.settled_blocks,
            blocks_per_s=progress.blocks_per_s,
            eta_s=progress.eta_s,
            first_epoch=bounds[0] if bounds else None,
            last_epoch=last,
            epochs=Covered(known=known, of=last),
            rewards=Covered(known=paid, of=last),
            transactions=_covered(read),
            first_staked_epoch=staked,
        ),
        LIVE,
    )


def _covered(read: Spans) -> Covered:
    """They are read from the newest down, so the last number that was read is nearly the last of all."""
    return Covered(known=sum(span.size for span in read), of=read[-1].last if read else None)
