"""What an epoch should have paid has not come.

Each epoch pays its members once the PoW chain enters the next one, a few minutes later as a rule. When an
epoch's payments are not known three hours after its end, the chain distributed nothing (it stops after 7,200
PoW blocks without interest) or no endpoint of ours tells: that is said once, of the network. When others were
paid, and a validator that signed got less than seven tenths of what its seats earn, it is said of that one.
A validator that signed nothing earned nothing: other rules tell of that.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.of_validators import finding
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.model.incident import Finding, Incident, Severity, Subject, SubjectKind
from vedette.model.pos import PosAddress
from vedette.model.view import EpochView, ValidatorView, View

NAME = "reward_missing"
NETWORK = Subject(SubjectKind.NETWORK, "network", "network")
GDRIP_PER_CFX = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardMissingLimit(Limit):
    """When a reward is late, and when it is too small."""

    loudest: Severity = Severity.WARNING
    after_ms: int = 10_800_000  # since the epoch's end
    least_percent: int = 70  # of what was due
    hold_ms: int = 600_000  # while the past is being read, epochs are known before their payments


def judge(view: View, ask: Ask[RewardMissingLimit]) -> Iterator[Finding]:
    """Rewards of a finished epoch are late, or a validator's was too small."""
    limit, late = ask(NETWORK.id), newest_late(view, ask(NETWORK.id))
    if late is not None:
        yield _unpaid(view, late, limit)
    for validator in view.validators.values():
        limit, paid = ask(validator.address), newest_paid(validator)
        if paid is not None and _is_short(paid, limit):
            yield _short(view, validator, paid, limit)


def ending(incident: Incident, view: View, limit: RewardMissingLimit) -> str | None:
    """It was paid, or a later epoch was; None: not known."""
    if incident.subject.kind is SubjectKind.NETWORK:
        known = any(validator.epochs for validator in view.validators.values())
        return "paid" if known and newest_late(view, limit) is None else None
    validator = view.validators.get(PosAddress(incident.subject.id))
    if validator is None:
        return "not_watched"
    paid = newest_paid(validator)
    if paid is None:
        return "not_serving" if validator.epochs and not validator.votes else None
    return None if _is_short(paid, limit) else "paid"


def newest_late(view: View, limit: RewardMissingLimit) -> EpochView | None:
    """The newest epoch that ended long ago, if its payments are not known. A later one that paid ends it."""
    epochs = next((one.epochs for one in view.validators.values() if one.epochs), ())
    old = [one for one in epochs if view.now_ms - one.ended_at_ms >= limit.after_ms]
    return old[-1] if old and all(one.reward_gdrip is None for one in epochs[len(old) - 1 :]) else None


def newest_paid(validator: ValidatorView) -> EpochView | None:
    """The newest epoch in which it served and signed, and of which it is known what was paid and due."""
    told = (
        one
        for one in reversed(validator.epochs)
        if one.votes and one.signed_blocks and one.due_gdrip and one.reward_gdrip is not None
    )
    return next(told, None)


def _is_short(paid: EpochView, limit: RewardMissingLimit) -> bool:
    return 100 * (paid.reward_gdrip or 0) < limit.least_percent * (paid.due_gdrip or 0)


def _unpaid(view: View, late: EpochView, limit: RewardMissingLimit) -> Finding:
    facts = {"epoch": late.epoch, "ended_at_ms": late.ended_at_ms}
    key = f"{NAME}/{NETWORK.id}"
    return Finding(key, NAME, view.team_id, Severity.WARNING, NETWORK, facts, limit.hold_ms)


def _short(view: View, validator: ValidatorView, paid: EpochView, limit: RewardMissingLimit) -> Finding:
    reward, due = paid.reward_gdrip or 0, paid.due_gdrip or 1
    facts: dict[str, str | int | float] = {
        "epoch": paid.epoch,
        "ended_at_ms": paid.ended_at_ms,
        "reward_cfx": f"{reward / GDRIP_PER_CFX:.4f}",
        "due_cfx": f"{due / GDRIP_PER_CFX:.4f}",
        "value": 100 * reward // due,
        "limit": limit.least_percent,
        "measure": "percent",
    }
    return finding(NAME, view, validator, Severity.WARNING, facts)


rule = Rule(
    name=NAME,
    about=SubjectKind.VALIDATOR,
    limit=RewardMissingLimit,
    judge=judge,
    ending=ending,
    remind_ms=86_400_000,
)
