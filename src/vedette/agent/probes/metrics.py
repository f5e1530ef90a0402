"""A few of the node's own Prometheus metrics, if it was told to serve them.

The node makes each metric when it first has something to count: one that is not there is unknown, never zero.
"""

import math

from vedette.agent.place import Finder
from vedette.agent.probes.reading import Reading
from vedette.conflux.exchange import NoReply, get_once
from vedette.conflux.wire import endpoint_name

EVERY_S = 60
BYTES_MAX = 8 << 20

CHOSEN = {
    "graph_statistic_sync_graph_inserted_header_count": "metrics.sync_graph.headers_count",
    "graph_statistic_sync_graph_inserted_block_count": "metrics.sync_graph.blocks_count",
    "graph_statistic_consensus_graph_inserted_header_count": "metrics.consensus_graph.headers_count",
    "graph_statistic_best_epoch_number": "metrics.best_epoch",
    "consensus_worker_queue_queued": "metrics.consensus_queue_count",
    "network_system_data_read_total": "metrics.network.read_bytes",
    "network_system_data_write_total": "metrics.network.written_bytes",
    "network_system_data_send_queue_size": "metrics.network.send_queue_count",
    "timer_consensus::handle_epoch_execution_total": "metrics.execution.busy_ns",
    "txpool_packed_account_size": "metrics.txpool.packed_accounts_count",
}


def read(url: str | None, finder: Finder, deadline_s: float) -> Reading:
    """Raises OSError in words; `url`: as the operator gave it."""
    url = url or address(finder)
    if url is None:
        return Reading()
    try:
        reply = get_once(url, deadline_s=deadline_s, bytes_max=BYTES_MAX)
    except NoReply as error:
        raise OSError(f"no metrics: {error}") from error
    if reply.status != 200:  # noqa: PLR2004
        raise OSError(f"no metrics: HTTP {reply.status} from {endpoint_name(url)}")
    return Reading(chosen(reply.body[:BYTES_MAX].decode("utf-8", "replace")))


def address(finder: Finder) -> str | None:
    """Where the node was told to serve them; a wildcard address is reached over loopback."""
    files = finder.known()
    if files is None or files.settings.get("metrics_enabled") is not True:
        return None
    host, _, port = str(files.settings.get("metrics_prometheus_listen_addr", "")).rpartition(":")
    if not port.isdigit():
        return None
    return f"http://{'127.0.0.1' if host in {'', '0.0.0.0', '[::]'} else host}:{port}/metrics"  # noqa: S104


def chosen(text: str) -> dict[str, int | float]:
    """Those of the chosen that Prometheus' text holds."""
    found: dict[str, int | float] = {}
    for line in text.splitlines():
        name, _, rest = line.partition(" ")
        if (series := CHOSEN.get(name)) is not None and (value := _number(rest)) is not None:
            found[series] = value
    return found


def _number(text: str) -> int | float | None:
    """A value, perhaps with a time behind it."""
    try:
        value = float(text.partition(" ")[0])
    except ValueError:
        return None
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < 2**53 else value
