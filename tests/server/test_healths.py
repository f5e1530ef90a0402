"""A node's health as the API tells it, from what it and its neighbours said last."""

from vedette.model.health import Duty
from vedette.model.view import NodeState
from vedette.server.api.healths import health_shapes
from vedette.server.company import Neighbour, Outside
from vedette.store.nodes import NodeRow

NOW_MS = 1_800_000_000_000
OURS, THEIRS = "7300:0x1b1b1b1b1b1b1b1b", "7300:0x2c2c2c2c2c2c2c2c"
NOBODY = Outside(None, None, None, lambda _: Duty())


def node(name: str, pivots: str | None, state: NodeState = NodeState.UP) -> Neighbour:
    numbers = {"pow.latest_epoch": 7_400, "pow.still_seconds": 1}
    states = {"process.state": "running", "node.sync_phase": "NormalSyncPhase"}
    told = states if pivots is None else {**states, "pow.pivots": pivots}
    row = NodeRow(name, 1, name, "full", NOW_MS, NOW_MS + 15_000, NOW_MS, numbers, told, None, None)
    return Neighbour(row, state)


def pow_of(subject: Neighbour, *others: Neighbour) -> tuple[str, str]:
    layer = health_shapes([subject, *others], NOBODY, NOW_MS)[subject.row.id].pow
    return layer.state, layer.reason


def test_a_node_with_another_pivot_block_than_its_neighbours_is_forked() -> None:
    lost, well = node("lost", THEIRS), [node("a", OURS), node("b", OURS)]
    assert pow_of(lost, *well) == ("forked", "pivot_differs")
    assert pow_of(well[0], well[1], node("c", OURS), lost) == ("healthy", "pow_near")


def test_too_few_and_silent_neighbours_accuse_nobody() -> None:
    lost = node("lost", THEIRS)
    assert pow_of(lost, node("a", OURS)) == ("healthy", "pow_near")
    assert pow_of(lost, node("a", OURS), node("b", OURS, NodeState.SILENT)) == ("healthy", "pow_near")
    assert pow_of(node("mute", None), node("a", OURS), node("b", OURS)) == ("healthy", "pow_near")


def test_a_standstill_is_judged_by_now_and_not_by_the_last_post() -> None:
    def stuck(heard_s: int, told: dict[str, float]) -> tuple[str, str]:
        numbers = {"pow.latest_epoch": 7_000, "pow.still_seconds": 118.4, **told}
        heard_at_ms, states = NOW_MS - heard_s * 1000, node("mute", OURS).row.states
        row = NodeRow("mute", 1, "mute", "full", heard_at_ms, NOW_MS, NOW_MS, numbers, states, None, None)
        return pow_of(Neighbour(row, NodeState.UP), node("a", OURS), node("b", OURS))

    looks = {"probe.vitals.age_seconds": 0.5}
    assert stuck(1, looks)[0] == "lagging"
    assert stuck(2, looks) == ("zombie", "pow_still")
    assert stuck(2, {})[0] == "lagging"
