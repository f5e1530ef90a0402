"""A validator's stake was changed, and nobody that we know of did it.

Whoever holds the owner's PoW key can retire its votes and take the money half a day later: votes that begin
to leave are the only warning there is. A change is explained when the pool's contract that stakes there
changed its books by as many votes around that time, when the chain itself retired the account by force, or
when its team announced work on it (a maintenance that names the validator). Explained changes are log
entries. Votes that were added are told without waking anybody: no thief adds stake. Each departure that
nobody explains is told by itself: that one of them was somebody's own says nothing of the next.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from vedette.alerts.rules.of_validators import finding
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.model.account_events import AccountEventKind
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.pos import PosAddress
from vedette.model.view import StakeChange, ValidatorView, View

NAME = "stake_changed"
LEAVING = (AccountEventKind.UNLOCKING, AccountEventKind.RETIRED, AccountEventKind.WITHDRAWN)
JOINING = (AccountEventKind.REGISTERED, AccountEventKind.ADDED)
"""What an owner does. All else (votes that lock, or come free) follows by itself."""
ALARMING = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class StakeChangedLimit(Limit):
    """How long a pool's books may take to tell, and how long a change is spoken of."""

    pool_wait_ms: int = 2_400_000
    over_ms: int = 86_400_000


def judge(view: View, ask: Ask[StakeChangedLimit]) -> Iterator[Finding]:
    """Somebody changed a validator's stake."""
    for validator in view.validators.values():
        limit = ask(validator.address)
        made = of_owner(view, validator, limit)
        known = [one for one in made if not _is_alarming(one)]
        if known:
            change = max(known, key=lambda one: (_weight(one), one.at_ms))
            yield _finding(view, validator, change, limit)
        for height in sorted({one.height for one in made if _is_alarming(one)}):
            yield _departure(view, validator, [one for one in made if one.height == height], limit)


def ending(incident: Incident, view: View, limit: StakeChangedLimit) -> str | None:
    """It was a day ago; None: nothing was heard of its account."""
    validator = view.validators.get(PosAddress(incident.subject.id))
    if validator is None:
        return "not_watched"
    made = of_owner(view, validator, limit)
    if (height := incident.facts.get("departed_height")) is not None:
        made = [one for one in made if one.height == height]
        if made and not any(_is_alarming(one) for one in made):
            return "explained"
    return "past" if validator.account_at_ms is not None and not made else None


def of_owner(view: View, validator: ValidatorView, limit: StakeChangedLimit) -> list[StakeChange]:
    """What an owner does, as long as it is spoken of."""
    return [
        one
        for one in validator.changes
        if one.kind in {*LEAVING, *JOINING} and view.now_ms - one.at_ms < limit.over_ms
    ]


def _is_alarming(change: StakeChange) -> bool:
    return _weight(change) == ALARMING


def _weight(change: StakeChange) -> int:
    return 0 if change.explained_by is not None else 1 if change.kind in JOINING else ALARMING


def _departure(
    view: View, validator: ValidatorView, at_height: Sequence[StakeChange], limit: StakeChangedLimit
) -> Finding:
    """All that began to leave at one height, for whatever queue."""
    alarming = [one for one in at_height if _is_alarming(one)]
    whole = replace(alarming[-1], votes=sum(one.votes for one in alarming))
    found = _finding(view, validator, whole, limit)
    facts = {**found.facts, "departed_height": whole.height}
    return replace(found, key=f"{found.key}/{whole.height}", facts=facts)


def _finding(view: View, validator: ValidatorView, change: StakeChange, limit: StakeChangedLimit) -> Finding:
    facts: dict[str, str | int | float] = {
        "kind": change.kind.value,
        "leaves" if change.kind in LEAVING else "joins": 1,
        "votes": change.votes,
        "height": change.height,
        "changed_at_ms": change.at_ms,
        "value": change.votes,
        "measure": "votes",
    }
    if change.until_height is not None:
        facts["until_height"] = change.until_height
    if change.explained_by is not None:
        facts[f"by_{change.explained_by}"] = 1
    if validator.pool is not None:
        facts["pool"] = validator.pool
    waits = validator.pool is not None and change.explained_by is None
    severity = (Severity.INFO, Severity.WARNING, Severity.CRITICAL)[_weight(change)]
    return finding(NAME, view, validator, severity, facts, limit.pool_wait_ms if waits else 0)


rule = Rule(
    name=NAME,
    about=SubjectKind.VALIDATOR,
    limit=StakeChangedLimit,
    judge=judge,
    ending=ending,
    remind_ms=86_400_000,
)
