"""What the follower does next, as pure functions of what it knows. The loops are in follower.py."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Final

from vedette.conflux.pos import FIRST_HEIGHT
from vedette.conflux.rpc import BURSTS_PER_S
from vedette.model.pos import SETTLED_DEPTH, PosBlock, PosStatus
from vedette.model.spans import Span, Spans, gaps, total

BATCH_BLOCKS_MAX: Final = 100
AHEAD_BLOCKS: Final = 120
"""The chain's end, which is read before its past: an epoch of the main network."""

RECENT_BLOCKS: Final = 2 * AHEAD_BLOCKS
"""The last whole epoch is among these: it is read before anything else that can wait."""

HELD_BLOCKS: Final = 200
"""A settled block missing this close to the end may yet come: behind a gateway there are many nodes."""

STREAK_TO_GROW: Final = 20
POLL_MS_MIN: Final = 500
POLL_MS_MAX: Final = 5_000
BACKOFF_MS_MAX: Final = 30_000
STRANGER_MS: Final = 60_000


def settled_height(status: PosStatus) -> int:
    """The newest block whose signatures no longer change on this node."""
    return max(0, status.committed_height - SETTLED_DEPTH)


def went_back(before: int, committed: int) -> bool:
    """Whether an endpoint is no longer what it was. A gateway's nodes differ by a block or two."""
    return committed < before - SETTLED_DEPTH


def newest_span(read: Spans, target: int) -> Span | None:
    """What to read at the chain's end, oldest first: alerts must not wait for the past."""
    within = Span(max(FIRST_HEIGHT, target - AHEAD_BLOCKS + 1), target)
    return next(iter(gaps(read, within)), None)


def past_span(read: Spans, target: int) -> Span | None:
    """What to read of the past: the newest gap, since people ask about yesterday before last year."""
    missing = gaps(read, Span(FIRST_HEIGHT, target))
    return missing[-1] if missing else None


def unread_blocks(read: Spans, target: int) -> int:
    """Settled blocks that an endpoint offers and that were not read from it."""
    return total(gaps(read, Span(FIRST_HEIGHT, target)))


def recent_is_read(read: Spans, target: int) -> bool:
    """Whether the last whole epoch was read, and what came after it."""
    return not gaps(read, Span(max(FIRST_HEIGHT, target - RECENT_BLOCKS + 1), target))


def pieces(span: Span, size: int) -> Iterator[Span]:
    """The span in batches, oldest first."""
    for first in range(span.first, span.last + 1, size):
        yield Span(first, min(first + size - 1, span.last))


def pieces_down(span: Span, size: int) -> Iterator[Span]:
    """The span in batches, newest first."""
    for last in range(span.last, span.first - 1, -size):
        yield Span(max(span.first, last - size + 1), last)


def readable(blocks: Sequence[PosBlock | None], span: Span, target: int) -> tuple[list[PosBlock], int]:
    """The blocks to keep of an answer, and the height up to which the answer counts as read.

    A missing block is waited for near the chain's end; deeper, the node has forgotten it: it is passed over.
    The genesis (epoch 0) is no block that anybody voted on.
    """
    kept: list[PosBlock] = []
    for height, block in zip(range(span.first, span.last + 1), blocks, strict=False):
        if block is None and target - height < HELD_BLOCKS:
            return kept, height - 1
        if block is not None and block.epoch > 0:
            kept.append(block)
    return kept, span.first + len(blocks) - 1


@dataclass(frozen=True, slots=True)
class BatchSize:
    """How many blocks to ask for at once: halved by a failure, doubled by a long streak without one."""

    blocks: int
    most: int
    streak: int = 0

    @classmethod
    def for_rate(cls, calls_per_s: float | None) -> "BatchSize":
        """A gateway with a limit wants its calls spread over the second."""
        share = BATCH_BLOCKS_MAX if calls_per_s is None else int(calls_per_s / BURSTS_PER_S)
        most = max(1, min(BATCH_BLOCKS_MAX, share))
        return cls(most, most)

    def after(self, *, answered: bool) -> "BatchSize":
        if not answered:
            return replace(self, blocks=max(1, self.blocks // 2), streak=0)
        if self.streak + 1 < STREAK_TO_GROW:
            return replace(self, streak=self.streak + 1)
        return replace(self, blocks=min(self.most, self.blocks * 2), streak=0)


def block_interval_ms(at_us_by_height: Mapping[int, int]) -> int | None:
    """The usual time between blocks, by their proposers' clocks; None when fewer than three are known."""
    known = sorted(at_us_by_height.items())
    steps = [
        (later - sooner) / (top - bottom) / 1000
        for (bottom, sooner), (top, later) in pairwise(known)
        if later >= sooner
    ]
    return round(median(steps)) if len(steps) > 1 else None


def poll_ms(interval_ms: int | None, calls_per_s: float | None) -> int:
    """How long to wait before asking again whether there is a new block."""
    # A gateway's budget is shared with the blocks, the accounts and the PoW chain: half of it is for asking.
    fair = 0 if calls_per_s is None else round(2000 / calls_per_s)
    usual = POLL_MS_MIN if interval_ms is None else interval_ms // 2
    return max(fair, min(max(usual, POLL_MS_MIN), POLL_MS_MAX))


def backoff_ms(failures: int, jitter: float) -> int:
    """How long to leave an endpoint alone after so many failures in a row; `jitter` is in [0, 1)."""
    longest = min(BACKOFF_MS_MAX, 1000 * 2 ** min(failures - 1, 10))
    return round(longest * (0.75 + jitter / 4)) if failures else 0


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells one chain from another. `first_hash` is None on a node that does not keep its past."""

    chain_id: int
    first_hash: str | None


def elect(told: Iterable[Identity], stored_hash: str | None) -> Identity | None:
    """The chain to follow: what the database holds, else what most endpoints tell, else the first of them."""
    told = list(told)
    if stored_hash is not None:
        told = [each for each in told if each.first_hash == stored_hash] or [
            each for each in told if each.first_hash is None
        ]
    if not told:
        return None
    chain_id = Counter(each.chain_id for each in told).most_common(1)[0][0]
    hashes = Counter(each.first_hash for each in told if each.chain_id == chain_id and each.first_hash)
    return Identity(chain_id, hashes.most_common(1)[0][0] if hashes else stored_hash)


def stranger(ours: Identity, told: Identity) -> str | None:
    """Why an endpoint is not of our chain; None if it may well be."""
    if told.chain_id != ours.chain_id:
        return f"its chain id is {told.chain_id}, and ours is {ours.chain_id}"
    if ours.first_hash is None or told.first_hash is None:
        return None
    return contradiction({FIRST_HEIGHT: ours.first_hash}, {FIRST_HEIGHT: told.first_hash})


def contradiction(held: Mapping[int, str], told: Mapping[int, str]) -> str | None:
    """How what an endpoint tells of settled blocks differs from what was told first; None if it does not."""
    for height in sorted(held.keys() & told.keys()):
        if held[height] != told[height]:
            return f"its block {height} is {told[height][:14]}…, and ours is {held[height][:14]}…"
    return None
