"""The generated clients against a running server: both ask the same, and get what the API tells."""

import asyncio
import inspect
import json
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hatch_build import npm_command
from scripts import clients
from tests.server.conftest import Api, database_file, past, stored  # noqa: F401  fixtures of another room
from tests.server.history import Past
from tests.server.people import key_of
from tests.server.stage import Agent, client, enrol, hear, served, settings
from vedette.server.app import openapi_document
from vedette_client import Client, VedetteError

ROOT = Path(__file__).parents[2]
NODE = npm_command()[0]  # the machine's own may be too old to read TypeScript
TYPESCRIPT = ROOT / "clients/typescript/src/client.ts"
ASK = """
const { Client } = await import(process.argv[1]);
const client = new Client(process.argv[2], { token: process.argv[3] });
const told = [];
for (const [name, args] of JSON.parse(process.argv[4])) {
  try { told.push(await client[name](...args)); }
  catch (error) { told.push({ status: error.status, detail: error.detail }); }
}
console.log(JSON.stringify(told));
"""
OPERATIONS = {one.id: one for one in clients.operations(openapi_document())}


@dataclass
class Reach:
    """A server behind a port, and a key to it."""

    url: str
    token: str
    api: Api
    past: Past
    node_id: str

    @property
    def python(self) -> Client:
        return Client(self.url, self.token)

    @property
    def questions(self) -> list[tuple[str, list[str], dict[str, Any]]]:
        """What to ask: an operation, its path's parts, and its query."""
        who = self.past.people[0]
        own = [f"validator{what}" for what in ("Votes", "Performance", "Epochs", "Rewards", "Elections")]
        own += ["oneValidator", "validatorEvents", "validatorOutlook"]
        return [
            ("listValidators", [], {"window": "7d", "sort": "-score", "limit": 3}),
            *[(name, [str(who)], {}) for name in own],
            ("actingCommittee", [], {}),
            ("listEpochs", [], {"limit": 5}),
            ("oneEpoch", ["6"], {}),
            ("oneBlock", ["333"], {}),
            ("listNodes", [], {}),
            ("oneNode", [self.node_id], {}),
            ("nodeStates", [self.node_id], {"names": "node.version"}),
            ("versions", [], {}),
            ("listPools", [], {}),
            ("listIncidents", [], {}),
            ("networkHistory", [], {"window": "all", "points": 5}),
            ("oneNode", ["0000000000000000"], {}),
            ("listEpochs", [], {"limit": 0}),
        ]


@pytest.fixture
async def reach(database_file: Path, tmp_path: Path, past: Past) -> AsyncIterator[Reach]:  # noqa: F811
    given = settings(tmp_path, database=str(database_file), trust_loopback=False)
    async with served(given) as (house, url), client() as http:
        agent = Agent(states={"node.version": "3.0.2"})
        await enrol(house, agent)
        await hear(house, *agent.post(agent.envelope(house.ears.now_ms())))
        token = await key_of(house.database)
        yield Reach(url, token, Api(house, url, http), past, agent.node_id)


def python_says(client: Client, name: str, parts: list[str], query: dict[str, Any]) -> Any:
    try:
        return getattr(client, OPERATIONS[name].snake)(*parts, **query)
    except VedetteError as error:
        return {"status": error.status, "detail": error.detail}


def typescript_says(reach: Reach) -> list[Any]:
    calls = [
        (name, [*parts, *([query] if OPERATIONS[name].query else [])])
        for name, parts, query in reach.questions
    ]
    given = (str(TYPESCRIPT), reach.url, reach.token, json.dumps(calls))
    command = [NODE, "--input-type=module", "-e", ASK, *given]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    answers: list[Any] = json.loads(done.stdout)
    return answers


def steady(told: Any) -> Any:
    """Without what changes from one moment to the next."""
    moving = {"heard_at_ms", "due_at_ms", "since_ms", "to_ms", "from_ms", "figures"}
    if isinstance(told, dict):
        return {name: steady(one) for name, one in told.items() if name not in moving}
    return [steady(one) for one in told] if isinstance(told, list) else told


async def test_both_clients_are_told_what_the_api_tells(reach: Reach) -> None:
    asked = reach.questions
    python = await asyncio.to_thread(lambda: [python_says(reach.python, *one) for one in asked])
    typescript = await asyncio.to_thread(typescript_says, reach)
    bearer = {"Authorization": f"Bearer {reach.token}"}
    for (name, parts, query), ours, theirs in zip(asked, python, typescript, strict=True):
        path = OPERATIONS[name].path.removeprefix("/api/v1").replace("{", "\0{")
        for part in parts:
            path = path.partition("\0")[0] + part + path.partition("}")[2]
        words = "&".join(f"{key}={value}" for key, value in query.items())
        status, _, body = await reach.api.raw(f"{path}?{words}", **bearer)
        raw = json.loads(body)
        told = raw if status == 200 else {"status": status, "detail": raw["detail"]}
        assert steady(ours) == steady(told), name
        assert steady(theirs) == steady(told), name


async def test_a_list_comes_as_a_table(reach: Reach) -> None:
    table = await asyncio.to_thread(reach.python.download, "/api/v1/epochs", format="csv", limit=3)
    assert table.count(b"\r\n") == 4


async def test_a_change_is_sent_and_told(reach: Reach) -> None:
    changed = await asyncio.to_thread(reach.python.change_node, reach.node_id, {"labels": ["europe"]})
    assert changed["labels"] == ["europe"]
    await asyncio.to_thread(reach.python.forget_node, reach.node_id)
    with pytest.raises(VedetteError) as gone:
        await asyncio.to_thread(reach.python.one_node, reach.node_id)
    assert gone.value.status == 404


async def test_without_a_token_it_is_the_public(reach: Reach) -> None:
    public = Client(reach.url)
    assert (await asyncio.to_thread(public.list_nodes))["nodes"] == []
    assert (await asyncio.to_thread(public.healthz)) == "alive\n"
    with pytest.raises(VedetteError) as refused:
        await asyncio.to_thread(public.make_enrolment, {})
    assert refused.value.status == 401


def test_a_server_that_is_not_there_is_an_error_of_ours() -> None:
    with pytest.raises(VedetteError, match="did not answer"):
        Client("http://127.0.0.1:9", timeout_s=5).network()
    with pytest.raises(ValueError, match="base_url"):
        Client("vedette.example.org")


def test_every_operation_has_a_method_and_its_words() -> None:
    assert OPERATIONS
    for one in OPERATIONS.values():
        assert inspect.getdoc(getattr(Client, one.snake)) == one.about
        assert f"\n  {one.id}(" in TYPESCRIPT.read_text()


def test_clients_are_as_the_document_says() -> None:
    for path, text in clients.made().items():
        assert path.read_text() == text, f"{path.relative_to(ROOT)} is stale: make page-types"


@pytest.mark.slow  # the compiler reads the whole schema
def test_the_compiler_finds_no_fault() -> None:
    compiler = ROOT / "ui/node_modules/typescript/bin/tsc"
    command = [NODE, str(compiler), "-p", str(ROOT / "clients/typescript")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
