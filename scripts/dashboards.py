"""The Grafana dashboards: `scripts/dashboards.py` writes deploy/grafana/*.json from the tables below.

A dashboard's JSON is long and says little; here a panel is one line.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).resolve().parent.parent / "deploy" / "grafana"
SOURCE: Final = {"type": "prometheus", "uid": "${source}"}
COLUMNS: Final = 24
GREEN, ORANGE, RED, GREY = "#009E73", "#E69F00", "#D55E00", "#8C8C8C"
"""Of the Okabe-Ito set, as on the page; each state has a word beside its colour."""
HEALTH: Final = ("healthy", "unknown", "syncing", "lagging", "stalled", "zombie", "forked", "down")
HEALTH_COLOURS: Final = (GREEN, GREY, ORANGE, ORANGE, RED, RED, RED, RED)


@dataclass(frozen=True)
class Panel:
    """One picture. `asks` are pairs of an expression and a legend."""

    title: str
    asks: Sequence[tuple[str, str]]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 12
    height: int = 8
    words: dict[str, tuple[str, str]] = field(default_factory=dict)  # value to word and colour
    above: tuple[float, ...] = ()  # from here on orange, then red


NODE = 'node=~"$node"'
ONE = 'address=~"$validator"'
GRADES: Final = {str(n): pair for n, pair in enumerate(zip(HEALTH, HEALTH_COLOURS, strict=True))}
YES_NO: Final = {"0": ("no", RED), "1": ("yes", GREEN)}
UP: Final = {"0": ("down", RED), "1": ("up", GREEN)}

FLEET: Final = (
    Panel("Nodes up", [("sum(vedette_node_up)", "")], kind="stat", width=4, height=4),
    Panel("Nodes down or silent", [("count(vedette_node_up == 0) or vector(0)", "")], kind="stat", width=4,
          height=4, above=(0.5, 1.5)),
    Panel("Incidents open", [("sum by (severity) (vedette_incidents_open)", "{{severity}}")], kind="stat",
          width=8, height=4, above=(0.5, 1.5)),
    Panel("Newest PoS block", [("vedette_network_block_age_seconds", "age")], "s", "stat", 4, 4,
          above=(300, 600)),
    Panel("Votes cast", [("vedette_network_participation_ratio", "")], "percentunit", "stat", 4, 4),
    Panel("Nodes", [(f"vedette_node_up{{{NODE}}}", "{{name}}")], kind="state-timeline", width=12, words=UP),
    Panel("Health by layer", [(f"vedette_node_layer_health{{{NODE}}}", "{{name}} {{layer}}")],
          kind="state-timeline", width=12, words=GRADES),
    Panel("PoS blocks behind the others", [(f"vedette_node_pos_lag_blocks{{{NODE}}}", "{{name}}")]),
    Panel("PoW epochs behind the others", [(f"vedette_node_pow_lag_epochs{{{NODE}}}", "{{name}}")]),
    Panel("Epochs that wait for execution", [(f"vedette_node_execution_lag_epochs{{{NODE}}}", "{{name}}")]),
    Panel("Age of the newest PoW block", [(f"vedette_node_head_age_seconds{{{NODE}}}", "{{name}}")], "s"),
    Panel("Peers", [(f"vedette_node_peers{{{NODE}}}", "{{name}}")]),
    Panel("Free disk", [(f"vedette_node_disk_free_bytes{{{NODE}}}", "{{name}} {{volume}}")], "bytes"),
    Panel("Memory of the node", [(f"vedette_node_resident_memory_bytes{{{NODE}}}", "{{name}}")], "bytes"),
    Panel("Processor cores of the node", [(f"vedette_node_cpu_cores{{{NODE}}}", "{{name}}")]),
    Panel("Means to vote", [(f"vedette_node_voting{{{NODE}}}", "{{name}}")], kind="state-timeline",
          words=YES_NO),
    Panel("Not heard since", [(f"vedette_node_report_age_seconds{{{NODE}}}", "{{name}}")], "s"),
    Panel("Releases", [("count by (version) (vedette_node_info)", "{{version}}")], kind="table"),
    Panel("Certificates end in", [(f"vedette_node_tls_left_seconds{{{NODE}}}", "{{name}}")], "s", "table"),
)  # fmt: skip

VALIDATOR: Final = (
    Panel("Signed of the last 100", [(f"vedette_validator_vote_ratio{{{ONE}}}", "{{name}}")], "percentunit",
          "stat", 6, 4),
    Panel("Seats", [(f"vedette_validator_seats{{{ONE}}}", "{{name}}")], kind="stat", width=6, height=4),
    Panel("Retired by force in, if it signs no more",
          [(f"vedette_validator_retirement_seconds{{{ONE}}}", "{{name}}")], "s", "stat", 6, 4),
    Panel("Yield, a year", [(f"vedette_validator_apy_ratio{{{ONE}}}", "{{name}}")], "percentunit", "stat", 6,
          4),
    Panel("Signed and expected blocks, an hour", [
        (f"increase(vedette_validator_signed_blocks_total{{{ONE}}}[1h])", "{{name}} signed"),
        (f"increase(vedette_validator_expected_blocks_total{{{ONE}}}[1h])", "{{name}} expected"),
    ]),
    Panel("Blocks in a row without its signature",
          [(f"vedette_validator_absent_blocks{{{ONE}}}", "{{name}}")]),
    Panel("Votes", [
        (f"vedette_validator_locked_votes{{{ONE}}}", "{{name}} locked"),
        (f"vedette_validator_available_votes{{{ONE}}}", "{{name}} available"),
        (f"vedette_validator_in_queue_votes{{{ONE}}}", "{{name}} locking"),
        (f"vedette_validator_out_queue_votes{{{ONE}}}", "{{name}} unlocking"),
        (f"vedette_validator_unlocked_votes{{{ONE}}}", "{{name}} unlocked"),
        (f"vedette_validator_forfeited_votes{{{ONE}}}", "{{name}} forfeited"),
    ]),
    Panel("Rewards, a day", [(f"increase(vedette_validator_reward_cfx_total{{{ONE}}}[1d])", "{{name}} CFX")]),
    Panel("Epochs since its last signature", [
        (f"vedette_validator_silent_epochs{{{ONE}}}", "{{name}}")]),
    Panel("Retired by force", [(f"vedette_validator_retired{{{ONE}}}", "{{name}}")], kind="state-timeline",
          words={"0": ("no", GREEN), "1": ("retired", RED)}),
    Panel("Votes cast in the network", [("vedette_network_participation_ratio", "cast")], "percentunit"),
    Panel("The committee's votes", [
        ("vedette_network_committee_votes", "all"), ("vedette_network_quorum_votes", "quorum")]),
)  # fmt: skip


def dashboard(uid: str, title: str, panels: Sequence[Panel], variable: dict[str, Any]) -> dict[str, Any]:
    return {
        "uid": uid,
        "title": title,
        "tags": ["vedette"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_source(), variable]},
        "annotations": {"list": []},
        "panels": _placed(panels),
    }


def _source() -> dict[str, Any]:
    return {"name": "source", "label": "Source", "type": "datasource", "query": "prometheus", "current": {}}


def _variable(name: str, label: str, query: str, regex: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "regex": regex,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def _placed(panels: Sequence[Panel]) -> list[dict[str, Any]]:
    """From left to right, and down where a row is full."""
    placed, x, y, tallest = [], 0, 0, 0
    for number, one in enumerate(panels, 1):
        if x + one.width > COLUMNS:
            x, y, tallest = 0, y + tallest, 0
        placed.append(_panel(one, number, {"x": x, "y": y, "w": one.width, "h": one.height}))
        x, tallest = x + one.width, max(tallest, one.height)
    return placed


def _panel(one: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    made = {
        "id": number,
        "title": one.title,
        "type": one.kind,
        "datasource": SOURCE,
        "gridPos": place,
        "targets": [_target(one, at, ask) for at, ask in enumerate(one.asks)],
        "fieldConfig": {"defaults": _defaults(one), "overrides": []},
        "options": OPTIONS[one.kind],
    }
    if one.kind == "table":
        made["transformations"] = [{"id": "organize", "options": {"excludeByName": {"Time": True}}}]
    return made


def _target(one: Panel, at: int, ask: tuple[str, str]) -> dict[str, Any]:
    expression, legend = ask
    now = {"instant": True, "format": "table"} if one.kind == "table" else {}
    return {
        "refId": chr(ord("A") + at),
        "datasource": SOURCE,
        "expr": expression,
        "legendFormat": legend or "__auto",
        **now,
    }


def _defaults(one: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": GREEN, "value": None}]
    steps += [
        {"color": colour, "value": value} for colour, value in zip((ORANGE, RED), one.above, strict=False)
    ]
    words = {value: {"text": word, "color": colour} for value, (word, colour) in one.words.items()}
    return {
        "unit": one.unit,
        "mappings": [{"type": "value", "options": words}] if words else [],
        "thresholds": {"mode": "absolute", "steps": steps},
    }


LEGEND: Final = {"displayMode": "list", "placement": "bottom", "showLegend": True}
OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "timeseries": {"legend": LEGEND, "tooltip": {"mode": "multi", "sort": "desc"}},
    "stat": {"colorMode": "value", "graphMode": "none", "reduceOptions": {"calcs": ["lastNotNull"]}},
    "state-timeline": {"legend": LEGEND, "mergeValues": True, "rowHeight": 0.8, "showValue": "auto"},
    "table": {"showHeader": True},
}


def made() -> dict[str, str]:
    """Every file's text, by its name."""
    nodes = _variable(
        "node",
        "Node",
        "query_result(vedette_node_info)",
        r'/name="(?<text>[^"]+)|node="(?<value>[^"]+)/g',
    )
    validators = _variable("validator", "Validator", "label_values(vedette_validator_retired, address)", "")
    fleet = dashboard("vedette-fleet", "Vedette: fleet", FLEET, nodes)
    validator = dashboard("vedette-validator", "Vedette: validators", VALIDATOR, validators)
    return {f"{one['uid']}.json": json.dumps(one, indent=1) + "\n" for one in (fleet, validator)}


if __name__ == "__main__":
    for name, text in made().items():
        (FOLDER / name).write_text(text)
