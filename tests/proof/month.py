"""A healthy month, made up: what the rules see of 300 validators and 50 nodes while nothing is really wrong.

Seeded, and with what a month brings: jitter and late votes, slow evenings, pools whose stakers come and go,
two restarts of 45 minutes, a weekly line drop of 8 minutes at each of four sites, a reference that is stuck
or answers 429 for hours, and a validator of 0.2 % that is not elected for days. The views are made as the
store would make them; heights, epochs and terms follow the main network's shape (blocks 31 s apart, 120 an
epoch, six terms of 50 seats).
"""

import math
import random
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate

from vedette.model.account_events import AccountEventKind
from vedette.model.ballot import Ballot
from vedette.model.forecast import Pace, retirement
from vedette.model.health import Duty, Evidence, References, Thresholds, health
from vedette.model.layers import Layer, Verdict
from vedette.model.people import FIRST_TEAM
from vedette.model.pos import Account, PosAddress, Queued
from vedette.model.view import (
    ContactView,
    ElectionView,
    EpochView,
    ForkView,
    MonitorView,
    NetworkView,
    NodeState,
    NodeView,
    ProcessState,
    SettledBlock,
    SourceView,
    StakeChange,
    ValidatorView,
    View,
    node_state,
)

START_MS = 1_800_000_000_000
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
BLOCK_MS = 31_000
TERM_BLOCKS, TERM_SEATS, TERMS = 120, 50, 6
FIRST_EPOCH = 30_000
VALIDATORS, NODES, VOTERS = 300, 50, 44
WINDOW_BLOCKS = 120
SETTLED_MS = 3 * BLOCK_MS
DUE_MS = 15_000
RESTART_MS, DROP_MS = 45 * MINUTE_MS, 8 * MINUTE_MS
SITES = 4
SMALL = VALIDATORS - 1
"""The validator of 0.2 % of the stake."""
WEEK_DAYS = 7
ASKED = ("pow", "pos", "sync_phase", "voting")


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Something that befalls in the month, and the nodes that it touches."""

    what: str  # restart, line, source, unelected
    from_ms: int
    until_ms: int
    nodes: frozenset[str] = frozenset()

    def holds(self, now_ms: int) -> bool:
        return self.from_ms <= now_ms < self.until_ms


@dataclass(slots=True)
class Sim:
    """One validator."""

    address: PosAddress
    votes: int
    signs: float  # its chance to be in a certificate
    is_pool: bool
    account: Account
    strip: str = ""
    seats: dict[int, int] = field(default_factory=dict)  # by term
    epochs: list[EpochView] = field(default_factory=list)
    changes: list[StakeChange] = field(default_factory=list)
    last_signed_epoch: int | None = None
    signed: int = 0
    known: int = 0
    members: dict[int, int] = field(default_factory=dict)  # by epoch, for as long as `seats` stay as they are

    def members_votes(self, epoch: int) -> int:
        votes = self.members.get(epoch)
        if votes is None:
            votes = sum(self.seats.get(term, 0) for term in range(epoch - TERMS, epoch))
            self.members[epoch] = votes
        return votes


@dataclass(slots=True)
class Month:
    """The whole of it: `views` walks through it once."""

    seed: int
    days: int
    rng: random.Random = field(init=False)
    sims: list[Sim] = field(init=False)
    disturbances: list[Disturbance] = field(init=False)
    height: int = field(init=False, default=FIRST_EPOCH * TERM_BLOCKS)
    epoch: int = field(init=False, default=FIRST_EPOCH)
    blocks: list[SettledBlock] = field(init=False, default_factory=list)
    staked_votes: int = field(init=False, default=1)
    stall: tuple[int, int] | None = None  # no block is made from the first moment to the second
    drop: tuple[int, int] | None = None  # half of all votes are missing
    settled_at_ms: int = field(init=False, default=START_MS)
    median_ppm: int | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.sims = [_sim(self.rng, place) for place in range(VALIDATORS)]
        self.disturbances = list(_disturbances(self.rng, self.days))
        for term in range(FIRST_EPOCH - TERMS, FIRST_EPOCH + 1):
            self._elect(term)

    # --- the chain

    def views(self) -> Iterator[View]:
        """Two looks a block: as it settles, and half a round later."""
        now_ms, end_ms = START_MS, START_MS + self.days * DAY_MS
        next_stakes_ms = START_MS
        while now_ms < end_ms:
            if now_ms >= next_stakes_ms:
                self._stake(now_ms)
                next_stakes_ms += DAY_MS
            if _within(self.stall, now_ms):
                yield self._view(now_ms)
                now_ms += BLOCK_MS
                continue
            self._settle(now_ms)
            settled = self._view(now_ms)
            yield settled
            # Of validators, nothing new is seen before the next block.
            yield self._view(now_ms + BLOCK_MS // 2, settled.validators)
            now_ms += BLOCK_MS + self.rng.randrange(-1_500, 1_500)
            if self.height % TERM_BLOCKS == 0:
                self._end_epoch(now_ms)
                now_ms += self.rng.choice((2, 2, 3)) * BLOCK_MS

    def _settle(self, now_ms: int) -> None:
        self.height, self.settled_at_ms = self.height + 1, now_ms
        missing = 0.5 if _within(self.drop, now_ms) else 0.0
        slow = 0.02 * math.sin(now_ms / DAY_MS * 2 * math.pi) ** 2  # evenings are slower than mornings
        signed = total = 0
        for place, sim in enumerate(self.sims):
            votes = sim.members_votes(self.epoch)
            letter = Ballot.IDLE.value
            if votes:
                total += votes
                signs = self.rng.random() < sim.signs - slow - missing and not self._off(place, now_ms)
                letter = Ballot.SIGNED.value if signs else Ballot.ABSENT.value
                signed += votes * signs
                sim.known += 1
                sim.signed += signs
                if signs:
                    sim.last_signed_epoch = self.epoch
            sim.strip = (sim.strip + letter)[-WINDOW_BLOCKS:]
        # Now and then no endpoint has the certificate of an epoch's last block.
        block = SettledBlock(self.height, self.epoch, total, signed)
        self.blocks = [*self.blocks[-WINDOW_BLOCKS + 1 :], block]

    def _off(self, place: int, now_ms: int) -> bool:
        """Its node restarts. A line drop of the agent's does not keep the node from its peers."""
        name = f"n{place}"
        return any(
            one.what == "restart" and name in one.nodes and one.holds(now_ms) for one in self.disturbances
        )

    def _restarted(self, place: int, from_ms: int, until_ms: int) -> bool:
        """Whether its node was on its way back at some time between."""
        name = f"n{place}"
        restarts = [one for one in self.disturbances if one.what == "restart" and name in one.nodes]
        return any(one.from_ms < until_ms and from_ms < one.until_ms for one in restarts)

    def _end_epoch(self, now_ms: int) -> None:
        began_ms = now_ms - (TERM_BLOCKS + 3) * BLOCK_MS
        for place, sim in enumerate(self.sims):
            votes = sim.members_votes(self.epoch)
            due = votes * 1_500_000_000 + sim.votes * 2_000_000
            reward = 0 if votes and not sim.signed else int(due * self.rng.uniform(0.97, 1.04))
            # As the server marks it: its absence, though told to nobody, was an incident within this epoch.
            told = self._restarted(place, began_ms, now_ms)
            view = EpochView(self.epoch, votes, sim.signed, sim.known, now_ms, reward, due, explained=told)
            sim.epochs = [*sim.epochs[-23:], view]
            sim.signed = sim.known = 0
        self.epoch += 1
        self.median_ppm = _median_ppm(self.sims)
        self._elect(self.epoch)

    def _elect(self, term: int) -> None:
        """Fifty seats by lot, by stake. The small one has no luck for days on end."""
        unlucky = term % 240 < 200  # some eight days of ten
        weights = [
            0 if place == SMALL and unlucky else sim.account.available_votes
            for place, sim in enumerate(self.sims)
        ]
        ladder = list(accumulate(weights))
        self.staked_votes = sum(sim.account.available_votes for sim in self.sims)
        for sim in self.sims:
            sim.seats = {t: n for t, n in sim.seats.items() if t > term - TERMS - 2}
            sim.members.clear()
        for _ in range(TERM_SEATS):
            chosen = self.sims[bisect_left(ladder, self.rng.random() * ladder[-1])]
            chosen.seats[term] = chosen.seats.get(term, 0) + 1

    def _stake(self, now_ms: int) -> None:
        """Pools' stakers come and go each day."""
        for sim in self.sims:
            sim.changes = [one for one in sim.changes if now_ms - one.at_ms < DAY_MS]
            if not sim.is_pool:
                continue
            added, left = self.rng.randrange(0, 4), self.rng.randrange(0, 3)
            sim.changes += [
                StakeChange(kind, now_ms, self.height, votes, self.height + 1_440, "pool")
                for kind, votes in ((AccountEventKind.ADDED, added), (AccountEventKind.UNLOCKING, left))
                if votes
            ]
            before = sim.account
            votes = before.available_votes + added - left
            out = (*(q for q in before.out_queue if q.end_height > self.height),)
            gone = sum(q.votes for q in before.out_queue if q.end_height <= self.height)
            if left:
                out = (*out, Queued(self.height + 1_440, left))
            sim.account = replace(
                before,
                height=self.height,
                available_votes=votes,
                locked_votes=votes,
                out_queue=out,
                unlocked_votes=before.unlocked_votes + gone,
            )
            sim.votes = votes

    # --- the picture

    def _view(self, now_ms: int, validators: Mapping[PosAddress, ValidatorView] | None = None) -> View:
        ends = -(-self.height // TERM_BLOCKS) * TERM_BLOCKS
        pace = Pace(self.epoch, self.height, ends, TERM_BLOCKS, BLOCK_MS)
        if validators is None:
            validators = {sim.address: self._validator(sim, pace, now_ms) for sim in self.sims}
        return View(
            now_ms=now_ms,
            blocks=tuple(self.blocks),
            validators=validators,
            nodes={node.id: node for node in self._nodes(now_ms)},
            network=self._network(pace, now_ms),
            monitor=self._monitor(now_ms),
        )

    def _validator(self, sim: Sim, pace: Pace, now_ms: int) -> ValidatorView:
        now, following = sim.members_votes(self.epoch) > 0, sim.members_votes(self.epoch + 1) > 0
        served = [term for term, seats in sim.seats.items() if seats and term < self.epoch]
        return ValidatorView(
            address=sim.address,
            team_id=FIRST_TEAM,
            strip=sim.strip,
            votes=sim.members_votes(self.epoch),
            account=sim.account,
            account_at_ms=now_ms - 30_000,
            retirement=retirement(
                pace,
                last_signed_epoch=sim.last_signed_epoch,
                known_from_epoch=FIRST_EPOCH,
                is_member={self.epoch: now, self.epoch + 1: following},
            ),
            service_ends_height=pace.last_height(max(served) + TERMS) if served else None,
            newly_elected=now and sim.members_votes(self.epoch - 1) == 0,
            epochs=tuple(sim.epochs),
            changes=tuple(sim.changes),
            election=self._election(sim),
            pool=f"pool {sim.address[-4:]}" if sim.is_pool else None,
            gas_drip=3 * 10**18 + self.rng.randrange(10**17),
            pow_address=None,
        )

    def _election(self, sim: Sim) -> ElectionView:
        without = 0
        for term in range(self.epoch, self.epoch - TERMS, -1):
            if sim.seats.get(term):
                break
            without += 1
        share = sim.account.available_votes / self.staked_votes
        return ElectionView(
            free_votes=max(0, sim.account.available_votes - sim.members_votes(self.epoch)),
            terms_without_standing=0,
            terms_without_seat=without,
            expected_terms_between_seats=1 / (1 - (1 - share) ** TERM_SEATS) if share else None,
        )

    def _network(self, pace: Pace, now_ms: int) -> NetworkView:
        gap = 260 + round(60 * math.sin(now_ms / HOUR_MS)) + self.rng.randrange(-20, 20)
        if _within(self.stall, now_ms):
            gap += _pow_epoch(now_ms) - _pow_epoch(self.settled_at_ms)  # PoW goes on, and nothing is final
        fork = ForkView("v9", "9.0.0", None, self.height + 300_000, now_ms + 90 * DAY_MS)
        return NetworkView(
            epoch=self.epoch,
            height=self.height,
            block_at_ms=self.settled_at_ms - SETTLED_MS,
            block_interval_ms=BLOCK_MS,
            epoch_last_height=pace.epoch_last_height,
            term_blocks=TERM_BLOCKS,
            pow_epoch=_pow_epoch(now_ms),
            finality_gap_epochs=gap,
            median_vote_rate_ppm=self.median_ppm,
            forks=(fork,),
            followed_since_ms=START_MS - 30 * DAY_MS,
        )

    def _monitor(self, now_ms: int) -> MonitorView:
        """Three endpoints; one is stuck or wants to be asked less often for some hours."""
        bad = next((one for one in self.disturbances if one.what == "source" and one.holds(now_ms)), None)
        third = SourceView("third", heard_at_ms=now_ms - 5_000)
        if bad is not None and (bad.from_ms // HOUR_MS) % 2:
            third = replace(third, error="it answered 429: too many questions", heard_at_ms=bad.from_ms)
        elif bad is not None:
            third = replace(third, lag_blocks=(now_ms - bad.from_ms) // BLOCK_MS)
        well = tuple(SourceView(name, heard_at_ms=now_ms - 3_000) for name in ("first", "second"))
        contact = ContactView("c1", "ops", wakes=True, is_enabled=True)
        return MonitorView(sources=(*well, third), contacts=(contact,))

    def _nodes(self, now_ms: int) -> Iterator[NodeView]:
        for place in range(NODES):
            yield self._node(place, now_ms)

    def _node(self, place: int, now_ms: int) -> NodeView:
        name = f"n{place}"
        held = [one for one in self.disturbances if name in one.nodes and one.holds(now_ms)]
        cut = next((one for one in held if one.what == "line"), None)
        restart = next((one for one in held if one.what == "restart"), None)
        heard_ms = now_ms - self.rng.randrange(6_000) if cut is None else cut.from_ms
        restarts = [one.from_ms for one in self.disturbances if one.what == "restart" and name in one.nodes]
        started_ms = max((at for at in restarts if at <= now_ms), default=START_MS - 20 * DAY_MS)
        node = NodeView(
            id=name,
            team_id=FIRST_TEAM,
            name=name,
            pos_address=self.sims[place].address if place < VOTERS else None,
            process=ProcessState.RUNNING,
            died_at_ms=None,
            planned_stop_until_ms=None if restart is None else restart.until_ms,
            heard_at_ms=heard_ms,
            due_at_ms=heard_ms + DUE_MS,
            sync_phase="NormalSyncPhase" if restart is None else "CatchUpSyncBlockPhase",
            running_since_ms=started_ms,
            role="voter" if place < VOTERS else "rpc" if place % 2 else "full",
        )
        numbers, states = self._told(place, now_ms, started_ms, restart)
        return replace(
            node, numbers=numbers, states=states, layers=self._layers(node, numbers, states, place)
        )

    def _told(
        self, place: int, now_ms: int, started_ms: int, restart: Disturbance | None
    ) -> tuple[dict[str, float], dict[str, str]]:
        """A node's newest numbers and states, with the jitter that real ones have."""
        rng = self.rng
        day = (now_ms - START_MS) / DAY_MS
        own_epoch = _pow_epoch(now_ms) - rng.randrange(3)
        boundary = self.height % TERM_BLOCKS == 0
        disk = 1.1e12 + day * 4e9 + place * 1e9
        numbers = {
            "pow.latest_epoch": own_epoch,
            "pow.execution_lag_epochs": rng.choice((4, 4, 5, 5, 6, 8, 11)),
            "pow.still_seconds": rng.expovariate(1 / 3),
            "pow.epochs_per_second": rng.gauss(0.84, 0.02),
            "pow.risen_epochs": rng.gauss(100, 6),
            "pow.head_age_seconds": abs(rng.gauss(3, 2)),
            "pow.finality_gap_epochs": 280 + rng.randrange(-40, 60),
            "pos.committed_height": self.height + 3 - rng.choice((0, 0, 0, 1)),
            "pos.still_seconds": self._still_s(now_ms, boundary=boundary),
            "peers.outgoing_count": 8 - rng.choice((0, 0, 0, 1)),
            "peers.incoming_count": 20 + rng.randrange(8),
            "host.cpu.used_ratio": min(1.0, abs(rng.gauss(0.3, 0.15))),
            "host.memory.used_bytes": 13e9 + rng.gauss(0, 4e8),
            "host.memory.total_bytes": 32e9,
            "host.disk.used_bytes": disk,
            "host.disk.total_bytes": 2e12,
            "host.disk.used_ratio": disk / 2e12,
            "disk.data.used_bytes": disk,
            "disk.data.total_bytes": 2e12,
            "disk.data.used_ratio": disk / 2e12,
            "disk.data.seconds_to_full": (2e12 - disk) / (4e9 / 86_400) * rng.uniform(0.5, 2),
            "disk.pos_log_bytes": 2e9 + day * 1e8,
            "host.clock.synchronised": 1,
            "host.clock.offset_ms": rng.gauss(0, 4),
            "host.clock.error_ms": abs(rng.gauss(40, 20)),
            "host.oom_kills_count": 0,
            "process.running": 1,
            "process.rss_bytes": 11e9 + rng.gauss(0, 5e8),
            "process.up_seconds": (now_ms - started_ms) / 1_000,
            "process.restarts_count": sum(1 for at in [started_ms] if at > START_MS),
            "guard.age_seconds": rng.uniform(0, 40),
            "guard.last_voted_round": self.height % TERM_BLOCKS,
            "node.exposed_count": 0,
        }
        states = {
            "process.state": "running",
            "node.sync_phase": "NormalSyncPhase",
            "node.release": "3.0.3",
            "node.version": "conflux-rust/v3.0.3-0000000-20260519/x86_64-linux-gnu/rustc1.77",
            "node.exposed": "nothing",
            "guard.file": "present",
            "node.config.started_as_voter": "true",
        }
        if place < VOTERS:
            states |= {"node.voting": "true", "node.pos_address": self.sims[place].address}
        return _in_restart(numbers, states, now_ms, restart)

    def _still_s(self, now_ms: int, *, boundary: bool) -> float:
        if _within(self.stall, now_ms):
            return (now_ms - self.settled_at_ms) / 1_000
        return self.rng.uniform(60, 100) if boundary else self.rng.uniform(0, 35)

    def _layers(
        self, node: NodeView, numbers: Mapping[str, float], states: Mapping[str, str], place: int
    ) -> Mapping[Layer, Verdict]:
        sim = self.sims[place]
        duty = Duty(sim.members_votes(self.epoch), sim.strip) if place < VOTERS else Duty()
        references = References(float(_pow_epoch(node.heard_at_ms)), float(self.height + 3), 0.84, 100.0)
        state = node_state(node, min(node.due_at_ms, node.heard_at_ms))
        if state is NodeState.SYNCING:
            state = NodeState.UP
        return health(Evidence(state, numbers, states, references, duty), Thresholds())


def _median_ppm(sims: list[Sim]) -> int | None:
    """The middle of all vote rates of the last day."""
    totals = [
        (sum(e.signed_blocks for e in sim.epochs), sum(e.known_blocks for e in sim.epochs)) for sim in sims
    ]
    rates = sorted(1_000_000 * signed // known for signed, known in totals if known)
    return rates[len(rates) // 2] if rates else None


def _within(span: tuple[int, int] | None, now_ms: int) -> bool:
    return span is not None and span[0] <= now_ms < span[1]


def _in_restart(
    numbers: dict[str, float], states: dict[str, str], now_ms: int, restart: Disturbance | None
) -> tuple[dict[str, float], dict[str, str]]:
    """While it starts, its RPC is silent, and its log tells how far it has come."""
    if restart is None:
        return numbers, states
    asked = ("pow.", "pos.", "peers.")
    numbers = {name: value for name, value in numbers.items() if not name.startswith(asked)}
    gone_ratio = (now_ms - restart.from_ms) / (restart.until_ms - restart.from_ms)
    numbers |= {
        "guard.age_seconds": (now_ms - restart.from_ms) / 1_000,
        "sync.recovered_height": float(int(1_000_000 * gone_ratio)),
        "sync.recovered_per_second": 350.0,
        "sync.step": 1,
    }
    states = {name: value for name, value in states.items() if name not in {"node.sync_phase", "node.voting"}}
    return numbers, states | {
        "sync.source": "log",
        "sync.log_phase": "CatchUpRecoverBlockHeaderFromDbPhase",
        **{f"probe.{name}.error": "it does not answer yet" for name in ASKED},
    }


def _pow_epoch(now_ms: int) -> int:
    return 150_000_000 + int((now_ms - START_MS) * 0.84 / 1_000)


def _sim(rng: random.Random, place: int) -> Sim:
    votes = 6 if place == SMALL else max(3, int(rng.paretovariate(1.2) * 4))
    address = PosAddress(f"0x{place:064x}")
    account = Account(address, FIRST_EPOCH * TERM_BLOCKS, votes, votes, (), (), 0, 0, None)
    signs = rng.choice((0.999, 0.998, 0.996, 0.992, 0.985))
    return Sim(address, votes, signs, place % 10 == 0, account)


def _disturbances(rng: random.Random, days: int) -> Iterator[Disturbance]:
    for place in rng.sample(range(VOTERS), 2):
        at_ms = START_MS + rng.randrange(HOUR_MS, max(2 * HOUR_MS, days * DAY_MS - HOUR_MS))
        yield Disturbance("restart", at_ms, at_ms + RESTART_MS, frozenset({f"n{place}"}))
    for site in range(SITES):
        names = frozenset(f"n{place}" for place in range(NODES) if place % SITES == site)
        for week in range(0, max(1, days), WEEK_DAYS):
            at_ms = START_MS + week * DAY_MS + rng.randrange(HOUR_MS, min(7, days) * DAY_MS - HOUR_MS)
            yield Disturbance("line", at_ms, at_ms + DROP_MS, names)
    for day in range(1, max(2, days), 6):
        at_ms = START_MS + day * DAY_MS + rng.randrange(12) * HOUR_MS
        yield Disturbance("source", at_ms, at_ms + rng.randrange(2, 8) * HOUR_MS)
