"""An agent that watches the server: what it says, when, and how often; by its own contact point."""

import json
import logging
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.agent.conftest import settings_for
from tests.agent.stand_ins import Canned, StubNode, serving
from tests.ports import free_port
from vedette.agent.commands import app
from vedette.agent.options import Options, write_options
from vedette.agent.outcry import Cry, NotTold, contact_of
from vedette.agent.sentinel import (
    FILE_NAME,
    REMIND_MS,
    STATE_NAME,
    WORDS,
    Known,
    Sentinel,
    Watch,
    Word,
    cry_of,
    due,
    read_watch,
    silence_of,
    told,
    trial_of,
)
from vedette.agent.troubles import Troubles
from vedette.model.errors import SettingError

ENROL = "enrol-me-enrol-me-enrol-me"
NOW_MS = 1_795_000_000_000
WATCH = Watch(contact="https://hooks.example.org/a")
CRY = Cry("lost", "the server is lost", "since noon", {"server": "watch.example.org"})


class Box:
    """A contact point's other side."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.status = 200

    def respond(self, path: str, headers: dict[str, str], body: bytes) -> Canned:
        if self.status == 200:
            self.told.append((path, headers, json.loads(body)))
        return Canned(b"{}", self.status)

    @property
    def kinds(self) -> list[str]:
        return [body["kind"] for *_, body in self.told]


@pytest.fixture
def box() -> Box:
    return Box()


def alive(path: str, _: dict[str, str], __: bytes) -> Canned:
    return Canned(b"alive\n", 200, "text/plain") if path == "/healthz" else Canned(b"{}", 404)


# --- what to say, and when --------------------------------------------------------------------------------


def test_it_is_lost_after_two_minutes_and_said_once() -> None:
    assert due(Known(), 119_999, NOW_MS, WATCH) is None
    assert due(Known(), 120_000, NOW_MS, WATCH) is Word.LOST
    known = told(Known(), Word.LOST, 120_000, NOW_MS)
    assert known == Known(NOW_MS - 120_000, NOW_MS)
    assert due(known, 500_000, NOW_MS + 380_000, WATCH) is None


def test_its_return_is_said_once_and_only_if_its_loss_was() -> None:
    assert due(Known(), 0, NOW_MS, WATCH) is None
    known = told(Known(), Word.LOST, 120_000, NOW_MS)
    assert due(known, 0, NOW_MS + 5, WATCH) is Word.BACK
    assert due(told(known, Word.BACK, 0, NOW_MS + 5), 0, NOW_MS + 6, WATCH) is None


def test_one_that_comes_and_goes_is_told_each_half_hour_at_most() -> None:
    said, known = [], Known()
    for minute in range(4 * 60):  # five minutes up, five down
        silent = (minute % 10 - 4) * 60_000 if minute % 10 >= 5 else 0
        word = due(known, silent, NOW_MS + minute * 60_000, WATCH)
        if word is not None:
            said.append((minute, word))
            known = told(known, word, silent, NOW_MS + minute * 60_000)
    lost = [minute for minute, word in said if word is Word.LOST]
    assert all(after - before >= 30 for before, after in pairwise(lost))
    assert [word for _, word in said] == [Word.LOST, Word.BACK] * len(lost)
    assert 6 <= len(lost) <= 8


def test_a_long_loss_is_said_again_after_hours() -> None:
    known = Known(NOW_MS - 120_000, NOW_MS)
    assert due(known, REMIND_MS, NOW_MS + REMIND_MS - 1, WATCH) is None
    assert due(known, REMIND_MS, NOW_MS + REMIND_MS, WATCH) is Word.STILL
    assert told(known, Word.STILL, REMIND_MS, NOW_MS + REMIND_MS).lost_at_ms == NOW_MS - 120_000


def test_a_clock_that_was_set_back_silences_nobody() -> None:
    assert due(Known(None, NOW_MS + 10**9), 120_000, NOW_MS, WATCH) is Word.LOST


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_message_names_server_and_time(lang: Any) -> None:
    assert WORDS["en"].keys() == WORDS["zh"].keys()
    for word in Word:
        cry = cry_of(word, "https://u:p@watch.example.org", 130_000, NOW_MS, "it is gone", lang)
        assert "watch.example.org" in cry.title
        assert "2026-11-18" in cry.text
        assert "u:p" not in cry.title + cry.text + json.dumps(dict(cry.facts))
    assert "watch.example.org" in trial_of("https://watch.example.org", WATCH).title


# --- contact points ---------------------------------------------------------------------------------------


def test_each_sort_of_contact_point_is_told_in_its_own_way(box: Box) -> None:
    with serving(box.respond) as at:
        place = at.url.removeprefix("http://")
        for url in (
            f"ntfy+http://:tk_secret@{place}/our-topic",
            f"telegram+http://123:ABC@{place}/-100200",
            f"{at.url}/hook?key=secret",
        ):
            contact_of(url).send(CRY)
    ntfy, telegram, webhook = box.told
    assert ntfy[2] == {
        "topic": "our-topic",
        "title": CRY.title,
        "message": CRY.text,
        "priority": 5,
    }
    assert {name.lower(): value for name, value in ntfy[1].items()}["authorization"] == "Bearer tk_secret"
    assert (telegram[0], telegram[2]["chat_id"]) == ("/bot123:ABC/sendMessage", "-100200")
    assert (webhook[0], webhook[2]["kind"]) == ("/hook?key=secret", "lost")


@contextmanager
def post_office() -> Iterator[tuple[int, list[str]]]:
    """A mail server for one letter at a time."""
    import asyncio

    from aiosmtpd.smtp import SMTP

    letters: list[str] = []

    class Handler:
        async def handle_DATA(self, _: object, __: object, envelope: Any) -> str:  # noqa: N802  aiosmtpd's name
            letters.append(envelope.content.decode())
            return "250 OK"

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(
        loop.create_server(lambda: SMTP(Handler(), hostname="t"), "127.0.0.1", 0)
    )
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1], letters
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        server.close()
        loop.close()


def test_mail_is_sent_with_the_standard_library() -> None:
    with post_office() as (port, letters):
        contact_of(f"smtp://127.0.0.1:{port}?from=watch@a.example&to=ana@b.example").send(CRY)
    assert len(letters) == 1
    assert "Subject: the server is lost" in letters[0]
    with pytest.raises(NotTold, match=r"127\.0\.0\.1 did not take it"):
        contact_of(f"smtp://127.0.0.1:{port}?from=watch@a.example&to=ana@b.example").send(CRY)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense-6b1f",
        "ftp://secret-6b1f@host/",
        "ntfy://host-6b1f",
        "telegram://telegram/secret-6b1f",
        "smtp://u:secret-6b1f@host",
        "smtp://host?from=secret-6b1f&to=a@b",
        "smtp://host?from=a@b&to=a@b%0d%0aBcc: secret-6b1f@c",
        "https://[secret-6b1f/",
    ],
)
def test_what_is_no_contact_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(SettingError) as refused:
        contact_of(url)
    assert "6b1f" not in str(refused.value)


def test_a_refusal_is_one_line_without_the_secret(box: Box) -> None:
    box.status = 403
    with serving(box.respond) as at, pytest.raises(NotTold) as refused:
        contact_of(f"{at.url}/secret-6b1f").send(CRY)
    assert str(refused.value) == "127.0.0.1 answered 403"


# --- looking ----------------------------------------------------------------------------------------------


def quick(contact: str) -> Watch:
    return Watch(contact=contact, after_s=0.1, every_s=0.1, pause_s=0.1)


def test_a_loss_and_a_return_are_told_also_across_a_restart(box: Box, tmp_path: Path) -> None:
    port = free_port()
    with serving(box.respond) as at:
        watch = quick(f"{at.url}/")
        contact = contact_of(watch.contact)
        sentinel = Sentinel(tmp_path, f"http://127.0.0.1:{port}", Troubles())
        time.sleep(0.2)
        sentinel.look(watch, contact)
        sentinel.look(watch, contact)
        again = Sentinel(tmp_path, f"http://127.0.0.1:{port}", Troubles())
        time.sleep(0.2)
        again.look(watch, contact)
        with serving(alive, port):
            again.look(watch, contact)
            again.look(watch, contact)
    assert box.kinds == ["lost", "back"]
    assert "refuses connections" in box.told[0][2]["text"]
    assert stat.S_IMODE((tmp_path / STATE_NAME).stat().st_mode) == 0o600


def test_when_our_own_line_is_down_nobody_is_accused(
    box: Box, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "vedette.agent")
    port, gone = free_port(), free_port()
    watch = quick(f"http://127.0.0.1:{gone}/")
    sentinel = Sentinel(tmp_path, f"http://127.0.0.1:{port}", Troubles())
    time.sleep(0.2)
    sentinel.look(watch, contact_of(watch.contact))
    assert "our own line may be down" in caplog.text
    with serving(alive, port), serving(box.respond, gone):
        sentinel.look(watch, contact_of(watch.contact))
    assert box.told == []
    assert "our own line was down: the server answers again" in caplog.text


def test_whatever_else_answers_there_is_no_sign_of_life(box: Box, tmp_path: Path) -> None:
    def proxy(_: str, __: dict[str, str], ___: bytes) -> Canned:
        return Canned(b"<h1>Bad gateway</h1>", 502, "text/html")

    with serving(box.respond) as at, serving(proxy) as server:
        watch = quick(f"{at.url}/")
        sentinel = Sentinel(tmp_path, server.url, Troubles())
        time.sleep(0.2)
        sentinel.look(watch, contact_of(watch.contact))
    assert box.kinds == ["lost"]
    assert "HTTP 502" in box.told[0][2]["text"]


# --- the command, and a real agent ------------------------------------------------------------------------


def ask(folder: Path, *words: str) -> None:
    app(["sentinel", *words, "--dir", str(folder)], result_action="return_value")


def enrolled(folder: Path, server: str) -> Path:
    folder.mkdir(exist_ok=True)
    write_options(folder, Options(server=server, name="alice"))
    return folder


def test_the_command_tests_and_keeps_the_contact_for_its_owner_alone(
    box: Box, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(box.respond) as at, serving(alive) as server:
        folder = enrolled(tmp_path / "agent", server.url)
        ask(folder)
        monkeypatch.setattr(sys, "stdin", StringIO(f"{at.url}/secret-6b1f\n"))
        ask(folder, "--contact", "-", "--language", "zh")
        ask(folder)
    assert box.kinds == ["test"]
    assert "测试" in box.told[0][2]["title"]
    assert stat.S_IMODE((folder / FILE_NAME).stat().st_mode) == 0o600
    watch = read_watch(folder)
    assert watch is not None
    assert (watch.after_s, watch.every_s, watch.pause_s, watch.language) == (120, 15, 1_800, "zh")
    said = capsys.readouterr().out
    assert "the server is not watched" in said
    assert "the server answers" in said
    assert "secret-6b1f" not in said
    ask(folder, "--off")
    ask(folder, "--off")
    assert not (folder / FILE_NAME).exists()
    assert capsys.readouterr().out == "the server is watched no longer\nit was not watched\n"


def test_a_contact_that_takes_no_test_changes_nothing(box: Box, tmp_path: Path) -> None:
    box.status = 500
    with serving(box.respond) as at:
        folder = enrolled(tmp_path / "agent", "http://127.0.0.1:1")
        with pytest.raises(SettingError, match="nothing was changed"):
            ask(folder, "--contact", f"{at.url}/")
    assert read_watch(folder) is None
    with pytest.raises(SettingError, match="after_s"):
        ask(folder, "--contact", "https://a.example/", "--after", "0")


def test_a_file_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("{}")
    with pytest.raises(SettingError, match="run vedette agent sentinel again"):
        read_watch(tmp_path)


def _serve(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """`vedette serve` in a process of its own, once it answers."""
    config = folder / "server.toml"
    config.write_text(f'database = "{folder}/vedette.db"\ningest_token = "{ENROL}"\n')
    command = [sys.executable, "-m", "vedette.cli", "serve", "--config", str(config), "--port", str(port)]
    server = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL)
    _wait(lambda: silence_of(f"http://127.0.0.1:{port}") is None)
    return server


@pytest.mark.slow
def test_a_real_agent_tells_that_a_real_server_is_lost_and_is_back(box: Box, tmp_path: Path) -> None:
    """Processes of their own; the server is killed, and started again. Thresholds are of seconds."""
    port = free_port()
    with serving(StubNode().respond) as node_at, serving(box.respond) as at:
        settings = settings_for(tmp_path, f"http://127.0.0.1:{port}", node_at.url)
        folder = enrolled(Path(settings.dir), settings.server)
        (tmp_path / "token").write_text(ENROL)
        running = [_serve(tmp_path, port)]
        try:
            ask(folder, "--contact", f"{at.url}/", "--after", "3", "--every", "0.5", "--pause", "1")
            assert box.kinds == ["test"]
            command = [sys.executable, "-m", "vedette.agent", msgspec.json.encode(settings).decode()]
            log = tmp_path / "agent.log"
            with log.open("wb") as file:
                running.append(subprocess.Popen(command, env={**os.environ}, stderr=file))
            _wait(lambda: "enrolled at" in log.read_text())  # it works as any agent does
            running[0].kill()
            _wait(lambda: box.kinds == ["test", "lost"])
            running.append(_serve(tmp_path, port))
            _wait(lambda: box.kinds == ["test", "lost", "back"])
        finally:
            for process in running:
                process.kill()
                process.wait(30)


def _wait(true: Any) -> None:
    ends_at = time.monotonic() + 60
    while not true():
        assert time.monotonic() < ends_at
        time.sleep(0.05)
