"""Epochs made up for tests, and what the chain's rules would have paid for them."""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import strategies as st

from vedette.model.history import EpochCounts, MemberCounts
from vedette.model.interest import points
from vedette.model.pos import PosAddress
from vedette.model.reward import EPOCH_POINTS

CFX = 10**18


def address(number: int) -> PosAddress:
    return PosAddress(f"0x{number:064x}")


alice, bob, carol, dave = (address(n) for n in (0xA, 0xB, 0xC, 0xD))


def epoch_of(
    members: Mapping[PosAddress, MemberCounts],
    *,
    epoch: int = 30_000,
    term: int = 120,
    known: int | None = None,
    bonus: Mapping[PosAddress, int] | None = None,
    interval_ms: int = 30_000,
) -> EpochCounts:
    """A finished epoch; all its blocks are known unless said otherwise."""
    total = sum(one.votes for one in members.values())
    return EpochCounts(
        epoch=epoch,
        first_height=(epoch - 1) * term + 1,
        last_height=epoch * term,
        first_at_us=epoch * term * interval_ms * 1000,
        last_at_us=(epoch * term + term - 1) * interval_ms * 1000,
        blocks=term,
        known_blocks=term if known is None else known,
        nil_blocks=term - sum(one.led_blocks for one in members.values()),
        timeout_rounds=0,
        quorum_votes=total * 2 // 3 + 1,
        total_votes=total,
        bonus_votes=bonus or {},
        members=members,
    )


@dataclass(frozen=True)
class Paid:
    """An epoch, the interest that the chain had for it, its candidates, and the payments that follow."""

    counts: EpochCounts
    interest_drip: int
    candidates: Mapping[PosAddress, int]

    @property
    def drips(self) -> dict[PosAddress, int]:
        """Committee and candidates are paid apart by the chain: each payment is rounded down."""
        by_votes = points(self.counts, None)
        by_candidacy = points(epoch_of({}, term=120), self.candidates)
        return {
            each: sum(
                self.interest_drip * some.get(each, 0) // EPOCH_POINTS for some in (by_votes, by_candidacy)
            )
            for each in {**by_votes, **by_candidacy}
        }


def main_network_epoch(seed: int) -> Paid:
    """A hundred members with 300 seats, 150 candidates with a full list."""
    chance = random.Random(seed)
    sizes = [chance.paretovariate(1.1) for _ in range(150)]
    seats = Counter(chance.choices(range(100), sizes[:100], k=300))
    led = Counter(chance.choices(list(seats), list(seats.values()), k=120))
    members = {
        address(i): MemberCounts(votes, chance.choice([120, 119, 60, 0]), led[i])
        for i, votes in seats.items()
    }
    bonus = {address(i): sum(chance.randint(60, 99) for _ in range(blocks)) for i, blocks in led.items()}
    candidates = Counter(chance.choices(range(150), sizes, k=10_000))
    return Paid(
        epoch_of(members, bonus=bonus),
        chance.randint(500 * CFX, 5_000 * CFX),
        {address(i): votes for i, votes in candidates.items()},
    )


@st.composite
def epochs(draw: st.DrawFn, *, members_min: int = 1, certain: bool = False) -> EpochCounts:
    """Any epoch: members with up to some hundred seats, some silent, leaders who collected votes.

    A `certain` one is known in all its blocks, or has no silent member.
    """
    term = draw(st.sampled_from((120, 60, 10)))
    seats = draw(st.lists(st.integers(1, 60), min_size=members_min, max_size=12))
    silent = draw(st.sets(st.integers(0, len(seats) - 1), max_size=len(seats) - 1))
    known = term if certain and silent else draw(st.integers(1, term))
    chance = random.Random(draw(st.integers(0, 2**32)))  # a hundred draws more would take long
    led = Counter(chance.choices(range(len(seats)), seats, k=chance.randint(term // 2, term)))
    above = max(0, sum(seats) - (sum(seats) * 2 // 3 + 1))
    signed = [0 if i in silent else chance.randint(1, known) for i in range(len(seats))]
    members = {
        address(i + 1): MemberCounts(votes, signed[i], led[i], late_blocks=int(signed[i] > 1))
        for i, votes in enumerate(seats)
    }
    bonus = {address(i + 1): chance.randint(0, above * blocks) for i, blocks in led.items()}
    return epoch_of(members, epoch=draw(st.integers(8, 40_000)), term=term, known=known, bonus=bonus)


@st.composite
def paid_epochs(
    draw: st.DrawFn, *, candidate_votes: int | None = None, members_min: int = 1, certain: bool = False
) -> Paid:
    """Any epoch and its payments; candidates are members and strangers, with the votes asked for, or any."""
    counts = draw(epochs(members_min=members_min, certain=certain))
    total = draw(st.integers(0, 10_000)) if candidate_votes is None else candidate_votes
    cuts = sorted(draw(st.lists(st.integers(0, total), max_size=15)))
    shares = [b - a for a, b in zip([0, *cuts], [*cuts, total], strict=True)]
    candidates = {address(i + 5): votes for i, votes in enumerate(shares) if votes}
    return Paid(counts, draw(st.integers(10 * CFX, 10**6 * CFX)), candidates)
