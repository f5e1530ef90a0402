"""Rules on votes, stakes, and nodes that stand still, lag or hang: what no view may make them say."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.alerts.rules import dispute_locked, double_voting, force_retired, lagging, pos_stuck, voting_off
from vedette.alerts.rules.absent_votes import AbsentVotesLimit, absent_votes
from vedette.alerts.rules.recovery import is_recovering, left_ms
from vedette.alerts.rules.rule import AnyRule, always
from vedette.model.forecast import Retirement, RetirementState
from vedette.model.incident import Finding, Severity
from vedette.model.layers import Condition, Layer, Verdict
from vedette.model.pos import Account, PosAddress
from vedette.model.view import (
    EpochView,
    NetworkView,
    NodeView,
    ProcessState,
    SettledBlock,
    ValidatorView,
    View,
)

NOW = 1_800_000_000_000
MINUTE = 60_000
alice = PosAddress("0x" + "a1" * 32)
TERM = 120
INTERVAL = 31_000
CALM = Account(alice, 1000, 50, 50, (), (), 0, 0, None)


def chain(left_blocks: int) -> NetworkView:
    """So many blocks before the end of epoch 7."""
    return NetworkView(
        epoch=7,
        height=840 - left_blocks,
        epoch_last_height=840,
        term_blocks=TERM,
        block_interval_ms=INTERVAL,
        pow_epoch=100_000,
    )


def retirement(epoch: int, left: int | None = 10**8) -> Retirement:
    height = 840 + (epoch - 7) * TERM
    return Retirement(RetirementState.SILENT, epoch, height, height - 1, left, is_certain=True)


def silent_epoch(epoch: int, known_blocks: int = TERM) -> EpochView:
    return EpochView(epoch, 50, 0, known_blocks, NOW - MINUTE)


def view_of(
    strip: str, left_blocks: int = 60, nodes: tuple[NodeView, ...] = (), epoch: int = 7, **changes: Any
) -> View:
    """Alice's strip, all of it in one epoch."""
    validator = replace(ValidatorView(alice, 1, strip, 50), **changes)
    blocks = tuple(SettledBlock(700 + i, epoch, 300, 250) for i in range(len(strip)))
    return View(NOW, blocks, {alice: validator}, {n.id: n for n in nodes}, chain(left_blocks))


def node(node_id: str = "n1", **changes: Any) -> NodeView:
    up = NodeView(
        id=node_id,
        team_id=1,
        name=f"node-{node_id}",
        pos_address=alice,
        process=ProcessState.RUNNING,
        died_at_ms=None,
        planned_stop_until_ms=None,
        heard_at_ms=NOW - 1000,
        due_at_ms=NOW + 14_000,
    )
    return replace(up, **changes)


def starting(reached: int, per_second: float | None, since_ms: int = 0) -> NodeView:
    numbers = {"sync.recovered_height": float(reached)}
    return node(
        sync_phase="CatchUpRecoverBlockHeaderFromDbPhase",
        running_since_ms=NOW - since_ms,
        states={"sync.source": "log"},
        numbers=numbers if per_second is None else numbers | {"sync.recovered_per_second": per_second},
    )


def found(rule: AnyRule, view: View) -> list[Finding]:
    return list(rule.judge(view, always(rule.limit())))


def severities(view: View, limit: AbsentVotesLimit | None = None) -> list[Severity]:
    return [one.severity for one in absent_votes(view, always(limit or AbsentVotesLimit()))]


W, C = Severity.WARNING, Severity.CRITICAL
EARNED, UNEARNED = "s" + "a" * 29, "a" * 30


@pytest.mark.parametrize(
    "view, severity",
    [
        (view_of(EARNED, left_blocks=60), W),  # this epoch is earned, the next ends in an hour and a half
        (view_of(EARNED, left_blocks=1), C),  # ... and now in 64 minutes
        (view_of(UNEARNED, left_blocks=60), C),  # this one is lost in half an hour
        (view_of(UNEARNED, left_blocks=60, service_ends_height=839), W),  # its service ends before
        (view_of(UNEARNED, left_blocks=60, service_ends_height=840), C),
        (view_of(EARNED, left_blocks=1, service_ends_height=840), W),
        (view_of("s" + "a" * 12, left_blocks=120, epochs=(silent_epoch(6),), retirement=retirement(8)), C),
        (view_of(EARNED, 60, epochs=(silent_epoch(6, 30),), retirement=retirement(8)), W),  # mostly unseen
        (
            view_of(EARNED, 60, epochs=(silent_epoch(6),), retirement=retirement(8), service_ends_height=960),
            C,
        ),
        (
            view_of(EARNED, 60, epochs=(silent_epoch(6),), retirement=retirement(9), service_ends_height=960),
            W,
        ),
        (view_of(UNEARNED, 10, nodes=(starting(99_000, 10),)), W),  # back in two minutes
        (view_of(UNEARNED, 10, nodes=(starting(90_000, 10),)), C),  # back in a quarter of an hour
        (view_of(UNEARNED, 120, nodes=(starting(0, None, 20 * MINUTE),)), W),  # as long as usual
        (view_of(UNEARNED, 40, nodes=(starting(0, None, 20 * MINUTE),)), C),
        (view_of(UNEARNED, 120, nodes=(starting(90_000, 0),)), C),  # its log stands still
    ],
)
def test_somebody_is_woken_while_it_can_still_be_saved_and_only_then(view: View, severity: Severity) -> None:
    assert severities(view) == [severity]


def test_ten_blocks_wake_somebody_for_a_newly_elected_one_only() -> None:
    quick = AbsentVotesLimit(restart_ms=MINUTE, margin_ms=MINUTE)
    new = view_of("-" * 5 + "a" * 10, left_blocks=100, newly_elected=True)
    assert severities(new, quick) == [C]
    old = view_of("-" * 5 + "a" * 30, left_blocks=100, newly_elected=False)
    assert severities(old, quick) == [W]


def test_a_threat_says_when_the_epoch_is_lost_and_when_it_is_retired() -> None:
    (one,) = absent_votes(
        view_of(UNEARNED, left_blocks=60, retirement=retirement(9, 3 * 60 * MINUTE)),
        always(AbsentVotesLimit()),
    )
    assert one.facts["deadline_ms"] == NOW + 3 * 60 * MINUTE
    assert NOW < one.facts["epoch_lost_ms"] <= NOW + 62 * INTERVAL  # type: ignore[operator]  # a number


@settings(deadline=None)
@given(
    st.integers(0, TERM),
    st.text(alphabet="?sa", min_size=30, max_size=60),
    st.integers(0, 2),
    st.one_of(st.none(), st.booleans()),
    st.one_of(st.none(), st.integers(700, 1200)),
)
def test_less_time_never_makes_it_quieter(
    left_blocks: int, strip: str, silent: int, newly: bool | None, ends: int | None
) -> None:
    epochs = tuple(silent_epoch(7 - i) for i in range(silent, 0, -1))
    same: dict[str, Any] = {"epochs": epochs, "newly_elected": newly, "service_ends_height": ends}
    now = severities(view_of(strip, left_blocks, **same))
    later = severities(view_of(strip, left_blocks // 2, **same))
    assert [one.rank for one in later] >= [one.rank for one in now]


# --- stakes -----------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_votes_that_can_be_elected_accuse_nobody_of_a_lost_stake(
    available: int, unlocked: int, forfeited: int
) -> None:
    account = replace(CALM, available_votes=available, unlocked_votes=unlocked, forfeited_votes=forfeited)
    view = view_of("s", account=account, force_retired_at_ms=NOW - 1)
    assert found(force_retired.rule, view) == []
    assert found(dispute_locked.rule, view) == []


def test_a_lost_stake_is_told_again_each_day() -> None:
    assert {one.rule.remind_ms for one in (force_retired, dispute_locked)} == {24 * 60 * MINUTE}


# --- nodes ------------------------------------------------------------------------------------------------

VOTES, SAYS_NO = {"node.voting": "true"}, {"node.voting": "false"}


@pytest.mark.parametrize(
    "nodes, accused",
    [
        ((node(states=VOTES), node("n2", states=VOTES)), True),
        ((node(states=VOTES), node("n2", states=SAYS_NO)), False),
        ((node(states=VOTES), node("n2", states=VOTES, due_at_ms=NOW)), False),  # old words
        ((node(states=VOTES), node("n2", states=VOTES, process=ProcessState.GONE)), False),
        ((node(states=VOTES), node("n2", states=VOTES, numbers={"probe.voting.age_seconds": 21})), False),
        ((node(states=VOTES), node("n2", states=VOTES, pos_address=PosAddress("0xother"))), False),
    ],
)
def test_two_copies_that_vote_now_are_two_voters(nodes: tuple[NodeView, ...], accused: bool) -> None:
    assert bool(found(double_voting.rule, view_of("s", nodes=nodes))) is accused


@pytest.mark.parametrize(
    "nodes, strip, votes, keys",
    [
        ((node(states=SAYS_NO),), "saa", 50, ["voting_off/n1"]),
        ((node(states=SAYS_NO),), "sa", 50, []),
        ((node(states=SAYS_NO),), "saa", 0, []),
        ((node(),), "saa", 50, []),  # it does not say
        ((node(states=SAYS_NO), node("n2", states=VOTES)), "saa", 50, []),
        ((node(states=SAYS_NO), node("n2", due_at_ms=NOW)), "saa", 50, []),
        ((node(states=SAYS_NO), node("n2", process=ProcessState.GONE)), "saa", 50, ["voting_off/n1"]),
        ((node(states=SAYS_NO, role="backup"), node("n2", states=SAYS_NO)), "saa", 50, ["voting_off/n2"]),
        ((node(states=SAYS_NO, planned_stop_until_ms=NOW + 1),), "saa", 50, []),
        ((node(states=SAYS_NO, layers={Layer.POS: Verdict(Condition.ZOMBIE, "pos_still")}),), "saa", 50, []),
        ((node(states=SAYS_NO, sync_phase="CatchUpSyncBlockPhase"),), "saa", 50, []),
    ],
)
def test_voting_is_off_only_where_a_node_waits_and_nobody_may_vote(
    nodes: tuple[NodeView, ...], strip: str, votes: int, keys: list[str]
) -> None:
    view = view_of(strip, nodes=nodes, votes=votes)
    assert [one.key for one in found(voting_off.rule, view)] == keys


STATES = st.sampled_from(Condition)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(Layer), STATES), st.booleans())
def test_only_a_standstill_that_is_its_own_is_called_one(
    layers: dict[Layer, Condition], starts: bool
) -> None:
    phase: dict[str, Any] = {"sync_phase": "CatchUpSyncBlockPhase", "numbers": {"pow.epochs_per_second": 3.0}}
    verdicts = {layer: Verdict(state, "why", seconds=700) for layer, state in layers.items()}
    one = node(layers=verdicts, **(phase if starts else {}))
    is_stuck = not starts and layers.get(Layer.POS) is Condition.ZOMBIE
    assert bool(found(pos_stuck.rule, view_of("s", nodes=(one,)))) is is_stuck


@pytest.mark.parametrize(
    "lag, role, votes, severity",
    [
        (100, "full", 0, W),
        (600, "full", 0, W),
        (601, "full", 0, C),
        (601, "backup", 0, W),
        (601, "backup", 50, C),
    ],
)
def test_far_behind_wakes_somebody_if_it_cannot_wait(
    lag: int, role: str, votes: int, severity: Severity
) -> None:
    behind = {Layer.POW: Verdict(Condition.LAGGING, "pow_behind", {"lag": lag})}
    view = view_of("s", nodes=(node(role=role, layers=behind),), votes=votes)
    assert [one.severity for one in found(lagging.rule, view)] == [severity]


def test_a_start_is_believed_while_its_log_advances_or_for_as_long_as_one_usually_takes() -> None:
    assert is_recovering(starting(10, 1.0, 10**9), NOW)
    assert not is_recovering(starting(10, 0.0), NOW)
    assert is_recovering(starting(10, None, 49 * MINUTE), NOW)
    assert not is_recovering(starting(10, None, 50 * MINUTE), NOW)
    assert not is_recovering(node(sync_phase="NormalSyncPhase", running_since_ms=NOW), NOW)
    assert left_ms(view_of("s"), starting(99_000, 10.0)) == 100_000
    assert left_ms(view_of("s"), starting(0, None, 20 * MINUTE)) == 30 * MINUTE
