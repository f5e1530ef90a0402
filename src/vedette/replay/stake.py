"""What becomes of an account's votes: the lock status of conflux-rust, as pure functions of it.

Source: crates/pos/types/types/src/term_state/lock_status.rs. Heights are PoS heights (views).
"""

from dataclasses import dataclass, replace

from vedette.model.pos import Queued

IN_QUEUE_BLOCKS = 37_440
OUT_QUEUE_BLOCKS = 1_440
DISPUTE_LOCK_BLOCKS = 518_400
"""Mainnet's: CIP-136 as the code has it, and CIP-156."""


@dataclass(frozen=True, slots=True)
class Stake:
    """One account's votes."""

    locked: int = 0
    in_queue: tuple[Queued, ...] = ()
    out_queue: tuple[Queued, ...] = ()
    unlocked: int = 0  # all that ever came out; nothing lowers it
    restaked: int = 0  # how many of those went in again; no node tells it
    force_retired_height: int | None = None

    @property
    def available(self) -> int:
        """Votes that can be elected."""
        return self.locked + _sum(self.in_queue)

    @property
    def owned(self) -> int:
        """Votes whose CFX lie in the staking contract."""
        return self.available + _sum(self.out_queue) + self.unlocked - self.restaked


def settled(stake: Stake, height: int) -> Stake:
    """The stake once everything that was due up to that height has arrived."""
    entered, waiting = _due(stake.in_queue, height)
    left, leaving = _due(stake.out_queue, height)
    retired = stake.force_retired_height
    over = retired is not None and height >= retired + OUT_QUEUE_BLOCKS
    return replace(
        stake,
        locked=stake.locked + entered,
        in_queue=waiting,
        out_queue=leaving,
        unlocked=stake.unlocked + left,
        force_retired_height=None if over else retired,
    )


def increased(stake: Stake, height: int, votes: int) -> Stake:
    """Votes come in. Unlocked ones are used first; those of a force-retired account go straight out."""
    stake = settled(stake, height)
    again = min(votes, stake.unlocked - stake.restaked)
    stake = replace(stake, restaked=stake.restaked + again)
    if stake.force_retired_height is not None:
        end = height + IN_QUEUE_BLOCKS + OUT_QUEUE_BLOCKS
        return replace(stake, out_queue=_with(stake.out_queue, end, votes))
    return replace(stake, in_queue=_with(stake.in_queue, height + IN_QUEUE_BLOCKS, votes))


def retired(stake: Stake, height: int, votes: int) -> Stake:
    """Votes go out: locked ones first, then those still on their way in, which wait until they were in."""
    stake = settled(stake, height)
    now = min(votes, stake.locked)
    out = _with(stake.out_queue, height + OUT_QUEUE_BLOCKS, now)
    rest, kept = votes - now, []
    for item in stake.in_queue:
        part = min(rest, item.votes)
        rest -= part
        out = _with(out, item.end_height + OUT_QUEUE_BLOCKS, part)
        kept += [Queued(item.end_height, item.votes - part)] if part < item.votes else []
    return replace(stake, locked=stake.locked - now, in_queue=tuple(kept), out_queue=out)


def force_retired(stake: Stake, height: int) -> Stake:
    """All votes go out and the flag is set; nothing changes while it is."""
    stake = settled(stake, height)
    if stake.force_retired_height is not None:
        return stake
    return replace(retired(stake, height, stake.available), force_retired_height=height)


def disputed(stake: Stake, height: int) -> Stake:
    """All votes, those on their way out too, are locked for half a year (CIP-156)."""
    stake = settled(stake, height)
    if not stake.available:
        return stake
    votes = stake.available + _sum(stake.out_queue)
    lock = Queued(height + DISPUTE_LOCK_BLOCKS, votes)
    return replace(stake, locked=0, in_queue=(), out_queue=(lock,))


def _sum(queue: tuple[Queued, ...]) -> int:
    return sum(item.votes for item in queue)


def _with(queue: tuple[Queued, ...], end: int, votes: int) -> tuple[Queued, ...]:
    if not votes:
        return queue
    return tuple(sorted((*queue, Queued(end, votes)), key=lambda item: item.end_height))


def _due(queue: tuple[Queued, ...], height: int) -> tuple[int, tuple[Queued, ...]]:
    """How many votes have arrived, and what still waits."""
    waiting = tuple(item for item in queue if item.end_height > height)
    return _sum(queue) - _sum(waiting), waiting
