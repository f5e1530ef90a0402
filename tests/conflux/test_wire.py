"""A reply is an answer or one of a few errors, whatever bytes it is made of."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.conflux.wire import (
    BODY_BYTES_MAX,
    RETRY_AFTER_S,
    RETRY_AFTER_S_MAX,
    Garbled,
    Limited,
    Refused,
    RpcError,
    Unreachable,
    answer,
    batch_answer,
    batch_request,
    checked_url,
    endpoint_name,
    limited,
    request,
)
from vedette.model.errors import SettingError

JSON = "application/json; charset=utf-8"


def reply(**parts: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1} | parts).encode()


def test_a_question_is_what_the_protocol_asks_for() -> None:
    assert json.loads(request(7, "pos_getBlockByNumber", ["0x1"])) == {
        "jsonrpc": "2.0",
        "id": 7,
        "method": "pos_getBlockByNumber",
        "params": ["0x1"],
    }


def test_null_is_an_answer() -> None:
    assert answer(reply(result=None), 200, JSON) is None


def test_a_method_that_is_left_out_is_refused_with_its_remedy() -> None:
    error = {"code": -32601, "message": "Method not found"}
    with pytest.raises(Refused) as caught:
        answer(reply(error=error), 200, JSON, method="pos_getStatus")
    assert str(caught.value) == (
        "The node refused pos_getStatus: Method not found (-32601). Its public_rpc_apis"
        ' ("safe" by default) leaves out pos: ask the local port 12539, or add pos.'
    )


def test_nobody_is_advised_to_open_the_debug_methods() -> None:
    error = {"code": -32601, "message": "Method not found"}
    with pytest.raises(Refused, match="never open it to others"):
        answer(reply(error=error), 200, JSON, method="test_posVotingStatus")


def test_another_refusal_has_no_remedy() -> None:
    with pytest.raises(Refused) as caught:
        answer(reply(error={"code": -32078, "message": "PoS chain is not enabled"}), 200, JSON)
    assert (caught.value.code, caught.value.remedy) == (-32078, "")


@pytest.mark.parametrize(
    "body, status, content_type, kind, said",
    [
        (b"<html>hello</html>", 200, "text/html", Garbled, "text/html, not JSON-RPC"),
        (b'{"jsonrpc": "2.0", "resu', 200, JSON, Garbled, "JSON-RPC port?"),
        (b"", 200, JSON, Garbled, "nothing"),
        (b"<h1>502</h1>", 502, "text/html", Unreachable, "HTTP 502"),
        (b'{"message": "slow down"}', 429, JSON, Unreachable, "HTTP 429"),
        (b"", 302, "", Garbled, "redirects are not followed"),
        (b"Used HTTP Method is not allowed.", 405, "text/plain", Garbled, "HTTP 405"),
        (b"[1, 2]", 200, JSON, Garbled, "with list"),
        (reply(), 200, JSON, Garbled, "neither result nor error"),
        (reply(id=2, result=1), 200, JSON, Garbled, "another id"),
        (reply(error="no"), 200, JSON, Garbled, "without a code"),
        (reply(error={"code": 1 << 70, "message": "x"}), 200, JSON, Garbled, "without a code"),
        (b"[" * 100_000, 200, JSON, Garbled, "not JSON-RPC"),
        (b" " * (BODY_BYTES_MAX + 1), 200, JSON, Garbled, "more than 16 MiB"),
        (b'{"jsonrpc":"2.0","id":1,"result":"\\ud800"}', 200, JSON, Garbled, "not JSON-RPC"),
    ],
)
def test_every_oddity_is_one_clear_line(
    body: bytes, status: int, content_type: str, kind: type[RpcError], said: str
) -> None:
    with pytest.raises(kind) as caught:
        answer(body, status, content_type)
    line = str(caught.value)
    assert said in line
    assert line.isprintable()
    assert len(line) < 400


def test_a_gateway_may_refuse_with_a_status_and_an_error() -> None:
    with pytest.raises(Refused, match="rate limit"):
        answer(reply(error={"code": -32005, "message": "rate limit"}), 429, JSON)


@pytest.mark.parametrize(
    "words, wait_s",
    [
        ("request rate exceeded: Too many requests (exceeds 10), try again after 42ms", 0.042),
        (
            "daily request count exceeded: Too many requests (exceeds 100000), try again after 19m58.835s",
            1198.835,
        ),
        ("too many requests, try again in 1h0m2s", 3602),
        ("Too many requests (exceeds 5)", RETRY_AFTER_S),
        ("too many requests, try again after 1.2.3s", RETRY_AFTER_S),
        ("too many requests, try again after 999999999h", RETRY_AFTER_S_MAX),
    ],
)
def test_what_a_public_gateway_says_of_its_limit_is_understood(words: str, wait_s: float) -> None:
    error = {"code": -32005, "message": words}
    with pytest.raises(Limited) as caught:
        answer(reply(error=error), 200, JSON)
    assert caught.value.retry_after_s == pytest.approx(wait_s)
    first, second = batch_answer(
        json.dumps([{"id": 0, "result": 1}, {"id": 1, "error": error}]).encode(),
        200,
        JSON,
        methods=["a", "b"],
    )
    assert first == 1
    assert isinstance(second, Limited)


@pytest.mark.parametrize(
    "header, body, wait_s",
    [
        ("3", b"", 3),
        (" 0.5 ", b"try again after 9s", 0.5),
        (None, b"Too many requests, try again after 450ms", 0.45),
        ("Wed, 21 Oct 2026 07:28:00 GMT", b"", RETRY_AFTER_S),
        ("-1", b"\xff", RETRY_AFTER_S),
        ("9" * 9, b"", RETRY_AFTER_S_MAX),
    ],
)
def test_a_status_that_limits_us_says_for_how_long(header: str | None, body: bytes, wait_s: float) -> None:
    found = limited(429, header, body, "pos_getStatus")
    assert found is not None
    assert found.retry_after_s == pytest.approx(wait_s)
    assert limited(200, header, body, "pos_getStatus") is None


def test_a_strangers_message_stays_on_one_printable_line() -> None:
    with pytest.raises(Refused) as caught:
        answer(reply(error={"code": 1, "message": "a\nb\x1b[31m" + "c" * 1000}), 200, JSON)
    assert str(caught.value).isprintable()
    assert len(caught.value.message) <= 200


def test_a_batch_comes_back_in_the_order_of_its_questions() -> None:
    assert [call["id"] for call in json.loads(batch_request([("a", []), ("b", [1])]))] == [0, 1]
    body = json.dumps([{"id": 1, "result": "b"}, {"id": 0, "error": {"code": -1, "message": "no"}}]).encode()
    first, second, third = batch_answer(body, 200, JSON, methods=["a", "b", "c"])
    assert isinstance(first, Refused)
    assert second == "b"
    assert isinstance(third, Garbled)


def test_a_batch_that_is_refused_as_a_whole_raises() -> None:
    with pytest.raises(Refused, match="too many"):
        batch_answer(reply(error={"code": -32600, "message": "too many"}), 200, JSON, methods=["a"])


def line_of(read: Callable[[], Any]) -> str:
    """What an RpcError said; empty if there was none. Anything else that is raised fails the test."""
    try:
        read()
    except RpcError as error:
        return str(error)
    return ""


@given(st.binary(), st.integers(100, 599), st.text())
def test_no_bytes_raise_anything_else(body: bytes, status: int, content_type: str) -> None:
    assert line_of(lambda: answer(body, status, content_type)).isprintable()
    assert line_of(lambda: batch_answer(body, status, content_type, methods=["a", "b"])).isprintable()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
replies = json_values | st.fixed_dictionaries(
    {}, optional={"id": json_values, "result": json_values, "error": json_values}
)


@given(replies, st.sampled_from([200, 429, 500]))
def test_no_json_raises_anything_else(value: Any, status: int) -> None:
    one, two = json.dumps(value).encode(), json.dumps([value, value]).encode()
    assert line_of(lambda: answer(one, status, JSON)).isprintable()
    assert line_of(lambda: batch_answer(two, status, JSON, methods=["a", "b"])).isprintable()


def test_a_url_is_named_without_its_secrets() -> None:
    assert endpoint_name("https://user:secret@main.confluxrpc.com/key") == "main.confluxrpc.com:443"
    assert endpoint_name("http://[::1]:12539") == "[::1]:12539"


@pytest.mark.parametrize(
    "url", ["", "12539", "ftp://a", "http://", "http://a:b", "http://[::1", "http://a:0"]
)
def test_a_wrong_url_names_its_setting(url: str) -> None:
    with pytest.raises(SettingError, match=r"^node: "):
        checked_url(url)
