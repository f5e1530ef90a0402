"""The queue on the disk, through kills, copies, strangers and full disks."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
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
