"""How often a sign-in may be tried: by name, and by where it comes from. Both are kept as keyed hashes."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Final

from vedette.server.problems import ProblemError
from vedette.store import tries
from vedette.store.database import Conn, Database
from vedette.store.tries import Subject

FREE_BY_NAME: Final = 5
FREE_BY_ADDRESS: Final = 30
LETTERS_FREE: Final = 3
SIGN_UPS_FREE: Final = 10
WAIT = "Too many tries to sign in. Come again in {wait}; a passkey works at once."

SIGN_UPS = "Many accounts were asked for from your address. Come again in {wait}."
LETTERS = "Several letters went to that address a moment ago: look there, or try again in a while."


class Guesses:
    """Counts each try before it is made; whoever proves himself gets his back."""

    def __init__(self, database: Database, now_ms: Callable[[], int], key: str) -> None:
        self._database = database
        self._now_ms = now_ms
        self._key = hmac.digest(key.encode(), b"who tries to sign in", hashlib.sha256)

    async def take(self, name: str | None, site: str) -> None:
        """One more try. Raises ProblemError when it must wait: no word of whether the name exists."""
        subjects, now_ms = self._subjects(name, site), self._now_ms()
        wait_ms = await self._database.write(lambda conn: tries.take(conn, subjects, now_ms))
        if wait_ms:
            wait_s = -(-wait_ms // 1000)
            raise ProblemError(429, WAIT.format(wait=spelled(wait_s)), {"Retry-After": str(wait_s)})

    async def sign_up(self, site: str) -> None:
        """One more account from there, kept or not. Raises ProblemError when it must wait."""
        subject, now_ms = Subject(self._hash("sign-up", site), SIGN_UPS_FREE), self._now_ms()
        wait_ms = await self._database.write(lambda conn: tries.take(conn, [subject], now_ms))
        if wait_ms:
            wait_s = -(-wait_ms // 1000)
            raise ProblemError(429, SIGN_UPS.format(wait=spelled(wait_s)), {"Retry-After": str(wait_s)})

    async def letter(self, to: str) -> bool:
        """One more letter to this address: whether it may be sent. Nobody's mailbox is to be filled."""
        subject, now_ms = Subject(self._hash("letter", to), LETTERS_FREE), self._now_ms()
        return await self._database.write(lambda conn: tries.take(conn, [subject], now_ms)) == 0

    async def demand_letter(self, to: str) -> None:
        """Raises ProblemError when it must wait."""
        if not await self.letter(to):
            raise ProblemError(429, LETTERS, {"Retry-After": "60"})

    async def give_back(self, name: str | None, site: str) -> None:
        """That was no guess: a code is still missing, say."""
        subjects = self._subjects(name, site)

        async def back(conn: Conn) -> None:
            for one in subjects:
                await tries.give_back(conn, one.hash)

        await self._database.write(back)

    async def forget(self, conn: Conn, name: str | None, site: str) -> None:
        """He proved himself: his name's tries were his own, and one of the address's."""
        if name is not None:
            await tries.forget(conn, self._hash("name", name))
        await tries.give_back(conn, self._hash("address", site))

    def _subjects(self, name: str | None, site: str) -> list[Subject]:
        found = [Subject(self._hash("address", site), FREE_BY_ADDRESS)]
        return found if name is None else [*found, Subject(self._hash("name", name), FREE_BY_NAME)]

    def _hash(self, kind: str, of: str) -> bytes:
        return hmac.digest(self._key, f"{kind}:{of}".encode(), hashlib.sha256)


def spelled(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return f"{seconds} s" if seconds < 120 else f"{minutes} minutes"  # noqa: PLR2004 - two minutes
