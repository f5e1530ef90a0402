"""The dead-man's switch: told after a whole round, and silent as soon as judging or telling fails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.server.hooks import hooks
from tests.server.stage import HandClock, Letterbox, quiet_house, served, settings, until
from vedette.agent.sentinel import silence_of
from vedette.model.clock import MachineClock
from vedette.model.incident import Incident, Reason, Severity, Subject, SubjectKind
from vedette.model.people import FIRST_TEAM
from vedette.notify.errors import ChannelError
from vedette.server import heartbeat, loops, outbox
from vedette.server.heartbeat import STANDS_MS, DeadMansSwitch, standing
from vedette.server.house import House, opened
from vedette.server.loops import Failures
from vedette.server.outbox import STUCK_MS
from vedette.server.settings import HeartbeatSetting
from vedette.store import incidents
from vedette.store.incidents import Change


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "JUDGE_MS", 20)
    monkeypatch.setattr(loops, "JUDGE_SHARE", 1)
    monkeypatch.setattr(outbox, "OUTBOX_MS", 20)
    monkeypatch.setattr(heartbeat, "LOOK_MS", 10)


class Patient(HandClock):
    """Sleeping takes a moment of real time, and as long as asked for by the clock."""

    async def sleep_ms(self, duration_ms: int) -> None:
        await asyncio.sleep(0.001)
        self.pass_ms(duration_ms)


class Outside:
    """Whoever waits for a sign of life."""

    def __init__(self) -> None:
        self.methods: list[str] = []
        self.url = ""
        self.status = 200

    async def take(self, request: web.Request) -> web.Response:
        self.methods.append(request.method)
        return web.Response(status=self.status)


@asynccontextmanager
async def outside() -> AsyncIterator[Outside]:
    one, app = Outside(), web.Application()
    app.router.add_route("*", "/{path:.*}", one.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    one.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/ping/secret-6b1f"  # type: ignore[attr-defined]
    try:
        yield one
    finally:
        await runner.cleanup()


@asynccontextmanager
async def turning(house: House, failures: Failures) -> AsyncIterator[None]:
    """Judge and outbox go round."""
    tasks = [asyncio.create_task(part.run(failures)) for part in (house.judge, house.outbox)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await house.contacts.close()


def switch(house: House, url: str, method: str = "GET") -> DeadMansSwitch:
    return DeadMansSwitch(HeartbeatSetting(url, method), house.ears, house.judge, house.outbox)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_it_is_told_after_a_whole_round(tmp_path: Path, method: str) -> None:
    failures = Failures(MachineClock().steady_ms)
    async with (
        outside() as one,
        quiet_house(settings(tmp_path), MachineClock()) as house,
        turning(house, failures),
    ):
        assert await switch(house, one.url, method).beat(failures)
    assert one.methods == [method]


async def test_nobody_is_told_while_the_judge_or_the_outbox_stands_still(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Patient()
    failures = Failures(clock.steady_ms)
    async with outside() as one, quiet_house(settings(tmp_path), clock) as house:
        assert not await switch(house, one.url).beat(failures)
        judging = asyncio.create_task(house.judge.run(failures))
        house.judge.wake.set()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(heartbeat, "ROUND_MS_MAX", 3_600_000)
            beat = asyncio.create_task(switch(house, one.url).beat(failures))
            await until(lambda: house.judge.rounds >= 3)
            beat.cancel()
        judging.cancel()
    assert one.methods == []
    assert "the judge does not finish its rounds" in caplog.text
    assert "secret-6b1f" not in caplog.text


async def test_a_round_that_fails_is_no_sign_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = MachineClock()
    failures = Failures(clock.steady_ms)

    async def broken() -> None:
        raise RuntimeError("a bug")

    async with outside() as one, quiet_house(settings(tmp_path), clock) as house:
        async with turning(house, failures):
            dead = switch(house, one.url)
            beat = asyncio.create_task(dead.beat(failures))
            await asyncio.sleep(0.1)
            await failures.guard("channel contact", broken)
            assert not await beat
            assert await dead.beat(failures)
        monkeypatch.setattr(heartbeat, "ROUND_MS_MAX", 3_000)
        monkeypatch.setattr(house.outbox, "round", broken)
        async with turning(house, failures):
            assert not await dead.beat(failures)
    assert len(one.methods) == 1


async def test_an_outbox_that_reaches_nobody_stops_it(tmp_path: Path) -> None:
    clock, box = HandClock(), Letterbox()
    failures = Failures(clock.steady_ms)
    box.failures = [ChannelError("it is down") for _ in range(100)]
    async with outside() as one, quiet_house(settings(tmp_path), clock, {"box": box}) as house:
        subject = Subject(SubjectKind.NODE, "n1", "n1")
        trouble = Incident(
            0, "node_down/n1", "node_down", FIRST_TEAM, Severity.WARNING, subject, {}, clock.now_ms()
        )
        told = replace(trouble, told_at_ms=clock.now_ms(), told_count=1)
        change = Change(told, Reason.OPENED, ("box",), clock.now_ms())
        await house.database.write(partial(incidents.save, changes=[change]))
        async with turning(house, failures):
            dead = switch(house, one.url)
            assert await dead.beat(failures)
            clock.pass_ms(STUCK_MS)
            assert not await dead.beat(failures)
            box.failures.clear()
            clock.pass_ms(60_000)
            house.outbox.wake.set()
            await until(lambda: box.messages)
            assert await dead.beat(failures)


async def test_a_refusal_outside_is_told_to_the_log_without_the_address(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = MachineClock()
    failures = Failures(clock.steady_ms)
    async with (
        outside() as one,
        quiet_house(settings(tmp_path), clock) as house,
        turning(house, failures),
    ):
        one.status = 404
        assert not await switch(house, one.url).beat(failures)
        async with hooks() as gone:
            url = gone.url
        assert not await switch(house, f"{url}/secret-6b1f").beat(failures)
    assert "127.0.0.1 answered 404" in caplog.text
    assert "cannot be reached" in caplog.text
    assert "secret-6b1f" not in caplog.text


async def test_the_server_tells_it_each_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "EACH_MS", 500)
    async with outside() as one:
        given = settings(tmp_path, heartbeat=HeartbeatSetting(one.url))
        async with opened(given, MachineClock()):
            await until(lambda: len(one.methods) >= 2)
    assert "secret-6b1f" not in repr(given)


async def test_a_server_that_judges_no_more_says_that_it_is_ill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks from outside, a container's health check or an agent elsewhere, must not read `alive`."""

    async def stuck() -> None:
        await asyncio.Event().wait()

    async with served(settings(tmp_path)) as (house, url), aiohttp.ClientSession() as http:

        async def said(path: str) -> tuple[int, str]:
            async with http.get(url + path) as reply:
                return reply.status, await reply.text()

        await until(lambda: house.judge.rounds)
        assert await said("/healthz") == (200, "alive\n")
        assert await asyncio.to_thread(silence_of, url) is None
        monkeypatch.setattr(house.judge, "round", stuck)
        house.judge.wake.set()
        monkeypatch.setattr(heartbeat, "STANDS_MS", 2_000)
        ill = "ill: nothing was judged for 2 s\n"
        await until(lambda: house.ears.steady_ms() - house.judge.well_at_ms > 2_000)
        assert await said("/healthz") == (503, ill)
        status, why = await said("/readyz")
        assert (status, "nothing was judged for 2 s" in why) == (503, True)
        assert "judges or tells no more" in str(await asyncio.to_thread(silence_of, url))


async def test_an_outbox_that_stands_still_is_told_of_too(tmp_path: Path) -> None:
    clock = HandClock()
    async with quiet_house(settings(tmp_path), clock) as house:
        clock.pass_ms(STANDS_MS)
        assert standing(house.judge, house.outbox, clock.steady_ms()) == []
        clock.pass_ms(1)
        await house.judge._whole_round()
        assert standing(house.judge, house.outbox, clock.steady_ms()) == ["no message was sent on for 30 s"]
        await house.outbox.round()
        assert standing(house.judge, house.outbox, clock.steady_ms()) == []
        await house.contacts.close()
