"""Probes, and rounds made of them."""

import json
import logging
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.agent.stand_ins import StubNode, serving
from vedette.agent.probes import disk, head, memory, peers, pivot, sync_phase, txpool, voting
from vedette.agent.probes.cpu import Cpu, Ticks, shares, ticks
from vedette.agent.probes.node import Node
from vedette.agent.probes.pos import Pos
from vedette.agent.probes.pow import Pow
from vedette.agent.probes.process import usage
from vedette.agent.probes.progress import Progress
from vedette.agent.probes.reading import Probe, Reading
from vedette.agent.rounds import Roll, Worker, gather, merged, observe, rounds, steady_ms, tell
from vedette.agent.troubles import Troubles
from vedette.conflux.local import LocalRpc
from vedette.conflux.wire import Garbled, Refused, Unreachable

TAPES = Path(__file__).parents[1] / "tapes"


def test_a_healthy_node_fills_every_series() -> None:
    stub = StubNode()
    with serving(stub.respond) as server:
        node = Node(LocalRpc(server.url))
        readings = [probe.read(node) for probe in (peers, voting, txpool)]
        readings += [sync_phase.read(node, lambda: None)]
        readings += [
            Pow(node, Progress(lambda: 0))(),
            Pos(node, Progress(lambda: 0))(),
            head.read(node, lambda: 0x6B02DCF9 + 7),
        ]
    numbers = {name: value for reading in readings for name, value in reading.numbers.items()}
    states = {name: value for reading in readings for name, value in reading.states.items()}
    assert numbers == {
        "pow.latest_epoch": 447,
        "pow.state_epoch": 443,
        "pow.confirmed_epoch": 360,
        "pow.finalized_epoch": 300,
        "pow.checkpoint_epoch": 0,
        "pow.block_number": 448,
        "pow.pending_tx_count": 0,
        "pow.execution_lag_epochs": 4,
        "pow.confirm_lag_epochs": 87,
        "pow.finality_gap_epochs": 147,
        "pow.retained_epochs": 447,
        "pow.head_age_seconds": 7,
        "pow.still_seconds": 0,
        "pos.epoch": 17,
        "pos.committed_height": 163,
        "pos.voted_height": 166,
        "pos.pivot_height": 300,
        "pos.uncommitted_blocks": 3,
        "pos.over_pow_epochs": -147,
        "pos.still_seconds": 0,
        "sync.step": 6,
        "peers.all_count": 2,
        "peers.outgoing_count": 1,
        "peers.incoming_count": 1,
        "peers.unready_count": 1,
        "peers.deaf_count": 1,
        "txpool.received_count": 3,
        "txpool.unexecuted_count": 4,
        "txpool.ready_count": 2,
        "txpool.deferred_count": 1,
    }
    assert states == {"node.sync_phase": "NormalSyncPhase", "sync.source": "rpc", "node.voting": "true"}


def test_pivot_blocks_are_told_of_confirmed_epochs_that_all_nodes_choose() -> None:
    stub = StubNode()
    stub.results["cfx_epochNumber"] = "0x168"
    with serving(stub.respond) as server:
        node = Node(LocalRpc(server.url))
        told = pivot.read(node).states
        stub.results["cfx_getBlockByEpochNumber"] = None
        nothing = pivot.read(node).states
    assert told == {"pow.pivots": "300:0x1b1b1b1b1b1b1b1b 200:0x1b1b1b1b1b1b1b1b"}
    assert nothing == {}


def test_a_height_that_the_node_does_not_know_is_left_out() -> None:
    stub = StubNode()
    stub.results["pos_getStatus"] |= {}
    stub.results["pos_getStatus"] = stub.results["pos_getStatus"] | {
        "latestVoted": None,
        "pivotDecision": None,
    }
    with serving(stub.respond) as server:
        reading = Pos(Node(LocalRpc(server.url)), Progress(lambda: 0))()
    assert reading.numbers == {"pos.epoch": 17, "pos.committed_height": 163, "pos.still_seconds": 0}


def test_a_height_that_stands_still_is_timed_and_one_that_rises_has_a_pace() -> None:
    now_ms = [0]
    progress = Progress(lambda: now_ms[0])
    assert progress.per_second is None
    for now_ms[0] in range(0, 100_000, 10_000):
        progress.see(100 + now_ms[0] // 2_000)
    assert progress.still_seconds == 0
    assert progress.per_second == 0.5
    assert progress.risen is None
    for now_ms[0] in range(100_000, 400_000, 10_000):
        progress.see(145)
    assert progress.still_seconds == 300
    assert progress.risen == 0
    progress.see(12)  # the node began anew: its old pace is no pace of the new one
    assert progress.still_seconds == 0
    assert progress.per_second is None


def test_the_pace_is_that_of_the_last_ten_minutes_and_costs_little_memory() -> None:
    now_ms = [0]
    progress = Progress(lambda: now_ms[0])
    for second in range(3_600):
        now_ms[0] = second * 1_000
        progress.see(min(2900, second))
    assert progress.per_second == 0.0
    for second in range(3_600, 3_660):
        now_ms[0] = second * 1_000
        progress.see(second)
    assert progress.risen == 759
    assert len(progress._seen) <= 160


def test_a_chain_that_pos_has_outrun_says_by_how_much() -> None:
    stub = StubNode()
    stub.results["cfx_epochNumber"] = "0x64"
    with serving(stub.respond) as server:
        reading = Pos(Node(LocalRpc(server.url)), Progress(lambda: 0))()
    assert reading.numbers["pos.over_pow_epochs"] == 200


def test_a_node_from_before_the_rename_is_asked_in_its_own_words() -> None:
    stub = StubNode()
    stub.results["current_sync_phase"] = stub.results.pop("debug_currentSyncPhase")
    with serving(stub.respond) as server:
        node = Node(LocalRpc(server.url))
        assert [node.ask("debug_currentSyncPhase") for _ in range(2)] == ["NormalSyncPhase"] * 2
        assert stub.asked == ["debug_currentSyncPhase", "current_sync_phase", "current_sync_phase"]
        stub.results["debug_currentSyncPhase"] = stub.results.pop("current_sync_phase")
        assert node.ask("debug_currentSyncPhase") == "NormalSyncPhase"


def test_a_port_without_the_method_is_refused_under_its_new_name() -> None:
    stub = StubNode()
    del stub.results["debug_currentSyncPhase"]
    with serving(stub.respond) as server, pytest.raises(Refused, match=r"debug_currentSyncPhase.*12539"):
        Node(LocalRpc(server.url)).ask("debug_currentSyncPhase")


def test_the_shares_of_the_cores_are_those_of_the_time_in_between() -> None:
    before = ticks("cpu  100 0 50 800 50 0 0 0 7 0\ncpu0 1 2 3")
    now = ticks("cpu  150 0 80 860 90 0 0 20 9 0\n")
    assert before == Ticks(all=1000, idle=850, iowait=50, steal=0)
    assert shares(before, now) == {
        "host.cpu.used_ratio": 0.5,
        "host.cpu.iowait_ratio": 0.2,
        "host.cpu.steal_ratio": 0.1,
    }
    assert shares(None, now) == shares(now, now) == {}


def test_this_machine_can_be_read() -> None:
    cpu = Cpu()
    cpu()
    time.sleep(0.05)
    used, total = memory.read().numbers.values()
    assert 0 < used < total
    assert 0 < disk.read("/").numbers["host.disk.used_ratio"] < 1
    assert cpu().numbers["host.load_1m"] >= 0


def test_a_process_may_have_any_name() -> None:
    stat = "7 (a) b (c) S 1 7 7 0 -1 4 1 0 0 0 250 50 0 0 20 0 3 0 1000 900000 500 18446744073709551615"
    assert (usage(7, stat).cpu_ms, usage(7, stat).started_ms, usage(7, stat).threads_count) == (
        3_000,
        10_000,
        3,
    )


@pytest.mark.parametrize("odd", ["", "cpu", "cpu a b c d e"])
def test_an_odd_proc_is_a_failed_probe_and_no_crash(odd: str) -> None:
    with pytest.raises(OSError, match="not as Linux writes it"):
        ticks(odd)
    with pytest.raises(OSError, match="not as Linux writes it"):
        usage(1, odd)
    with pytest.raises(OSError, match="not as Linux writes it"):
        memory.memory(odd)


# --- rounds


def failing(error: Exception) -> Probe:
    def read() -> Reading:
        raise error

    return Probe("sad", read, asks_node=True)


def test_a_probe_that_fails_is_itself_a_sample_and_the_others_report() -> None:
    well = Probe("well", lambda: Reading({"a.b": 1}, {"c.d": "e"}), asks_node=True)
    reading = merged([observe(failing(Garbled("It made no sense."))), observe(well)])
    assert set(reading.numbers) == {"a.b", "probe.sad.failed", "probe.well.ms"}
    assert reading.states == {"c.d": "e", "probe.sad.error": "It made no sense."}


def test_a_bug_in_a_probe_is_loud_and_alone(caplog: pytest.LogCaptureFixture) -> None:
    reading = merged([observe(failing(ZeroDivisionError()))])
    assert reading.states == {"probe.sad.error": "a bug in the agent: ZeroDivisionError"}
    assert "has a bug" in caplog.text


def test_a_probe_that_hangs_delays_nobody_and_is_not_sent_twice() -> None:
    entered, leave = [], threading.Event()

    def hang() -> Reading:
        entered.append(1)
        leave.wait(10)
        return Reading({"late.value": 1})

    workers = [Worker(Probe("slow", hang)), Worker(Probe("quick", lambda: Reading({"a.b": 1})))]
    for _ in range(3):
        began = time.monotonic()
        reading = merged(gather(workers, 0.1))
        assert time.monotonic() - began < 0.5
        assert reading.numbers == {"a.b": 1, "probe.slow.failed": 1}
        assert reading.states == {"probe.slow.error": "it takes longer than a round"}
    assert len(entered) == 1
    leave.set()
    time.sleep(0.1)
    assert merged(gather(workers, 1.0)).numbers == {"a.b": 1, "late.value": 1}


def counting(name: str, every_s: float, error: Exception | None = None) -> tuple[Probe, list[int]]:
    asked: list[int] = []

    def read() -> Reading:
        asked.append(1)
        if error is not None:
            raise error
        return Reading({f"{name}.value": len(asked)}, {f"{name}.word": "said"})

    return Probe(name, read, every_s=every_s), asked


def test_a_slow_probe_is_asked_when_due_and_for_each_new_process() -> None:
    slow, asked = counting("slow", 60)
    roll = Roll([slow])
    sent = [len(roll.call(now_s * 1000, 1, 1.0)) for now_s in (0, 10, 59, 60, 70)]
    assert sent == [1, 0, 0, 1, 0]
    assert len(roll.call(80_000, 2, 1.0)) == 1
    assert len(asked) == 3


def test_what_a_slow_probe_saw_is_kept_with_its_age_and_is_no_new_observation() -> None:
    slow, _ = counting("slow", 60)
    quick, _ = counting("quick", 0)
    roll = Roll([slow, quick])
    assert merged(roll.call(0, 1, 1.0)).numbers == {"slow.value": 1, "quick.value": 1}
    assert roll.kept(0) == Reading()
    assert merged(roll.call(10_000, 1, 1.0)).numbers == {"quick.value": 2}
    assert roll.kept(10_000) == Reading(
        {"slow.value": 1, "probe.slow.age_seconds": 10}, {"slow.word": "said"}
    )


METHOD_GONE = Refused("pos_getStatus", -32601, "Method not found")
POS_OFF = Refused("pos_getStatus", -32078, "PoS chain is not enabled")
NOT_YET = Refused("test_posVotingStatus", -32016, "Custom error detail: Pos not initialized!")
RECORDED = {
    "no_pos.pos_getStatus": POS_OFF,
    "no_pos.test_posVotingStatus": NOT_YET,
    "error.unknown_method": METHOD_GONE,
}


@pytest.mark.parametrize("tape, error", RECORDED.items())
def test_the_refusals_are_those_that_nodes_were_recorded_with(tape: str, error: Refused) -> None:
    recorded = json.loads((TAPES / "rpc" / f"{tape}.json").read_text())["error"]
    assert recorded["code"] == error.code
    assert error.message in recorded["message"]


@pytest.mark.parametrize(
    "error, every_s, again_s",
    [
        (METHOD_GONE, 0, 3_600),
        (POS_OFF, 0, 3_600),
        (NOT_YET, 0, 5),
        (Unreachable("nobody there"), 60, 0),
        (Garbled("odd"), 3_600, 0),
        (PermissionError(13, "Permission denied"), 60, 60),
    ],
)
def test_what_a_node_does_not_offer_is_asked_again_hourly_and_an_outage_at_once(
    error: Exception, every_s: float, again_s: float
) -> None:
    probe, asked = counting("group", every_s, error)
    roll = Roll([probe])
    (outcome,) = roll.call(0, 1, 1.0)
    assert outcome.again_s == again_s
    assert roll.call(max(round(again_s * 1000), 1), 1, 1.0)
    if again_s:
        assert not roll.call(round(again_s * 2000) - 1, 1, 1.0)
    assert len(asked) == 2


def test_a_pos_that_never_begins_is_asked_less_and_less_often() -> None:
    probe, asked = counting("voting", 0, NOT_YET)
    roll = Roll([probe])
    sent = [now_s for now_s in range(0, 20_000, 5) if roll.call(now_s * 1000, 1, 1.0)]
    assert sent[:9] == [0, 5, 10, 15, 20, 25, 35, 45, 60]
    assert all(after - before <= max(10, before / 4 + 5) for before, after in pairwise(sent))
    assert len(asked) == len(sent) == 34


def test_a_group_that_is_not_offered_is_said_once_and_known_all_the_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    light, _ = counting("pos", 0, METHOD_GONE)
    well, _ = counting("pow", 0)
    roll, troubles = Roll([light, well]), Troubles()
    for now_ms in range(0, 100_000, 10_000):
        roll.call(now_ms, 1, 1.0)
        tell(roll.newest(), troubles)
    assert len(caplog.messages) == 1
    assert "1 of 2 probes fail: pos: The node refused pos_getStatus" in caplog.messages[0]
    assert roll.kept(90_000).numbers == {"probe.pos.failed": 1, "probe.pos.age_seconds": 90}


def test_rounds_keep_their_pace_and_skip_what_they_miss() -> None:
    stop = threading.Event()
    began = steady_ms()
    times = []
    for due_ms in rounds(stop, 50):
        times.append(due_ms)
        assert abs(steady_ms() - due_ms) < 45
        if len(times) == 4:
            time.sleep(0.12)
        if len(times) == 8:
            stop.set()
    gaps = [after - before for before, after in pairwise(times)]
    assert all(gap % 50 == 0 and gap >= 50 for gap in gaps)
    assert gaps[3] >= 150
    assert times[0] - began < 45


def test_a_bell_makes_one_more_round_at_once_and_leaves_the_others_where_they_were() -> None:
    stop, bell = threading.Event(), threading.Event()
    times = []
    for due_ms in rounds(stop, 400, bell):
        times.append(due_ms)
        if len(times) in {1, 2}:
            threading.Timer(0.05, bell.set).start()
        if len(times) == 5:
            stop.set()
            bell.set()
    first, second, third, fourth, fifth = times
    assert 50 <= second - first < 350
    assert 50 <= third - second < 350
    assert (fourth - first) % 400 == (fifth - first) % 400 == 0


def test_a_trouble_is_one_line_until_it_changes_or_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    troubles = Troubles()
    well = observe(Probe("well", Reading))
    for number in range(3):
        tell([observe(failing(Garbled(f"HTTP 200 to pos_getStatus: '<html {number}>'."))), well], troubles)
    assert caplog.messages == ["1 of 2 probes fail: sad: HTTP 200 to pos_getStatus: '<html 0>'."]
    tell([observe(failing(Unreachable("nobody there"))), well], troubles)
    tell([well, well], troubles)
    tell([well, well], troubles)
    assert caplog.messages[1:] == ["1 of 2 probes fail: sad: nobody there", "all 2 probes report again"]
