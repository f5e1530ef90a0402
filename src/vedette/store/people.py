"""Teams, and the validators that they watch."""

from collections.abc import Iterable

from vedette.model.pos import PosAddress
from vedette.store.database import Conn


async def watched(conn: Conn) -> dict[PosAddress, int]:
    """Each watched validator and the team that is told about it."""
    raise NotImplementedError


async def watch(conn: Conn, team_id: int, addresses: Iterable[PosAddress]) -> None:
    """From now on the team watches exactly these."""
    raise NotImplementedError
