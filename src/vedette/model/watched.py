"""What an endpoint without an agent is worth, judged against references. Pure: numbers in, a word out.

Nothing is guessed: with fewer references than two, lag and agreement are unknown, and so is the endpoint.
"""

import math
from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

REFERENCES_MIN: Final = 2
OUTLIER: Final = 1_000
"""A height so far above the median is a lie or another chain's, and counts for nothing."""

LAGS_EPOCHS: Final = 100
LAGS_EXECUTION_EPOCHS: Final = 50
LAGS_POS_BLOCKS: Final = 5
DAY_S: Final = 86_400
TLS_DAYS_MIN: Final = 14.0
"""Whoever renews by himself does so earlier."""

INTERVAL_MS: Final = 10_000
INTERVAL_MS_MAX: Final = 600_000
FEW: Final = 20
"""So many endpoints are asked each 10 s; more of them more rarely, in proportion."""


class EndpointState(StrEnum):
    """One word for an endpoint that is only asked from outside."""

    UNREACHABLE = "unreachable"  # no usable answer to the question where it stands
    FORKED = "forked"  # most references have another pivot block at a confirmed epoch
    LAGGING = "lagging"  # behind the median of the references, or its execution behind its own graph
    LIMITED = "limited"  # it, or a gateway before it, wants to be asked less often
    UNKNOWN = "unknown"  # it answers, and there is nothing to hold its answer against
    HEALTHY = "healthy"


@dataclass(frozen=True, slots=True)
class Sight:
    """What one round found out. None: not known."""

    error: str | None = None
    limited: str | None = None
    references: int = 0
    lag_epochs: int | None = None  # negative: it tells of epochs that the references do not have yet
    lag_blocks: int | None = None  # of the PoS chain
    execution_lag_epochs: int | None = None
    pivot_agrees: bool | None = None
    pivot_epoch: int | None = None


def judged(sight: Sight) -> tuple[EndpointState, tuple[str, ...]]:
    """The endpoint's word, and every reason for it, worst first."""
    if sight.error is not None:
        return EndpointState.UNREACHABLE, (sight.error,)
    if sight.limited is not None:
        return EndpointState.LIMITED, (sight.limited,)
    if sight.pivot_agrees is False:
        forked = f"most references have another pivot block at epoch {sight.pivot_epoch}"
        return EndpointState.FORKED, (forked, *_lags(sight))
    if lags := _lags(sight):
        return EndpointState.LAGGING, lags
    if unknown := _unknown(sight):
        return EndpointState.UNKNOWN, unknown
    return EndpointState.HEALTHY, ()


def _lags(sight: Sight) -> tuple[str, ...]:
    many = f"the median of {sight.references} references"
    found = (
        (sight.lag_epochs, LAGS_EPOCHS, f"epochs behind {many}"),
        (sight.lag_blocks, LAGS_POS_BLOCKS - 1, f"PoS blocks behind {many}"),
        (sight.execution_lag_epochs, LAGS_EXECUTION_EPOCHS, "epochs that it has not executed yet"),
    )
    return tuple(f"{lag} {what}" for lag, most, what in found if lag is not None and lag > most)


def _unknown(sight: Sight) -> tuple[str, ...]:
    if sight.lag_epochs is None:
        return (f"{sight.references} references answer, and {REFERENCES_MIN} are needed to compare with",)
    if sight.lag_epochs < -OUTLIER:
        return (f"it tells of {-sight.lag_epochs} epochs more than the references: not believed",)
    return ()


def median_height(heights: Collection[int]) -> int | None:
    """Where the chain is by these references; of two in the middle the lower. None: nobody tells."""
    believed = without_outliers(heights)
    return _lower_middle(believed) if believed else None


def _lower_middle(values: Collection[int]) -> int:
    """The median; of two in the middle the lower. The library's would cost every agent memory."""
    return sorted(values)[(len(values) - 1) // 2]


def without_outliers(heights: Collection[int]) -> list[int]:
    """The heights that are not more than 1,000 above the median of all."""
    if not heights:
        return []
    middle = _lower_middle(heights)
    return [height for height in heights if height <= middle + OUTLIER]


def lag(own: int | None, heights: Collection[int]) -> int | None:
    """How far behind the references; negative: ahead. None with fewer than two that are believed."""
    believed = without_outliers(heights)
    middle = median_height(believed)
    if own is None or middle is None or len(believed) < REFERENCES_MIN:
        return None
    return middle - own


def common_epoch(own_confirmed: int, confirmed: Collection[int]) -> int | None:
    """The newest epoch that this endpoint and all references of about one height have confirmed."""
    if len(confirmed) < REFERENCES_MIN:
        return None
    middle = _lower_middle(confirmed)
    return min(own_confirmed, *(each for each in confirmed if each >= middle - OUTLIER))


def agreement(own: Hashable, told: Counter[str]) -> bool | None:
    """Whether most references, and two at least, tell the same; None when they are too few or divided."""
    if not told:
        return None
    said, count = told.most_common(1)[0]
    if count < REFERENCES_MIN or count * 2 <= told.total():
        return None
    return own == said


def percentile(values: Sequence[float], percent: int) -> float | None:
    """The value that so many percent of all do not exceed (nearest rank); None of nothing."""
    if not values:
        return None
    return sorted(values)[max(1, math.ceil(len(values) * percent / 100)) - 1]


def days_left(ends_at_s: float, now_s: float) -> float:
    """Days until a certificate's end; negative: it is over."""
    return (ends_at_s - now_s) / DAY_S


def certificate_trouble(days: float) -> str | None:
    """What to say of a certificate that should have been renewed by now."""
    if days >= TLS_DAYS_MIN:
        return None
    when = f"ended {-days:.1f} days ago" if days < 0 else f"ends in {days:.1f} days"
    return f"Its certificate {when}: renew it."


def interval_ms(endpoints: int, host_calls: int, host_calls_per_s: float | None) -> int:
    """The pause between two rounds of one endpoint.

    `host_calls` is what one round of everything on its host costs, `host_calls_per_s` what the host may be
    asked all day; None: it is nobody's gateway.
    """
    fleet = INTERVAL_MS * max(1, endpoints) // FEW
    host = 0 if host_calls_per_s is None else math.ceil(1000 * host_calls / host_calls_per_s)
    return min(max(INTERVAL_MS, fleet, host), INTERVAL_MS_MAX)
