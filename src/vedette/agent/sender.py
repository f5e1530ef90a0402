"""Posts reports and the live state to the server, keeps trying, and speaks once of each trouble."""

import logging
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

from vedette.agent.clock import STEP_MS, SteadyClock
from vedette.agent.config import Settings
from vedette.agent.files import read_small
from vedette.agent.identity import Identity
from vedette.agent.memory import Memory
from vedette.agent.spool import Spool
from vedette.agent.troubles import Troubles
from vedette.agent.upstream import TOKEN_CHARS_MAX, Undelivered, Upstream, token_in
from vedette.model.report import (
    PROTOCOL,
    REPORTS_PER_ENVELOPE_MAX,
    Ack,
    Envelope,
    Live,
    Report,
)

log = logging.getLogger("vedette.agent")

REPORT_BYTES_MAX = 256_000
"""Of one post: unpacked, a megabyte of reports would be six of memory."""
BACKOFF_S_MAX = 30.0
RETRY_AFTER_S_MAX = 600.0


def backoff_s(failures: int, wait_s: float | None, chance: float) -> float:
    """How long to wait after so many failures in a row; `chance` in 0..1 keeps agents out of step."""
    if wait_s is not None:
        # A herd that was told the same second must not come back in the same second.
        return min(wait_s, RETRY_AFTER_S_MAX) * (1 + chance / 4)
    return float(min(2 ** min(failures - 1, 5), BACKOFF_S_MAX) * (0.5 + chance / 2))


class Sender:
    """One thread talks to the server. Others call `news` after a round, `urgent` for what is told now."""

    def __init__(
        self,
        settings: Settings,
        identity: Identity,
        spool: Spool,
        memory: Memory,
        clock: SteadyClock,
        live: Callable[[], Live],
        troubles: Troubles,
    ) -> None:
        self._settings = settings
        self._identity = identity
        self._spool = spool
        self._memory = memory
        self._clock = clock
        self._live = live
        self._troubles = troubles
        self._upstream = Upstream(settings.server)
        self._condition = threading.Condition()
        self._news = False
        self._urgent = False
        self._asked_steady_ms = clock.steady_ms()
        self._retry_at_s = 0.0
        self._failures = 0
        self._batch = REPORTS_PER_ENVELOPE_MAX
        # A report that was refused alone is suspected; once the server took a post without it, it is doubted;
        # refused again, it is dropped. A server that refuses everything for a while costs us nothing.
        self._suspected: int | None = None
        self._doubted: int | None = None
        self._enrolled = memory.known.enrolled == (settings.server, settings.name)

    def news(self) -> None:
        """There is something new to tell, when the time for it comes."""
        with self._condition:
            self._news = True
            self._condition.notify()

    def urgent(self) -> None:
        """There is something to tell now, whatever went wrong before."""
        with self._condition:
            self._urgent = True
            self._condition.notify()

    def run(self, stop: threading.Event) -> None:
        """Until told to stop (and then woken by `news`): wait for something to tell, and tell it."""
        while not stop.is_set():
            urgent = self._wait(stop)
            if not stop.is_set():
                self.talk(urgent)
        self._upstream.close()

    def _wait(self, stop: threading.Event) -> bool:
        """Sleep until there is something to tell; True if it is urgent."""
        with self._condition:
            while not (stop.is_set() or self._urgent):
                left = self._retry_at_s - time.monotonic()
                if self._news and left <= 0:
                    break
                self._condition.wait(left if self._news else None)
            urgent, self._urgent, self._news = self._urgent, False, False
            return urgent

    def talk(self, urgent: bool) -> None:
        """One attempt. What is urgent goes alone: nothing of the backlog is read or carried before it."""
        self._asked_steady_ms = self._clock.steady_ms()
        try:
            more = self._post([] if urgent or self._suspected else self._next_reports())
        except Undelivered as error:
            self._failed(error)
            return
        self._failures = 0
        self._retry_at_s = 0.0
        self._troubles.over("server", f"{self._upstream.name} takes our reports again")
        if more or (urgent and self._spool.waiting_count > 0):
            self.news()

    def _failed(self, error: Undelivered) -> None:
        self._failures += 1
        self._retry_at_s = time.monotonic() + backoff_s(self._failures, error.wait_s, random.random())  # noqa: S311
        if error.server_at_ms is not None:
            self._hear_time(error.server_at_ms)  # or a machine that is set right would never be believed
        waiting = f"{self._spool.waiting_count} reports wait here"
        self._troubles.say("server", f"nothing was delivered: {error}; {waiting}")
        self.news()

    def _next_reports(self) -> list[Report]:
        return self._spool.oldest(self._batch, REPORT_BYTES_MAX)

    def _post(self, reports: list[Report]) -> bool:
        """Deliver; True if there is more to deliver right away. Raises Undelivered."""
        if not self._enrolled:
            self._enrol()
        try:
            ack = self._upstream.report(self._identity, self._envelope(reports))
        except Undelivered as error:
            self._learn(error, reports)
            raise
        return self._acknowledged(ack, reports)

    def _envelope(self, reports: list[Report]) -> Envelope:
        return Envelope(
            protocol=PROTOCOL,
            agent=self._identity.agent,
            spool=self._spool.spool,
            sent_at_ms=self._clock.now_ms(),
            interval_ms=self._settings.interval_ms,
            live=self._live(),
            reports=reports,
        )

    def _acknowledged(self, ack: Ack, reports: list[Report]) -> bool:
        self._spool.acknowledge(ack.acknowledged_seq)
        self._hear_time(ack.server_at_ms)
        if self._suspected is not None:
            self._doubted, self._suspected = self._suspected, None
            return True
        self._batch = min(self._batch * 2, REPORTS_PER_ENVELOPE_MAX)
        advanced = bool(reports) and ack.acknowledged_seq >= reports[-1].seq
        return advanced and self._spool.waiting_count > 0

    def _learn(self, error: Undelivered, reports: list[Report]) -> None:
        """Change what will be tried next time."""
        self._suspected = None
        if error.status == 401:  # noqa: PLR2004
            self._enrolled = False
        elif error.status in {400, 413} and reports:
            self._find_the_spoiler(reports)

    def _find_the_spoiler(self, reports: list[Report]) -> None:
        """Halve the batch down to the one report that the server cannot take: it holds up all others."""
        self._batch = max(1, len(reports) // 2)
        if len(reports) > 1:
            return
        seq = reports[0].seq
        if seq == self._doubted:
            self._spool.drop(seq)
            self._doubted = None
        else:
            self._suspected = seq

    def _hear_time(self, server_ms: int) -> None:
        moved = self._clock.hear(server_ms, self._asked_steady_ms)
        if moved:
            log.warning(
                "our time was wrong by %.1f s; the machine and the server agree on it now", moved / 1000
            )
        apart = self._clock.now_ms() - server_ms
        if abs(apart) > 5 * STEP_MS:
            self._troubles.say("clock", f"our clock and the server's are {apart / 1000:.0f} s apart")
        else:
            self._troubles.over("clock", "our clock and the server's agree again")

    def _enrol(self) -> None:
        """Make ourselves known. Raises Undelivered."""
        settings = self._settings
        try:
            self._upstream.enrol(self._identity, settings.name, settings.role, self._token())
        except Undelivered as error:
            if error.unknown:
                line = f"the server does not accept the token in {settings.token_file}: put a valid one there"
                raise Undelivered(line, status=error.status) from error
            raise
        self._enrolled = True
        self._memory.keep(enrolled=(settings.server, settings.name))
        log.info("enrolled at %s as %s, agent %s", self._upstream.name, settings.name, self._identity.agent)

    def _token(self) -> str:
        if self._settings.token_file is None:
            raise Undelivered(
                "the server does not know us: run `vedette agent enroll`, or give --token-file with a token"
            )
        path = Path(self._settings.token_file)
        try:
            token = token_in((read_small(path, TOKEN_CHARS_MAX) or b"").decode("ascii"))
        except (OSError, UnicodeDecodeError) as error:
            raise Undelivered(f"{path} holds no token: {error}") from error
        if token is None:
            raise Undelivered(f"{path} holds no token: put one enrolment token there, on one line")
        return token
