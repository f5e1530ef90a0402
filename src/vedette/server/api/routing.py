"""Who is told of what: a team's routes, escalations, on-call schedules and quiet hours."""

from dataclasses import replace
from typing import Final

from fastapi import APIRouter, Response

from vedette.alerts.duty import duty
from vedette.alerts.limits import BY_NAME
from vedette.alerts.routing import Scene, Word, decide, escalation_of, people
from vedette.model.errors import SettingError
from vedette.model.incident import Incident, Reason, Subject, SubjectKind
from vedette.model.people import Who
from vedette.model.policy import MINUTE_MS, Policy, Schedule, parse, plain
from vedette.model.view import View
from vedette.server.api.members import Operator, Viewer
from vedette.server.api.routing_shapes import (
    OnCall,
    OnCallNext,
    OnCallPerson,
    OnCallShape,
    RoutingShape,
    RoutingWish,
    TryAnswer,
    TryTold,
    TryWish,
    plain_of,
)
from vedette.server.api.talk import Rooms, reply
from vedette.server.house import House
from vedette.server.problems import ProblemError
from vedette.store import policies
from vedette.store.policies import StalePolicyError
from vedette.store.view import views

router = APIRouter(prefix="/alerts", tags=["alerts"])

STALE: Final = (
    "Somebody else changed how your team is told since you read it. GET it again, and make your change there."
)
NO_RULE: Final = "There is no rule of that name. GET /api/v1/alerts/rules lists them."


def one_line(error: SettingError) -> ProblemError:
    """All faults of a wish, in one line."""
    return ProblemError(422, "; ".join(str(error).splitlines()))


@router.get("/routing", response_model=RoutingShape)
async def show_routing(rooms: Rooms, who: Viewer) -> Response:
    """Your team's routes, escalations, on-call schedules and quiet hours."""
    policy = await policy_of(rooms, who)
    return reply(RoutingShape.model_validate({**plain(policy.routing), "version": policy.version}))


@router.put("/routing", response_model=RoutingShape)
async def change_routing(wish: RoutingWish, rooms: Rooms, who: Operator) -> Response:
    """Set all of it at once."""
    refs = (await policy_of(rooms, who)).contacts
    try:
        routing = parse(plain_of(wish), BY_NAME, refs)
    except SettingError as error:
        raise one_line(error) from error
    now_ms, told = rooms.ears.now_ms(), plain(routing)
    try:
        version = await rooms.database.write(
            lambda conn: policies.keep(conn, who, "routing", told, wish.version, now_ms)
        )
    except StalePolicyError:
        raise ProblemError(409, STALE) from None
    changed(rooms)
    return reply(RoutingShape.model_validate({**told, "version": version}))


@router.post("/routing/tries", response_model=TryAnswer)
async def try_routing(wish: TryWish, rooms: Rooms, who: Operator) -> Response:
    """Ask what would become of a trouble: whom it would be told, or why nobody."""
    if wish.rule not in BY_NAME:
        raise ProblemError(422, NO_RULE)
    policy = await policy_of(rooms, who)
    at_ms = rooms.ears.now_ms() if wish.at_ms is None else wish.at_ms
    async with rooms.database.read() as conn:
        seen = (await views(conn, rooms.ears.now_ms())).get(who.team_id or 0, View(at_ms))
    scene = Scene.of(policy, replace(seen, now_ms=at_ms))
    trouble = _trouble(wish, who, scene)
    return reply(_answer(trouble, decide(trouble, Reason.OPENED, scene), scene))


@router.get("/on-call", response_model=OnCall)
async def who_is_on_call(rooms: Rooms, who: Viewer) -> Response:
    """Who is told now by each schedule, until when, and who comes next."""
    policy, now_ms = await policy_of(rooms, who), rooms.ears.now_ms()
    return reply(OnCall(schedules=[_on_call(one, policy, now_ms) for one in policy.routing.schedules]))


async def policy_of(rooms: House, who: Who) -> Policy:
    """The team's as it is kept at this moment."""
    rooms.policies.forget()
    await rooms.policies.look(rooms.database)
    return rooms.policies.of(who.team_id or 0).policy


def changed(rooms: House) -> None:
    """Let the judge see at once what was changed."""
    rooms.policies.forget()
    rooms.judge.wake.set()


def _trouble(wish: TryWish, who: Who, scene: Scene) -> Incident:
    subject_id, nodes = wish.subject_id or "", scene.view.nodes
    kind = SubjectKind.VALIDATOR if subject_id.startswith("0x") else SubjectKind.NETWORK
    if subject_id in nodes:
        kind = SubjectKind.NODE
    return Incident(
        id=0,
        key=f"{wish.rule}/{subject_id}",
        rule=wish.rule,
        team_id=who.team_id or 0,
        severity=wish.severity,
        subject=Subject(kind, subject_id.lower() if kind is SubjectKind.VALIDATOR else subject_id, ""),
        facts={},
        opened_at_ms=scene.now_ms,
    )


def _answer(trouble: Incident, word: Word, scene: Scene) -> TryAnswer:
    told = [_told(ref, 0, scene) for ref in word.told]
    escalation = escalation_of(trouble, scene) if word.told else None
    for step in () if escalation is None else escalation.steps:
        then = replace(scene, view=replace(scene.view, now_ms=scene.now_ms + step.after_minutes * MINUTE_MS))
        told += [_told(ref, step.after_minutes, scene) for ref in people(step.contacts, then)]
    return TryAnswer(
        decision=word.decision, told=told, route=word.route, why=word.by, until_ms=word.not_before_ms
    )


def _told(ref: str, after_minutes: int, scene: Scene) -> TryTold:
    return TryTold(ref=ref, name=scene.policy.contacts[ref].name, after_minutes=after_minutes)


def _on_call(schedule: Schedule, policy: Policy, now_ms: int) -> OnCallShape:
    found = duty(schedule, now_ms)
    after = None
    if found.next is not None and found.until_ms is not None:
        after = OnCallNext(ref=found.next, name=_name(found.next, policy), from_ms=found.until_ms)
    return OnCallShape(
        id=schedule.id,
        name=schedule.name,
        now=None if found.now is None else OnCallPerson(ref=found.now, name=_name(found.now, policy)),
        until_ms=found.until_ms,
        next=after,
    )


def _name(ref: str, policy: Policy) -> str:
    """A contact's name; of one that was taken away its reference."""
    contact = policy.contacts.get(ref)
    return ref if contact is None else contact.name
