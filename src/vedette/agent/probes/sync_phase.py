"""How far the node's start has come: by its own word, or by its log while it does not answer yet."""

from collections.abc import Callable

from vedette.agent.probes.node import Node
from vedette.agent.probes.reading import Reading
from vedette.conflux.pow import sync_phase
from vedette.conflux.wire import Unreachable

STEPS = {
    "CatchUpRecoverBlockHeaderFromDbPhase": 1,
    "CatchUpSyncBlockHeaderPhase": 2,
    "CatchUpCheckpointPhase": 3,
    "CatchUpFillBlockBodyPhase": 4,
    "CatchUpSyncBlockPhase": 5,
    "NormalSyncPhase": 6,
}


def read(node: Node, by_log: Callable[[], str | None]) -> Reading:
    try:
        phase, source = sync_phase(node.ask("debug_currentSyncPhase")), "rpc"
    except Unreachable:
        logged = by_log()
        if logged is None:
            raise
        phase, source = logged, "log"
    step = STEPS.get(phase)
    return Reading(
        {} if step is None else {"sync.step": step}, {"node.sync_phase": phase, "sync.source": source}
    )
