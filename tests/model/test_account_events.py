"""What happened to an account: real ones, and thousands made by the chain's own rules."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.conflux import pos
from vedette.model.account_events import AccountEvent, AccountEventKind, account_events, events_between
from vedette.model.pos import DISPUTE_LOCK_FAR_BLOCKS, Account, PosAddress, Queued

K = AccountEventKind
ALICE = PosAddress("0x" + "a1" * 32)
NOTHING = Account(ALICE, 1, 0, 0, (), (), 0, 0, None)
TAPES = Path(__file__).parents[1] / "tapes"


def told(events: list[AccountEvent] | tuple[AccountEvent, ...]) -> list[tuple[str, int, int, int | None]]:
    return [(each.kind.value, each.votes, each.height, each.until_height) for each in events]


# --- accounts of a real network ---------------------------------------------------------------------------


def observed(name: str) -> list[tuple[int, Account]]:
    """Snapshots of one account as a node of a private network gave them, a second apart."""
    story = json.loads((TAPES / "accounts.json").read_text())[name]
    return [
        (number * 1000, pos.account({"address": ALICE, "blockNumber": height, "status": status}))
        for number, (height, status) in enumerate(story)
    ]


STORIES: dict[str, list[tuple[str, int, int, int | None]]] = {
    "registers": [("registered", 50, 49, 68)],
    "adds votes": [("added", 30, 316, 335), ("locked", 30, 335, None)],
    "takes some votes out": [("unlocking", 20, 460, 479), ("unlocked", 20, 479, None)],
    "is force-retired": [
        ("force_retired", 200, 130, 160),
        ("unlocked", 200, 160, None),
        ("force_retirement_over", 0, 160, None),
    ],
    # On a private network a dispute locks for a few blocks only, and looks like an exit.
    "is disputed, on a network of short locks": [("retired", 50, 6, 35), ("unlocked", 50, 35, None)],
    "is disputed, before CIP-156": [("forfeited", 50, 129, None)],
}


@pytest.mark.parametrize("name", STORIES)
def test_what_happened_to_a_real_account_is_told_in_order(name: str) -> None:
    assert told([event for _, event in account_events(observed(name))]) == STORIES[name]


def test_an_event_has_the_time_of_the_snapshot_that_showed_it() -> None:
    times = [at_ms for at_ms, _ in account_events(observed("adds votes"))]
    assert times == [1000, 2000]


# --- cases ------------------------------------------------------------------------------------------------

SETTLED = replace(NOTHING, height=100, available_votes=50, locked_votes=50)


def test_the_first_snapshot_shows_nothing() -> None:
    assert list(account_events([(1, SETTLED)])) == []


def test_a_node_that_lags_tells_nothing_new() -> None:
    late = replace(SETTLED, height=110, available_votes=40, locked_votes=40, out_queue=(Queued(150, 10),))
    history = [(1, SETTLED), (2, late), (3, SETTLED), (4, replace(late, height=111))]
    assert [at_ms for at_ms, _ in account_events(history)] == [2]


def test_a_dispute_lock_is_told_by_its_far_end_and_once() -> None:
    end = 120 + 518_400
    held = replace(
        SETTLED, height=120, available_votes=0, locked_votes=0, out_queue=(Queued(end, 45), Queued(end, 5))
    )
    assert told(events_between(SETTLED, held)) == [("dispute_locked", 50, 120, end)]
    nearer = replace(held, height=end - 1000)
    assert events_between(held, nearer) == ()
    free = replace(nearer, height=end, out_queue=(), unlocked_votes=50)
    assert told(events_between(nearer, free)) == [("unlocked", 45, end, None), ("unlocked", 5, end, None)]


def test_the_longest_ordinary_exit_is_no_dispute_lock() -> None:
    going = replace(
        SETTLED,
        height=120,
        available_votes=0,
        locked_votes=0,
        out_queue=(Queued(120 + DISPUTE_LOCK_FAR_BLOCKS, 50),),
    )
    assert [event.kind for event in events_between(SETTLED, going)] == [K.RETIRED]


def test_votes_added_while_force_retired_go_straight_out() -> None:
    retired = replace(NOTHING, height=100, unlocked_votes=50, force_retired_height=90)
    added = replace(retired, height=120, out_queue=(Queued(200, 20),))
    assert told(events_between(retired, added)) == [
        ("added", 20, 120, None),
        ("unlocking", 20, 120, 200),
    ]


def test_a_second_forced_retirement_is_a_second_event() -> None:
    once = replace(NOTHING, height=100, unlocked_votes=50, force_retired_height=90)
    again = replace(once, height=300, force_retired_height=280)
    assert [event.kind for event in events_between(once, again)] == [K.FORCE_RETIRED]


def test_forfeited_votes_are_told_when_they_stop_to_count_and_not_again() -> None:
    frozen = replace(SETTLED, height=120, available_votes=0)
    gone = replace(frozen, height=130, locked_votes=0, forfeited_votes=50)
    assert told(events_between(SETTLED, frozen)) == [("forfeited", 50, 120, None)]
    assert [event.kind for event in events_between(frozen, gone)] == [K.RETIRED]
    assert [event.kind for event in events_between(SETTLED, gone)] == [K.FORFEITED, K.RETIRED]


def test_votes_that_vanish_are_withdrawn() -> None:
    free = replace(NOTHING, height=100, unlocked_votes=50)
    assert told(events_between(free, replace(free, height=120, unlocked_votes=20))) == [
        ("withdrawn", 30, 120, None)
    ]
    assert [each.kind for each in events_between(SETTLED, replace(NOTHING, height=120))] == [K.WITHDRAWN]


def test_each_end_of_a_queue_is_an_event_of_its_own() -> None:
    before = replace(SETTLED, available_votes=60, in_queue=(Queued(105, 4), Queued(110, 6)))
    after = replace(
        before,
        height=120,
        locked_votes=60,
        available_votes=65,
        in_queue=(Queued(130, 2), Queued(140, 3)),
    )
    assert told(events_between(before, after)) == [
        ("added", 2, 120, 130),
        ("added", 3, 120, 140),
        ("locked", 4, 105, None),
        ("locked", 6, 110, None),
    ]


def test_what_came_and_went_unseen_is_told_in_one_sum() -> None:
    after = replace(SETTLED, height=900, available_votes=80, locked_votes=80)
    assert told(events_between(SETTLED, after)) == [("added", 30, 900, None), ("locked", 30, 900, None)]


# --- properties -------------------------------------------------------------------------------------------

numbers = st.integers(0, 60)
queues = st.lists(st.builds(Queued, st.integers(0, 400_000), numbers), max_size=4).map(tuple)
snapshots = st.builds(
    Account,
    st.just(ALICE),
    st.integers(0, 1000),
    numbers,
    numbers,
    queues,
    queues,
    numbers,
    numbers,
    st.none() | numbers,
)


@given(st.lists(snapshots, max_size=8))
def test_no_snapshots_raise_and_every_event_moves_votes(history: list[Account]) -> None:
    for _, event in account_events(enumerate(history)):
        assert event.address == ALICE
        assert event.votes >= 0


@given(snapshots, st.integers(0, 1000))
def test_no_change_is_no_event(snapshot: Account, later: int) -> None:
    # Only the height moved, to before the next end of a queue; what counts as far is reckoned from it.
    near = replace(snapshot, out_queue=tuple(q for q in snapshot.out_queue if q.end_height < 100_000))
    assert events_between(near, replace(near, height=near.height + later)) == ()


IN_BLOCKS, OUT_BLOCKS, LOCK_BLOCKS = 13, 7, 518_400


@dataclass
class Chain:
    """One account under the chain's rules (conflux-rust, lock_status.rs), with short queues."""

    height: int = 10
    in_queue: list[list[int]] = field(default_factory=list)  # [end, votes]
    out_queue: list[list[int]] = field(default_factory=list)
    locked: int = 0
    unlocked: int = 0
    retired: int | None = None

    def add(self, votes: int) -> None:
        if self.retired is None:
            self.in_queue.append([self.height + IN_BLOCKS, votes])
        else:
            self.out_queue.append([self.height + IN_BLOCKS + OUT_BLOCKS, votes])

    def retire(self, votes: int) -> None:
        part = min(votes, self.locked)
        if part:
            self.locked -= part
            self.out_queue.append([self.height + OUT_BLOCKS, part])
        for item in sorted(self.in_queue):
            took = min(votes - part, item[1])
            if took:
                part += took
                item[1] -= took
                self.out_queue.append([item[0] + OUT_BLOCKS, took])
        self.in_queue = [item for item in self.in_queue if item[1]]

    def force(self) -> None:
        if self.retired is None:
            self.retire(self.active)
            self.retired = self.height

    def dispute(self) -> None:
        if self.active:
            votes = self.active + sum(item[1] for item in self.out_queue)
            self.in_queue, self.locked = [], 0
            self.out_queue = [[self.height + LOCK_BLOCKS, votes]]

    def wait(self, blocks: int) -> None:
        self.height += blocks
        self.locked += sum(votes for end, votes in self.in_queue if end <= self.height)
        self.unlocked += sum(votes for end, votes in self.out_queue if end <= self.height)
        self.in_queue = [item for item in self.in_queue if item[0] > self.height]
        self.out_queue = [item for item in self.out_queue if item[0] > self.height]
        if self.retired is not None and self.height >= self.retired + OUT_BLOCKS:
            self.retired = None

    @property
    def active(self) -> int:
        return self.locked + sum(votes for _, votes in self.in_queue)

    def snapshot(self) -> Account:
        def queue(items: list[list[int]]) -> tuple[Queued, ...]:
            return tuple(Queued(end, votes) for end, votes in items)

        return Account(
            ALICE,
            self.height,
            self.active,
            self.locked,
            queue(self.in_queue),
            queue(self.out_queue),
            self.unlocked,
            0,
            self.retired,
        )


deeds = st.one_of(
    st.tuples(st.just("add"), st.integers(1, 50)),
    st.tuples(st.just("retire"), st.integers(1, 50)),
    st.tuples(st.just("force")),
    st.tuples(st.just("wait"), st.integers(1, 30)),
)


def _voted(events: list[AccountEvent], *kinds: AccountEventKind) -> int:
    return sum(event.votes for event in events if event.kind in kinds)


@given(st.lists(st.tuples(deeds, st.booleans()), max_size=40), st.integers(0, 50))
def test_the_events_add_up_to_what_the_account_holds(
    story: list[tuple[tuple[Any, ...], bool]], first: int
) -> None:
    chain = Chain(locked=first, unlocked=1)
    history = [chain.snapshot()]
    for (deed, *arguments), is_seen in story:
        getattr(chain, deed)(*arguments)
        history += [chain.snapshot()] * is_seen
    history.append(chain.snapshot())
    events = [event for _, event in account_events(enumerate(history))]
    gone = sum(votes for _, votes in chain.out_queue) + chain.unlocked - 1
    assert _voted(events, K.ADDED) == chain.active + gone - first
    assert _voted(events, K.UNLOCKED) == chain.unlocked - 1
    assert _voted(events, K.UNLOCKING, K.RETIRED, K.FORCE_RETIRED) == gone
    assert _voted(events, K.LOCKED) >= chain.locked - first
    assert {event.kind for event in events}.isdisjoint(
        {K.REGISTERED, K.WITHDRAWN, K.FORFEITED, K.DISPUTE_LOCKED}
    )


@given(st.lists(deeds, max_size=30), st.integers(1, 50))
def test_each_deed_that_is_seen_at_once_is_named(story: list[tuple[Any, ...]], first: int) -> None:
    chain = Chain(locked=first)
    for deed, *arguments in story:
        before = chain.snapshot()
        active = chain.active
        getattr(chain, deed)(*arguments)
        kinds = {event.kind for event in events_between(before, chain.snapshot())}
        expected = {
            "add": {K.ADDED} if before.force_retired_height is None else {K.ADDED, K.UNLOCKING},
            "retire": _exit(active, sum(arguments)),
            "force": {K.FORCE_RETIRED} if before.force_retired_height is None else set(),
            "wait": _arrived(before, chain.height),
        }
        assert kinds == expected[deed]


def _exit(active: int, votes: int) -> set[AccountEventKind]:
    if not active:
        return set()
    return {K.RETIRED} if votes >= active else {K.UNLOCKING}


def _arrived(before: Account, height: int) -> set[AccountEventKind]:
    retired = before.force_retired_height
    happened = {
        K.LOCKED: any(queued.end_height <= height for queued in before.in_queue),
        K.UNLOCKED: any(queued.end_height <= height for queued in before.out_queue),
        K.FORCE_RETIREMENT_OVER: retired is not None and height >= retired + OUT_BLOCKS,
    }
    return {kind for kind, did in happened.items() if did}


@given(st.lists(deeds, max_size=20), st.integers(1, 50))
def test_a_dispute_is_named_whatever_went_before(story: list[tuple[Any, ...]], first: int) -> None:
    chain = Chain(locked=first)
    for deed, *arguments in story:
        getattr(chain, deed)(*arguments)
    before = chain.snapshot()
    chain.dispute()
    kinds = [event.kind for event in events_between(before, chain.snapshot())]
    assert kinds == ([K.DISPUTE_LOCKED] if before.available_votes else [])
