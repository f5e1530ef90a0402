"""Every list as a Parquet file, read back with the library; and lists of nodes and incidents as tables."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from starlette.requests import ClientDisconnect

from tests.server.conftest import STRANGER, Api
from tests.server.history import Past
from tests.server.stage import START_MS, Agent, enrol, hear
from tests.server.test_api_lists import lists
from vedette.model.incident import Incident, Reason, Severity, Subject, SubjectKind
from vedette.model.people import FIRST_TEAM
from vedette.server import parquet as kiln
from vedette.server.api import exports, sheets
from vedette.server.api.shapes import Block, IncidentShape, Node, Validator
from vedette.server.parquet import AT_ONCE, WAITING_MAX, Kiln, ParquetReply
from vedette.server.parquet_writer import Column, Table
from vedette.server.problems import ProblemError
from vedette.store import chain
from vedette.store.incidents import Change, save


async def read(api: Api, path: str, **headers: str) -> pa.Table:
    status, told, body = await api.raw(path, **headers)
    assert status == 200, (path, body)
    assert told["content-type"] == "application/vnd.apache.parquet"
    assert told["content-disposition"].endswith('.parquet"')
    return parquet.read_table(BytesIO(body))


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def spelled(value: Any) -> str:
    """A value of the file as the CSV spells it."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case datetime():
            return str(round(value.timestamp() * 1000))
        case list():
            return " ".join(map(str, value))
        case _:
            return str(value)


async def test_a_file_has_the_rows_of_the_csv_and_the_count_of_the_json(api: Api, past: Past) -> None:
    for path, rows, _ in lists(past):
        found = rows_of(await read(api, f"{path}&format=parquet"))
        assert len(found) == len((await api.get(path))[rows]), path
        csv = await api.table(f"{path}&format=csv")
        assert [{name: spelled(value) for name, value in row.items()} for row in found] == csv, path


async def test_columns_have_types_units_and_a_source(api: Api, past: Past) -> None:
    await api.house.database.write(lambda conn: chain.remember_chain_id(conn, 4242))
    who = past.people[0]
    table = await read(api, f"/validators/{who}/epochs?format=parquet")
    types = {field.name: field.type for field in table.schema}
    assert types["epoch"] == pa.int64()
    assert types["reward_gdrip"] == pa.decimal128(38, 0)
    assert types["first_at_ms"] == pa.timestamp("ms", "UTC")
    assert types["silent"] == pa.bool_()
    told = {name.decode(): value.decode() for name, value in table.schema.metadata.items()}
    assert told["network"] == "chain id 4242"
    assert told["source"].startswith("Vedette ")
    assert told["table"] == f"epochs-{who}"
    assert datetime.fromisoformat(told["made_at"]).tzinfo is not None
    assert table.schema.field("reward_gdrip").metadata[b"unit"] == b"10^-9 CFX"
    first, line = table.to_pylist()[0], (await api.get(f"/validators/{who}/epochs?limit=1"))["epochs"][0]
    assert first["reward_gdrip"] == Decimal(line["reward_gdrip"])
    assert first["first_at_ms"] == datetime.fromtimestamp(line["first_at_ms"] / 1000, UTC)


async def test_a_file_without_a_limit_has_every_page(api: Api) -> None:
    blocks = rows_of(await read(api, "/blocks?format=parquet"))
    assert [row["height"] for row in blocks] == [
        one["height"] for one in await api.pages("/blocks", "blocks", 200)
    ]
    assert {type(one) for row in blocks for one in row["absent"]} == {str}
    part = rows_of(await read(api, "/blocks?format=parquet&limit=250&before=400"))
    assert [row["height"] for row in part] == list(range(399, 149, -1))
    span = rows_of(await read(api, "/network/history?window=all&format=parquet"))
    times = (await api.get("/network/history?window=all"))["times"]
    assert [row["at_s"].timestamp() for row in span] == times


@pytest.mark.parametrize("kind", [Block, Node, Validator, IncidentShape])
def test_both_kinds_of_table_have_the_same_columns(kind: type[Any]) -> None:
    assert [one.name for one in exports.columns(kind)] == sheets.columns(kind)


# --- nodes and incidents ----------------------------------------------------------------------------------


async def node(api: Api) -> str:
    """A node that has told three reports."""
    agent = Agent(states={"node.version": "=3.0.2"})
    await enrol(api.house, agent)
    for seq in range(3):
        at = api.house.ears.now_ms() - 30_000 + 10_000 * seq
        await hear(api.house, *agent.post(agent.envelope(at, numbers={"pow.latest_epoch": seq})))
    return agent.node_id


async def test_a_nodes_past_is_a_table(api: Api) -> None:
    path = f"/nodes/{await node(api)}"
    asked = "names=pow.latest_epoch,pos.epoch"
    told, table = (
        await api.get(f"{path}/series?{asked}"),
        await api.table(f"{path}/series?{asked}&format=csv"),
    )
    known = sum(value is not None for column in told["mean"] for value in column)
    assert (len(table), known) == (6, 6)
    assert [float(row["mean"]) for row in table if row["name"] == "pow.latest_epoch"] == [0, 1, 2]
    assert [int(row["at_ms"]) for row in table][:3] == [round(1000 * at) for at in told["times"]]
    file = await read(api, f"{path}/series?{asked}&format=parquet")
    assert [row["mean"] for row in rows_of(file)] == [float(row["mean"]) for row in table]
    assert file.schema.field("at_ms").type == pa.timestamp("ms", "UTC")

    told = await api.get(f"{path}/states?names=node.version")
    (row,) = await api.table(f"{path}/states?names=node.version&format=csv")
    ((at_ms, value),) = told["states"]["node.version"]
    assert row == {"at_ms": str(at_ms), "name": "node.version", "value": f"'{value}"}
    told = await api.get(f"{path}/availability?window=7d")
    table = await api.table(f"{path}/availability?window=7d&format=csv")
    assert [int(row["at_ms"]) for row in table] == told["cells_at_ms"]
    assert [int(row["rpc_unknown_ms"]) for row in table] == told["rpc"]["cells_unknown_ms"]
    assert (await api.raw(f"{path}/series?{asked}&format=csv", **STRANGER))[0] == 404


async def test_a_strip_is_a_table(api: Api, past: Past) -> None:
    path = f"/validators/{past.people[0]}/votes?last=50"
    told, table = await api.get(path), await api.table(f"{path}&format=csv")
    assert [row["vote"].removeprefix("'") for row in table] == list(told["strip"])
    assert [int(row["height"]) for row in table] == list(range(told["first"], told["first"] + 50))


async def test_incidents_are_a_table_for_their_team_alone(api: Api) -> None:
    subject = Subject(SubjectKind.NODE, "n1", "=paris")
    trouble = Incident(0, "a", "node_down", FIRST_TEAM, Severity.WARNING, subject, {"since": 5}, START_MS)
    for number in range(69):  # all of them are over, so the judge leaves them alone
        over = replace(trouble, key=f"a/{number}", resolved_at_ms=START_MS + number)
        change = Change(over, Reason.RESOLVED, ("email",), START_MS)
        await api.house.database.write(lambda conn, change=change: save(conn, [change]))  # type: ignore[misc]
    table = await api.table("/incidents?format=csv")
    told = (await api.get("/incidents?limit=1000"))["incidents"]
    assert len(table) == 69
    assert [row["id"] for row in table] == [str(one["id"]) for one in told]
    assert (table[0]["subject_name"], table[0]["facts"]) == ("'=paris", "since=5")
    assert table[0]["notices"].startswith("email:resolved:")
    file = rows_of(await read(api, "/incidents?format=parquet"))
    assert [row["opened_at_ms"].timestamp() * 1000 for row in file] == [one["opened_at_ms"] for one in told]
    assert (await api.raw("/incidents?format=csv", **STRANGER))[2].count(b"\n") == 1, "the names of columns"
    assert (await api.raw("/incidents?format=csv"))[1]["cache-control"] == "private, no-cache"


# --- bounds -----------------------------------------------------------------------------------------------

TABLE = Table([Column("a", "int")], {"source": "a test"})


async def counting(pages: int) -> AsyncIterator[Sequence[Sequence[Any]]]:
    for page in range(pages):
        yield [[page * 1_000 + at] for at in range(1_000)]


async def endless(told: list[int]) -> AsyncIterator[Sequence[Sequence[Any]]]:
    page = 0
    while True:
        told[0] = page = page + 1
        yield [[hash((page, at))] for at in range(10_000)]
        await asyncio.sleep(0)


async def test_rows_in_many_groups_are_all_there() -> None:
    growing = await Kiln().file(TABLE, counting(45))
    body = b"".join([chunk async for chunk in growing.chunks()])
    await growing.close()
    file = parquet.ParquetFile(BytesIO(body))
    assert file.metadata.num_row_groups == 3
    assert file.read().column("a").to_pylist() == list(range(45_000))


async def test_whoever_goes_away_leaves_no_process_behind() -> None:
    oven, told = Kiln(), [0]
    reply = ParquetReply(await oven.file(TABLE, endless(told)), {})

    async def gone(_: Any) -> None:
        raise ConnectionResetError

    with pytest.raises(ClientDisconnect):
        await reply({"type": "http", "asgi": {"spec_version": "2.4"}}, gone, gone)  # type: ignore[arg-type]
    assert oven._places._value == AT_ONCE
    seen = told[0]
    await asyncio.sleep(0.1)
    assert told[0] == seen, "nobody reads the database for it any more"


async def test_an_export_does_not_last_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kiln, "LASTS_S", 2)
    oven = Kiln()
    with pytest.raises(ProblemError):  # from the start, if even that took too long
        await read_through(oven, endless([0]))
    assert oven._places._value == AT_ONCE


async def read_through(oven: Kiln, rows: AsyncIterator[Sequence[Sequence[Any]]]) -> None:
    file = await oven.file(TABLE, rows)
    try:
        async for _ in file.chunks():
            pass
    finally:
        await file.close()


async def test_rows_that_do_not_fit_fail_aloud(caplog: pytest.LogCaptureFixture) -> None:
    async def words() -> AsyncIterator[Sequence[Sequence[Any]]]:
        yield [["no number"]]

    with pytest.raises(ProblemError) as failed:
        await Kiln().file(TABLE, words())
    assert failed.value.status_code == 500
    assert "no number" in caplog.text


async def test_a_failing_read_is_told_and_ends_the_process() -> None:
    async def broken() -> AsyncIterator[Sequence[Sequence[Any]]]:
        yield [[1]]
        raise RuntimeError("the database is gone")

    oven = Kiln()
    with pytest.raises(RuntimeError, match="the database is gone"):
        await oven.file(TABLE, broken())
    assert oven._places._value == AT_ONCE


async def test_a_crowd_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    oven = Kiln()
    monkeypatch.setattr(oven, "_waiting", WAITING_MAX)
    with pytest.raises(ProblemError) as failed:
        await oven.file(TABLE, counting(1))
    assert (failed.value.status_code, failed.value.headers) == (503, {"Retry-After": "5"})


async def test_without_the_library_one_line_says_what_to_do(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    status, detail = await api.problem("/epochs?format=parquet")
    assert status == 501
    assert "vedette[parquet]" in detail


@pytest.mark.slow  # imports the whole server anew
def test_the_server_itself_does_not_load_the_library() -> None:
    asks = "import sys, vedette.server.app; print('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asks], capture_output=True, check=True).stdout == b"False\n"
