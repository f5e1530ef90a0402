"""Metrics over a real port: judged by Prometheus's own tool, and read by a real Prometheus."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as families

from tests.deploy.test_prometheus import BOARDS, alerts, panels
from tests.ports import free_port
from tests.promtool import program, promtool
from tests.server.conftest import STRANGER
from tests.server.history import Past
from tests.server.people import key_of
from tests.server.stage import READ_TOKEN, Agent, bearer, client, enrol, hear, served, settings
from vedette.alerts.rules import RULES
from vedette.model.incident import Incident, Severity, Subject, SubjectKind
from vedette.model.people import FIRST_TEAM, Who
from vedette.server.api.exposition import open_incidents
from vedette.server.api.shapes import Node
from vedette.server.fleet_metrics import GONE_MS, NODES_MAX, Fleet, registry
from vedette.server.house import House

TAPE = json.loads((Path(__file__).parents[1] / "tapes/report.json").read_text())
FLEET = "/api/v1/metrics"
EXAMPLE = Path(__file__).parents[2] / "deploy/prometheus/prometheus.yaml"
MORE_NUMBERS = {
    "disk.data.used_bytes": 1,
    "disk.data.total_bytes": 3,
    "disk.data.seconds_to_full": 9,
    "endpoint.tls_days": 2,
}
OURS = re.compile(r"\bvedette_[a-z_]+")
Samples = dict[str, list[tuple[Mapping[str, str], float]]]


def read(text: str) -> Samples:
    """The samples by name."""
    found: Samples = {}
    for sample in (one for family in families(text) for one in family.samples):
        found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


class Scraped:
    def __init__(self, house: House, url: str, http: aiohttp.ClientSession, past: Past) -> None:
        self.house, self.url, self.http, self.past = house, url, http, past

    async def text(self, path: str, **headers: str) -> str:
        async with self.http.get(self.url + path, headers=headers) as reply:
            assert reply.status == 200, await reply.text()
            assert reply.content_type == "text/plain"
            return await reply.text()


@pytest.fixture
async def scraped(database_file: Path, tmp_path: Path, past: Past) -> AsyncIterator[Scraped]:
    """A past with two watched validators, a voter with all that an agent tells, and a public node."""
    given = settings(tmp_path, database=str(database_file), watch=(past.people[0], past.people[3]))
    async with served(given) as (house, url), client() as http:
        voter, other = Agent('paris "1"\\'), Agent("oslo")
        await _tell(house, voter, TAPE["numbers"] | MORE_NUMBERS,
                    TAPE["states"] | {"node.pos_address": past.people[1], "node.voting": "true"})  # fmt: skip
        await _tell(house, other, {}, {"node.release": "3.0.1"})
        change = http.patch(f"{url}/api/v1/nodes/{other.node_id}", json={"is_public": True})
        async with change as reply:
            assert reply.status == 200
        yield Scraped(house, url, http, past)


async def _tell(house: House, agent: Agent, numbers: dict[str, Any], states: dict[str, str]) -> None:
    await enrol(house, agent)
    await hear(house, *agent.post(agent.envelope(house.ears.now_ms(), numbers=numbers, states=states)))


# --- form -------------------------------------------------------------------------------------------------


async def test_promtool_finds_no_fault_in_either(scraped: Scraped) -> None:
    for path in ("/metrics", FLEET):
        text = await scraped.text(path)
        assert text.count("\n") > 50
        assert await asyncio.to_thread(promtool, "check", "metrics", given=text.encode()) == ""


@pytest.mark.parametrize("path", ["/metrics", FLEET])
async def test_whoever_accepts_openmetrics_gets_it(scraped: Scraped, path: str) -> None:
    accept = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"}
    async with scraped.http.get(scraped.url + path, headers=accept) as reply:
        assert reply.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0;")
        text = await reply.text()
    assert text.endswith("# EOF\n")
    plain = {one.name for one in families(await scraped.text(path))}
    assert {one.name for one in open_metrics(text)} == {name.removesuffix("_total") for name in plain}  # type: ignore[no-untyped-call]


async def test_rules_and_dashboards_ask_only_for_what_there_is(scraped: Scraped) -> None:
    asked = {target["expr"] for board in BOARDS for panel in panels(board) for target in panel["targets"]}
    asked |= {rule["expr"] for rule in alerts()}
    told = await scraped.text("/metrics") + await scraped.text(FLEET)
    known = {f"{name}{'_total' if kind == 'counter' and not name.endswith('_total') else ''}"
             for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", told, re.MULTILINE)}  # fmt: skip
    labels = {name for text in asked for name in OURS.findall(text)}
    assert labels - known == set()
    assert len(labels) > 40


# --- what is told -----------------------------------------------------------------------------------------


async def test_a_member_is_told_of_nodes_validators_incidents_and_the_network(scraped: Scraped) -> None:
    found = read(await scraped.text(FLEET))
    up = {labels["name"]: value for labels, value in found["vedette_node_up"]}
    assert up == {'paris "1"\\': 1, "oslo": 1}
    states = {
        labels["state"]: value for labels, value in found["vedette_node_state"] if labels["name"] == "oslo"
    }
    assert states.pop("up") == 1
    assert set(states.values()) == {0}
    assert {labels["version"] for labels, _ in found["vedette_node_info"]} >= {"3.0.1"}
    ((labels, free),) = [one for one in found["vedette_node_disk_free_bytes"] if one[0]["volume"] == "data"]
    assert (free, labels["name"]) == (2, 'paris "1"\\')
    assert found["vedette_node_resident_memory_bytes"][0][1] == TAPE["numbers"]["process.rss_bytes"]
    assert {labels["layer"] for labels, _ in found["vedette_node_layer_health"]} == {
        "execution", "pow", "pos", "validator"}  # fmt: skip
    assert found["vedette_node_tls_left_seconds"][0][1] == 2 * 86_400
    assert found["vedette_node_voting"][0][1] == 1

    people = scraped.past.people
    assert {one["address"] for one, _ in found["vedette_validator_seats"]} == {
        people[0],
        people[1],
        people[3],
    }
    assert {one["rule"] for one, _ in found["vedette_incidents_open"]} == {rule.name for rule in RULES}
    assert {one["kind"]: value for one, value in found["vedette_fleet_left_out"]} == {
        "nodes": 0, "validators": 0}  # fmt: skip
    assert found["vedette_network_pos_height"] == [({}, 592)]


async def test_a_validators_lines_are_those_of_its_page(scraped: Scraped) -> None:
    found, address = read(await scraped.text(FLEET)), scraped.past.people[0]

    async def page(path: str) -> Any:
        async with scraped.http.get(f"{scraped.url}/api/v1/validators/{address}{path}") as reply:
            return await reply.json()

    def line(name: str) -> float:
        (value,) = [value for labels, value in found[name] if labels["address"] == address]
        return value

    one, outlook = await page("?window=all"), await page("/outlook")
    assert line("vedette_validator_vote_ratio") == one["votes"]["rate"]
    assert line("vedette_validator_seats") == one["committee_votes"]
    for kind in ("available", "locked", "unlocked", "forfeited"):
        assert line(f"vedette_validator_{kind}_votes") == one["stake"][f"{kind}_votes"]
    assert line("vedette_validator_reward_cfx_total") == int(one["performance"]["reward_gdrip"]) / 1e9
    assert line("vedette_validator_retirement_blocks") == outlook["retirement"]["left_blocks"]
    epoch = one["votes"]["strip"][-12:]  # the epoch under way has twelve blocks
    assert line("vedette_validator_signed_blocks_total") == sum(epoch.count(letter) for letter in "sl")
    assert line("vedette_validator_expected_blocks_total") == sum(epoch.count(letter) for letter in "sla")


async def test_a_stranger_is_told_of_the_network_and_of_public_nodes(scraped: Scraped) -> None:
    found = read(await scraped.text(FLEET, **STRANGER))
    assert {labels["name"] for name in found for labels, _ in found[name] if "name" in labels} == {"oslo"}
    assert {name for name in found if not name.startswith("vedette_network_")} == {
        "vedette_node_info", "vedette_node_up", "vedette_node_state", "vedette_node_report_age_seconds"
    }  # fmt: skip
    async with scraped.http.get(scraped.url + "/metrics", headers=STRANGER) as reply:
        assert reply.status == 401


async def test_a_key_for_metrics_opens_the_fleet_and_nothing_else(scraped: Scraped) -> None:
    fleet, other = [await key_of(scraped.house.database, [scope]) for scope in ("metrics", "read")]
    for token in (fleet, other):
        found = read(await scraped.text(FLEET, **bearer(token), **STRANGER))
        assert len(found["vedette_node_up"]) == 2
        assert "vedette_validator_seats" in found
    for path in ("/metrics", "/api/v1/enrolments/x"):
        async with scraped.http.get(scraped.url + path, headers=bearer(fleet) | STRANGER) as reply:
            assert reply.status == 403


async def test_a_node_that_is_not_heard_loses_its_figures_and_then_its_lines(scraped: Scraped) -> None:
    async with scraped.http.get(scraped.url + "/api/v1/nodes") as reply:
        shapes = (await reply.json())["nodes"]
    nodes = [Node.model_validate(one) for one in shapes]
    silent = [one.model_copy(update={"state": "silent"}) for one in nodes]
    fleet = Fleet(nodes[0].heard_at_ms, True, silent, [], {}, None, None, 0)

    def names(fleet: Fleet) -> set[str]:
        return {one.name for family in registry(fleet).collect() for one in family.samples}

    assert {"vedette_node_up", "vedette_node_report_age_seconds"} < names(fleet)
    assert not {"vedette_node_peers", "vedette_node_layer_health", "vedette_node_disk_free_bytes"} & names(
        fleet
    )
    gone = replace(fleet, now_ms=fleet.now_ms + GONE_MS + 60_000)
    assert not any(name.startswith("vedette_node_") for name in names(gone))
    crowd = replace(fleet, nodes=[nodes[0]] * (NODES_MAX + 2))
    samples = [one for family in registry(crowd).collect() for one in family.samples]
    assert sum(one.name == "vedette_node_up" for one in samples) == NODES_MAX
    assert [one.value for one in samples if one.name == "vedette_fleet_left_out"] == [2, 0]


def test_incidents_are_counted_by_rule_and_severity_with_zeros() -> None:
    subject = Subject(SubjectKind.NODE, "n1", "paris")
    told = Incident(1, "a", "node_down", FIRST_TEAM, Severity.CRITICAL, subject, {}, 5, told_at_ms=6)
    pending, other = replace(told, told_at_ms=None), replace(told, team_id=FIRST_TEAM + 1)
    found = open_incidents([told, told, pending, other], Who(FIRST_TEAM))
    assert found["node_down", Severity.CRITICAL] == 2
    assert sum(found.values()) == 2
    assert len(found) == len(RULES) * len(Severity)


# --- a real Prometheus ------------------------------------------------------------------------------------


@pytest.mark.slow  # a Prometheus looks five seconds for its targets
async def test_a_prometheus_scrapes_it_with_a_token_from_a_file(
    database_file: Path, tmp_path: Path, past: Past
) -> None:
    prometheus = program("prometheus")
    given = settings(tmp_path, database=str(database_file), watch=(past.people[0],), trust_loopback=False)
    (tmp_path / "token").write_text(READ_TOKEN)
    async with served(given) as (_, url), client() as http:
        config = tmp_path / "prometheus.yaml"
        config.write_text(scrape_config(url, tmp_path / "token"))
        async with running(prometheus, config, tmp_path) as port:
            query = f"http://127.0.0.1:{port}/api/v1/query?query=vedette_validator_seats"
            found = await sample(http, query)
    assert found["metric"]["address"] == past.people[0]
    assert found["metric"]["job"] == "vedette-fleet"


def scrape_config(url: str, token: Path) -> str:
    """The example, for this server and in a hurry."""
    example: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())
    example["global"] = {"scrape_interval": "200ms"}
    example["rule_files"] = [str(EXAMPLE.parent / "rules.yaml")]
    for job in example["scrape_configs"]:
        job["authorization"]["credentials_file"] = str(token)
        job["static_configs"] = [{"targets": [url.removeprefix("http://")]}]
    return str(yaml.safe_dump(example))


@asynccontextmanager
async def running(prometheus: str, config: Path, folder: Path) -> AsyncIterator[int]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        prometheus, f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
    )  # fmt: skip
    try:
        yield port
    finally:
        process.terminate()
        await process.wait()


async def sample(http: aiohttp.ClientSession, query: str) -> dict[str, Any]:
    """The first that Prometheus has of it."""
    async with asyncio.timeout(60):
        while True:
            with suppress(aiohttp.ClientConnectionError):
                async with http.get(query) as reply:
                    if reply.status == 200 and (found := (await reply.json())["data"]["result"]):
                        return dict(found[0])
            await asyncio.sleep(0.1)
