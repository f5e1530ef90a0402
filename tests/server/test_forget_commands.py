"""`vedette forget` as a person calls it."""

import asyncio
import sys
from pathlib import Path

import pytest
from sqlalchemy import insert

from tests.store.doubles import enrolled
from vedette.model.errors import SettingError
from vedette.server.forget_commands import node, team, user
from vedette.store import tables as t
from vedette.store.database import Conn, Database
from vedette.store.forget import ForgetError


@pytest.fixture
def where(tmp_path: Path) -> str:
    async def fill(conn: Conn) -> None:
        await conn.execute(insert(t.teams).values(id=2, name="South"))
        person = {"name": "ada", "pseudonym": "u-1", "created_at_ms": 0}
        await conn.execute(insert(t.users).values(id=1, **person))
        for name in ("one", "two", "two"):
            await enrolled(conn, name + str(len(name)) if name == "one" else name, 2)
        await conn.execute(insert(t.nodes).values(
            id="twin", team_id=1, agent="twin", public_key=b"x", name="two", role="full", enrolled_at_ms=0,
        ))  # fmt: skip

    async def make() -> None:
        database = await Database.open(str(tmp_path / "vedette.db"))
        await database.write(fill)
        await database.close()

    asyncio.run(make())
    return str(tmp_path / "vedette.db")


def test_a_dry_run_counts_and_changes_nothing(where: str, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        team("South", dry_run=True, database=where)
        assert capsys.readouterr().out == "would forget the team South: 2 latest, 2 nodes, 1 teams\n"


def test_it_asks_before_it_forgets(
    where: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingError, match="add --yes"):
        team("2", database=where)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: "no" if "for ever" in question else "?")
    team("2", database=where)
    assert capsys.readouterr().out.endswith("nothing was changed\n")
    team("2", yes=True, database=where)
    assert capsys.readouterr().out.endswith("forgot the team 2: 2 latest, 2 nodes, 1 teams\n")
    with pytest.raises(SettingError, match="there is none called '2'"):
        team("2", yes=True, database=where)


def test_a_person_and_a_node_by_name(where: str, capsys: pytest.CaptureFixture[str]) -> None:
    user("Ada", yes=True, database=where)
    assert capsys.readouterr().out.endswith("forgot the person Ada: 1 users\n")
    node("one3", yes=True, database=where)
    assert capsys.readouterr().out.endswith("forgot the node one3: 1 latest, 1 nodes\n")
    with pytest.raises(SettingError, match=r"2 are called 'two': name one by its number \(.*twin.*\)"):
        node("two", yes=True, database=where)
    node("twin", yes=True, database=where)
    with pytest.raises(ForgetError, match="the installation's own"):
        team("1", yes=True, database=where)
