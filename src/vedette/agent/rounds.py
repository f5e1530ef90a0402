"""A round asks all probes that are due at once and reports what is there when its time is over.

Each probe has a thread of its own: a node that hangs holds up nobody else, nor does a dead network disk. A
probe that has not come home is not sent again; rounds never overlap.

A report holds only what was observed in its own round, so a point of a series is as old as it says. What a
slower probe saw earlier is kept for the live state, with its age.
"""

import logging
import queue
import re
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from vedette.agent.probes.node import is_early
from vedette.agent.probes.reading import Probe, Reading
from vedette.agent.troubles import Troubles
from vedette.conflux.wire import METHOD_NOT_FOUND, Refused, RpcError

log = logging.getLogger("vedette.agent")

REASON_CHARS_MAX = 300
TOO_LATE = "it takes longer than a round"
NO_ANSWER = "did not answer within"  # as the client puts it

POS_IS_OFF = -32078
UNOFFERED = frozenset({METHOD_NOT_FOUND, POS_IS_OFF})
UNOFFERED_S = 3_600.0
"""A light node has no PoS, a port leaves out a group: that does not change without a restart."""

NOT_YET_S = 5.0
NOT_YET_SHARE = 4
"""PoS begins some time after the rest of the node, and a key that votes twice is disputed within a minute
of it; on a node without PoS it never begins. So the wait is a quarter of the time waited, up to an hour."""

_METHOD = re.compile(r"\b[a-z]+_\w+(\.\w+)?")
_VARYING = re.compile(r"'[^']*'|\d+")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one probe in one round. `error`: why there is no reading, in one line.

    `again_s`: after how long it is worth asking again. `not_yet`: the node said that it is too early.
    """

    probe: Probe
    reading: Reading
    took_ms: float
    error: str | None = None
    again_s: float = 0
    not_yet: bool = False


class Worker:
    """One probe's thread."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self._jobs: queue.SimpleQueue[queue.SimpleQueue[Outcome]] = queue.SimpleQueue()
        self._idle = threading.Event()
        self._idle.set()
        threading.Thread(target=self._run, name=f"probe {probe.name}", daemon=True).start()

    def send(self, replies: queue.SimpleQueue[Outcome]) -> bool:
        """Send the probe out; False if it has not come home from the last time."""
        if not self._idle.is_set():
            return False
        self._idle.clear()
        self._jobs.put(replies)
        return True

    def _run(self) -> None:
        while True:
            replies = self._jobs.get()
            outcome = observe(self.probe)
            self._idle.set()
            replies.put(outcome)


def observe(probe: Probe) -> Outcome:
    """A probe that fails is itself an observation."""
    began = time.perf_counter()
    reading, error, again_s, not_yet = Reading(), None, probe.every_s, False
    try:
        reading = probe.read()
    except RpcError as failure:
        error, again_s, not_yet = str(failure), ask_again_s(failure, probe), is_early(failure)
    except OSError as failure:
        error = failure.strerror or str(failure)
    except Exception as bug:  # a bug in one probe is loud, and leaves the others alone
        log.exception("probe %s has a bug", probe.name)
        error = f"a bug in the agent: {type(bug).__name__}"
    return Outcome(probe, reading, (time.perf_counter() - began) * 1000, error, again_s, not_yet)


def ask_again_s(failure: RpcError, probe: Probe) -> float:
    """A node that does not answer is asked again in the next round; what it does not offer, hourly."""
    if isinstance(failure, Refused) and failure.code in UNOFFERED:
        return max(UNOFFERED_S, probe.every_s)
    return NOT_YET_S if is_early(failure) else 0


def gather(workers: Sequence[Worker], budget_s: float) -> list[Outcome]:
    """Send all probes out; wait for them no longer than the budget."""
    replies: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    ends_at = time.monotonic() + budget_s
    away = {worker.probe.name: worker.probe for worker in workers}
    missing = sum(worker.send(replies) for worker in workers)
    outcomes = []
    while missing and (left := ends_at - time.monotonic()) > 0:
        try:
            outcome = replies.get(timeout=left)
        except queue.Empty:
            break
        missing -= 1
        del away[outcome.probe.name]
        outcomes.append(outcome)
    late = [Outcome(probe, Reading(), budget_s * 1000, TOO_LATE) for probe in away.values()]
    return outcomes + late


class Roll:
    """All probes: which of them are due, and the newest outcome of each."""

    def __init__(self, probes: Iterable[Probe]) -> None:
        self._workers = [Worker(probe) for probe in probes]
        self._lives: int | None = None
        self._due_ms: dict[str, int] = {}
        self._newest: dict[str, tuple[int, Outcome]] = {}
        self._early_since_ms: dict[str, int] = {}

    def call(self, now_ms: int, lives: int, budget_s: float) -> list[Outcome]:
        """Send out what is due. A change of the node's process (`lives`) makes everything due."""
        if lives != self._lives:
            self._due_ms, self._newest, self._early_since_ms, self._lives = {}, {}, {}, lives
        due = [worker for worker in self._workers if self._due_ms.get(worker.probe.name, 0) <= now_ms]
        outcomes = gather(due, budget_s)
        for outcome in outcomes:
            self._newest[outcome.probe.name] = (now_ms, outcome)
            self._due_ms[outcome.probe.name] = now_ms + self._wait_ms(outcome, now_ms)
        return outcomes

    def _wait_ms(self, outcome: Outcome, now_ms: int) -> int:
        wait_ms = round(outcome.again_s * 1000)
        if not outcome.not_yet:
            self._early_since_ms.pop(outcome.probe.name, None)
            return wait_ms
        waited_ms = now_ms - self._early_since_ms.setdefault(outcome.probe.name, now_ms)
        return min(max(wait_ms, waited_ms // NOT_YET_SHARE), round(UNOFFERED_S * 1000))

    def newest(self) -> list[Outcome]:
        return [outcome for _, outcome in self._newest.values()]

    def kept(self, now_ms: int) -> Reading:
        """What was seen in earlier rounds and is good still, each probe with its age."""
        older = {name: seen for name, seen in self._newest.items() if seen[0] < now_ms}
        reading = merged(outcome for _, outcome in older.values())
        ages = {f"probe.{name}.age_seconds": (now_ms - at_ms) // 1000 for name, (at_ms, _) in older.items()}
        return Reading({**reading.numbers, **ages}, reading.states)


def merged(outcomes: Iterable[Outcome]) -> Reading:
    """All outcomes of a round in one reading; a failed probe is a number and a state of its own."""
    numbers: dict[str, int | float] = {}
    states: dict[str, str] = {}
    for outcome in sorted(outcomes, key=lambda outcome: outcome.probe.name):
        name = f"probe.{outcome.probe.name}"
        numbers |= outcome.reading.numbers
        states |= outcome.reading.states
        if outcome.probe.asks_node and (outcome.reading.numbers or outcome.reading.states):
            numbers[f"{name}.ms"] = round(outcome.took_ms, 1)
        if outcome.error is not None:
            numbers[f"{name}.failed"] = 1
            states[f"{name}.error"] = outcome.error[:REASON_CHARS_MAX]
    return Reading(numbers, states)


def tell(outcomes: Sequence[Outcome], troubles: Troubles) -> None:
    """One line when the failures of a round are others than those of the round before."""
    failed = {outcome.probe.name: outcome.error for outcome in outcomes if outcome.error is not None}
    if not failed:
        troubles.over("probes", f"all {len(outcomes)} probes report again")
        return
    groups: dict[str, list[str]] = {}
    for name, error in sorted(failed.items()):
        groups.setdefault(kind_of(error), []).append(name)
    kind = repr(sorted(groups.items()))
    parts = [f"{', '.join(names)}: {failed[names[0]]}" for names in groups.values()]
    troubles.say("probes", f"{len(failed)} of {len(outcomes)} probes fail: {' | '.join(parts)}", kind)


def kind_of(error: str) -> str:
    """The error without what differs from call to call, so that one trouble has one kind."""
    if error == TOO_LATE or NO_ANSWER in error:
        return NO_ANSWER  # a node that hangs meets now the call's deadline first, now the round's
    return _VARYING.sub("…", _METHOD.sub("…", error))


def rounds(stop: threading.Event, interval_ms: int, bell: threading.Event | None = None) -> Iterator[int]:
    """Yield the steady time of each round, the first at once; a late one is skipped, never caught up.

    A `bell` that is set makes one more at once; who sets `stop` sets it, too.
    """
    waker = stop if bell is None else bell
    start = now = steady_ms()
    while not stop.is_set():
        yield now - (now - start) % interval_ms
        elapsed = steady_ms() - start
        while waker.wait((interval_ms - elapsed % interval_ms) / 1000) and not stop.is_set():
            waker.clear()
            yield steady_ms()
            elapsed = steady_ms() - start
        # An event may wake a moment early; the round it meant is the next whole one.
        now = max(steady_ms(), start + (elapsed // interval_ms + 1) * interval_ms)


def steady_ms() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
