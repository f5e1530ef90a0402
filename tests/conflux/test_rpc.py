import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.stub_node import StubNode, served
from vedette.conflux.rpc import CONCURRENT_CALLS, Budget, Rpc, open_session, spend
from vedette.conflux.wire import Garbled, Limited, Refused, RpcError, Unreachable
from vedette.model.errors import SettingError

Way = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def http(
    body: bytes, *, status: str = "200 OK", headers: str = "Content-Type: application/json\r\n"
) -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


def saying(answer: bytes) -> Way:
    async def way(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    return way


def batch_of(*replies: Any) -> Way:
    return saying(http(json.dumps(replies).encode()))


async def hanging(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)  # until the caller gives up


async def cut(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Close without a word."""


@asynccontextmanager
async def node(way: Way, path: str = "", **how: Any) -> AsyncIterator[Rpc]:
    """An endpoint that behaves in one way."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await way(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, open_session() as session:
        yield Rpc(f"http://127.0.0.1:{port}{path}", session=session, **how)


async def test_a_real_call_and_a_real_batch_are_answered() -> None:
    stub = StubNode(committed=30)
    async with served(stub), open_session() as session:
        rpc = Rpc(stub.url, session=session)
        assert await rpc.ask("pos_getBlockByNumber", "0x63") is None
        blocks = await rpc.batch([("pos_getBlockByNumber", (hex(h),)) for h in (5, 4, 99)])
    assert blocks == [stub.block(5), stub.block(4), None]


async def test_no_calls_are_no_question() -> None:
    async with node(cut) as rpc:
        assert await rpc.batch([]) == []


@pytest.mark.parametrize(
    "way, kind, words",
    [
        (hanging, Unreachable, "No answer to pos_getStatus within 0.2 s."),
        (cut, Unreachable, "the connection was cut off"),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), Unreachable, "cut off"),
        (saying(b"SSH-2.0-OpenSSH\r\n"), Unreachable, "cut off"),
        (saying(http(b"", status="302 Found", headers="Location: http://a/\r\n")), Garbled, "redirects"),
        (saying(http(b"<html>", status="502 Bad Gateway")), Unreachable, "HTTP 502"),
        (saying(http(b"slow down", status="429 Too Many")), Unreachable, "HTTP 429"),
        (saying(http(b"<html>")), Garbled, "JSON-RPC port"),
        (saying(http(b"[" * 100_000)), Garbled, "JSON-RPC port"),
        (saying(http(b"\x1f\x8b\x08", headers="Content-Encoding: gzip\r\n")), Garbled, "JSON-RPC port"),
        (
            saying(http(b'{"id":1,"error":{"code":-32601,"message":"Method not found"}}')),
            Refused,
            "public_rpc_apis",
        ),
        (saying(http(b'{"id":2,"result":7}')), Garbled, "another id"),
        (saying(http(b"7")), Garbled, "not with a JSON-RPC object"),
    ],
)
async def test_an_answer_that_is_none_has_one_clear_line(way: Way, kind: type[RpcError], words: str) -> None:
    async with node(way, deadline_s=0.2) as rpc:
        with pytest.raises(kind) as caught:
            await rpc.ask("pos_getStatus")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_an_endless_answer_ends_at_its_bound() -> None:
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
            sent += 0x10000
            try:
                await writer.drain()
            except ConnectionError:
                break

    async with node(endless, deadline_s=20) as rpc:
        with pytest.raises(Garbled, match="more than 16 MiB"):
            await rpc.ask("pos_getStatus")
    assert sent < 48 << 20


async def test_nobody_listening_is_said_with_a_question() -> None:
    async with open_session() as session:
        rpc = Rpc("http://127.0.0.1:9", session=session)
        with pytest.raises(Unreachable, match="connection refused; check that the node runs"):
            await rpc.ask("pos_getStatus")


async def test_a_batch_is_matched_by_id_not_by_place() -> None:
    ways = batch_of({"id": 2, "result": "c"}, {"id": 0, "result": "a"}, {"id": 1, "result": None})
    async with node(ways) as rpc:
        assert await rpc.batch([("a", ()), ("b", ()), ("c", ())]) == ["a", None, "c"]


async def test_each_part_of_a_batch_fails_for_itself() -> None:
    refused = {"id": 1, "error": {"code": -32016, "message": "PoS state of 3 not found"}}
    way = batch_of(
        refused, {"id": 0, "result": 1}, "junk", {"id": True, "result": 9}, {"id": [3], "result": 9}
    )
    async with node(way) as rpc:
        one, two, three = await rpc.batch([("a", ()), ("b", ()), ("c", ())])
    assert one == 1
    assert isinstance(two, Refused)
    assert "PoS state of 3 not found" in str(two)
    assert isinstance(three, Garbled)
    assert "no answer to c" in str(three)


@pytest.mark.parametrize(
    "body, kind",
    [
        (b'{"id":null,"error":{"code":-32005,"message":"too many"}}', Refused),
        (b'{"id":1,"result":[]}', Garbled),
        (b"3", Garbled),
        (b"", Garbled),
    ],
)
async def test_a_batch_without_a_list_fails_as_a_whole(body: bytes, kind: type[RpcError]) -> None:
    async with node(saying(http(body))) as rpc:
        with pytest.raises(kind):
            await rpc.batch([("a", ()), ("b", ())])


async def test_a_connection_closed_while_idle_is_no_failure() -> None:
    """The first answer promises to keep the connection, and then closes it."""
    async with node(saying(http(b'{"id":1,"result":7}'))) as rpc:
        for _ in range(5):
            assert await rpc.ask("pos_getStatus") == 7


async def test_secrets_of_the_url_are_never_shown() -> None:
    async with open_session() as session:
        rpc = Rpc("http://user:hunter2@127.0.0.1:9/key-hunter2?hunter2", session=session)
        assert rpc.name == "127.0.0.1:9"
        with pytest.raises(Unreachable) as caught:
            await rpc.ask("pos_getStatus")
        assert "hunter2" not in str(caught.value)
        assert "hunter2" not in repr(rpc)


@pytest.mark.parametrize(
    "url", ["ftp://a", "127.0.0.1:12537", "", "http://", "http://a:99999", "http://[::1"]
)
async def test_a_url_that_is_none_is_refused(url: str) -> None:
    async with open_session() as session:
        with pytest.raises(SettingError, match="URL"):
            Rpc(url, session=session)


async def test_only_so_many_calls_run_at_once() -> None:
    running = most = 0

    async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal running, most
        await reader.readuntil(b"\r\n\r\n")
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1
        writer.write(http(b'{"id":1,"result":7}'))

    async with node(counting) as rpc:
        await asyncio.gather(*(rpc.ask("a") for _ in range(20)))
    assert most == CONCURRENT_CALLS


@pytest.mark.parametrize(
    "calls, now_ms, left, wait_ms",
    [
        (1, 0, 4.0, 0),
        (5, 0, 0.0, 0),
        (6, 0, -1.0, 200),  # owed: the next second pays for it
        (100, 0, -95.0, 19_000),
        (1, 60_000, 4.0, 0),  # a bucket does not overflow
        (1, -1_000, 4.0, 0),  # and a clock that went back takes nothing out
    ],
)
def test_a_budget_fills_at_its_pace(calls: int, now_ms: int, left: float, wait_ms: int) -> None:
    after, wait = spend(Budget.full(5, 0), calls, now_ms)
    assert after.calls == pytest.approx(left)
    assert wait == wait_ms


def test_a_long_run_of_calls_keeps_to_the_rate() -> None:
    budget, now = Budget.full(5, 0), 0
    for _ in range(100):
        budget, wait = spend(budget, 1, now)
        now += wait
    assert now == pytest.approx(19_000, abs=50)  # 5 at once, 95 at five a second


# --- gateways that limit us


class PassingClock:
    """Time passes only while somebody sleeps, and then at once."""

    def __init__(self) -> None:
        self.steady = 1_000
        self.slept_ms: list[int] = []

    def now_ms(self) -> int:
        return self.steady

    def steady_ms(self) -> int:
        return self.steady

    async def sleep_ms(self, duration_ms: int) -> None:
        self.slept_ms.append(duration_ms)
        self.steady += duration_ms


def in_turn(*answers: bytes, heard: list[Any] | None = None) -> Way:
    """Another answer each time, and the last one for ever."""
    left = list(answers)

    async def way(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.splitlines()
            if line.lower().startswith(b"content-length")
        )
        question = json.loads(await reader.readexactly(length))
        if heard is not None:
            heard.append(question)
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        await writer.drain()

    return way


def slow_down(retry_after: str) -> bytes:
    return http(b"slow down", status="429 Too Many", headers=f"Retry-After: {retry_after}\r\n")


async def test_a_limit_is_waited_for_and_is_no_failure() -> None:
    clock = PassingClock()
    way = in_turn(slow_down("3"), slow_down("2"), http(b'{"id":1,"result":7}'))
    async with node(way, clock=clock) as rpc:
        assert await rpc.ask("pos_getStatus") == 7
    assert clock.slept_ms == [3_000, 2_000]


async def test_a_limit_that_nobody_told_is_found_out_and_tried_again_later() -> None:
    clock = PassingClock()
    well = http(b'{"id":1,"result":7}')
    async with node(in_turn(slow_down("1"), slow_down("1"), well), clock=clock) as rpc:
        assert rpc.calls_per_s is None
        await rpc.ask("pos_getStatus")
        assert rpc.calls_per_s == 32
        began, calls = clock.steady, 320
        for _ in range(calls):
            await rpc.ask("pos_getStatus")
        assert clock.steady - began == pytest.approx(calls / 32 * 1000, rel=0.1)
        for expected in (64, None, None):
            clock.steady += 700_000
            await rpc.ask("pos_getStatus")
            assert rpc.calls_per_s == expected


async def test_a_limit_that_was_told_stays_as_it_is() -> None:
    clock = PassingClock()
    async with node(in_turn(slow_down("1"), http(b'{"id":1,"result":7}')), clock=clock, calls_per_s=8) as rpc:
        await rpc.ask("pos_getStatus")
        clock.steady += 700_000
        await rpc.ask("pos_getStatus")
        assert rpc.calls_per_s == 8


async def test_a_limit_without_end_is_told() -> None:
    clock = PassingClock()
    heard: list[Any] = []
    async with node(in_turn(slow_down("1"), heard=heard), clock=clock) as rpc:
        with pytest.raises(Limited, match="HTTP 429 instead of an answer to pos_getStatus"):
            await rpc.ask("pos_getStatus")
        found = await rpc.batch([("a", ()), ("b", ())])
    assert [type(one) for one in found] == [Limited, Limited]
    assert len(heard) == 8


async def test_a_days_limit_is_told_at_once_and_nothing_is_asked_meanwhile() -> None:
    clock = PassingClock()
    heard: list[Any] = []
    way = in_turn(slow_down("1200"), http(b'{"id":1,"result":7}'), heard=heard)
    async with node(way, clock=clock) as rpc:
        with pytest.raises(Limited) as caught:
            await rpc.ask("pos_getStatus")
        assert caught.value.retry_after_s == 1200
        clock.steady += 600_000
        with pytest.raises(Limited, match="600 s more"):
            await rpc.ask("pos_getStatus")
        assert len(heard) == 1
        clock.steady += 600_000
        assert await rpc.ask("pos_getStatus") == 7
    assert clock.slept_ms == []


async def test_only_the_calls_beyond_the_limit_are_asked_again() -> None:
    words = "request rate exceeded: Too many requests (exceeds 2), try again after 42ms"
    limited = {"code": -32005, "message": words}
    answers = [
        [{"id": 0, "result": "a"}, {"id": 1, "error": limited}, {"id": 2, "error": limited}],
        [{"id": 0, "result": "b"}, {"id": 1, "error": limited}],
        [{"id": 0, "result": "c"}],
    ]
    clock, heard = PassingClock(), list[Any]()
    way = in_turn(*(http(json.dumps(each).encode()) for each in answers), heard=heard)
    async with node(way, clock=clock) as rpc:
        assert await rpc.batch([("a", ()), ("b", ()), ("c", ())]) == ["a", "b", "c"]
    assert [[call["method"] for call in each] for each in heard] == [["a", "b", "c"], ["b", "c"], ["c"]]
    assert clock.slept_ms == [42, 42]


async def test_an_answer_cut_off_in_its_body_is_asked_for_once_more() -> None:
    cut_off = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"
    async with node(in_turn(cut_off, http(b'{"id":1,"result":7}'))) as rpc:
        assert await rpc.ask("pos_getStatus") == 7
