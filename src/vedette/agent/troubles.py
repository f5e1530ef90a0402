"""What goes wrong is said once, and once more when it is over."""

import logging
import re
import threading

log = logging.getLogger("vedette.agent")

_VARYING = re.compile(r"'[^']*'|\"[^\"]*\"|\d+")


class Troubles:
    """A line for each topic when its trouble begins or changes its kind; silence while it stays the same."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kinds: dict[str, str] = {}

    def say(self, topic: str, line: str, kind: str | None = None) -> None:
        """Tell a trouble. The same `kind` (by default: the line without numbers and quotes) is told once."""
        kind = _VARYING.sub("…", line) if kind is None else kind
        with self._lock:
            known = self._kinds.get(topic)
            self._kinds[topic] = kind
        if known != kind:
            log.warning("%s", line)

    def over(self, topic: str, line: str) -> None:
        """Tell that it is over, if it was told."""
        with self._lock:
            known = self._kinds.pop(topic, None)
        if known is not None:
            log.info("%s", line)
