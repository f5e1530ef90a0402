"""Which releases run, with how many votes, and who follows which fork. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from vedette.conflux.networks import Fork
from vedette.model.pos import PosAddress
from vedette.model.releases import number_of, version

ForkState = Literal["past", "next", "later"]


@dataclass(frozen=True, slots=True)
class Runner:
    """A node as far as releases go. `seats` are those of its PoS address, told at one node only."""

    id: str
    name: str
    release: str | None
    votes: bool  # whether its role is to vote
    seats: int


@dataclass(frozen=True, slots=True)
class Heights:
    """Where both chains are; None: not known."""

    pow_epoch: int | None
    pos_height: int | None
    pos_at_ms: int | None = None
    block_interval_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """Nodes on either side of a fork."""

    ready: tuple[Runner, ...]
    not_ready: tuple[Runner, ...]
    unknown: tuple[Runner, ...]


def newest_first(releases: Iterable[str]) -> list[str]:
    return sorted(releases, key=lambda one: (number_of(one) or (0, 0, 0), one), reverse=True)


def split(runners: Sequence[Runner], fork: Fork) -> Split:
    """A node whose release is not known accuses nobody: it is on neither side."""
    first = version(fork.version) or (0, 0, 0)
    numbers = [(one, number_of(one.release)) for one in runners]
    return Split(
        tuple(one for one, number in numbers if number is not None and number >= first),
        tuple(one for one, number in numbers if number is not None and number < first),
        tuple(one for one, number in numbers if number is None),
    )


def states(forks: Sequence[Fork], now: Heights) -> list[ForkState]:
    """Past is what was reached, and all before it; the first of the others is the next."""
    reached = [index for index, fork in enumerate(forks) if _reached(fork, now)]
    first_ahead = reached[-1] + 1 if reached else 0
    return [
        "past" if index < first_ahead else "next" if index == first_ahead else "later"
        for index in range(len(forks))
    ]


def _reached(fork: Fork, now: Heights) -> bool:
    """All of its heights that can be compared; a fork of which nothing can be compared is ahead."""
    pairs = ((fork.pow_epoch, now.pow_epoch), (fork.pos_height, now.pos_height))
    told = [at >= start for start, at in pairs if start is not None and at is not None]
    return bool(told) and all(told)


def activates_at_ms(fork: Fork, now: Heights) -> int | None:
    """About when its PoS height comes: blocks left, at the pace of the last hundred."""
    if fork.pos_height is None or now.pos_height is None or now.pos_at_ms is None:
        return None
    left = fork.pos_height - now.pos_height
    if left <= 0 or now.block_interval_ms is None:
        return None
    return now.pos_at_ms + left * now.block_interval_ms


def seats_once(
    carriers: Sequence[tuple[str, PosAddress, bool]], seats: Mapping[PosAddress, int]
) -> dict[str, int]:
    """Seats by node, of (node, PoS address, whether it says that it votes).

    A voter and its backup carry one key between them: its seats count where it votes, else at the first.
    """
    holders: dict[PosAddress, tuple[str, bool]] = {}
    for node_id, address, votes in carriers:
        if address not in seats:
            continue
        if address not in holders or (votes and not holders[address][1]):
            holders[address] = node_id, votes
    return {node_id: seats[address] for address, (node_id, _) in holders.items()}
