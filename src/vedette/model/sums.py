"""What one epoch adds to the sums of `Of` and `OfNetwork`; a window is the sum of what its epochs add.

Money is rounded down to whole Gdrip once an epoch and account, so sums are exact whatever the order.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import add
from typing import Final

from vedette.model.history import EpochCounts, MemberCounts, Of, OfNetwork, Window
from vedette.model.interest import Tariff, reconstructed_interest_drip
from vedette.model.pos import PosAddress
from vedette.model.reward import COMMITTEE_POINTS, DRIP_PER_GDRIP, EPOCH_POINTS

Contribution = tuple[tuple[int, ...], dict[PosAddress, tuple[int, ...]]]
"""One integer for each of `OfNetwork`, and for each account one for each of `Of`."""

PPM: Final = 1_000_000
NO_VOTES: Final = (0,) * Of.REWARD_GDRIP
NO_MONEY: Final = (0,) * (len(Of) - Of.REWARD_GDRIP)


def contribution(
    counts: EpochCounts,
    drips: Mapping[PosAddress, int] | None,
    stakes: Mapping[PosAddress, int] | None,
    network_votes: int | None,
    *,
    next_first_at_us: int | None = None,
) -> Contribution:
    """What one epoch adds to every sum.

    `drips` is what was paid for it, `stakes` the available votes of accounts as it ended, `network_votes`
    those of all accounts together; None is unknown. `next_first_at_us` is when the next epoch's first block
    was made: only with it is the epoch's length exact. Accounts are the members, the paid, and those whose
    stake is known: one that was neither elected nor paid had votes that earned nothing, and a yield knows it.
    """
    seconds = epoch_seconds(counts, next_first_at_us)
    if drips is None:
        unpaid = {address: line + NO_MONEY for address, line in _voted(counts).items()}
        return (_network(counts, seconds, None, None), unpaid)
    voted = _voted(counts)
    money = _Money.of(counts, drips, stakes, network_votes, seconds)
    staked = (address for address, votes in money.stakes.items() if votes)
    accounts = {
        address: voted.get(address, NO_VOTES) + money.of_account(address, counts.members.get(address))
        for address in dict.fromkeys((*counts.members, *drips, *staked))
    }
    return (_network(counts, seconds, sum(drips.values()), network_votes), accounts)


def window(first_epoch: int, last_epoch: int, contributions: Iterable[Contribution]) -> Window:
    """The sums over those of the epochs from first to last that are known."""
    network: tuple[int, ...] = (0,) * len(OfNetwork)
    accounts: dict[PosAddress, tuple[int, ...]] = {}
    for epoch_network, epoch_accounts in contributions:
        network = tuple(map(add, network, epoch_network))
        for address, line in epoch_accounts.items():
            held = accounts.get(address)
            accounts[address] = line if held is None else tuple(map(add, held, line))
    return Window(first_epoch, last_epoch, network, accounts)


def epoch_seconds(counts: EpochCounts, next_first_at_us: int | None) -> int:
    """From the epoch's first block to the next epoch's, whole seconds.

    While that block is not known: to its own last block and one mean interval more. Then the two or three
    empty rounds that end an epoch are missing, about 2 % of an hour.
    """
    if next_first_at_us is not None and next_first_at_us >= counts.last_at_us:
        return (next_first_at_us - counts.first_at_us) // PPM
    steps = counts.last_height - counts.first_height
    if steps <= 0:
        return 0
    return max(0, counts.last_at_us - counts.first_at_us) * (steps + 1) // steps // PPM


def _network(
    counts: EpochCounts, seconds: int, paid_drip: int | None, network_votes: int | None
) -> tuple[int, ...]:
    is_paid = paid_drip is not None
    is_staked = is_paid and network_votes is not None
    gdrip = (paid_drip or 0) // DRIP_PER_GDRIP
    return (
        1,
        counts.blocks,
        counts.known_blocks,
        counts.expected_votes,
        counts.cast_votes,
        counts.nil_blocks,
        counts.timeout_rounds,
        int(is_paid),
        gdrip,
        seconds,
        seconds if is_staked else 0,
        (network_votes or 0) * seconds if is_staked else 0,
        gdrip if is_staked else 0,
    )


def _voted(counts: EpochCounts) -> dict[PosAddress, tuple[int, ...]]:
    """Every member's line, before REWARD_GDRIP."""
    known = counts.known_blocks
    silence_counts = known * 2 >= counts.blocks > 0  # as in EpochCounts.is_silent
    seat_share_ppm = PPM * counts.blocks
    total = counts.total_votes or 1
    return {
        address: (
            1,
            int(silence_counts and not one.counted_blocks),
            known,
            one.signed_blocks,
            one.votes * known,
            one.votes * one.signed_blocks,
            one.led_blocks,
            one.votes * seat_share_ppm // total,
            one.votes,
        )
        for address, one in counts.members.items()
    }


@dataclass(frozen=True, slots=True)
class _Money:
    """An epoch whose rewards are known. What is due is counted only where they tell the interest, too."""

    counts: EpochCounts
    drips: Mapping[PosAddress, int]
    paid_drip: int
    interest_drip: int  # 0: they do not tell
    stakes: Mapping[PosAddress, int]  # empty unless the whole network's is known, too
    network_votes: int
    seconds: int
    lead_points: Mapping[PosAddress, int]  # of those who led
    all_lead_points: int

    @classmethod
    def of(
        cls,
        counts: EpochCounts,
        drips: Mapping[PosAddress, int],
        stakes: Mapping[PosAddress, int] | None,
        network_votes: int | None,
        seconds: int,
    ) -> "_Money":
        tariff = Tariff(counts)
        leaders = {address: one for address, one in counts.members.items() if one.led_blocks}
        lead_points = {address: tariff.lead_points(address, one) for address, one in leaders.items()}
        return cls(
            counts=counts,
            drips=drips,
            paid_drip=sum(drips.values()),
            interest_drip=reconstructed_interest_drip(counts, drips, network_votes) or 0,
            stakes=stakes if stakes and network_votes else {},
            network_votes=network_votes or 0,
            seconds=seconds,
            lead_points=lead_points,
            all_lead_points=sum(lead_points.values()),
        )

    def of_account(self, address: PosAddress, one: MemberCounts | None) -> tuple[int, ...]:
        """One account's line from REWARD_GDRIP on."""
        reward = self.drips.get(address, 0) // DRIP_PER_GDRIP
        due, lost, led, led_due = self._of_member(address, one, reward) if one else (0, 0, 0, 0)
        votes = self.stakes.get(address)
        if votes is None:
            return (reward, due, lost, led, led_due, 0, 0, 0, 0, 0, 0)
        fair = self.paid_drip * votes // (self.network_votes * DRIP_PER_GDRIP)
        all_seats = COMMITTEE_POINTS * self.counts.total_votes
        fair_seats = self.worth_gdrip(all_seats * votes, self.network_votes)
        return (reward, due, lost, led, led_due, fair, fair_seats, due, reward, votes * self.seconds, 1)

    def _of_member(self, address: PosAddress, one: MemberCounts, reward: int) -> tuple[int, int, int, int]:
        """Due for its seats, lost of that, earned by leading, and what leading earns on average."""
        counts = self.counts
        due = self.worth_gdrip(COMMITTEE_POINTS * one.votes)
        # It may have signed a block whose certificate nobody saw: if it was paid enough, it is not accused.
        is_lost = counts.is_silent(address) and (reward < due or counts.known_blocks == counts.blocks)
        led = self.worth_gdrip(self.lead_points.get(address, 0)) if one.led_blocks else 0
        led_due = self.worth_gdrip(self.all_lead_points * one.votes, counts.total_votes)
        return due, due if is_lost else 0, led, led_due

    def worth_gdrip(self, points: int, divisor: int = 1) -> int:
        """What so many points earned, divided by a number of votes or not."""
        return self.interest_drip * points // (EPOCH_POINTS * DRIP_PER_GDRIP * (divisor or 1))
