"""How old the newest PoW block is. Its miner's clock may be ahead of ours, so the age may be negative."""

import time
from collections.abc import Callable

from vedette.agent.probes.node import Node
from vedette.agent.probes.reading import Reading
from vedette.conflux.pow import pow_block_of_epoch


def read(node: Node, now_s: Callable[[], float] = time.time) -> Reading:
    head = pow_block_of_epoch(node.ask("cfx_getBlockByEpochNumber", "latest_mined", False))
    return Reading({} if head is None else {"pow.head_age_seconds": round(now_s() - head.at_s)})
