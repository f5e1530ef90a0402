"""Heights of the PoS chain, whether they move, and whether the PoW chain follows what PoS decided."""

from vedette.agent.probes.node import Node
from vedette.agent.probes.progress import Progress
from vedette.agent.probes.reading import Reading, present
from vedette.conflux.pos import pos_status
from vedette.conflux.pow import epoch_number


class Pos:
    """`progress` remembers when the committed height rose, whoever saw it."""

    def __init__(self, node: Node, progress: Progress) -> None:
        self._node = node
        self._progress = progress

    def __call__(self) -> Reading:
        asked_ms = self._progress.now_ms()
        status = pos_status(self._node.ask("pos_getStatus"))
        # Asked here once more: only two numbers of the same moment make an honest difference.
        pow_epoch = epoch_number(self._node.ask("cfx_epochNumber"))
        self._progress.see(status.committed_height, asked_ms)
        voted, pivot = status.voted_height, status.pivot_height
        return Reading(
            present(
                {
                    "pos.epoch": status.epoch,
                    "pos.committed_height": status.committed_height,
                    "pos.voted_height": voted,
                    "pos.pivot_height": pivot,
                    "pos.uncommitted_blocks": None if voted is None else voted - status.committed_height,
                    "pos.over_pow_epochs": None if pivot is None else pivot - pow_epoch,
                    "pos.still_seconds": self._progress.still_seconds,
                    "pos.blocks_per_second": self._progress.per_second,
                }
            )
        )
