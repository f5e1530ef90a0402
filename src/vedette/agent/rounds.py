"""A round asks all probes at once and reports what is there when its time is over.

Each probe has a thread of its own: a node that hangs holds up nobody else, nor does a dead network disk. A
probe that has not come home is not sent again; rounds never overlap.
"""

import logging
import queue
import re
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from vedette.agent.probes.reading import Probe, Reading
from vedette.agent.troubles import Troubles
from vedette.conflux.wire import RpcError

log = logging.getLogger("vedette.agent")

REASON_CHARS_MAX = 300
TOO_LATE = "it takes longer than a round"
NO_ANSWER = "did not answer within"  # as the client puts it
_METHOD = re.compile(r"\b[a-z]+_\w+(\.\w+)?")
_VARYING = re.compile(r"'[^']*'|\d+")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one probe in one round. `error`: why there is no reading, in one line."""

    probe: Probe
    reading: Reading
    took_ms: float
    error: str | None = None


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
    try:
        reading, error = probe.read(), None
    except RpcError as failure:
        reading, error = Reading(), str(failure)
    except OSError as failure:
        reading, error = Reading(), failure.strerror or str(failure)
    except Exception as bug:  # a bug in one probe is loud, and leaves the others alone
        log.exception("probe %s has a bug", probe.name)
        reading, error = Reading(), f"a bug in the agent: {type(bug).__name__}"
    return Outcome(probe, reading, (time.perf_counter() - began) * 1000, error)


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


def rounds(stop: threading.Event, interval_ms: int) -> Iterator[int]:
    """Yield the steady time of each round, the first at once; a late one is skipped, never caught up."""
    start = now = steady_ms()
    while not stop.is_set():
        yield now - (now - start) % interval_ms
        elapsed = steady_ms() - start
        stop.wait((interval_ms - elapsed % interval_ms) / 1000)
        # An event may wake a moment early; the round it meant is the next whole one.
        now = max(steady_ms(), start + (elapsed // interval_ms + 1) * interval_ms)


def steady_ms() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
