"""`vedette user`, as a person runs it: whole processes over a real file."""

import asyncio
import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.server.accounts import place
from vedette.cli import app
from vedette.model.errors import VedetteError
from vedette.store import tables as t
from vedette.store.database import Database

PASSWORD = "a heron stands in the reeds"


class Desk:
    """A shell on the server's machine."""

    def __init__(self, home: Path, patch: pytest.MonkeyPatch, out: pytest.CaptureFixture[str]) -> None:
        self.home, self._patch, self._out = home, patch, out
        self.config = home / "vedette.toml"
        self.config.write_text(
            "[accounts]\npassword_memory_kib = 19456\npassword_rounds = 2\n"
            '[server]\npublic_url = "https://w.example"\n'
        )
        asyncio.run(self._made())

    async def _made(self) -> None:
        await (await Database.open(str(self.home / "vedette.db"))).close()

    def words(self, *words: str) -> list[str]:
        return ["user", *words, "--config", str(self.config), "--database", str(self.home / "vedette.db")]

    def run(self, *words: str, stdin: str = "") -> tuple[int, str]:
        """As if typed; what it said, and its status."""
        self._patch.setattr(sys, "stdin", io.StringIO(stdin))
        try:
            app(self.words(*words), result_action="return_value")
        except VedetteError as error:
            return 2, str(error)
        return 0, self._out.readouterr().out.strip()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, monkeypatch, capsys)


def test_people_are_added_listed_and_let_go_of(desk: Desk) -> None:
    assert desk.run("list") == (0, "nobody has an account yet: vedette user add NAME")
    first = desk.run("add", "Alice", "--password-stdin", stdin=PASSWORD + "\n")
    assert first == (0, "alice may sign in at https://w.example/sign-in as administrator")
    code, told = desk.run("add", "alice", "--password-stdin", stdin=PASSWORD)
    assert (code, told) == (2, "alice is there already: choose another name")
    code, told = desk.run("add", "bob", "--role", "viewer", "--password-stdin", stdin=PASSWORD)
    assert (code, told) == (0, "bob may sign in at https://w.example/sign-in")
    code, told = desk.run("disable", "alice")
    assert (code, "only administrator" in told, "\n" in told) == (2, True, False)
    assert desk.run("admin", "bob")[0] == desk.run("disable", "alice")[0] == 0
    _, told = desk.run("list")
    alice, bob = told.splitlines()
    assert alice.endswith("owner of first, administrator, disabled")
    assert bob.endswith("viewer of first, administrator")
    assert desk.run("disable", "alice", "--off") == (0, "alice may sign in again")
    assert desk.run("admin", "bob", "--off") == (0, "bob is no administrator any more")
    again = desk.run("password", "bob", "--password-stdin", stdin="two otters share a fish")
    assert again[1].startswith("bob has a new password; 0 sign-ins ended")
    lost = desk.run("password", "bob", "--drop-authenticator", "--password-stdin", stdin=PASSWORD)
    assert lost == (0, "bob has a new password; 0 sign-ins ended")
    code, told = desk.run("password", "nobody", "--password-stdin", stdin=PASSWORD)
    assert (code, told) == (2, "nobody is called nobody: vedette user list shows who is there")
    code, told = desk.run(
        "add", "carol", "--role", "viewer", "--team", "9", "--password-stdin", stdin=PASSWORD
    )
    assert (code, told) == (2, "there is no team 9: leave --team out for the first one")


def test_a_weak_password_or_none_is_refused_in_one_line(desk: Desk) -> None:
    code, told = desk.run("add", "alice", "--password-stdin", stdin="password123")
    assert (code, told.startswith("that password is among"), "\n" in told) == (2, True, False)
    code, told = desk.run("add", "alice")
    assert (code, "--password-stdin" in told) == (2, True)


def test_a_typed_password_is_not_shown(desk: Desk) -> None:
    ours, theirs = pty.openpty()
    env = os.environ | {"TERM": "dumb"}
    done = subprocess.Popen(
        [sys.executable, "-m", "vedette.cli", *desk.words("add", "alice")],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=env,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    for prompt in (b"New password: ", b"Once more: "):
        while prompt not in shown:
            shown += os.read(ours, 1024)
        os.write(ours, PASSWORD.encode() + b"\n")
    while b"may sign in" not in shown:
        shown += os.read(ours, 1024)
    assert done.wait(60) == 0
    os.close(ours)
    assert PASSWORD.encode() not in shown


async def test_whoever_was_added_by_hand_signs_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with place(tmp_path) as here:
        monkeypatch.setattr(sys, "stdin", io.StringIO(PASSWORD))
        words = ["user", "add", "alice", "--password-stdin", "--database", str(tmp_path / "vedette.db")]
        await asyncio.to_thread(app, words, result_action="return_value")
        status, told = await here.browser().sign_in()
        assert (status, told["team"]["role"], told["user"]["is_admin"]) == (200, "owner", True)
        async with here.house.database.read() as conn:
            kept = (await conn.execute(select(t.users.c.password_hash))).scalar_one()
        assert "m=32,t=1" in kept, "hashed anew at the server's cost"
