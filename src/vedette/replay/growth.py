"""The history, epoch after epoch: what each epoch leaves behind for the next, and a row of it to keep.

The rules are those of conflux-rust (domain in its terms: a term's epoch is its number plus one).

- A term's election opens half an epoch before the previous epoch begins and closes in that epoch's middle.
  Who has more votes than already serve in the five terms before takes part with the rest; 10,000 votes are
  kept by lot, 50 of them are elected.
- A committee is the sum of six terms, and nobody has more votes in it than are available when it begins.
- When an epoch ends, its members without a vote in it and in the two epochs before are retired.
"""

import bisect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from vedette.model.election import TERM_SEATS, TERMS_SERVING
from vedette.model.reward import CANDIDATE_VOTES_MAX, COMMITTEE_POINTS, ELECTION_POINTS, EPOCH_POINTS
from vedette.replay import leaves, plan, stake
from vedette.replay.dice import Dice, Stream
from vedette.replay.leaves import DRAW, Flags, Ints, Leaves, Outage, Setting, Storm
from vedette.replay.options import ReplayOptions
from vedette.replay.people import PPM, Person
from vedette.replay.plan import TERMS_TO_RETIRE, Deed, DeedKind, Scene
from vedette.replay.stake import OUT_QUEUE_BLOCKS, Stake

STAKE_SIGMA: Final = 2.0  # of the logarithm: the largest of 150 has a tenth of everything
STAKE_SHARE_MAX: Final = 0.12
LEADER_PERCENT: Final = 3
BONUS_PERCENT: Final = 2
BONUS_VOTES: Final = 100  # of each block, as many as the chain divides the bonus by
RETURN_CHANCE: Final = 0.85
RETURN_EPOCHS_MAX: Final = 30
POW_FIRST_EPOCH: Final = 37_400_000
POW_EPOCHS_EACH_6_S: Final = 5
PIVOT_EACH: Final = 60
PIVOT_LAG: Final = 100  # confirmed is some 75 epochs behind, and the decision 20 behind that

U16 = NDArray[np.uint16]
T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Row:
    """What is kept of an epoch; arrays as bytes, since a million small arrays would be large."""

    start_us: int  # since the history's start
    first_transaction: int
    transactions: int
    pivot_before: int  # the newest pivot decision before its first block
    staked_votes: int  # available ones of all accounts at its end
    members: bytes  # account numbers, uint16
    votes: bytes  # uint32 each
    kept: bytes  # candidate votes of the next epoch's term, uint16 each account
    elected: bytes  # of those, uint8 each account
    points: bytes  # int32 each account
    early: bytes  # bits: who stood in this epoch's second half for the term after the next
    late: bytes  # bits: who stood in its first half for the next


def pow_epoch(at_us: int) -> int:
    """The PoW epoch at a time since the history's start."""
    return POW_FIRST_EPOCH + at_us * POW_EPOCHS_EACH_6_S // 6_000_000


def pivot_heights(at_us: Ints) -> Ints:
    """The newest pivot decision that a block of that time can know."""
    epochs = POW_FIRST_EPOCH + at_us * POW_EPOCHS_EACH_6_S // 6_000_000
    return (epochs - PIVOT_LAG) // PIVOT_EACH * PIVOT_EACH


def flags(bits: bytes) -> Flags:
    return np.unpackbits(np.frombuffer(bits, np.uint8)).astype(np.bool_)


class Growth:
    """All rows so far. Asking for a later epoch makes it."""

    def __init__(self, options: ReplayOptions) -> None:
        self.options = options
        self.dice = Dice(options.seed)
        self.people: list[Person] = []
        self.rows: list[Row] = []
        self.deeds: dict[int, tuple[Deed, ...]] = {}  # by epoch
        self.outages: dict[int, tuple[Outage, ...]] = {}  # those that touch an epoch
        self.storms: dict[int, Storm] = {}
        self._stakes: list[
            tuple[list[int], list[Stake]]
        ] = []  # by account: heights, and the stake from there
        self._returns: dict[int, list[Deed]] = {}  # by epoch
        self._storm: Storm | None = None
        self._begin()

    def grow(self, epochs: int, tell: Callable[[int], None] = lambda _: None) -> None:
        """Make all epochs up to that number."""
        while len(self.rows) < epochs:
            self._add_epoch()
            tell(len(self.rows))

    def row(self, epoch: int) -> Row:
        """Epochs count from 1."""
        self.grow(epoch)
        return self.rows[epoch - 1]

    def first_height(self, epoch: int) -> int:
        """The first block that anybody voted on. Height 1 is the genesis."""
        return max(2, (epoch - 1) * self.options.term_blocks + 1)

    def last_height(self, epoch: int) -> int:
        return epoch * self.options.term_blocks

    def middle(self, epoch: int) -> int:
        """The last height of its first half."""
        return self.last_height(epoch) - self.options.term_blocks // 2

    def epoch_of(self, height: int) -> int:
        return (height - 1) // self.options.term_blocks + 1

    def stake(self, account: int, height: int) -> Stake:
        """An account's stake once the block of that height was executed; empty before it registered."""
        heights, stakes = self._stakes[account]
        at = bisect.bisect_right(heights, height)
        return stake.settled(stakes[at - 1], height) if at else Stake()

    def early(self, epoch: int) -> bytes:
        """Who stood in that epoch's second half, as bits; at the genesis (0) everybody had."""
        return self.row(epoch).early if epoch else self._first_early

    def term(self, epoch: int) -> Ints:
        """The seats, by account, of the term that begins to serve in that epoch."""
        if epoch <= 1:
            first: Ints = self._first_terms[epoch - 2]
            return first
        return np.frombuffer(self.row(epoch - 1).elected, np.uint8).astype(np.int64)

    def leaves(self, epoch: int) -> Leaves:
        """The blocks of an epoch."""
        row = self.row(epoch)
        members = np.frombuffer(row.members, np.uint16).astype(np.int64)
        votes = np.frombuffer(row.votes, np.uint32).astype(np.int64)
        return self._leaves(epoch, row.start_us, members, votes)

    # --- the beginning

    def _begin(self) -> None:
        rng = self.dice.rng(Stream.GENESIS)
        votes = _long_tail(rng, self.options.accounts, self.options.stake_votes)
        self._available: Ints = np.zeros(0, np.int64)
        self._diligence: U16 = np.zeros(0, np.uint16)
        self._signed_in: Ints = np.zeros(0, np.int64)  # the last epoch in which it signed
        self._away: Ints = np.zeros((2, 0), np.int64)  # first and last height of its newest outage
        self._terms: Ints = np.zeros((TERMS_SERVING, 0), np.int64)  # seats, the oldest term first
        for each in votes.tolist():
            self._register(len(self.people))
            self._put(len(self.people) - 1, 0, Stake(locked=each))
        terms = [_lots(rng, self._available, TERM_SEATS) for _ in range(TERMS_SERVING)]
        self._terms = self._first_terms = np.stack(terms)
        self._power = np.minimum(self._terms.sum(axis=0), self._available)
        self._early = self._available > 0
        self._first_early = np.packbits(self._early).tobytes()
        self._next_start_us = 0
        self._next_transaction = 1
        self._pivot = int(pivot_heights(np.zeros(1, np.int64))[0])

    def _register(self, account: int) -> None:
        person = Person(account, self.options.chain_id, self.dice)
        self.people.append(person)
        self._stakes.append(([], []))
        self._available = np.append(self._available, 0)
        self._diligence = np.append(self._diligence, np.uint16(person.diligence_ppm * DRAW // PPM))
        self._signed_in = np.append(self._signed_in, -TERMS_TO_RETIRE)
        self._away = np.append(self._away, [[-1], [-1]], axis=1)
        self._terms = np.pad(self._terms, ((0, 0), (0, 1)))

    def _put(self, account: int, height: int, new: Stake) -> None:
        heights, stakes = self._stakes[account]
        heights.append(height)
        stakes.append(new)
        self._available[account] = new.available

    # --- one epoch more

    def _add_epoch(self) -> None:
        epoch = len(self.rows) + 1
        deeds = self._foresee(epoch)
        split = bisect.bisect_right(deeds, self.middle(epoch), key=lambda deed: deed.height)
        self._do(deeds[:split])
        free = self._free()
        early = self._filled(self._early)
        late = self._standing(free, self.first_height(epoch), self.middle(epoch)) & ~early
        kept, elected = self._elect(epoch, np.where(early | late, free, 0))
        self._do(deeds[split:])
        drawn = self._leaves(epoch, self._next_start_us, *self._members())
        points = self._points(drawn, kept)
        pivot_before, transactions = self._pivot, self._count(drawn, late, len(deeds))
        self._terms = np.vstack([self._terms[1:], self._filled(elected)])
        early = self._standing(self._free(), self.middle(epoch) + 1, self.last_height(epoch))
        self.rows.append(
            Row(
                start_us=drawn.setting.start_us,
                first_transaction=self._next_transaction,
                transactions=transactions + int(early.sum()),
                pivot_before=pivot_before,
                staked_votes=int(self._available.sum()),
                members=drawn.setting.members.astype(np.uint16).tobytes(),
                votes=drawn.setting.votes.astype(np.uint32).tobytes(),
                kept=kept.astype(np.uint16).tobytes(),
                elected=elected.astype(np.uint8).tobytes(),
                points=points.astype(np.int32).tobytes(),
                early=np.packbits(early).tobytes(),
                late=np.packbits(late).tobytes(),
            )
        )
        self._early = early
        self._next_start_us = drawn.next_start_us
        self._next_transaction += self.rows[-1].transactions
        self._end(epoch, drawn)

    def _foresee(self, epoch: int) -> list[Deed]:
        """Draw what happens, and remember whatever the epoch's blocks depend on."""
        first, last = self.first_height(epoch), self.last_height(epoch)
        power, online = self._filled(self._power), self._away[1] < first
        fresh = (power > 0) & (self._signed_in <= epoch - TERMS_TO_RETIRE)
        scene = Scene(first, last, self._available, power, fresh, online)
        drawn = plan.drawn(self.dice.rng(Stream.PLAN, epoch), epoch, scene)
        for outage in drawn.outages:
            self._away[:, outage.account] = outage.first, outage.last
        self._storm = drawn.storm or self._storm
        self._note(epoch, first, last)
        deeds = sorted([*drawn.deeds, *self._returns.pop(epoch, ())])
        if deeds:
            self.deeds[epoch] = tuple(deeds)
        return deeds

    def _note(self, epoch: int, first: int, last: int) -> None:
        """Outages and storms that touch this epoch."""
        away = np.flatnonzero((self._away[0] <= last) & (self._away[1] >= first))
        if len(away):
            self.outages[epoch] = tuple(Outage(int(each), *self._away[:, each].tolist()) for each in away)
        if self._storm and self._storm.last >= first:
            self.storms[epoch] = self._storm

    def _do(self, deeds: Iterable[Deed]) -> None:
        for deed in deeds:
            if deed.kind is DeedKind.REGISTER:
                self._register(deed.account)
                continue
            before = self.stake(deed.account, deed.height)
            self._put(deed.account, deed.height, _after(before, deed))

    def _standing(self, free: Ints, first: int, last: int) -> Flags:
        """Who takes part in the open election at some time between those heights."""
        away = (self._away[0] <= first) & (self._away[1] >= last)
        standing: Flags = (free > 0) & ~away
        return standing

    def _free(self) -> Ints:
        """Available votes that do not serve in the five terms before the one that is elected next."""
        free: Ints = np.maximum(self._available - self._terms[1:].sum(axis=0), 0)
        return free

    def _elect(self, epoch: int, votes: Ints) -> tuple[Ints, Ints]:
        """Votes kept and seats won for the next epoch's term, by account, of those that stand."""
        rng = self.dice.rng(Stream.ELECTION, epoch)
        kept = _lots(rng, votes, CANDIDATE_VOTES_MAX)
        return kept, _lots(rng, kept, TERM_SEATS)

    def _members(self) -> tuple[Ints, Ints]:
        members = np.flatnonzero(self._power)
        return members, self._power[members]

    def _leaves(self, epoch: int, start_us: int, members: Ints, votes: Ints) -> Leaves:
        first = self.first_height(epoch)
        setting = Setting(
            first_height=first,
            last_height=self.last_height(epoch),
            start_us=start_us,
            members=members,
            votes=votes,
            diligence=self._diligence[members],
            outages=self.outages.get(epoch, ()),
            storm=self.storms.get(epoch),
        )
        return leaves.drawn(self.dice.rng(Stream.LEAVES, epoch), setting)

    def _points(self, drawn: Leaves, kept: Ints) -> Ints:
        points = ELECTION_POINTS * kept
        points[drawn.setting.members] += member_points(drawn, self.options.term_blocks)
        return points

    def _count(self, drawn: Leaves, late: Flags, deeds: int) -> int:
        """Transactions of the epoch, but for the early candidates."""
        pivots = pivot_heights(drawn.at_us)
        decisions = int(pivots[0] > self._pivot) + int(np.count_nonzero(pivots[1:] > pivots[:-1]))
        self._pivot = int(pivots[-1])
        return drawn.setting.blocks + decisions + int(late.sum()) + deeds

    def _end(self, epoch: int, drawn: Leaves) -> None:
        """The next committee is known before this epoch's silent members are retired."""
        self._power = np.minimum(self._terms.sum(axis=0), self._available)
        members = drawn.setting.members
        self._signed_in[members[drawn.counted]] = epoch
        for account in members[self._signed_in[members] <= epoch - TERMS_TO_RETIRE].tolist():
            self._force_retire(epoch, account)

    def _force_retire(self, epoch: int, account: int) -> None:
        height = self.last_height(epoch)
        before = self.stake(account, height)
        after = stake.force_retired(before, height)
        if after == before:
            return
        self._put(account, height, after)
        rng = self.dice.rng(Stream.PLAN, epoch << 16 | account)
        if before.available and rng.random() < RETURN_CHANCE:
            ready = max(height + OUT_QUEUE_BLOCKS, int(self._away[1, account])) + 1
            wait = int(rng.integers(0, RETURN_EPOCHS_MAX * self.options.term_blocks))
            deed = Deed(ready + wait, DeedKind.UPDATE_VOTING_POWER, account, before.available)
            self._returns.setdefault(self.epoch_of(deed.height), []).append(deed)

    def _filled(self, column: NDArray[T]) -> NDArray[T]:
        """A column from before the newest accounts registered, with nothing for them."""
        lacking = len(self.people) - len(column)
        return np.pad(column, (0, lacking)) if lacking else column


def member_points(drawn: Leaves, term_blocks: int) -> Ints:
    """What the committee's part, leading and collecting votes bring each member (all but the election)."""
    leader = EPOCH_POINTS * LEADER_PERCENT // 100 // term_blocks
    bonus = EPOCH_POINTS * BONUS_PERCENT // 100 // term_blocks // BONUS_VOTES
    earned = COMMITTEE_POINTS * drawn.setting.votes + drawn.by_leader(leader + bonus * drawn.bonus)
    return np.where(drawn.counted, earned, 0)


def _after(before: Stake, deed: Deed) -> Stake:
    if deed.kind is DeedKind.UPDATE_VOTING_POWER:
        return stake.increased(before, deed.height, deed.votes)
    if deed.kind is DeedKind.RETIRE:
        return stake.retired(before, deed.height, deed.votes)
    return stake.disputed(before, deed.height)


def _long_tail(rng: np.random.Generator, accounts: int, total: int) -> Ints:
    """Everybody's votes at the genesis: at least one each, few with very many."""
    weights = rng.lognormal(0.0, STAKE_SIGMA, accounts)
    for _ in range(10):  # cutting the largest makes the others larger: a few rounds settle it
        weights = np.minimum(weights / weights.sum(), max(STAKE_SHARE_MAX, 2 / accounts))
    votes: Ints = 1 + (weights / weights.sum() * (total - accounts)).astype(np.int64)
    return votes


def _lots(rng: np.random.Generator, votes: Ints, most: int) -> Ints:
    """So many of all votes drawn without putting back, by account."""
    if int(votes.sum()) <= most:
        return votes.copy()
    return rng.multivariate_hypergeometric(votes, most, method="marginals").astype(np.int64)
