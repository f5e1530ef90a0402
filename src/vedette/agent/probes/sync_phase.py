"""How far the node's start has come."""

from vedette.agent.probes.node import Node
from vedette.agent.probes.reading import Reading
from vedette.conflux.pow import sync_phase


def read(node: Node) -> Reading:
    return Reading(states={"node.sync_phase": sync_phase(node.ask("debug_currentSyncPhase"))})
