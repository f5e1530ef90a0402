"""How often a rule would have fired by other limits."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import Field

from vedette.alerts import limits
from vedette.alerts.limits import BY_NAME, Limits
from vedette.alerts.rehearsal import Told
from vedette.model.errors import SettingError
from vedette.server.api.members import Viewer
from vedette.server.api.rule_shapes import OfRule, Preset, RuleName
from vedette.server.api.shapes import IncidentSubject, InLanguages, Shape
from vedette.server.api.talk import Rooms, reply
from vedette.server.problems import ProblemError
from vedette.server.rehearsals import DAY_MS, BusyError, Rehearsed

router = APIRouter(prefix="/alerts", tags=["alerts"])

DAYS_MAX = 30
LAST: Final = 10
"""So many are named."""
LOOK_S: Final = 0.2
GONE: Final = "Whoever asked has gone."
NO_RULE = "There is no rule {rule}. GET /api/v1/alerts/rules lists all."
BUSY = "Other rehearsals are running; try again in a minute."


class RehearsalWish(Shape):
    """What to live through again. What is null is as your team has it."""

    rule: RuleName
    values: OfRule | None = Field(None, description="limits of that rule in place of your team's")
    preset: Preset | None = None
    days: int = Field(DAYS_MAX, ge=1, le=DAYS_MAX)


class RehearsalDay(Shape):
    day: str = Field(description="UTC")
    fired: int


class RehearsalTelling(Shape):
    """One trouble that would have been told. Its end is told as late as the rule is sure of it."""

    at_ms: int
    until_ms: int | None = Field(description="null: it would still stand")
    subject: IncidentSubject


class Rehearsal(Shape):
    """How often it would have told of something new. What a cause would have hidden counts as well."""

    fired: int | None = Field(description="null: the past cannot tell")
    noted: int | None = Field(description="so often something would have been noted, and told to nobody")
    days: list[RehearsalDay] = Field(description="the oldest first")
    last: list[RehearsalTelling] = Field(description="the newest of them, the newest first")
    seen_days: float | None = Field(description="of so many days of these anything was seen")
    of_days: float
    step_seconds: int | None = Field(
        description="the past was looked at so often; null: whenever anything changed"
    )
    why: str | None = Field(description="why the past cannot tell")
    whys: InLanguages | None = Field(description="the same in every language")


@router.post("/rehearsals", response_model=Rehearsal)
async def rehearse(wish: RehearsalWish, request: Request, rooms: Rooms, who: Viewer) -> Response:
    """Live through the last days once more by other limits, and tell what the rule would have told."""
    rule = BY_NAME.get(wish.rule)
    if rule is None:
        raise ProblemError(404, NO_RULE.format(rule=wish.rule))
    tried, now_ms = _tried(wish, rooms.policies.of(who.team_id or 0).limits), rooms.ears.now_ms()
    try:
        made = await _while_waiting(request, rooms.rehearsals.rehearse(who, rule, tried, wish.days, now_ms))
    except BusyError as error:
        raise ProblemError(429, BUSY, {"Retry-After": "60"}) from error
    return reply(_shape(made, now_ms, wish.days))


async def _while_waiting(request: Request, made: Coroutine[Any, Any, Rehearsed]) -> Rehearsed:
    """Stops as soon as nobody waits for it any more. Raises BusyError."""
    task = asyncio.create_task(made)
    try:
        while not (await asyncio.wait({task}, timeout=LOOK_S))[0]:
            if await request.is_disconnected():
                raise ProblemError(408, GONE)
    finally:
        task.cancel()
    return task.result()


def _shape(made: Rehearsed, now_ms: int, days: int) -> Rehearsal:
    lived, whys = made.lived, None if made.why is None else InLanguages(**made.why)
    counts = {} if lived is None else made.by_day(now_ms, days)
    return Rehearsal(
        fired=None if lived is None else len(lived.told),
        noted=None if lived is None else lived.noted,
        days=[RehearsalDay(day=day, fired=fired) for day, fired in counts.items()],
        last=[_telling(one) for one in made.told[: -LAST - 1 : -1]],
        seen_days=None if lived is None else round(made.seen_ms / DAY_MS, 2),
        of_days=round(made.span_ms / DAY_MS, 2),
        step_seconds=None if made.step_ms is None else made.step_ms // 1000,
        why=None if whys is None else whys.en,
        whys=whys,
    )


def _telling(one: Told) -> RehearsalTelling:
    subject = one.subject
    about = IncidentSubject(kind=subject.kind, id=subject.id, name=subject.name)
    return RehearsalTelling(at_ms=one.at_ms, until_ms=one.until_ms, subject=about)


def _tried(wish: RehearsalWish, team: Limits) -> Limits:
    """The team's limits with what is to be tried. Raises ProblemError."""
    try:
        given = limits.parse({"preset": wish.preset or team.preset.value, "rules": {wish.rule: wish.values}})
    except SettingError as error:
        raise ProblemError(422, "; ".join(str(error).splitlines())) from error
    rules = dict(team.rules) if wish.values is None else {**team.rules, **given.rules}
    return Limits(given.preset, rules, team.subjects)
