"""Votes of a validator unlock within a day, or are unlocked and wait.

Nothing is wrong: it is noted, and tells nobody by itself. Unlocked votes earn nothing until they are
withdrawn or staked again, and only their owner can do either. When an unlock comes is told by the node's own
queue (`outQueue`), not by the constants of the chain; the hour of it is an estimate by the pace of blocks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.of_nodes import DAY_MS
from vedette.alerts.rules.of_validators import finding
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.pos import PosAddress
from vedette.model.view import NetworkView, ValidatorView, View

NAME = "unlock_near"
CALM_MS = 600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockNearLimit(Limit):
    """How long before the unlock."""

    before_ms: int = DAY_MS


def judge(view: View, ask: Ask[UnlockNearLimit]) -> Iterator[Finding]:
    """Votes unlock soon, or wait unlocked."""
    for validator in view.validators.values():
        near = unlocks(validator, view.network, view.now_ms + ask(validator.address).before_ms)
        waiting = 0 if validator.account is None else validator.account.unlocked_votes
        if near or waiting:
            yield _finding(view, validator, near, waiting)


def ending(incident: Incident, view: View, _limit: UnlockNearLimit) -> str | None:
    """No vote unlocks soon and none waits; None while the account or the pace of blocks is not known."""
    validator = view.validators.get(PosAddress(incident.subject.id))
    if validator is None:
        return "not_watched"
    if validator.account is None or (validator.account.out_queue and at_ms(view.network, 0) is None):
        return None
    return "none_left"


def unlocks(validator: ValidatorView, network: NetworkView, until_ms: int) -> list[tuple[int, int]]:
    """(when, votes) of every part of its queue that unlocks until then, the nearest first."""
    queue = () if validator.account is None else validator.account.out_queue
    timed = [(at_ms(network, part.end_height), part.votes) for part in queue]
    return sorted((at, votes) for at, votes in timed if at is not None and at <= until_ms)


def at_ms(network: NetworkView, height: int) -> int | None:
    """About when the chain reaches a height; None if its pace is not known."""
    if network.height is None or network.block_at_ms is None or network.block_interval_ms is None:
        return None
    return network.block_at_ms + (height - network.height) * network.block_interval_ms


def _finding(view: View, validator: ValidatorView, near: list[tuple[int, int]], waiting: int) -> Finding:
    facts: dict[str, str | int | float] = {"unlocked_votes": waiting, "unlocking_votes": 0}
    if near:
        deadline_ms = near[0][0]
        facts |= {
            "unlocking_votes": sum(votes for _, votes in near),
            "deadline_ms": deadline_ms - deadline_ms % CALM_MS,
        }
    if validator.pool is not None:
        facts["pool"] = validator.pool
    return finding(NAME, view, validator, Severity.INFO, facts)


rule = Rule(
    name=NAME,
    about=SubjectKind.VALIDATOR,
    limit=UnlockNearLimit,
    judge=judge,
    ending=ending,
    clear_ms=CALM_MS,
)
