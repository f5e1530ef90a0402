"""Whose account is asked about when: at each block within a fair share, and each minute whatever it costs."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stub_node import person
from vedette.model.pos import Account, PosAddress
from vedette.server.account_turns import SAVED_S, SHARE, Turns

MINUTE_MS = 60_000
LOOK_MS = 500
GATEWAY = 5.0


def many(count: int, first: int = 0) -> list[PosAddress]:
    return [person(first + number) for number in range(count)]


def held(who: PosAddress, height: int) -> Account:
    return Account(who, height, 1, 1, (), (), 0, 0, None)


def lived(
    count: int, round_ms: int, calls_per_s: float | None, minutes: int = 10
) -> dict[PosAddress, list[int]]:
    """When each of so many was asked about."""
    turns, watched = Turns(MINUTE_MS), many(count)
    asked: dict[PosAddress, list[int]] = {one: [] for one in watched}
    for now_ms in range(0, minutes * MINUTE_MS, LOOK_MS):
        new_block = now_ms % round_ms < LOOK_MS
        for one in turns.whose(watched, (), now_ms, new_block=new_block, calls_per_s=calls_per_s):
            asked[one].append(now_ms)
    return asked


def gaps_ms(times: list[int]) -> list[int]:
    return [later - sooner for sooner, later in pairwise(times)]


def test_a_few_are_asked_about_at_each_block_of_the_main_network_even_by_a_gateway() -> None:
    asked = lived(5, 31_000, GATEWAY)
    assert {gap for times in asked.values() for gap in gaps_ms(times)} <= {31_000}


@settings(max_examples=30)
@given(
    st.integers(1, 200), st.sampled_from([1_000, 10_000, 31_000]), st.sampled_from([5.0, 20.0, 100.0, None])
)
def test_everyone_is_asked_about_each_minute_and_the_rest_is_a_fair_share(
    count: int, round_ms: int, calls_per_s: float | None
) -> None:
    asked = lived(count, round_ms, calls_per_s, minutes=5)
    assert all(gap <= MINUTE_MS for times in asked.values() for gap in gaps_ms(times))
    calls = sum(len(times) for times in asked.values())
    share = 5 * 60 * (20.0 if calls_per_s is None else calls_per_s / SHARE)
    assert calls <= max(share, 5 * count) + share * SAVED_S / 300 + count, "what is due costs no more"


def test_those_take_turns_who_are_more_than_a_share() -> None:
    """Ninety at a gateway: thirty a block, and each of them once before anybody is asked again."""
    turns, watched = Turns(3_600_000), many(90)
    turns.whose(watched, (), 0, new_block=True, calls_per_s=GATEWAY)  # all of them, for the first time
    told = [turns.whose(watched, (), at * 31_000, new_block=True, calls_per_s=GATEWAY) for at in range(1, 4)]
    assert [len(one) for one in told] == [30, 30, 30]
    assert set().union(*told) == set(watched)


def test_between_blocks_nobody_is_asked_about_whose_minute_is_not_over() -> None:
    turns, watched = Turns(MINUTE_MS), many(3)
    turns.whose(watched, (), 0, new_block=True, calls_per_s=None)
    assert turns.whose(watched, (), 59_999, new_block=False, calls_per_s=None) == []
    assert turns.whose(watched, (), 60_000, new_block=False, calls_per_s=None) == watched


def test_who_is_named_is_asked_about_at_once_unless_a_later_snapshot_is_there() -> None:
    turns, (alice, bob) = Turns(MINUTE_MS), many(2)
    turns.told([held(alice, 100)])
    turns.name({alice: 99, bob: 99})
    assert turns.whose((), (), 0, new_block=False, calls_per_s=GATEWAY) == [bob]
    assert turns.whose((), (), 0, new_block=False, calls_per_s=GATEWAY) == []
    turns.name({alice: 101})
    assert turns.whose((), (), 0, new_block=False, calls_per_s=GATEWAY) == [alice]


def test_the_past_that_names_everybody_is_asked_about_within_the_share() -> None:
    turns, everybody = Turns(MINUTE_MS), many(300)
    turns.name({one: 1 + at for at, one in enumerate(everybody)})
    told = [turns.whose((), (), at * 1_000, new_block=False, calls_per_s=GATEWAY) for at in range(271)]
    assert [len(one) for one in told] == [30, *([1] * 270)]
    assert [one for each in told for one in each] == everybody[::-1], "the newest first"


def test_strangers_have_what_the_watched_leave() -> None:
    turns, watched, strangers = Turns(3_600_000), many(20), many(60, first=100)
    turns.asked([*watched, *strangers], 0)
    first = turns.whose(watched, strangers, 1_000, new_block=True, calls_per_s=GATEWAY)
    second = turns.whose(watched, strangers, 32_000, new_block=True, calls_per_s=GATEWAY)
    assert [set(first[:20]), len(first)] == [set(watched), 30]
    assert not set(first[20:]) & set(second[20:])
    assert turns.whose(watched, strangers, 3_700_000, new_block=False, calls_per_s=GATEWAY) == watched
