"""The past of stakes, elections, rewards and balances, to be looked at again. Pure.

It is what `prospects` tells the judge now, as of any earlier moment: what changes by itself is looked at each
few minutes, and everything else when it changed.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final, TypeVar

from vedette.alerts.rehearsal import LOOKS_MAX, Stretch
from vedette.model.pos import Account, PosAddress
from vedette.model.view import ElectionView, EpochView, NetworkView, StakeChange, ValidatorView, View
from vedette.server.block_past import Blocks
from vedette.server.prospects import DAY_EPOCHS, DAY_MS

T = TypeVar("T")

LOOK_MS: Final = 600_000
BY_ACCOUNTS: Final = frozenset({"dispute_locked", "force_retired", "low_gas", "stake_changed", "unlock_near"})
BY_EPOCHS: Final = frozenset({"not_elected", "reward_missing", "vote_quality"})
RARELY: Final = frozenset({"not_elected", "vote_quality"})
"""Nothing of these changes but when an epoch ends."""

Since = Sequence[tuple[int, T]]
"""What was so from each of these moments on, ascending."""


def at(told: Since[T], now_ms: int) -> T | None:
    """What was so at that moment; None: nobody knew."""
    place = bisect_right(told, now_ms, key=_moment) - 1
    return told[place][1] if place >= 0 else None


def _moment(told: tuple[int, Any]) -> int:
    return told[0]


@dataclass(frozen=True, slots=True)
class Books:
    """All that is kept of one validator."""

    accounts: Since[Account] = ()
    changes: Sequence[StakeChange] = ()
    retired: Since[int] = ()  # each forced retirement, when it was seen
    added_ms: Sequence[int] = ()  # when votes were added
    gas_drip: Since[int] = ()
    epochs: Sequence[EpochView] = ()  # finished ones, oldest first, with what was paid in the end
    elections: Mapping[int, ElectionView] = field(default_factory=dict)  # by the epoch under way
    pool: str | None = None
    pow_address: str | None = None


@dataclass(frozen=True, eq=False)
class BookPast:
    """A moment each ten minutes, and whenever something that the rule judges changed."""

    rule: str
    books: Mapping[PosAddress, Books]
    blocks: Blocks
    team_id: int
    span_ms: tuple[int, int]
    paid_ms: Mapping[int, int] = field(default_factory=dict)  # when an epoch was paid, where that is known
    median_ppm: Since[int | None] = ()  # of the day until then
    followed_since_ms: int | None = None

    @cached_property
    def at_ms(self) -> Sequence[int]:
        from_ms, now_ms = self.span_ms
        looks = range(from_ms, now_ms + 1, LOOK_MS) if self.rule not in RARELY else ()
        found = {one for one in (*looks, *self._changes(), now_ms) if from_ms <= one <= now_ms}
        return sorted(found)

    def _changes(self) -> Iterator[int]:
        for books in self.books.values():
            if self.rule in BY_EPOCHS:
                yield from (one.ended_at_ms for one in books.epochs)
            else:
                yield from map(_moment, (*books.accounts, *books.gas_drip))
                yield from (one.at_ms for one in books.changes)

    @property
    def looks_max(self) -> int:
        return LOOKS_MAX // len(self.books)

    def stretches(self) -> Iterator[Stretch]:
        """There are few moments: each is looked at."""
        if self.at_ms:
            yield Stretch(0, len(self.at_ms) - 1)

    def view(self, place: int) -> View:
        now_ms = self.at_ms[place]
        newest = int(self.blocks.newest_at(now_ms))
        told = self._of_account if self.rule in BY_ACCOUNTS else self._of_epochs
        return View(
            now_ms=now_ms,
            validators={one: told(one, books, now_ms, newest) for one, books in self.books.items()},
            network=self._network(now_ms, newest),
            team_id=self.team_id,
        )

    def _network(self, now_ms: int, newest: int) -> NetworkView:
        known = NetworkView(
            median_vote_rate_ppm=at(self.median_ppm, now_ms), followed_since_ms=self.followed_since_ms
        )
        if newest < 0:
            return known
        gap_s = self.blocks.gap_s_at(now_ms)
        return replace(
            known,
            epoch=int(self.blocks.lines.epochs[newest]),
            height=int(self.blocks.lines.heights[newest]),
            block_at_ms=int(self.blocks.lines.at_ms[newest]),
            block_interval_ms=None if gap_s is None else round(1000 * gap_s),
        )

    def _of_account(self, one: PosAddress, books: Books, now_ms: int, _newest: int) -> ValidatorView:
        return ValidatorView(
            one,
            self.team_id,
            "",
            0,
            account=at(books.accounts, now_ms),
            account_at_ms=now_ms if at(books.accounts, now_ms) is not None else None,
            force_retired_at_ms=_retired_at(books, now_ms),
            changes=tuple(change for change in books.changes if now_ms - DAY_MS < change.at_ms <= now_ms),
            pool=books.pool,
            gas_drip=at(books.gas_drip, now_ms),
            pow_address=books.pow_address,
        )

    def _of_epochs(self, one: PosAddress, books: Books, now_ms: int, newest: int) -> ValidatorView:
        votes = self.blocks.lines.votes.get(one)
        epoch = int(self.blocks.lines.epochs[newest]) if newest >= 0 else 0
        return ValidatorView(
            one,
            self.team_id,
            "",
            int(votes[newest]) if votes is not None and newest >= 0 else 0,
            epochs=self._epochs(books, now_ms),
            election=books.elections.get(epoch, ElectionView()),
            pool=books.pool,
        )

    def _epochs(self, books: Books, now_ms: int) -> tuple[EpochView, ...]:
        """The day's, each as it was known then: what one earned that was not paid yet, nobody knew."""
        end = bisect_right(books.epochs, now_ms, key=_ended)
        return tuple(
            one
            if self.paid_ms.get(one.epoch, 0) <= now_ms
            else replace(one, reward_gdrip=None, due_gdrip=None)
            for one in books.epochs[max(0, end - DAY_EPOCHS) : end]
        )


def _ended(one: EpochView) -> int:
    return one.ended_at_ms


def _retired_at(books: Books, now_ms: int) -> int | None:
    """The newest forced retirement, unless votes were added since."""
    place = bisect_right(books.retired, now_ms, key=_moment) - 1
    if place < 0:
        return None
    at_ms = books.retired[place][0]
    added = bisect_right(books.added_ms, now_ms) - bisect_right(books.added_ms, at_ms)
    return None if added else at_ms
