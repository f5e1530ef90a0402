"""`vedette secrets`: the key file by which what the database must read again is sealed."""

import asyncio
from typing import Final

from cyclopts import App

from vedette.model.clock import MachineClock
from vedette.model.errors import StoreError
from vedette.server.access import NEIGHBOUR
from vedette.server.at_hand import Config, DatabaseUrl, say, settings_of, with_database
from vedette.server.vault import SealError, Vault, key_of
from vedette.store import audit, sealed
from vedette.store.database import Conn, Database

app = App(name="secrets", help="The key file that seals secrets in the database.")

PAUSE_S: Final = 2.0
"""Whoever sealed with the old key a moment ago has written it by then."""


@app.command
def rotate(*, config: Config = None, database: DatabaseUrl = None) -> None:
    """Make a new key, seal everything anew with it in one transaction, and take the old keys out of the file.

    A server may run meanwhile: it takes the new key at its next seal. Then copy the key file anew.
    """
    settings = settings_of(config, database)
    vault = Vault(settings.keys_path)
    count = with_database(settings, lambda opened: rotated(opened, vault, PAUSE_S))
    say(f"{count:,} secrets are sealed with a new key; keep a copy of {vault.path} apart from the database")


async def rotated(database: Database, vault: Vault, pause_s: float) -> int:
    """Returns how many secrets were sealed anew. Stopped at any moment, all of them still open."""
    key, now_ms = vault.add(), MachineClock().now_ms()
    await asyncio.sleep(pause_s)

    def anew(secret: bytes, purpose: str) -> bytes:
        return vault.seal(vault.open(secret, purpose), purpose)

    async def deed(conn: Conn) -> int:
        count = await sealed.reseal(conn, anew)
        await audit.note(conn, now_ms, NEIGHBOUR, "secrets.rotate", f"key:{key.id.hex()}", {"sealed": count})
        return count

    try:
        count = await database.write(deed)
    except SealError as error:
        raise StoreError(f"a sealed secret does not open, so nothing was changed: {error}") from error
    async with database.read() as conn:
        if any(key_of(secret) != key.id for secret in await sealed.seals(conn)):
            raise StoreError("an older key was used meanwhile: run vedette secrets rotate again")
    vault.drop_all_but(key)
    return count
