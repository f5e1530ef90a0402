"""How often one client may change something: nobody keeps the one writer to himself."""

from collections.abc import Callable

MINUTE_MS = 60_000
CHANGES_A_MINUTE = 60
CLIENTS_MAX = 10_000


class Changes:
    """Counts by the minute and client. When too many clients are known, the counts begin anew."""

    def __init__(self, steady_ms: Callable[[], int], most: int = CHANGES_A_MINUTE) -> None:
        self._steady_ms = steady_ms
        self._most = most
        self._counts: dict[str, int] = {}
        self._since_ms = steady_ms()

    def take(self, client: str) -> int:
        """Count one change; 0, or how many seconds to wait."""
        now = self._steady_ms()
        if now - self._since_ms >= MINUTE_MS or len(self._counts) >= CLIENTS_MAX:
            self._counts.clear()
            self._since_ms = now
        count = self._counts[client] = self._counts.get(client, 0) + 1
        return 0 if count <= self._most else 1 + (self._since_ms + MINUTE_MS - now) // 1000
