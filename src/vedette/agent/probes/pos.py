"""Heights of the PoS chain."""

from vedette.agent.probes.node import Node
from vedette.agent.probes.reading import Reading, present
from vedette.conflux.pos import pos_status


def read(node: Node) -> Reading:
    status = pos_status(node.ask("pos_getStatus"))
    return Reading(
        present(
            {
                "pos.epoch": status.epoch,
                "pos.committed_height": status.committed_height,
                "pos.voted_height": status.voted_height,
                "pos.pivot_height": status.pivot_height,
            }
        )
    )
