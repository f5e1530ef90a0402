"""What is known now. It goes with every post, ahead of any backlog."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from vedette.agent.node_process import Watch
from vedette.agent.probes.reading import Reading
from vedette.model.process import ProcessState
from vedette.model.report import Live

RUNNING = {ProcessState.RUNNING: 1, ProcessState.GONE: 0}


@dataclass(frozen=True, slots=True)
class Observed:
    """One moment, ready for the spool."""

    at_ms: int
    numbers: Mapping[str, int | float] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)


def process_reading(watch: Watch) -> Reading:
    """The process in the words of a report."""
    running = RUNNING.get(watch.state)
    return Reading(
        {} if running is None else {"process.running": running}, {"process.state": watch.state.value}
    )


def _age(watch: Watch) -> Reading:
    """A young process excuses its validator's absence: its age is told with its return."""
    return Reading() if watch.up_seconds is None else Reading({"process.up_seconds": watch.up_seconds})


class Board:
    """The newest state; any thread may read or change it.

    A change of the process wipes everything else: numbers of a process that ended say nothing of now. A round
    that began before the change is refused for the same reason.
    """

    def __init__(
        self,
        watch: Watch,
        facts: Callable[[], Mapping[str, str]],
        felt: Callable[[int], Reading] = lambda _: Reading(),
    ) -> None:
        """`facts` are states that outlive the process: who the node and its host are.

        `felt` is what is known since the round, of a process that had so many lives.
        """
        self._lock = threading.Lock()
        self._facts = facts
        self._felt = felt
        self._watch = watch
        self._reading = Reading()

    def settle(self, lives: int, at_ms: int, round_: Reading, kept: Reading) -> Observed | None:
        """Take a round that began when the process had had so many `lives`; None: it was overtaken.

        What was `kept` from earlier rounds is live, and no observation of this moment.
        """
        with self._lock:
            if lives != self._watch.lives:
                return None
            self._reading = Reading({**kept.numbers, **round_.numbers}, {**kept.states, **round_.states})
            return Observed(at_ms, *self._merged(round_))

    def change(self, watch: Watch, at_ms: int) -> Observed:
        """The process died, returned or went out of sight."""
        with self._lock:
            self._watch = watch
            self._reading = _age(watch)
            return Observed(at_ms, *self._merged(self._reading))

    def live(self, now_ms: int, planned_stop_until_ms: int | None) -> Live:
        with self._lock:
            known, felt = self._reading, self._felt(self._watch.lives)
            newest = Reading({**known.numbers, **felt.numbers}, {**known.states, **felt.states})
            numbers, states = self._merged(newest)
            return Live(now_ms, numbers, states, planned_stop_until_ms, self._watch.died_at_ms)

    def _merged(self, reading: Reading) -> tuple[dict[str, int | float], dict[str, str]]:
        process = process_reading(self._watch)
        return (
            {**reading.numbers, **process.numbers},
            {**self._facts(), **reading.states, **process.states},
        )
