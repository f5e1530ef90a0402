"""Logs that grow, are cut and are replaced, read on without a line twice or a file whole."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.agent.tail import Position, read_on

MAX = 1 << 16


@pytest.fixture
def log(tmp_path: Path) -> Path:
    log = tmp_path / "conflux.log"
    log.write_bytes(b"old\n")
    return log


def add(log: Path, text: bytes) -> None:
    with log.open("ab") as file:
        file.write(text)


def at_end(log: Path) -> Position:
    position = read_on(log, None, MAX).position
    assert position is not None
    return position


def test_a_file_never_seen_is_read_from_its_end(log: Path) -> None:
    added = read_on(log, None, MAX)
    assert (added.text, added.skipped_bytes) == (b"", 0)
    assert read_on(log, None, MAX, first_bytes=4).text == b"old\n"


def test_only_whole_lines_are_taken(log: Path) -> None:
    position = at_end(log)
    add(log, b"one\ntw")
    first = read_on(log, position, MAX)
    add(log, b"o\n")
    second = read_on(log, first.position, MAX)
    assert (first.text, second.text) == (b"one\n", b"two\n")
    assert read_on(log, second.position, MAX).text == b""


def test_what_is_too_much_is_skipped_and_said(log: Path) -> None:
    position = at_end(log)
    add(log, b"x" * 99 + b"\n" + b"last\n")
    added = read_on(log, position, 10)
    assert added.text.endswith(b"last\n")
    assert added.skipped_bytes == 95
    assert read_on(log, added.position, 10).text == b""


def test_a_huge_file_costs_no_more_than_its_end(log: Path) -> None:
    position = at_end(log)
    with log.open("r+b") as file:
        file.truncate(3 << 30)  # a sparse file
        file.seek(0, os.SEEK_END)
        file.write(b"\nlast\n")
    added = read_on(log, position, MAX)
    assert len(added.text) == MAX
    assert added.text.endswith(b"\nlast\n")


def test_a_line_without_an_end_does_not_hold_us_up(log: Path) -> None:
    position = at_end(log)
    add(log, b"x" * 30)
    first = read_on(log, position, 10)
    assert first.text == b"x" * 10
    add(log, b"\nnext\n")
    assert read_on(log, first.position, 10).text == b"\nnext\n"


def test_a_log_that_was_rotated_by_renaming_loses_no_line(log: Path) -> None:
    position = at_end(log)
    add(log, b"the last of the old\n")
    log.rename(log.with_name("conflux.log.1"))
    assert read_on(log, position, MAX).position == position  # between the two there is no file
    log.write_bytes(b"the first of the new\n")
    added = read_on(log, position, MAX)
    assert added.text == b"the last of the old\nthe first of the new\n"
    assert read_on(log, added.position, MAX).text == b""


def test_a_log_that_was_truncated_is_read_from_its_beginning(log: Path) -> None:
    add(log, b"much more\n" * 9)
    position = at_end(log)
    log.write_bytes(b"new\n")
    assert read_on(log, position, MAX).text == b"new\n"


def test_a_log_that_was_packed_at_once_begins_anew(log: Path) -> None:
    position = at_end(log)
    keeper = log.open("rb")  # so that its inode is not given out again
    log.unlink()
    log.write_bytes(b"new\n")
    assert read_on(log, position, MAX).text == b"new\n"
    keeper.close()


def test_a_log_that_was_not_there_yet_is_read_whole_when_it_comes(tmp_path: Path) -> None:
    log = tmp_path / "pos.log"
    waiting = read_on(log, None, MAX)
    log.write_bytes(b"first\n")
    assert read_on(log, waiting.position, MAX).text == b"first\n"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="is no file"):
        read_on(tmp_path / "pipe", None, MAX)


@given(st.lists(st.binary(max_size=40), max_size=12))
def test_however_it_is_written_each_line_is_read_once(pieces: list[bytes]) -> None:
    log = Path(os.environ.get("TMPDIR", "/tmp")) / f"vedette-tail-{os.getpid()}.log"
    log.write_bytes(b"")
    try:
        position, read = at_end(log), b""
        for piece in pieces:
            add(log, piece)
            added = read_on(log, position, MAX)
            assert added.position is not None
            position, read = added.position, read + added.text
        whole = b"".join(pieces)
        assert read == whole[: whole.rfind(b"\n") + 1]
    finally:
        log.unlink()
