"""A validator does not stand for election.

A node that votes sends one Election transaction a term while it has votes that do not serve yet. If none of
its was on the chain in two closed terms, elections are off (`stop_election` holds until a restart), the node
does not vote, or its PoW side is not in the normal phase: seats and reward end within six epochs. Having
stood and won nothing is luck, however long it lasts: with 0.2 % of the stake nine terms in ten bring no seat.
A validator all of whose votes serve already has nothing to stand with.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.of_validators import finding
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.alerts.rules.subjects import carriers
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.pos import PosAddress
from vedette.model.view import ValidatorView, View

NAME = "not_elected"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotElectedLimit(Limit):
    """How many closed terms in a row without its Election transaction."""

    terms: int = 2


def judge(view: View, ask: Ask[NotElectedLimit]) -> Iterator[Finding]:
    """A voter with free votes has not stood for some terms."""
    for validator in view.validators.values():
        limit = ask(validator.address)
        missed = validator.election.terms_without_standing
        if missed is not None and missed >= max(limit.terms, 1) and may_stand(view, validator):
            yield _finding(view, validator, missed, limit)


def ending(incident: Incident, view: View, limit: NotElectedLimit) -> str | None:
    """It stood again, has nothing to stand with, or does not mean to vote; None: not known."""
    validator = view.validators.get(PosAddress(incident.subject.id))
    if validator is None:
        return "not_watched"
    missed, free = validator.election.terms_without_standing, validator.election.free_votes
    if missed is not None and missed < max(limit.terms, 1):
        return "stands"
    if free is not None and free <= 0:
        return "all_serve" if validator.votes else "no_votes"
    return "voting_off" if _is_off(view, validator) else None


def may_stand(view: View, validator: ValidatorView) -> bool:
    """It has votes to stand with, and no node of it says that it shall not vote."""
    return (validator.election.free_votes or 0) > 0 and not _is_off(view, validator)


def _is_off(view: View, validator: ValidatorView) -> bool:
    """Every node that carries its key says that it does not vote: its operator's will, or another rule's."""
    nodes = carriers(view, validator.address, validator.team_id)
    return bool(nodes) and all(node.states.get("node.voting") == "false" for node in nodes)


def _finding(view: View, validator: ValidatorView, missed: int, limit: NotElectedLimit) -> Finding:
    facts: dict[str, str | int | float] = {
        "terms": missed,
        "free_votes": validator.election.free_votes or 0,
        "votes": validator.votes,
        "value": missed,
        "limit": limit.terms,
        "measure": "count",
    }
    return finding(NAME, view, validator, Severity.WARNING, facts)


rule = Rule(
    name=NAME,
    about=SubjectKind.VALIDATOR,
    limit=NotElectedLimit,
    judge=judge,
    ending=ending,
    quiet={"terms": 4},
)
