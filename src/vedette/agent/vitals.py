"""Vital signs: the few things that a message hangs on, asked each second and told at once when they change.

A round is five seconds, and waits for its slowest probe. What is seen here goes into the live state alone,
with the next post. A post of its own is worth only what somebody may be told of: that the node means to vote,
or no longer does; that it answers nothing, or again; and that a chain moves which stood. Not that one stands
on: the server knows that from our silence, so a chain that stands for everybody makes no storm of posts.

Only what a round has had an answer to is asked: a port without `test_` methods, a light node and a gateway
that limits us are asked no more of what they do not offer. And, for some minutes after a start, what it was
too early for: a node that comes up with a key that votes elsewhere is disputed within a minute. So whose key
it has is asked, too, at the moment in which it is first seen to vote or not.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from vedette.agent.node_process import Watch
from vedette.agent.probes.node import Node
from vedette.agent.probes.progress import Progress
from vedette.agent.probes.reading import Reading
from vedette.agent.rounds import rounds
from vedette.conflux.pos import pos_status
from vedette.conflux.pow import epoch_number, voting
from vedette.conflux.wire import Limited, RpcError, Unreachable
from vedette.model.process import ProcessState

EACH_MS = 1_000
AFTER_ROUND_MS = 500
"""We look in the middle of a second: a round, which begins with one, has asked the same just before."""
LATELY_MS = 700
LIMITED_MS = 60_000
STOOD_MS_MIN = 10_000
EARLY_MS_MAX = 600_000
"""A node without PoS says for ever that PoS has not begun: so long it may be on its way."""
USUAL_BLOCKS = 5
"""A chain that stood for less than so many of its blocks told nobody anything by standing."""


@dataclass(frozen=True, slots=True)
class Felt:
    """What one look found when the process had had so many `lives`. `at_ms`: of the pulse's clock."""

    lives: int
    at_ms: int
    reading: Reading = field(default_factory=Reading)
    whole: bool = False  # every question had an answer


NOTHING = Felt(lives=-1, at_ms=0)


@dataclass(frozen=True, slots=True)
class Signs:
    """What a post of its own is worth, when it changes."""

    lives: int
    voting: str | None
    silent: bool


class Vitals:
    """One thread looks; any other may ask for what was felt last."""

    def __init__(
        self,
        node: Node,
        watch: Callable[[], Watch],
        chains: tuple[Progress, Progress],
        on_news: Callable[[], None],
        on_begun: Callable[[], object] = lambda: None,
        on_open: Callable[[], None] = lambda: None,
    ) -> None:
        """`chains`: of PoW and PoS, shared with the rounds. `on_news` is called in our thread.

        `on_begun`: called there, too, before the news that PoS has begun in a process that was started.
        `on_open`: when a process that runs says its first word, and says it to us.
        """
        self._node = node
        self._watch = watch
        self._pow, self._pos = chains
        self._on_news = on_news
        self._on_begun = on_begun
        self._on_open = on_open
        self._felt = NOTHING
        self._signs = Signs(-1, None, silent=False)
        self._moves = [0, 0]
        self._not_before_ms = 0

    def run(self, stop: threading.Event) -> None:
        stop.wait(AFTER_ROUND_MS / 1000)
        for _ in rounds(stop, EACH_MS):
            self.look()

    def look(self) -> None:
        """Ask once, and tell if there is news. Of a process that is gone nothing is known."""
        watch, began_ms = self._watch(), self._node.pulse.now_ms()
        if watch.state is ProcessState.GONE or began_ms < self._not_before_ms:
            self._felt = NOTHING
            return
        if watch.state is ProcessState.RUNNING and self._node.opens():
            self._on_open()
        reading, whole = self._ask()
        if self._watch().lives != watch.lives:
            return  # whoever answered is no more
        self._felt = Felt(watch.lives, began_ms, reading, whole)
        self._tell(Signs(watch.lives, reading.states.get("node.voting"), self._node.pulse.silent_ms > 0))

    def reading(self, lives: int) -> Reading:
        """What is known now of a process that had so many lives; for the live state only."""
        felt, pulse = self._felt, self._node.pulse
        if felt.lives != lives:
            return Reading()
        numbers = {**felt.reading.numbers, "rpc.silent_seconds": round(pulse.silent_ms / 1000, 1)}
        if felt.whole:
            numbers["probe.vitals.age_seconds"] = round((pulse.now_ms() - felt.at_ms) / 1000, 1)
        return Reading(numbers, felt.reading.states)

    # --- a look

    def _ask(self) -> tuple[Reading, bool]:
        """All that can be had, until a question has no answer. Whether each had one."""
        numbers: dict[str, int | float] = {}
        states: dict[str, str] = {}
        asked = 0
        for method, learn in self._questions():
            if not self._node.answers(method) and not self._may_begin(method):
                continue
            try:
                found = learn(method)
            except Unreachable as error:
                self._rest(error)
                return Reading(numbers, states), False
            except RpcError:
                continue  # it spoke; the next round says what is wrong
            asked += 1
            numbers |= found.numbers
            states |= found.states
        return Reading(numbers, states), asked > 0

    def _may_begin(self, method: str) -> bool:
        early_ms = self._node.early_ms(method)
        return early_ms is not None and early_ms < EARLY_MS_MAX

    def _rest(self, error: Unreachable) -> None:
        if isinstance(error, Limited):
            wait_ms = max(LIMITED_MS, round(1000 * error.retry_after_s))
            self._not_before_ms = self._node.pulse.now_ms() + wait_ms

    def _questions(self) -> tuple[tuple[str, Callable[[str], Reading]], ...]:
        """The heights last: of those the one behind which a whole layer may hang."""
        return (
            ("test_posVotingStatus", self._voting),
            ("cfx_epochNumber", self._epoch),
            ("pos_getStatus", self._height),
        )

    def _voting(self, method: str) -> Reading:
        votes = voting(self._node.lately(method, LATELY_MS))
        return Reading(states={"node.voting": "true" if votes else "false"})

    def _epoch(self, method: str) -> Reading:
        asked_ms = self._pow.now_ms()
        epoch = epoch_number(self._node.lately(method, LATELY_MS))
        self._pow.see(epoch, asked_ms)
        return Reading({"pow.latest_epoch": epoch, "pow.still_seconds": _seconds(self._pow)})

    def _height(self, method: str) -> Reading:
        asked_ms = self._pos.now_ms()
        status = pos_status(self._node.lately(method, LATELY_MS))
        self._pos.see(status.committed_height, asked_ms)
        told = {"pos.epoch": status.epoch, "pos.committed_height": status.committed_height}
        return Reading({**told, "pos.still_seconds": _seconds(self._pos)})

    # --- news

    def _tell(self, signs: Signs) -> None:
        before, moved = self._signs, self._moved()
        same = before.lives == signs.lives  # what differs from the process before it was told with its change
        voting = signs.voting or (before.voting if same else None)
        self._signs = Signs(signs.lives, voting, signs.silent)
        turned = voting is not None and before.voting != voting
        if same and turned and before.voting is None:
            self._begun()
        if same and (turned or before.silent != signs.silent or moved):
            self._on_news()

    def _begun(self) -> None:
        with suppress(RpcError):  # a round asks again, and says what is wrong
            self._on_begun()

    def _moved(self) -> bool:
        """Whether a chain has moved since the last look that had stood longer than is usual for it."""
        chains = (self._pow, self._pos)
        moved = [chain.moves != seen for chain, seen in zip(chains, self._moves, strict=True)]
        self._moves = [chain.moves for chain in chains]
        return any(
            has and chain.stood_ms >= usual_ms(chain.per_second)
            for has, chain in zip(moved, chains, strict=True)
        )


def usual_ms(per_second: float | None) -> float:
    """For how long a chain of this pace may stand."""
    return max(STOOD_MS_MIN, USUAL_BLOCKS * 1000 / per_second) if per_second else STOOD_MS_MIN


def _seconds(chain: Progress) -> float:
    return round(chain.still_ms / 1000, 1)
