"""The live stream: one message for all who may see it, and no client holds up another."""

import asyncio
import json
from typing import Any

import pytest

from tests.server.stage import until
from vedette.model.people import FIRST_TEAM, PUBLIC, Who
from vedette.server import live as lives
from vedette.server.live import WAITING_MAX, Live

TEAM = Who(FIRST_TEAM)


class Listener:
    """One client of the stream, as uvicorn would drive it."""

    def __init__(self, live: Live, who: Who) -> None:
        self.text = ""
        self.status = 0
        self.ended = False
        self.reads = asyncio.Event()
        self.reads.set()
        self.gone = asyncio.Event()
        self.task = asyncio.create_task(live({"who": who}, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await self.reads.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        self.text += message["body"].decode()
        self.ended = not message.get("more_body", False)

    @property
    def events(self) -> list[tuple[str, Any]]:
        found = []
        for block in self.text.split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            if "event" in fields:
                found.append((fields["event"], json.loads(fields["data"])))
        return found


@pytest.fixture
def live() -> Live:
    async def who(scope: Any) -> Who:
        found: Who = scope["who"]
        return found

    return Live(who, lambda: 7)


async def test_a_listener_is_greeted_and_told_what_it_may_see(live: Live) -> None:
    member, stranger = Listener(live, TEAM), Listener(live, PUBLIC)
    await until(lambda: len(live) == 2)
    live.publish("block", b'{"height":1}')
    live.publish("node", b'{"id":"n"}', FIRST_TEAM)
    live.publish("node", b'{"id":"theirs"}', FIRST_TEAM + 1)
    await until(lambda: len(member.events) == 3 and len(stranger.events) == 2)
    assert [name for name, _ in member.events] == ["hello", "block", "node"]
    assert member.events[0][1]["at_ms"] == 7
    assert [name for name, _ in stranger.events] == ["hello", "block"]
    assert "theirs" not in member.text + stranger.text
    assert live.heard_by(FIRST_TEAM)
    assert not live.heard_by(FIRST_TEAM + 1)


async def test_ids_only_grow(live: Live) -> None:
    listener = Listener(live, TEAM)
    await until(lambda: len(live) == 1)
    for _ in range(3):
        live.publish("block", b"{}")
    await until(lambda: len(listener.events) == 4)
    ids = [int(line[4:]) for line in listener.text.splitlines() if line.startswith("id: ")]
    assert ids == sorted(set(ids))


async def test_who_leaves_is_forgotten(live: Live) -> None:
    listener = Listener(live, TEAM)
    await until(lambda: len(live) == 1)
    listener.gone.set()
    await until(lambda: len(live) == 0)
    await listener.task


async def test_a_slow_listener_is_dropped_with_reset_and_the_others_hear_on(live: Live) -> None:
    slow, quick = Listener(live, TEAM), Listener(live, TEAM)
    await until(lambda: len(slow.events) == len(quick.events) == 1)
    slow.reads.clear()
    for number in range(WAITING_MAX + 50):
        live.publish("block", b"{}")
        if number % 10 == 0:
            await asyncio.sleep(0.001)
    await until(lambda: len(quick.events) == WAITING_MAX + 51)
    slow.reads.set()
    await until(lambda: slow.ended)
    assert slow.events[-1][0] == "reset"
    assert len(live) == 1


async def test_a_listener_that_takes_nothing_at_all_is_let_go(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lives, "HEARTBEAT_S", 0.05)
    beat = asyncio.create_task(live.beat())
    stuck = Listener(live, TEAM)
    await until(lambda: len(live) == 1)
    stuck.reads.clear()
    for _ in range(WAITING_MAX + 2):
        live.publish("block", b"{}")
        await asyncio.sleep(0)
    await until(lambda: len(live) == 0)
    assert stuck.task.cancelled() or stuck.task.cancelling()
    beat.cancel()


async def test_a_quiet_stream_is_kept_open(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lives, "HEARTBEAT_S", 0.02)
    beat = asyncio.create_task(live.beat())
    listener = Listener(live, TEAM)
    await until(lambda: ": still here" in listener.text)
    beat.cancel()


async def test_closing_ends_every_stream_and_lets_nobody_in(live: Live) -> None:
    listener = Listener(live, TEAM)
    await until(lambda: len(live) == 1)
    live.close()
    await until(lambda: listener.ended)
    late = Listener(live, TEAM)
    await late.task
    assert late.status == 503
