"""When each API key was last used: gathered, and written at most once a minute."""

from vedette.model.clock import rounds
from vedette.server.ears import Ears
from vedette.server.loops import Failures
from vedette.store import keys
from vedette.store.database import Database

WRITE_MS = 60_000


class KeyUse:
    """Told by whoever checks keys; a request never waits for it."""

    def __init__(self, database: Database, ears: Ears) -> None:
        self._database = database
        self._ears = ears
        self._used: dict[str, int] = {}

    def note(self, key_id: str, at_ms: int) -> None:
        self._used[key_id] = at_ms

    async def run(self, failures: Failures) -> None:
        async for _ in rounds(self._ears, WRITE_MS):
            await failures.guard("key use", self.write)

    async def write(self) -> None:
        used, self._used = self._used, {}
        if used:
            await self._database.write(lambda conn: keys.used(conn, used))
