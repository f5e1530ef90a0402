"""What happened, told to whoever listens live. Many changes of one thing within a moment are told once."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from vedette.model import report
from vedette.model.incident import Incident, SubjectKind
from vedette.model.people import Who
from vedette.model.pos import PosAddress
from vedette.model.view import ProcessState
from vedette.notify.words import Lang
from vedette.server.api.blocks import signed_votes
from vedette.server.api.incidents import incident_shape
from vedette.server.api.nodes import node_shape, open_by_node
from vedette.server.api.shapes import LiveBlock, Shape
from vedette.server.batcher import Heard
from vedette.server.ears import Ears
from vedette.server.live import Live
from vedette.server.loops import Failures, woken
from vedette.server.tip import Tips
from vedette.store import incidents, nodes, votes
from vedette.store.database import Conn, Database
from vedette.store.nodes import NodeRow
from vedette.store.votes import BlockVotes

log = logging.getLogger(__name__)

GATHER_MS = 500
PAUSE_S = (
    0.05  # between two tellings, however often we are woken: the past is read a thousand blocks a second
)
BLOCKS_AT_ONCE = 120
"""Older blocks are the past being read: the page asks for those when it wants them."""

Telling = tuple[str | None, int | None, int | None, bool, str | None]
"""What is judged at once when it changes: process state, death, planned stop, silence, whether it votes."""
AT_REST = (ProcessState.RUNNING.value, None, None, False)
"""Of a node that we hear of for the first time; whether it votes is no change then."""


class News:
    """Gathers what changed and publishes it; asks the database only while somebody listens."""

    def __init__(
        self,
        database: Database,
        ears: Ears,
        live: Live,
        tips: Tips,
        language: Lang,
        committed: Callable[[], int | None],
    ) -> None:
        self._database = database
        self._ears = ears
        self._live = live
        self._tips = tips
        self._language = language
        self._committed = committed  # the chain's own newest height, which we may still be far below
        self._nodes: dict[str, int] = {}
        self._heard: dict[str, Heard] = {}
        self._rows: dict[str, NodeRow] = {}
        self._incidents: dict[int, int] = {}
        self._heights: set[int] = set()
        self._telling: dict[str, Telling] = {}
        self._wake = asyncio.Event()
        self.judge_wake = asyncio.Event()

    def heard(self, heard: Heard) -> None:
        """An agent's word is on disk. A death, a return, a silence or a turned voter is judged at once."""
        node_id = heard.agent.node_id
        if self._live.heard_by(heard.agent.team_id):
            self._nodes[node_id] = heard.agent.team_id
            self._heard[node_id] = heard
        live = heard.envelope.live
        if live is None:
            return
        telling = _telling(live)
        if self._telling.get(node_id, (*AT_REST, telling[-1])) != telling:
            self.judge_wake.set()
            self._wake.set()
        self._telling[node_id] = telling

    def enrolled(self, node_id: str, team_id: int) -> None:
        self.changed(node_id, team_id)
        self._wake.set()

    def changed(self, node_id: str, team_id: int) -> None:
        """What the store knows of the node is newer than what we do."""
        self._nodes[node_id] = team_id
        self._rows.pop(node_id, None)

    def incidents_changed(self, changed: Iterable[Incident]) -> None:
        for incident in changed:
            self._incidents[incident.id] = incident.team_id
            if incident.subject.kind is SubjectKind.NODE:
                self._nodes[incident.subject.id] = incident.team_id
        self._wake.set()

    def blocks_changed(self, heights: Iterable[int]) -> None:
        self._heights.update(heights)
        self._tips.forget()
        self._wake.set()

    async def run(self, failures: Failures) -> None:
        while True:
            await asyncio.sleep(PAUSE_S)
            await woken(self._wake, GATHER_MS)
            await failures.guard("news", self.tell)

    async def tell(self) -> None:
        """Publish what was gathered. What nobody listens to is dropped: a new listener reads everything."""
        changed_nodes, self._nodes = self._nodes, {}
        changed_incidents, self._incidents = self._incidents, {}
        heard, self._heard = self._heard, {}
        heights, self._heights = self._heights, set()
        heard_by_any = self._live.heard_by(None)
        if not heard_by_any:
            self._rows.clear()
        if not heard_by_any or not (changed_nodes or changed_incidents or heights):
            return
        try:
            known = (await self._tips.now()).strips if heights else {}
            async with self._database.read() as conn:
                await self._tell_blocks(conn, heights, known)
                await self._tell_incidents(conn, changed_incidents)
                await self._tell_nodes(conn, changed_nodes, heard)
        except Exception:
            self._live.skip()  # what was gathered is gone
            raise

    def _publish(self, event: str, made: Callable[[], Shape], team_id: int | None) -> None:
        """Tell one thing. What cannot be told is logged, and holds up nothing else."""
        try:
            shape = made()
            data = shape.__pydantic_serializer__.to_json(shape)
        except Exception:
            log.exception("a %s could not be told to the live stream", event)
            return
        self._live.publish(event, data, team_id)

    async def _tell_nodes(self, conn: Conn, changed: dict[str, int], heard: dict[str, Heard]) -> None:
        if not changed:
            return
        troubles = open_by_node(await incidents.unresolved(conn))
        for node_id, team_id in changed.items():
            row = await self._row(conn, Who(team_id), node_id, heard.get(node_id))
            if row is not None:
                self._rows[node_id] = row
                found = troubles.get(node_id, [])
                self._publish("node", partial(node_shape, row, self._ears, found), team_id)

    async def _row(self, conn: Conn, who: Who, node_id: str, heard: Heard | None) -> NodeRow | None:
        """The node as it is now: what was just heard of it, on what is known; else from the store."""
        known = self._rows.get(node_id)
        live = heard.envelope.live if heard is not None else None
        if known is None or heard is None or live is None or live.at_ms < (known.live_at_ms or 0):
            return await nodes.node(conn, who, node_id)
        return replace(
            known,
            heard_at_ms=heard.heard_at_ms,
            due_at_ms=heard.due_at_ms,
            live_at_ms=live.at_ms,
            numbers=live.numbers,
            states=live.states,
            planned_stop_until_ms=live.planned_stop_until_ms,
            died_at_ms=live.died_at_ms,
        )

    async def _tell_incidents(self, conn: Conn, changed: dict[int, int]) -> None:
        for incident_id, team_id in changed.items():
            found = await incidents.incident(conn, Who(team_id), incident_id)
            if found is not None:
                self._publish("incident", partial(incident_shape, *found, self._language), team_id)

    async def _tell_blocks(self, conn: Conn, heights: set[int], known: Iterable[PosAddress]) -> None:
        newest = max(await votes.newest_height(conn) or 0, self._committed() or 0)
        recent = sorted(height for height in heights if height > newest - BLOCKS_AT_ONCE)
        if not recent:
            return
        found = await votes.blocks_before(conn, recent[-1] + 1, recent[-1] - recent[0] + 1)
        for block in sorted(found, key=lambda block: block.height):
            if block.height in heights:
                self._publish("block", partial(_live_block, block, known), None)


def _telling(live: report.Live) -> Telling:
    return (
        live.states.get("process.state"),
        live.died_at_ms,
        live.planned_stop_until_ms,
        live.numbers.get("rpc.silent_seconds", 0) > 0,
        live.states.get("node.voting"),
    )


def _live_block(block: BlockVotes, known: Iterable[PosAddress]) -> LiveBlock:
    members = votes.strips([block])
    return LiveBlock(
        height=block.height,
        epoch=block.epoch,
        at_ms=block.at_us // 1000,
        signed_votes=signed_votes(block),
        total_votes=block.committee.total_votes if block.committee else None,
        cells={one: members.get(one) or votes.strip([block], one) for one in known},
    )
