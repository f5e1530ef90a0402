"""A message's way when the other side is ill: nothing lost, nothing twice, in order, and another way taken.

The clock is moved by hand, so that ten minutes of refusal take a moment.
"""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.server.hooks import Hook, hooks
from tests.server.mailbox import mailbox
from tests.server.stage import Agent, HandClock, Letterbox, enrol, hear, quiet_house, settings, until
from tests.server.test_policies import limited, route, routed
from vedette.model.incident import Incident, Reason, Severity, Subject, SubjectKind
from vedette.model.people import FIRST_TEAM, Role, Who
from vedette.notify.channels import Channel, ChannelError
from vedette.notify.guard import Guard
from vedette.server.contacts import Wish
from vedette.server.house import House
from vedette.server.loops import Failures
from vedette.server.settings import SecuritySetting, Settings
from vedette.store import audit, contacts, incidents, outbox, timeline
from vedette.store.contacts import Contact
from vedette.store.incidents import Change
from vedette.store.outbox import Delivery

OURS = Who(FIRST_TEAM, role=Role.OPERATOR)
LOOPBACK = SecuritySetting(allow_private_targets=(ipaddress.ip_network("127.0.0.0/8"),))
MINUTE_MS = 60_000


@dataclass
class Street:
    """A house whose outbox runs, and the clock in its hall."""

    house: House
    clock: HandClock
    trouble: dict[str, Incident] = field(default_factory=dict)

    async def point(self, name: str, url: str, **wish: Any) -> Contact:
        made = Wish(name=name, kind="webhook", config={"url": url}, **wish)
        return await self.house.contacts.make(OURS, made)

    async def mail(self, name: str = "mail") -> Contact:
        return await self.house.contacts.make(
            OURS, Wish(name=name, kind="email", config={"to": "a@b.example"})
        )

    async def tell(
        self,
        name: str,
        reason: Reason,
        channels: Sequence[str],
        severity: Severity = Severity.CRITICAL,
        not_before_ms: int | None = None,
        *,
        is_held: bool = False,
    ) -> Incident:
        """What the judge does when it has decided."""
        now = self.clock.now_ms()
        subject = Subject(SubjectKind.NODE, name, name)
        fresh = Incident(0, f"node_down/{name}", "node_down", FIRST_TEAM, severity, subject, {}, now)
        one = self.trouble.get(name, fresh)
        told = replace(
            one,
            severity=severity,
            told_at_ms=now,
            told_count=one.told_count + 1,
            resolved_at_ms=now if reason is Reason.RESOLVED else None,
        )
        change = Change(told, reason, tuple(channels), now, not_before_ms, is_held=is_held)
        [kept] = await self.house.database.write(partial(incidents.save, changes=[change]))
        self.trouble[name] = kept
        self.house.outbox.wake.set()
        return kept

    async def log(self, channel: str | None = None) -> list[Delivery]:
        """What was to be delivered, the oldest first."""
        async with self.house.database.read() as conn:
            found = await outbox.deliveries(conn, OURS, channel=channel, limit=200)
        return found[::-1]

    async def held(self, contact_id: str) -> Contact:
        async with self.house.database.read() as conn:
            found = await contacts.held(conn, contact_id)
        assert found is not None
        return found

    async def attempts(self, channel: str, count: int) -> list[tuple[str, str | None]]:
        """Every attempt on this channel, once there are so many."""
        async with asyncio.timeout(30):
            while True:
                found = [
                    (attempt.outcome, attempt.detail)
                    for one in await self.log(channel)
                    for attempt in one.attempts
                ]
                if len(found) >= count:
                    return found
                await asyncio.sleep(0.02)

    async def settled(self, channel: str, *states: str) -> list[Delivery]:
        """This channel's messages, once they stand so."""
        async with asyncio.timeout(30):
            while [one.state for one in await self.log(channel)] != list(states):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return await self.log(channel)

    async def pass_s(self, seconds: int, step_s: int = 5) -> None:
        """Time goes by in steps, each of which the outbox may use."""
        for _ in range(0, seconds, step_s):
            self.clock.pass_ms(step_s * 1000)
            before = self.house.outbox.rounds
            self.house.outbox.wake.set()
            await until(lambda before=before: self.house.outbox.rounds > before)  # type: ignore[misc]
            await asyncio.sleep(0.01)


@asynccontextmanager
async def street(given: Settings, clock: HandClock, **boxes: Channel) -> AsyncIterator[Street]:
    async with quiet_house(given, clock, boxes) as house:
        post = asyncio.create_task(house.outbox.run(Failures(clock.steady_ms)))
        try:
            yield Street(house, clock)
        finally:
            post.cancel()
            with suppress(asyncio.CancelledError):
                await post
            await house.contacts.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with hooks() as one:
        yield one


@pytest.fixture
async def ours(tmp_path: Path, clock: HandClock) -> AsyncIterator[Street]:
    async with street(settings(tmp_path, security=LOOPBACK), clock) as one:
        yield one


def reasons(hook: Hook) -> list[str]:
    return [body["reason"] for body in hook.bodies]


async def test_a_webhook_that_refuses_for_ten_minutes_hears_one_down_and_one_up_in_order(
    tmp_path: Path, clock: HandClock
) -> None:
    async with hooks() as gone:
        port = int(gone.url.rpartition(":")[2])
    async with street(settings(tmp_path, security=LOOPBACK), clock) as ours:
        point = await ours.point("hook", gone.url)
        await ours.tell("n1", Reason.OPENED, [point.channel])
        await ours.attempts(point.channel, 1)
        await ours.pass_s(300)
        await ours.tell("n1", Reason.RESOLVED, [point.channel])
        await ours.pass_s(300)
        assert (await ours.held(point.id)).failing_since_ms is not None
        async with hooks(port) as back:
            began = clock.now_ms()
            while len(back.bodies) < 2:
                await ours.pass_s(1, step_s=1)
                await asyncio.sleep(0.2)  # a delivery takes real time, however fast the clock is turned
                assert clock.now_ms() - began <= 15_000
            assert reasons(back) == ["opened", "resolved"]
            await ours.settled(point.channel, "sent", "sent")
            await ours.pass_s(60)
            assert len(back.bodies) == 2
        told = (await ours.log(point.channel))[0]
        assert [one.outcome for one in told.attempts[-2:]] == ["failed", "sent"]
        assert (await ours.held(point.id)).failing_since_ms is None


async def test_a_restart_while_fifty_alerts_fire_loses_none_and_repeats_only_what_was_in_flight(
    tmp_path: Path, clock: HandClock, hook: Hook
) -> None:
    given = settings(tmp_path, security=LOOPBACK)
    async with street(given, clock) as ours:
        point = await ours.point("hook", hook.url)
        for n in range(50):
            await ours.tell(f"n{n}", Reason.OPENED, [point.channel])
        await until(lambda: len(hook.bodies) >= 20)
    first = list(hook.keys)
    clock.pass_ms(5_000)
    async with street(given, clock) as ours:
        await ours.pass_s(70)  # what was in flight is claimed anew when its claim has run out
        await ours.settled(point.channel, *["sent"] * 50)
        assert len(set(hook.keys)) == 50
        twice = len(hook.keys) - 50
        assert twice <= 1
        assert len(set(first)) == len(first)
    async with street(given, clock) as ours:
        await ours.pass_s(120)
        assert len(hook.keys) == 50 + twice


@pytest.mark.parametrize(
    ("ill", "said"),
    [
        ((429, {"Retry-After": "300"}), "answered 429"),
        ((503, {}), "answered 503"),
        ((500, {}), "answered 500"),
        ((302, {"Location": "http://169.254.169.254/latest"}), "a redirect, which is never followed"),
    ],
)
async def test_what_one_channel_cannot_take_another_is_told_within_a_minute(
    ours: Street, hook: Hook, ill: tuple[int, dict[str, str]], said: str
) -> None:
    hook.usual = ill
    async with hooks() as well:
        other = await ours.point("other", well.url, wakes=True)
        mine = await ours.point("mine", hook.url, wakes=True)
        await ours.tell("n1", Reason.OPENED, [mine.channel])
        await ours.tell("n2", Reason.OPENED, [other.channel])
        await until(lambda: well.bodies)  # nobody waits for the ill one
        [(outcome, detail), *_] = await ours.attempts(mine.channel, 1)
        assert (outcome, said in (detail or "")) == ("failed", True)
        await ours.pass_s(60)
        await until(lambda: len(well.bodies) == 2)
        assert well.bodies[1]["incident"]["subject"]["id"] == "n1"
        [waiting] = await ours.log(mine.channel)
        relayed = (await ours.log(other.channel))[1]
        assert (relayed.instead_of, waiting.state) == (waiting.id, "waiting")
        async with ours.house.database.read() as conn:
            newest = (await timeline.timeline(conn, OURS, ours.trouble["n1"].id))[-1]
        assert (newest.detail["instead_of"], newest.detail["channels"]) == (mine.channel, [other.channel])
        await ours.pass_s(120)
        assert len(well.bodies) == 2


async def test_the_wish_to_wait_is_granted_to_the_second(ours: Street, hook: Hook) -> None:
    hook.answers = [(429, {"Retry-After": "120"})]
    point = await ours.point("hook", hook.url)
    await ours.tell("n1", Reason.OPENED, [point.channel], Severity.WARNING)
    await ours.attempts(point.channel, 1)
    await ours.tell("n2", Reason.OPENED, [point.channel], Severity.WARNING)
    await ours.pass_s(115)
    assert hook.asked == 1  # nor was it asked for the other message
    await ours.pass_s(40)
    await until(lambda: len(hook.bodies) == 2)


@pytest.mark.parametrize("url", ["https://127.0.0.1:{port}/", "http://nowhere.invalid:8080/"])
async def test_without_tls_or_a_name_it_is_said_and_tried_again(ours: Street, hook: Hook, url: str) -> None:
    point = await ours.point("hook", url.format(port=hook.url.rpartition(":")[2]))
    await ours.tell("n1", Reason.OPENED, [point.channel])
    [(outcome, detail), *_] = await ours.attempts(point.channel, 1)
    assert outcome == "failed"
    assert any(why in (detail or "") for why in ("TLS failed", "could not be resolved", "could not connect"))
    assert [one.state for one in await ours.log(point.channel)] == ["waiting"]


async def test_one_that_never_answers_holds_up_nobody_else(ours: Street, hook: Hook) -> None:
    hook.hangs = True
    async with hooks() as well:
        mine = await ours.point("mine", hook.url)
        other = await ours.point("other", well.url)
        await ours.tell("n1", Reason.OPENED, [mine.channel, other.channel])
        for n in range(2, 6):
            await ours.tell(f"n{n}", Reason.OPENED, [other.channel])
        await until(lambda: len(well.bodies) == 5)
        assert hook.asked == 1
        await ours.pass_s(180)  # its claim runs out while it is in hand: it is not sent a second time
        assert hook.asked == 1
        hook.hangs = False
        hook.ended.set()
        await ours.settled(mine.channel, "sent")


async def test_a_hang_ends_at_the_deadline_and_is_in_the_log(
    tmp_path: Path, clock: HandClock, hook: Hook
) -> None:
    hook.hangs = True
    async with street(settings(tmp_path, security=LOOPBACK), clock) as ours:
        means = ours.house.contacts.means
        ours.house.contacts.means = replace(means, guard=Guard(deadline_s=0.2, targets=means.guard.targets))
        point = await ours.point("hook", hook.url)
        await ours.tell("n1", Reason.OPENED, [point.channel])
        [(outcome, detail), *_] = await ours.attempts(point.channel, 1)
        assert (outcome, detail) == ("failed", "127.0.0.1 did not answer within 0.2 s")
        await means.guard.close()


async def test_who_was_told_instead_hears_the_end_too(ours: Street, hook: Hook) -> None:
    hook.usual = (503, {})
    async with hooks() as well:
        other = await ours.point("other", well.url)
        mine = await ours.point("mine", hook.url, fallback_id=other.id)
        await ours.tell("n1", Reason.OPENED, [mine.channel])
        await ours.pass_s(60)
        await until(lambda: well.bodies)
        hook.usual = (200, {})
        await ours.tell("n1", Reason.RESOLVED, [mine.channel])
        await ours.pass_s(30)
        await until(lambda: len(well.bodies) == 2 and len(hook.bodies) == 2)
        assert reasons(well) == reasons(hook) == ["opened", "resolved"]


async def test_a_warning_waits_for_its_own_channel(ours: Street, hook: Hook) -> None:
    hook.usual = (503, {})
    async with hooks() as well:
        other = await ours.point("other", well.url, wakes=True)
        mine = await ours.point("mine", hook.url, fallback_id=other.id)
        await ours.tell("n1", Reason.OPENED, [mine.channel], Severity.WARNING)
        await ours.pass_s(180)
        assert well.bodies == []


async def test_one_that_is_gone_is_switched_off_aloud_and_another_told_at_once(
    ours: Street, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    hook.usual = (410, {})
    async with hooks() as well:
        other = await ours.point("other", well.url, wakes=True)
        mine = await ours.point("mine", hook.url, wakes=True)
        await ours.tell("n1", Reason.OPENED, [mine.channel])
        await until(lambda: well.bodies)
        [refused] = await ours.settled(mine.channel, "failed")
        assert [one.outcome for one in refused.attempts] == ["refused"]
        off = await ours.held(mine.id)
        assert (off.is_enabled, off.disabled_why) == (False, "127.0.0.1 answered 410")
        assert "is switched off: 127.0.0.1 answered 410" in caplog.text
        async with ours.house.database.read() as conn:
            found = {one.name: one.is_enabled for one in await contacts.views(conn, FIRST_TEAM)}
            assert found == {"other": True, "mine": False}
            assert (await audit.entries(conn, OURS, None, 1))[0].act == "contact.disable"
        hook.usual = (200, {})
        await ours.tell("n2", Reason.OPENED, [mine.channel])  # a route may still name it
        await until(lambda: len(well.bodies) == 2)
        assert hook.bodies == []
        await ours.house.contacts.enable(OURS, mine.id)
        await ours.tell("n3", Reason.OPENED, [mine.channel])
        await until(lambda: hook.bodies)
        assert other.channel == (await ours.log(other.channel))[0].channel


async def test_what_was_to_be_told_to_one_that_was_removed_goes_another_way(ours: Street, hook: Hook) -> None:
    hook.usual = (503, {})
    async with hooks() as well:
        await ours.point("other", well.url)
        mine = await ours.point("mine", hook.url)
        await ours.tell("n1", Reason.OPENED, [mine.channel])
        await ours.attempts(mine.channel, 1)
        await ours.house.contacts.remove(OURS, mine.id)
        await ours.pass_s(10)
        await until(lambda: well.bodies)


async def test_one_message_that_nobody_takes_does_not_bar_the_way_for_others(
    tmp_path: Path, clock: HandClock
) -> None:
    class Picky(Letterbox):
        async def send(self, message: Any) -> None:
            if message.incident["subject"]["id"] == "poison":
                raise ChannelError("not that one")
            await super().send(message)

    box = Picky()
    async with street(settings(tmp_path), clock, box=box) as ours:
        await ours.tell("poison", Reason.OPENED, ["box"], Severity.WARNING)
        await ours.attempts("box", 1)
        for n in range(5):
            await ours.tell(f"n{n}", Reason.OPENED, ["box"], Severity.WARNING)
        await ours.pass_s(30)
        await until(lambda: len(box.messages) == 5)


async def test_what_is_held_back_holds_up_nothing_and_is_not_hurried(ours: Street, hook: Hook) -> None:
    point = await ours.point("hook", hook.url)
    morning = ours.clock.now_ms() + 7_200_000
    await ours.tell("n1", Reason.OPENED, [point.channel], Severity.WARNING, not_before_ms=morning)
    await ours.tell("n1", Reason.ESCALATED, [point.channel])
    await until(lambda: hook.bodies)
    assert reasons(hook) == ["escalated"]
    hook.answers = [(503, {})] * 3
    await ours.tell("n2", Reason.OPENED, [point.channel])
    await ours.pass_s(60)
    await until(lambda: len(hook.bodies) == 2)
    await ours.pass_s(600, step_s=60)
    assert len(hook.bodies) == 2
    assert not await ours.house.outbox.is_stuck()
    ours.clock.pass_ms(7_200_000)
    await ours.pass_s(5)
    await until(lambda: len(hook.bodies) == 3)


async def test_a_death_reaches_a_contact_point_and_its_failure_the_others(
    tmp_path: Path, clock: HandClock, hook: Hook
) -> None:
    """From the agent's post to the webhook, with the judge between; nobody set any routes."""
    async with hooks() as gone, street(settings(tmp_path, security=LOOPBACK), clock) as ours:
        gone.usual = (410, {})
        await ours.point("well", hook.url, language="zh")
        ill = await ours.point("ill", gone.url)
        agent = Agent(name="n1")
        await enrol(ours.house, agent)
        await hear(ours.house, *agent.post(agent.envelope(clock.now_ms())))
        clock.pass_ms(10)
        await hear(ours.house, *agent.post(agent.died(clock.now_ms())))
        await ours.house.judge.round()
        await until(lambda: hook.bodies)
        assert hook.bodies[0]["incident"]["rule"] == "node_down"
        assert "【" in hook.bodies[0]["text"]  # in the language of whoever reads it there
        await ours.settled(ill.channel, "failed")
        told = [body["incident"]["rule"] for body in hook.bodies]
        async with asyncio.timeout(60):
            while "channel_failing" not in told:
                clock.pass_ms(1_000)
                await ours.house.sights.look()
                await ours.house.judge.round()
                await asyncio.sleep(0.05)
                told = [body["incident"]["rule"] for body in hook.bodies]


# --- mail -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "outcome", "state"),
    [("451 come again", "failed", "waiting"), ("554 no", "failed", "waiting")],
)
async def test_a_mail_server_that_defers_or_rejects_is_in_the_log(
    tmp_path: Path, clock: HandClock, answer: str, outcome: str, state: str
) -> None:
    async with mailbox() as box:
        box.answer = answer
        given = settings(tmp_path, mail=box.setting)
        async with street(given, clock) as ours:
            point = await ours.mail()
            await ours.tell("n1", Reason.OPENED, [point.channel])
            [(told, detail), *_] = await ours.attempts(point.channel, 1)
            assert (told, answer[:3] in (detail or "")) == (outcome, True)
            assert [one.state for one in await ours.log(point.channel)] == [state]
            box.answer = "250 OK"
            await ours.pass_s(30)
            await ours.settled(point.channel, "sent")
            assert len(box.letters) == 1


@pytest.mark.parametrize("cuts", [True, False], ids=["cuts", "hangs"])
async def test_a_mail_server_that_cuts_or_hangs_is_in_the_log_and_another_way_is_taken(
    tmp_path: Path, clock: HandClock, hook: Hook, cuts: bool
) -> None:
    over = asyncio.Event()

    async def ill(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if cuts:
            writer.write(b"220 here\r\n")
        else:
            await over.wait()
        writer.close()

    server = await asyncio.start_server(ill, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with mailbox() as box:
        mail = replace(box.setting, server=f"smtp://127.0.0.1:{port}")
    given = settings(tmp_path, mail=mail, security=LOOPBACK)
    async with street(given, clock) as ours:
        await ours.point("hook", hook.url, wakes=True)
        point = await ours.mail()
        await ours.tell("n1", Reason.OPENED, [point.channel])
        if cuts:
            [(outcome, detail), *_] = await ours.attempts(point.channel, 1)
            assert (outcome, "cut" in (detail or "")) == ("failed", True)
        await ours.pass_s(60)
        await until(lambda: hook.bodies)
        over.set()
        server.close()


# --- told once --------------------------------------------------------------------------------------------


async def test_a_dead_mail_server_is_told_of_each_incident_once_when_it_returns(
    tmp_path: Path, clock: HandClock
) -> None:
    """What began and ended meanwhile is one line, what stands is told without its reminders."""
    async with mailbox() as box:
        box.answer = "451 come again"
        async with street(settings(tmp_path, mail=box.setting), clock) as ours:
            point = await ours.mail()
            for name in ("n1", "n2"):
                await ours.tell(name, Reason.OPENED, [point.channel])
            await ours.attempts(point.channel, 1)
            for _ in range(4):
                await ours.pass_s(1_800, step_s=300)
                for name in ("n1", "n2"):
                    await ours.tell(name, Reason.REMINDED, [point.channel])
            await ours.tell("n1", Reason.RESOLVED, [point.channel])
            await ours.pass_s(600, step_s=60)
            box.answer = "250 OK"
            await ours.pass_s(400, step_s=20)
            await until(lambda: len(box.letters) == 2)
            await ours.pass_s(400, step_s=20)
            titles = sorted(str(letter["Subject"]) for letter in box.letters)
            assert [title.split(":")[0] for title in titles] == ["Critical", "Resolved"]
            log = await ours.log(point.channel)
            sent = {one.id for one in log if one.state == "sent"}
            assert [one.reason for one in log if one.state == "sent"] == [Reason.OPENED, Reason.RESOLVED]
            rest = [one for one in log if one.state != "sent"]
            assert {(one.state, one.told_with in sent) for one in rest} == {("superseded", True)}
            assert len(log) == 11


async def test_a_dead_webhook_hears_the_beginning_and_the_end_of_each_and_no_old_reminder(
    ours: Street, hook: Hook
) -> None:
    hook.usual = (503, {})
    point = await ours.point("hook", hook.url)
    await ours.tell("n1", Reason.OPENED, [point.channel])
    await ours.attempts(point.channel, 1)
    for _ in range(3):
        await ours.pass_s(600, step_s=60)
        await ours.tell("n1", Reason.REMINDED, [point.channel])
    await ours.tell("n1", Reason.RESOLVED, [point.channel])
    hook.usual = (200, {})
    await ours.pass_s(120)
    await until(lambda: len(hook.bodies) == 2)
    await ours.pass_s(120)
    assert reasons(hook) == ["opened", "resolved"]
    await ours.settled(point.channel, "sent", *["superseded"] * 3, "sent")


async def test_too_many_for_people_are_one_mail_and_each_reaches_a_webhook(
    tmp_path: Path, clock: HandClock, hook: Hook
) -> None:
    async with mailbox() as box:
        box.answer = "451 come again"
        given = settings(tmp_path, mail=box.setting, security=LOOPBACK)
        async with street(given, clock) as ours:
            point, machine = await ours.mail(), await ours.point("hook", hook.url)
            await ours.tell("n0", Reason.OPENED, [point.channel], Severity.WARNING)
            await ours.attempts(point.channel, 1)
            for n in range(25):
                both = [point.channel, machine.channel]
                await ours.tell(f"n{n}", Reason.OPENED, both, Severity.WARNING)
            await until(lambda: len(hook.bodies) == 25)
            await ours.pass_s(120)
            box.answer = "250 OK"
            await ours.pass_s(60)
            await until(lambda: box.letters)
            log = await ours.settled(point.channel, *["superseded"], *["sent"] * 25)
            (letter,) = box.letters
            assert str(letter["Subject"]) == "Many messages in one: 25 warnings"
            text = letter.get_body(("plain",)).get_content()  # type: ignore[union-attr]
            assert all(f"node n{n} is down" in text for n in range(25))
            first = log[1]
            assert {one.told_with for one in log[2:]} == {first.id}
            assert {one.receipt for one in log[1:]} == {first.receipt}
            assert first.receipt is not None


async def test_what_quiet_hours_held_back_is_one_mail_and_each_its_own_for_a_webhook(
    tmp_path: Path, clock: HandClock, hook: Hook
) -> None:
    async with mailbox() as box:
        given = settings(tmp_path, mail=box.setting, security=LOOPBACK)
        async with street(given, clock) as ours:
            point, machine = await ours.mail(), await ours.point("hook", hook.url)
            both = [point.channel, machine.channel]
            for n in range(3):
                await ours.tell(f"n{n}", Reason.OPENED, both, Severity.WARNING, is_held=True)
            await until(lambda: len(hook.bodies) == 3)
            assert box.letters == []
            box.answer = "451 come again"
            await ours.pass_s(16, step_s=4)
            await ours.attempts(point.channel, 1)
            box.answer = "250 OK"
            await ours.pass_s(20)
            log = await ours.settled(point.channel, "sent", "sent", "sent")
            (letter,) = box.letters
            assert str(letter["Subject"]) == "After the quiet hours: 3 warnings"
            assert [[one.outcome for one in row.attempts] for row in log] == [
                ["failed", "sent"],
                ["sent"],
                ["sent"],
            ]


async def test_the_night_is_one_mail_in_the_morning_with_what_ended_in_it(
    tmp_path: Path, clock: HandClock, hook: Hook
) -> None:
    """From the agents' posts to the letter: one node came back unheard, two are down still."""
    here = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    night = {"id": "q", "name": "q", "zone": "UTC", "weekdays": None}
    night |= {"from": f"{here:%H:%M}", "until": f"{here + timedelta(minutes=30):%H:%M}"}
    async with mailbox() as box:
        given = settings(tmp_path, mail=box.setting, security=LOOPBACK)
        async with street(given, clock) as ours:
            house, point = ours.house, await ours.mail()
            machine = await ours.point("hook", hook.url)
            await limited(house, {"node_down": {"loudest": "warning"}})
            to = [route("a", point.channel, machine.channel, quiet="q")]
            await routed(house, routes=to, quiet=[night])
            agents = [Agent(name=f"n{n}") for n in range(3)]
            for agent in agents:
                await enrol(house, agent)
                await hear(house, *agent.post(agent.envelope(clock.now_ms())))
            clock.pass_ms(10)

            async def hour_goes_on(dead: Sequence[Agent]) -> None:
                for agent in agents:
                    at = clock.now_ms()
                    said = agent.died(at) if agent in dead else agent.envelope(at)
                    await hear(house, *agent.post(said))
                await house.judge.round()

            await hour_goes_on(agents)
            await hour_goes_on(agents[1:])
            for _ in range(2):
                clock.pass_ms(10 * MINUTE_MS)
                await hour_goes_on(agents[1:])
            assert (box.letters, hook.bodies) == ([], [])
            clock.pass_ms(10 * MINUTE_MS)
            await hour_goes_on(agents[1:])
            await ours.pass_s(20, step_s=4)
            log = await ours.settled(point.channel, "sent", "sent", "sent")
            (letter,) = box.letters
            assert str(letter["Subject"]) == "After the quiet hours: 2 warnings, 1 over"
            assert [one.reason for one in log] == [Reason.RESOLVED, Reason.OPENED, Reason.OPENED]
            assert [one.told_with for one in log] == [None, log[0].id, log[0].id]
            await until(lambda: len(hook.bodies) == 2)
            assert {body["incident"]["subject"]["name"] for body in hook.bodies} == {"n1", "n2"}
            assert reasons(hook) == ["opened", "opened"]
