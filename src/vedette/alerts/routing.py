"""Whom to tell of an incident, if anybody may be told now, and who is next while nobody has taken it on.

`decide` is asked for everything that is about to be told. What it holds back is asked again each round, so
whatever still stands when a silence or the quiet hours end is told then; what quiet hours alone held back and
is over before they are, is told then as over. The word that something is over is never held back for good:
whoever heard of the trouble hears of its end, a warning's after the quiet hours.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from vedette.alerts.calendar import is_on, quiet_until_ms
from vedette.alerts.duty import on_call
from vedette.alerts.life import FIRST_TOLD, is_acknowledged
from vedette.alerts.matching import Target, matches, target_of
from vedette.alerts.rules.subjects import planned
from vedette.model.incident import Decision, Incident, Reason, Severity, SubjectKind
from vedette.model.policy import (
    MINUTE_MS,
    SCHEDULE,
    Contact,
    Escalation,
    Matcher,
    Policy,
    Quiet,
    Route,
    Routing,
    Schedule,
)
from vedette.model.view import NodeView, View

R = TypeVar("R", Escalation, Schedule, Quiet)

EVERYBODY = "everybody"
"""The route of a team that has none."""


@dataclass(frozen=True, slots=True)
class Word:
    """What is decided: whether to speak, to whom (no schedules among them), and what made it so."""

    decision: Decision
    told: tuple[str, ...] = ()
    route: str | None = None
    by: str | None = None  # the id of the silence, the maintenance or the quiet hours
    not_before_ms: int | None = None  # when quiet hours end that delay it


@dataclass(frozen=True, slots=True)
class Scene:
    """One team at one moment: its policy, and what is seen of its nodes. Only what stands now is asked."""

    policy: Policy
    view: View
    silences: tuple[tuple[str, Matcher], ...]
    maintenances: tuple[tuple[str, Matcher], ...]

    @classmethod
    def of(cls, policy: Policy, view: View) -> "Scene":
        now_ms = view.now_ms
        silences = (s for s in policy.silences if s.starts_at_ms <= now_ms < s.ends_at_ms)
        work = (one for one in policy.maintenances if is_on(one, now_ms))
        return cls(
            policy,
            view,
            tuple((one.id, one.matcher) for one in silences),
            tuple((one.id, one.matcher) for one in work),
        )

    @property
    def now_ms(self) -> int:
        return self.view.now_ms

    @property
    def routing(self) -> Routing:
        return self.policy.routing


def decide(incident: Incident, reason: Reason, scene: Scene) -> Word:
    """Whether to tell this now, and whom. Whoever was told that it is, is told that it is over."""
    if incident.severity is Severity.INFO:
        return Word(Decision.NOTED)
    target = target_of(incident, scene.view)
    routes = list(routes_of(target, scene.policy))
    if reason is Reason.RESOLVED:
        return Word(Decision.TOLD, not_before_ms=_quiet_end_ms(incident, routes, scene))
    held = held_back(incident, scene, target)
    if held is not None:
        return held
    if is_acknowledged(incident, scene.now_ms):
        return Word(Decision.ACKNOWLEDGED)
    return _by_routes(incident, routes, scene)


def ended_unheard(incident: Incident, scene: Scene) -> Word:
    """Whom to tell, and when, of what quiet hours held back and what is over; nobody, if somebody knows."""
    target = target_of(incident, scene.view)
    held = held_back(incident, scene, target)
    if held is not None:
        return held
    if is_acknowledged(incident, scene.now_ms):
        return Word(Decision.ACKNOWLEDGED)
    routes = list(routes_of(target, scene.policy))
    told = people(_unique(ref for route in routes for ref in route.contacts), scene)
    return Word(Decision.QUIET_HOURS, told, not_before_ms=_quiet_end_ms(incident, routes, scene))


def held_back(incident: Incident, scene: Scene, target: Target | None = None) -> Word | None:
    """The silence, the maintenance or the announced stop that covers it now."""
    if not scene.silences and not scene.maintenances and not _is_planned(incident, scene.view):
        return None
    target = target or target_of(incident, scene.view)
    for silence, matcher in scene.silences:
        if matches(matcher, target):
            return Word(Decision.SILENCED, by=silence)
    for work, matcher in scene.maintenances:
        if matches(matcher, target):
            return Word(Decision.MAINTENANCE, by=work)
    if _is_planned(incident, scene.view):
        return Word(Decision.MAINTENANCE, by=f"planned_stop/{incident.subject.id}")
    return None


def _is_planned(incident: Incident, view: View) -> bool:
    """It is of a node whose operator announced that it will stop."""
    node: NodeView | None = None
    if incident.subject.kind is SubjectKind.NODE:
        node = view.nodes.get(incident.subject.id)
    return node is not None and planned(node, view.now_ms)


def routes_of(target: Target, policy: Policy) -> Iterator[Route]:
    """The routes that it takes, in order."""
    if not policy.routing.routes:
        yield usual_route(policy)
        return
    for route in policy.routing.routes:
        if matches(route.match, target):
            yield route
            if not route.goes_on:
                return


def usual_route(policy: Policy) -> Route:
    """Where everything goes while a team has not said where."""
    everybody = tuple(one.ref for one in policy.contacts.values())
    return Route(EVERYBODY, EVERYBODY, Matcher(), everybody)


def _by_routes(incident: Incident, routes: list[Route], scene: Scene) -> Word:
    hours = [_quiet_of(route, incident.severity, scene) for route in routes]
    awake = [route for route, quiet in zip(routes, hours, strict=True) if quiet is None]
    if routes and not awake:
        until_ms, name = min((quiet.until_ms, quiet.id) for quiet in hours if quiet is not None)
        return Word(Decision.QUIET_HOURS, route=routes[0].id, by=name, not_before_ms=until_ms)
    told = people(_unique(ref for route in awake for ref in route.contacts), scene)
    route_id = awake[0].id if awake else None
    if not told and not any(_reaches(route.escalation, scene) for route in awake):
        told = _anybody(incident, awake, scene)
        if not told:
            return Word(Decision.NO_CONTACT, route=route_id)
    return Word(Decision.TOLD, told, route_id)


def _reaches(escalation_id: str | None, scene: Scene) -> bool:
    """Whether its steps lead to anybody."""
    escalation = _named(scene.routing.escalations, escalation_id)
    return escalation is not None and bool(people((r for s in escalation.steps for r in s.contacts), scene))


def _anybody(incident: Incident, awake: list[Route], scene: Scene) -> tuple[str, ...]:
    """Whom to wake when all whom its routes name are gone or switched off: everybody else, not nobody."""
    lost = bool(awake) and incident.severity is Severity.CRITICAL
    return people(usual_route(scene.policy).contacts, scene) if lost else ()


@dataclass(frozen=True, slots=True)
class _Hush:
    """Quiet hours that are now."""

    id: str
    until_ms: int


def _quiet_of(route: Route, severity: Severity, scene: Scene) -> _Hush | None:
    """The quiet hours in which this route lets it wait. What wakes is never held back."""
    quiet = None if severity is Severity.CRITICAL else _named(scene.routing.quiet, route.quiet)
    until_ms = None if quiet is None else quiet_until_ms(quiet, scene.now_ms)
    return None if quiet is None or until_ms is None else _Hush(quiet.id, until_ms)


def _quiet_end_ms(incident: Incident, routes: list[Route], scene: Scene) -> int | None:
    """When the word that it is over may be said; whoever was woken hears it at once."""
    told = incident.told_severity or incident.severity
    hours = [_quiet_of(route, told, scene) for route in routes]
    return None if None in hours else min((one.until_ms for one in hours if one is not None), default=None)


def people(refs: Iterable[str], scene: Scene) -> tuple[str, ...]:
    """Those who can be told now: a schedule is whoever is on call, and whoever is gone drops out."""
    found = (_on_call(ref, scene) if ref.startswith(SCHEDULE) else ref for ref in refs)
    told = (able(ref, scene.policy.contacts) for ref in found if ref is not None)
    return _unique(ref for ref in told if ref is not None)


def able(ref: str, contacts: Mapping[str, Contact]) -> str | None:
    """He himself, or whoever is told in his stead while he is disabled."""
    seen: set[str] = set()
    while ref not in seen and (contact := contacts.get(ref)) is not None:
        if contact.is_enabled:
            return ref
        seen.add(ref)
        ref = contact.fallback or ref
    return None


def _on_call(ref: str, scene: Scene) -> str | None:
    schedule = _named(scene.routing.schedules, ref.removeprefix(SCHEDULE))
    return None if schedule is None else on_call(schedule, scene.now_ms)


# --- passing on -------------------------------------------------------------------------------------------


def passed_on(incident: Incident, scene: Scene) -> tuple[int, tuple[str, ...]] | None:
    """How many escalation steps have been due by now, and whom the new ones name; None: nothing is due.

    Steps that were missed (nobody judged for a while) are told together.
    """
    if not _waits(incident, scene):
        return None
    escalation = escalation_of(incident, scene)
    if escalation is None:
        return None
    waited_ms = scene.now_ms - _waiting_since_ms(incident)
    due = steps_due(escalation, waited_ms)
    if due <= incident.step:
        return None
    number = len(escalation.steps)
    new = [escalation.steps[step % number] for step in range(max(incident.step, due - number), due)]
    return due, people(_unique(ref for step in new for ref in step.contacts), scene)


def steps_due(escalation: Escalation, waited_ms: int) -> int:
    """How many steps are due after so long; with a repeat they go on for ever."""
    after_ms = [step.after_minutes * MINUTE_MS for step in escalation.steps]
    if escalation.repeat_minutes is None:
        return sum(one <= waited_ms for one in after_ms)
    turns, rest_ms = divmod(waited_ms, after_ms[-1] + escalation.repeat_minutes * MINUTE_MS)
    return turns * len(after_ms) + sum(one <= rest_ms for one in after_ms)


def escalation_of(incident: Incident, scene: Scene) -> Escalation | None:
    """That of the first of its routes that has one; in their quiet hours nothing is passed on."""
    for route in routes_of(target_of(incident, scene.view), scene.policy):
        if route.escalation is not None:
            quiet = _quiet_of(route, incident.severity, scene)
            return None if quiet is not None else _named(scene.routing.escalations, route.escalation)
    return None


def _waits(incident: Incident, scene: Scene) -> bool:
    """It was told, still stands, and nobody has it."""
    told = incident.told_at_ms is not None and incident.severity is not Severity.INFO
    over = incident.resolved_at_ms is not None or incident.closed_by is not None
    if not told or over or incident.muted_by is not None or incident.clear_since_ms is not None:
        return False
    return not is_acknowledged(incident, scene.now_ms) and held_back(incident, scene) is None


def _waiting_since_ms(incident: Incident) -> int:
    """Since it was first told, or since whoever had it meant to be done."""
    since_ms = int(incident.facts.get(FIRST_TOLD, incident.told_at_ms or incident.opened_at_ms))
    acked = incident.acked
    if acked is not None and acked.until_ms is not None:
        return max(since_ms, acked.until_ms)
    return since_ms


def _unique(refs: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(refs))


def _named(rows: Iterable[R], wanted: str | None) -> R | None:
    return next((one for one in rows if one.id == wanted), None)
