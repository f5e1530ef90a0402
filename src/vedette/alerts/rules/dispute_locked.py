"""The chain has locked a validator's whole stake for a double vote, or has taken it.

Since CIP-156 all votes of an account that voted twice in one round are locked for 518,400 blocks, about
half a year; before it they were lost for ever. It happens when two nodes vote with one key, or one started
without the file that guards it. Whoever restakes before the cause is found loses the next stake too.

Source: `pos_getAccount`: nothing available, neither retired nor forfeited, and an end in the out queue that
no ordinary exit has; or `forfeited`, which rose within a day.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.countdown import DAY_MS, pace_of, whole_minute
from vedette.alerts.rules.of_validators import finding
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.model.account_events import AccountEventKind
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.pos import Account, PosAddress, is_dispute_locked
from vedette.model.view import ValidatorView, View

NAME = "dispute_locked"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeLockedLimit(Limit):
    """Nothing but what every rule has: it is so, or it is not."""


def dispute_locked(view: View, _ask: Ask[DisputeLockedLimit]) -> Iterator[Finding]:
    """The chain has locked a validator's whole stake for a double vote, or has taken it."""
    for validator in view.validators.values():
        account, taken = validator.account, _taken_votes(validator)
        if account is not None and (is_dispute_locked(account) or taken):
            yield _finding(view, validator, account, taken)


def dispute_locked_ending(incident: Incident, view: View, _limit: DisputeLockedLimit) -> str | None:
    """The lock is over. What was taken does not come back: its owner closes that, or stakes anew."""
    validator = view.validators.get(PosAddress(incident.subject.id))
    if validator is None:
        return "not_watched"
    account = validator.account
    if account is None:
        return None
    if account.available_votes > 0:
        return "restored"
    return None if incident.facts.get("forfeited_votes") else "released"


def _taken_votes(validator: ValidatorView) -> int:
    """Votes that were forfeited within the last day; what was so long ago is no news."""
    return sum(one.votes for one in validator.changes if one.kind is AccountEventKind.FORFEITED)


def _finding(view: View, validator: ValidatorView, account: Account, taken: int) -> Finding:
    ends = [queued.end_height for queued in account.out_queue]
    facts: dict[str, str | int | float] = {
        "locked_votes": sum(queued.votes for queued in account.out_queue),
        "forfeited_votes": taken,
        "value": account.available_votes,
        "limit": 1,
        "measure": "votes",
    }
    if ends:
        facts["locked_until_height"] = max(ends)
    pace = pace_of(view.network)
    left = None if pace is None or not ends else pace.left_ms(max(ends))
    if left is not None:
        facts["free_ms"] = whole_minute(view, left)
    return finding(NAME, view, validator, Severity.CRITICAL, facts)


rule = Rule(
    name=NAME,
    about=SubjectKind.VALIDATOR,
    limit=DisputeLockedLimit,
    judge=dispute_locked,
    ending=dispute_locked_ending,
    remind_ms=DAY_MS,
)
