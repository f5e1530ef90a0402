"""What to ask beside the blocks, and whom to believe, as pure functions. The loops are in chores.py."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Generic, TypeVar

from vedette.model.spans import Span, Spans, gaps

T = TypeVar("T", bound=Hashable)

DAY_EPOCHS: Final = 24
"""Epochs asked for first: about a day on the main network (23.3 epochs)."""

SKIPPED_EPOCHS: Final = 2
"""An unpaid epoch with a paid one so far behind it will never be paid: the chain pays in order, or skips."""


def newest_missing(known: Spans, first: int, last: int, most: int) -> list[int]:
    """At most so many numbers of [first, last] that are in no span, newest first."""
    wanted: list[int] = []
    for gap in reversed(gaps(known, Span(first, last))):
        bottom = max(gap.first, gap.last - (most - len(wanted)) + 1)
        wanted += range(gap.last, bottom - 1, -1)
        if len(wanted) >= most:
            break
    return wanted


def never_paid(epoch: int, newest_paid: int | None) -> bool:
    """Whether `null` is the last word on this epoch's rewards: skipped, or older than what the node keeps."""
    return newest_paid is not None and newest_paid > epoch + SKIPPED_EPOCHS


@dataclass(frozen=True, slots=True)
class Verdict(Generic[T]):
    """What most endpoints say; `value` is None when they are divided and nobody can be believed."""

    value: T | None
    liars: tuple[str, ...]  # names of those who said something else


def verdict(told: Sequence[tuple[str, T]]) -> Verdict[T]:
    """Believe the only one, or the majority. With two who differ, neither."""
    if not told:
        return Verdict(None, ())
    value, count = Counter(said for _, said in told).most_common(1)[0]
    others = tuple(name for name, said in told if said != value)
    if count * 2 > len(told):
        return Verdict(value, others)
    return Verdict(None, tuple(name for name, _ in told))


Saying = tuple[str, T | None]
"""An endpoint's name, and what it says; None: null."""


def verdict_of_known(sayings: Sequence[Saying[T]]) -> Verdict[T]:
    """The verdict on what was said at all."""
    return verdict([(name, said) for name, said in sayings if said is not None])


def told_by_one(sayings: Sequence[Saying[T]]) -> bool:
    """Whether nobody else has said anything to it, be it null."""
    return len(sayings) == 1


class Divided(Enum):
    """Endpoints said different things, and nobody can be believed."""

    DIVIDED = "divided"


DIVIDED: Final = Divided.DIVIDED


# --- how far the past is read


@dataclass(frozen=True, slots=True)
class Pulse:
    """How many blocks were still unread at one moment of steady time."""

    at_ms: int
    unread: int


def eta_s(pulses: Sequence[Pulse]) -> int | None:
    """Seconds until the past is read at the pace of these pulses; None while there is no pace."""
    if not pulses or pulses[-1].unread == 0:
        return 0 if pulses else None
    first, last = pulses[0], pulses[-1]
    done, took_ms = first.unread - last.unread, last.at_ms - first.at_ms
    if done <= 0 or took_ms <= 0:
        return None
    return last.unread * took_ms // done // 1000


def blocks_per_s(pulses: Sequence[Pulse]) -> float | None:
    """The pace of these pulses; None when they are too few."""
    if len(pulses) < 2 or pulses[-1].at_ms <= pulses[0].at_ms:  # noqa: PLR2004  two moments make a pace
        return None
    took_ms = pulses[-1].at_ms - pulses[0].at_ms
    return max(0.0, (pulses[0].unread - pulses[-1].unread) * 1000 / took_ms)
