"""A node's health as the API tells it."""

from collections.abc import Mapping, Sequence

from vedette.model.health import worst
from vedette.model.layers import Layer, Verdict
from vedette.server.api.shapes import LayerHealth, NodeHealth
from vedette.server.company import Company, Neighbour, Outside


def health_shapes(all_nodes: Sequence[Neighbour], outside: Outside, now_ms: int) -> dict[str, NodeHealth]:
    """Every node's health, each judged against the others and our endpoints."""
    company = Company(all_nodes, outside, now_ms)
    return {one.row.id: _shape(company.verdicts(one), now_ms) for one in all_nodes}


def _shape(verdicts: Mapping[Layer, Verdict], now_ms: int) -> NodeHealth:
    layers = {layer.value: _layer(verdict, now_ms) for layer, verdict in verdicts.items()}
    return NodeHealth(state=worst(verdicts).value, **layers)


def _layer(verdict: Verdict, now_ms: int) -> LayerHealth:
    return LayerHealth(
        state=verdict.state.value,
        reason=verdict.reason,
        figures=dict(verdict.figures),
        since_ms=None if verdict.seconds is None else now_ms - round(verdict.seconds * 1000),
    )
