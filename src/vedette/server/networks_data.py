"""The data about public networks that is in use, and whether it is still to be trusted."""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from vedette.conflux import networks
from vedette.model.errors import SettingError

log = logging.getLogger(__name__)


class NetworksData:
    """An operator's file, if it is there, else what we bring. A file that changes is taken over at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed_at_ns: int | None = None
        self._fault: str | None = None
        self.doubts: tuple[str, ...] = ()

    def open(self) -> None:
        """Before the server starts. Raises SettingError when there is a file and it is wrong."""
        self._changed_at_ns = self._changed()
        networks.use(None if self._changed_at_ns is None else networks.of_file(self._path))

    def look(self, now_ms: int, clients: Mapping[int, Sequence[str]]) -> None:
        """Take a changed file over, and say once what makes the data doubtful."""
        self._take()
        today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
        doubts = tuple(networks.doubts(networks.known(), today, clients))
        doubts += () if self._fault is None else (self._fault,)
        for line in doubts:
            if line not in self.doubts:
                log.warning("%s", line)
        self.doubts = doubts

    def _take(self) -> None:
        changed_at_ns = self._changed()
        if changed_at_ns == self._changed_at_ns:
            return
        self._changed_at_ns = changed_at_ns
        try:
            networks.use(None if changed_at_ns is None else networks.of_file(self._path))
            self._fault = None
        except SettingError as error:
            self._fault = f"the changed data about networks is not used: {str(error).splitlines()[0]}"

    def _changed(self) -> int | None:
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return None
