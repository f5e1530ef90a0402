"""The frozen picture that rules judge, made of what the store holds."""

from vedette.model.view import View
from vedette.store.database import Conn


async def view(conn: Conn, now_ms: int, last_blocks: int = 120) -> View:
    """Every node, the newest blocks, and the validators that are watched or carried by a node of ours."""
    raise NotImplementedError
