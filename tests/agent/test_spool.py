"""The queue on the disk, through kills, copies, strangers and full disks."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from vedette.agent.spool import DAY_MS, Bounds, Spool
from vedette.agent.troubles import Troubles
from vedette.model.report import Report

TAPES = Path(__file__).parents[1] / "tapes"

NOW_MS = 1_795_000_000_000


def spool_at(path: Path, bounds: Bounds | None = None) -> Spool:
    return Spool(path / "spool.db", Troubles(), bounds or Bounds())


def fill(spool: Spool, count: int, at_ms: int = NOW_MS, size: int = 1) -> None:
    for number in range(count):
        states = {f"a.b{part}": os.urandom(200).hex() for part in range(size // 400)}
        assert spool.append(at_ms + number * 1_000, {"pow.latest_epoch": number}, states)


def seqs(spool: Spool, count: int = 500) -> list[int]:
    return [report.seq for report in spool.oldest(count, 1_000_000)]


def test_reports_come_back_oldest_first_and_as_they_were(tmp_path: Path) -> None:
    spool = spool_at(tmp_path)
    fill(spool, 3)
    reports = spool.oldest(500, 1_000_000)
    assert [(report.seq, report.at_ms, report.numbers) for report in reports] == [
        (1, NOW_MS, {"pow.latest_epoch": 0}),
        (2, NOW_MS + 1_000, {"pow.latest_epoch": 1}),
        (3, NOW_MS + 2_000, {"pow.latest_epoch": 2}),
    ]


def test_only_what_was_acknowledged_is_forgotten(tmp_path: Path) -> None:
    spool = spool_at(tmp_path)
    fill(spool, 5)
    spool.acknowledge(3)
    assert seqs(spool) == [4, 5]
    spool.acknowledge(2)
    assert (seqs(spool), spool.waiting_count) == ([4, 5], 2)


def test_a_seq_is_never_given_twice_even_after_all_went(tmp_path: Path) -> None:
    spool = spool_at(tmp_path)
    fill(spool, 5)
    spool.acknowledge(5)
    spool.close()
    again = spool_at(tmp_path)
    fill(again, 1)
    assert seqs(again)[-1] == 6
    assert again.spool == spool.spool


def test_a_batch_is_bounded_by_bytes_but_never_empty(tmp_path: Path) -> None:
    spool = spool_at(tmp_path)
    fill(spool, 4, size=4_000)
    assert len(spool.oldest(500, 9_000)) == 2
    assert len(spool.oldest(500, 10)) == 1


def test_a_full_spool_drops_the_oldest_aloud(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = spool_at(tmp_path, Bounds(bytes_max=400_000))
    fill(spool, 400, size=4_000)
    newest = [report.seq for report in spool.oldest(500, 10**9)]
    assert newest == list(range(401 - len(newest), 401))
    assert spool.dropped_count == 400 - len(newest) > 0
    assert (tmp_path / "spool.db").stat().st_size < 600_000
    assert sum("full" in record.message for record in caplog.records) == 1


MINUTE_MS = 60_000
ROUND_MS = 5_000
FIRST_MS = NOW_MS // MINUTE_MS * MINUTE_MS


def fill_rounds(spool: Spool, count: int, voting: Callable[[int], bool] = lambda _: True) -> None:
    """Rounds of five seconds, each of some size; no fsync, only to be done sooner."""
    spool._db.execute("PRAGMA synchronous = OFF")
    for number in range(count):
        states = {"node.voting": str(voting(number)).lower(), "node.noise": os.urandom(150).hex()}
        assert spool.append(FIRST_MS + number * ROUND_MS, {"pow.latest_epoch": number}, states)


def waiting(spool: Spool) -> list[Report]:
    return spool.oldest(100_000, 10**9)


def test_a_spool_that_nears_its_bound_is_thinned_before_anything_is_dropped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = spool_at(tmp_path, Bounds(bytes_max=1 << 20))
    fill_rounds(spool, 6_000)  # 8 h and 20 min
    kept = waiting(spool)
    assert (spool.dropped_count, spool.thinned_count) == (0, 6_000 - len(kept))
    assert spool.waiting_count == len(kept) < 3_000
    minutes = {report.at_ms // MINUTE_MS for report in kept}
    assert minutes == set(range(FIRST_MS // MINUTE_MS, FIRST_MS // MINUTE_MS + 500))  # no minute is lost
    oldest, newest = kept[:100], kept[-120:]
    assert all(report.at_ms % MINUTE_MS == 0 for report in oldest)
    assert [report.seq for report in newest] == list(range(5_881, 6_001))  # the last ten minutes are whole
    assert all(report.numbers["pow.latest_epoch"] == report.seq - 1 for report in kept)  # each as it was
    assert [report.seq for report in kept] == sorted({report.seq for report in kept})
    assert spool._used_bytes() <= 1 << 20
    (line,) = [record.message for record in caplog.records if "one a minute is kept" in record.message]
    assert "nears its bound of 1 MiB" in line


def test_a_change_of_state_is_never_thinned_out(tmp_path: Path) -> None:
    spool = spool_at(tmp_path, Bounds(bytes_max=1 << 20))
    fill_rounds(spool, 6_000, voting=lambda number: not 100 <= number < 103)
    seen = {report.seq - 1: report.states["node.voting"] for report in waiting(spool) if report.seq < 110}
    assert seen[100] == "false"
    assert seen[103] == "true"
    assert not seen.keys() & {98, 99, 101, 102, 104}


def test_what_is_thinned_to_the_end_is_dropped_oldest_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = spool_at(tmp_path, Bounds(bytes_max=200_000))
    fill_rounds(spool, 9_000)
    kept = waiting(spool)
    assert spool.dropped_count + spool.thinned_count == 9_000 - len(kept)
    assert spool.dropped_count > 0
    assert [report.seq for report in kept[-120:]] == list(range(8_881, 9_001))
    thinned = [report.at_ms // MINUTE_MS for report in kept[:200]]
    assert thinned == list(range(thinned[0], thinned[0] + len(thinned)))  # one of each minute
    assert spool._used_bytes() <= 200_000 + 8 * 4_096
    assert "the oldest go undelivered" in caplog.text


def test_thinning_goes_on_where_it_was_after_a_restart(tmp_path: Path) -> None:
    bounds = Bounds(bytes_max=1 << 20)
    spool = spool_at(tmp_path, bounds)
    fill_rounds(spool, 3_500)
    assert spool.thinned_count > 0
    spool.close()
    again = spool_at(tmp_path, bounds)
    assert (again.thinned_count, again._thinned_seq) == (spool.thinned_count, spool._thinned_seq)


def test_a_spool_from_before_thinning_is_taken_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = spool_at(tmp_path)
    fill(spool, 3)
    name = spool.spool
    for column in ("thinned_seq", "thinned_count"):
        spool._db.execute(f"ALTER TABLE facts DROP COLUMN {column}")
    spool.close()
    again = spool_at(tmp_path)
    fill(again, 1)
    assert (again.spool, seqs(again), again.thinned_count) == (name, [1, 2, 3, 4], 0)
    assert caplog.text == ""


def test_the_count_of_the_dropped_outlives_a_restart(tmp_path: Path) -> None:
    spool = spool_at(tmp_path, Bounds(bytes_max=100_000))
    fill(spool, 100, size=4_000)
    spool.close()
    assert spool_at(tmp_path).dropped_count == spool.dropped_count > 0


def test_what_is_older_than_a_week_goes(tmp_path: Path) -> None:
    spool = spool_at(tmp_path)
    fill(spool, 3)
    fill(spool, 1, at_ms=NOW_MS + 7 * DAY_MS + 1_500)
    assert seqs(spool) == [3, 4]
    assert spool.dropped_count == 2


@pytest.mark.parametrize("content", [b"hello, I am no database", b"SQLite format 3\x00" + b"\xff" * 8_192])
def test_a_strange_file_is_moved_aside_with_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    (tmp_path / "spool.db").write_bytes(content)
    spool = spool_at(tmp_path)
    fill(spool, 1)
    assert seqs(spool) == [1]
    aside = [path for path in tmp_path.iterdir() if ".aside-" in path.name and not path.name.endswith("-wal")]
    assert [path.read_bytes()[:5] for path in aside] == [content[:5]]
    assert len(caplog.records) == 1
    assert "moved to" in caplog.text


def test_a_spool_that_lost_a_table_is_moved_aside(tmp_path: Path) -> None:
    spool = spool_at(tmp_path)
    spool._db.execute("DROP TABLE facts")
    spool.close()
    fill(spool_at(tmp_path), 1)
    assert len(list(tmp_path.glob("spool.db.aside-????????"))) == 1


def test_a_thread_that_comes_after_the_end_harms_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = spool_at(tmp_path)
    fill(spool, 3)
    spool.close()
    assert not spool.append(NOW_MS, {}, {})
    assert spool.oldest(500, 1_000_000) == []
    spool.acknowledge(2)
    spool.drop(1)
    assert seqs(spool_at(tmp_path)) == [1, 2, 3]
    assert not list(tmp_path.glob("*.aside-*"))
    assert "cannot be used" not in caplog.text


def test_a_file_that_breaks_while_it_is_used_is_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = spool_at(tmp_path)
    fill(spool, 3)
    before = spool.spool
    spool._db.execute("DROP TABLE reports")
    spool._db.commit()
    assert not spool.append(NOW_MS, {}, {})
    fill(spool, 1)
    assert (seqs(spool), spool.spool != before) == ([1], True)
    assert "moved to" in caplog.text


def test_an_empty_file_is_begun_in_its_place(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "spool.db").write_bytes(b"")
    fill(spool_at(tmp_path), 1)
    assert caplog.text == ""


def test_another_programs_database_is_moved_aside(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "spool.db") as other:
        other.execute("CREATE TABLE cats (name TEXT)")
    other.close()
    fill(spool_at(tmp_path), 1)
    (aside,) = tmp_path.glob("spool.db.aside-*")
    with sqlite3.connect(aside) as kept:
        assert kept.execute("SELECT count(*) FROM cats").fetchone() == (0,)
    kept.close()


def test_a_spool_from_before_they_were_packed_is_read(tmp_path: Path) -> None:
    spool = spool_at(tmp_path)
    fill(spool, 2)
    plain = msgspec.msgpack.encode(Report(1, NOW_MS, {"pow.latest_epoch": 77}))
    spool._db.execute("UPDATE reports SET body = ? WHERE seq = 1", (plain,))
    spool._db.commit()
    assert [report.numbers["pow.latest_epoch"] for report in spool.oldest(9, 10**6)] == [77, 1]


def test_a_spool_holds_seven_days_of_all_probes(tmp_path: Path) -> None:
    recorded = msgspec.json.decode((TAPES / "report.json").read_bytes(), type=Report)
    assert len(recorded.numbers) + len(recorded.states) > 80
    spool = spool_at(tmp_path)
    for number in range(500):
        spool.append(NOW_MS + number, recorded.numbers, recorded.states)
    size = spool._db.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
    assert size.fetchone()[0] / 500 * 7 * 8_640 < Bounds().bytes_max


def test_a_spoiled_report_holds_up_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = spool_at(tmp_path)
    fill(spool, 3)
    spool._db.execute("UPDATE reports SET body = x'c1' WHERE seq = 2")
    spool._db.commit()
    assert seqs(spool) == [1, 3]
    assert (spool.dropped_count, spool.waiting_count) == (1, 2)
    assert "report 2" in caplog.text


def test_a_disk_that_fails_is_told_once_and_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = spool_at(tmp_path)
    fill(spool, 1)
    spool._db.execute("PRAGMA query_only = 1")
    assert not any(spool.append(NOW_MS, {}, {}) for _ in range(3))
    assert len(caplog.records) == 1
    assert spool.dropped_count == 3
    spool._db.execute("PRAGMA query_only = 0")
    fill(spool, 1)
    assert seqs(spool) == [1, 2]


def test_a_full_disk_is_told_once_and_is_over_once_the_server_has_taken_some(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "vedette.agent")
    spool = spool_at(tmp_path)
    spool._db.execute("PRAGMA max_page_count = 40")
    kept = sum(
        spool.append(NOW_MS + n, {"pow.latest_epoch": n}, {"a": os.urandom(150).hex()}) for n in range(900)
    )
    assert 300 < kept < 900
    assert spool.dropped_count == 900 - kept
    (line,) = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert "disk is full; reports are only sent live" in line
    spool.acknowledge(kept)
    fill(spool, 1)
    assert seqs(spool) == [kept + 1]
    assert "can be written again" in caplog.text


def power_cut(spool: Spool, folder: Path) -> Path:
    """What lies on the disk of a machine that stops now: the database, and its log of the last rounds."""
    there = folder / "after"
    there.mkdir()
    for name in ("spool.db", "spool.db-wal"):
        shutil.copy(spool._path.with_name(name), there / name)
    return there


@pytest.mark.parametrize("lost_bytes", [1, 100, 4_096, 9_000])
def test_a_write_that_was_torn_costs_the_last_rounds_alone(tmp_path: Path, lost_bytes: int) -> None:
    spool = spool_at(tmp_path)
    fill(spool, 60)
    log = power_cut(spool, tmp_path) / "spool.db-wal"
    os.truncate(log, log.stat().st_size - lost_bytes)
    again = spool_at(log.parent)
    kept = seqs(again)
    assert kept == list(range(1, len(kept) + 1))
    assert 60 - 3 <= len(kept) < 60
    fill(again, 1)
    assert seqs(again)[-1] == len(kept) + 1  # none of those that are lost had been sent


@pytest.mark.parametrize("name", ["spool.db", "spool.db-wal"])
def test_a_byte_that_flipped_anywhere_ends_nothing_and_invents_nothing(tmp_path: Path, name: str) -> None:
    spool = spool_at(tmp_path)
    fill(spool, 200)
    spool._db.execute("PRAGMA wal_checkpoint")
    fill(spool, 20, at_ms=NOW_MS + 200_000)
    sound = {report.seq: report.numbers for report in waiting(spool)}
    there = power_cut(spool, tmp_path)
    whole = {path.name: path.read_bytes() for path in there.iterdir()}
    size = len(whole[name])
    for place in range(0, size, size // 60):
        for path in there.iterdir():
            path.unlink()
        flipped = bytearray(whole[name])
        flipped[place] ^= 0x41
        for each, content in (whole | {name: bytes(flipped)}).items():
            (there / each).write_bytes(content)
        again = spool_at(there)
        found = {report.seq: report.numbers for report in waiting(again)}
        assert again.append(NOW_MS + 300_000, {"pow.latest_epoch": 1}, {})
        assert all(sound.get(seq) == numbers for seq, numbers in found.items())
        again.close()


def test_an_old_copy_of_a_spool_takes_a_new_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = spool_at(tmp_path)
    fill(spool, 3)
    before = spool.spool
    spool.acknowledge(5_000)
    assert spool.spool != before
    assert seqs(spool) == [1, 2, 3]
    assert "old copy" in caplog.text
    spool.close()
    assert spool_at(tmp_path).spool == spool.spool


WRITER = """
import sys
from pathlib import Path
from vedette.agent.spool import Spool
from vedette.agent.troubles import Troubles
spool = Spool(Path(sys.argv[1]), Troubles())
at_ms = 1795000000000
while True:
    at_ms += 1
    spool.append(at_ms, {"pow.latest_epoch": at_ms}, {"node.sync_phase": "x" * 300})
    reports = spool.oldest(1, 10)
    if at_ms % 7 == 0:
        spool.acknowledge(reports[0].seq)
    print(spool._given_seq, spool._acknowledged_seq, flush=True)
"""


def test_a_kill_at_any_moment_loses_nothing_that_was_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    told = acknowledged = 0
    for delay_s in (0.3, 0.11, 0.17):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, env=os.environ
        )
        assert child.stdout is not None
        line = child.stdout.readline()
        time.sleep(delay_s)
        child.send_signal(signal.SIGKILL)
        lines = [line, *child.stdout.read().splitlines()]
        child.stdout.close()
        child.wait()
        whole = [line.split() for line in lines if len(line.split()) == 2]
        assert int(whole[0][0]) == told + 1 or int(whole[0][0]) == told + 2
        told, acknowledged = int(whole[-1][0]), int(whole[-1][1])
    spool = Spool(path, Troubles())
    there = [report.seq for report in spool.oldest(100_000, 10**9)]
    assert there == list(range(there[0], there[-1] + 1))
    assert there[0] <= acknowledged + 1
    assert there[-1] in {told, told + 1}
    assert not list(tmp_path.glob("*.aside-*"))
