"""The picture that the judge judges: what the store holds, and what only this process knows beside it.

`views` is asked once a round, and reads little. What moves with blocks and epochs is looked at beside it,
every other second; what an endpoint has to be asked for, each ten minutes.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Final

from vedette.conflux.pow import BALANCE, balance
from vedette.conflux.wire import Garbled, RpcError
from vedette.model.health import Duty
from vedette.model.incident import SubjectKind
from vedette.model.people import EVERYBODY, FIRST_TEAM, Who
from vedette.model.pos import PosAddress, PowStatus
from vedette.model.view import (
    ContactView,
    EpochView,
    MonitorView,
    NetworkView,
    NodeView,
    SourceView,
    StakeChange,
    ValidatorView,
    View,
    node_state,
)
from vedette.server import prospects
from vedette.server.asking import Purse
from vedette.server.bridges import Bridges
from vedette.server.chores import Judged
from vedette.server.company import ENDPOINT_OLD_MS, Company, Neighbour, Outside, outside_by
from vedette.server.ears import Ears
from vedette.server.feed import EndpointHealth
from vedette.server.follower import Follower
from vedette.server.loops import Failures, woken
from vedette.server.prospects import DAY_MS, Day, Prospects, Retired
from vedette.server.readiness import Heights
from vedette.server.references import References
from vedette.server.rises import COUNTERS, LATELY_MS, Count, Rises, Stranger
from vedette.server.tip import Tips
from vedette.store import contacts, nodes, reading
from vedette.store.announced import Announced, Trouble, announced, troubles
from vedette.store.codec import ChunkError
from vedette.store.database import Conn, Database
from vedette.store.view import views

log = logging.getLogger(__name__)

NODES_AT_ONCE: Final = 250
"""Judging the layers of so many takes some milliseconds: then others have their turn."""
LOOK_MS: Final = 2_000
LOOK_AGAIN_MS: Final = 10_000
NEW_MS: Final = 60_000
RECALLED_AT_ONCE: Final = 100
"""Nodes whose counters are looked up before each look: after a start, thousands are known within minutes."""
LOOK_SHARE: Final = 20
"""A look is followed by this many times its length of rest."""
GAS_MS: Final = 600_000
GAS_OLD_MS: Final = 3 * GAS_MS
OWNERS_ALONE: Final[Mapping[str, Any]] = {"epochs": (), "changes": (), "gas_drip": None}
"""What strangers who watch a validator are not told of: it asks something of its owner alone."""
FAILING_MS: Final = 60_000
BEYOND_BLOCKS: Final = 1_000
"""A height so far above another is a mistake, not news."""


EXPLAINS: Final = frozenset(
    {
        "absent_votes",
        "dispute_locked",
        "force_retired",
        "network_participation",
        "node_down",
        "node_silent",
        "pos_stuck",
        "pow_stuck",
        "rpc_silent",
        "storm",
        "voting_off",
        "voting_without_signing",
        "wrong_fork",
    }
)
"""Rules whose incident says why votes are missing in the epochs that it lasted in."""
EARLIER_MS: Final = 900_000
"""Votes are missing for some blocks before that is called a trouble."""


class Sights:
    """Makes each team's view."""

    def __init__(
        self,
        database: Database,
        ears: Ears,
        tips: Tips,
        follower: Follower,
        references: References,
        purse: Purse,
        failures: Failures,
        bridges: Bridges,
        judge_wake: asyncio.Event,
    ) -> None:
        self._database = database
        self._judge_wake = judge_wake
        self._wake = asyncio.Event()
        self._bridges = bridges
        self._ears = ears
        self._tips = tips
        self._follower = follower
        self._references = references
        self._purse = purse
        self._failures = failures
        self._rises = Rises()
        self._wanted: set[PosAddress] = set()
        self._judged = Judged()
        self._seen: tuple[int | None, frozenset[PosAddress]] | None = None
        self._looked_for: frozenset[PosAddress] = frozenset()
        self._looked_at_ms = 0
        self._changed = False  # an account of those in the last views
        self._day = Day()
        self._retired: dict[PosAddress, Retired] = {}
        self._known = Prospects()
        self._announced: list[Announced] = []
        self._troubles: list[Trouble] = []
        self._teams: set[int] = set()
        self._contacts: dict[int, tuple[ContactView, ...]] = {}
        self._gas: dict[str, tuple[int, int]] = {}  # by address: what it has, and when that was told
        self._gas_at_ms: int | None = None

    # --- beside the rounds

    async def run(self, failures: Failures) -> None:
        while True:
            await failures.guard("sights", self.recall)
            began = time.perf_counter()
            await failures.guard("sights", self._look_if_due)
            took_ms = 1000 * (time.perf_counter() - began)
            await self._ears.sleep_ms(round(took_ms))
            await woken(self._wake, max(LOOK_MS, round(LOOK_SHARE * took_ms)))

    @property
    def judged(self) -> Judged:
        """Whose accounts matter to the rules."""
        return self._judged

    def accounts_changed(self, changed: Collection[PosAddress]) -> None:
        """Snapshots of these are on disk. What nobody is told of waits for the next look."""
        if changed:
            self._tips.forget()
        if not self._wanted.isdisjoint(changed):
            self._changed = True
            self._wake.set()

    async def _look_if_due(self) -> None:
        """When there is a new block, or somebody new, or an account changed; else once in a while."""
        newest, now = (await self._tips.now()).newest, self._ears.steady_ms()
        seen = (None if newest is None else newest.height, frozenset(self._wanted))
        changed, self._changed = self._changed, False
        if changed or seen != self._seen or now - self._looked_at_ms >= LOOK_AGAIN_MS:
            self._seen, self._looked_at_ms = seen, now
            await self.look()
        if changed:
            self._judge_wake.set()

    async def recall(self) -> None:
        """Read what some of the nodes counted before we first saw them; a new one counted nothing."""
        strangers = self._rises.strangers(RECALLED_AT_ONCE)
        if not strangers:
            return
        async with self._database.read() as conn:
            came_ms = await nodes.enrolled_at(conn, [one.node_id for one in strangers])
        for one in strangers:
            is_new = one.seen_at_ms - came_ms.get(one.node_id, one.seen_at_ms) < NEW_MS
            self._rises.recall(one.node_id, {} if is_new else await self._counted(one))

    async def _counted(self, one: Stranger) -> Mapping[str, Sequence[Count]]:
        from_ms, who = one.seen_at_ms - LATELY_MS, Who(one.team_id)
        try:
            async with self._database.read() as conn:
                return await reading.counts(conn, who, one.node_id, COUNTERS, from_ms, one.seen_at_ms)
        except ChunkError as error:
            log.warning("what node %s counted before is not known: %s", one.node_id, error)
            return {}  # the other nodes must not wait for a body that nobody can read

    async def look(self) -> None:
        """Look anew at what moves with blocks and epochs, for all who were in the last views."""
        tip, now_ms = await self._tips.now(), self._ears.now_ms()
        async with self._database.read() as conn:
            self._day = await prospects.read_day(conn, self._day)
            self._retired = await prospects.retired(conn, tip, self._retired, self._wanted)
            self._known = await prospects.read(conn, tip, self._day, self._wanted, now_ms)
            self._announced = await announced(conn, now_ms - DAY_MS)
            self._troubles = await troubles(conn, EXPLAINS, now_ms - DAY_MS)
            self._contacts = {team_id: await contacts.views(conn, team_id) for team_id in self._teams}
        await self._look_at_gas()
        await self._bridges.look(now_ms)

    async def _look_at_gas(self) -> None:
        """What those have who pay for a pool's transactions."""
        now, payers = self._ears.steady_ms(), sorted(set(self._known.payers.values()))
        rested = self._gas_at_ms is None or now - self._gas_at_ms >= GAS_MS
        if not payers or not (rested or set(payers) - self._gas.keys()):
            return
        self._gas_at_ms = now
        self._purse.owe(len(payers))
        try:
            answers = await self._follower.ask([(BALANCE, (one,)) for one in payers])
        except RpcError as error:
            log.info("what pools' owners have for gas is not known now: %s", error)
            return
        self._gas |= {one: (told, now) for one, told in zip(payers, map(_drip, answers), strict=True) if told}

    # --- a round

    async def views(self, conn: Conn, now_ms: int, everybody: Collection[PosAddress] = ()) -> dict[int, View]:
        """By team; `everybody`: what strangers asked to be told of."""
        seen = await views(conn, now_ms, everybody=everybody)
        self._teams = seen.keys() - {EVERYBODY}
        teams = {one for team_id in self._teams for one in seen[team_id].validators}
        self._judged = Judged(teams, set(everybody) - teams)
        self._wanted = teams | set(everybody)
        await self._look_for_newcomers()
        self._rises.forget_but({one for view in seen.values() for one in view.nodes})
        network = self._network(next(iter(seen.values())).network)
        return {
            team_id: await self._dressed(replace(self._ears.patient(view), network=network))
            for team_id, view in seen.items()
        }

    async def _look_for_newcomers(self) -> None:
        """Nobody is judged before it is known when he serves, and how near retirement is; once, at that.

        After a start it would else be told of all who are absent as if each had to be woken for.
        """
        if self._wanted <= self._looked_for:
            return
        self._looked_for = frozenset(self._wanted)
        await self._failures.guard("sights", self.look)

    async def _dressed(self, view: View) -> View:
        troubles = troubles_of(view, self._troubles)
        return replace(
            view,
            nodes=await self._layered(view) if view.nodes else view.nodes,
            validators={one: self._foreseen(seen, view, troubles) for one, seen in view.validators.items()},
            monitor=self._monitor(view.team_id),
            bridges=self._bridges.views(view.now_ms) if view.team_id == FIRST_TEAM else view.bridges,
        )

    # --- nodes

    async def _layered(self, view: View) -> Mapping[str, NodeView]:
        """The nodes with their layers, judged by their team's others, as its page shows them.

        Of a silent node nothing is left: what it said last is not so any more, for all that we know.
        """
        beside = [Neighbour(node, node_state(node, view.now_ms)) for node in view.nodes.values()]
        company = Company(beside, self._outside(view), view.now_ms)
        found: dict[str, NodeView] = {}
        risen, now_ms = self._rises.of, view.now_ms
        for at, (node, one) in enumerate(zip(view.nodes.values(), beside, strict=True), 1):
            verdicts = company.verdicts(one)
            silent = now_ms >= node.due_at_ms
            found[node.id] = (
                replace(node, layers=verdicts, numbers={}, states={})
                if silent
                else replace(node, layers=verdicts, rises=risen(node, now_ms))
            )
            if at % NODES_AT_ONCE == 0:
                await asyncio.sleep(0)
        return found

    def _outside(self, view: View) -> Outside:
        gap_ms = view.network.block_interval_ms
        return outside_by(self._follower, None if gap_ms is None else gap_ms / 1000, _duty_by(view))

    # --- validators

    def _foreseen(
        self, seen: ValidatorView, view: View, troubles: Mapping[PosAddress, Sequence[Trouble]]
    ) -> ValidatorView:
        known = self._known.of.get(seen.address)
        if known is None:
            return seen
        told = {one.name: getattr(known, one.name) for one in fields(known)}
        told["epochs"] = marked(known.epochs, troubles.get(seen.address, ()))
        told["changes"] = tuple(self._explained(one, seen.address, view) for one in known.changes)
        retired = self._retired.get(seen.address)
        told["force_retired_at_ms"] = None if retired is None else retired.at_ms
        payer = self._known.payers.get(seen.address)
        if payer is not None:
            told |= {"pow_address": payer, "gas_drip": self._gas_of(payer)}
        if view.team_id == EVERYBODY:
            told |= OWNERS_ALONE
        return replace(seen, **told)

    def _explained(self, change: StakeChange, address: PosAddress, view: View) -> StakeChange:
        """What a team announced is explained to that team alone."""
        mine = (one for one in self._announced if one.team_id == view.team_id)
        if change.explained_by is None and any(one.covers(address, change.at_ms) for one in mine):
            return replace(change, explained_by="announced")
        return change

    def _gas_of(self, address: str) -> int | None:
        drip, at_ms = self._gas.get(address, (None, 0))
        return drip if self._ears.steady_ms() - at_ms < GAS_OLD_MS else None

    # --- the chain, and ourselves

    def _network(self, seen: NetworkView) -> NetworkView:
        known, status = self._known.network, self._pow_status()
        heights = Heights(
            None if status is None else status.latest_epoch,
            seen.height,
            seen.block_at_ms,
            seen.block_interval_ms,
        )
        chain_id = None if status is None else status.chain_id
        return replace(
            seen,
            epoch_last_height=known.epoch_last_height,
            term_blocks=known.term_blocks,
            median_vote_rate_ppm=known.median_vote_rate_ppm,
            usual_participation_ppm=known.usual_participation_ppm,
            followed_since_ms=known.followed_since_ms,
            pow_epoch=heights.pow_epoch,
            finality_gap_epochs=self._finality_gap(status),
            forks=prospects.forks_ahead(chain_id, heights),
        )

    def _pow_status(self) -> PowStatus | None:
        now = self._follower.pow_now
        fresh = now is not None and self._ears.now_ms() - now.at_ms < ENDPOINT_OLD_MS
        return now.status if now is not None and fresh else None

    def _finality_gap(self, status: PowStatus | None) -> int | None:
        """The smallest that any endpoint tells: if that one is large, all agree that it is."""
        if status is None:
            return None
        others = [one.status for one in self._references.of(status.chain_id, "") if one.status is not None]
        return min(max(0, one.latest_epoch - one.finalized_epoch) for one in (status, *others))

    def _monitor(self, team_id: int) -> MonitorView:
        """A team's contact points; how this server fares is for those who run it."""
        own = self._contacts.get(team_id, ())
        if team_id != FIRST_TEAM:
            return MonitorView(contacts=own)
        return MonitorView(
            sources=tuple(sources(self._follower.health)),
            contacts=own,
            failing_loops=self._failures.failing(FAILING_MS),
        )


def _duty_by(view: View) -> Callable[[PosAddress], Duty]:
    """What the team's validators have to do, by the newest blocks."""
    known = bool(view.blocks) and view.blocks[-1].total_votes is not None

    def duty(one: PosAddress) -> Duty:
        seen = view.validators.get(one)
        return Duty(seen.votes, seen.strip) if known and seen is not None else Duty()

    return duty


def troubles_of(view: View, known: Iterable[Trouble]) -> dict[PosAddress, list[Trouble]]:
    """What the team knows to have been wrong with its validators, or with the nodes that carry them."""
    found: dict[PosAddress, list[Trouble]] = {}
    for one in known:
        if one.team_id != view.team_id:
            continue
        node = view.nodes.get(one.subject_id)
        if node is not None and node.pos_address is not None:
            found.setdefault(node.pos_address, []).append(one)
        elif one.kind == SubjectKind.NETWORK:
            for address in view.validators:
                found.setdefault(address, []).append(one)
        else:
            found.setdefault(PosAddress(one.subject_id), []).append(one)
    return found


def marked(epochs: Sequence[EpochView], troubles: Sequence[Trouble]) -> tuple[EpochView, ...]:
    """The epochs, each with whether one of these troubles was known in it."""
    if not troubles:
        return tuple(epochs)
    begins = [one.ended_at_ms for one in epochs]
    return tuple(
        replace(one, explained=True)
        if any(_within(each, begin, one.ended_at_ms) for each in troubles)
        else one
        for begin, one in zip([0, *begins], epochs, strict=False)
    )


def _within(trouble: Trouble, begin_ms: int, end_ms: int) -> bool:
    begun = trouble.opened_at_ms - EARLIER_MS < end_ms
    return begun and (trouble.resolved_at_ms is None or trouble.resolved_at_ms > begin_ms)


def _drip(answer: object) -> int | None:
    if isinstance(answer, RpcError):
        return None
    try:
        return balance(answer)
    except Garbled:
        return None


def sources(health: Sequence[EndpointHealth]) -> Iterator[SourceView]:
    """The endpoints, each compared with the others."""
    for one in health:
        others = [
            each.committed_height
            for each in health
            if each is not one and each.error is None and each.committed_height is not None
        ]
        yield SourceView(
            name=one.name,
            error=one.error,
            lag_blocks=_lag_blocks(one.committed_height, others),
            differs=one.is_stranger,
            heard_at_ms=one.heard_at_ms,
        )


def _lag_blocks(own: int | None, others: Sequence[int]) -> int | None:
    """How far behind it is what two of the others agree on; where there is but one, behind that one."""
    if own is None or not others:
        return None
    agreed = sorted(others)[-2:][0]
    ahead = max(0, agreed - own)
    return ahead if ahead <= BEYOND_BLOCKS or len(others) > 1 else None
