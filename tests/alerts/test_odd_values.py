"""Whatever a team sets and whatever an agent says, judging goes on: who is not judged is not told."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import yaml

from vedette.alerts.engine import judge
from vedette.alerts.limits import MOST, Limits, kinds_of
from vedette.alerts.rules import RULES
from vedette.alerts.rules.rule import AnyRule
from vedette.alerts.tale import parse, views
from vedette.model.health import Evidence, References, Thresholds, health
from vedette.model.view import NodeState, View

TALES = sorted(Path(__file__).parents[1].joinpath("tales").glob("*.yaml"))
TALES_OF_MANY = TALES[0].with_name("storm_fires.yaml")
ODD = (1e308, -1e308, 1e-300, 0.0, -1.0)


@cache
def pictures() -> tuple[View, ...]:
    """One of each tale, late in it; and one in which there is nothing."""
    some = [*TALES[::8], TALES_OF_MANY]
    last = (tuple(views(parse(yaml.safe_load(path.read_text()))))[-90] for path in some)
    return (View(1_800_000_000_000), *last)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_no_limit_is_so_odd_that_judging_ends(rule: AnyRule) -> None:
    for name, kind in kinds_of(rule).items():
        for value in (0, MOST) if kind in {int, float} else ():
            limits = Limits(rules={rule.name: {name: kind(value)}})
            for view in pictures():
                judge(view, limits)


def odd(view: View) -> Iterator[View]:
    """The same picture, each number of a node in it as odd as can be."""
    for node in view.nodes.values():
        for value in ODD:
            told = replace(node, numbers=dict.fromkeys(node.numbers, value))
            yield replace(view, nodes={**view.nodes, node.id: told})
            for name in node.numbers:
                told = replace(node, numbers={**node.numbers, name: value})
                yield replace(view, nodes={**view.nodes, node.id: told})


def test_no_number_is_so_odd_that_judging_ends() -> None:
    for path in (
        one
        for one in TALES
        if one.stem
        in {"certificate_ending_fires", "disk_filling_small_disk", "absent_votes_comes_back_in_time"}
    ):
        *_, last = views(parse(yaml.safe_load(path.read_text())))
        for view in odd(last):
            judge(view, Limits())


def test_a_pace_of_nearly_nothing_arrives_in_years() -> None:
    numbers = {"pow.latest_epoch": 1.0, "pow.epochs_per_second": 1e-300}
    states = {"node.sync_phase": "CatchUpSyncBlockPhase"}
    others = References(pow_epoch=1e12, pow_epochs_per_second=0.0)
    seen = health(Evidence(NodeState.SYNCING, numbers, states, others), Thresholds())
    assert all(one.figures["eta_seconds"] < 1e9 for name, one in seen.items() if name != "validator")
