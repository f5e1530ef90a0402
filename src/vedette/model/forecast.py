"""How long a validator may stand still, and when its queues end.

Heights are exact, by the chain's own rules. Times are estimates from the usual pace, rather too short
than too long. Sources: conflux-rust crates/pos/consensus/executor (commit_blocks),
crates/pos/types/types/src/term_state.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from vedette.model.pos import Queued

EMPTY_ROUNDS: Final = 2
"""After an epoch's last block, at least so many rounds without height commit it."""

RETIRING_EPOCHS: Final = 3
"""Who signed in none of so many epochs is retired (CIP-99; `force_retire_check_epoch_count`)."""


# --- where the chain is -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pace:
    """Where the chain is, and how fast it goes."""

    epoch: int
    height: int  # the last committed
    epoch_last_height: int  # of the current epoch: CommitteeNow.elections[0].start_height
    term_blocks: int  # heights of an epoch
    block_interval_ms: int | None  # None: not measured yet

    def last_height(self, epoch: int) -> int:
        """The height at which a later epoch (or this one) ends."""
        return self.epoch_last_height + (epoch - self.epoch) * self.term_blocks

    def left_ms(self, height: int) -> int | None:
        """About how long until that height; 0 once it is reached."""
        if self.block_interval_ms is None:
            return None
        ends = max(0, -((self.epoch_last_height - height) // self.term_blocks))
        rounds = max(0, height - self.height) + EMPTY_ROUNDS * ends
        return rounds * self.block_interval_ms


def epoch_bounds(first_height: int, term_blocks: int) -> tuple[int, int]:
    """First and last height of the epoch that begins there."""
    return first_height, first_height + term_blocks - 1


def epoch_last_height(height: int, boundary: int, term_blocks: int) -> int:
    """The last height of the epoch that holds `height`; `boundary` is the last height of any epoch."""
    return boundary - (boundary - height) // term_blocks * term_blocks


# --- forced retirement ------------------------------------------------------------------------------------


class RetirementState(StrEnum):
    """How near an account is to being retired by force."""

    SAFE = "safe"  # a member, and it signed in this epoch
    SILENT = "silent_epoch_so_far"  # a member that has not signed in this epoch yet
    DUE = "due"  # ... and is retired when this epoch ends, unless it signs
    IDLE = "idle"  # no member now: nothing is expected of it
    UNKNOWN = "unknown"  # who the members are is not known


@dataclass(frozen=True, slots=True)
class Retirement:
    """When an account is retired by force if it signs no more: so long it may stand still."""

    state: RetirementState
    epoch: int  # at whose end
    height: int  # the epoch's last
    sign_by_height: int  # the last block whose signatures still count: those of the very last do not
    left_ms: int | None  # until then
    is_certain: bool  # it is a member then, and nothing is unknown; else this is the earliest that it can be


def retirement(
    pace: Pace,
    *,
    last_signed_epoch: int | None,
    known_from_epoch: int,
    is_member: Mapping[int, bool],
) -> Retirement:
    """The countdown of one account.

    Retired is a member of the ending epoch that signed neither in it nor in the two before: the last
    signature in epoch N carries to the end of N + 3. Whether it was a member in those two is not asked,
    so one that was newly elected is retired after a single silent epoch.

    `last_signed_epoch` is the last with a signature that counts (`MemberCounts.counted_blocks`), None if
    there is none since `known_from_epoch`, the first whose signatures are known. `is_member` tells the
    epochs whose committee is known (see `radar.membership`).
    """
    earliest = pace.epoch if last_signed_epoch is None else last_signed_epoch + RETIRING_EPOCHS
    epoch = _first_served(max(pace.epoch, earliest), is_member)
    sign_by = pace.last_height(epoch) - 1
    forgotten = last_signed_epoch is None and known_from_epoch > epoch - RETIRING_EPOCHS + 1
    return Retirement(
        state=_retirement_state(pace, last_signed_epoch, epoch, is_member.get(pace.epoch)),
        epoch=epoch,
        height=pace.last_height(epoch),
        sign_by_height=sign_by,
        left_ms=pace.left_ms(sign_by),
        is_certain=is_member.get(epoch, False) and not forgotten,
    )


def _first_served(epoch: int, is_member: Mapping[int, bool]) -> int:
    """The first epoch from then on in which it is not known to be no member."""
    while is_member.get(epoch) is False:
        epoch += 1
    return epoch


def _retirement_state(
    pace: Pace, last_signed_epoch: int | None, epoch: int, is_member: bool | None
) -> RetirementState:
    if is_member is None:
        return RetirementState.UNKNOWN
    if not is_member:
        return RetirementState.IDLE
    if last_signed_epoch is not None and last_signed_epoch >= pace.epoch:
        return RetirementState.SAFE
    return RetirementState.DUE if epoch == pace.epoch else RetirementState.SILENT


# --- queues -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Arrival:
    """Votes that leave a queue: the out queue to be withdrawn, the in queue to be free to retire."""

    votes: int
    height: int
    left_blocks: int
    left_ms: int | None


def arrivals(queue: Iterable[Queued], pace: Pace) -> tuple[Arrival, ...]:
    """The countdown of each item, the nearest first. The heights are the chain's own, not reckoned here."""
    return tuple(
        Arrival(
            votes=item.votes,
            height=item.end_height,
            left_blocks=max(0, item.end_height - pace.height),
            left_ms=pace.left_ms(item.end_height),
        )
        for item in sorted(queue, key=lambda item: item.end_height)
    )
