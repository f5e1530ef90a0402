"""The JSON of routes, on-call schedules, silences and maintenance. Part of the document of `shapes`."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StrictBool, StrictInt

from vedette.model import policy
from vedette.model.incident import Decision, Severity, SubjectKind
from vedette.server.api.claim_shapes import plain_lines
from vedette.server.api.shapes import Shape, plain

YEAR_MS = 366 * 86_400_000
COMMENT_CHARS_MAX = 500

PolicyId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$", description="of the team's own choice")]
PolicyName = Annotated[str, AfterValidator(plain), Field(min_length=1, max_length=80)]
Ref = Annotated[
    str,
    Field(
        pattern=r"^(contact:|settings:|schedule:).{1,80}$|^members$",
        max_length=120,
        description="contact:ID, settings:NAME, schedule:ID (whoever is on call there), or members",
        examples=["contact:ab12cd34ef56ab78"],
    ),
]
Refs = Annotated[list[Ref], Field(max_length=policy.CONTACTS_MAX)]
Zone = Annotated[str, Field(min_length=1, max_length=60, description="IANA", examples=["Europe/Berlin"])]
Moment = Annotated[StrictInt, Field(ge=0, le=policy.FAR_MS, description="unix milliseconds")]
Weekday = Annotated[StrictInt, Field(ge=0, le=6, description="0 is Monday")]
Minutes = Annotated[StrictInt, Field(ge=1, le=policy.AFTER_MINUTES_MAX)]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["22:00"])]
Comment = Annotated[
    str, AfterValidator(plain_lines), Field(min_length=1, max_length=COMMENT_CHARS_MAX, description="why")
]
Word = Annotated[str, AfterValidator(plain), Field(min_length=1, max_length=120)]
Words = Annotated[list[Word], Field(max_length=policy.LIST_MAX)]
RuleNames = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=80, examples=["node_down"])]],
    Field(max_length=policy.LIST_MAX),
]


class MatcherShape(Shape):
    """Which incidents are meant: those of which everything given holds. Nothing given: all."""

    severity_min: Severity | None = None
    rules: RuleNames = Field(default=[])
    subjects: Words = Field(default=[], description="ids of nodes, addresses of validators")
    labels: Words = Field(default=[])
    groups: Words = Field(default=[])
    validators: Words = Field(default=[], description="addresses; their nodes are meant as well")
    kinds: list[SubjectKind] = Field(default=[], max_length=policy.LIST_MAX)


class RouteShape(Shape):
    """The first route that matches is taken, and those below it only if it goes on."""

    id: PolicyId
    name: PolicyName
    match: MatcherShape
    contacts: Refs
    escalation: PolicyId | None = None
    quiet: PolicyId | None = None
    goes_on: StrictBool = False


class StepShape(Shape):
    after_minutes: Minutes = Field(description="since it was first told, if nobody has acknowledged it")
    contacts: Refs


class EscalationShape(Shape):
    id: PolicyId
    name: PolicyName
    steps: Annotated[list[StepShape], Field(min_length=1, max_length=policy.STEPS_MAX)]
    repeat_minutes: Minutes | None = Field(
        default=None, description="so long after the last step they begin anew; null: they do not"
    )


class HandoverShape(Shape):
    weekday: Weekday | None = Field(default=None, description="0 is Monday; null: any")
    hour: Annotated[StrictInt, Field(ge=0, le=23)]
    minute: Annotated[StrictInt, Field(ge=0, le=59)]


class RotationShape(Shape):
    people: Refs
    handover: HandoverShape
    every_days: Annotated[StrictInt, Field(ge=1, le=policy.EVERY_DAYS_MAX)]
    starts_on: Annotated[str, Field(pattern=r"^20\d\d-\d\d-\d\d$", examples=["2026-11-02"])]


class OverrideShape(Shape):
    """Somebody stands in. Of two at one time the one that begins last counts."""

    from_ms: Moment
    until_ms: Moment
    contact: Ref


class ScheduleShape(Shape):
    id: PolicyId
    name: PolicyName
    zone: Zone
    rotation: RotationShape
    overrides: list[OverrideShape] = Field(default=[], max_length=policy.OVERRIDES_MAX)


class QuietShape(Shape):
    """Hours in which warnings wait. What is critical never waits."""

    id: PolicyId
    name: PolicyName
    zone: Zone
    from_: Clock = Field(alias="from")
    until: Clock = Field(description="not later than `from`: it is on the next day")
    weekdays: Annotated[list[Weekday], Field(max_length=7)] | None = Field(
        default=None, description="on which they begin; null: on each"
    )


Version = Annotated[
    StrictInt, Field(ge=0, le=2**31 - 1, description="of what was read; 409 if it was changed since")
]


class RoutingWish(Shape):
    """All of it at once. Without routes everybody is told of everything from `warning` on."""

    routes: Annotated[list[RouteShape], Field(max_length=policy.ROWS_MAX)]
    escalations: Annotated[list[EscalationShape], Field(max_length=policy.ROWS_MAX)]
    schedules: Annotated[list[ScheduleShape], Field(max_length=policy.ROWS_MAX)]
    quiet: Annotated[list[QuietShape], Field(max_length=policy.ROWS_MAX)]
    version: Version


class RoutingShape(RoutingWish):
    """How the team wants to be told."""


class TryWish(Shape):
    """A trouble that might be."""

    rule: Annotated[str, Field(min_length=1, max_length=80)]
    severity: Severity
    subject_id: Annotated[str, Field(min_length=1, max_length=120)] | None = Field(
        default=None, description="a node's id, or a validator's address; null: neither"
    )
    at_ms: Moment | None = Field(default=None, description="null: now")


class TryTold(Shape):
    ref: str
    name: str
    after_minutes: int = Field(description="0: at once; else by an escalation, if nobody acknowledges it")


class TryAnswer(Shape):
    """What would become of it, if it lasted."""

    decision: Decision
    told: list[TryTold]
    route: str | None = Field(description="id of the first route taken; everybody: there are none")
    why: str | None = Field(description="id of the silence, the maintenance or the quiet hours")
    until_ms: int | None = Field(description="when the quiet hours end")


class OnCallPerson(Shape):
    ref: str
    name: str


class OnCallNext(OnCallPerson):
    from_ms: int


class OnCallShape(Shape):
    id: str
    name: str
    now: OnCallPerson | None = Field(description="null: nobody")
    until_ms: int | None = Field(description="null: for ever")
    next: OnCallNext | None


class OnCall(Shape):
    schedules: list[OnCallShape]


# --- silences and maintenance -----------------------------------------------------------------------------

State = Literal["ahead", "on", "off", "over"]


class SilenceWish(Shape):
    matcher: MatcherShape
    comment: Comment
    starts_at_ms: Moment | None = Field(default=None, description="null: now")
    ends_at_ms: Moment = Field(description="within a year")


class SilenceShape(Shape):
    id: str
    matcher: MatcherShape
    comment: str
    made_by: str
    created_at_ms: int
    starts_at_ms: int
    ends_at_ms: int
    state: Literal["ahead", "on", "over"]


class Silences(Shape):
    silences: list[SilenceShape]


class MaintenanceWish(Shape):
    """Once: from start to end. With `cron`: each time it says, so long, between start and end."""

    name: PolicyName
    matcher: MatcherShape
    comment: Annotated[str, AfterValidator(plain_lines), Field(max_length=COMMENT_CHARS_MAX)] = ""
    starts_at_ms: Moment
    ends_at_ms: Moment | None = Field(default=None, description="null: until it is changed or taken away")
    cron: Annotated[str, Field(min_length=9, max_length=100, examples=["0 3 * * 1"])] | None = Field(
        default=None, description="minute hour day month weekday (0 and 7 are Sunday)"
    )
    zone: Zone | None = None
    duration_minutes: (
        Annotated[StrictInt, Field(ge=1, le=policy.DURATION_MINUTES_MAX, examples=[120])] | None
    ) = None


class MaintenanceChange(Shape):
    """What is left out stays as it is."""

    name: PolicyName | None = Field(default=None, description="not null")
    matcher: MatcherShape | None = Field(default=None, description="not null")
    comment: Annotated[str, AfterValidator(plain_lines), Field(max_length=COMMENT_CHARS_MAX)] | None = Field(
        default=None, description="not null"
    )
    starts_at_ms: Moment | None = Field(default=None, description="not null")
    ends_at_ms: Moment | None = None
    cron: Annotated[str, Field(min_length=9, max_length=100, examples=["0 3 * * 1"])] | None = None
    zone: Zone | None = None
    duration_minutes: (
        Annotated[StrictInt, Field(ge=1, le=policy.DURATION_MINUTES_MAX, examples=[120])] | None
    ) = None


class MaintenanceShape(Shape):
    id: str
    name: str
    matcher: MatcherShape
    comment: str
    made_by: str = Field(description="control: by an act")
    created_at_ms: int
    starts_at_ms: int
    ends_at_ms: int | None
    cron: str | None
    zone: str | None
    duration_minutes: int | None
    state: State = Field(description="off: it recurs, and is not on now")


class Maintenances(Shape):
    maintenances: list[MaintenanceShape]


class WindowShape(Shape):
    id: str = Field(description="of the maintenance")
    name: str
    from_ms: int
    until_ms: int = Field(description="of one without an end: that of the calendar")


class Calendar(Shape):
    windows: list[WindowShape] = Field(description="the soonest first, 1,000 at most")


def plain_of(shape: Shape) -> dict[str, Any]:
    """As `model/policy.py` reads it."""
    return shape.model_dump(mode="json", by_alias=True, exclude={"version"})
