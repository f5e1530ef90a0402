"""A node's minutes looked at again: calm stretches hide nothing, a rule asks for no more than there is."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from vedette.alerts.life import Patience
from vedette.alerts.limits import BY_NAME, Limits
from vedette.alerts.rehearsal import Stretch, relived
from vedette.alerts.rules.rule import always
from vedette.model.view import NodeView, ProcessState, View
from vedette.server.node_minutes import Grid, Minutes
from vedette.server.node_past import ALWAYS, OF_NODES, Crowd, NodePast
from vedette.store.codec import samples
from vedette.store.tiers import MINUTE_MS, fold, of_samples

START_MS = 1_800_000_000_000 // MINUTE_MS * MINUTE_MS
COUNT = 700
SOME = Mapping[str, float]


def node(name: str) -> NodeView:
    running = ProcessState.RUNNING
    return NodeView(name, 1, name, None, running, None, None, START_MS, START_MS + MINUTE_MS)


def minutes(rule: str, name: str, told: Sequence[tuple[SOME, Mapping[str, str]] | None]) -> Minutes:
    """Two samples a minute; None: nothing was heard."""
    rows = [
        (START_MS + MINUTE_MS * place + half, dict(numbers), dict(states))
        for place, one in enumerate(told)
        if one is not None
        for numbers, states in [one]
        for half in (0, 30_000)
    ]
    grid = Grid.over(START_MS, START_MS + MINUTE_MS * len(told) - 1, MINUTE_MS)
    needs = OF_NODES[rule]
    held = fold([of_samples(samples(rows))], MINUTE_MS)
    names, words = (*ALWAYS.numbers, *needs.numbers), (*ALWAYS.words, *needs.words)
    return Minutes.of(node(name), grid, held, tuple(dict.fromkeys(names)), tuple(dict.fromkeys(words)))


@dataclass(frozen=True, eq=False)
class Everything(NodePast):
    """The same past, in which each moment matters."""

    def stretches(self) -> Iterator[Stretch]:
        yield Stretch(0, self.grid.count - 1)


def both(rule: str, past: NodePast) -> list[list[tuple[int, int | None, str]]]:
    """What is told by stretches, and moment by moment."""
    whole = Everything(past.rule, past.nodes, past.crowd, past.team_id)
    lives = [relived(BY_NAME[rule], one, Limits(), Patience()) for one in (past, whole)]
    return [[(one.at_ms, one.until_ms, one.subject.id) for one in life.told] for life in lives]


CALM: Mapping[str, SOME] = {
    "certificate_ending": {"endpoint.tls_days": 60},
    "clock_off": {"host.clock.offset_ms": 3, "host.clock.synchronised": 1},
    "disk_filling": {"disk.data.used_bytes": 1e11, "disk.data.total_bytes": 5e11},
    "execution_behind": {"pow.execution_lag_epochs": 6},
    "few_peers": {"peers.all_count": 20, "pos.still_seconds": 5},
    "memory_short": {"process.rss_bytes": 8e9, "host.memory.total_bytes": 32e9, "host.oom_kills_count": 0},
    "node_down": {},
    "node_silent": {},
    "restart_loop": {"process.restarts_count": 0, "log.database_locked.hour_count": 0},
    "rpc_exposed": {"node.exposed_count": 0},
}
BAD: Mapping[str, Sequence[SOME]] = {
    "certificate_ending": [{"endpoint.tls_days": 9}, {"endpoint.tls_days": 1}],
    "clock_off": [{"host.clock.offset_ms": -900}, {"host.clock.synchronised": 0}],
    "disk_filling": [{"disk.data.used_bytes": 4.8e11}, {"disk.data.seconds_to_full": 3e5}],
    "execution_behind": [{"pow.execution_lag_epochs": 70}, {"pow.execution_lag_epochs": 47}],
    "few_peers": [{"peers.all_count": 2}, {"peers.all_count": 0, "pos.still_seconds": 400}],
    "memory_short": [{"process.rss_bytes": 30e9}, {"host.oom_kills_count": 1}],
    "node_down": [{"process.running": 0}],
    "node_silent": [{}],
    "restart_loop": [{"process.restarts_count": 3}, {"log.database_locked.hour_count": 2}],
    "rpc_exposed": [{"node.exposed_count": 1}],
}


def story(rule: str, seed: int) -> list[tuple[SOME, Mapping[str, str]] | None]:
    """Calm, with some troubles of random length, and some holes."""
    chance = random.Random(seed)
    usual = {"process.running": 1, "process.up_seconds": 1e6, **CALM[rule]}
    told: list[tuple[SOME, Mapping[str, str]] | None] = [(usual, {}) for _ in range(COUNT)]
    for _ in range(chance.randint(1, 4)):
        first, length = chance.randrange(5, COUNT - 5), chance.choice((1, 2, 3, 20, 90))
        numbers = {**usual, **chance.choice(BAD[rule])}
        for place in range(first, min(first + length, COUNT)):
            told[place] = None if rule == "node_silent" else (numbers, {})
    hole = chance.randrange(5, COUNT - 40)
    told[hole : hole + chance.choice((1, 30))] = [None] * chance.choice((1, 30))
    return told[:COUNT]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rule", sorted(CALM))
def test_calm_stretches_hide_nothing(rule: str, seed: int) -> None:
    one = minutes(rule, "n1", story(rule, seed))
    by_stretches, by_moments = both(rule, NodePast(rule, [one], Crowd([one], one.grid), 1))
    assert by_stretches == by_moments


@pytest.mark.parametrize("rule", sorted(CALM))
def test_what_is_bad_is_told(rule: str) -> None:
    found = [
        both(rule, NodePast(rule, [one], Crowd([one], one.grid), 1))[0]
        for seed in range(6)
        for one in [minutes(rule, "n1", story(rule, seed))]
    ]
    assert any(found)


@pytest.mark.parametrize("rule", ["lagging", "pow_stuck"])
@pytest.mark.parametrize("seed", range(3))
def test_of_layers_that_are_well_nothing_is_hidden(rule: str, seed: int) -> None:
    chance = random.Random(seed)
    phase = {"node.sync_phase": "NormalSyncPhase"}

    def line(trouble: range) -> list[tuple[SOME, Mapping[str, str]] | None]:
        told: list[tuple[SOME, Mapping[str, str]] | None] = []
        for minute in range(COUNT):
            stood = minute - trouble.start if minute in trouble else 0
            behind = 60 * stood if rule == "pow_stuck" else 3 * min(stood, 300)
            numbers = {
                "process.running": 1,
                "pow.latest_epoch": 1e6 + 60 * minute - behind,
                "pow.still_seconds": 60.0 * stood if rule == "pow_stuck" else 1.0,
                "pow.risen_epochs": 120 if rule == "lagging" or not stood else 0,
                "pow.execution_lag_epochs": 5,
            }
            told.append((numbers, phase))
        return told

    first = chance.randrange(50, 300)
    nodes = [
        minutes(rule, "n1", line(range(first, first + chance.choice((3, 60, 200))))),
        minutes(rule, "n2", line(range(0))),
        minutes(rule, "n3", line(range(0))),
    ]
    crowd = Crowd(nodes, nodes[0].grid)
    told = []
    for one in nodes:
        by_stretches, by_moments = both(rule, NodePast(rule, [one], crowd, 1))
        assert by_stretches == by_moments
        told += by_stretches
    assert {subject for _, _, subject in told} <= {"n1"}


class Asked(dict[str, float]):
    """Remembers what was asked for."""

    def __init__(self, asked: set[str], told: SOME) -> None:
        super().__init__(told)
        self.asked = asked

    def get(self, name: str, default: object = None) -> object:  # type: ignore[override]  # as wide as a dict's
        self.asked.add(name)
        return super().get(name, default)


@pytest.mark.parametrize("name", sorted(OF_NODES))
def test_a_rule_asks_for_nothing_that_its_past_does_not_tell(name: str) -> None:
    rule, needs, asked = BY_NAME[name], OF_NODES[name], set[str]()
    now_ms = START_MS
    bare = replace(node("n1"), due_at_ms=now_ms + 1, role="backup", agentless=False)
    seen = replace(bare, numbers=Asked(asked, {}), states=Asked(asked, {}))  # type: ignore[arg-type]  # words, here none
    list(rule.judge(View(now_ms, nodes={"n1": seen}), always(rule.limit())))
    told = {*ALWAYS.numbers, *ALWAYS.words, *needs.numbers, *needs.words}
    untold = {"probe.voting.age_seconds", "disk.pos_log_bytes", "log.equivocation.line"}
    assert asked <= told | untold


def test_a_word_lasts_and_an_error_does_not() -> None:
    told: list[tuple[SOME, Mapping[str, str]] | None] = [
        ({"process.running": 1}, {"node.release": "3.0.1", "probe.pow.error": "slow"}),
        ({"process.running": 1}, {}),
        None,
        ({"process.running": 1}, {"node.release": "3.0.2"}),
    ]
    one = minutes("fork_deadline", "n1", told)
    seen = [one.view(place) for place in range(4)]
    assert [view and view.states.get("node.release") for view in seen] == ["3.0.1", "3.0.1", None, "3.0.2"]
    assert [view and "probe.pow.error" in view.states for view in seen] == [True, False, False, False]
    assert [bool(silent) for silent in one.silent] == [False, False, True, False]


def test_before_it_was_heard_of_there_is_no_node() -> None:
    one = minutes("node_down", "n1", [None, None, ({"process.running": 0}, {}), None])
    assert one.view(1) is None
    gone = one.view(2)
    assert gone is not None
    assert gone.process is ProcessState.GONE
    assert gone.died_at_ms == one.grid.end_ms(2)
    assert np.array(one.grid.ends_ms).tolist() == [one.grid.end_ms(place) for place in range(4)]
