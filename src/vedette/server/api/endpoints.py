"""A node without an agent, as the page shows it: made of the numbers and states that its rounds told."""

from collections.abc import Mapping
from typing import Any

from vedette.server.api.shapes import EndpointWatch, MethodLatency
from vedette.server.looker import METHODS, series_name
from vedette.store.nodes import NodeRow


def watched(row: NodeRow) -> EndpointWatch:
    """What its newest round found out."""
    numbers, states = row.numbers, row.states
    agrees = numbers.get("endpoint.pivot_agrees")
    given: dict[str, Any] = {
        "space": states.get("endpoint.space", "core"),
        "state": states.get("endpoint.state", "unknown"),
        "reason": states.get("endpoint.reason") if states else "it was not asked yet",
        "pivot_agrees": None if agrees is None else bool(agrees),
        "latencies": _latencies(numbers),
        "archive": states.get("endpoint.archive"),
        "references": numbers.get("endpoint.references_count"),
    }
    plain = (
        "lag_epochs", "lag_blocks", "pivot_epoch", "tls_days", "websocket_ms", "archive_epoch", "interval_ms"
    )  # fmt: skip
    return EndpointWatch.model_validate(given | {name: numbers.get(f"endpoint.{name}") for name in plain})


def _latencies(numbers: Mapping[str, float | int]) -> list[MethodLatency]:
    found = []
    for method in METHODS:
        p50, p95 = (numbers.get(f"rpc.{series_name(method)}.p{percent}_ms") for percent in (50, 95))
        if p50 is not None and p95 is not None:
            found.append(MethodLatency(method=method, p50_ms=p50, p95_ms=p95))
    return found
