"""The past of the blocks, to be looked at again after each of them. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vedette.alerts.rehearsal import LOOKS_MAX, Stretch
from vedette.model.ballot import Ballot
from vedette.model.pos import PosAddress
from vedette.model.view import NetworkView, SettledBlock, ValidatorView, View
from vedette.store.votelines import UNKNOWN, Ints, VoteLines

WINDOW_BLOCKS: Final = 120
STRETCH: Final = 60
"""Blocks of which the worst is told at once."""
FINALITY_OLD_MS: Final = 3_600_000
"""What was told of the finality so long ago is not known any more."""

PARTICIPATION: Final = "network_participation"
MOST: Final = 2**62

Bools = NDArray[np.bool_]
Places = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Blocks:
    """The blocks, and what is asked of them by time."""

    lines: VoteLines

    @property
    def addresses(self) -> Mapping[PosAddress, str]:
        return self.lines.letters

    @cached_property
    def settled(self) -> Sequence[SettledBlock]:
        told = (self.lines.heights, self.lines.epochs, self.lines.total_votes, self.lines.signed_votes)
        rows = zip(*(column.tolist() for column in told), strict=True)
        return [SettledBlock(height, epoch, _told(total), _told(cast)) for height, epoch, total, cast in rows]

    @cached_property
    def signed_by_all(self) -> Sequence[SettledBlock]:
        """The same, as if nobody had been absent."""
        return [replace(one, signed_votes=one.total_votes) for one in self.settled]

    @cached_property
    def usual_s(self) -> float | None:
        """How far apart blocks are as a rule."""
        if len(self.lines) < 2:  # noqa: PLR2004 - two blocks make a distance
            return None
        return float(np.median(np.diff(self.lines.at_ms))) / 1000

    def newest_at(self, at_ms: Any) -> Places:
        """The newest block at each of these moments, by its place; -1: none."""
        found: Places = np.searchsorted(self.lines.at_ms, at_ms, side="right") - 1
        return found

    def height_at(self, at_ms: int) -> int | None:
        place = int(self.newest_at(at_ms))
        return None if place < 0 else int(self.lines.heights[place])

    def gap_s_at(self, at_ms: int) -> float | None:
        place = int(self.newest_at(at_ms))
        if place < 1:
            return None
        return float(np.median(np.diff(self.lines.at_ms[max(0, place - WINDOW_BLOCKS) : place + 1]))) / 1000

    def unsigned(self, address: PosAddress) -> Bools:
        """Blocks that lack its signature; one that nobody saw is as the one before it."""
        letters = np.frombuffer(self.lines.letters[address].encode(), np.uint8)
        told = np.where(letters != ord(Ballot.UNSEEN), np.arange(len(letters)), -1)
        last = np.maximum.accumulate(told)
        found: Bools = (last >= 0) & (letters[np.maximum(last, 0)] == ord(Ballot.ABSENT))
        return found

    def validators_at(
        self, at_ms: int, team_id: int, addresses: Sequence[PosAddress]
    ) -> dict[PosAddress, ValidatorView]:
        place = int(self.newest_at(at_ms))
        if place < 0:
            return {}
        return {one: self.validator(one, team_id, place) for one in addresses}

    def validator(self, address: PosAddress, team_id: int, place: int) -> ValidatorView:
        """As it is seen once the block of that place is the newest."""
        lines = self.lines
        start = max(0, place + 1 - WINDOW_BLOCKS)
        return ValidatorView(
            address,
            team_id,
            lines.letters[address][start : place + 1],
            int(lines.votes[address][place]),
            newly_elected=self._newly(address)[place],
        )

    def _newly(self, address: PosAddress) -> Sequence[bool | None]:
        if address not in self._newly_elected:
            self._newly_elected[address] = _newly_elected(self.lines.epochs, self.lines.votes[address])
        return self._newly_elected[address]

    @cached_property
    def _newly_elected(self) -> dict[PosAddress, Sequence[bool | None]]:
        return {}


@dataclass(frozen=True, eq=False)
class BlockPast:
    """A moment for each block since `from_ms`; earlier ones only fill its window."""

    rule: str
    addresses: Sequence[PosAddress]
    blocks: Blocks
    team_id: int
    from_ms: int
    finality: Sequence[tuple[int, int]] = ()  # when, and how many PoW epochs were not final
    followed_since_ms: int | None = None
    usual_participation_ppm: Mapping[int, int | None] | None = None  # by epoch, of the day before it

    @cached_property
    def _first(self) -> int:
        return int(np.searchsorted(self.blocks.lines.at_ms, self.from_ms))

    @cached_property
    def at_ms(self) -> Sequence[int]:
        found: list[int] = self.blocks.lines.at_ms[self._first :].tolist()
        return found

    @property
    def looks_max(self) -> int:
        return LOOKS_MAX // len(self.addresses)

    # --- where anything may be found

    def stretches(self) -> Iterator[Stretch]:
        for first in range(0, len(self.at_ms), STRETCH):
            last = min(first + STRETCH, len(self.at_ms)) - 1
            yield Stretch(first, last, self._worst(first, last))

    def _worst(self, first: int, last: int) -> list[View]:
        """All its absent blocks in a row, while the others sign; or the fewest votes, with nobody absent."""
        span = slice(max(0, self._first + first - WINDOW_BLOCKS), self._first + last + 1)
        if self.rule == PARTICIPATION:
            told = [
                one for one in self.blocks.settled[span] if one.signed_votes is not None and one.total_votes
            ]
            blocks: Sequence[SettledBlock] = sorted(told, key=_share, reverse=True)
            network = self._worst_network(first, last)
        else:
            blocks, network = self.blocks.signed_by_all[span], NetworkView()
        gathered = _present if self.rule == PARTICIPATION else _gathered
        validators = self._validators(span, gathered)
        return [View(self.at_ms[last], tuple(blocks), validators, network=network, team_id=self.team_id)]

    def _validators(self, span: slice, told: Callable[[str], str]) -> dict[PosAddress, ValidatorView]:
        return {
            one: ValidatorView(
                one,
                self.team_id,
                told(self.blocks.lines.letters[one][span]),
                int(self.blocks.lines.votes[one][span].max(initial=0)),
                newly_elected=True,
            )
            for one in self.addresses
        }

    def _worst_network(self, first: int, last: int) -> NetworkView:
        begin_ms, end_ms = self.at_ms[first] - FINALITY_OLD_MS, self.at_ms[last]
        times = [at_ms for at_ms, _ in self.finality]
        within = self.finality[bisect_left(times, begin_ms) : bisect_right(times, end_ms)]
        return NetworkView(finality_gap_epochs=max((gap for _, gap in within), default=None))

    # --- a moment

    def view(self, place: int) -> View:
        at = self._first + place
        start, newest = max(0, at + 1 - WINDOW_BLOCKS), self.blocks.settled[at]
        at_ms = self.at_ms[place]
        usual = self.usual_participation_ppm or {}
        return View(
            now_ms=at_ms,
            blocks=tuple(self.blocks.settled[start : at + 1]),
            validators={one: self.blocks.validator(one, self.team_id, at) for one in self.addresses},
            network=NetworkView(
                epoch=newest.epoch,
                height=newest.height,
                block_at_ms=at_ms,
                finality_gap_epochs=self._finality_at(at_ms),
                usual_participation_ppm=usual.get(newest.epoch),
                followed_since_ms=self.followed_since_ms,
            ),
            team_id=self.team_id,
        )

    def _finality_at(self, at_ms: int) -> int | None:
        place = bisect_right(self.finality, (at_ms, MOST)) - 1
        if place < 0 or at_ms - self.finality[place][0] > FINALITY_OLD_MS:
            return None
        return self.finality[place][1]


def _told(votes: int) -> int | None:
    return None if votes == UNKNOWN else votes


def _share(block: SettledBlock) -> float:
    return (block.signed_votes or 0) / (block.total_votes or 1)


def _gathered(letters: str) -> str:
    """Its signed blocks, then its absent ones; as long as before."""
    absent = letters.count(Ballot.ABSENT)
    signed = letters.count(Ballot.SIGNED) + letters.count(Ballot.LED)
    return (Ballot.SIGNED * signed + Ballot.ABSENT * absent).rjust(len(letters), Ballot.UNSEEN)


def _present(letters: str) -> str:
    return Ballot.SIGNED * len(letters)


def _newly_elected(epochs: Ints, votes: Ints) -> list[bool | None]:
    """By block: whether it is a member, and was none in the epoch before; None: that is not known."""
    first = np.flatnonzero(np.append(True, epochs[1:] != epochs[:-1]))
    held = dict(zip(epochs[first].tolist(), votes[first].tolist(), strict=True))
    told = {
        epoch: bool(own) and not held[epoch - 1] if epoch - 1 in held else None for epoch, own in held.items()
    }
    return [told[epoch] for epoch in epochs.tolist()]
