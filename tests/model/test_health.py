"""Health: named situations with mainnet's seconds, and what no missing figure may do."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.model.health import (
    ORDER,
    Crowd,
    Duty,
    Evidence,
    References,
    Thresholds,
    health,
    stood_on,
    worst,
)
from vedette.model.layers import Condition, Layer
from vedette.model.view import NodeState

PAGE = Path(__file__).parents[2] / "ui" / "src"
MAINNET = Thresholds()
WELL = Evidence(
    state=NodeState.UP,
    numbers={
        "pow.latest_epoch": 150_000_000,
        "pow.execution_lag_epochs": 5,
        "pow.still_seconds": 1,
        "pow.epochs_per_second": 0.84,
        "pow.risen_epochs": 101,
        "pos.committed_height": 3_700_000,
        "pos.still_seconds": 20,
        "guard.age_seconds": 12,
    },
    states={
        "process.state": "running",
        "node.sync_phase": "NormalSyncPhase",
        "node.voting": "true",
        "guard.file": "present",
    },
    references=References(150_000_003, 3_700_001, 0.84, 101),
    duty=Duty(3, "s" * 100),
)


def but(seen: Evidence = WELL, *, states: Mapping[str, str] | None = None, **numbers: float) -> Evidence:
    """The same node, with other figures: `pos_still_seconds` is `pos.still_seconds`."""
    told = {name.replace("_", ".", 1): value for name, value in numbers.items()}
    return replace(seen, numbers={**seen.numbers, **told}, states={**seen.states, **(states or {})})


def ahead(pow_epochs: float = 0, pos_blocks: float = 0, seen: Evidence = WELL) -> Evidence:
    others = References(150_000_000 + pow_epochs, 3_700_000 + pos_blocks, 0.84, 101)
    return replace(seen, references=others)


def mute(**states: str) -> Evidence:
    return replace(but(states=states), duty=Duty(3, "s" * 90 + "a" * 10))


def without_risen(seen: Evidence) -> Evidence:
    return replace(seen, numbers={n: value for n, value in seen.numbers.items() if n != "pow.risen_epochs"})


def with_other_key(seen: Evidence) -> Evidence:
    return replace(seen, numbers={**seen.numbers, "node.pos_address_differs": 1})


BEHIND_101, BEHIND_700 = ahead(pow_epochs=101), ahead(pow_epochs=700)
ENDPOINTS_ALONE = replace(WELL, references=References(150_000_101))
OTHER_KEY_NO_MEMBER = with_other_key(replace(WELL, duty=Duty(0)))
CATCHING_UP = but(
    ahead(pow_epochs=100_000),
    states={"node.sync_phase": "CatchUpSyncBlockPhase"},
    pow_epochs_per_second=20.84,
    pos_still_seconds=9_000,
)
RPC_DEAD = but(states={"probe.pow.error": "refused", "probe.pos.error": "refused"})
HANGS = but(
    states={
        f"probe.{name}.error": "did not answer within 4 s" for name in ("pow", "pos", "sync_phase", "voting")
    }
)
FROM_LOG = {"sync.source": "log", "sync.log_phase": "CatchUpRecoverBlockHeaderFromDbPhase"}
BAD_STATE = replace(WELL, numbers={**WELL.numbers, "log.invalid_state.hour_count": 2})
GONE = but(states={"process.state": "gone"})
NO_REFERENCE = replace(WELL, references=References())

SITUATIONS = {
    "well": (WELL, Layer.POS, "healthy", "pos_near"),
    "an epoch's end": (but(pos_still_seconds=100), Layer.POS, "healthy", "pos_near"),
    "a long epoch's end": (but(pos_still_seconds=180), Layer.POS, "healthy", "pos_near"),
    "zombie PoS": (but(ahead(pos_blocks=6), pos_still_seconds=181), Layer.POS, "zombie", "pos_still"),
    "only PoS is one": (but(ahead(pos_blocks=6), pos_still_seconds=181), Layer.POW, "healthy", "pow_near"),
    "zombie PoW": (but(ahead(pow_epochs=101), pow_still_seconds=121), Layer.POW, "zombie", "pow_still"),
    "PoW not yet": (but(ahead(pow_epochs=90), pow_still_seconds=120), Layer.POW, "healthy", "pow_near"),
    "all PoS stands": (but(pos_still_seconds=700), Layer.POS, "stalled", "network_still"),
    "all PoW stands": (but(pow_still_seconds=700), Layer.POW, "stalled", "network_still"),
    "stands, others unheard": (but(NO_REFERENCE, pos_still_seconds=700), Layer.POS, "stalled", "pos_still"),
    "others unheard": (NO_REFERENCE, Layer.POS, "unknown", "no_reference"),
    "4 behind": (ahead(pos_blocks=4), Layer.POS, "healthy", "pos_near"),
    "5 behind": (ahead(pos_blocks=5), Layer.POS, "lagging", "pos_behind"),
    "21 behind": (ahead(pos_blocks=21), Layer.POS, "lagging", "pos_far_behind"),
    "101 epochs": (ahead(pow_epochs=101), Layer.POW, "lagging", "pow_behind"),
    "101, just now": (but(BEHIND_101, pow_risen_epochs=100), Layer.POW, "healthy", "pow_behind_briefly"),
    "700, 101 for long": (but(BEHIND_700, pow_risen_epochs=-498), Layer.POW, "lagging", "pow_behind"),
    "700, catching up": (but(BEHIND_700, pow_risen_epochs=300), Layer.POW, "lagging", "pow_far_behind"),
    "101, agent new": (without_risen(BEHIND_101), Layer.POW, "unknown", "pow_lag_new"),
    "101, endpoints alone": (ENDPOINTS_ALONE, Layer.POW, "lagging", "pow_behind"),
    "601 epochs": (ahead(pow_epochs=601), Layer.POW, "lagging", "pow_far_behind"),
    "slow disk": (but(pow_execution_lag_epochs=51), Layer.EXECUTION, "lagging", "execution_behind"),
    "dead disk": (but(pow_execution_lag_epochs=501), Layer.EXECUTION, "lagging", "execution_far_behind"),
    "bad state": (BAD_STATE, Layer.EXECUTION, "forked", "invalid_state"),
    "other pivot": (replace(WELL, pivot_agrees=False), Layer.POW, "forked", "pivot_differs"),
    "catching up": (CATCHING_UP, Layer.POW, "syncing", "sync_phase"),
    "catching up, PoS": (CATCHING_UP, Layer.POS, "syncing", "sync_phase"),
    "RPC dead": (RPC_DEAD, Layer.POS, "unknown", "rpc_silent"),
    "RPC dead, PoW": (RPC_DEAD, Layer.POW, "unknown", "rpc_silent"),
    "hangs": (HANGS, Layer.POW, "unknown", "rpc_silent"),
    "hangs, PoS": (HANGS, Layer.POS, "unknown", "rpc_silent"),
    "hangs, unsigned": (replace(HANGS, duty=mute().duty), Layer.VALIDATOR, "stalled", "not_signing"),
    "phase refused": (but(states={"probe.sync_phase.error": "no"}), Layer.POW, "unknown", "phase_unknown"),
    "RPC dead, log": (but(RPC_DEAD, states=FROM_LOG), Layer.POW, "syncing", "sync_phase"),
    "silent": (replace(WELL, state=NodeState.SILENT), Layer.POW, "unknown", "agent_silent"),
    "gone": (replace(GONE, state=NodeState.DOWN), Layer.POS, "down", "process_gone"),
    "planned": (replace(GONE, state=NodeState.STOPPED), Layer.POS, "down", "planned_stop"),
    "signing": (WELL, Layer.VALIDATOR, "healthy", "signing"),
    "nine unsigned": (replace(WELL, duty=Duty(3, "s" + "a" * 9)), Layer.VALIDATOR, "healthy", "signing"),
    "newly elected": (replace(WELL, duty=Duty(3, "---aaa")), Layer.VALIDATOR, "unknown", "no_signature_yet"),
    "unseen": (replace(WELL, duty=Duty(3, "?" * 100)), Layer.VALIDATOR, "unknown", "no_signature_yet"),
    "E1b, no guard": (mute(**{"guard.file": "absent"}), Layer.VALIDATOR, "zombie", "voting_without_guard"),
    "E1b, old guard": (but(mute(), guard_age_seconds=301), Layer.VALIDATOR, "zombie", "voting_not_signing"),
    "not heard": (mute(), Layer.VALIDATOR, "stalled", "votes_not_arriving"),
    "voting off": (mute(**{"node.voting": "false"}), Layer.VALIDATOR, "stalled", "voting_off"),
    "other key": (with_other_key(WELL), Layer.VALIDATOR, "stalled", "other_address"),
    "other key, no member": (OTHER_KEY_NO_MEMBER, Layer.VALIDATOR, "stalled", "other_address"),
    "no member": (replace(WELL, duty=Duty(0, "a" * 100)), Layer.VALIDATOR, "healthy", "not_member"),
    "who knows": (replace(WELL, duty=Duty()), Layer.VALIDATOR, "unknown", "membership_unknown"),
}  # fmt: skip


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_situation(name: str) -> None:
    seen, layer, state, reason = SITUATIONS[name]
    verdict = health(seen, MAINNET)[layer]
    assert (verdict.state.value, verdict.reason) == (state, reason)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_has_words_for_every_reason(language: str) -> None:
    words = (PAGE / "i18n" / f"nodes.{language}.ts").read_text()
    assert [reason for *_, reason in SITUATIONS.values() if f"      {reason}: (" not in words] == []


def test_catching_up_tells_how_far_and_how_long() -> None:
    figures = health(CATCHING_UP, MAINNET)[Layer.POW].figures
    assert figures["eta_seconds"] == 5_000
    assert figures["progress_ratio"] == pytest.approx(150_000_000 / 150_100_000)
    slower = health(but(CATCHING_UP, pow_epochs_per_second=0.5), MAINNET)[Layer.POW].figures
    assert "eta_seconds" not in slower


def test_an_old_answer_proves_nothing() -> None:
    old = replace(WELL, numbers={**WELL.numbers, "probe.pos.age_seconds": 31})
    assert health(old, MAINNET)[Layer.POS].reason == "rpc_silent"


def test_a_fake_clock_over_a_zombies_first_minutes() -> None:
    """PoS stops here at second 0; the network makes a block each 31 s."""
    states = [
        health(but(ahead(pos_blocks=second // 31), pos_still_seconds=second), MAINNET)[Layer.POS].state
        for second in range(0, 600, 5)
    ]
    assert states.index(Condition.LAGGING) * 5 == 155
    assert states.index(Condition.ZOMBIE) * 5 == 185
    assert set(states[37:]) == {Condition.ZOMBIE}


def test_a_fake_clock_over_a_lag_that_begins_and_one_that_passes() -> None:
    """It falls 150 epochs behind at second 0: at first, what it rose in two minutes is that much less."""

    def state(second: int, behind: int) -> Condition:
        rose = 101 - behind if second < 120 else 101
        return health(but(ahead(pow_epochs=behind), pow_risen_epochs=rose), MAINNET)[Layer.POW].state

    lasting = [state(second, behind=150) for second in range(0, 300, 5)]
    assert lasting.index(Condition.LAGGING) * 5 == 120
    assert set(lasting[:24]) == {Condition.HEALTHY}
    passing = [state(second, behind=150 if second < 100 else 0) for second in range(0, 300, 5)]
    assert set(passing) == {Condition.HEALTHY}


def test_seconds_shrink_with_a_fast_chain_and_never_grow() -> None:
    assert Thresholds.of_pace(1.0).pos_still_s == 15
    assert Thresholds.of_pace(1.0).pos_lag_blocks == 11, "six of them are made while an answer is on its way"
    assert Thresholds.of_pace(15.5).pos_still_s == 90
    assert Thresholds.of_pace(90.0) == Thresholds.of_pace(None) == MAINNET


def test_the_whole_is_the_worst_layer_and_a_mistaken_height_is_left_out() -> None:
    assert worst(health(WELL, MAINNET)) is Condition.HEALTHY
    assert worst(health(mute(), MAINNET)) is Condition.STALLED
    assert Crowd([10, 12, 5_000]).middle(1_000) == 12
    assert Crowd([]).middle(1_000) is None


@given(st.lists(st.integers(0, 3_000), min_size=1, max_size=12), st.data())
def test_a_crowd_tells_each_what_the_rest_would(values: list[int], data: st.DataObject) -> None:
    own = data.draw(st.sampled_from(values))
    rest = [*values]
    rest.remove(own)
    limit = median(rest) + 500 if rest else 0
    assert Crowd(values).median(own) == (median(rest) if rest else None)
    assert Crowd(values).middle(500, own) == max((one for one in rest if one <= limit), default=None)
    assert Crowd(values).middle(500) == max(one for one in values if one <= median(values) + 500)


def without(seen: Evidence, name: str) -> Evidence:
    match name:
        case "references":
            return replace(seen, references=References())
        case "duty":
            return replace(seen, duty=Duty())
    numbers = {key: value for key, value in seen.numbers.items() if key != name}
    return replace(seen, numbers=numbers, states={k: v for k, v in seen.states.items() if k != name})


evidence = st.builds(
    lambda lags, stills, execution, phase, voting, strip, age: but(
        replace(ahead(*lags), duty=Duty(3, strip)),
        states={"node.sync_phase": phase, "node.voting": voting},
        pow_still_seconds=stills[0],
        pos_still_seconds=stills[1],
        pow_execution_lag_epochs=execution,
        guard_age_seconds=age,
    ),
    st.tuples(st.integers(0, 1_000), st.integers(0, 40)),
    st.tuples(st.integers(0, 900), st.integers(0, 900)),
    st.integers(0, 900),
    st.sampled_from(["NormalSyncPhase", "CatchUpSyncBlockPhase"]),
    st.sampled_from(["true", "false"]),
    st.text("sla?-", max_size=30),
    st.integers(0, 900),
)
INPUTS = [*WELL.numbers, *sorted(WELL.states), "references", "duty"]


@given(evidence, st.sampled_from(INPUTS))
def test_what_is_missing_neither_acquits_nor_accuses(seen: Evidence, missing: str) -> None:
    before, after = health(seen, MAINNET), health(without(seen, missing), MAINNET)
    for layer in Layer:
        was, now = before[layer].state, after[layer].state
        milder = now is not Condition.HEALTHY and ORDER.index(now) > ORDER.index(was)
        assert now in {was, Condition.UNKNOWN} or milder


@given(evidence, st.integers(1, 1_000), st.integers(1, 1_000))
def test_more_lag_is_never_better(seen: Evidence, epochs: int, blocks: int) -> None:
    others = seen.references
    assert others.pow_epoch is not None
    assert others.pos_height is not None
    further = replace(others, pow_epoch=others.pow_epoch + epochs, pos_height=others.pos_height + blocks)
    behind = but(
        replace(seen, references=further),
        pow_execution_lag_epochs=seen.numbers["pow.execution_lag_epochs"] + epochs,
    )
    before, after = health(seen, MAINNET), health(behind, MAINNET)
    assert all(ORDER.index(after[one].state) <= ORDER.index(before[one].state) for one in Layer)


VITAL = {"probe.vitals.age_seconds": 0.6, "pos.still_seconds": 178.0, "pow.still_seconds": 0.4}


def test_a_chain_that_stood_when_its_agent_spoke_stands_on_until_it_says_otherwise() -> None:
    assert stood_on(VITAL, 4.0) == {**VITAL, "pos.still_seconds": 182.0}
    assert stood_on(VITAL, 600.0)["pos.still_seconds"] == 184.0  # one round of it, no longer
    assert stood_on(VITAL, -3.0) == VITAL  # our clock was set back


def test_of_an_agent_that_does_not_look_each_second_only_what_it_said_is_known() -> None:
    rounds_alone = {name: value for name, value in VITAL.items() if not name.startswith("probe.")}
    assert stood_on(rounds_alone, 4.0) == rounds_alone
    assert stood_on({**VITAL, "probe.vitals.age_seconds": 4.0}, 4.0)["pos.still_seconds"] == 178.0
    assert stood_on({"probe.vitals.age_seconds": 0.2}, 4.0) == {"probe.vitals.age_seconds": 0.2}
