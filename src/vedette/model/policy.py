"""How a team wants to be told: who hears of what, who after him, and when rather not.

Whoever is told is named by a reference: `contact:ID` (a contact point of the team), `settings:NAME` (a
channel of the settings file), `members` (mail to the team's members) or `schedule:ID` (whoever is on call
there). Weekdays are 0 (Monday) to 6. All of it comes from people as plain data; `parse` says a line for each
fault.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from vedette.model import cron
from vedette.model.errors import SettingError
from vedette.model.incident import Severity, SubjectKind
from vedette.model.plain import Reader
from vedette.model.zones import zone_of

ROWS_MAX: Final = 50  # of routes, of escalations, ...
LIST_MAX: Final = 100  # of words in one list of a matcher
CONTACTS_MAX: Final = 20
STEPS_MAX: Final = 10
OVERRIDES_MAX: Final = 200
AFTER_MINUTES_MAX: Final = 7 * 24 * 60
EVERY_DAYS_MAX: Final = 366
DAY_MINUTES: Final = 24 * 60
MINUTE_MS: Final = 60_000
DURATION_MINUTES_MAX: Final = 7 * DAY_MINUTES
FAR_MS: Final = 2**53

MEMBERS: Final = "members"
CONTACT, SETTINGS, SCHEDULE = "contact:", "settings:", "schedule:"


@dataclass(frozen=True, slots=True)
class Matcher:
    """Which incidents are meant: those of which everything given holds. An empty list is not given."""

    severity_min: Severity | None = None
    rules: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    validators: tuple[str, ...] = ()
    kinds: tuple[SubjectKind, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """Whom to tell of what. The first that matches is taken, and those below it only if it goes on."""

    id: str
    name: str
    match: Matcher
    contacts: tuple[str, ...]
    escalation: str | None = None
    quiet: str | None = None
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """Whom else to tell when nobody has acknowledged it so long after it was first told."""

    after_minutes: int
    contacts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Escalation:
    """Steps, the soonest first. With `repeat_minutes` they begin anew so long after the last one."""

    id: str
    name: str
    steps: tuple[Step, ...]
    repeat_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Handover:
    """When one is relieved by the next, by the clock on the wall."""

    hour: int
    minute: int
    weekday: int | None = None


@dataclass(frozen=True, slots=True)
class Rotation:
    """Turns of so many days each; the first begins on `starts_on`."""

    people: tuple[str, ...]
    handover: Handover
    every_days: int
    starts_on: date


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody stands in."""

    from_ms: int
    until_ms: int
    contact: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """Who is on call when. Of overrides at one time the one that begins last counts."""

    id: str
    name: str
    zone: str
    rotation: Rotation
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours in which warnings wait, by minutes of the day. Not later than it begins: it ends the next day."""

    id: str
    name: str
    zone: str
    from_minute: int
    until_minute: int
    weekdays: tuple[int, ...] | None = None  # on which it begins; None: each


@dataclass(frozen=True, slots=True)
class Routing:
    """All of a team's."""

    routes: tuple[Route, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    quiet: tuple[Quiet, ...] = ()


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing is told of what it matches, until it ends."""

    id: str
    team_id: int
    matcher: Matcher
    comment: str
    made_by: str
    created_at_ms: int
    starts_at_ms: int
    ends_at_ms: int


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Work is expected: once, or by `cron` in `zone`, each time for `duration_ms`, between start and end."""

    id: str
    team_id: int
    name: str
    matcher: Matcher
    comment: str
    made_by: str
    created_at_ms: int
    starts_at_ms: int
    ends_at_ms: int | None = None  # None: no end but its owner's word
    cron: str | None = None
    zone: str | None = None
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody or something that can be told, by its reference."""

    ref: str
    name: str
    is_enabled: bool = True
    fallback: str | None = None  # told in its stead while it is disabled
    kind: str = "email"  # of contact points


@dataclass(frozen=True, slots=True)
class Policy:
    """All that decides whether and whom a team is told. Without routes everybody enabled is told."""

    routing: Routing = Routing()
    silences: tuple[Silence, ...] = ()
    maintenances: tuple[Maintenance, ...] = ()
    contacts: Mapping[str, Contact] = field(
        default_factory=dict
    )  # by reference; schedules are not among them
    version: int = 0


def parse_matcher(data: object, rules: Collection[str] | None = None, where: str = "matcher") -> Matcher:
    """Raises SettingError. `rules`: the names of all rules; None: whichever is named."""
    reader = Reader()
    found = _matcher(reader, data, where, rules)
    reader.end()
    return found


def parse(data: object, rules: Collection[str] | None = None, refs: Collection[str] | None = None) -> Routing:
    """Routing from plain data. Raises SettingError, a line for each fault.

    `rules`: the names of all rules. `refs`: who can be told, beside schedules. None: whichever is named.
    """
    reader = Reader()
    given = reader.fields(data, "the routing", ("routes", "escalations", "schedules", "quiet"))

    def rows(name: str) -> Iterable[tuple[str, object]]:
        return reader.rows(given.get(name), name, ROWS_MAX)

    routing = Routing(
        routes=tuple(_route(reader, one, where, rules) for where, one in rows("routes")),
        escalations=tuple(_escalation(reader, one, where) for where, one in rows("escalations")),
        schedules=tuple(_schedule(reader, one, where) for where, one in rows("schedules")),
        quiet=tuple(_quiet(reader, one, where) for where, one in rows("quiet")),
    )
    if not reader.problems:
        reader.problems += _loose_ends(routing, refs)
    reader.end()
    return routing


def plain(routing: Routing) -> dict[str, list[dict[str, Any]]]:
    """As `parse` reads it."""
    return {
        "routes": [_plain_route(one) for one in routing.routes],
        "escalations": [
            {
                "id": one.id,
                "name": one.name,
                "steps": [{"after_minutes": s.after_minutes, "contacts": [*s.contacts]} for s in one.steps],
                "repeat_minutes": one.repeat_minutes,
            }
            for one in routing.escalations
        ],
        "schedules": [_plain_schedule(one) for one in routing.schedules],
        "quiet": [
            {
                "id": one.id,
                "name": one.name,
                "zone": one.zone,
                "from": _clock(one.from_minute),
                "until": _clock(one.until_minute),
                "weekdays": None if one.weekdays is None else [*one.weekdays],
            }
            for one in routing.quiet
        ],
    }


def plain_matcher(matcher: Matcher) -> dict[str, Any]:
    """As `parse_matcher` reads it; what is not given is left out."""
    told = {
        "severity_min": None if matcher.severity_min is None else matcher.severity_min.value,
        **{name: [*getattr(matcher, name)] for name in MATCHER_LISTS},
    }
    return {name: value for name, value in told.items() if value}


def faults(one: Maintenance) -> list[str]:
    """What is wrong with a maintenance's times."""
    problems = []
    if one.ends_at_ms is not None and one.ends_at_ms <= one.starts_at_ms:
        problems.append("ends_at_ms must be after starts_at_ms")
    if one.cron is None:
        if one.zone is not None or one.duration_ms is not None:
            problems.append("zone and duration_minutes belong to a cron; without one give ends_at_ms")
        return problems
    if one.zone is None or one.duration_ms is None:
        problems.append("a cron needs zone and duration_minutes")
    for check, value in ((cron.parse, one.cron), (zone_of, one.zone)):
        try:
            if value is not None:
                check(value)
        except SettingError as error:
            problems.append(str(error))
    return problems


# --- reading ----------------------------------------------------------------------------------------------

MATCHER_LISTS: Final = ("rules", "subjects", "labels", "groups", "validators", "kinds")


def _matcher(reader: Reader, data: object, where: str, rules: Collection[str] | None) -> Matcher:
    given = reader.fields(data, where, ("severity_min", *MATCHER_LISTS))
    lists = {name: reader.words(given.get(name), f"{where}.{name}", LIST_MAX) for name in MATCHER_LISTS}
    unknown = [rule for rule in lists["rules"] if rules is not None and rule not in rules]
    reader.problems += [f"{where}.rules: there is no rule {rule} (see `vedette rules`)" for rule in unknown]
    kinds = [reader.one_of(kind, f"{where}.kinds", SubjectKind) for kind in lists["kinds"]]
    severity = given.get("severity_min")
    return Matcher(
        severity_min=None if severity is None else reader.one_of(severity, f"{where}.severity_min", Severity),
        rules=lists["rules"],
        subjects=tuple(lower_address(one) for one in lists["subjects"]),
        labels=lists["labels"],
        groups=lists["groups"],
        validators=tuple(lower_address(one) for one in lists["validators"]),
        kinds=tuple(kind for kind in kinds if kind is not None),
    )


def lower_address(address: str) -> str:
    """Addresses are kept in small letters; ids of other subjects are as they are."""
    return address.lower() if address[:2] in {"0x", "0X"} else address


def _route(reader: Reader, data: object, where: str, rules: Collection[str] | None) -> Route:
    names = ("id", "name", "match", "contacts", "escalation", "quiet", "goes_on")
    given = reader.fields(data, where, names)
    return Route(
        id=reader.id(given.get("id"), f"{where}.id"),
        name=reader.text(given.get("name"), f"{where}.name"),
        match=_matcher(reader, given.get("match"), f"{where}.match", rules),
        contacts=_refs(reader, given.get("contacts"), f"{where}.contacts"),
        escalation=reader.link(given.get("escalation"), f"{where}.escalation"),
        quiet=reader.link(given.get("quiet"), f"{where}.quiet"),
        goes_on=reader.flag(given.get("goes_on", False), f"{where}.goes_on"),
    )


def _escalation(reader: Reader, data: object, where: str) -> Escalation:
    given = reader.fields(data, where, ("id", "name", "steps", "repeat_minutes"))
    rows = reader.rows(given.get("steps"), f"{where}.steps", STEPS_MAX)
    steps = tuple(_step(reader, one, at) for at, one in rows)
    minutes = [step.after_minutes for step in steps]
    if not steps or minutes != sorted(set(minutes)):
        reader.wrong(f"{where}.steps", "must be one at least, each later than the one before")
    repeat = given.get("repeat_minutes")
    return Escalation(
        id=reader.id(given.get("id"), f"{where}.id"),
        name=reader.text(given.get("name"), f"{where}.name"),
        steps=steps,
        repeat_minutes=None
        if repeat is None
        else reader.whole(repeat, f"{where}.repeat_minutes", 1, AFTER_MINUTES_MAX),
    )


def _step(reader: Reader, data: object, where: str) -> Step:
    given = reader.fields(data, where, ("after_minutes", "contacts"))
    return Step(
        reader.whole(given.get("after_minutes"), f"{where}.after_minutes", 1, AFTER_MINUTES_MAX),
        _refs(reader, given.get("contacts"), f"{where}.contacts"),
    )


def _schedule(reader: Reader, data: object, where: str) -> Schedule:
    given = reader.fields(data, where, ("id", "name", "zone", "rotation", "overrides"))
    overrides = reader.rows(given.get("overrides"), f"{where}.overrides", OVERRIDES_MAX)
    return Schedule(
        id=reader.id(given.get("id"), f"{where}.id"),
        name=reader.text(given.get("name"), f"{where}.name"),
        zone=_zone(reader, given.get("zone"), f"{where}.zone"),
        rotation=_rotation(reader, given.get("rotation"), f"{where}.rotation"),
        overrides=tuple(_override(reader, one, at) for at, one in overrides),
    )


def _rotation(reader: Reader, data: object, where: str) -> Rotation:
    given = reader.fields(data, where, ("people", "handover", "every_days", "starts_on"))
    at = f"{where}.handover"
    handover = reader.fields(given.get("handover"), at, ("weekday", "hour", "minute"))
    weekday, every_days = handover.get("weekday"), given.get("every_days")
    if weekday is not None and isinstance(every_days, int) and every_days % 7:
        reader.wrong(f"{where}.every_days", "must be whole weeks (7, 14, ...) where a weekday is given")
    return Rotation(
        people=_refs(reader, given.get("people"), f"{where}.people", (CONTACT, SETTINGS)),
        handover=Handover(
            hour=reader.whole(handover.get("hour"), f"{at}.hour", 0, 23),
            minute=reader.whole(handover.get("minute"), f"{at}.minute", 0, 59),
            weekday=None if weekday is None else reader.whole(weekday, f"{at}.weekday", 0, 6),
        ),
        every_days=reader.whole(every_days, f"{where}.every_days", 1, EVERY_DAYS_MAX),
        starts_on=reader.day(given.get("starts_on"), f"{where}.starts_on"),
    )


def _override(reader: Reader, data: object, where: str) -> Override:
    given = reader.fields(data, where, ("from_ms", "until_ms", "contact"))
    from_ms = reader.whole(given.get("from_ms"), f"{where}.from_ms", 0, FAR_MS)
    until_ms = reader.whole(given.get("until_ms"), f"{where}.until_ms", 0, FAR_MS)
    if until_ms <= from_ms:
        reader.wrong(f"{where}.until_ms", "must be after from_ms")
    people = _refs(reader, [given.get("contact")], f"{where}.contact", (CONTACT, SETTINGS))
    return Override(from_ms, until_ms, people[0] if people else "")


def _quiet(reader: Reader, data: object, where: str) -> Quiet:
    given = reader.fields(data, where, ("id", "name", "zone", "from", "until", "weekdays"))
    days = given.get("weekdays")
    return Quiet(
        id=reader.id(given.get("id"), f"{where}.id"),
        name=reader.text(given.get("name"), f"{where}.name"),
        zone=_zone(reader, given.get("zone"), f"{where}.zone"),
        from_minute=reader.clock(given.get("from"), f"{where}.from"),
        until_minute=reader.clock(given.get("until"), f"{where}.until"),
        weekdays=None
        if days is None
        else tuple(
            reader.whole(day, f"{where}.weekdays", 0, 6)
            for _, day in reader.rows(days, f"{where}.weekdays", 7)
        ),
    )


def _zone(reader: Reader, given: object, where: str) -> str:
    name = reader.text(given, where)
    try:
        zone_of(name)
    except SettingError as error:
        reader.wrong(where, str(error))
    return name


def _refs(
    reader: Reader,
    given: object,
    where: str,
    kinds: tuple[str, ...] = (CONTACT, SETTINGS, SCHEDULE),
) -> tuple[str, ...]:
    refs = reader.words(given, where, CONTACTS_MAX)
    for ref in refs:
        if ref != MEMBERS and not ref.startswith(kinds):
            wanted = ", ".join(f"{kind}…" for kind in kinds)
            reader.wrong(where, f"names {ref!r}; write {wanted} or {MEMBERS}")
    return refs


def _loose_ends(routing: Routing, refs: Collection[str] | None) -> Iterator[str]:
    """Names of what is not there, and two of one name."""
    ids = {
        "routes": [one.id for one in routing.routes],
        "escalations": [one.id for one in routing.escalations],
        "schedules": [one.id for one in routing.schedules],
        "quiet": [one.id for one in routing.quiet],
    }
    for name, found in ids.items():
        twice = sorted({one for one in found if found.count(one) > 1})
        yield from (f"{name}: two have the id {one}" for one in twice)
    for route in routing.routes:
        if route.escalation is not None and route.escalation not in ids["escalations"]:
            yield f"route {route.id}: there is no escalation {route.escalation}"
        if route.quiet is not None and route.quiet not in ids["quiet"]:
            yield f"route {route.id}: there are no quiet hours {route.quiet}"
        if not route.contacts and route.escalation is None:
            yield f"route {route.id}: it tells nobody; name a contact"
    for where, ref in _named(routing):
        if ref.startswith(SCHEDULE):
            if ref.removeprefix(SCHEDULE) not in ids["schedules"]:
                yield f"{where}: there is no schedule {ref.removeprefix(SCHEDULE)}"
        elif refs is not None and ref not in refs:
            yield f"{where}: there is no contact {ref} (GET /api/v1/alerts/contacts lists them)"


def _named(routing: Routing) -> Iterator[tuple[str, str]]:
    for route in routing.routes:
        yield from ((f"route {route.id}", ref) for ref in route.contacts)
    for one in routing.escalations:
        yield from ((f"escalation {one.id}", ref) for step in one.steps for ref in step.contacts)
    for schedule in routing.schedules:
        people = (*schedule.rotation.people, *(over.contact for over in schedule.overrides))
        yield from ((f"schedule {schedule.id}", ref) for ref in people)


# --- writing ----------------------------------------------------------------------------------------------


def _plain_route(route: Route) -> dict[str, Any]:
    return {
        "id": route.id,
        "name": route.name,
        "match": plain_matcher(route.match),
        "contacts": [*route.contacts],
        "escalation": route.escalation,
        "quiet": route.quiet,
        "goes_on": route.goes_on,
    }


def _plain_schedule(schedule: Schedule) -> dict[str, Any]:
    rotation, handover = schedule.rotation, schedule.rotation.handover
    return {
        "id": schedule.id,
        "name": schedule.name,
        "zone": schedule.zone,
        "rotation": {
            "people": [*rotation.people],
            "handover": {
                "weekday": handover.weekday,
                "hour": handover.hour,
                "minute": handover.minute,
            },
            "every_days": rotation.every_days,
            "starts_on": rotation.starts_on.isoformat(),
        },
        "overrides": [
            {"from_ms": one.from_ms, "until_ms": one.until_ms, "contact": one.contact}
            for one in schedule.overrides
        ],
    }


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
