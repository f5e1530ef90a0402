"""The election radar: an account's seats by term, the elections that are coming, and the chance of a seat.

Epoch E is term E - 1. A term elects 50 seats, and they serve in six epochs: those of term T in T + 1 to T
+ 6. Source: conflux-rust crates/pos/types/types/src/term_state.rs; how it is told:
crates/client/src/rpc/impls/pos.rs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from vedette.model.election import TERM_SEATS, TERMS_SERVING, CommitteeNow, Election
from vedette.model.forecast import Pace
from vedette.model.pos import Committee, PosAddress

PPM: Final = 1_000_000


# --- seats by term ----------------------------------------------------------------------------------------


def serving_terms(epoch: int) -> range:
    """The six terms whose seats make up the committee of an epoch."""
    return range(epoch - TERMS_SERVING, epoch)


def seats_by_term(
    address: PosAddress,
    committees: Mapping[int, Committee],
    elected: Mapping[int, Mapping[PosAddress, int]],
    held: Mapping[int, int],
) -> dict[int, int]:
    """How many seats an account has by term, for the terms of which that can be told.

    `committees` are by epoch, `elected` the finalized elections that were seen, by term, and `held` so many
    votes at least that the account had available as an epoch began. A committee tells the sum of six terms
    only. But neighbours tell how the term that left differs from the one that came, and an epoch without a
    seat tells six terms at once. Seats of stake that has left are cut off by the chain: where not more is
    `held` than a committee shows, there may be more seats. Where sums contradict each other, they tell
    nothing, and what was seen remains.
    """
    seen = {term: votes.get(address, 0) for term, votes in elected.items()}
    shown = {epoch: one.votes.get(address, 0) for epoch, one in committees.items()}
    sums = {epoch: votes for epoch, votes in shown.items() if is_uncut(votes, held.get(epoch))}
    return _settled(seen, shown, sums)


def is_uncut(shown: int, held: int | None) -> bool:
    """Whether the votes that a committee shows are all of its seats for certain."""
    return held is not None and held > shown


def _settled(seen: Mapping[int, int], shown: Mapping[int, int], sums: Mapping[int, int]) -> dict[int, int]:
    """Terms whose seats have but one possible number: bounds are narrowed until nothing moves."""
    least = {term: seen.get(term, 0) for epoch in shown for term in serving_terms(epoch)} | dict(seen)
    most = {term: seen.get(term, TERM_SEATS) for term in least}
    spans = {epoch: (votes, sums.get(epoch, TERM_SEATS * TERMS_SERVING)) for epoch, votes in shown.items()}
    moved = True
    while moved:
        moved = any(_narrow(serving_terms(epoch), span, least, most) for epoch, span in spans.items())
        moved |= any(_carry(epoch, sums, least, most) for epoch in sums if epoch + 1 in sums)
        if any(least[term] > most[term] for term in least):
            return dict(seen)
    return {term: least[term] for term in least if least[term] == most[term]}


def _narrow(terms: range, span: tuple[int, int], least: dict[int, int], most: dict[int, int]) -> bool:
    """A term has what the others leave of the sum, which is in `span`."""
    short = span[0] - sum([most[term] for term in terms])
    spare = span[1] - sum([least[term] for term in terms])
    bounds = [(term, most[term] + short, least[term] + spare) for term in terms]
    return any([_bound(term, low, high, least, most) for term, low, high in bounds])  # noqa: C419 - all of them


def _carry(epoch: int, sums: Mapping[int, int], least: dict[int, int], most: dict[int, int]) -> bool:
    """From one epoch to the next one term leaves, and one comes."""
    change, leaves, comes = sums[epoch + 1] - sums[epoch], epoch - TERMS_SERVING, epoch
    moved = _bound(comes, least[leaves] + change, most[leaves] + change, least, most)
    return _bound(leaves, least[comes] - change, most[comes] - change, least, most) or moved


def _bound(term: int, low: int, high: int, least: dict[int, int], most: dict[int, int]) -> bool:
    if low <= least[term] and high >= most[term]:
        return False
    least[term], most[term] = max(least[term], low), min(most[term], high)
    return True


def membership(
    now: CommitteeNow, seats: Mapping[int, int], address: PosAddress, available_votes: int | None
) -> dict[int, bool]:
    """Whether an account serves in this epoch, and in the next as far as that can be told.

    `seats` are those of `seats_by_term`. Seats without a vote that is available do not serve.
    """
    epoch = now.committee.epoch
    told = {epoch: now.committee.votes.get(address, 0) > 0}
    next_terms = serving_terms(epoch + 1)
    if available_votes and any(seats.get(term, 0) for term in next_terms):
        told[epoch + 1] = True
    elif all(seats.get(term) == 0 for term in next_terms):
        told[epoch + 1] = False
    return told


# --- the election radar -----------------------------------------------------------------------------------


class ElectionState(StrEnum):
    NOT_OPEN = "not_open"
    OPEN = "open"  # nodes send their Election transactions; the list may still change
    CLOSED = "closed"  # by height it is decided; the list that we have is older than that
    FINALIZED = "finalized"


@dataclass(frozen=True, slots=True)
class ElectionView:
    """One coming term, and one account's part in it. Votes and chance are None where they cannot be told."""

    term: int
    first_epoch: int  # of service
    last_epoch: int
    state: ElectionState
    opens_at_height: int  # the first block whose Election transactions count
    closes_at_height: int  # the last
    closes_in_ms: int | None
    elected: Mapping[PosAddress, int]  # so far, or for good
    own_seats: int
    free_votes: int | None  # at least so many of its votes do not serve in the terms that overlap
    chance_ppm: int | None  # of one seat or more, if it is a candidate


@dataclass(frozen=True, slots=True)
class SeatChange:
    """What becomes of an account's seats when an epoch begins; None where it cannot be told yet."""

    epoch: int
    after_height: int  # the last block of the epoch before
    left_ms: int | None
    leaving: int | None
    coming: int | None


@dataclass(frozen=True, slots=True)
class Radar:
    """One account's seats now, by term, and what is known of those to come."""

    epoch: int
    seats: int
    seats_by_term: Mapping[int, int | None]  # of the six terms that serve now
    changes: tuple[SeatChange, ...]  # of the next six epochs
    elections: tuple[ElectionView, ...]

    @property
    def next_change(self) -> SeatChange | None:
        """The first epoch in which its seats change for certain."""
        known = (one for one in self.changes if one.leaving is not None and one.coming is not None)
        return next((one for one in known if one.leaving != one.coming), None)


def radar(
    now: CommitteeNow,
    address: PosAddress,
    pace: Pace,
    *,
    committees: Mapping[int, Committee],
    elected: Mapping[int, Mapping[PosAddress, int]],
    held: Mapping[int, int],
    available_votes: int | None,
    network_votes: int | None,
) -> Radar:
    """What the acting committee, the two coming elections and the recent past tell of one account.

    `committees` (by epoch) and `elected` (finalized elections, by term) are what is held of the last dozen
    epochs, and so are the votes that the account `held` (see `seats_by_term`); `available_votes` are what it
    has now, `network_votes` everybody's.
    """
    epoch = now.committee.epoch
    coming = {_term_of(election, pace): election for election in now.elections}
    finalized = {term: one.votes for term, one in coming.items() if one.is_finalized}
    seats = seats_by_term(address, {**committees, epoch: now.committee}, {**elected, **finalized}, held)
    own = now.committee.votes.get(address, 0)
    serving = own if is_uncut(own, held.get(epoch)) else None
    candidates = _Candidates(address, now, seats, serving, coming, available_votes, network_votes)
    return Radar(
        epoch=epoch,
        seats=own,
        seats_by_term={term: seats.get(term) for term in serving_terms(epoch)},
        changes=tuple(_change(each, seats, pace) for each in range(epoch + 1, epoch + TERMS_SERVING + 1)),
        elections=tuple(_election(term, one, candidates, pace) for term, one in sorted(coming.items())),
    )


def _term_of(election: Election, pace: Pace) -> int:
    """Terms count from 0, epochs from 1: the term that begins as this epoch ends has this epoch's number."""
    return pace.epoch + (election.start_height - pace.epoch_last_height) // pace.term_blocks


def _change(epoch: int, seats: Mapping[int, int], pace: Pace) -> SeatChange:
    after = pace.last_height(epoch - 1)
    return SeatChange(
        epoch=epoch,
        after_height=after,
        left_ms=pace.left_ms(after),
        leaving=seats.get(epoch - 1 - TERMS_SERVING),
        coming=seats.get(epoch - 1),
    )


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Who has votes to send into an election."""

    address: PosAddress
    now: CommitteeNow
    seats: Mapping[int, int]
    serving: int | None  # its seats of the six acting terms
    coming: Mapping[int, Election]
    available_votes: int | None
    network_votes: int | None

    def free_votes(self, term: int) -> int | None:
        """Votes serving in the five terms before cannot be candidates (`serving_votes` in term_state.rs)."""
        if self.available_votes is None:
            return None
        epoch = self.now.committee.epoch
        acting = [each for each in range(term - TERMS_SERVING + 1, term) if each < epoch]
        known = [self.seats[each] for each in acting if each in self.seats]
        serving = sum(known) if len(known) == len(acting) else self.serving
        if serving is None:
            return None
        serving += sum(self.elected_in(each) for each in range(epoch, term))
        return max(0, self.available_votes - serving)

    def elected_in(self, term: int) -> int:
        """In an election that is not over, as it stands."""
        election = self.coming.get(term)
        return election.votes.get(self.address, 0) if election else self.seats.get(term, 0)

    def chance_ppm(self, term: int) -> int | None:
        free = self.free_votes(term)
        if free is None or self.network_votes is None:
            return None
        serving = self.now.committee.total_votes * (TERMS_SERVING - 1) // TERMS_SERVING
        return seat_chance_ppm(free, max(free, self.network_votes - serving))


def _election(term: int, election: Election, candidates: _Candidates, pace: Pace) -> ElectionView:
    half = pace.term_blocks // 2
    opens, closes = election.start_height - 3 * half + 1, election.start_height - half
    state = _election_state(election, pace.height, opens, closes)
    is_over = state in {ElectionState.FINALIZED, ElectionState.CLOSED}
    return ElectionView(
        term=term,
        first_epoch=term + 1,
        last_epoch=term + TERMS_SERVING,
        state=state,
        opens_at_height=opens,
        closes_at_height=closes,
        closes_in_ms=0 if is_over else pace.left_ms(closes),
        elected=election.votes,
        own_seats=election.votes.get(candidates.address, 0),
        free_votes=candidates.free_votes(term),
        chance_ppm=None if is_over else candidates.chance_ppm(term),
    )


def _election_state(election: Election, height: int, opens: int, closes: int) -> ElectionState:
    """By the next block, since that is what a transaction sent now can be in."""
    if election.is_finalized:
        return ElectionState.FINALIZED
    if height + 1 > closes:
        return ElectionState.CLOSED
    return ElectionState.OPEN if height + 1 >= opens else ElectionState.NOT_OPEN


def seat_chance_ppm(votes: int, candidate_votes: int, seats: int = TERM_SEATS) -> int:
    """The chance that of `seats` drawn from all candidate votes one or more is ours (hypergeometric)."""
    others = candidate_votes - votes
    if votes <= 0:
        return 0
    if others < seats:
        return PPM
    none = 1.0
    for drawn in range(seats):
        none *= (others - drawn) / (candidate_votes - drawn)
    return round((1 - none) * PPM)


def seat_chance_in_terms_ppm(votes: int, candidate_votes: int, terms: int = TERMS_SERVING) -> int:
    """The same for at least one seat in so many terms: how likely it is to be in the committee at all."""
    none = 1 - seat_chance_ppm(votes, candidate_votes) / PPM
    return round((1 - none**terms) * PPM)
