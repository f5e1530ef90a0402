"""A node's layers, by what its agent said, what its neighbours and our endpoints say, and its strip."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from vedette.model.health import Crowd, Duty, Evidence, References, Thresholds, health, stood_on
from vedette.model.layers import Layer, Verdict
from vedette.model.pivots import agrees, pivots, tally
from vedette.model.pos import PosAddress
from vedette.model.view import NodeState
from vedette.server.follower import Follower, PowNow
from vedette.server.tip import Tip

BEYOND = 1_000.0
"""A height so far above the others' median is a mistake, not news."""
ENDPOINT_OLD_MS = 60_000
FIGURES = ("pow.latest_epoch", "pos.committed_height", "pow.epochs_per_second", "pow.risen_epochs")


class Told(Protocol):
    """A node and its newest words."""

    @property
    def id(self) -> str: ...
    @property
    def heard_at_ms(self) -> int: ...
    @property
    def numbers(self) -> Mapping[str, float]: ...
    @property
    def states(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class Neighbour:
    row: Told
    state: NodeState


@dataclass(frozen=True, slots=True)
class Outside:
    """What we know of the chain without the agents."""

    committed_height: int | None
    pow_now: PowNow | None
    block_s: float | None  # the usual distance of two blocks
    duty: Callable[[PosAddress], Duty]


def outside_by(follower: Follower, block_s: float | None, duty: Callable[[PosAddress], Duty]) -> Outside:
    """With what our endpoints say, if any is read now: else its heights are of the past."""
    read_now = any(one.error is None for one in follower.health)
    committed = follower.committed_height if read_now else None
    return Outside(committed, follower.pow_now, block_s, duty)


class Company:
    """What all nodes and our endpoints say of the chain, put together once for all who are judged by it."""

    def __init__(self, all_nodes: Iterable[Neighbour], outside: Outside, now_ms: int) -> None:
        self._outside = outside
        self._now_ms = now_ms
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
        self._limits = Thresholds.of_pace(outside.block_s)

    def verdicts(self, node: Neighbour) -> dict[Layer, Verdict]:
        """The node's layers, judged by the others."""
        row = node.row
        agreed = agrees(told_pivots(row), self._pivots, counted=row.id in self._ids)
        duty_of_it = self._duty(row)
        numbers = stood_on(row.numbers, (self._now_ms - row.heard_at_ms) / 1000)
        seen = Evidence(node.state, numbers, row.states, self._others(row), duty_of_it, agreed)
        return health(seen, self._limits)

    def _duty(self, row: Told) -> Duty:
        address = row.states.get("node.pos_address")
        return self._outside.duty(PosAddress(address)) if address else Duty()

    def _others(self, row: Told) -> References:
        own = row.numbers if row.id in self._ids else {}
        crowds = self._crowds
        epochs, heights = crowds["pow.latest_epoch"], crowds["pos.committed_height"]
        return References(
            pow_epoch=epochs.middle(BEYOND, own.get("pow.latest_epoch")),
            pos_height=heights.middle(BEYOND, own.get("pos.committed_height")),
            pow_epochs_per_second=crowds["pow.epochs_per_second"].median(own.get("pow.epochs_per_second")),
            pow_risen_epochs=crowds["pow.risen_epochs"].median(own.get("pow.risen_epochs")),
        )


def _endpoint_heights(outside: Outside, now_ms: int) -> tuple[list[float], list[float]]:
    """PoW epochs and PoS heights that the endpoints we follow tell."""
    now, committed = outside.pow_now, outside.committed_height
    fresh = now is not None and now_ms - now.at_ms < ENDPOINT_OLD_MS
    epochs = [float(now.status.latest_epoch)] if now is not None and fresh else []
    return epochs, [] if committed is None else [float(committed)]


def told_pivots(row: Told) -> dict[int, str]:
    return pivots(row.states.get("pow.pivots"))


def duty_by(tip: Tip) -> Callable[[PosAddress], Duty]:
    """What a validator has to do, by the newest blocks."""
    members = tip.committee_votes

    def duty(one: PosAddress) -> Duty:
        return Duty() if members is None else Duty(members.get(one, 0), tip.strips.get(one, ""))

    return duty
