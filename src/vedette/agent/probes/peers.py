"""Whom the node talks with: how many, who called whom, and who went deaf. Who they are stays on the host."""

from vedette.agent.probes.node import Node
from vedette.agent.probes.reading import Reading, present
from vedette.conflux.pow import peer_counts


def read(node: Node) -> Reading:
    counts = peer_counts(node.ask("debug_getNetSessions"))
    return Reading(
        present(
            {
                "peers.all_count": counts.all,
                "peers.outgoing_count": counts.outgoing,
                "peers.incoming_count": counts.all - counts.outgoing,
                "peers.unready_count": counts.unready,
                "peers.deaf_count": counts.deaf,
            }
        )
    )
