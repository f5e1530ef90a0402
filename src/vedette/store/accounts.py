"""Stakes of PoS accounts: the newest of each, and a row of history whenever one changed."""

from collections.abc import Sequence

from vedette.model.pos import Account, PosAddress
from vedette.store.database import Conn


async def remember_accounts(conn: Conn, accounts: Sequence[Account], now_ms: int) -> None:
    """Keep what a node said of these accounts; one that changed since also gets a row of history."""
    raise NotImplementedError


async def accounts(conn: Conn) -> dict[PosAddress, tuple[Account, int]]:
    """The newest snapshot of every account, and when it was taken (unix milliseconds)."""
    raise NotImplementedError


async def known_addresses(conn: Conn) -> list[PosAddress]:
    """Everyone who was ever in a committee, signed, or was snapshotted; sorted."""
    raise NotImplementedError
