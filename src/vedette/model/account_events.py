"""What happened to a PoS account, read off two snapshots of it.

A node tells only what an account holds now, and the chain's own transactions say little: votes that an owner
adds or takes are told with their number only, a forced retirement with nothing. So events are what must have
lain between one snapshot and the next. The rules are those of conflux-rust, crates/pos/types/types/src/
term_state/lock_status.rs: votes go from the in queue to locked to the out queue to unlocked, and never back.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from vedette.model.pos import DISPUTE_LOCK_FAR_BLOCKS, Account, PosAddress, Queued


class AccountEventKind(StrEnum):
    REGISTERED = "registered"
    ADDED = "added"  # votes joined the in queue
    LOCKED = "locked"  # votes left the in queue: they may be taken back from now on
    UNLOCKING = "unlocking"  # some votes joined the out queue
    RETIRED = "retired"  # the last votes joined the out queue
    UNLOCKED = "unlocked"  # votes left the out queue: their CFX is free
    WITHDRAWN = "withdrawn"  # votes are gone; no node shows that today, as unlocked votes only ever grow
    FORCE_RETIRED = "force_retired"  # by the chain, after epochs without a vote
    FORCE_RETIREMENT_OVER = "force_retirement_over"  # votes that are added count again
    DISPUTE_LOCKED = "dispute_locked"  # all votes, for months (since CIP-156)
    FORFEITED = "forfeited"  # all votes, for ever (before CIP-156)


@dataclass(frozen=True, slots=True)
class AccountEvent:
    """One event. `height` is when it was, or, where no node tells that, the snapshot that shows it first."""

    kind: AccountEventKind
    address: PosAddress
    height: int
    votes: int
    until_height: int | None = None  # when these votes leave the queue that they joined


def account_events(history: Iterable[tuple[int, Account]]) -> Iterator[tuple[int, AccountEvent]]:
    """The events of one account's snapshots, oldest first, each with the time (ms) of the one that showed it.

    The first snapshot shows none: what it holds may have been there for years. One of a lower height than the
    last comes from a node that lags, and tells nothing new.
    """
    known: Account | None = None
    for at_ms, told in history:
        if known is not None and told.height < known.height:
            continue
        if known is not None:
            yield from ((at_ms, event) for event in events_between(known, told))
        known = told


def events_between(before: Account, after: Account) -> tuple[AccountEvent, ...]:
    """What happened from one snapshot to a later one of the same account."""
    if not before.exists:
        return (*_registration(after), *_penalties(before, after, _votes(after.out_queue)))
    flow = _flow(before, after)
    return (
        *_added(before, after, flow),
        *_locked(before, after, flow),
        *_penalties(before, after, flow.leaving),
        *_leaving(before, after, flow),
        *_unlocked(before, after),
        *_withdrawn(after, flow),
        *_pardon(before, after),
    )


# --- how many votes moved ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Flow:
    """Votes that moved on between two snapshots. What went in one place and left it again is not seen."""

    added: int
    matured: int  # from the in queue to locked
    leaving: int  # to the out queue
    withdrawn: int


def _flow(before: Account, after: Account) -> _Flow:
    freed = _freed(after) - _freed(before)
    grown = _stake(after) - _stake(before) + max(0, -freed)
    added = max(0, grown)
    leaving = max(0, _votes(after.out_queue) - _votes(before.out_queue) + max(0, freed))
    return _Flow(added, _matured(before, after, added, leaving), leaving, max(0, -freed) + max(0, -grown))


def _matured(before: Account, after: Account, added: int, leaving: int) -> int:
    gone = max(0, _votes(before.in_queue) + added - _votes(after.in_queue))
    if leaving == 0:
        return gone
    # Some may have gone from the in queue straight to the out queue: count those that were due, or that are
    # there now.
    due = _votes(_due(before.in_queue, after.height))
    return min(gone, max(due, after.locked_votes - before.locked_votes))


def _votes(queue: Iterable[Queued]) -> int:
    return sum(queued.votes for queued in queue)


def _active(account: Account) -> int:
    """Votes that have not begun to leave: as many as are available, until a forfeit makes those none."""
    return account.locked_votes + _votes(account.in_queue)


def _freed(account: Account) -> int:
    return account.unlocked_votes + account.forfeited_votes


def _stake(account: Account) -> int:
    return _active(account) + _votes(account.out_queue) + _freed(account)


def _due(queue: Iterable[Queued], height: int) -> list[Queued]:
    return [queued for queued in queue if queued.end_height <= height]


def _joined(before: Sequence[Queued], after: Sequence[Queued]) -> list[Queued]:
    """What a queue gained, by the height at which it ends."""
    known = {end: _votes(group) for end, group in _by_end(before)}
    gains = [Queued(end, _votes(group) - known.get(end, 0)) for end, group in _by_end(after)]
    return [gain for gain in gains if gain.votes > 0]


def _by_end(queue: Sequence[Queued]) -> Iterator[tuple[int, Iterator[Queued]]]:
    return groupby(sorted(queue, key=_end), key=_end)


def _end(queued: Queued) -> int:
    return queued.end_height


# --- what to call it --------------------------------------------------------------------------------------


def _registration(after: Account) -> Iterator[AccountEvent]:
    if after.exists:
        until = max(map(_end, after.in_queue), default=None)
        yield AccountEvent(AccountEventKind.REGISTERED, after.address, after.height, _stake(after), until)


def _added(before: Account, after: Account, flow: _Flow) -> Iterator[AccountEvent]:
    joined = _joined(before.in_queue, after.in_queue)
    yield from _joining(AccountEventKind.ADDED, after, flow.added, joined)


def _locked(before: Account, after: Account, flow: _Flow) -> Iterator[AccountEvent]:
    due = _due(before.in_queue, after.height)
    yield from _arrivals(AccountEventKind.LOCKED, after, flow.matured, due)


def _penalties(before: Account, after: Account, leaving: int) -> Iterator[AccountEvent]:
    """What the chain did to an account that its owner did not ask for."""
    retired = _force_retired_anew(before, after)
    if retired is not None:
        until = max(map(_end, after.out_queue), default=None)
        yield AccountEvent(AccountEventKind.FORCE_RETIRED, after.address, retired, leaving, until)
    if _is_dispute_locked_anew(before, after):
        held, until = _votes(_far(after)), max(map(_end, _far(after)))
        yield AccountEvent(AccountEventKind.DISPUTE_LOCKED, after.address, after.height, held, until)
    if _is_forfeited(after) and not _is_forfeited(before):
        lost = _stake(after) - after.unlocked_votes
        yield AccountEvent(AccountEventKind.FORFEITED, after.address, after.height, lost)


def _force_retired_anew(before: Account, after: Account) -> int | None:
    """The height of a forced retirement that the earlier snapshot does not have."""
    retired = after.force_retired_height
    return None if retired == before.force_retired_height else retired


def _far(account: Account) -> list[Queued]:
    """Votes that no ordinary exit holds for so long."""
    return [q for q in account.out_queue if q.end_height - account.height > DISPUTE_LOCK_FAR_BLOCKS]


def _is_dispute_locked_anew(before: Account, after: Account) -> bool:
    return bool(_far(after)) and not _far(before)


def _is_forfeited(account: Account) -> bool:
    """Before CIP-156 a dispute froze what may be withdrawn; at first it shows as votes that do not count."""
    return account.forfeited_votes > 0 or (account.available_votes == 0 < _active(account))


def _leaving(before: Account, after: Account, flow: _Flow) -> Iterator[AccountEvent]:
    if _force_retired_anew(before, after) is not None or _is_dispute_locked_anew(before, after):
        return  # told already, by its cause
    is_last = _active(after) == 0 < _active(before)
    kind = AccountEventKind.RETIRED if is_last else AccountEventKind.UNLOCKING
    yield from _joining(kind, after, flow.leaving, _joined(before.out_queue, after.out_queue))


def _unlocked(before: Account, after: Account) -> Iterator[AccountEvent]:
    votes = after.unlocked_votes - before.unlocked_votes
    yield from _arrivals(AccountEventKind.UNLOCKED, after, votes, _due(before.out_queue, after.height))


def _withdrawn(after: Account, flow: _Flow) -> Iterator[AccountEvent]:
    if flow.withdrawn > 0:
        yield AccountEvent(AccountEventKind.WITHDRAWN, after.address, after.height, flow.withdrawn)


def _pardon(before: Account, after: Account) -> Iterator[AccountEvent]:
    if before.force_retired_height is not None and after.force_retired_height is None:
        yield AccountEvent(AccountEventKind.FORCE_RETIREMENT_OVER, after.address, after.height, 0)


def _joining(
    kind: AccountEventKind, after: Account, votes: int, joined: Sequence[Queued]
) -> Iterator[AccountEvent]:
    """Votes that joined a queue: one event for each of its new ends, if those account for all of them."""
    if votes <= 0:
        return
    if _votes(joined) == votes:
        yield from (AccountEvent(kind, after.address, after.height, q.votes, q.end_height) for q in joined)
    else:
        until = max(map(_end, joined), default=None)
        yield AccountEvent(kind, after.address, after.height, votes, until)


def _arrivals(
    kind: AccountEventKind, after: Account, votes: int, due: Sequence[Queued]
) -> Iterator[AccountEvent]:
    """Votes that came out of a queue: each at the height foretold for it, if those account for them all."""
    if votes <= 0:
        return
    if _votes(due) == votes:
        yield from (AccountEvent(kind, after.address, q.end_height, q.votes) for q in due)
    else:
        yield AccountEvent(kind, after.address, after.height, votes)
