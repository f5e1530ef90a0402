"""What waits in the node's pool of transactions."""

from vedette.agent.probes.node import Node
from vedette.agent.probes.reading import Reading
from vedette.conflux.pow import pool_counts

EVERY_S = 60


def read(node: Node) -> Reading:
    counts = pool_counts(node.ask("txpool_status"))
    return Reading(
        {
            "txpool.received_count": counts.received,
            "txpool.unexecuted_count": counts.unexecuted,
            "txpool.ready_count": counts.ready,
            "txpool.deferred_count": counts.deferred,
        }
    )
