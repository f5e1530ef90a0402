"""Whether what is critical wakes somebody: which routes take it and ring nowhere."""

from collections.abc import Collection, Sequence
from typing import Final

from vedette.alerts.limits import Limits
from vedette.alerts.routing import able
from vedette.alerts.rules import RULES
from vedette.alerts.rules.rule import AnyRule
from vedette.model.incident import Severity
from vedette.model.policy import SCHEDULE, Matcher, Policy, Route

CALM: Final = frozenset({"backup_not_ready", "network_participation", "not_elected", "unlock_near"})
"""Rules that find nothing critical, whatever their limits."""


def silent_routes(policy: Policy, limits: Limits, waking: Collection[str]) -> list[Route]:
    """Routes that may take what is critical, and on which nobody is woken by it, at once or by escalation.

    `waking`: references of contacts that wake people, and are on and well. Without routes all are told.
    """
    urgent = frozenset(rule.name for rule in RULES if _may_wake(rule, limits)) - CALM
    routes = policy.routing.routes
    return [
        route
        for place, route in enumerate(routes)
        if (not route.match.rules or urgent.intersection(route.match.rules))
        and not _rings(route, routes[place + 1 :], policy, waking)
    ]


def _may_wake(rule: AnyRule, limits: Limits) -> bool:
    """By the team's limits, or by those of one of its subjects."""
    found = (limits.of(rule, subject) for subject in ("", *limits.subjects))
    return any(limit.is_on and limit.loudest is Severity.CRITICAL for limit in found)


def _rings(route: Route, below: Sequence[Route], policy: Policy, waking: Collection[str]) -> bool:
    """The route itself, or one that whatever it takes goes on to in any case."""
    if _wakes(route, policy, waking):
        return True
    if not route.goes_on:
        return False
    for one in below:
        if _covers(one.match, route.match):
            if _wakes(one, policy, waking):
                return True
            if not one.goes_on:
                return False
    return False


def _covers(wide: Matcher, narrow: Matcher) -> bool:
    """Whatever critical the narrow one means, the wide one means, too."""
    lists = ("rules", "subjects", "labels", "groups", "validators", "kinds")
    return all(not getattr(wide, name) or getattr(wide, name) == getattr(narrow, name) for name in lists)


def _wakes(route: Route, policy: Policy, waking: Collection[str]) -> bool:
    steps = (one.steps for one in policy.routing.escalations if one.id == route.escalation)
    later = [ref for found in steps for step in found for ref in step.contacts]
    return any(_is_woken(ref, policy, waking) for ref in (*route.contacts, *later))


def _is_woken(ref: str, policy: Policy, waking: Collection[str]) -> bool:
    """Of a schedule: whoever's turn it is."""
    if not ref.startswith(SCHEDULE):
        return able(ref, policy.contacts) in waking
    turns = (one.rotation.people for one in policy.routing.schedules if one.id == ref.removeprefix(SCHEDULE))
    people = next(turns, ())
    return bool(people) and all(able(one, policy.contacts) in waking for one in people)
