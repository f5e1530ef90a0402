"""`vedette history` as a person calls it."""

import asyncio
import re
import resource
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import aiohttp.web
import pytest
from aiohttp.test_utils import TestServer

from tests.server.replayed import counted, following, paid, until
from tests.server.stage import served, settings
from tests.store.test_carry import COUNT, lived, opened
from tests.store.test_epochs import TERM
from vedette.model.clock import MachineClock
from vedette.model.errors import SettingError
from vedette.replay.faults import Faults
from vedette.replay.network import Network
from vedette.replay.options import ReplayOptions
from vedette.server import history_commands
from vedette.server.history_commands import (
    HistoryNow,
    asked,
    duration,
    export,
    import_,
    line_of,
    witnesses,
)
from vedette.store.carry.arrive import Tell, arrive
from vedette.store.carry.file import CarryError
from vedette.store.carry.leave import leave
from vedette.store.database import Database


@pytest.fixture
def source(tmp_path: Path) -> str:
    async def live() -> None:
        database = await Database.open(str(tmp_path / "source.db"))
        await lived(database)
        await database.close()

    asyncio.run(live())
    return str(tmp_path / "source.db")


def test_a_history_is_exported_and_imported(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, other = tmp_path / "history", str(tmp_path / "other.db")
    export(file, database=source, from_epoch=2, to_epoch=4)
    digest = sha256(file.read_bytes()).hexdigest()
    out = capsys.readouterr().out
    assert re.fullmatch(rf"{file}: 3 epochs from 2 to 4, 0\.\d MB\nSHA-256 {digest}\n", out)
    import_(file, database=other)
    assert capsys.readouterr().out.splitlines() == [
        f"{file}: 3 epochs from 2 to 4, 3 of them new",
        f"SHA-256 {digest}: the export told the same, or it is another file",
        "nothing in it was compared with a node: --endpoint URL names one",
    ]
    export(file, database=source)
    import_(file, database=other)
    out = capsys.readouterr().out
    assert f"{file}: {COUNT - 1} epochs from 1 to {COUNT - 1}, {COUNT - 4} of them new\n" in out


def test_whose_word_a_database_holds_is_listed(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = str(tmp_path / "other.db")
    export(tmp_path / "history", database=source)
    import_(tmp_path / "history", database=other)
    capsys.readouterr()
    witnesses(database=source)
    witnesses(database=other)
    assert capsys.readouterr().out.splitlines() == [
        *(f"node{number}: {COUNT * TERM} blocks" for number in range(3)),
        *(f"node{number} (imported): {(COUNT - 1) * TERM} blocks" for number in range(3)),
    ]


def test_the_database_may_be_named_by_the_settings(source: str, tmp_path: Path) -> None:
    config = tmp_path / "vedette.toml"
    config.write_text('database = "source.db"\n')
    export(tmp_path / "history", config=config)
    config.write_text('database = "third.db"\n')
    import_(tmp_path / "history", config=config)
    assert (tmp_path / "third.db").exists()


def test_what_is_wrong_is_one_clear_line_and_makes_no_database(tmp_path: Path, source: str) -> None:
    with pytest.raises(SettingError, match=r"nowhere\.db: there is no such file"):
        export(tmp_path / "history", database=str(tmp_path / "nowhere.db"))
    with pytest.raises(CarryError, match="no finished epoch is held there"):
        export(tmp_path / "history", database=source, from_epoch=100)
    export(tmp_path / "history", database=source)
    torn = tmp_path / "torn"
    torn.write_bytes((tmp_path / "history").read_bytes()[:-1])
    for file in (Path(source), tmp_path / "nothing", torn):
        with pytest.raises(CarryError, match=r"is no history of Vedette|No such file|is torn"):
            import_(file, database=str(tmp_path / "nowhere.db"))
    with pytest.raises(SettingError, match="--endpoint: 'here' is no URL"):
        import_(tmp_path / "history", database=str(tmp_path / "nowhere.db"), endpoint="here")
    assert not (tmp_path / "nowhere.db").exists()


def test_the_first_endpoint_of_the_settings_is_compared_with_unless_told_otherwise(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "vedette.toml"
    config.write_text('database = "other.db"\n[[endpoints]]\nname = "gate"\nurl = "http://127.0.0.1:9"\n')
    export(tmp_path / "history", database=source)
    with pytest.raises(CarryError, match="cannot be compared with gate: No answer"):
        import_(tmp_path / "history", config=config)
    with pytest.raises(CarryError, match=r"cannot be compared with 127\.0\.0\.1:8: No answer"):
        import_(tmp_path / "history", config=config, endpoint="http://127.0.0.1:8")
    capsys.readouterr()
    import_(tmp_path / "history", config=config, compare=False)
    assert "nothing in it was compared with a node" in capsys.readouterr().out


def test_a_full_disk_is_one_line_and_the_import_goes_on_later(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(tmp_path / "history", database=source)
    asyncio.run(_made(tmp_path / "other.db"))
    command = [sys.executable, "-m", "vedette.cli", "history", "import", str(tmp_path / "history")]
    full = subprocess.run(
        [*command, "--database", str(tmp_path / "other.db")],
        check=False,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000)),
    )
    assert (full.returncode, full.stdout) == (2, "")
    assert re.fullmatch(
        r"vedette: the database cannot go on \(.*\): put that right, then do it again\n", full.stderr
    )
    import_(tmp_path / "history", database=str(tmp_path / "other.db"))
    assert f"{COUNT - 1} epochs from 1" in capsys.readouterr().out


async def _made(place: Path) -> None:
    await (await Database.open(str(place))).close()


def test_who_stops_an_import_hears_what_to_do(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    export(tmp_path / "history", database=source)

    async def stopped(database: Database, file: Path, tell: Tell, _: object) -> None:
        def tell_and_stop(what: str, done: int, whole: int) -> None:
            tell(what, done, whole)
            if what == "writing":
                signal.raise_signal(signal.SIGINT)

        await arrive(database, file, tell_and_stop)

    monkeypatch.setattr(history_commands, "arrive", stopped)
    with pytest.raises(KeyboardInterrupt):
        import_(tmp_path / "history", database=str(tmp_path / "other.db"))
    line = "vedette: stopped; what is written is whole: import again, and it goes on\n"
    assert capsys.readouterr().err == line


async def test_the_status_of_a_running_server_is_one_line(tmp_path: Path) -> None:
    async with served(settings(tmp_path), MachineClock()) as (_, url):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "vedette.cli", "history", "status", "--server", url),
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
    assert (process.returncode, out) == (0, b"how far the past is read is not known yet\n")


@pytest.mark.parametrize(
    "now, line",
    [
        (HistoryNow(None, None, None, None), "how far the past is read is not known yet"),
        (HistoryNow(0, 7_000, 5.0, 0), "all 7,000 blocks are read"),
        (HistoryNow(6_900, 7_000, None, None), "6,900 of 7,000 blocks are to be read"),
        (
            HistoryNow(4_920_000, 4_920_240, 4.71, 1_044_585),
            "4,920,000 of 4,920,240 blocks are to be read, 4.7 a second: 12 d 2 h left",
        ),
    ],
)
def test_how_far_it_is_read_is_said_in_words(now: HistoryNow, line: str) -> None:
    assert line_of(now) == line


@pytest.mark.parametrize(
    "seconds, words",
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3_599, "59 min 59 s"),
        (86_399, "23 h 59 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds: int, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    "status, body, words",
    [(404, b"{}", "with HTTP 404"), (200, b"<html>", "no Vedette"), (200, b'{"a": 1}', "no Vedette")],
)
async def test_whoever_is_no_vedette_is_named(status: int, body: bytes, words: str) -> None:
    async def answer(_: aiohttp.web.Request) -> aiohttp.web.Response:
        return aiohttp.web.Response(status=status, body=body)

    app = aiohttp.web.Application()
    app.router.add_get("/api/v1/history", answer)
    async with TestServer(app) as server:
        with pytest.raises(SettingError, match=words) as caught:
            await asked(f"http://127.0.0.1:{server.port}/")
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["node", "gateway"])
async def test_what_was_imported_is_not_asked_again(tmp_path: Path, name: str) -> None:
    """Whatever the endpoint's name is, here and there."""
    network = Network.grown(ReplayOptions(epochs=20, term_blocks=20, accounts=30, stake_votes=20_000))
    async with opened(tmp_path / "one.db") as one, opened(tmp_path / "two.db") as two:
        async with following(network, one, {"node": Faults()}) as watch:

            async def complete() -> bool:
                return watch.has_read() and len(await counted(one)) == 19 and len(await paid(one)) >= 17

            await until(complete)
        await leave(one, tmp_path / "history")
        await arrive(two, tmp_path / "history")
        assert await counted(two) == {epoch: network.truth(epoch) for epoch in range(1, 20)}
        assert await paid(two) == await paid(one)
        async with following(network, two, {name: Faults()}) as watch:
            await until(watch.has_read)
            asked = watch.endpoints[name].calls
        assert asked < 200, "the epoch under way, and what belongs to now"
        assert await counted(two) == await counted(one)
