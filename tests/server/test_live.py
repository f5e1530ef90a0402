"""The live stream: one message for all who may see it, and no client holds up another."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.server.stage import until
from vedette.model.people import FIRST_TEAM, PUBLIC, KeyHeld, Role, Who
from vedette.model.people import Scope as KeyScope
from vedette.server import live as lives
from vedette.server.access import NEIGHBOUR
from vedette.server.caller import CALLER, Caller
from vedette.server.live import Live

TEAM = Who(FIRST_TEAM)


SOMEBODY = Caller("203.0.113.7")


class Listener:
    """One client of the stream, as uvicorn would drive it."""

    def __init__(
        self, live: Live, who: Who, last_id: str | None = None, query: str = "", caller: Caller = SOMEBODY
    ) -> None:
        self.who = who
        self.text = ""
        self.status = 0
        self.ended = False
        self.reads = asyncio.Event()
        self.reads.set()
        self.gone = asyncio.Event()
        headers = [(b"last-event-id", last_id.encode())] if last_id is not None else []
        scope = {"listener": self, "headers": headers, "query_string": query.encode(), CALLER: caller}
        self.task = asyncio.create_task(live(scope, self._receive, self._send))

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

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.events]

    @property
    def ids(self) -> list[str]:
        return [line[4:] for line in self.text.splitlines() if line.startswith("id: ")]

    def told(self, event: str) -> list[Any]:
        return [data for name, data in self.events if name == event]

    async def leave(self) -> None:
        self.gone.set()
        await self.task


async def who_of(scope: Any) -> Who:
    who: Who = scope["listener"].who
    return who


def started(now_ms: int = 7) -> Live:
    return Live(who_of, lambda: now_ms)


@pytest.fixture
def live() -> Live:
    return started()


async def greeted(*listeners: Listener) -> None:
    await until(lambda: all(one.events for one in listeners))


def block(height: int) -> bytes:
    return b'{"height":%d}' % height


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


async def test_ids_only_grow_and_those_of_another_start_differ(live: Live) -> None:
    listener, later = Listener(live, TEAM), Listener(started(), TEAM)
    await greeted(listener, later)
    for _ in range(3):
        live.publish("block", b"{}")
    await until(lambda: len(listener.events) == 4)
    numbers = [int(one.rpartition("-")[2]) for one in listener.ids]
    assert numbers == sorted(set(numbers))
    assert len({one.rpartition("-")[0] for one in listener.ids}) == 1
    assert later.ids[0].rpartition("-")[0] != listener.ids[0].rpartition("-")[0]


async def test_who_leaves_is_forgotten(live: Live) -> None:
    listener = Listener(live, TEAM)
    await until(lambda: len(live) == 1)
    listener.gone.set()
    await until(lambda: len(live) == 0)
    await listener.task


async def test_who_comes_back_goes_on_after_the_last_event_it_heard(live: Live) -> None:
    first = Listener(live, TEAM)
    await greeted(first)
    for height in range(3):
        live.publish("block", block(height))
    await until(lambda: len(first.events) == 4)
    await first.leave()
    live.publish("node", b'{"id":"n"}', FIRST_TEAM)
    live.publish("block", block(3))
    heard_two = first.ids[2]
    again, by_url = Listener(live, TEAM, heard_two), Listener(live, TEAM, query=f"last_event_id={heard_two}")
    await until(lambda: len(again.events) == len(by_url.events) == 4)
    assert again.events[0][1]["resumed"]
    assert again.ids[0] == heard_two, "who is cut off right after the greeting has heard no more than before"
    assert again.names == by_url.names == ["hello", "block", "node", "block"]
    assert [one["height"] for one in again.told("block")] == [2, 3]
    live.publish("block", block(4))
    await until(lambda: [one["height"] for one in again.told("block")] == [2, 3, 4])
    nothing_missed = Listener(live, TEAM, again.ids[-1])
    await greeted(nothing_missed)
    assert (nothing_missed.names, nothing_missed.events[0][1]["resumed"]) == (["hello"], True)


async def test_who_may_see_less_than_before_is_told_less_when_it_comes_back(live: Live) -> None:
    member = Listener(live, TEAM)
    await greeted(member)
    live.publish("node", b'{"id":"ours"}', FIRST_TEAM)
    live.publish("block", block(1))
    await until(lambda: len(member.events) == 3)
    put_out, other = Listener(live, PUBLIC, member.ids[0]), Listener(live, Who(FIRST_TEAM + 1), member.ids[0])
    await until(lambda: len(put_out.events) == 2 and "reset" in other.names)
    assert put_out.names == ["hello", "block"]
    assert "ours" not in put_out.text + other.text


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "7",
        "0-0",
        "nonsense",
        "{boot}-99999",
        "{boot}-0",
        "{boot}--1",
        "{boot}-1e3",
        "fff-1",
        "\u00e9",
        "-" * 500,
    ],
)
async def test_an_id_that_says_nothing_here_means_reset(live: Live, odd: str) -> None:
    first = Listener(live, TEAM)
    await greeted(first)
    asked = odd.replace("{boot}", first.ids[0].rpartition("-")[0])
    again = Listener(live, TEAM, asked)
    await until(lambda: len(again.events) == 2)
    assert again.names == ["hello", "reset"]
    assert not again.events[0][1]["resumed"]
    live.publish("block", block(1))
    await until(lambda: again.names == ["hello", "reset", "block"])


async def test_beyond_the_ring_and_in_another_start_it_is_reset(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lives, "RING_EVENTS_MAX", 10)
    steady = Listener(live, TEAM)
    await greeted(steady)
    for height in range(11):
        live.publish("block", block(height))
        await asyncio.sleep(0)
    await until(lambda: len(steady.events) == 12)
    within, beyond = Listener(live, TEAM, steady.ids[1]), Listener(live, TEAM, steady.ids[0])
    elsewhere = Listener(started(), TEAM, steady.ids[-1])
    await until(lambda: len(within.events) == 11 and len(beyond.events) == len(elsewhere.events) == 2)
    assert beyond.names == elsewhere.names == ["hello", "reset"]


async def test_the_ring_is_bounded_in_bytes_and_one_team_pushes_out_nobody_else(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lives, "RING_BYTES_MAX", 2_000)
    member = Listener(live, TEAM)
    await greeted(member)
    live.publish("block", block(1))
    for _ in range(50):
        live.publish("node", b'{"id":"%s"}' % (b"n" * 100), FIRST_TEAM)
        await asyncio.sleep(0)
    assert sum(ring.size_bytes for ring in live._rings.values()) < 4_000
    stranger, back = Listener(live, PUBLIC, member.ids[0]), Listener(live, TEAM, member.ids[0])
    await until(lambda: len(stranger.events) == len(back.events) == 2)
    assert (stranger.names, back.names) == (["hello", "block"], ["hello", "reset"])


async def test_what_was_not_told_because_nobody_listened_is_a_reset(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [7]
    live = Live(who_of, lambda: now[0])
    monkeypatch.setattr(lives, "HEARTBEAT_S", 0.01)
    beat = asyncio.create_task(live.beat())
    first = Listener(live, TEAM)
    await greeted(first)
    await first.leave()
    await asyncio.sleep(0.05)
    assert live.heard_by(FIRST_TEAM), "it may be back in a moment"
    now[0] += lives.LINGER_MS
    await until(lambda: not live.heard_by(FIRST_TEAM) and not live.heard_by(None))
    live.publish("block", block(1))
    await greeted(Listener(live, PUBLIC))  # somebody else comes first
    again = Listener(live, TEAM, first.ids[0])
    await until(lambda: again.names == ["hello", "reset"])
    beat.cancel()


async def test_a_slow_listener_is_reset_and_the_others_hear_on(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lives, "RING_EVENTS_MAX", 100)
    slow, quick = Listener(live, TEAM), Listener(live, TEAM)
    await greeted(slow, quick)
    slow.reads.clear()
    for height in range(150):
        live.publish("block", block(height))
        await asyncio.sleep(0)
    await until(lambda: len(quick.events) == 151)
    slow.reads.set()
    await until(lambda: slow.names[-1] == "reset")
    live.publish("block", block(150))
    await until(lambda: slow.events[-1] == ("block", {"height": 150}))
    assert len(live) == 2


async def test_a_listener_that_takes_nothing_at_all_is_let_go(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lives, "HEARTBEAT_S", 0.05)
    beat = asyncio.create_task(live.beat())
    stuck = Listener(live, TEAM)
    await greeted(stuck)
    stuck.reads.clear()
    live.publish("block", b"{}")
    await until(lambda: len(live) == 0)
    assert stuck.task.cancelled() or stuck.task.cancelling()
    beat.cancel()


async def test_everyone_is_reset_when_nobody_knows_what_was_missed(live: Live) -> None:
    listener = Listener(live, TEAM)
    await greeted(listener)
    live.publish("block", block(1))
    live.skip()
    live.publish("block", block(2))
    await until(lambda: listener.names[-1] == "reset")
    back = Listener(live, TEAM, listener.ids[0])
    await until(lambda: back.names == ["hello", "reset"])


ALICE = Who(FIRST_TEAM, Role.OWNER, user_id=1, session_id="s1")
ALICE_ELSEWHERE = Who(FIRST_TEAM, Role.OWNER, user_id=1, session_id="s2")
BOB = Who(FIRST_TEAM, Role.VIEWER, user_id=2, session_id="s3")
ALICE_OF_ANOTHER_TEAM = Who(FIRST_TEAM + 1, Role.VIEWER, user_id=1, session_id="s4")
KEY = Who(FIRST_TEAM, Role.VIEWER, key=KeyHeld("k1", FIRST_TEAM, frozenset({KeyScope.READ})))
KEY_OF_NOTHING = Who(None, key=KeyHeld("k2", FIRST_TEAM, frozenset()))
EVERYONE = (ALICE, ALICE_ELSEWHERE, BOB, ALICE_OF_ANOTHER_TEAM, KEY, KEY_OF_NOTHING, TEAM, PUBLIC)


@pytest.mark.parametrize(
    ("revoke", "gone"),
    [
        (lambda live: live.end_session("s1"), {ALICE}),
        (lambda live: live.end_user(1), {ALICE, ALICE_ELSEWHERE, ALICE_OF_ANOTHER_TEAM}),
        (lambda live: live.end_team_member(FIRST_TEAM, 1), {ALICE, ALICE_ELSEWHERE}),
        (lambda live: live.end_key("k1"), {KEY}),
        (lambda live: live.end_key("k2"), {KEY_OF_NOTHING}),
        (lambda live: live.end_key("k3"), set()),
    ],
)
async def test_a_stream_ends_with_the_right_to_it(
    live: Live, revoke: Callable[[Live], None], gone: set[Who]
) -> None:
    listeners = [Listener(live, who) for who in EVERYONE]
    await greeted(*listeners)
    revoke(live)
    live.publish("node", b'{"id":"ours"}', FIRST_TEAM)
    live.publish("block", block(1))
    await until(lambda: all(one.ended or "block" in one.names for one in listeners))
    assert {one.who for one in listeners if one.ended} == gone
    assert not any("ours" in one.text for one in listeners if one.ended)
    assert len(live) == len(EVERYONE) - len(gone)


async def test_a_right_that_is_revoked_while_a_stream_begins_opens_nothing() -> None:
    asked: list[Listener] = []
    may_see = ALICE

    async def slowly(scope: Any) -> Who:
        found = may_see
        asked.append(scope["listener"])
        await asyncio.sleep(0.02)
        return found

    live = Live(slowly, lambda: 7)
    listener = Listener(live, ALICE)
    await until(lambda: asked)
    may_see = PUBLIC
    live.end_session("s1")
    await greeted(listener)
    assert (len(asked), listener.events[0][1]["team"]) == (2, False)


async def test_a_members_stream_ends_in_time_so_that_its_rights_are_asked_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [7]
    live = Live(who_of, lambda: now[0])
    monkeypatch.setattr(lives, "HEARTBEAT_S", 0.01)
    beat = asyncio.create_task(live.beat())
    member, stranger = Listener(live, TEAM), Listener(live, PUBLIC)
    await greeted(member, stranger)
    now[0] += lives.LIFE_MS
    await until(lambda: member.ended)
    assert member.text.endswith("retry: 100\n\n"), "it is to come back at once"
    assert not stranger.ended
    back = Listener(live, TEAM, member.ids[-1])
    await until(lambda: back.names == ["hello"] and back.events[0][1]["resumed"])
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


async def test_one_address_has_a_bounded_number_of_streams_and_the_neighbour_has_not() -> None:
    live = Live(who_of, lambda: 7, streams_each=2)
    first, _second = Listener(live, PUBLIC), Listener(live, PUBLIC)
    await until(lambda: len(live) == 2)
    third = Listener(live, PUBLIC)
    await third.task
    assert (third.status, len(live)) == (429, 2)
    assert "2 live streams" in third.text
    household = [Listener(live, PUBLIC, caller=Caller(f"2001:db8::{one}")) for one in range(3)]
    people = [Listener(live, ALICE), Listener(live, ALICE), Listener(live, BOB), Listener(live, KEY)]
    neighbours = [Listener(live, NEIGHBOUR) for _ in range(5)]
    await greeted(*people, *neighbours, *household[:2])
    await household[2].task
    await first.leave()
    await greeted(Listener(live, PUBLIC))
    assert len(live) == 2 + 2 + 4 + 5
