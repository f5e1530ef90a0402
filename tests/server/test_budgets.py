"""Budgets: what one caller may ask, by the clock, within bounded memory, and said in the standard headers."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.model.people import FIRST_TEAM, PUBLIC, KeyHeld, Role, Who
from vedette.server import budgets
from vedette.server.access import NEIGHBOUR, TOKEN_BEARER
from vedette.server.budgets import Budget, Budgets, headers, is_counted, wait_s
from vedette.server.caller import Caller
from vedette.server.settings import LimitSetting

STRANGER = Caller("203.0.113.7")
ALICE = Who(FIRST_TEAM, Role.OWNER, user_id=1, session_id="s1")
KEY = Who(None, key=KeyHeld("k1", FIRST_TEAM, frozenset()))
SMALL = LimitSetting(per_minute=20, known_per_minute=40, searches_per_minute=3, known_searches_per_minute=5)


class HandTime:
    def __init__(self) -> None:
        self.ms = 1_000_000.0

    def __call__(self) -> float:
        return self.ms


def asked(path: str = "/api/v1/network", query: str = "") -> dict[str, Any]:
    return {"path": path, "query_string": query.encode()}


def taken(purse: Budgets, who: Who, caller: Caller, scope: dict[str, Any], most: int = 1_000) -> int:
    """How many requests go through before one does not."""
    return next((n for n in range(most) if wait_s(purse.take(who, caller, scope))), most)


def test_a_budget_is_spent_and_fills_again() -> None:
    now = HandTime()
    budget = Budget("address", 60, now)
    assert [budget.take("a").remaining for _ in range(60)] == list(range(59, -1, -1))
    over = budget.take("a")
    assert (over.wait_s, over.remaining, over.full_s) == (1, 0, 60)
    assert budget.take("b").remaining == 59, "another has a budget of his own"
    now.ms += 1_000
    assert budget.take("a").wait_s == 0
    assert budget.take("a").wait_s == 1
    now.ms += 60_000
    assert budget.take("a").remaining == 59


def test_what_is_dear_costs_more_and_never_more_than_all_there_is() -> None:
    budget = Budget("address", 15, HandTime())
    assert [budget.take("a", 10).wait_s for _ in range(2)] == [0, 20]
    assert budget.take("b", 100).remaining == 0


def test_memory_is_bounded_whoever_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "CALLERS_MAX", 100)
    now = HandTime()
    budget = Budget("address", 10, now)
    for number in range(1_000):
        budget.take("busy")
        budget.take(str(number))
        now.ms += 3_000
    assert len(budget) == 100
    assert budget.take("busy").remaining < 2, "who comes often is not forgotten"


@pytest.mark.parametrize(
    ("who", "caller", "requests"),
    [
        (PUBLIC, STRANGER, 20),
        (PUBLIC, Caller("2001:db8::1"), 20),
        (ALICE, STRANGER, 40),
        (KEY, STRANGER, 40),
        (TOKEN_BEARER, STRANGER, 40),
        (NEIGHBOUR, Caller("127.0.0.1"), 1_000),
    ],
)
def test_who_may_ask_how_much(who: Who, caller: Caller, requests: int) -> None:
    assert taken(Budgets(SMALL, HandTime()), who, caller, asked()) == requests


def test_whose_budget_it_is() -> None:
    purse = Budgets(SMALL, HandTime())
    taken(purse, PUBLIC, STRANGER, asked())
    taken(purse, PUBLIC, Caller("2001:db8::1"), asked())
    assert taken(purse, PUBLIC, Caller("2001:db8::ffff"), asked()) == 0, "of the same household"
    assert taken(purse, PUBLIC, Caller("2001:db8:0:1::1"), asked()) == 20
    assert taken(purse, ALICE, STRANGER, asked()) == 40, "strangers beside her leave her hers"
    again = Who(FIRST_TEAM, Role.OWNER, user_id=1, session_id="s2")
    assert taken(purse, again, Caller("198.51.100.1"), asked()) == 0, "another session is no other budget"


@pytest.mark.parametrize(
    ("path", "query", "requests"),
    [
        ("/api/v1/epochs", "format=csv", 2),
        ("/api/v1/epochs", "format=parquet", 1),
        ("/api/v1/epochs", "%66ormat=c%73v", 2),
        ("/api/v1/validators", "q=ab", 3),
        ("/api/v1/validators/0xab", "window=7d&look=true", 3),
        ("/api/v1/validators/0xab", "look=1", 3),
        ("/api/v1/wallets/cfx:aa", "", 3),
        ("/api/v1/validators", "window=7d&seq=1", 20),
    ],
)
def test_what_costs_more(path: str, query: str, requests: int) -> None:
    assert taken(Budgets(SMALL, HandTime()), PUBLIC, STRANGER, asked(path, query)) == requests


def test_a_quota_of_zero_is_none() -> None:
    purse = Budgets(LimitSetting(per_minute=0, searches_per_minute=0), HandTime())
    assert purse.take(PUBLIC, STRANGER, asked(query="q=a")) == []


@pytest.mark.parametrize(
    ("method", "path", "counted"),
    [
        ("GET", "/api/v1/network", True),
        ("GET", "/api/v1/live", True),
        ("POST", "/api/v1/agents", True),
        ("GET", "/readyz", True),
        ("GET", "/badge/0xab.svg", True),
        ("POST", "/api/v1/reports", False),
        ("GET", "/assets/index.js", False),
        ("GET", "/validators", False),
        ("GET", "/healthz", False),
    ],
)
def test_what_counts(method: str, path: str, counted: bool) -> None:
    assert is_counted(method, path) is counted


def test_the_headers_are_the_drafts() -> None:
    purse = Budgets(SMALL, HandTime())
    told = dict(headers(purse.take(PUBLIC, STRANGER, asked(query="q=a"))))
    assert told[b"ratelimit-policy"] == b'"address";q=20;w=60, "search";q=3;w=60'
    assert told[b"ratelimit"] == b'"address";r=19;t=3, "search";r=2;t=20'
    assert b"retry-after" not in told
    taken(purse, PUBLIC, STRANGER, asked(query="q=a"))
    told = dict(headers(purse.take(PUBLIC, STRANGER, asked(query="q=a"))))
    assert told[b"retry-after"] == b"20"
    assert not dict(headers([]))


def test_an_unknown_proxy_that_asks_for_many_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    purse = Budgets(SMALL, HandTime())
    taken(purse, PUBLIC, STRANGER, asked())
    purse.take(PUBLIC, STRANGER, asked())
    assert not caplog.messages
    proxy = Caller("192.0.2.1", is_proxy=True)
    taken(purse, PUBLIC, proxy, asked())
    purse.take(PUBLIC, proxy, asked())
    (line,) = caplog.messages
    assert "server.trusted_proxies" in line
    assert "192.0.2.1" not in line


@given(st.lists(st.tuples(st.integers(0, 30_000), st.integers(1, 25)), max_size=80), st.integers(1, 100))
def test_never_more_than_the_quota_in_a_minute_plus_one_and_never_a_wrong_word(
    steps: list[tuple[int, int]], quota: int
) -> None:
    now = HandTime()
    budget, paid = Budget("address", quota, now), [(0.0, 0)]
    for pause_ms, cost in steps:
        now.ms += pause_ms
        left = budget.take("a", cost)
        assert 0 <= left.remaining <= quota
        assert 0 <= left.full_s <= 60
        if left.wait_s:
            assert re.fullmatch(rb"[0-9]+", dict(headers([left]))[b"retry-after"])
            now.ms += 1_000 * left.wait_s
            assert not budget.take("a", cost).wait_s, "who waits as he is told is let in"
        paid.append((now.ms, min(cost, quota)))
    for start, _ in paid:
        spent = sum(cost for at, cost in paid if start <= at < start + 60_000)
        assert spent <= 2 * quota, "a full budget, and what fills in the meantime"
