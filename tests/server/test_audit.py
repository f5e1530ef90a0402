"""The audit log as people read it, and its head, which is told outside the database."""

import logging
import sqlite3
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import delete

from tests.server.people import cookie, key_of, signed_in, team_of
from tests.server.stage import HandClock, client, quiet_house, served, settings, until
from vedette.model.errors import SettingError, StoreError
from vedette.model.people import Role, Who
from vedette.server import pins
from vedette.server.access import NEIGHBOUR
from vedette.server.audit_commands import show, verify
from vedette.server.pins import append, read_pins
from vedette.store import audit
from vedette.store import tables as t
from vedette.store.audit import Head
from vedette.store.database import Database

STRANGER = {"X-Forwarded-For": "203.0.113.7"}


async def note(database: Database, subject: str, who: Who | None = NEIGHBOUR, **detail: Any) -> None:
    await database.write(lambda conn: audit.note(conn, 1_800_000_000_000, who, "key.make", subject, detail))


async def asked(http: aiohttp.ClientSession, url: str, **headers: str) -> tuple[int, Any]:
    async with http.get(url, headers={**STRANGER, **headers}) as reply:
        return reply.status, await reply.json()


async def test_owners_read_their_teams_lines_and_an_administrator_all(tmp_path: Path) -> None:
    async with served(settings(tmp_path)) as (house, url), client() as http:
        other = await team_of(house.database, "other")
        owner = cookie(await signed_in(house.database, "ada"))
        admin = cookie(await signed_in(house.database, "eve", None, is_admin=True))
        operator = cookie(await signed_in(house.database, "oz", Role.OPERATOR))
        await note(house.database, "key:1", name="bot", days=30)
        await note(house.database, "key:2", Who(other, Role.OWNER, is_admin=True))
        await note(house.database, "key:3")
        _, own = await asked(http, f"{url}/api/v1/audit", **owner)
        assert [entry["seq"] for entry in own["entries"]] == [3, 1]
        assert own["entries"][1] == {
            "seq": 1, "at_ms": 1_800_000_000_000, "actor": "machine", "actor_name": None,
            "act": "key.make", "subject": "key:1", "detail": {"name": "bot", "days": 30},
        }  # fmt: skip
        _, page = await asked(http, f"{url}/api/v1/audit?limit=1", **owner)
        _, rest = await asked(http, f"{url}/api/v1/audit?limit=1&before={page['next_before']}", **owner)
        assert ([e["seq"] for e in rest["entries"]], rest["next_before"]) == ([1], None)
        _, every = await asked(http, f"{url}/api/v1/audit?all=true", **admin)
        assert [entry["seq"] for entry in every["entries"]] == [3, 2, 1]
        _, head = await asked(http, f"{url}/api/v1/audit/head", **admin)
        assert (head["seq"], len(head["hash"])) == (3, 64)
        key = {"Authorization": f"Bearer {await key_of(house.database)}"}
        for path in ("audit", "audit?all=true", "audit/head"):
            assert (await asked(http, f"{url}/api/v1/{path}"))[0] == 401
            assert (await asked(http, f"{url}/api/v1/{path}", **operator))[0] == 403
            assert (await asked(http, f"{url}/api/v1/{path}", **key))[0] == 403
        assert (await asked(http, f"{url}/api/v1/audit?all=true", **owner))[0] == 403
        assert (await asked(http, f"{url}/api/v1/audit", **admin))[0] == 403


async def test_the_head_is_told_when_it_moved_and_only_then(tmp_path: Path) -> None:
    async with quiet_house(settings(tmp_path), HandClock()) as house:
        path = tmp_path / "audit-head"
        await house.pins.pin()
        assert not path.exists()
        await note(house.database, "key:1")
        await house.pins.pin()
        await house.pins.pin()
        await note(house.database, "key:2")
        await house.pins.pin()
    assert [pin.seq for pin in read_pins(path)] == [1, 2]
    assert path.read_text().splitlines()[0].endswith(" 2027-01-15T08:00:00+00:00")


async def test_a_server_tells_the_head_and_complains_of_a_log_cut_off(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pins, "PIN_MS", 20)
    async with served(settings(tmp_path)) as (house, _):
        await note(house.database, "key:1")
        await until(lambda: len(read_pins(tmp_path / "audit-head")) == 1)
        await note(house.database, "key:2")
    assert [pin.seq for pin in read_pins(tmp_path / "audit-head")] == [1, 2], "told once more at its end"
    database = await Database.open(str(tmp_path / "vedette.db"))
    await database.write(lambda conn: conn.execute(delete(t.audit).where(t.audit.c.seq == 2)))
    await database.close()
    with caplog.at_level(logging.ERROR):
        async with served(settings(tmp_path)):
            await until(lambda: "does not lead through line 2" in caplog.text)


def test_a_line_that_a_crash_cut_off_told_nothing(tmp_path: Path) -> None:
    path = tmp_path / "head"
    append(path, Head(1, bytes(32)), 0)
    with path.open("a") as file:
        file.write("2 0000")
    assert read_pins(path) == [Head(1, bytes(32))]
    append(path, Head(3, bytes(32)), 0)
    assert read_pins(path) == [Head(1, bytes(32)), Head(3, bytes(32))]


@pytest.mark.parametrize("text", ["1 00\n", "hello\n", "-1 " + "0" * 64 + " x\n", "ÿ\n"])
def test_a_file_that_was_changed_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "head").write_text(text)
    with pytest.raises(SettingError, match="head"):
        read_pins(tmp_path / "head")


@pytest.fixture
async def kept(tmp_path: Path) -> Path:
    """A database with three lines, whose head was told."""
    path = tmp_path / "vedette.db"
    database = await Database.open(str(path))
    for number in range(3):
        await note(database, f"key:{number}", name="\x1b[31mred")
    async with database.read() as conn:
        append(tmp_path / "audit-head", await audit.head(conn), 0)
    await database.close()
    return path


def cut(path: Path) -> None:
    with sqlite3.connect(path) as raw:
        raw.execute("DELETE FROM audit WHERE seq = 3")


def test_verify_says_whole_or_the_first_wrong_line(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verify(database=str(kept))
    assert capsys.readouterr().out.startswith("3 lines are whole, with 1 heads of ")
    cut(kept)
    with pytest.raises(StoreError, match="not whole from line 3 on: the log ends at line 2, and line 3 was"):
        verify(database=str(kept))
    elsewhere = kept.with_name("elsewhere")
    with pytest.raises(SettingError, match="--head: there is no"):
        verify(database=str(kept), head=elsewhere)
    elsewhere.write_text("")
    verify(database=str(kept), head=elsewhere)
    assert "told no head: what was cut off does not show" in capsys.readouterr().out


def test_show_prints_lines_that_no_terminal_obeys(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(database=str(kept), last=2)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["2", "3"]
    assert lines[0].startswith("2  2027-01-15 08:00:00  machine  key.make  key:1  name=")
    assert "\x1b" not in lines[0]
    show(database=str(kept), last=1, as_json=True)
    assert '"team_id": 1' in capsys.readouterr().out
