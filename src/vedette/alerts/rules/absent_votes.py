"""An elected validator is missing from block after block, while the others sign.

Each unsigned block costs reward, and a member that signs nothing for whole epochs is retired by force. One
block says little (a slow link, another certificate); ten in a row while the others sign leave no doubt.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.alerts.rules.subjects import validator_subject
from vedette.model.ballot import Ballot
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.pos import PosAddress
from vedette.model.view import SettledBlock, ValidatorView, View

NAME = "absent_votes"


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsentVotesLimit(Limit):
    """When absence is called a trouble, and when it is over."""

    absent_blocks: int = 10  # in a row: warning
    critical_blocks: int = 30  # in a row: critical
    recovered_blocks: int = 3  # signed in a row: over
    others_participation_ratio: float = 0.9  # at or below this, it is the network that has a trouble
    unsigned_known_blocks: int = 30  # one never seen signing is accused only after so many known blocks


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
        found = absence(validator, view.blocks, limit)
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
    recovered = known[-limit.recovered_blocks :]
    if len(recovered) == limit.recovered_blocks and set(recovered) <= {Ballot.SIGNED, Ballot.LED}:
        return "signs_again"
    return None


def absence(
    validator: ValidatorView, blocks: Sequence[SettledBlock], limit: AbsentVotesLimit
) -> Absence | None:
    """Relive the strip from its oldest letter and say whether an absence stands at its newest.

    Reliving keeps the rule without memory, though it accuses late (ten blocks) and forgives late (three): the
    network's share is asked when the absence is established, so a later network event does not acquit.
    """
    if validator.strip.count(Ballot.ABSENT) < limit.absent_blocks:
        return None
    walk = _Walk(validator, blocks, limit)
    for index, letter in enumerate(validator.strip):
        walk.step(index, letter)
    return walk.outcome()


@dataclass(slots=True)
class _Walk:
    """The state of one walk along a strip. '?' steps over nothing; '-' ends every expectation."""

    validator: ValidatorView
    blocks: Sequence[SettledBlock]
    limit: AbsentVotesLimit
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
        if self.last_signed is None and self.known < self.limit.unsigned_known_blocks:
            return False
        recent = [self.blocks[i] for i in self.absent[-self.limit.absent_blocks :]]
        return others_participation(recent, self.validator.votes) > self.limit.others_participation_ratio

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
    }
    if found.first_absent is None:
        facts["begun_before_window"] = 1
    else:
        facts["first_absent_height"] = view.blocks[found.first_absent].height
    if found.last_signed is not None:
        facts["last_signed_height"] = view.blocks[found.last_signed].height
    return Finding(
        key=f"{NAME}/{validator.address}",
        rule=NAME,
        team_id=validator.team_id,
        severity=(
            Severity.CRITICAL if found.longest_run_blocks >= limit.critical_blocks else Severity.WARNING
        ),
        subject=validator_subject(view, validator),
        facts=facts,
    )


rule = Rule(
    name=NAME,
    about=SubjectKind.VALIDATOR,
    limit=AbsentVotesLimit,
    judge=absent_votes,
    ending=absent_votes_ending,
)
