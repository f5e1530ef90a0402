import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.model.pos import PosBlock, PosStatus
from vedette.model.spans import Span, Spans, added, spans
from vedette.server import follow_plan as plan
from vedette.server.follow_plan import BatchSize, Identity


@pytest.mark.parametrize("committed, settled", [(100, 97), (3, 0), (0, 0)])
def test_the_newest_settled_block_is_three_below_the_committed(committed: int, settled: int) -> None:
    assert plan.settled_height(PosStatus(1, committed, None, None)) == settled


def read_so_far(*pairs: tuple[int, int]) -> Spans:
    return spans(pairs)


@pytest.mark.parametrize(
    "read, target, newest, past",
    [
        ((), 0, None, None),
        (read_so_far((2, 10)), 10, None, None),
        (read_so_far((2, 10)), 9, None, None),  # a node that is catching up
        (read_so_far((2, 10)), 11, Span(11, 11), Span(11, 11)),
        ((), 5000, Span(4881, 5000), Span(2, 5000)),
        (read_so_far((4881, 5000)), 5000, None, Span(2, 4880)),
        (read_so_far((2, 900), (4881, 5000)), 5002, Span(5001, 5002), Span(5001, 5002)),
        (
            read_so_far((2, 900), (4881, 5000)),
            6000,
            Span(5881, 6000),
            Span(5001, 6000),
        ),  # it was away for long
        (read_so_far((2, 50), (60, 70), (80, 300)), 300, None, Span(71, 79)),  # the newest gap first
    ],
)
def test_the_newest_blocks_come_before_the_past(
    read: Spans, target: int, newest: Span | None, past: Span | None
) -> None:
    assert plan.newest_span(read, target) == newest
    assert plan.past_span(read, target) == past


@settings(deadline=None)
@given(st.lists(st.integers(0, 400), min_size=1, max_size=40), st.integers(1, 100))
def test_every_settled_height_is_read_whatever_the_chain_does(steps: list[int], size: int) -> None:
    read: Spans = ()
    target, seen = 0, set[int]()
    enough = sum(steps) // 3 + 100  # turns that read three pieces of one block each
    for step in [*steps, *[0] * enough]:
        target += step
        for choose, cut in ((plan.newest_span, plan.pieces), (plan.past_span, plan.pieces_down)):
            span = choose(read, target)
            for piece in list(cut(span, size))[:3] if span else ():
                seen.update(range(piece.first, piece.last + 1))
                read = added(read, piece)
    assert plan.unread_blocks(read, target) == 0
    assert seen == set(range(2, target + 1))


def block(height: int, epoch: int = 1) -> PosBlock:
    return PosBlock(height, f"0x{height:064x}", epoch, height, height * 1_000_000, None, None, 0, {})


def test_the_genesis_is_read_and_not_kept() -> None:
    assert plan.readable([block(1, epoch=0), block(2)], Span(1, 2), 2) == ([block(2)], 2)


def test_a_block_missing_near_the_end_is_waited_for() -> None:
    assert plan.readable([block(5), None, block(7)], Span(5, 7), 100) == ([block(5)], 5)


def test_a_block_missing_deep_below_was_forgotten_by_its_node() -> None:
    assert plan.readable([None, None, block(7)], Span(5, 7), 1000) == ([block(7)], 7)


def test_an_answer_that_broke_off_counts_as_far_as_it_went() -> None:
    assert plan.readable([block(5)], Span(5, 7), 100) == ([block(5)], 5)


def test_a_failed_batch_is_halved_and_a_long_streak_doubles_it() -> None:
    size = BatchSize.for_rate(None)
    sizes = []
    for _ in range(8):
        size = size.after(answered=False)
        sizes.append(size.blocks)
    assert sizes == [50, 25, 12, 6, 3, 1, 1, 1]
    for _ in range(20):
        size = size.after(answered=True)
    assert size.blocks == 2
    for _ in range(20 * 10):
        size = size.after(answered=True)
    assert size.blocks == plan.BATCH_BLOCKS_MAX


@pytest.mark.parametrize(
    "read, target, recent",
    [
        ((), 500, False),
        ((Span(261, 500),), 500, True),
        ((Span(262, 500),), 500, False),
        ((Span(2, 300), Span(302, 500)), 500, False),
        ((Span(2, 50),), 50, True),  # a young chain has no more
        ((), 1, True),
    ],
)
def test_the_last_whole_epoch_is_among_the_recent_blocks(
    read: tuple[Span, ...], target: int, recent: bool
) -> None:
    assert plan.recent_is_read(read, target) is recent


@pytest.mark.parametrize("calls_per_s, blocks", [(None, 100), (50, 10), (5, 1), (0.2, 1), (1000, 100)])
def test_a_batch_is_a_small_part_of_its_endpoints_budget(calls_per_s: float | None, blocks: int) -> None:
    assert BatchSize.for_rate(calls_per_s).blocks == blocks


@pytest.mark.parametrize(
    "times, interval",
    [
        ({}, None),
        ({1: 0, 2: 1_000_000}, None),
        ({1: 0, 2: 1_000_000, 3: 2_000_000, 4: 30_000_000}, 1000),  # one late block changes nothing
        ({10: 0, 20: 10_000_000, 30: 20_000_000}, 1000),  # nor does a gap in what we know
        ({1: 5_000_000, 2: 1_000_000, 3: 2_000_000, 4: 3_000_000}, 1000),  # nor a proposer's wrong clock
    ],
)
def test_the_usual_interval_is_the_median(times: dict[int, int], interval: int | None) -> None:
    assert plan.block_interval_ms(times) == interval


@pytest.mark.parametrize(
    "interval, calls_per_s, poll",
    [
        (None, None, 500),
        (100, None, 500),
        (1_000, None, 500),
        (3_000, None, 1_500),
        (30_000, None, 5_000),
        (1_000, 5, 500),
        (1_000, 1, 2_000),
    ],
)
def test_polling_follows_the_chains_own_pace(
    interval: int | None, calls_per_s: float | None, poll: int
) -> None:
    assert plan.poll_ms(interval, calls_per_s) == poll


@pytest.mark.parametrize(
    "failures, jitter, wait",
    [(0, 0.5, 0), (1, 0.0, 750), (1, 1.0, 1000), (3, 1.0, 4000), (6, 1.0, 30_000), (10**6, 1.0, 30_000)],
)
def test_a_failing_endpoint_is_asked_less_and_less(failures: int, jitter: float, wait: int) -> None:
    assert plan.backoff_ms(failures, jitter) == wait


@pytest.mark.parametrize(
    "before, now, back", [(100, 101, False), (100, 98, False), (100, 96, True), (0, 0, False)]
)
def test_only_a_real_fall_is_a_step_back(before: int, now: int, back: bool) -> None:
    assert plan.went_back(before, now) is back


A, B, OTHER = Identity(1, "0xa"), Identity(1, "0xb"), Identity(2, "0xc")
FORGETFUL = Identity(1, None)


@pytest.mark.parametrize(
    "told, stored, ours",
    [
        ([], None, None),
        ([A, B], None, A),  # a tie: the order of the settings
        ([A, B, B], None, B),
        ([OTHER, A, A], None, A),
        ([B, B, A], "0xa", A),  # what the database holds outranks the many
        ([B, B], "0xa", None),
        ([FORGETFUL], "0xa", A),
        ([FORGETFUL, FORGETFUL, A], None, A),
        ([FORGETFUL], None, FORGETFUL),
    ],
)
def test_the_chain_to_follow_is_held_or_elected(
    told: list[Identity], stored: str | None, ours: Identity | None
) -> None:
    assert plan.elect(told, stored) == ours


@pytest.mark.parametrize(
    "told, why",
    [
        (A, None),
        (FORGETFUL, None),
        (B, "its block 2 is 0xb…, and ours is 0xa…"),
        (OTHER, "its chain id is 2, and ours is 1"),
    ],
)
def test_a_stranger_is_told_why(told: Identity, why: str | None) -> None:
    assert plan.stranger(A, told) == why


def test_only_heights_that_both_know_can_contradict() -> None:
    assert plan.contradiction({5: "0xa"}, {6: "0xb"}) is None
    assert (
        plan.contradiction({5: "0xa", 6: "0xb"}, {5: "0xa", 6: "0xc"})
        == "its block 6 is 0xc…, and ours is 0xb…"
    )
