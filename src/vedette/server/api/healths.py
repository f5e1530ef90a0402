"""A node's health, from what its agent said, what its neighbours and our endpoints say, and its strip."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from vedette.model.health import Duty, Evidence, References, Thresholds, Verdict, health, middle, worst
from vedette.model.pivots import agrees, pivots
from vedette.model.pos import PosAddress
from vedette.model.view import NodeState
from vedette.server.api.shapes import LayerHealth, NodeHealth
from vedette.server.follower import PowNow
from vedette.server.tip import Tip
from vedette.store.nodes import NodeRow

BEYOND = 1_000.0
"""A height so far above the others' median is a mistake, not news."""
ENDPOINT_OLD_MS = 60_000


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


def health_shape(
    node: Neighbour, all_nodes: Sequence[Neighbour], outside: Outside, now_ms: int
) -> NodeHealth:
    row = node.row
    others = [one.row for one in all_nodes if one.row.id != row.id and one.state is NodeState.UP]
    evidence = Evidence(
        state=node.state,
        numbers=row.numbers,
        states=row.states,
        references=references(others, outside, now_ms),
        duty=duty(row, outside.tip),
        pivot_agrees=agrees(told_pivots(row), map(told_pivots, others)),
    )
    verdicts = health(evidence, Thresholds.of_pace(block_seconds(outside.tip)))
    layers = {layer.value: _layer(verdict, now_ms) for layer, verdict in verdicts.items()}
    return NodeHealth(state=worst(verdicts).value, **layers)


def _layer(verdict: Verdict, now_ms: int) -> LayerHealth:
    return LayerHealth(
        state=verdict.state.value,
        reason=verdict.reason,
        figures=dict(verdict.figures),
        since_ms=None if verdict.seconds is None else now_ms - round(verdict.seconds * 1000),
    )


def references(others: Iterable[NodeRow], outside: Outside, now_ms: int) -> References:
    told = [row.numbers for row in others]
    pow_epochs = [float(one["pow.latest_epoch"]) for one in told if "pow.latest_epoch" in one]
    pos_heights = [float(one["pos.committed_height"]) for one in told if "pos.committed_height" in one]
    paces = [float(one["pow.epochs_per_second"]) for one in told if "pow.epochs_per_second" in one]
    risen = [float(one["pow.risen_epochs"]) for one in told if "pow.risen_epochs" in one]
    if outside.pow_now is not None and now_ms - outside.pow_now.at_ms < ENDPOINT_OLD_MS:
        pow_epochs.append(float(outside.pow_now.status.latest_epoch))
    if outside.committed_height is not None:
        pos_heights.append(float(outside.committed_height))
    return References(
        pow_epoch=middle(pow_epochs, BEYOND),
        pos_height=middle(pos_heights, BEYOND),
        pow_epochs_per_second=median(paces) if paces else None,
        pow_risen_epochs=median(risen) if risen else None,
    )


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
