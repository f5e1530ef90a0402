"""From a death to the message: decided once, sent until taken, told once, also across a restart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from tests.server.stage import Agent, HandClock, Letterbox, enrol, hear, quiet_house, settings, until
from vedette.model.people import FIRST_TEAM, Who
from vedette.notify.channels import ChannelError
from vedette.notify.text import Message
from vedette.server.house import House
from vedette.server.loops import Failures
from vedette.server.outbox import retry_after_ms
from vedette.store import incidents
from vedette.store.incidents import NoticeRow

TEAM = Who(FIRST_TEAM)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def box() -> Letterbox:
    return Letterbox()


@pytest.fixture
async def house(tmp_path: Path, clock: HandClock, box: Letterbox) -> AsyncIterator[House]:
    async with quiet_house(settings(tmp_path), clock, {"box": box, "other": Letterbox("other")}) as house:
        post = asyncio.create_task(house.outbox.run(Failures(clock.steady_ms)))
        yield house
        post.cancel()
        with suppress(asyncio.CancelledError):
            await post


async def bury(house: House, clock: HandClock, name: str = "n1") -> Agent:
    """A node dies, and the judge looks."""
    agent = Agent(name=name)
    await enrol(house, agent)
    await hear(house, *agent.post(agent.envelope(clock.now_ms())))
    clock.pass_ms(10)
    await hear(house, *agent.post(agent.died(clock.now_ms())))
    await house.judge.round()
    return agent


async def notices(house: House, channel: str = "box") -> list[NoticeRow]:
    async with house.database.read() as conn:
        found = await incidents.incidents(conn, TEAM, None, 100)
    return [row for _, rows in found for row in rows if row.channel == channel]


async def settled(house: House, state: str, channel: str = "box") -> NoticeRow:
    """The newest message, once the store says so of it."""
    async with asyncio.timeout(30):
        while (rows := await notices(house, channel))[0].state != state:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.02)
    return rows[0]


async def refused(house: House, refusal: str) -> None:
    """Once the store says that the newest message was refused with these words."""
    async with asyncio.timeout(30):
        while (await notices(house))[0].error != refusal:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.02)


async def test_a_death_is_told_once_on_every_channel(house: House, clock: HandClock, box: Letterbox) -> None:
    agent = await bury(house, clock)
    await until(lambda: box.messages)
    for _ in range(5):
        clock.pass_ms(1_000)
        await house.judge.round()
    await asyncio.sleep(0.1)
    assert box.keys == ["1/1/opened/box"]
    assert box.messages[0].incident["subject"]["id"] == agent.node_id
    await settled(house, "sent")
    await hear(house, *agent.post(agent.envelope(clock.now_ms())))
    await house.judge.round()
    await until(lambda: len(box.keys) == 2)
    assert box.keys[1] == "1/2/resolved/box"


async def test_a_refused_message_is_sent_again_with_the_same_key(
    house: House, clock: HandClock, box: Letterbox
) -> None:
    box.failures = [ChannelError("it is busy"), ChannelError("it is busy still")]
    await bury(house, clock)
    for refusal in ("it is busy", "it is busy still"):
        await refused(house, refusal)  # the next attempt's time counts from when this one is written down
        clock.pass_ms(3_000)
        house.outbox.wake.set()
    await until(lambda: box.messages)
    assert box.keys == ["1/1/opened/box"]
    assert (await settled(house, "sent")).attempts == 3


async def test_what_can_never_be_delivered_is_given_up_aloud(
    house: House, clock: HandClock, box: Letterbox, caplog: pytest.LogCaptureFixture
) -> None:
    box.failures = [ChannelError("no such mailbox", permanent=True)]
    await bury(house, clock)
    await until(lambda: "gave up telling box" in caplog.text)
    assert (await settled(house, "failed")).error == "no such mailbox"


async def test_a_bug_in_a_channel_is_one_more_way_to_fail(
    house: House, clock: HandClock, box: Letterbox, caplog: pytest.LogCaptureFixture
) -> None:
    box.failures = [KeyError("a reply that nobody thought of")]
    await bury(house, clock)
    await refused(house, "a bug in this server: KeyError")
    clock.pass_ms(3_000)
    house.outbox.wake.set()
    await until(lambda: box.messages)
    assert (await settled(house, "sent")).attempts == 2
    assert "a reply that nobody thought of" in caplog.text


async def test_a_bug_in_our_words_keeps_nobody_from_hearing_of_it(
    house: House, clock: HandClock, box: Letterbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumbles(*_: object) -> Message:
        raise ZeroDivisionError("a share of nothing")

    monkeypatch.setattr("vedette.server.house.render", stumbles)
    await bury(house, clock)
    await until(lambda: box.messages)
    assert (box.messages[0].title, box.messages[0].lines) == ("Warning: Node down: n1", ())
    assert box.messages[0].incident["rule"] == "node_down"


async def test_a_slow_channel_does_not_hold_up_the_others(
    house: House, clock: HandClock, box: Letterbox
) -> None:
    box.slow.clear()
    await bury(house, clock, "n1")
    await bury(house, clock, "n2")

    async def both_told() -> bool:
        return [row.state for row in await notices(house, "other")] == ["sent", "sent"]

    async with asyncio.timeout(30):
        while not await both_told():  # noqa: ASYNC110 - the store tells nobody
            await asyncio.sleep(0.02)
    assert box.messages == []
    clock.pass_ms(120_000)  # the claim of the one in hand runs out, and it is not put in line again
    house.outbox.wake.set()
    await asyncio.sleep(0.1)
    box.slow.set()
    await until(lambda: len(box.messages) == 2)
    await asyncio.sleep(0.1)
    assert sorted(box.keys) == ["1/1/opened/box", "2/1/opened/box"]


async def test_a_message_decided_before_a_crash_is_sent_after_it_and_nothing_twice(
    tmp_path: Path, clock: HandClock
) -> None:
    given = settings(tmp_path)
    async with quiet_house(given, clock, {"box": Letterbox()}) as house:
        await bury(house, clock)  # its outbox never runs
    clock.pass_ms(5_000)
    for expected in (["1/1/opened/box"], []):
        box = Letterbox()
        async with quiet_house(given, clock, {"box": box}) as house:
            await house.judge.round()
            post = asyncio.create_task(house.outbox.run(Failures(clock.steady_ms)))
            if expected:
                await until(partial(len, box.messages))
            await asyncio.sleep(0.2)
            post.cancel()
        assert box.keys == expected


async def test_a_channel_that_left_the_settings_is_given_up_aloud(
    tmp_path: Path, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    given = settings(tmp_path)
    async with quiet_house(given, clock, {"box": Letterbox()}) as house:
        await bury(house, clock)
    async with quiet_house(given, clock, {}) as house:
        await house.outbox.round()
        await settled(house, "failed")
        assert "no channel of the name box" in caplog.text


@pytest.mark.parametrize(
    ("attempts", "asked_s", "pause_ms"),
    [
        (0, None, 1_000),
        (1, None, 2_000),
        (2, None, 4_000),
        (3, None, 8_000),
        (4, None, 10_000),
        (119, None, 10_000),
        (120, None, 60_000),
        (239, None, 60_000),
        (240, None, 300_000),
        (9_999, None, 300_000),
        (0, 7.0, 7_000),
        (0, 1e9, 3_600_000),
        (0, 0.0, 1_000),
    ],
)
def test_the_pause_before_the_next_attempt(attempts: int, asked_s: float | None, pause_ms: int) -> None:
    assert retry_after_ms(attempts, asked_s, jitter=lambda: 0.0) == pause_ms
    most = retry_after_ms(attempts, asked_s, jitter=lambda: 1.0)
    assert most == pause_ms * 5 // 4
