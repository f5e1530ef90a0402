"""What each layer of a node is worth: one word, a reason for machines, and the figures that led to it.

Pure: the caller says what time it is and what others see. What is missing is unknown: it acquits nobody and
accuses nobody. A layer that has stopped is a zombie only where others are seen to have moved on; if they
stand too, it is the network.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from vedette.model.ballot import Ballot
from vedette.model.layers import Condition, Layer, Verdict
from vedette.model.view import NodeState

MAINNET_BLOCK_S = 31.0  # 2,790 PoS blocks a day
ANSWER_OLD_S = 30.0  # an answer older than that is no answer
ROUND_S = 6.0  # an agent's answer may be so old: a round, and its way to us
STILL_MIN_S = 15.0  # three rounds of an agent; below that its pace is all that is measured
FAR_S = 10.0 * 365 * 86_400  # whoever hardly moves arrives some day: that is as far as is counted
NORMAL_PHASE = "NormalSyncPhase"
VOTED = frozenset({Ballot.SIGNED, Ballot.LED})


ORDER = tuple(Condition)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where a figure stops being usual. The defaults are mainnet's; epochs and blocks are counts."""

    pow_lag_epochs: float = 100
    pow_far_epochs: float = 600
    execution_lag_epochs: float = 50
    execution_far_epochs: float = 500
    pos_lag_blocks: float = 5
    pos_far_blocks: float = 20
    pow_still_s: float = 120
    pos_still_s: float = 180  # 100 s are usual where an epoch ends
    moved_pow_epochs: float = 20  # others are this much ahead: they moved while we stood
    moved_pos_blocks: float = 2
    unsigned_blocks: int = 10
    guard_still_s: float = 300  # a voter writes its guard each round
    answer_old_s: float = ANSWER_OLD_S

    @classmethod
    def of_pace(cls, block_s: float | None) -> "Thresholds":
        """For a chain whose PoS blocks are `block_s` apart. A slow network excuses nobody.

        Seconds only shrink. The blocks that a fast chain makes while an answer is on its way are no lag.
        """
        if block_s is None:
            return cls()
        scale = min(1.0, block_s / MAINNET_BLOCK_S)
        usual = cls()
        return replace(
            usual,
            pos_lag_blocks=usual.pos_lag_blocks + ROUND_S // max(block_s, 0.1),
            pos_still_s=max(STILL_MIN_S, usual.pos_still_s * scale),
            guard_still_s=max(STILL_MIN_S, usual.guard_still_s * scale),
        )


@dataclass(frozen=True, slots=True)
class References:
    """What others say of the chain: their newest heights and pace. None: nobody was heard."""

    pow_epoch: float | None = None
    pos_height: float | None = None
    pow_epochs_per_second: float | None = None
    pow_risen_epochs: float | None = None  # in the last two minutes


@dataclass(frozen=True, slots=True)
class Duty:
    """The node's validator. `votes`: 0 not a member, None not known; `strip` oldest first."""

    votes: int | None = None
    strip: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of a node. `pivot_agrees`: at a confirmed height it has the others' block."""

    state: NodeState
    numbers: Mapping[str, float]
    states: Mapping[str, str]
    references: References = References()
    duty: Duty = Duty()
    pivot_agrees: bool | None = None


VITALS_OLD_S = 2.0
STILL = ("pow.still_seconds", "pos.still_seconds")


def stood_on(numbers: Mapping[str, float], heard_s: float) -> Mapping[str, float]:
    """A node's numbers as they are now, so many seconds after its agent told them.

    An agent that looks each second tells at once when a chain moves that had stood: that it said nothing
    since means that the chain stands on. Of other agents only what they said is known.
    """
    age_s = numbers.get("probe.vitals.age_seconds")
    if age_s is None or age_s > VITALS_OLD_S:
        return numbers
    more_s = min(max(0.0, heard_s), ROUND_S)
    stands = {name: numbers[name] + more_s for name in STILL if numbers.get(name, 0) + more_s > STILL_MIN_S}
    return {**numbers, **stands} if stands else numbers


class Crowd:
    """What many say of one figure, asked by each of them about the rest: no look goes through all."""

    def __init__(self, values: Iterable[float]) -> None:
        self._values = sorted(values)

    def median(self, but: float | None = None) -> float | None:
        """Of all; without one who said `but`, if that is given. None of nobody."""
        own, count = self._place(but)
        if count <= 0:
            return None
        low, high = (self._values[at + (at >= own)] for at in ((count - 1) // 2, count // 2))
        return (low + high) / 2

    def middle(self, beyond: float, but: float | None = None) -> float | None:
        """The largest value that is not more than `beyond` above the median; None of nobody."""
        usual = self.median(but)
        if usual is None:
            return None
        own, _ = self._place(but)
        at = bisect_right(self._values, usual + beyond) - 1
        at -= at == own
        return self._values[at] if at >= 0 else None

    def _place(self, but: float | None) -> tuple[int, int]:
        """Where the one stands who is left out (at the end: nobody), and how many the rest are."""
        count = len(self._values)
        return (count, count) if but is None else (bisect_left(self._values, but), count - 1)


def health(seen: Evidence, limits: Thresholds) -> dict[Layer, Verdict]:
    """A verdict for each layer."""
    common = _whole(seen)
    if common is not None:
        return dict.fromkeys(Layer, common)
    fresh = _fresh(seen, limits)
    return {
        Layer.EXECUTION: _execution(fresh, limits),
        Layer.POW: _pow(fresh, limits),
        Layer.POS: _pos(fresh, limits),
        Layer.VALIDATOR: _validator(fresh, limits),
    }


def worst(verdicts: Mapping[Layer, Verdict]) -> Condition:
    return min((verdict.state for verdict in verdicts.values()), key=ORDER.index)


def _whole(seen: Evidence) -> Verdict | None:
    """What settles all layers at once: a process that ended, or an agent that cannot tell."""
    if seen.states.get("process.state") == "gone" and seen.state in {NodeState.DOWN, NodeState.STOPPED}:
        planned = seen.state is NodeState.STOPPED
        return Verdict(Condition.DOWN, "planned_stop" if planned else "process_gone")
    if seen.state in {NodeState.SILENT, NodeState.STOPPED}:
        return Verdict(Condition.UNKNOWN, "agent_silent")
    return None


ASKED = {
    "pow.": "pow",
    "pos.": "pos",
    "guard.": "guard",
    "node.sync_phase": "sync_phase",
    "node.voting": "voting",
}
"""The probe behind each family of names that is judged."""


def _fresh(seen: Evidence, limits: Thresholds) -> Evidence:
    numbers, states = fresh(seen.numbers, seen.states, limits.answer_old_s)
    return seen if numbers is seen.numbers else replace(seen, numbers=numbers, states=states)


def fresh(
    numbers: Mapping[str, float], states: Mapping[str, str], answer_old_s: float = ANSWER_OLD_S
) -> tuple[Mapping[str, float], Mapping[str, str]]:
    """Without what is old: a node that does not answer proves nothing by what it once said."""
    old = tuple(
        family
        for family, probe in ASKED.items()
        if f"probe.{probe}.error" in states or numbers.get(f"probe.{probe}.age_seconds", 0) > answer_old_s
    )
    if not old:
        return numbers, states
    return (
        {name: value for name, value in numbers.items() if not name.startswith(old)},
        {name: value for name, value in states.items() if not name.startswith(old)},
    )


def _not_in_step(seen: Evidence) -> Verdict | None:
    """By the node's phase, or by its log's while it does not answer; progress and time left where known."""
    by_log = seen.states.get("sync.source") == "log"
    phase = seen.states.get("sync.log_phase" if by_log else "node.sync_phase")
    if phase is None:
        # A node that hangs or is cut off fails all its probes: that it does not answer is what is to be said.
        silent = "probe.sync_phase.error" in seen.states and "probe.pow.error" in seen.states
        return Verdict(Condition.UNKNOWN, "rpc_silent" if silent else "phase_unknown")
    if phase == NORMAL_PHASE:
        return None
    names = ("sync.step", "sync.log_epoch", "sync.recovered_height", "sync.recovered_per_second")
    told = {name: seen.numbers[name] for name in names if name in seen.numbers}
    return Verdict(Condition.SYNCING, "sync_phase", told | _progress(seen))


def _progress(seen: Evidence) -> dict[str, float]:
    """How far it is, and when it arrives: its own pace less the network's."""
    own, goal = seen.numbers.get("pow.latest_epoch"), seen.references.pow_epoch
    if own is None or goal is None or goal <= 0:
        return {}
    figures = {"lag_epochs": max(0.0, goal - own), "progress_ratio": min(1.0, own / goal)}
    pace, others = seen.numbers.get("pow.epochs_per_second"), seen.references.pow_epochs_per_second
    if pace is not None and others is not None and pace > others:
        figures["eta_seconds"] = round(min(figures["lag_epochs"] / (pace - others), FAR_S))
    return figures


def _execution(seen: Evidence, limits: Thresholds) -> Verdict:
    bad = seen.numbers.get("log.invalid_state.hour_count", 0)
    if bad > 0:
        return Verdict(Condition.FORKED, "invalid_state", {"hour_count": bad})
    if (early := _not_in_step(seen)) is not None:
        return early
    lag = seen.numbers.get("pow.execution_lag_epochs")
    if lag is None:
        return Verdict(Condition.UNKNOWN, "rpc_silent")
    return _by_lag("execution", lag, limits.execution_lag_epochs, limits.execution_far_epochs)


def _pow(seen: Evidence, limits: Thresholds) -> Verdict:
    if seen.pivot_agrees is False:
        return Verdict(Condition.FORKED, "pivot_differs")
    if (early := _not_in_step(seen)) is not None:
        return early
    ahead = _ahead(seen.references.pow_epoch, seen.numbers.get("pow.latest_epoch"))
    still = seen.numbers.get("pow.still_seconds")
    stands = _still("pow", still, limits.pow_still_s, ahead, limits.moved_pow_epochs)
    if stands is not None:
        return stands
    verdict = _held(seen, limits, ahead)
    lagging = verdict.state is Condition.LAGGING
    return replace(verdict, figures={**verdict.figures, **_progress(seen)}) if lagging else verdict


def _held(seen: Evidence, limits: Thresholds, ahead: float | None) -> Verdict:
    """By the lag that has lasted: the lesser of now and two minutes ago. A moment behind is no fault."""
    now = _by_place("pow", seen, ahead, limits.pow_lag_epochs, limits.pow_far_epochs)
    if ahead is None or now.state is not Condition.LAGGING:
        return now
    own, others = seen.numbers.get("pow.risen_epochs"), seen.references.pow_risen_epochs
    if others is None:
        return now  # endpoints tell where they are, not where they were
    if own is None:
        return Verdict(Condition.UNKNOWN, "pow_lag_new", now.figures)
    lasting = min(ahead, ahead + own - others)
    then = _by_lag("pow", lasting, limits.pow_lag_epochs, limits.pow_far_epochs)
    figures = {**then.figures, "lag": ahead, "lasting_lag": lasting}
    brief = then.state is not Condition.LAGGING
    return replace(then, reason="pow_behind_briefly" if brief else then.reason, figures=figures)


def _pos(seen: Evidence, limits: Thresholds) -> Verdict:
    if (early := _not_in_step(seen)) is not None:
        return early
    ahead = _ahead(seen.references.pos_height, seen.numbers.get("pos.committed_height"))
    still = seen.numbers.get("pos.still_seconds")
    stands = _still("pos", still, limits.pos_still_s, ahead, limits.moved_pos_blocks)
    if stands is not None:
        return stands
    return _by_place("pos", seen, ahead, limits.pos_lag_blocks, limits.pos_far_blocks)


def _ahead(reference: float | None, own: float | None) -> float | None:
    return None if reference is None or own is None else max(0.0, reference - own)


def _still(
    layer: str, still_s: float | None, limit_s: float, ahead: float | None, moved: float
) -> Verdict | None:
    """Whose fault a standstill is: the node's only if others are seen to be further."""
    if still_s is None or still_s <= limit_s:
        return None
    figures = {"still_seconds": float(int(still_s)), "limit_seconds": limit_s}
    if ahead is None:
        return Verdict(Condition.STALLED, f"{layer}_still", figures, still_s)
    figures["lag"] = ahead
    if ahead > moved:
        return Verdict(Condition.ZOMBIE, f"{layer}_still", figures, still_s)
    return Verdict(Condition.STALLED, "network_still", figures, still_s)


def _by_place(layer: str, seen: Evidence, ahead: float | None, warn: float, far: float) -> Verdict:
    """By its distance to others; a node that has no stillness told cannot be said to move."""
    if f"{layer}.still_seconds" not in seen.numbers:
        return Verdict(Condition.UNKNOWN, "rpc_silent")
    if ahead is None:
        return Verdict(Condition.UNKNOWN, "no_reference")
    return _by_lag(layer, ahead, warn, far)


def _by_lag(layer: str, lag: float, warn: float, far: float) -> Verdict:
    if lag > far:
        return Verdict(Condition.LAGGING, f"{layer}_far_behind", {"lag": lag, "limit": far})
    if lag > warn or (layer == "pos" and lag == warn):
        return Verdict(Condition.LAGGING, f"{layer}_behind", {"lag": lag, "limit": warn})
    return Verdict(Condition.HEALTHY, f"{layer}_near", {"lag": lag, "limit": warn})


def unsigned_run(strip: str) -> tuple[int, bool]:
    """Blocks that lack its signature since its newest one, and whether it has one; unseen ones count not."""
    absent = 0
    for letter in reversed(strip):
        if letter in VOTED:
            return absent, True
        if letter == Ballot.IDLE:
            break
        absent += letter == Ballot.ABSENT
    return absent, False


def _validator(seen: Evidence, limits: Thresholds) -> Verdict:
    """By its signatures, which alone prove a vote: `node.voting` is an intent."""
    if seen.numbers.get("node.pos_address_differs"):
        return Verdict(Condition.STALLED, "other_address")  # whoever it is now, its stake has no voter
    if seen.duty.votes is None:
        return Verdict(Condition.UNKNOWN, "membership_unknown")
    if seen.duty.votes == 0:
        return Verdict(Condition.HEALTHY, "not_member")
    absent, signed = unsigned_run(seen.duty.strip)
    figures: dict[str, float] = {"unsigned_blocks": absent, "limit_blocks": limits.unsigned_blocks}
    if absent >= limits.unsigned_blocks:
        return _mute(seen, limits, figures)
    if not signed:
        return Verdict(Condition.UNKNOWN, "no_signature_yet", figures)
    return Verdict(Condition.HEALTHY, "signing", figures)


def _mute(seen: Evidence, limits: Thresholds, figures: dict[str, float]) -> Verdict:
    """A member without signatures. Its guard file tells whether it cannot vote, or is not heard."""
    voting = seen.states.get("node.voting")
    if voting != "true":
        return Verdict(Condition.STALLED, "voting_off" if voting == "false" else "not_signing", figures)
    if seen.states.get("guard.file") == "absent":
        return Verdict(Condition.ZOMBIE, "voting_without_guard", figures)
    age_s = seen.numbers.get("guard.age_seconds")
    if age_s is None:
        return Verdict(Condition.STALLED, "not_signing", figures)
    told = {**figures, "guard_age_seconds": age_s, "limit_seconds": limits.guard_still_s}
    if age_s > limits.guard_still_s:
        return Verdict(Condition.ZOMBIE, "voting_not_signing", told, age_s)
    return Verdict(Condition.STALLED, "votes_not_arriving", told)
