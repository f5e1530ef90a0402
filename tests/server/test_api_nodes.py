"""A node's past over a real port: columns, states, availability."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.stage import TOKEN, Agent, bearer, client, replace_live, served, settings
from vedette.model.report import Report

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


class Stage:
    """A node that told two hours in three parts: up, down, then up with another version."""

    def __init__(self, get: Any, node_id: str, start_ms: int, now_ms: int) -> None:
        self.get, self.node_id, self.start_ms, self.now_ms = get, node_id, start_ms, now_ms

    async def past(self, what: str) -> Any:
        async with self.get(f"/api/v1/nodes/{self.node_id}/{what}") as reply:
            assert reply.status == 200, await reply.text()
            return await reply.json()


def told(start_ms: int) -> list[Report]:
    """A report each half minute: 80 minutes up, 20 down, 20 up again."""
    reports = []
    for n in range(240):
        down = 160 <= n < 200
        numbers = (
            {"process.running": 0, "probe.pow.failed": 1}
            if down
            else {"process.running": 1, "pow.latest_epoch": n}
        )
        states = {} if down else {"node.version": "3.0.1" if n < 160 else "3.0.2"}
        reports.append(Report(n + 1, start_ms + n * 30_000, dict(numbers), states))
    return reports


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with served(settings(tmp_path)) as (house, url), client() as http:
        agent = Agent()
        async with http.post(f"{url}/api/v1/agents", data=agent.enrolment(), headers=bearer(TOKEN)) as reply:
            assert reply.status == 200
        now = house.ears.now_ms()
        start = now - 2 * HOUR_MS
        body, headers = agent.post(replace_live(agent.envelope(now), told(start)))
        async with http.post(f"{url}/api/v1/reports", data=body, headers=headers) as reply:
            assert reply.status == 200, await reply.text()
        yield Stage(lambda path: http.get(url + path), agent.node_id, start, now)


async def test_states_are_runs(stage: Stage) -> None:
    found = await stage.past("states?names=node.version,no.such")
    assert found["states"] == {
        "node.version": [[stage.start_ms, "3.0.1"], [stage.start_ms + 200 * 30_000, "3.0.2"]],
        "no.such": [],
    }
    assert (found["step_ms"], found["available"]) == (0, ["node.version"])


async def test_a_year_of_a_young_node_is_a_few_samples(stage: Stage) -> None:
    found = await stage.past(f"series?names=pow.latest_epoch&from_ms={stage.now_ms - 365 * DAY_MS}&points=30")
    assert found["step_ms"] > DAY_MS
    (least,), (most,) = found["min"], found["max"]
    assert len(least) <= 2  # a step may have ended within its two hours
    assert (min(least), max(most)) == (0.0, 239.0)


async def test_availability_tells_down_from_unknown(stage: Stage) -> None:
    day = await stage.past("availability?window=24h")
    assert day["cell_ms"] == HOUR_MS
    assert day["from_ms"] % HOUR_MS == 0
    assert 24 <= len(day["cells_at_ms"]) <= 25
    process = day["process"]
    # What a sample says lasts until the next one, so that the edges are sharp to half a minute.
    assert process["up_ms"] == pytest.approx(100 * MINUTE_MS, abs=2 * MINUTE_MS)
    assert process["down_ms"] == 20 * MINUTE_MS
    assert process["up_ms"] + process["down_ms"] + process["unknown_ms"] == day["to_ms"] - day["from_ms"]
    assert process["up_ppm"] == 10**6 * process["up_ms"] // (process["up_ms"] + process["down_ms"])
    for line in ("up", "down", "unknown"):
        assert sum(process[f"cells_{line}_ms"]) == process[f"{line}_ms"]
        assert len(process[f"cells_{line}_ms"]) == len(day["cells_at_ms"])
    assert day["rpc"] == process


@pytest.mark.parametrize("window", ["24h", "7d", "30d", "365d", "all"])
async def test_every_window_tells_the_same_of_two_hours(stage: Stage, window: str) -> None:
    found = await stage.past(f"availability?window={window}&cell=day")
    assert found["process"]["down_ms"] == 20 * MINUTE_MS
    assert found["cells_at_ms"][0] == found["from_ms"] == found["from_ms"] // DAY_MS * DAY_MS
    if window == "all":
        assert len(found["cells_at_ms"]) <= 2
