"""The picture that the judge judges: what the store holds, and what only this process knows beside it."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from vedette.model.health import Duty
from vedette.model.pos import PosAddress
from vedette.model.view import NodeView, View, node_state
from vedette.server.company import Company, Neighbour, Outside, outside_by
from vedette.server.ears import Ears
from vedette.server.follower import Follower
from vedette.store.database import Conn
from vedette.store.view import views

NODES_AT_ONCE = 250
"""Judging the layers of so many takes some milliseconds: then others have their turn."""


class Sights:
    """Makes each team's view."""

    def __init__(self, ears: Ears, follower: Follower) -> None:
        self._ears = ears
        self._follower = follower

    async def views(self, conn: Conn, now_ms: int, everybody: Collection[PosAddress] = ()) -> dict[int, View]:
        """By team; `everybody`: what strangers asked to be told of."""
        seen = await views(conn, now_ms, everybody=everybody)
        return {team_id: await self._dressed(self._ears.patient(view)) for team_id, view in seen.items()}

    async def _dressed(self, view: View) -> View:
        return replace(view, nodes=await self._layered(view)) if view.nodes else view

    async def _layered(self, view: View) -> Mapping[str, NodeView]:
        """The nodes with their layers, judged by their team's others, as its page shows them.

        Of a silent node nothing is left: what it said last is not so any more, for all that we know.
        """
        beside = [Neighbour(node, node_state(node, view.now_ms)) for node in view.nodes.values()]
        company = Company(beside, self._outside(view), view.now_ms)
        found: dict[str, NodeView] = {}
        for at, (node, one) in enumerate(zip(view.nodes.values(), beside, strict=True), 1):
            verdicts = company.verdicts(one)
            silent = view.now_ms >= node.due_at_ms
            found[node.id] = (
                replace(node, layers=verdicts, numbers={}, states={})
                if silent
                else replace(node, layers=verdicts)
            )
            if at % NODES_AT_ONCE == 0:
                await asyncio.sleep(0)
        return found

    def _outside(self, view: View) -> Outside:
        gap_ms = view.network.block_interval_ms
        return outside_by(self._follower, None if gap_ms is None else gap_ms / 1000, _duty_by(view))


def _duty_by(view: View) -> Callable[[PosAddress], Duty]:
    """What the team's validators have to do, by the newest blocks."""
    known = bool(view.blocks) and view.blocks[-1].total_votes is not None

    def duty(one: PosAddress) -> Duty:
        seen = view.validators.get(one)
        return Duty(seen.votes, seen.strip) if known and seen is not None else Duty()

    return duty
