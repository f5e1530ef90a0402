"""Which routes take what is critical and wake nobody."""

import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.alerts.test_routing import ANA, BO, CONTACTS, CY, route
from vedette.alerts.limits import Limits
from vedette.alerts.rules import RULES
from vedette.alerts.waking import CALM, silent_routes
from vedette.model.incident import Severity
from vedette.model.policy import Contact, Policy, parse

RINGS = {ANA}
OFF = CONTACTS | {BO: Contact(BO, "bo", is_enabled=False, fallback=ANA)}
TURNS = {
    "id": "week",
    "name": "week",
    "zone": "UTC",
    "rotation": {
        "people": [ANA, BO],
        "handover": {"weekday": None, "hour": 9, "minute": 0},
        "every_days": 1,
        "starts_on": "2026-11-02",
    },
}
STEPS = [{"after_minutes": 15, "contacts": [ANA]}]


def silent(routes: list[dict[str, Any]], limits: Limits | None = None, **more: Any) -> list[str]:
    contacts = more.pop("contacts", CONTACTS)
    policy = Policy(parse({"routes": routes, **more}), contacts=contacts)
    return [one.id for one in silent_routes(policy, limits or Limits(), RINGS)]


def only(*rules: str) -> dict[str, Any]:
    return {"rules": list(rules)}


@pytest.mark.parametrize(
    ("routes", "more", "found"),
    [
        ([], {}, []),
        ([route("a", ANA)], {}, []),
        ([route("a", BO)], {}, ["a"]),
        ([route("a", BO, CY, ANA)], {}, []),
        ([route("a", "contact:gone")], {}, ["a"]),
        ([route("a", BO)], {"contacts": OFF}, []),
        ([route("a", BO, match=only("node_down")), route("b", ANA)], {}, ["a"]),
        ([route("a", BO, match=only("node_down"), goes_on=True), route("b", ANA)], {}, []),
        (
            [route("a", BO, goes_on=True), route("b", ANA, match={"groups": ["eu"]})],
            {},
            ["a"],
        ),
        (
            [
                route("a", BO, match={"groups": ["eu"]}, goes_on=True),
                route("b", CY, match={"groups": ["eu"]}),
                route("c", ANA),
            ],
            {},
            ["a", "b"],
        ),
        ([route("a", BO, match=only("unlock_near", "low_gas"))], {}, []),
        ([route("a", BO, match={"severity_min": "critical"})], {}, ["a"]),
        (
            [route("a", BO, escalation="up")],
            {"escalations": [{"id": "up", "name": "up", "steps": STEPS}]},
            [],
        ),
        ([route("a", "schedule:week")], {"schedules": [TURNS]}, ["a"]),
        ([route("a", "schedule:week")], {"schedules": [TURNS], "contacts": OFF}, []),
    ],
)
def test_a_route_that_takes_pages_and_wakes_nobody_is_found(
    routes: list[dict[str, Any]], more: dict[str, Any], found: list[str]
) -> None:
    assert silent(routes, **more) == found


def test_what_the_team_never_wants_critical_need_wake_nobody() -> None:
    quiet = Limits(rules={"node_down": {"loudest": Severity.WARNING}})
    routes = [route("a", BO, match=only("node_down"))]
    assert silent(routes, quiet) == []
    own = {"n1": {"node_down": {"loudest": Severity.CRITICAL}}}
    assert silent(routes, Limits(rules=quiet.rules, subjects=own)) == ["a"]


@pytest.mark.parametrize("name", sorted(CALM))
def test_calm_rules_find_nothing_critical(name: str) -> None:
    (rule,) = (one for one in RULES if one.name == name)
    assert "CRITICAL" not in inspect.getsource(inspect.getmodule(rule.judge))  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.sampled_from([ANA, BO, CY]), st.booleans()), max_size=5))
def test_with_one_that_rings_on_every_route_none_is_silent(rows: list[tuple[str, bool]]) -> None:
    routes = [route(f"r{n}", ref, goes_on=goes) for n, (ref, goes) in enumerate(rows)]
    assert set(silent(routes)) <= {f"r{n}" for n, (ref, _) in enumerate(rows) if ref != ANA}
    assert silent([route(f"r{n}", ref, ANA) for n, (ref, _) in enumerate(rows)]) == []
