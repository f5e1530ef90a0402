"""How long public nodes were up, by the day: kept for a minute, since anybody may ask for ninety days."""

from typing import Final

from vedette.model.people import Who
from vedette.server.ears import Ears
from vedette.store import reading
from vedette.store.availability import Calendar
from vedette.store.database import Conn

DAY_MS: Final = 86_400_000
DAYS: Final = 90
KEEP_MS: Final = 60_000
KEPT_MAX: Final = 1_000


class Uptimes:
    """Calendars of nodes. Whether a node may be shown is its asker's to know."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears
        self._kept: dict[str, tuple[int, Calendar]] = {}

    async def of(self, conn: Conn, team_id: int, node_id: str) -> Calendar | None:
        """The last ninety days of a node, today among them; None when it is gone."""
        now = self._ears.steady_ms()
        at_ms, found = self._kept.get(node_id, (0, None))
        if found is not None and now - at_ms < KEEP_MS:
            return found
        now_ms = self._ears.now_ms()
        length_ms = now_ms - from_ms(now_ms)
        made = await reading.availability_of(conn, Who(team_id), node_id, length_ms, now_ms, DAY_MS)
        if len(self._kept) >= KEPT_MAX:
            self._kept.clear()
        if made is not None:
            self._kept[node_id] = now, made
        return made


def from_ms(now_ms: int) -> int:
    """When the first of the days began."""
    return now_ms // DAY_MS * DAY_MS - (DAYS - 1) * DAY_MS
