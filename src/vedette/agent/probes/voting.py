"""Whether the node means to vote. Read only: the methods beside this one start and stop voters."""

from vedette.agent.probes.node import Node
from vedette.agent.probes.reading import Reading
from vedette.conflux.pow import voting


def read(node: Node) -> Reading:
    return Reading(states={"node.voting": "true" if voting(node.ask("test_posVotingStatus")) else "false"})
