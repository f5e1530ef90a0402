"""What a PoS epoch was worth: everybody's points, and the interest found again from what was paid.

An account is paid floor(D * points / 6,000,000) Drip, D being the interest that the chain distributes for the
epoch. No call tells D of a past epoch, and none tells how many candidate votes an account had. But points are
whole numbers, so all payments are multiples of one small amount, and that amount tells D.

Sources: conflux-rust crates/pos/types/types/src/term_state.rs (incentives), reward_distribution_event.rs, and
`distribute_pos_interest` in crates/execution/executor/src/state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import gcd
from typing import Final

from vedette.model.election import TERMS_SERVING
from vedette.model.history import EpochCounts, MemberCounts
from vedette.model.pos import PosAddress
from vedette.model.reward import CANDIDATE_VOTES_MAX, COMMITTEE_POINTS, ELECTION_POINTS, EPOCH_POINTS

LEADER_SHARE_POINTS: Final = EPOCH_POINTS * 3 // 100
BONUS_SHARE_POINTS: Final = EPOCH_POINTS * 2 // 100
BONUS_VOTES_MAX: Final = 100

COMMIT_BLOCKS: Final = 3
"""Blocks without height commit an epoch's last one. The chain may count them; nobody is told of them."""

GUESSES_MAX: Final = 200
"""More readings of the payments than this are no evidence, and not worth the time."""

UNIT_DRIP_MIN: Final = 2**40
NOISE_DRIP: Final = 2**32
"""Rounding leaves at most about 10^7 Drip of noise in a common divisor; a real one is above 10^12."""


def term_blocks(counts: EpochCounts) -> int:
    """Heights of one epoch: 120, 60 before CIP-136, 10 on a devnet; epoch 1 misses its first."""
    return counts.last_height - (counts.first_height - 1 if counts.epoch > 1 else 0)


def leader_points(blocks: int) -> int:
    """For each block led, in epochs of so many blocks: 1,500 of 120, 3,000 of 60."""
    return LEADER_SHARE_POINTS // blocks


def bonus_points(blocks: int) -> int:
    """For each vote above the quorum in a collected certificate: 10 of 120 blocks, 20 of 60."""
    return BONUS_SHARE_POINTS // blocks // BONUS_VOTES_MAX


def points(counts: EpochCounts, candidate_votes: Mapping[PosAddress, int] | None) -> dict[PosAddress, int]:
    """What each account earned by the chain's rules; with None, without what candidates earn.

    A member that signed nothing earns nothing, not even for blocks that it led.
    """
    tariff = Tariff(counts)
    earned = {address: tariff.points(address, one) for address, one in counts.members.items()}
    for address, votes in (candidate_votes or {}).items():
        earned[address] = earned.get(address, 0) + ELECTION_POINTS * votes
    return earned


def reconstructed_interest_drip(
    counts: EpochCounts, drips: Mapping[PosAddress, int], network_votes: int | None
) -> int | None:
    """The interest D of an epoch, from all that was paid for it; None where the payments leave it open.

    `network_votes` are the available votes of all accounts then, None if unknown. The result is right to one
    part in 10^12 where only one reading of the payments fits: so it is as soon as a few accounts were paid.
    Where several fit, the one nearest to the expected candidate votes is taken, if those are known; then it
    is wrong by less than 240 points for each candidate vote that was expected in error.
    """
    paid = sum(drips.values())
    if paid == 0:
        return 0 if drips else None
    shares = whole_shares(drips)
    total = _total_points(Tariff(counts), shares, network_votes)
    return paid * EPOCH_POINTS // total if total else None


@dataclass(frozen=True)
class Tariff:
    """An epoch and what is paid for each deed in it."""

    counts: EpochCounts

    @cached_property
    def leader(self) -> int:
        return leader_points(term_blocks(self.counts))

    @cached_property
    def bonus(self) -> int:
        return bonus_points(term_blocks(self.counts))

    @cached_property
    def step(self) -> int:
        """Everybody's points are a multiple of this."""
        return gcd(ELECTION_POINTS, COMMITTEE_POINTS, self.leader, self.bonus)

    def lead_points(self, address: PosAddress, one: MemberCounts) -> int:
        """For its led blocks and the votes that it collected above the quorum."""
        if not one.counted_blocks:
            return 0
        return self.leader * one.led_blocks + self.bonus * self.counts.bonus_votes.get(address, 0)

    def points(self, address: PosAddress, one: MemberCounts) -> int:
        """Without what it earned as a candidate."""
        if not one.counted_blocks:
            return 0
        return COMMITTEE_POINTS * one.votes + self.lead_points(address, one)

    def least_points(self) -> int:
        """Of all accounts: seats that are known to have signed, and led blocks."""
        signed = [one for one in self.counts.members.values() if one.counted_blocks]
        return sum(COMMITTEE_POINTS * one.votes + self.leader * one.led_blocks for one in signed)

    def most_points(self) -> int:
        """Of all accounts: should every doubt be in their favour."""
        counts = self.counts
        blocks = term_blocks(counts) + COMMIT_BLOCKS
        above_quorum = max(0, counts.total_votes - counts.quorum_votes)
        is_known = counts.known_blocks == counts.blocks
        paid = sum(one.votes for one in counts.members.values() if one.counted_blocks or not is_known)
        leaders = blocks * (self.leader + self.bonus * above_quorum)
        return COMMITTEE_POINTS * paid + leaders + ELECTION_POINTS * CANDIDATE_VOTES_MAX

    @property
    def has_doubt(self) -> bool:
        """Whether a member may have signed in a block whose certificate nobody saw."""
        unsigned = any(not one.counted_blocks for one in self.counts.members.values())
        return unsigned and self.counts.known_blocks < self.counts.blocks

    def expected_points(self, network_votes: int) -> int:
        """Of all accounts, if everybody with free votes was a candidate."""
        base = sum(self.points(address, one) for address, one in self.counts.members.items())
        return base + ELECTION_POINTS * expected_candidate_votes(self.counts.total_votes, network_votes)


def expected_candidate_votes(total_votes: int, network_votes: int) -> int:
    """Candidate votes that a term keeps if everybody tries: votes serving in the five terms before cannot."""
    free = network_votes - total_votes * (TERMS_SERVING - 1) // TERMS_SERVING
    return max(0, min(CANDIDATE_VOTES_MAX, free))


def whole_shares(drips: Mapping[PosAddress, int]) -> dict[PosAddress, int] | None:
    """The payments in smallest whole numbers; None if they have no common amount above the rounding."""
    amounts = {address: drip for address, drip in drips.items() if drip > 0}
    unit = _common_amount(list(amounts.values()))
    if unit is None:
        return None
    amount, count = unit
    return {address: (2 * drip * count + amount) // (2 * amount) for address, drip in amounts.items()}


def _common_amount(amounts: Sequence[int]) -> tuple[int, int] | None:
    """The greatest amount of which all are multiples, as a fraction of integers, so that no digit is lost."""
    amount, count = amounts[0], 1
    for other in amounts[1:]:
        unit = amount // count
        divisor = _rough_gcd(unit, other)
        if divisor < UNIT_DRIP_MIN:
            return None
        count *= (2 * unit + divisor) // (2 * divisor)
        count += (2 * other * count + amount) // (2 * amount)
        amount += other
    return amount, count


def _rough_gcd(one: int, other: int) -> int:
    """Euclid's, for numbers that rounding has made slightly wrong: what is left of them counts as nothing."""
    while other > NOISE_DRIP:
        one, other = other, one % other
        if one - other <= NOISE_DRIP:  # one short of a multiple, by rounding
            return one
    return one


def _total_points(
    tariff: Tariff, shares: Mapping[PosAddress, int] | None, network_votes: int | None
) -> int | None:
    """All points of the epoch: the whole shares times one number, which has to be found."""
    expected = None if network_votes is None else tariff.expected_points(network_votes)
    if shares is None:
        return None if tariff.has_doubt else expected
    whole = sum(shares.values())
    best: Sequence[int] = _readings(tariff, whole)
    if 1 < len(best) <= GUESSES_MAX and not tariff.has_doubt:
        best = _most_consistent(tariff, shares, best)
    if len(best) == 1:
        return whole * best[0]
    if not best or expected is None or tariff.has_doubt:
        return None
    return whole * min(best, key=lambda reading: abs(reading * whole - expected))


def _readings(tariff: Tariff, whole: int) -> range:
    """The points that one share may stand for, by what all accounts can have earned together."""
    stride = tariff.step * whole
    first = -(-tariff.least_points() // stride)
    last = tariff.most_points() // stride
    return range(max(1, first) * tariff.step, (last + 1) * tariff.step, tariff.step)


def _most_consistent(
    tariff: Tariff, shares: Mapping[PosAddress, int], readings: Sequence[int]
) -> Sequence[int]:
    """The readings by which most accounts earned a whole number of candidate votes."""
    base = points(tariff.counts, None)
    scores = [
        sum(_is_whole(share * reading - base.get(address, 0)) for address, share in shares.items())
        for reading in readings
    ]
    return [reading for reading, score in zip(readings, scores, strict=True) if score == max(scores)]


def _is_whole(candidate_points: int) -> bool:
    return candidate_points >= 0 and candidate_points % ELECTION_POINTS == 0
