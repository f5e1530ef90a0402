"""Heights of the PoW chain, and how far execution is behind."""

from vedette.agent.probes.node import Node
from vedette.agent.probes.reading import Reading
from vedette.conflux.pow import pow_status


def read(node: Node) -> Reading:
    status = pow_status(node.ask("cfx_getStatus"))
    return Reading(
        {
            "pow.latest_epoch": status.latest_epoch,
            "pow.state_epoch": status.state_epoch,
            "pow.confirmed_epoch": status.confirmed_epoch,
            "pow.finalized_epoch": status.finalized_epoch,
            "pow.checkpoint_epoch": status.checkpoint_epoch,
            "pow.block_number": status.block_number,
            "pow.pending_tx_count": status.pending_tx_count,
            "pow.execution_lag_epochs": status.latest_epoch - status.state_epoch,
        }
    )
