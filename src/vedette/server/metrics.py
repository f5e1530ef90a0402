"""Prometheus metrics: read from the live parts when somebody asks, kept nowhere else."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from vedette import __version__
from vedette.server.door import Door
from vedette.server.house import House


class HouseCollector(Collector):
    """Turns the house into metrics."""

    def __init__(self, house: House, door: Door) -> None:
        self._house = house
        self._door = door
        self.outbox_oldest_s = 0.0  # told by the route: a collector cannot wait for a database

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        house, stats = self._house, self._house.database.stats
        yield from (
            _gauge("vedette_loop_lag_seconds", "How late the last heartbeat was.", house.ears.lag_ms / 1000),
            _gauge("vedette_ingest_queue_depth", "Deliveries that wait to be written.", len(house.batcher)),
            _gauge("vedette_write_queue_depth", "Deeds that wait for the database.", stats.queue_depth),
            _gauge("vedette_commit_seconds", "How long the last commit took.", stats.commit_ms_last / 1000),
            _gauge("vedette_live_clients", "Open live streams.", len(house.live)),
            _gauge("vedette_outbox_oldest_age_seconds", "Age of the oldest message that waits.",
                   self.outbox_oldest_s),
            _count("vedette_reports", "Reports that were acknowledged.", house.ingest.reports),
            _count("vedette_commits", "Commits of the database.", stats.commits),
        )  # fmt: skip
        yield self._follower_lag()
        yield self._failures()
        yield self._requests()
        yield _gauge("vedette_info", "The version that runs.", 1, {"version": __version__})

    def _follower_lag(self) -> Metric:
        lag = GaugeMetricFamily(
            "vedette_follower_lag_blocks", "Settled blocks not read yet.", labels=["endpoint"]
        )
        for endpoint in self._house.follower.health:
            if endpoint.lag_blocks is not None:
                lag.add_metric([endpoint.name], endpoint.lag_blocks)
        return lag

    def _failures(self) -> Metric:
        failures = CounterMetricFamily("vedette_loop_failures", "Rounds that failed.", labels=["loop"])
        for loop, count in self._house.failures.of.items():
            failures.add_metric([loop], count)
        return failures

    def _requests(self) -> Metric:
        requests = CounterMetricFamily(
            "vedette_http_requests", "Answers given.", labels=["method", "route", "status"]
        )
        for (method, route, status), count in self._door.requests.items():
            requests.add_metric([method, route, str(status)], count)
        return requests


def _gauge(name: str, help_text: str, value: float, labels: dict[str, str] | None = None) -> Metric:
    gauge = GaugeMetricFamily(name, help_text, labels=list(labels or {}))
    gauge.add_metric(list((labels or {}).values()), value)
    return gauge


def _count(name: str, help_text: str, value: float) -> Metric:
    return CounterMetricFamily(name, help_text, value=value)


class Metrics:
    """The registry of one server; several may live in one process."""

    def __init__(self, house: House, door: Door) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._collector = HouseCollector(house, door)
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._registry.register(self._collector)

    def text(self, outbox_oldest_s: float, accept: str) -> tuple[bytes, str]:
        """In the form that the reader accepts, with that form's media type."""
        encode, content_type = choose_encoder(accept)
        self._collector.outbox_oldest_s = outbox_oldest_s
        return encode(self._registry), content_type
