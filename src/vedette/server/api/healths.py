"""A node's health, from what its agent said, what its neighbours and our endpoints say, and its strip."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from vedette.model.health import Crowd, Duty, Evidence, References, Thresholds, health, worst
from vedette.model.layers import Layer, Verdict
from vedette.model.pivots import agrees, pivots, tally
from vedette.model.pos import PosAddress
from vedette.model.view import NodeState
from vedette.server.api.shapes import LayerHealth, NodeHealth
from vedette.server.follower import PowNow
from vedette.server.tip import Tip
from vedette.store.nodes import NodeRow

BEYOND = 1_000.0
"""A height so far above the others' median is a mistake, not news."""
ENDPOINT_OLD_MS = 60_000
FIGURES = ("pow.latest_epoch", "pos.committed_height", "pow.epochs_per_second", "pow.risen_epochs")


@dataclass(frozen=True, slots=True)
class Neighbour:
    row: NodeRow
    state: NodeState


@dataclass(frozen=True, slots=True)
class Outside:
    """What we know of the chain without the agents."""

    committed_height: int | None
    pow_now: PowNow | None
    tip: Tip


class Company:
    """What all nodes and our endpoints say of the chain, put together once for all who are judged by it."""

    def __init__(self, all_nodes: Iterable[Neighbour], outside: Outside, now_ms: int) -> None:
        self._outside = outside
        up = [one.row for one in all_nodes if one.state is NodeState.UP]
        self._ids = {row.id for row in up}
        epochs, heights = _endpoint_heights(outside, now_ms)
        beside = {"pow.latest_epoch": epochs, "pos.committed_height": heights}
        self._crowds = {
            name: Crowd(
                [*beside.get(name, ()), *(float(row.numbers[name]) for row in up if name in row.numbers)]
            )
            for name in FIGURES
        }
        self._pivots = tally(map(told_pivots, up))
        self._limits = Thresholds.of_pace(block_seconds(outside.tip))

    def verdicts(self, node: Neighbour) -> dict[Layer, Verdict]:
        """The node's layers, judged by the others."""
        row = node.row
        agreed = agrees(told_pivots(row), self._pivots, counted=row.id in self._ids)
        duty_of_it = duty(row, self._outside.tip)
        seen = Evidence(node.state, row.numbers, row.states, self._others(row), duty_of_it, agreed)
        return health(seen, self._limits)

    def _others(self, row: NodeRow) -> References:
        own = row.numbers if row.id in self._ids else {}
        crowds = self._crowds
        epochs, heights = crowds["pow.latest_epoch"], crowds["pos.committed_height"]
        return References(
            pow_epoch=epochs.middle(BEYOND, own.get("pow.latest_epoch")),
            pos_height=heights.middle(BEYOND, own.get("pos.committed_height")),
            pow_epochs_per_second=crowds["pow.epochs_per_second"].median(own.get("pow.epochs_per_second")),
            pow_risen_epochs=crowds["pow.risen_epochs"].median(own.get("pow.risen_epochs")),
        )


def health_shapes(all_nodes: Sequence[Neighbour], outside: Outside, now_ms: int) -> dict[str, NodeHealth]:
    """Every node's health, each judged against the others and our endpoints."""
    company = Company(all_nodes, outside, now_ms)
    return {one.row.id: _shape(company.verdicts(one), now_ms) for one in all_nodes}


def _shape(verdicts: Mapping[Layer, Verdict], now_ms: int) -> NodeHealth:
    layers = {layer.value: _layer(verdict, now_ms) for layer, verdict in verdicts.items()}
    return NodeHealth(state=worst(verdicts).value, **layers)


def _layer(verdict: Verdict, now_ms: int) -> LayerHealth:
    return LayerHealth(
        state=verdict.state.value,
        reason=verdict.reason,
        figures=dict(verdict.figures),
        since_ms=None if verdict.seconds is None else now_ms - round(verdict.seconds * 1000),
    )


def _endpoint_heights(outside: Outside, now_ms: int) -> tuple[list[float], list[float]]:
    """PoW epochs and PoS heights that the endpoints we follow tell."""
    now, committed = outside.pow_now, outside.committed_height
    fresh = now is not None and now_ms - now.at_ms < ENDPOINT_OLD_MS
    epochs = [float(now.status.latest_epoch)] if now is not None and fresh else []
    return epochs, [] if committed is None else [float(committed)]


def told_pivots(row: NodeRow) -> dict[int, str]:
    return pivots(row.states.get("pow.pivots"))


def duty(row: NodeRow, tip: Tip) -> Duty:
    address, members = row.states.get("node.pos_address"), tip.committee_votes
    if not address or members is None:
        return Duty()
    one = PosAddress(address)
    return Duty(members.get(one, 0), tip.strips.get(one, ""))


def block_seconds(tip: Tip) -> float | None:
    """The chain's usual distance of two blocks, of the newest hundred."""
    gaps = [
        (after.at_us - before.at_us) / 1e6
        for before, after in pairwise(tip.recent.blocks)
        if after.height == before.height + 1
    ]
    return median(gaps) if gaps else None
