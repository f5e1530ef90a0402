"""How far the node's start has come by its log: the only source while its RPC does not answer yet."""

import re
from collections.abc import Callable
from typing import Final

from vedette.agent.probes.progress import Progress

_CATCH_UP: Final = re.compile(
    rb"Catch-up mode: (true|false), latest epoch: (\d{1,18}) missing_bodies: (\d{1,18})"
)
_PHASE: Final = re.compile(rb'start phase "([A-Za-z]{1,60})"')
_PIVOT: Final = re.compile(rb"construct_pivot_state: index \d+ height (\d{1,18})")
_REBUILT: Final = re.compile(rb"Finish reconstructing the pivot chain of length (\d{1,18})")
_RECOVERY: Final = b"Start fast recovery of the block DAG from database"
RECOVERY_PHASE: Final = "CatchUpRecoverBlockHeaderFromDbPhase"


class SyncLog:
    """What the newest lines of conflux.log said."""

    def __init__(self, steady_ms: Callable[[], int]) -> None:
        self.phase: str | None = None
        self._recovery = Progress(steady_ms)
        self.numbers: dict[str, int | float] = {}  # what the lines of this round told

    def forget(self) -> None:
        """The process ended: its phase is no phase of the next one."""
        self.phase = None

    def begin(self) -> None:
        """A new round: a log that is silent tells nothing."""
        self.numbers = {}

    def see(self, text: bytes) -> None:
        """Whole lines, oldest first."""
        numbers: dict[str, int | float] = {}
        if (found := _last(_CATCH_UP, b"Catch-up mode: ", text)) is not None:
            numbers["sync.catching_up"] = int(found[1] == b"true")
            numbers["sync.log_epoch"] = int(found[2])
            numbers["sync.missing_bodies_count"] = int(found[3])
        if (found := _last(_PIVOT, b"construct_pivot_state: ", text)) is not None:
            numbers |= self._recovered(int(found[1]))
        if (found := _last(_REBUILT, b"Finish reconstructing the pivot", text)) is not None:
            numbers["sync.rebuilt_epochs"] = int(found[1])
        self.numbers |= numbers
        self._see_phase(text)

    def _recovered(self, height: int) -> dict[str, int | float]:
        self._recovery.see(height)
        pace = self._recovery.per_second
        told: dict[str, int | float] = {"sync.recovered_height": height}
        return told if pace is None else told | {"sync.recovered_per_second": pace}

    def _see_phase(self, text: bytes) -> None:
        began = text.rfind(_RECOVERY)
        found = _last(_PHASE, b'start phase "', text)
        if found is not None and found.start() > began:
            self.phase = found[1].decode()
        elif began >= 0:
            self.phase = RECOVERY_PHASE


def _last(pattern: re.Pattern[bytes], literal: bytes, text: bytes) -> re.Match[bytes] | None:
    at = text.rfind(literal)
    return None if at < 0 else pattern.match(text, at)
