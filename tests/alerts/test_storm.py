"""Many nodes that fail together are one message, however many they are."""

from dataclasses import replace

from vedette.alerts.engine import step
from vedette.alerts.life import Patience
from vedette.alerts.limits import Limits
from vedette.model.incident import Incident, Reason
from vedette.model.view import NodeView, ProcessState, View

T = 1_800_000_000_000
NODES = 5_000


def node(place: int, *, gone: bool) -> NodeView:
    process = ProcessState.GONE if gone else ProcessState.RUNNING
    died_at_ms = T if gone else None
    return NodeView(f"n{place}", 1, f"n{place}", None, process, died_at_ms, None, T, T + 3_600_000)


def fleet(gone: int, now_ms: int = T) -> View:
    return View(now_ms, nodes={f"n{place}": node(place, gone=place < gone) for place in range(NODES)})


def lived(*views: View) -> list[tuple[str, Reason]]:
    """What is told of these moments, one after the other."""
    told: list[tuple[str, Reason]] = []
    unresolved: dict[str, Incident] = {}
    for view in views:
        for incident, reason in step(view, list(unresolved.values()), Limits(), Patience()):
            unresolved[incident.key] = replace(incident, id=incident.id or len(unresolved) + 1)
            told += [] if reason is None else [(incident.key, reason)]
            if incident.resolved_at_ms is not None:
                del unresolved[incident.key]
    return told


def test_five_thousand_nodes_that_go_down_at_once_are_one_message_and_their_return_another() -> None:
    down, back = fleet(NODES), fleet(0, T + 60_000)
    assert lived(down, down, replace(down, now_ms=T + 30_000), back, replace(back, now_ms=T + 120_000)) == [
        ("storm/nodes", Reason.OPENED),
        ("storm/nodes", Reason.RESOLVED),
    ]


def test_ten_nodes_are_many_whatever_their_share() -> None:
    assert lived(fleet(10)) == [("storm/nodes", Reason.OPENED)]
    assert len(lived(fleet(9))) == 9
