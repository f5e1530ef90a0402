"""How often a rule would have fired by other limits."""

from fastapi import APIRouter, Response
from pydantic import Field

from vedette.alerts import limits
from vedette.alerts.limits import BY_NAME, Limits
from vedette.model.errors import SettingError
from vedette.server.api.members import Viewer
from vedette.server.api.rule_shapes import OfRule, Preset, RuleName
from vedette.server.api.shapes import InLanguages, Shape
from vedette.server.api.talk import Rooms, reply
from vedette.server.problems import ProblemError
from vedette.server.rehearsals import BusyError

router = APIRouter(prefix="/alerts", tags=["alerts"])

DAYS_MAX = 30
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


class Rehearsal(Shape):
    """How often it would have been told of something new. What a cause would have hidden counts as well."""

    fired: int | None = Field(description="null: the past cannot tell")
    days: list[RehearsalDay] = Field(description="the oldest first")
    why: str | None = Field(description="why the past cannot tell")
    whys: InLanguages | None = Field(description="the same in every language")


@router.post("/rehearsals", response_model=Rehearsal)
async def rehearse(wish: RehearsalWish, rooms: Rooms, who: Viewer) -> Response:
    """Live through the last days once more by other limits, and count how often the rule would have fired."""
    rule = BY_NAME.get(wish.rule)
    if rule is None:
        raise ProblemError(404, NO_RULE.format(rule=wish.rule))
    tried, now_ms = _tried(wish, rooms.policies.of(who.team_id or 0).limits), rooms.ears.now_ms()
    try:
        made = await rooms.rehearsals.rehearse(who, rule, tried, wish.days, now_ms)
    except BusyError as error:
        raise ProblemError(429, BUSY, {"Retry-After": "60"}) from error
    counts = made.by_day(now_ms, wish.days) if made.fired_ms is not None else {}
    whys = None if made.why is None else InLanguages(**made.why)
    shape = Rehearsal(
        fired=None if made.fired_ms is None else sum(counts.values()),
        days=[RehearsalDay(day=day, fired=fired) for day, fired in counts.items()],
        why=None if whys is None else whys.en,
        whys=whys,
    )
    return reply(shape)


def _tried(wish: RehearsalWish, team: Limits) -> Limits:
    """The team's limits with what is to be tried. Raises ProblemError."""
    try:
        given = limits.parse({"preset": wish.preset or team.preset.value, "rules": {wish.rule: wish.values}})
    except SettingError as error:
        raise ProblemError(422, "; ".join(str(error).splitlines())) from error
    rules = dict(team.rules) if wish.values is None else {**team.rules, **given.rules}
    return Limits(given.preset, rules, team.subjects)
