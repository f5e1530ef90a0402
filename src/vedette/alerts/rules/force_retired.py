"""The chain has retired a validator by force: it signed nothing for three epochs, and all its votes leave.

The stake is safe, but earns nothing. The flag on the account ends after about half a day by itself; the
trouble does not: the votes then lie unlocked until their owner stakes them again (of a pool, its manager by
`_restakePosVote`). So it is over when the account has votes that can be elected, or when its owner closes it,
and is told again each day.

Source: `pos_getAccount`, `forceRetired`; conflux-rust, crates/pos/consensus/executor.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.countdown import DAY_MS, pace_of, whole_minute
from vedette.alerts.rules.of_validators import finding
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.pos import Account, PosAddress
from vedette.model.view import ValidatorView, View

NAME = "force_retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForceRetiredLimit(Limit):
    """Nothing but what every rule has: it is so, or it is not."""


def force_retired(view: View, _ask: Ask[ForceRetiredLimit]) -> Iterator[Finding]:
    """The chain has retired a validator by force, and its stake does not count again yet."""
    for validator in view.validators.values():
        account = validator.account
        if account is not None and _is_out(validator, account):
            yield _finding(view, validator, account)


def force_retired_ending(incident: Incident, view: View, _limit: ForceRetiredLimit) -> str | None:
    """Only votes that can be elected end it. A flag that is gone proves nothing."""
    validator = view.validators.get(PosAddress(incident.subject.id))
    if validator is None:
        return "not_watched"
    account = validator.account
    return "restored" if account is not None and account.available_votes > 0 else None


def _is_out(validator: ValidatorView, account: Account) -> bool:
    if account.force_retired_height is not None:
        return True
    return validator.force_retired_at_ms is not None and account.available_votes == 0


def _finding(view: View, validator: ValidatorView, account: Account) -> Finding:
    facts: dict[str, str | int | float] = {
        "leaving_votes": sum(queued.votes for queued in account.out_queue),
        "unlocked_votes": account.unlocked_votes,
        "value": account.available_votes,
        "limit": 1,
        "measure": "votes",
    }
    if account.force_retired_height is not None:
        facts["retired_height"] = account.force_retired_height
    if validator.pool is not None and account.unlocked_votes:
        facts["pool"] = validator.pool
    if (free_ms := _free_ms(view, account)) is not None:
        facts["free_ms"] = free_ms
    return finding(NAME, view, validator, Severity.CRITICAL, facts)


def _free_ms(view: View, account: Account) -> int | None:
    """When the last of its votes are unlocked."""
    pace = pace_of(view.network)
    ends = [queued.end_height for queued in account.out_queue]
    left = None if pace is None or not ends else pace.left_ms(max(ends))
    return None if left is None else whole_minute(view, left)


rule = Rule(
    name=NAME,
    about=SubjectKind.VALIDATOR,
    limit=ForceRetiredLimit,
    judge=force_retired,
    ending=force_retired_ending,
    remind_ms=DAY_MS,
)
