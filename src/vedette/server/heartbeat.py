"""The dead-man's switch: somebody outside is told each minute that we judge and tell.

When he hears nothing more he wakes people, whatever it is that ended us. He is told only after a whole round
of judging and a whole round of the outbox that followed one another without a failure, and never while
nothing is delivered to anybody: a server that cannot speak is as good as dead.
"""

import logging
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Final

import aiohttp
from yarl import URL

from vedette.model.clock import rounds
from vedette.notify.guard import host_of
from vedette.server.ears import Ears
from vedette.server.loops import OF_ONE_TEAM, Failures, Judge
from vedette.server.outbox import Outbox
from vedette.server.settings import HeartbeatSetting

log = logging.getLogger(__name__)

EACH_MS: Final = 60_000
ROUND_MS_MAX: Final = 25_000
"""The judge rests ten seconds at most, and a round that begins now may have to wait for the one before."""
LOOK_MS: Final = 100
DEADLINE_S: Final = 10.0
STANDS_MS: Final = 30_000
"""A round of a large fleet and the rest after it are some ten seconds."""
LOOPS: Final = ("judge", OF_ONE_TEAM, "outbox", "heartbeat")


def standing(judge: Judge, outbox: Outbox, steady_ms: int) -> list[str]:
    """What does not go on any more, in words for the keeper; nothing while all is well."""
    looks = (("nothing was judged", judge.well_at_ms), ("no message was sent on", outbox.well_at_ms))
    return [
        f"{what} for {(steady_ms - well_at_ms) // 1000} s"
        for what, well_at_ms in looks
        if steady_ms - well_at_ms > STANDS_MS
    ]


class DeadMansSwitch:
    """Without a URL it does nothing."""

    def __init__(self, setting: HeartbeatSetting | None, ears: Ears, judge: Judge, outbox: Outbox) -> None:
        self._setting = setting
        self._ears = ears
        self._judge = judge
        self._outbox = outbox
        self._is_told = True  # whether the last minute was told

    async def run(self, failures: Failures) -> None:
        if self._setting is None:
            return
        async for _ in rounds(self._ears, EACH_MS):
            await failures.guard("switch", partial(self.beat, failures))

    async def beat(self, failures: Failures) -> bool:
        """One minute; whether it was told outside."""
        why = await self._why_not(failures)
        if why is None:
            why = await self._ping()
        if why is not None:
            log.error("the dead-man's switch outside is not told: %s", why)
        elif not self._is_told:
            log.info("the dead-man's switch outside is told again")
        self._is_told = why is None
        return why is None

    async def _why_not(self, failures: Failures) -> str | None:
        before = _failed(failures)
        if not await self._went_round(lambda: self._judge.rounds):
            return "the judge does not finish its rounds"
        if not await self._went_round(lambda: self._outbox.rounds):
            return "the outbox does not finish its rounds"
        if _failed(failures) != before:
            return "a round failed"
        return "nothing is delivered to anybody" if await self._outbox.is_stuck() else None

    async def _went_round(self, count: Callable[[], int]) -> bool:
        """Whether a round that begins from now on ends well: the second to end began from now on."""
        wanted, until_ms = count() + 2, self._ears.steady_ms() + ROUND_MS_MAX
        while count() < wanted:
            if self._ears.steady_ms() >= until_ms:
                return False
            await self._ears.sleep_ms(LOOK_MS)
        return True

    async def _ping(self) -> str | None:
        """Why it was not taken. Nothing of the URL is said but its host: it holds a secret."""
        assert self._setting is not None
        host, timeout = host_of(self._setting.url), aiohttp.ClientTimeout(total=DEADLINE_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, headers={"User-Agent": "vedette"}) as http,
                http.request(self._setting.method, URL(self._setting.url), allow_redirects=False) as reply,
            ):
                status = reply.status
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return f"{host} cannot be reached ({type(error).__name__})"
        return None if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES else f"{host} answered {status}"


def _failed(failures: Failures) -> int:
    """How often judging and telling has failed."""
    return sum(count for name, count in failures.of.items() if name in LOOPS or name.startswith("channel "))
