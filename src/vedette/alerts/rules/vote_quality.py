"""A validator signs, and misses more blocks than the others do.

One signature earns the epoch, so missed votes cost nothing by themselves. But whoever misses many is near to
missing all: its clock is off, its line slow or its processor short. Judged are the served epochs of the last
day against the network's own median, because a network whose votes come late makes nobody's line slow.
Epochs in which another trouble of it was known are left out. It never wakes anybody.

Until the chain has been followed for two days, what is usual is not known: findings are log entries then.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.network_participation import is_new
from vedette.alerts.rules.of_validators import finding
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.pos import PosAddress
from vedette.model.view import ValidatorView, View

NAME = "vote_quality"
PPM = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteQualityLimit(Limit):
    """Which share of a day's blocks must be signed."""

    loudest: Severity = Severity.WARNING
    vote_rate_percent: int = 95
    poor_percent: int = 80  # below this more than a slow line is likely
    below_median_percent: int = 3  # ... and so far below the network's median
    over_percent: int = 1  # so far above the limit: over
    served_epochs: int = 3  # of fewer nothing is said
    luck_deviations: int = 3  # standard deviations that bad luck in so few blocks is allowed
    calibrate_ms: int = 172_800_000  # the chain must have been seen for so long to know what is usual


@dataclass(frozen=True, slots=True)
class Rate:
    """Of the epochs that count."""

    percent: float
    served_epochs: int
    missed_blocks: int
    known_blocks: int


def deviation_percent(rate_percent: float, blocks: int) -> float:
    """By how much the share of so many blocks strays by luck alone, of one who signs at that rate."""
    return math.sqrt(max(0.0, rate_percent * (100 - rate_percent)) / blocks)


def judge(view: View, ask: Ask[VoteQualityLimit]) -> Iterator[Finding]:
    """A validator that signs misses more blocks than the others do."""
    for validator in view.validators.values():
        limit = ask(validator.address)
        rate, least = rate_of(validator, limit), least_percent(view, limit)
        if rate is None or least is None:
            continue
        surely = least - limit.luck_deviations * deviation_percent(least, rate.known_blocks)
        if rate.percent < surely:
            yield _finding(view, validator, rate, surely, limit)


def ending(incident: Incident, view: View, limit: VoteQualityLimit) -> str | None:
    """It signs as others do, or serves no more; None: not known."""
    validator = view.validators.get(PosAddress(incident.subject.id))
    if validator is None:
        return "not_watched"
    rate, least = rate_of(validator, limit), least_percent(view, limit)
    if rate is not None:
        return "signs_well" if least is not None and rate.percent >= least + limit.over_percent else None
    return "not_serving" if validator.epochs and not validator.votes else None


def rate_of(validator: ValidatorView, limit: VoteQualityLimit) -> Rate | None:
    """Over the served epochs that nothing else explains; None: too few, or it signed nothing at all."""
    served = [one for one in validator.epochs if one.votes and one.known_blocks and not one.explained]
    signed, known = sum(one.signed_blocks for one in served), sum(one.known_blocks for one in served)
    if len(served) < max(limit.served_epochs, 1) or not signed:
        return None
    return Rate(100 * signed / known, len(served), known - signed, known)


def least_percent(view: View, limit: VoteQualityLimit) -> float | None:
    """The limit as it was set, or lower where nobody does better; None: nobody knows what is usual."""
    median = view.network.median_vote_rate_ppm
    if median is None:
        return None
    return min(limit.vote_rate_percent, 100 * median / PPM - limit.below_median_percent)


def _finding(
    view: View, validator: ValidatorView, rate: Rate, least: float, limit: VoteQualityLimit
) -> Finding:
    new = is_new(view.network, view.now_ms, limit.calibrate_ms)
    facts: dict[str, str | int | float] = {
        "missed_blocks": rate.missed_blocks,
        "served_epochs": rate.served_epochs,
        "median_percent": round(100 * (view.network.median_vote_rate_ppm or 0) / PPM, 1),
        "value": round(rate.percent, 1),
        "limit": round(least, 1),
        "measure": "percent",
    }
    if rate.percent < limit.poor_percent:
        facts["poor"] = 1
    if new:
        facts["calibrating"] = 1
    return finding(NAME, view, validator, Severity.INFO if new else Severity.WARNING, facts)


rule = Rule(
    name=NAME,
    about=SubjectKind.VALIDATOR,
    limit=VoteQualityLimit,
    judge=judge,
    ending=ending,
    remind_ms=86_400_000,
    quiet={"vote_rate_percent": 80},
    paranoid={"vote_rate_percent": 98, "below_median_percent": 1},
)
