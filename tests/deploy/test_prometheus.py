"""Alert rules and dashboards: Prometheus understands them, and they do what their story says."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts import dashboards
from tests.promtool import promtool

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/rules.yaml"
BOARDS = sorted((ROOT / "deploy/grafana").glob("*.json"))


def alerts() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels(board: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(board.read_text())["panels"]
    return found


def test_prometheus_understands_the_rules_and_the_example() -> None:
    assert f"{len(alerts())} rules found" in promtool("check", "rules", RULES)
    promtool("check", "config", "--syntax-only", RULES.parent / "prometheus.yaml")


def test_rules_fire_as_their_stories_say() -> None:
    assert "SUCCESS" in promtool("test", "rules", RULES.parent / "rules_test.yaml")


def test_every_alert_says_what_to_do() -> None:
    page = (ROOT / "docs/how-to/prometheus.md").read_text()
    for alert in alerts():
        name = alert["alert"]
        assert alert["annotations"]["runbook"] == f"docs/how-to/prometheus.md#{name.lower()}"
        assert f"\n### {name}\n" in page, f"the page has nothing about {name}"
        assert alert["labels"]["severity"] in {"critical", "warning"}
        assert {"summary", "description"} < alert["annotations"].keys()


def test_dashboards_are_as_their_tables_say() -> None:
    assert {board.name: board.read_text() for board in BOARDS} == dashboards.made()


@pytest.mark.parametrize("board", BOARDS, ids=[board.stem for board in BOARDS])
def test_prometheus_understands_what_a_dashboard_asks(board: Path, tmp_path: Path) -> None:
    asked = [target["expr"] for panel in panels(board) for target in panel["targets"]]
    rules = [{"record": f"panel:{at}", "expr": one} for at, one in enumerate(asked)]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}))
    assert f"{len(asked)} rules found" in promtool("check", "rules", file)


@pytest.mark.parametrize("board", BOARDS, ids=[board.stem for board in BOARDS])
def test_panels_lie_beside_each_other(board: Path) -> None:
    made = json.loads(board.read_text())
    assert len({panel["id"] for panel in made["panels"]}) == len(made["panels"])
    places = [panel["gridPos"] for panel in made["panels"]]
    assert all(one["x"] >= 0 and one["x"] + one["w"] <= dashboards.COLUMNS for one in places)
    for a, b in combinations(places, 2):
        apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        assert apart or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
    variables = {one["name"] for one in made["templating"]["list"]}
    used = {name for panel in made["panels"] for name in re.findall(r"\$\{?(\w+)", json.dumps(panel))}
    assert used <= variables
