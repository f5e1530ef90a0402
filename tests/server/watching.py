"""Watched endpoints for tests: a house that hears, a watch in haste, and the store behind it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.server.stage import quiet_house, settings
from vedette.model.clock import Clock, MachineClock
from vedette.model.people import FIRST_TEAM, Who
from vedette.server.api.nodes import node_shape
from vedette.server.api.shapes import Node
from vedette.server.house import House
from vedette.server.looker import Pauses
from vedette.server.settings import EndpointSetting
from vedette.server.watch import Watch
from vedette.store import nodes
from vedette.store.endpoints import node_id

EACH_MS = 100
HASTE = Pauses(
    version_ms=200, tls_ms=200, websocket_ms=200, archive_ms=200, deadline_s=2, head_s=0.5, archive_s=2
)
WHO = Who(FIRST_TEAM)


@dataclass
class Stand:
    """A watch at work, the endpoints before it, and what the store holds of them."""

    house: House
    watch: Watch
    seen: list[str] = field(default_factory=list)

    async def row(self, name: str) -> nodes.NodeRow:
        async with self.house.database.read() as conn:
            row = await nodes.node(conn, WHO, node_id(name))
        assert row is not None
        return row

    async def node(self, name: str) -> Node:
        return node_shape(await self.row(name), self.house.ears, [])

    async def until(self, name: str, true: Callable[[Node], object], timeout_s: float = 15) -> Node:
        node = await self.node(name)
        try:
            async with asyncio.timeout(timeout_s):
                while not true(node):
                    await asyncio.sleep(0.02)
                    node = await self.node(name)
        except TimeoutError:
            raise AssertionError(f"it stays so: {node.endpoint} {node.failures}") from None
        return node

    async def word(self, name: str, word: str) -> Node:
        return await self.until(name, lambda one: one.endpoint is not None and one.endpoint.state == word)


@asynccontextmanager
async def watching(
    tmp_path: Path,
    endpoints: list[EndpointSetting],
    clock: Clock | None = None,
    *,
    each_ms: int = EACH_MS,
    pauses: Pauses = HASTE,
    public_references: bool = False,
) -> AsyncIterator[Stand]:
    given = settings(tmp_path, endpoints=tuple(endpoints), public_references=public_references)
    async with quiet_house(given, clock or MachineClock()) as house:
        seen: list[str] = []
        watch = Watch(
            given,
            house.database,
            house.ears,
            lambda node, _: seen.append(node),
            pauses=pauses,
            each_ms=each_ms,
        )
        await watch.keep()
        task = asyncio.create_task(watch.run(house.failures))
        try:
            yield Stand(house, watch, seen)
            assert not house.failures.of, "no loop may fail"
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def watched(name: str, url: str, **other: Any) -> EndpointSetting:
    return EndpointSetting(name, url, **{"role": "full", "follow": False, **other})
