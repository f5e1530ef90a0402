"""Heights of the PoW chain, how far its parts are behind each other, and whether they move."""

from vedette.agent.probes.node import Node
from vedette.agent.probes.progress import Progress
from vedette.agent.probes.reading import Reading, present
from vedette.conflux.pow import pow_status


class Pow:
    """`progress` remembers when the newest epoch rose, whoever saw it."""

    def __init__(self, node: Node, progress: Progress) -> None:
        self._node = node
        self._progress = progress

    def __call__(self) -> Reading:
        asked_ms = self._progress.now_ms()
        status = pow_status(self._node.ask("cfx_getStatus"))
        self._progress.see(status.latest_epoch, asked_ms)
        return Reading(
            present(
                {
                    **status.numbers,
                    "pow.confirm_lag_epochs": status.latest_epoch - status.confirmed_epoch,
                    "pow.finality_gap_epochs": status.latest_epoch - status.finalized_epoch,
                    "pow.retained_epochs": status.latest_epoch - status.checkpoint_epoch,
                    "pow.still_seconds": self._progress.still_seconds,
                    "pow.epochs_per_second": self._progress.per_second,
                    "pow.risen_epochs": self._progress.risen,
                }
            )
        )
