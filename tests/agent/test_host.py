"""The machine under the node: network, clock, memory, control group, file systems."""

import os
from pathlib import Path

import pytest

from tests.agent.test_node_files import finder_at, home
from vedette.agent.node_process import Watch
from vedette.agent.probes import clock, oom
from vedette.agent.probes.cgroup import Cgroup
from vedette.agent.probes.network import Counted, Network, counted
from vedette.agent.probes.process import open_files_max, swap_bytes
from vedette.agent.probes.volumes import Trend, Volumes, mount_of
from vedette.model.view import ProcessState

__all__ = ["home"]

# As /proc/net/dev stood on a real machine, but for the counts of eth0 and the bridge.
HEAD = (
    "Inter-|   Receive                   |  Transmit\n"
    " face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls\n"
)
LO = "    lo: 861943309 1011401    0    0    0     0          0         0 861943309 1011401    0    0    0\n"
FULL = HEAD + LO.replace("\n", "     0       0          0\n")


def card(name: str, received: int, sent: int, errors: int = 0, drops: int = 0) -> str:
    return f"{name}: {received} 9 {errors} {drops} 0 0 0 0 {sent} 9 1 2 0 0 0 0\n"


def test_only_the_machines_own_cards_count() -> None:
    text = FULL + card("  eth0", 1_000, 500, errors=3, drops=4) + card("docker0", 7, 7) + card("veth1f", 7, 7)
    assert counted(text) == Counted(received_bytes=1_000, sent_bytes=500, faults=10)


@pytest.mark.parametrize("odd", ["eth0: 1 2 3", "eth0: a b c d e f g h i j k l m n o p"])
def test_an_odd_list_of_cards_is_a_failure_in_words(odd: str) -> None:
    with pytest.raises(OSError, match="not as Linux writes it"):
        counted(HEAD + odd)


def test_traffic_is_told_as_a_rate_and_a_card_that_went_away_is_no_negative_one(tmp_path: Path) -> None:
    dev, now_ms = tmp_path / "dev", [0]
    network = Network(lambda: now_ms[0], dev)
    dev.write_text(FULL + card("eth0", 1_000, 500))
    assert network().numbers == {}
    dev.write_text(FULL + card("eth0", 3_000, 600, errors=5))
    now_ms[0] = 2_000
    assert network().numbers == {
        "host.network.received_bytes_per_second": 1_000.0,
        "host.network.sent_bytes_per_second": 50.0,
        "host.network.faults_per_second": 2.5,
    }
    dev.write_text(FULL)
    now_ms[0] = 4_000
    assert network().numbers == {}


def test_this_machines_network_can_be_read() -> None:
    now_ms = iter([0, 1_000])
    network = Network(lambda: next(now_ms))
    network()
    assert len(network().numbers) == 3


def test_the_clock_of_this_machine_can_be_asked_without_a_right() -> None:
    assert clock.read(None).numbers["host.clock.synchronised"] in {0, 1}


def test_the_kernels_clock_is_told_in_milliseconds() -> None:
    assert clock.told(-1_500_000, 12_500, 0x2001, None).numbers == {
        "host.clock.synchronised": 1,
        "host.clock.offset_ms": -1.5,
        "host.clock.error_ms": 12.5,
    }
    assert clock.told(-1_500, 12_500, 0x0001, None).numbers["host.clock.offset_ms"] == -1.5
    assert clock.told(5, 16_000_000, 0x2041, 700).numbers == {
        "host.clock.synchronised": 0,
        "host.clock.server_ms": 700,
    }


def test_kills_for_want_of_memory_are_counted() -> None:
    assert oom.kills("nr_free_pages 1\noom_kill 3\nfoo 2\n").numbers == {"host.oom_kills_count": 3}
    assert oom.kills("nr_free_pages 1\n").numbers == {}
    assert oom.read().numbers["host.oom_kills_count"] >= 0


@pytest.fixture
def groups(tmp_path: Path) -> tuple[Path, Path]:
    """A process 7 in system.slice/conflux.service, of a slice with a tighter memory limit."""
    proc, cgroups = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "7").mkdir(parents=True)
    (proc / "7/cgroup").write_text("1:cpu:/x\n0::/system.slice/conflux.service\n")
    service = cgroups / "system.slice/conflux.service"
    service.mkdir(parents=True)
    for name, text in {
        "cgroup.procs": "7\n",
        "memory.max": "max\n",
        "memory.current": "1000\n",
        "memory.events": "low 0\nhigh 0\nmax 12\noom 2\noom_kill 1\noom_group_kill 0\n",
        "cpu.max": "150000 100000\n",
    }.items():
        (service / name).write_text(text)
    (service.parent / "memory.max").write_text("4096\n")
    (service.parent / "cpu.max").write_text("max 100000\n")
    return proc, cgroups


def in_group(groups: tuple[Path, Path]) -> Cgroup:
    return Cgroup(lambda: Watch(ProcessState.RUNNING, pid=7), *groups)


def test_the_tightest_limit_of_a_control_group_and_those_above_it_holds(groups: tuple[Path, Path]) -> None:
    assert in_group(groups)().numbers == {
        "process.cgroup.memory_max_bytes": 4_096,
        "process.cgroup.memory_used_bytes": 1_000,
        "process.cgroup.cpu_max_cores": 1.5,
        "process.cgroup.oom_kills_count": 1,
    }


@pytest.mark.parametrize("told", ["4:memory:/x\n", "0::/../../other\n", "0::/gone\n", ""])
def test_a_group_that_is_out_of_sight_is_no_failure(groups: tuple[Path, Path], told: str) -> None:
    (groups[0] / "7/cgroup").write_text(told)
    assert in_group(groups)().numbers == {}


def test_a_limit_that_is_none_is_left_out() -> None:
    assert (
        open_files_max("Limit Soft Hard Units\nMax open files            1024     4096    files\n") == 1_024
    )
    assert open_files_max("Max open files            unlimited  unlimited  files\n") is None
    assert swap_bytes("Name:\tx\nVmSwap:\t     8 kB\n") == 8_192
    assert swap_bytes("Name:\tkthreadd\n") is None


# --- file systems


def test_a_disk_that_fills_steadily_will_be_full_at_a_time() -> None:
    trend = Trend()
    for minute in range(9):
        trend.see(minute * 60, 1_000 + minute * 60, 10_000)
    assert trend.seconds_to_full(4_000) is None  # eight minutes are no trend
    for minute in range(9, 61):
        trend.see(minute * 60, 1_000 + minute * 60, 10_000)
    assert trend.bytes_per_second() == pytest.approx(1.0)
    assert trend.seconds_to_full(3_600) == pytest.approx(3_600, abs=1)


def test_a_disk_that_does_not_fill_has_no_such_time() -> None:
    trend = Trend()
    for minute in range(60):
        trend.see(minute * 60, 5_000 - minute, 10_000)
    assert trend.seconds_to_full(5_000) is None


def test_a_trend_begins_anew_when_somebody_cleaned_up_and_forgets_what_is_old() -> None:
    trend = Trend()
    for minute in range(60):
        trend.see(minute * 60, 5_000 + minute, 10_000)
    trend.see(3_600, 1_000, 10_000)
    assert trend.bytes_per_second() is None
    for minute in range(1_000):
        trend.see(3_600 + minute * 60, 1_000, 10_000)
    assert len(trend._seen) <= 361


def test_the_volumes_of_a_node_are_told_once_each(home: Path) -> None:
    (home / "blockchain_data").mkdir()
    (home / "pos.log").write_bytes(b"x" * 123)
    (home / "conflux.log").write_bytes(b"x" * 45)
    reading = Volumes(finder_at(home), lambda: 0)()
    mount = str(mount_of(home.resolve()))
    assert {name: word for name, word in reading.states.items() if name.endswith("mount")} == {
        "disk.data.mount": mount,
        "disk.pos.mount": mount,
        "disk.log.mount": mount,
    }
    assert reading.states["disk.pos.path"] == str(home / "pos_db")
    assert reading.numbers["disk.pos_log_bytes"] == 123
    assert reading.numbers["disk.node_log_bytes"] == 45
    assert 0 < reading.numbers["disk.data.used_ratio"] < 1
    assert reading.numbers["disk.data.read_only"] == 0
    assert not [name for name in reading.numbers if name.startswith(("disk.pos.", "disk.log."))]


def test_a_node_that_has_never_run_has_no_volumes_yet(home: Path) -> None:
    (home / "pos_db/secure_storage.json").unlink()
    (home / "pos_db").rmdir()
    assert set(Volumes(finder_at(home), lambda: 0)().states) == {"disk.log.path", "disk.log.mount"}


def test_a_mount_is_found_from_below() -> None:
    assert mount_of(Path("/proc/self/fd")) == Path("/proc")
    assert mount_of(Path(os.sep)) == Path(os.sep)
