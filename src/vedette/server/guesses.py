"""How often a sign-in may be tried: by name, and by where it comes from. Both are kept as keyed hashes."""

import hashlib
import hmac
import ipaddress
from collections.abc import Callable
from typing import Final

from vedette.server.problems import ProblemError
from vedette.store import tries
from vedette.store.database import Conn, Database
from vedette.store.tries import Subject

FREE_BY_NAME: Final = 5
FREE_BY_ADDRESS: Final = 30
NETWORK_V6: Final = 64
WAIT = "Too many tries to sign in. Come again in {wait}; a passkey works at once."


class Guesses:
    """Counts each try before it is made; whoever proves himself gets his back."""

    def __init__(self, database: Database, now_ms: Callable[[], int], key: str) -> None:
        self._database = database
        self._now_ms = now_ms
        self._key = hmac.digest(key.encode(), b"who tries to sign in", hashlib.sha256)

    async def take(self, name: str | None, client: str) -> None:
        """One more try. Raises ProblemError when it must wait: no word of whether the name exists."""
        subjects, now_ms = self._subjects(name, client), self._now_ms()
        wait_ms = await self._database.write(lambda conn: tries.take(conn, subjects, now_ms))
        if wait_ms:
            wait_s = -(-wait_ms // 1000)
            raise ProblemError(429, WAIT.format(wait=spelled(wait_s)), {"Retry-After": str(wait_s)})

    async def give_back(self, name: str | None, client: str) -> None:
        """That was no guess: a code is still missing, say."""
        subjects = self._subjects(name, client)

        async def back(conn: Conn) -> None:
            for one in subjects:
                await tries.give_back(conn, one.hash)

        await self._database.write(back)

    async def forget(self, conn: Conn, name: str | None, client: str) -> None:
        """He proved himself: his name's tries were his own, and one of the address's."""
        if name is not None:
            await tries.forget(conn, self._hash("name", name))
        await tries.give_back(conn, self._hash("address", network_of(client)))

    def _subjects(self, name: str | None, client: str) -> list[Subject]:
        found = [Subject(self._hash("address", network_of(client)), FREE_BY_ADDRESS)]
        return found if name is None else [*found, Subject(self._hash("name", name), FREE_BY_NAME)]

    def _hash(self, kind: str, of: str) -> bytes:
        return hmac.digest(self._key, f"{kind}:{of}".encode(), hashlib.sha256)


def network_of(client: str) -> str:
    """An address as far as it belongs to one customer: of IPv6 anyone has 2^64."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, NETWORK_V6), strict=False))


def spelled(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return f"{seconds} s" if seconds < 120 else f"{minutes} minutes"  # noqa: PLR2004 - two minutes
