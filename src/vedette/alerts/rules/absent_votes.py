"""An elected validator is missing from block after block, while the others sign.

One block says little (a slow link, another certificate) and costs nothing: a single signature earns the
whole epoch. Ten in a row while the others sign leave no doubt that it does not vote. Somebody is woken
while a restart can still save the epoch: when the time to the end of the first epoch that would be silent
is no longer than a restart takes, with a margin for whoever gets up. At once, if it was newly elected (one
silent epoch retires it by force), or has been silent for an epoch before. Never, if its service ends first.
While a node of its own starts and comes nearer, what counts is when that will be back. Where the chain's
clock is not known, a number of blocks decides.

Source: forced retirement in conflux-rust, crates/pos/consensus/executor (CIP-99): a member that signed
neither in the ending epoch nor in the two before, whether it was a member in those or not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from vedette.alerts.rules.countdown import pace_of, whole_minute
from vedette.alerts.rules.of_validators import finding
from vedette.alerts.rules.recovery import left_ms, recovering_carriers
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.alerts.rules.subjects import all_out
from vedette.model.ballot import Ballot
from vedette.model.forecast import Pace
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.pos import PosAddress
from vedette.model.view import SettledBlock, ValidatorView, View

NAME = "absent_votes"


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsentVotesLimit(Limit):
    """When absence is called a trouble, and when it is over."""

    absent_blocks: int = 10  # in a row: warning
    restart_ms: int = 50 * 60_000  # what a restart takes, as measured
    margin_ms: int = 15 * 60_000  # for whoever is woken
    critical_blocks: int = 30  # in a row: critical, where the time left is not known
    recovered_blocks: int = 3  # signed in a row: over
    others_participation_ratio: float = 0.9  # at or below this, it is the network that has a trouble
    unsigned_known_blocks: int = 30  # one never seen signing is accused only after so many known blocks


SIGNED = frozenset({Ballot.SIGNED, Ballot.LED})


@dataclass(frozen=True, slots=True)
class Absence:
    """A standing trouble. The indices point into the strip."""

    absent_blocks: int
    longest_run_blocks: int
    first_absent: int | None  # None: it began before the first block that we know of
    last_signed: int | None


def absent_votes(view: View, ask: Ask[AbsentVotesLimit]) -> Iterator[Finding]:
    """An elected validator is missing from block after block, while the others sign."""
    for validator in view.validators.values():
        limit = ask(validator.address)
        is_out = all_out(view, validator.address, validator.team_id)
        found = absence(validator, view.blocks, limit, is_out=is_out)
        if found is not None:
            yield _finding(view, validator, found, limit)


def absent_votes_ending(incident: Incident, view: View, limit: AbsentVotesLimit) -> str | None:
    """How an absence ended that is no longer found; None while the view cannot tell."""
    validator = view.validators.get(PosAddress(incident.subject.id))
    if validator is None:
        return "not_watched"
    known = validator.strip.replace(Ballot.UNSEEN, "")
    if known.endswith(Ballot.IDLE):
        return "not_elected"
    wanted = max(limit.recovered_blocks, 1)
    recovered = known[-wanted:]
    if len(recovered) == wanted and set(recovered) <= SIGNED:
        return "signs_again"
    return None


def absence(
    validator: ValidatorView, blocks: Sequence[SettledBlock], limit: AbsentVotesLimit, *, is_out: bool = False
) -> Absence | None:
    """Relive the strip from its oldest letter and say whether an absence stands at its newest.

    Reliving keeps the rule without memory, though it accuses late (ten blocks) and forgives late (three): the
    network's share is asked when the absence is established, so a later network event does not acquit.
    `is_out`: all its nodes are known to be out, so that whatever the network does explains nothing.
    """
    if validator.strip.count(Ballot.ABSENT) < limit.absent_blocks:
        return None
    walk = _Walk(validator, blocks, limit, is_out)
    for index, letter in enumerate(validator.strip):
        walk.step(index, letter)
    return walk.outcome()


@dataclass(slots=True)
class _Walk:
    """The state of one walk along a strip. '?' steps over nothing; '-' ends every expectation."""

    validator: ValidatorView
    blocks: Sequence[SettledBlock]
    limit: AbsentVotesLimit
    is_out: bool
    absent: list[int] = field(default_factory=list)  # indices of the trouble's absent blocks
    established: bool = False
    run: int = 0
    longest_run: int = 0
    signed_run: int = 0
    known: int = 0
    last_signed: int | None = None

    def step(self, index: int, letter: str) -> None:
        if letter == Ballot.IDLE:
            self._forget()
        elif letter == Ballot.ABSENT:
            self._absent(index)
        elif letter != Ballot.UNSEEN:
            self._signed(index)

    def _forget(self) -> None:
        self.absent.clear()
        self.established = False
        self.run = self.longest_run = self.signed_run = 0

    def _signed(self, index: int) -> None:
        self.known += 1
        self.last_signed = index
        self.run = 0
        self.signed_run += 1
        # One lucky block does not end an established absence.
        if not self.established or self.signed_run >= self.limit.recovered_blocks:
            self._forget()

    def _absent(self, index: int) -> None:
        self.known += 1
        self.signed_run = 0
        self.run += 1
        self.longest_run = max(self.longest_run, self.run)
        self.absent.append(index)
        self.established = self.established or self._proven()

    def _proven(self) -> bool:
        if self.run < self.limit.absent_blocks:
            return False
        if self.last_signed is None and not self._enough_known():
            return False
        if self.is_out:
            return True
        recent = [self.blocks[i] for i in self.absent[-self.limit.absent_blocks :]]
        return others_participation(recent, self.validator.votes) > self.limit.others_participation_ratio

    def _enough_known(self) -> bool:
        return self.validator.newly_elected is True or self.known >= self.limit.unsigned_known_blocks

    def outcome(self) -> Absence | None:
        if not self.established:
            return None
        first = self.absent[0]
        begun_before = not self.validator.strip[:first].strip(Ballot.UNSEEN)
        return Absence(len(self.absent), self.longest_run, None if begun_before else first, self.last_signed)


def others_participation(blocks: Sequence[SettledBlock], own_votes: int) -> float:
    """Share of the others' votes cast in blocks that the validator did not sign; 0 if nothing is known."""
    cast = expected = 0
    for block in blocks:
        if block.total_votes is not None and block.signed_votes is not None:
            cast += block.signed_votes
            expected += max(0, block.total_votes - own_votes)
    return cast / expected if expected else 0.0


def _finding(view: View, validator: ValidatorView, found: Absence, limit: AbsentVotesLimit) -> Finding:
    facts: dict[str, str | int | float] = {
        "absent_blocks": found.absent_blocks,
        "votes": validator.votes,
        "height": view.blocks[-1].height,
        "value": found.absent_blocks,
        "limit": limit.absent_blocks,
        "measure": "blocks",
    }
    if found.first_absent is None:
        facts["begun_before_window"] = 1
    else:
        facts["first_absent_height"] = view.blocks[found.first_absent].height
    if found.last_signed is not None:
        facts["last_signed_height"] = view.blocks[found.last_signed].height
    coming = _coming(view, validator, limit)
    if coming:
        facts |= {"eta_ms": whole_minute(view, min(coming))}
    threat = _threat(view, validator)
    loud = _wakes(view, validator, found, threat, limit)
    told = facts | {"recovering": int(bool(coming))} | ({} if threat is None else threat.facts(view))
    return finding(NAME, view, validator, Severity.CRITICAL if loud else Severity.WARNING, told)


# --- how much is at stake ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Threat:
    """What follows if it goes on being absent. None: not known."""

    left_ms: int  # to the end of the first epoch that would be silent
    serves: bool  # it is a member until then
    is_earned: bool  # it signed in the current epoch
    silent_epochs: int  # whole ones, up to now
    retires: bool  # forced retirement comes before its service ends, for all that is known
    retired_in_ms: int | None  # None: not known

    def facts(self, view: View) -> dict[str, str | int | float]:
        told: dict[str, str | int | float] = {"silent_epochs": self.silent_epochs}
        if self.serves:
            told["epoch_lost_ms"] = whole_minute(view, self.left_ms)
        if self.retires and self.retired_in_ms is not None:
            told["deadline_ms"] = whole_minute(view, self.retired_in_ms)
        return told


def _threat(view: View, validator: ValidatorView) -> _Threat | None:
    pace = pace_of(view.network)
    if pace is None:
        return None
    is_earned = _signed_in(view, validator, pace)
    end = pace.last_height(pace.epoch + is_earned)
    left = pace.left_ms(end)
    if left is None:
        return None
    return _Threat(
        left_ms=left,
        serves=_serves(validator, end),
        is_earned=is_earned,
        silent_epochs=_silent_epochs(validator, pace.term_blocks),
        retires=validator.retirement is None or _serves(validator, validator.retirement.height),
        retired_in_ms=None if validator.retirement is None else validator.retirement.left_ms,
    )


def _wakes(
    view: View, validator: ValidatorView, found: Absence, threat: _Threat | None, limit: AbsentVotesLimit
) -> bool:
    """Whether somebody must act now, and can."""
    if threat is None:
        return found.longest_run_blocks >= limit.critical_blocks
    if not threat.serves:
        return False
    if coming := _coming(view, validator, limit):
        return min(coming) >= threat.left_ms
    is_new = validator.newly_elected is True and not threat.is_earned
    is_late = threat.left_ms <= limit.restart_ms + limit.margin_ms
    return is_new or is_late or (threat.silent_epochs > 0 and threat.retires)


def _coming(view: View, validator: ValidatorView, limit: AbsentVotesLimit) -> list[int]:
    """When its nodes that are on their way back will be there."""
    nodes = recovering_carriers(view, validator, limit.restart_ms)
    return [left_ms(view, node, limit.restart_ms) for node in nodes]


def _signed_in(view: View, validator: ValidatorView, pace: Pace) -> bool:
    """A signature in the current epoch. Those of its very last block do not count, but then it is over."""
    pairs = zip(view.blocks, validator.strip, strict=True)
    return any(block.epoch == pace.epoch and letter in SIGNED for block, letter in pairs)


def _serves(validator: ValidatorView, height: int) -> bool:
    return validator.service_ends_height is None or height <= validator.service_ends_height


def _silent_epochs(validator: ValidatorView, term_blocks: int) -> int:
    """Finished epochs in a row, up to the newest, in which it was a member and signed nothing that we saw.

    One of which less than half was seen proves nothing.
    """
    count = 0
    for epoch in reversed(validator.epochs):
        if not epoch.votes or epoch.signed_blocks or 2 * epoch.known_blocks < term_blocks:
            break
        count += 1
    return count


rule = Rule(
    name=NAME,
    about=SubjectKind.VALIDATOR,
    limit=AbsentVotesLimit,
    judge=absent_votes,
    ending=absent_votes_ending,
    lasting=frozenset({"first_absent_height", "last_signed_height"}),
)
