"""Who the node is, its eSpace port, its own metrics and its program."""

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.stand_ins import Canned, StubNode, serving
from tests.agent.test_node_files import finder_at, finder_of, home, set_port
from vedette.agent.node_process import Watch
from vedette.agent.probes import espace, identity, metrics
from vedette.agent.probes.binary import HOUR_MS, Binary
from vedette.agent.probes.node import Node
from vedette.conflux.local import LocalRpc
from vedette.conflux.wire import Unreachable
from vedette.model.view import ProcessState

__all__ = ["home"]

TAPES = Path(__file__).parents[1] / "tapes"
OWN = "0x" + "67" * 32


def test_a_version_is_told_in_its_parts() -> None:
    with serving(StubNode().respond) as server:
        states = identity.read_version(Node(LocalRpc(server.url))).states
    assert states == {
        "node.version": "conflux-rust/v3.0.2-fd68efe-20260110/x86_64-linux-gnu/rustc1.86.0",
        "node.release": "3.0.2",
        "node.commit": "fd68efe",
        "node.built_on": "2026-01-10",
    }


def test_an_unusual_version_leaves_no_part_of_an_old_one_behind() -> None:
    stub = StubNode()
    stub.results["cfx_clientVersion"] = "conflux-next"
    with serving(stub.respond) as server:
        states = identity.read_version(Node(LocalRpc(server.url))).states
    assert states["node.version"] == "conflux-next"
    assert states["node.release"] == "unknown"


@pytest.mark.parametrize("expected, differs", [(OWN, {"node.pos_address_differs": 0}), (None, {})])
def test_the_own_address_is_compared_with_the_one_it_should_be(
    expected: str | None, differs: dict[str, int]
) -> None:
    with serving(StubNode().respond) as server:
        node = Node(LocalRpc(server.url))
        reading = identity.read_pos_address(node, expected)
        other = identity.read_pos_address(node, "0x" + "99" * 32)
    assert reading.numbers == differs
    assert reading.states == {"node.pos_address": OWN}
    assert other.numbers == {"node.pos_address_differs": 1}


# --- eSpace


def test_espace_is_asked_on_its_own_port_and_compared_with_the_core_chain(home: Path) -> None:
    core, stub = StubNode(), StubNode()
    stub.results = {"eth_blockNumber": "0x1bb"}
    with serving(core.respond) as core_at, serving(stub.respond) as server:
        set_port(home, "jsonrpc_http_eth_port", server.server_port)
        reading = espace.read(finder_at(home), Node(LocalRpc(core_at.url)), 1.0)
    assert reading.numbers == {"espace.block_number": 443, "espace.lag_epochs": 4}


def test_an_espace_port_that_is_configured_and_dead_is_a_failure(home: Path) -> None:
    set_port(home, "jsonrpc_http_eth_port", 9)
    with pytest.raises(Unreachable):
        espace.read(finder_at(home), Node(LocalRpc("http://127.0.0.1:9")), 1.0)


def test_a_node_without_an_espace_port_is_not_asked(home: Path) -> None:
    (home / "config.toml").write_text("chain_id = 1029")
    assert espace.read(finder_at(home), Node(LocalRpc("http://127.0.0.1:9")), 1.0).numbers == {}


# --- metrics


def test_the_recorded_metrics_hold_what_is_chosen() -> None:
    assert metrics.chosen((TAPES / "prometheus.txt").read_text()) == {
        "metrics.sync_graph.headers_count": 560,
        "metrics.sync_graph.blocks_count": 560,
        "metrics.consensus_graph.headers_count": 560,
        "metrics.consensus_queue_count": 0,
        "metrics.network.read_bytes": 14_502_821,
        "metrics.network.written_bytes": 14_962_240,
        "metrics.network.send_queue_count": 0,
        "metrics.execution.busy_ns": 832_309_035,
        "metrics.txpool.packed_accounts_count": 0,
    }


def test_a_metric_that_is_not_there_yet_is_unknown_and_not_zero() -> None:
    assert metrics.chosen("") == {}
    assert metrics.chosen(
        "consensus_worker_queue_queued NaN\ngraph_statistic_best_epoch_number 1.5e3 17"
    ) == {"metrics.best_epoch": 1_500}


@given(st.text(alphabet="consensus_worker_queue_queued 0123456789.eE+-\n{}"))
def test_any_text_is_read_without_an_accident(text: str) -> None:
    assert metrics.chosen(text).keys() <= set(metrics.CHOSEN.values())


def test_metrics_are_looked_for_where_the_configuration_serves_them(home: Path) -> None:
    config = home / "config.toml"
    assert metrics.address(finder_at(home)) == "http://127.0.0.1:27115/metrics"
    config.write_text(config.read_text().replace('"127.0.0.1:27115"', '"0.0.0.0:27115"'))
    assert metrics.address(finder_at(home)) == "http://127.0.0.1:27115/metrics"
    config.write_text(config.read_text().replace("metrics_enabled = true", "metrics_enabled = false"))
    assert metrics.address(finder_at(home)) is None
    assert metrics.read(None, finder_at(home), 1.0).numbers == {}


def test_an_address_without_metrics_is_a_failure_in_words() -> None:
    nowhere = finder_of(Watch(ProcessState.UNKNOWN))
    with pytest.raises(OSError, match=r"^no metrics: 127.0.0.1:9 refuses connections"):
        metrics.read("http://user:secret@127.0.0.1:9/metrics", nowhere, 1.0)
    with (
        serving(lambda *_: Canned(b"nothing here", 501)) as server,
        pytest.raises(OSError, match=r"^no metrics: HTTP 501 from 127.0.0.1:\d+$"),
    ):
        metrics.read(f"{server.url}/metrics?key=secret", nowhere, 1.0)


# --- the program


@contextmanager
def running(program: Path) -> Iterator[Watch]:
    with subprocess.Popen([program, "60"]) as child:
        try:
            yield Watch(ProcessState.RUNNING, pid=child.pid)
        finally:
            child.kill()


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return Path(shutil.copy2(shutil.which("sleep") or "", tmp_path / "conflux"))


def test_a_program_is_hashed_in_pieces(program: Path) -> None:
    with running(program) as watch:
        binary = Binary(lambda: watch, lambda: 0, piece_bytes=program.stat().st_size // 2 + 1)
        first, second = binary(), binary()
    assert first.states == {"node.binary.path": str(program), "node.binary.replaced": "false"}
    assert second.states["node.binary.sha256"] == hashlib.sha256(program.read_bytes()).hexdigest()
    assert second.numbers == {"node.binary.modified_at_seconds": int(program.stat().st_mtime)}


def test_a_program_that_was_replaced_under_its_process_is_told(program: Path) -> None:
    with running(program) as watch:
        binary = Binary(lambda: watch, lambda: 0)
        before = binary().states
        young = program.with_name("young")
        young.write_bytes(b"another version")
        young.replace(program)
        after = binary().states
        program.unlink()
    assert (before["node.binary.replaced"], after["node.binary.replaced"]) == ("false", "true")
    assert after["node.binary.path"] == str(program)
    assert (
        after["node.binary.sha256"] == before["node.binary.sha256"]
    )  # of what runs, not of what stands there


def test_another_program_is_hashed_after_an_hour(program: Path) -> None:
    now_ms = [0]
    watches: list[Watch] = []
    binary = Binary(lambda: watches[-1], lambda: now_ms[0])
    younger = program.with_name("younger")
    shutil.copy2(program, younger)
    with running(program) as before, running(younger) as after:
        watches.append(before)
        assert "node.binary.sha256" in binary().states
        watches.append(after)
        assert "node.binary.sha256" not in binary().states
        now_ms[0] = HOUR_MS
        assert "node.binary.sha256" in binary().states


def test_a_node_elsewhere_has_no_program() -> None:
    assert Binary(lambda: Watch(ProcessState.UNKNOWN), lambda: 0)().states == {}
