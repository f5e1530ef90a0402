"""How many peers the node talks with. Who they are stays on the host."""

from vedette.agent.probes.node import Node
from vedette.agent.probes.reading import Reading
from vedette.conflux.pow import peer_counts


def read(node: Node) -> Reading:
    counts = peer_counts(node.ask("debug_getNetSessions"))
    return Reading({"peers.all_count": counts.all, "peers.outgoing_count": counts.outgoing})
