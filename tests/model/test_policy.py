"""How a team wants to be told, read from plain data."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.model.errors import SettingError
from vedette.model.incident import Severity, SubjectKind
from vedette.model.policy import (
    Maintenance,
    Matcher,
    Routing,
    faults,
    parse,
    parse_matcher,
    plain,
    plain_matcher,
)

WHOLE: dict[str, list[dict[str, Any]]] = {
    "routes": [
        {
            "id": "pages",
            "name": "What wakes",
            "match": {"severity_min": "critical", "rules": ["node_down"], "kinds": ["node"]},
            "contacts": ["schedule:week", "settings:email"],
            "escalation": "up",
            "quiet": None,
            "goes_on": True,
        },
        {
            "id": "rest",
            "name": "All else",
            "match": {},
            "contacts": ["contact:a1", "members"],
            "escalation": None,
            "quiet": "night",
            "goes_on": False,
        },
    ],
    "escalations": [
        {
            "id": "up",
            "name": "Up",
            "steps": [
                {"after_minutes": 15, "contacts": ["contact:a1"]},
                {"after_minutes": 30, "contacts": ["members"]},
            ],
            "repeat_minutes": 60,
        }
    ],
    "schedules": [
        {
            "id": "week",
            "name": "Weeks",
            "zone": "Europe/Berlin",
            "rotation": {
                "people": ["contact:a1", "contact:b2"],
                "handover": {"weekday": 0, "hour": 9, "minute": 30},
                "every_days": 7,
                "starts_on": "2026-11-02",
            },
            "overrides": [{"from_ms": 1_000, "until_ms": 2_000, "contact": "contact:b2"}],
        }
    ],
    "quiet": [
        {
            "id": "night",
            "name": "Night",
            "zone": "Asia/Shanghai",
            "from": "22:00",
            "until": "07:05",
            "weekdays": [0, 1, 2],
        }
    ],
}
REFS = ("contact:a1", "contact:b2", "settings:email", "members")


def test_what_is_read_is_written_as_it_was() -> None:
    """Nothing is lost on the way through the records."""
    assert plain(parse(WHOLE, {"node_down"}, REFS)) == WHOLE
    assert parse(None) == Routing()


def changed(path: str, value: Any) -> dict[str, Any]:
    """The whole with one thing changed: `routes.0.match`."""
    copy: Any = parse_copy(WHOLE)
    *way, last = [int(word) if word.isdigit() else word for word in path.split(".")]
    place = copy
    for word in way:
        place = place[word]
    place[last] = value
    return dict(copy)


def parse_copy(data: Any) -> Any:
    if isinstance(data, dict):
        return {name: parse_copy(value) for name, value in data.items()}
    return [parse_copy(value) for value in data] if isinstance(data, list) else data


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("routes.0.match", {"rules": ["no_such"]}, "there is no rule no_such"),
        ("routes.0.match", {"severity_min": "loud"}, "severity_min must be one of info, warning, critical"),
        ("routes.0.match", {"colour": "red"}, r"routes\[0\].match has no 'colour'"),
        ("routes.0.match", {"kinds": ["tree"]}, "kinds must be one of"),
        ("routes.0.contacts", ["contact:gone"], "there is no contact contact:gone"),
        ("routes.0.contacts", ["push:1"], "names 'push:1'"),
        ("routes.0.contacts", ["schedule:none"], "there is no schedule none"),
        ("routes.0.contacts", "contact:a1", "contacts must be a list"),
        ("routes.0.escalation", "none", "there is no escalation none"),
        ("routes.0.goes_on", 1, "goes_on must be true or false"),
        ("routes.1.contacts", [], "route rest: it tells nobody"),
        ("routes.1.id", "pages", "routes: two have the id pages"),
        ("routes.1.id", "a b", "must be 1 to 32 letters"),
        ("routes.1.quiet", "none", "there are no quiet hours none"),
        ("escalations.0.steps", [], "one at least"),
        ("escalations.0.steps.1.after_minutes", 15, "each later than the one before"),
        ("escalations.0.steps.0.after_minutes", 0, "whole number from 1"),
        ("escalations.0.repeat_minutes", True, "whole number from 1"),
        ("schedules.0.zone", "Mars/Olympus", "there is no time zone"),
        ("schedules.0.rotation.every_days", 3, "whole weeks"),
        ("schedules.0.rotation.starts_on", "tomorrow", 'a day like "2026-11-02"'),
        ("schedules.0.rotation.people", ["schedule:week"], "names 'schedule:week'"),
        ("schedules.0.rotation.handover.hour", 24, "hour must be a whole number from 0 to 23"),
        ("schedules.0.overrides.0.until_ms", 1_000, "until_ms must be after from_ms"),
        ("quiet.0.from", "25:00", 'a time of day like "22:00"'),
        ("quiet.0.weekdays", [7], "weekdays must be a whole number from 0 to 6"),
    ],
)
def test_each_fault_has_a_line_that_says_where(path: str, value: Any, says: str) -> None:
    """And what would be right."""
    with pytest.raises(SettingError, match=says):
        parse(changed(path, value), {"node_down"}, REFS)


def test_all_faults_are_told_at_once() -> None:
    """A line each."""
    bad = changed("routes.0.goes_on", "yes") | {"more": 1}
    bad["quiet"] = [{**WHOLE["quiet"][0], "zone": "nowhere", "until": "late"}]
    with pytest.raises(SettingError) as told:
        parse(bad, {"node_down"}, REFS)
    assert len(str(told.value).splitlines()) == 4


def test_a_matcher_leaves_out_what_is_not_given() -> None:
    """An empty list is not given; addresses are in small letters."""
    address = "0x" + "AB" * 32
    told = parse_matcher({"rules": [], "validators": [address], "subjects": ["Node1", address]})
    assert told == Matcher(validators=(address.lower(),), subjects=("Node1", address.lower()))
    assert plain_matcher(Matcher()) == {}
    full = Matcher(Severity.WARNING, ("a",), ("b",), ("c",), ("d",), ("e",), (SubjectKind.NODE,))
    assert parse_matcher(plain_matcher(full)) == full


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["routes", "id", "match"]), inner)
    ),
    max_leaves=20,
)


@given(junk)
def test_no_data_does_worse_than_being_refused(data: Any) -> None:
    """Whatever it is."""
    try:
        found = parse(data)
    except SettingError:
        return
    assert parse(plain(found)) == found


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"ends_at_ms": 10}, "after starts_at_ms"),
        ({"zone": "UTC"}, "belong to a cron"),
        ({"cron": "0 3 * * *", "zone": "UTC"}, "needs zone and duration_minutes"),
        ({"cron": "0 3 * *", "zone": "UTC", "duration_ms": 1}, "five fields"),
        ({"cron": "0 3 * * *", "zone": "nowhere", "duration_ms": 1}, "no time zone"),
    ],
)
def test_a_maintenance_whose_times_are_wrong_says_so(more: dict[str, Any], says: str) -> None:
    """Once, or by cron with all that it needs."""
    [line] = faults(Maintenance("m", 1, "m", Matcher(), "", "ana", 0, 10, **more))
    assert says in line
