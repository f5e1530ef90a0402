"""What forecasts and lists of events rest on, where a whole past does not lead: gaps, doubts and old news."""

from collections.abc import Mapping

import pytest

from vedette.model.election import CommitteeNow, Election
from vedette.model.forecast import Pace
from vedette.model.pos import Account, Committee, PosAddress, Queued
from vedette.model.radar import serving_terms
from vedette.model.transaction import PosTransaction, TransactionKind, TransactionStatus
from vedette.server.ahead import Ahead, Held, block_interval_ms, candidate, coming, pace_of
from vedette.server.api.events import merged
from vedette.server.tip import Tip
from vedette.store.elections import TermElection
from vedette.store.epochs import EpochSpan
from vedette.store.votes import BlockVotes, RecentVotes

ALICE, BOB = PosAddress("0x" + "a" * 64), PosAddress("0x" + "b" * 64)
COMMITTEE = Committee(9, 67, 100, {ALICE: 100})


def tip(height: int, epoch: int = 9, count: int = 3, gap: int = 1) -> Tip:
    """The newest blocks, 30 s apart; between them heights may be missing."""
    heights = [height - gap * back for back in range(count)][::-1]
    blocks = [
        BlockVotes(each, "0x1", epoch, each, each * 30_000_000, None, {ALICE: 100}, COMMITTEE, 1)
        for each in heights
    ]
    return Tip(RecentVotes(heights[0], blocks), {}, {}, {})


def seen(**starts: int) -> dict[int, TermElection]:
    return {int(term[1:]): TermElection(int(term[1:]), None, Election(start, True, {}), 1)
            for term, start in starts.items()}  # fmt: skip


BEFORE = EpochSpan(8, 421, 480, 0, 0)


def test_the_epochs_end_is_told_by_the_coming_elections() -> None:
    pace = pace_of(tip(500), seen(t9=540, t10=600), None)
    assert pace is not None
    assert (pace.epoch, pace.height, pace.epoch_last_height, pace.term_blocks) == (9, 500, 540, 60)
    assert pace.block_interval_ms == 30_000


def test_or_by_a_finished_epoch() -> None:
    pace = pace_of(tip(500), {}, BEFORE)
    assert pace is not None
    assert (pace.epoch_last_height, pace.term_blocks) == (540, 60)
    first = pace_of(tip(70, epoch=2), {}, EpochSpan(1, 2, 60, 0, 0))
    assert first is not None
    assert (first.epoch_last_height, first.term_blocks) == (120, 60), "the first epoch lacks a block"


def test_one_election_alone_needs_a_finished_epoch_for_the_length() -> None:
    assert pace_of(tip(500), seen(t9=540), None) is None
    pace = pace_of(tip(500), seen(t9=540), BEFORE)
    assert pace is not None
    assert pace.epoch_last_height == 540
    later = pace_of(tip(500), seen(t10=600), BEFORE)
    assert later is not None
    assert later.epoch_last_height == 540


def test_on_a_young_chain_the_first_election_is_far_ahead() -> None:
    pace = pace_of(tip(50, epoch=3), seen(t6=120, t7=140), None)
    assert pace is not None
    assert (pace.epoch_last_height, pace.term_blocks) == (60, 20)


@pytest.mark.parametrize(
    ("elections", "before"),
    [({}, None), (seen(t9=480, t10=540), None), (seen(t9=9_000, t10=9_060), None)],
    ids=["nothing is known", "seen an epoch ago", "of another chain"],
)
def test_what_does_not_fit_the_newest_block_is_not_believed(
    elections: Mapping[int, TermElection], before: EpochSpan | None
) -> None:
    assert pace_of(tip(500), elections, before) is None


def test_an_election_that_does_not_fit_gives_way_to_a_finished_epoch() -> None:
    pace = pace_of(tip(500), seen(t9=480, t10=540), BEFORE)
    assert pace is not None
    assert pace.epoch_last_height == 540


def test_only_elections_that_were_seen_are_coming() -> None:
    unseen = {9: TermElection(9, frozenset(), None, None)}
    assert coming(unseen | seen(t10=600, t11=660), 9) == [(10, Election(600, True, {}))]


def test_the_interval_is_a_blocks_share_of_the_time() -> None:
    assert block_interval_ms(tip(500, count=1)) is None
    assert block_interval_ms(tip(500, gap=7)) == 30_000


# --- stake as epochs began


def snapshot(height: int, locked: int, queued: int = 0) -> Account:
    queue = (Queued(height + 900, queued),) if queued else ()
    return Account(ALICE, height, locked + queued, locked, queue, (), 0, 0, None)


def test_a_stake_counts_once_it_was_as_large_an_epoch_before() -> None:
    """It may have been seen long after the epoch's end, when it had grown again."""
    held = Held({4: {ALICE: 9}, 5: {ALICE: 7}, 6: {ALICE: 8}, 8: {}, 9: {ALICE: 5}}, {}, None)
    assert held.votes(ALICE, None) == {6: 7, 7: 7, 10: 0}


def test_what_is_locked_was_available_as_long_as_the_queue_lasts() -> None:
    held = Held({5: {ALICE: 9}, 6: {ALICE: 9}}, {5: 240, 6: 300, 7: 360, 8: 420, 9: 480}, 150)
    assert held.votes(ALICE, snapshot(450, 20, queued=5)) == {6: 20, 7: 20, 8: 20}
    assert held.votes(ALICE, snapshot(450, 4)) == {6: 4, 7: 9, 8: 4}
    assert Held({}, {7: 360}, None).votes(ALICE, snapshot(450, 20)) == {}, "of a chain with other queues"


SEATS = {20: 1, 24: 2}


@pytest.mark.parametrize(("locked", "leaving"), [(200, 1), (1, None), (0, None)])
def test_on_the_first_day_an_ordinary_account_knows_its_next_seat_change(
    locked: int, leaving: int | None
) -> None:
    """One look at the chain: the committees of a dozen epochs, the next election, and the stake of now."""
    sums = {epoch: sum(SEATS.get(term, 0) for term in serving_terms(epoch)) for epoch in range(14, 27)}
    committees = {
        epoch: Committee(epoch, 201, 300, {ALICE: held} if held else {}) for epoch, held in sums.items()
    }
    elections = (Election(26 * 120, True, {BOB: 50}), Election(27 * 120, False, {}))
    begins = {epoch: (epoch - 1) * 120 for epoch in range(14, 27)}
    coming = Ahead(
        Pace(26, 26 * 120 - 30, 26 * 120, 120, 30_000),
        CommitteeNow(committees[26], elections),
        committees,
        {26: elections[0].votes},
        Held({}, begins, 37_440),
        300_000,
    )
    account = snapshot(26 * 120 - 30, locked)
    change = coming.radar(ALICE, account).next_change
    assert (change and (change.epoch, change.leaving, change.coming)) == (leaving and (27, leaving, 0))
    assert coming.is_member(ALICE, account) == ({26: True, 27: True} if leaving else {26: True})


# --- candidates


@pytest.mark.parametrize(
    ("stood", "told"),
    [
        ({9: None, 10: True, 11: None}, True),
        ({9: False, 10: False, 11: False}, False),
        ({9: None, 10: False, 11: False}, None),
        ({9: False, 10: False, 11: None}, None),
        ({9: False, 10: None, 11: False}, None),
    ],
    ids=["it did", "it did not", "older ones are being read", "newer ones were missed", "none was read"],
)
def test_nobody_is_no_candidate_before_all_was_read(stood: dict[int, bool | None], told: bool | None) -> None:
    assert candidate(10, stood) is told


def test_before_the_first_election_there_is_none_to_wait_for() -> None:
    assert candidate(6, {5: None, 6: False, 7: False}) is False


# --- events


def account(height: int, *, locked: int = 0, incoming: int = 0, out: int = 0, end: int = 900) -> Account:
    queue = (Queued(end, incoming),) if incoming else ()
    leaving = (Queued(end, out),) if out else ()
    return Account(ALICE, height, locked + incoming, locked, queue, leaving, 0, 0, None)


def transaction(
    number: int, kind: TransactionKind, height: int, votes: int, **other: object
) -> PosTransaction:
    status = other.get("status", TransactionStatus.EXECUTED)
    assert isinstance(status, TransactionStatus)
    return PosTransaction(
        number, "0x1", kind, status, ALICE, height, height * 1_000_000, ALICE, None, votes, None
    )


def told(
    history: list[tuple[int, Account]], *chain: PosTransaction
) -> list[tuple[str, int | None, int | None]]:
    newest_first = sorted(chain, key=lambda one: -one.number)
    return [(one.kind, one.votes, one.until_height) for one in merged(history, newest_first)]


BOTH = [(1_000, account(10, locked=100)), (9_000, account(20, locked=70, out=30))]
RETIRE = TransactionKind.RETIRE


def test_a_transaction_and_what_it_brought_are_one_event() -> None:
    assert told(BOTH, transaction(1, RETIRE, 15, 30)) == [("Retire", 30, 900)]


@pytest.mark.parametrize(
    "other",
    [
        transaction(1, RETIRE, 15, 29),
        transaction(1, RETIRE, 10, 30),
        transaction(1, RETIRE, 21, 30),
        transaction(1, RETIRE, 15, 30, status=TransactionStatus.FAILED),
        transaction(1, TransactionKind.UPDATE_VOTING_POWER, 15, 30),
    ],
    ids=["other votes", "before", "after", "failed", "another kind"],
)
def test_one_that_cannot_have_brought_it_stays_apart(other: PosTransaction) -> None:
    found = told(BOTH, other)
    assert ("unlocking", 30, 900) in found
    assert (other.kind.value, other.votes, None) in found
    assert len(found) == 2


def test_of_two_alike_each_brings_its_own() -> None:
    history = [*BOTH, (15_000, account(30, locked=40, out=60))]
    first, second = transaction(1, RETIRE, 15, 30), transaction(2, RETIRE, 25, 30)
    assert told(history, first, second) == [("Retire", 30, 900), ("Retire", 30, 900)]
    assert told(history, first) == [("Retire", 30, 900), ("unlocking", 30, 900)][::-1]


def test_a_snapshot_of_a_node_that_lags_tells_nothing() -> None:
    lagging = [BOTH[0], BOTH[1], (9_500, BOTH[0][1]), (9_900, BOTH[1][1])]
    assert told(lagging) == [("unlocking", 30, 900)]


def test_what_was_held_at_first_is_no_event() -> None:
    assert told([(1, account(5, locked=7))]) == []
    registered = [(1, account(5)), (2_000, account(6, incoming=5))]
    assert told(registered) == [("registered", 5, 900)]
