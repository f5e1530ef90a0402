"""What the node's logs tell, on recorded lines."""

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.stand_ins import StubNode, serving
from tests.agent.test_node_files import finder_at, home
from vedette.agent.node_process import Watch
from vedette.agent.probes import sync_phase
from vedette.agent.probes.findings import HOUR_MS, NAMES, PATTERNS, Findings, Pattern, clean, lines_with
from vedette.agent.probes.logs import BYTES_MAX, Logs
from vedette.agent.probes.node import Node
from vedette.agent.probes.sync_log import SyncLog
from vedette.conflux.local import LocalRpc
from vedette.conflux.wire import Unreachable
from vedette.model.view import ProcessState

__all__ = ["home"]

ROOT = Path(__file__).parents[2]
RECORDED = (ROOT / "tests/tapes/log_lines.txt").read_bytes()
OWN = "0xdfd13d112ccd36dd2694cb379166294209998dca9acfea63ef0f0508af6ae79a"
PANIC = b"""thread 'consensus' panicked at crates/pos/consensus/executor/src/lib.rs:812:31:
called `Option::unwrap()` on a `None` value
"""


def found_in(text: bytes, own_address: str | None = None) -> dict[str, tuple[str, int]]:
    findings = Findings()
    findings.begin(0)
    findings.see(text, 0, own_address)
    return {name: (each.severity, each.hour_count) for name, each in findings.found.items()}


def test_the_recorded_lines_are_recognised() -> None:
    assert found_in(RECORDED) == {
        "equivocation": ("warning", 1),
        "round_timeout": ("info", 1),
        "new_epoch": ("info", 1),
        "forced_retirement": ("critical", 1),
        "no_pivot_decision": ("info", 1),
        "no_peers": ("warning", 1),
    }


def test_a_double_vote_of_the_own_key_is_critical() -> None:
    assert found_in(RECORDED, OWN)["equivocation"] == ("critical", 1)
    assert found_in(RECORDED, "0x" + "11" * 32)["equivocation"] == ("warning", 1)


# As the sources of conflux-rust print them; no recorded node did.
PRINTED = {
    "no_guard": b"ERROR Unable to initialize safety rules.",
    "wrong_guard": b"author in secure_storage does not match PoS keys",
    "no_election_keys": b"WARN broadcast_election without keys",
    "election_failed": b"ERROR error in broadcasting election tx: oneshot canceled",
    "mempool_timeout": b"Mempool commit of block 12 timed out",
    "block_not_fetched": b"Failed to fetch block, trying another peer",
    "wrong_pos_start": b"PoS cannot be started at the expected height",
    "invalid_state": b"Block 0x12 state/blame is invalid",
    "invalid_block": b"Err(InvalidBlock)",
    "panic": PANIC.rstrip(),
    "crash": b"crash_info: details=x",
    "database_locked": b"IO error: While lock file: /d/LOCK: Resource temporarily unavailable",
}


@pytest.mark.parametrize("name, line", PRINTED.items())
def test_every_other_pattern_is_recognised_alone(name: str, line: bytes) -> None:
    assert found_in(line + b"\n").keys() == {name}


def test_every_pattern_is_tested_and_in_the_reference() -> None:
    assert {pattern.name for pattern in PATTERNS} == PRINTED.keys() | found_in(RECORDED).keys()
    page = (ROOT / "docs/reference/series.md").read_text()
    assert [name for name in NAMES if f"`{name}`" not in page] == []


def test_a_healthy_rounds_timer_is_no_finding() -> None:
    assert found_in(b'INFO round_state.rs:246 Local timeout {"round":1}\n') == {}


def test_a_panic_brings_its_message_along() -> None:
    findings = Findings()
    findings.see(PANIC, 0)
    line = findings.found["panic"].line
    assert "lib.rs:812:31: called `Option::unwrap()` on a `None` value" in line


def test_a_line_is_cut_cleaned_and_names_no_peer() -> None:
    peer = b"cfxnode://" + b"ab" * 64 + b"@203.0.113.7:32323 and [2001:db8::1]:32323"
    line = clean(b"\x1b[31mERROR\x1b[0m \x00\xff to " + peer + b" x" * 300)
    assert line.startswith("ERROR \N{REPLACEMENT CHARACTER} to cfxnode://…@… and … x")
    assert len(line) == 200
    assert line.isprintable()


@given(st.binary(max_size=400))
def test_any_bytes_are_one_printable_line(line: bytes) -> None:
    assert clean(line).isprintable()
    assert len(clean(line)) <= 200


def test_a_line_counts_once_however_often_it_says_it() -> None:
    pattern = Pattern("twice", b"ab", "info")
    assert list(lines_with(b"ab ab\nno\nab\nab", pattern)) == [b"ab ab", b"ab", b"ab"]


def test_findings_are_those_of_the_last_hour_and_repeat_their_line_seldom() -> None:
    findings = Findings()
    for round_ in range(30):
        findings.begin(round_ * 10_000)
        findings.see(b"No peers connected at this moment, %d pending\n" % round_, round_ * 10_000)
    finding = findings.found["no_peers"]
    assert (finding.new_count, finding.hour_count) == (1, 30)
    assert finding.line.endswith("24 pending")
    assert len(finding.counts) == 5
    findings.begin(290_000 + 10_000)
    assert (finding.new_count, finding.hour_count) == (0, 30)
    findings.begin(290_000 + HOUR_MS)
    assert findings.found == {}


def test_a_pos_that_only_says_that_it_lives_is_stuck() -> None:
    findings = Findings()
    for now_ms in range(0, 200_000, 10_000):
        findings.see_pos(b"INFO g_c_runtime live\n", now_ms)
        assert ("stuck" in findings.found) == (now_ms >= 180_000)
    findings.see_pos(b"INFO g_c_runtime live\nINFO commit_block\n", 200_000)
    findings.begin(200_000 + HOUR_MS)
    findings.see_pos(b"INFO g_c_runtime live\n", 200_000 + HOUR_MS)
    assert findings.found == {}


# --- the start by its log


def test_the_recorded_start_is_read() -> None:
    sync = SyncLog(lambda: 0)
    sync.see(RECORDED)
    assert sync.phase == "NormalSyncPhase"
    assert sync.numbers == {"sync.catching_up": 1, "sync.log_epoch": 0, "sync.missing_bodies_count": 0}


def test_a_recovery_tells_its_height_and_pace_before_rpc_is_there() -> None:
    now_ms = [0]
    sync = SyncLog(lambda: now_ms[0])
    sync.see(b"INFO cfxcore::syn - Start fast recovery of the block DAG from database\n")
    assert sync.phase == "CatchUpRecoverBlockHeaderFromDbPhase"
    for now_ms[0] in range(0, 70_000, 10_000):
        sync.begin()
        height = 86_370_774 + now_ms[0] // 100
        line = b"cfxcore::con - construct_pivot_state: index 30774 height %d compute_epoch true\n" % height
        sync.see(line)
    assert sync.numbers == {"sync.recovered_height": 86_371_374, "sync.recovered_per_second": 10.0}
    sync.begin()
    sync.see(b"Finish reconstructing the pivot chain of length 86371, start to sync from peers\n")
    assert sync.numbers == {"sync.rebuilt_epochs": 86_371}
    sync.see(b'start phase "CatchUpSyncBlockHeaderPhase"\n')
    assert sync.phase == "CatchUpSyncBlockHeaderPhase"


def test_a_node_that_does_not_answer_yet_has_the_phase_of_its_log() -> None:
    node = Node(LocalRpc("http://127.0.0.1:9"))
    reading = sync_phase.read(node, lambda: "CatchUpCheckpointPhase")
    assert reading.states == {"node.sync_phase": "CatchUpCheckpointPhase", "sync.source": "log"}
    assert reading.numbers == {"sync.step": 3}
    with pytest.raises(Unreachable):
        sync_phase.read(node, lambda: None)


def test_the_nodes_own_word_outranks_its_log() -> None:
    with serving(StubNode().respond) as server:
        reading = sync_phase.read(Node(LocalRpc(server.url)), lambda: "CatchUpCheckpointPhase")
    assert reading.states == {"node.sync_phase": "NormalSyncPhase", "sync.source": "rpc"}


# --- the files


def logs_at(home: Path, watches: list[Watch] | None = None) -> Logs:
    watches = watches or [Watch(ProcessState.RUNNING, pid=1)]
    return Logs(finder_at(home), home / "logs.json", lambda: 0, lambda: watches[-1], lambda: OWN)


def add(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def test_what_is_added_to_the_logs_is_found(home: Path) -> None:
    add(home / "pos.log", PANIC)  # history: of another day
    logs = logs_at(home)
    assert logs().numbers == {"log.read_bytes": len(PANIC), "log.skipped_bytes": 0}
    add(home / "pos.log", RECORDED)
    add(home / "conflux.log", b'start phase "NormalSyncPhase"\n')
    reading = logs()
    assert reading.numbers["log.equivocation.new_count"] == 1
    assert reading.states["log.equivocation.severity"] == "critical"
    assert reading.states["log.equivocation.line"].startswith("2026-11-22T12:31:59")
    assert reading.states["sync.log_phase"] == "NormalSyncPhase"
    again = logs()
    assert "log.equivocation.new_count" not in again.numbers
    assert again.numbers["log.equivocation.hour_count"] == 1


def test_a_glance_tells_of_a_line_that_warns_once_and_the_round_tells_it(home: Path) -> None:
    (home / "pos.log").write_bytes(b"")
    logs = logs_at(home)
    logs()
    add(home / "pos.log", b"Starting new epoch\n")
    assert not logs.glance()  # nobody is warned by that
    add(home / "pos.log", b"broadcast_election without keys\n")
    assert logs.glance()
    add(home / "pos.log", b"broadcast_election without keys\n")
    assert not logs.glance()  # more of the same
    add(home / "pos.log", PANIC)
    assert logs.glance()
    reading = logs()
    assert reading.numbers["log.no_election_keys.new_count"] == 2
    assert reading.numbers["log.new_epoch.new_count"] == 1
    assert reading.numbers["log.panic.new_count"] == 1
    assert reading.numbers["log.read_bytes"] == (home / "pos.log").stat().st_size
    again = logs()
    assert again.numbers["log.read_bytes"] == 0
    assert "log.panic.new_count" not in again.numbers


def test_what_a_glance_read_is_read_again_after_a_kill_before_it_was_told(home: Path) -> None:
    (home / "pos.log").write_bytes(b"")
    logs = logs_at(home)
    logs()
    logs()
    add(home / "pos.log", PANIC)
    assert logs.glance()
    assert logs_at(home).glance()


def test_our_own_restart_reads_no_line_never(home: Path) -> None:
    (home / "pos.log").write_bytes(b"")
    logs = logs_at(home)
    logs()
    logs()
    add(home / "pos.log", b"broadcast_election without keys\n")
    restarted = logs_at(home)
    assert restarted().numbers["log.no_election_keys.new_count"] == 1
    # Killed before the next round has begun: the report of this one may be lost, so it is read again.
    assert logs_at(home)().numbers["log.no_election_keys.new_count"] == 1
    restarted()
    assert "log.no_election_keys.new_count" not in logs_at(home)().numbers


@pytest.mark.parametrize("odd", [b"", b"[1]", b'{"x": 3}', b"\xff" * 99])
def test_a_spoilt_memory_means_to_begin_at_the_end(home: Path, odd: bytes) -> None:
    (home / "logs.json").write_bytes(odd)
    add(home / "pos.log", PANIC)
    assert "log.panic.hour_count" not in logs_at(home)().numbers


def test_a_log_that_may_not_be_read_is_named_and_the_others_are_read(home: Path) -> None:
    logs = logs_at(home)
    logs()
    (home / "pos.log").mkdir()
    add(home / "conflux.log", b"The node stops elections for force retire!\n")
    reading = logs()
    assert reading.states["log.unreadable"] == "pos.log: is no file"
    assert reading.numbers["log.forced_retirement.new_count"] == 1


def test_the_phase_of_a_process_ends_with_it(home: Path) -> None:
    watches = [Watch(ProcessState.RUNNING, pid=1)]
    logs = logs_at(home, watches)
    logs()
    add(home / "conflux.log", b'start phase "NormalSyncPhase"\n')
    logs()
    assert logs.phase == "NormalSyncPhase"
    watches.append(Watch(ProcessState.GONE, died_at_ms=1))
    logs()
    assert logs.phase is None
    add(home / "conflux.log", b'start phase "CatchUpSyncBlockHeaderPhase"\n')
    logs()
    assert logs.phase == "CatchUpSyncBlockHeaderPhase"


def test_a_round_of_the_largest_size_is_looked_through_in_no_time(home: Path) -> None:
    lines = [line for line in RECORDED.splitlines(keepends=True) if re.match(rb"\d{4}-", line)]
    text = (b"".join(lines) * 100)[-BYTES_MAX:]
    began = time.process_time()
    found_in(text)
    took_ms = (time.process_time() - began) * 1000
    print(f"{len(text)} bytes: {took_ms:.1f} ms")
    assert took_ms < 200
