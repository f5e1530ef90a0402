"""The node's pivot blocks at two confirmed epochs: by them others can tell whether it is on their chain."""

from vedette.agent.probes.node import Node
from vedette.agent.probes.reading import Reading
from vedette.conflux.pow import HEAD, epoch_number, pow_block_of_epoch
from vedette.model.pivots import in_words, marks

EVERY_S = 30
CONFIRMED = "latest_confirmed"


def read(node: Node) -> Reading:
    """Asked anew each time: a node that changes to another chain tells other blocks of the same epochs."""
    confirmed = epoch_number(node.ask("cfx_epochNumber", CONFIRMED))
    blocks = {epoch: pow_block_of_epoch(node.ask(HEAD, hex(epoch), False)) for epoch in marks(confirmed)}
    told = in_words({epoch: block.hash for epoch, block in blocks.items() if block is not None})
    return Reading(states={"pow.pivots": told} if told else {})
