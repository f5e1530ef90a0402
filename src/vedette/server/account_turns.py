"""Whose account is asked about next. The loop is in chores.py.

A forced retirement, a dispute and stake that moves show in an account alone, so with each new block the
watched are asked about, as many as are a fair share of what the endpoint allows: whoever waited longest comes
first. Each of them is asked about once a minute at least, whatever that costs.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from vedette.conflux.rpc import Budget, spend
from vedette.model.pos import Account, PosAddress

SHARE: Final = 5
"""One call of so many that a gateway allows: the blocks and the past are read of the same."""
UNLIMITED_CALLS_PER_S: Final = 20.0
"""Of an endpoint without a limit, which may well be a voter's own node."""
SAVED_S: Final = 30
"""What was not asked is saved up for so long: about a round of the main network."""
AT_ONCE: Final = 500
LONG_AGO_MS: Final = -(2**62)


@dataclass(slots=True)
class Turns:
    """Who was asked about when, and whom a new transaction spoke of since. Times are of the steady clock."""

    each_ms: int
    asked_at_ms: dict[PosAddress, int] = field(default_factory=dict)
    heights: dict[PosAddress, int] = field(default_factory=dict)  # of the newest snapshots
    named: dict[PosAddress, int] = field(default_factory=dict)  # and at which height
    budget: Budget | None = None

    def name(self, spoken_of: Mapping[PosAddress, int]) -> None:
        """Transactions of these heights changed these accounts; a later snapshot shows that already."""
        for one, height in spoken_of.items():
            if height > max(self.heights.get(one, 0), self.named.get(one, 0)):
                self.named[one] = height

    def told(self, accounts: Iterable[Account]) -> None:
        """What was answered."""
        for one in accounts:
            self.heights[one.address] = max(one.height, self.heights.get(one.address, 0))

    def asked(self, who: Iterable[PosAddress], now_ms: int) -> None:
        """They are asked about now, whether or not that is answered."""
        for one in who:
            self.asked_at_ms[one] = now_ms
            self.named.pop(one, None)

    def whose(
        self,
        watched: Collection[PosAddress],
        strangers: Collection[PosAddress],
        now_ms: int,
        *,
        new_block: bool,
        calls_per_s: float | None,
    ) -> list[PosAddress]:
        """Whom to ask about now: who is due, then whoever was named, then in turn those of a new block.

        `strangers`: whom people asked to be told of who are in no team; they have what the watched leave.
        """
        due = [one for one in watched if now_ms - self._asked(one) >= self.each_ms]
        due = sorted(due, key=self._asked)[:AT_ONCE]
        in_turn = [*sorted(watched, key=self._asked), *sorted(strangers, key=self._asked)]
        wished = dict.fromkeys([*self._newest_named(), *(in_turn if new_block else ())])
        others = [one for one in wished if one not in due]
        now = due + others[: self._afford(calls_per_s, len(due), len(others), now_ms)]
        self.asked(now, now_ms)
        return now

    def _asked(self, one: PosAddress) -> int:
        return self.asked_at_ms.get(one, LONG_AGO_MS)

    def _newest_named(self) -> list[PosAddress]:
        return sorted(self.named, key=lambda one: -self.named[one])

    def _afford(self, calls_per_s: float | None, due: int, others: int, now_ms: int) -> int:
        """How many of the others may be asked about. Whoever is due costs too, but leaves no debt."""
        rate = UNLIMITED_CALLS_PER_S if calls_per_s is None else calls_per_s / SHARE
        full = Budget.full(rate, now_ms, SAVED_S * rate)
        held = full if self.budget is None else replace(self.budget, calls_per_s=rate, most=full.most)
        earned, _ = spend(held, 0, now_ms)
        left = max(0, int(earned.calls) - due)
        self.budget = replace(earned, calls=max(0.0, earned.calls - due - min(left, others)))
        return min(left, others)
