"""Whatever comes from outside, parsers say what it is or that it is nothing; none of them breaks.

Those with a home of their own are fed there: addresses and signatures (tests/conflux), `Forwarded`
(test_caller), targets and push subscriptions (tests/notify), the audit log (tests/store), log lines and node
files (tests/agent).
"""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.model.report import Envelope
from vedette.notify.guard import host_of, retry_after_s
from vedette.server.access import bearer, cookie, is_neighbour, same_secret
from vedette.server.browsers import browser_of
from vedette.server.live import EVENT_ID
from vedette.server.problems import methods_at
from vedette.server.settings import read

HEADER = st.tuples(
    st.sampled_from([b"authorization", b"cookie", b"host", b"forwarded", b"x-forwarded-for", b"via"]),
    st.binary(max_size=60)
    | st.sampled_from([b"Bearer x", b"a=b; a=c", b"[::1]:1", b"localhost", b"a=b;;=;"]),
)
HEADERS = st.lists(HEADER, max_size=6)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@given(HEADERS, st.text(max_size=10))
def test_cookies_and_bearers_are_found_whole_or_not_at_all(headers: Any, name: str) -> None:
    held = cookie(headers, name)
    if held is not None:
        assert f"{name}=".encode() in b"".join(value.decode("latin-1").encode() for _, value in headers)
        assert b";" not in held
    token = bearer(headers)
    assert token is None or token == token.strip()


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_cookie_told_twice_is_none(one: str, other: str) -> None:
    told = [(b"cookie", b"s=a; s=b")]
    assert cookie(told, "s") is None
    assert cookie([(b"cookie", b"s=a"), (b"cookie", b"s=a")], "s") == b"a"
    assert same_secret(one.encode(), other) == (one == other)


@given(HEADERS, st.none() | st.tuples(st.text(max_size=20), st.integers()))
def test_whoever_came_through_a_proxy_is_no_neighbour(headers: Any, client: Any) -> None:
    if is_neighbour(client, headers):
        assert not [name for name, _ in headers if name in {b"forwarded", b"x-forwarded-for", b"via"}]


@given(st.text(max_size=300))
def test_a_browser_is_named_in_a_few_plain_words(told: str) -> None:
    named = browser_of(told)
    assert len(named) <= 120
    assert named.isprintable()


@given(st.text(max_size=60))
def test_an_event_id_is_ours_or_nothing(told: str) -> None:
    found = EVENT_ID.fullmatch(told)
    assert (found is not None) == (re.fullmatch(r"[0-9a-f]{1,24}-[0-9]{1,15}", told, re.ASCII) is not None)


@given(st.text(max_size=80))
def test_urls_and_wishes_to_wait_never_break(told: str) -> None:
    assert host_of(told)
    wait_s = retry_after_s(told, datetime(2026, 1, 1, tzinfo=UTC))
    assert wait_s is None or 0 <= wait_s <= 3_600


@given(st.text(max_size=40))
def test_any_path_is_looked_up_in_the_document(path: str) -> None:
    assert methods_at({"paths": {"/a/{b}": {"get": {}}}}, path) in ([], ["GET", "HEAD"])
    assert methods_at({"paths": {"/a/{b}": {"get": {}}}}, f"/a/{path.replace('/', '')}x") != ["POST"]


@given(
    st.dictionaries(st.sampled_from(["database", "server", "mail", "limits", "security", "watch", "x"]), JSON)
)
def test_settings_complain_in_lines_and_never_break(told: dict[str, Any]) -> None:
    problems: list[str] = []
    read(told, problems, Path())
    for line in problems:
        assert line.startswith(("wrong setting:", "unknown setting:", "missing setting:"))


@given(st.binary(max_size=200) | JSON.map(msgspec.msgpack.encode))
def test_a_body_that_is_no_envelope_is_no_envelope(body: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        msgspec.msgpack.decode(body, type=Envelope)
