"""The staged past of each validator: canned epochs, and the server's own figures made of them.

Nothing here is random: the same address has the same past. The newest epoch is not paid yet; stake was seen
in the newest 200 epochs, or, in the scene `young`, never.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

from pydantic import BaseModel

from vedette.model.history import Of, OfNetwork, Window
from vedette.model.performance import Performance
from vedette.model.pos import PosAddress
from vedette.server.api import history_shapes, shapes, sheets
from vedette.server.api.figures import detail, summary, window_header
from vedette.server.standings import Standing
from vedette.store.pages import SumsState

EPOCH_BLOCKS = 60
EPOCH_MS = 62 * 60_000
COUNTED = {"young": 12}
USUALLY_COUNTED = 400
STAKED = 200
ASKED = {"24h": 23, "7d": 163, "30d": 697, "365d": 8_478, "all": 28_000}
SEATS = 300
POINT_GDRIP = 385_000  # so that a seat earns some 6 CFX an epoch
SEAT_GDRIP = 15_000 * POINT_GDRIP
LEAD_GDRIP = 3_000 * POINT_GDRIP
ROWS = 50


@dataclass(frozen=True)
class Line:
    """One validator in one epoch."""

    epoch: int
    votes: int
    signed: int
    known: int
    led: int
    silent: bool
    paid: bool
    staked: bool

    @property
    def due(self) -> int:
        return self.votes * SEAT_GDRIP

    @property
    def lost(self) -> int:
        return self.due if self.silent else 0

    @property
    def reward(self) -> int:
        return self.due - self.lost + self.led * LEAD_GDRIP

    @property
    def fair(self) -> int:
        return 9 * SEAT_GDRIP


@dataclass
class Served:
    """What the API tells of one validator's past and future."""

    scene: str
    addresses: Mapping[str, str]
    height: int
    now_ms: int
    standings: dict[str, Standing] = field(default_factory=dict)
    places: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.places = {name: place for place, name in enumerate(self.addresses)}

    @property
    def newest(self) -> int:
        """The newest counted epoch."""
        return self.height // EPOCH_BLOCKS - 1

    @property
    def counted(self) -> int:
        return COUNTED.get(self.scene, USUALLY_COUNTED)

    def line(self, name: str, epoch: int) -> Line:
        index = self.places[name]
        idle = index % 9 == 5 or (index == 3 and epoch % 40 < 9)
        votes = 0 if idle else 4 + (epoch // 6 * 7 + index * 5) % 9
        silent = index == 1 and epoch % 50 in {7, 8}
        unseen = epoch % 97 == 0
        young = self.scene == "young"
        return Line(
            epoch=epoch,
            votes=votes,
            signed=0 if not votes or silent or unseen else EPOCH_BLOCKS - (epoch * 7 + index) % 5,
            known=0 if unseen else EPOCH_BLOCKS - epoch % 2,
            led=0 if not votes or silent else (epoch * 5 + index) % 4 + (index == 0),
            silent=silent and votes > 0,
            paid=not young and epoch < self.newest,
            staked=not young and self.newest - STAKED < epoch < self.newest,
        )

    def lines(self, name: str, window: str = "all") -> list[Line]:
        """Oldest first."""
        known = min(self.counted, ASKED[window])
        return [self.line(name, epoch) for epoch in range(self.newest - known + 1, self.newest + 1)]

    # --- figures

    def standing(self, span: str) -> Standing:
        if span not in self.standings:
            everybody = {
                PosAddress(one): _sums(self.lines(name, span)) for name, one in self.addresses.items()
            }
            window = Window(self.newest - ASKED[span] + 1, self.newest, self._network(span), everybody)
            live = None if self.scene == "young" else self.newest - STAKED + 1
            through_us = (self.now_ms - 600_000) * 1000
            self.standings[span] = Standing(span, window, live, through_us, SumsState(self.newest, 1, 1))
        return self.standings[span]

    def _network(self, span: str) -> tuple[int, ...]:
        lines = self.lines(next(iter(self.addresses)), span) if self.addresses else []
        paid, staked = sum(one.paid for one in lines), sum(one.staked for one in lines)
        sums = dict.fromkeys(OfNetwork, 0) | {
            OfNetwork.EPOCHS: len(lines),
            OfNetwork.BLOCKS: EPOCH_BLOCKS * len(lines),
            OfNetwork.KNOWN_BLOCKS: sum(one.known for one in lines),
            OfNetwork.EXPECTED_VOTES: SEATS * sum(one.known for one in lines),
            OfNetwork.CAST_VOTES: 291 * sum(one.known for one in lines),
            OfNetwork.NIL_BLOCKS: len(lines) // 3,
            OfNetwork.REWARDED_EPOCHS: paid,
            OfNetwork.REWARD_GDRIP: paid * SEATS * SEAT_GDRIP,
            OfNetwork.SECONDS: len(lines) * EPOCH_MS // 1000,
            OfNetwork.REWARDED_STAKED_SECONDS: staked * EPOCH_MS // 1000,
            OfNetwork.NETWORK_VOTE_SECONDS: staked * EPOCH_MS // 1000 * 113_000,
            OfNetwork.NETWORK_REWARD_STAKED_GDRIP: staked * SEATS * SEAT_GDRIP,
        }
        return tuple(sums[each] for each in OfNetwork)

    def told(self, name: str, span: str) -> Performance:
        return self.standing(span).of(PosAddress(self.addresses[name]))

    def header(self, span: str) -> shapes.WindowHeader:
        return window_header(self.standing(span))

    def summary(self, name: str, span: str) -> shapes.PerformanceSummary:
        return summary(self.told(name, span))

    # --- replies

    def reply(self, name: str, what: str, query: Mapping[str, str]) -> BaseModel | str:
        """The shape of a reply, or a table as text. Raises KeyError for what there is not."""
        replies: dict[str, Callable[[str, Mapping[str, str]], BaseModel | str]] = {
            "performance": self.performance,
            "epochs": self.epochs,
            "elections": self.elections,
            "balance": self.balance,
            "events": self.events,
            "outlook": self.outlook,
        }
        return replies[what](name, query)

    def performance(self, name: str, query: Mapping[str, str]) -> history_shapes.PerformanceShape:
        span = query.get("window", "24h")
        return detail(self.told(name, span), self.standing(span))

    def epochs(self, name: str, query: Mapping[str, str]) -> history_shapes.ValidatorEpochs | str:
        lines = self.lines(name)
        paid = accumulate(one.reward if one.paid else 0 for one in lines)
        rows = [_epoch(self, *pair) for pair in zip(lines, paid, strict=True)][::-1]
        if query.get("format") == "csv":
            return sheets.table(history_shapes.ValidatorEpoch, rows)
        before, limit = int(query.get("before", 10**9)), int(query.get("limit", ROWS))
        page = [row for row in rows if row.epoch < before][:limit]
        return history_shapes.ValidatorEpochs(
            epochs=page, next_before=page[-1].epoch if len(page) == limit else None
        )

    def at_ms(self, epoch: int) -> int:
        """When an epoch begins."""
        return self.now_ms - 600_000 - (self.newest - epoch + 1) * EPOCH_MS

    def elections(self, _name: str, query: Mapping[str, str]) -> history_shapes.Elections:
        top, limit = int(query.get("before", self.newest + 3)) - 1, int(query.get("limit", ROWS))
        terms = [
            history_shapes.TermLine(
                term=term,
                first_epoch=term + 1,
                last_epoch=term + 6,
                candidate=None if term % 7 == 3 else True,
                elected_votes=term % 4 if term > self.newest - 6 else None,
                finalized=term <= self.newest + 1,
                seats=term % 4 if term % 5 else None,
            )
            for term in range(top, max(top - limit, self.newest - 80), -1)
        ]
        return history_shapes.Elections(
            terms=terms, next_before=terms[-1].term if len(terms) == limit else None, radar=self.radar()
        )

    def events(self, _name: str, _query: Mapping[str, str]) -> history_shapes.Events:
        kinds = [
            ("Retire", "chain", 40, "Executed"),
            ("unlocking", "snapshot", 40, None),
            ("locked", "snapshot", 100, None),
            ("UpdateVotingPower", "chain", 100, "Failed"),
            ("force_retired", "snapshot", 12_000, None),
            ("Register", "chain", 12_000, "Executed"),
        ]
        return history_shapes.Events(
            events=[
                history_shapes.EventLine.model_validate(
                    {
                        "at_ms": self.now_ms - (i + 1) * 40_000_000,
                        "height": self.height - (i + 1) * 1_291,
                        "kind": kind,
                        "source": source,
                        "votes": votes,
                        "until_height": self.height + 1_212 if kind == "unlocking" else None,
                        "transaction": 7_000 - i if source == "chain" else None,
                        "transaction_hash": f"0x{i:064x}" if source == "chain" else None,
                        "status": status,
                        "conflict": None,
                        "sender": None,
                    }
                )
                for i, (kind, source, votes, status) in enumerate(kinds)
            ],
            next_before=None,
        )

    def balance(self, name: str, query: Mapping[str, str]) -> history_shapes.Balance:
        from_ms, to_ms = int(query["from_ms"]), int(query["to_ms"])
        if self.scene == "young":
            return history_shapes.Balance(from_ms=from_ms, to_ms=to_ms, pow_address=None, stake=[], pow=[])
        third = (to_ms - from_ms) // 3
        stake = [
            history_shapes.StakePoint(
                at_ms=from_ms + i * third,
                height=self.height - (2 - i) * 3_000,
                available_votes=12_540 - 40 * i,
                locked_votes=12_400 - 40 * i,
                in_queue_votes=100 if i < 2 else 0,
                out_queue_votes=40 * i,
                unlocked_votes=0,
                forfeited_votes=0,
                force_retired_height=None,
            )
            for i in range(3)
        ]
        held = [
            history_shapes.BalancePoint(
                at_ms=from_ms + i * third // 8,
                balance_drip=str(10**18 * (900 + 31 * i) + i),
                staking_drip=str(12_540 * 10**21),
            )
            for i in range(24)
        ]
        watched = name == "node0"
        return history_shapes.Balance(
            from_ms=from_ms,
            to_ms=to_ms,
            pow_address="cfx:aarc9abycue0hhzgyrr53m6cxedgccrmmyybjgh4xg" if watched else None,
            stake=stake,
            pow=held if watched else [],
        )

    def outlook(self, name: str, _query: Mapping[str, str]) -> history_shapes.Outlook:
        epoch = self.newest + 1
        ends = (epoch + 1) * EPOCH_BLOCKS
        late = self.scene == "trouble" and name == "node2"
        last = ends if late else ends + 3 * EPOCH_BLOCKS
        retirement = {
            "state": "due" if late else "safe",
            "epoch": epoch if late else epoch + 3,
            "height": last,
            "sign_by_height": last - 1,
            "left_blocks": last - 1 - self.height,
            "left_ms": (last - 1 - self.height) * 31_000,
            "safe_until_ms": self.now_ms + (last - 1 - self.height) * 31_000,
            "certain": late,
            "last_signed_epoch": epoch - 3 if late else epoch,
        }
        leaving = [
            {"votes": v, "height": self.height + left, "left_blocks": left, "left_ms": left * 31_000}
            for v, left in ((40, 1_212), (300, 5_000))
        ]
        return history_shapes.Outlook.model_validate(
            {
                "at_ms": self.now_ms,
                "epoch": epoch,
                "height": self.height,
                "epoch_last_height": ends,
                "block_interval_ms": 31_000,
                "last_signed_height": self.height,
                "force_retired_height": None,
                "retirement": None if self.scene == "young" else retirement,
                "locking": [],
                "unlocking": leaving if name == "node1" else [],
                "radar": None if self.scene == "young" else self.radar(),
            }
        )

    def radar(self) -> history_shapes.RadarShape:
        epoch = self.newest + 1
        ends = (epoch + 1) * EPOCH_BLOCKS
        coming = [2, 3, None, None, None, None]
        changes = [
            {
                "epoch": epoch + 1 + i,
                "after_height": ends + i * EPOCH_BLOCKS,
                "left_ms": (ends + i * EPOCH_BLOCKS - self.height) * 31_000,
                "leaving": (2, 0, 1, 3, 1, 2)[i],
                "coming": one,
            }
            for i, one in enumerate(coming)
        ]
        elections = [
            {
                "term": term,
                "first_epoch": term + 1,
                "last_epoch": term + 6,
                "state": state,
                "opens_at_height": ends - EPOCH_BLOCKS,
                "closes_at_height": ends + EPOCH_BLOCKS // 2,
                "closes_in_ms": 0 if state == "finalized" else 2_220_000,
                "elected_votes": votes,
                "own_seats": own,
                "free_votes": 12_491,
                "chance_ppm": None if state == "finalized" else 431_200,
            }
            for term, state, votes, own in ((epoch, "finalized", 50, 2), (epoch + 1, "open", 31, 1))
        ]
        return history_shapes.RadarShape.model_validate(
            {
                "epoch": epoch,
                "seats": 9,
                "seats_by_term": dict(zip(range(epoch - 6, epoch), (2, 0, 1, 3, 1, 2), strict=True)),
                "changes": changes,
                "elections": elections,
            }
        )


def _sums(lines: list[Line]) -> tuple[int, ...]:
    paid, staked = [one for one in lines if one.paid], [one for one in lines if one.staked]
    served = [one for one in lines if one.votes]
    seconds = EPOCH_MS // 1000
    sums = {
        Of.SERVED_EPOCHS: len(served),
        Of.SILENT_EPOCHS: sum(one.silent for one in lines),
        Of.KNOWN_BLOCKS: sum(one.known for one in served),
        Of.SIGNED_BLOCKS: sum(one.signed for one in lines),
        Of.EXPECTED_VOTES: sum(one.votes * one.known for one in lines),
        Of.CAST_VOTES: sum(one.votes * one.signed for one in lines),
        Of.LED_BLOCKS: sum(one.led for one in lines),
        Of.LEAD_SHARE_PPM: sum(one.votes * 1_000_000 * EPOCH_BLOCKS // SEATS for one in lines),
        Of.SEAT_EPOCHS: sum(one.votes for one in lines),
        Of.REWARD_GDRIP: sum(one.reward for one in paid),
        Of.COMMITTEE_DUE_GDRIP: sum(one.due for one in paid),
        Of.SILENT_LOSS_GDRIP: sum(one.lost for one in paid),
        Of.LEADER_PAID_GDRIP: sum(one.led * LEAD_GDRIP for one in paid),
        Of.LEADER_DUE_GDRIP: sum(one.votes * EPOCH_BLOCKS * LEAD_GDRIP // SEATS for one in paid),
        Of.FAIR_GDRIP: sum(one.fair for one in staked),
        Of.FAIR_COMMITTEE_GDRIP: sum(one.fair * 9 // 10 for one in staked),
        Of.COMMITTEE_DUE_STAKED_GDRIP: sum(one.due for one in staked),
        Of.REWARD_STAKED_GDRIP: sum(one.reward for one in staked),
        Of.VOTE_SECONDS: len(staked) * seconds * 3_400,
        Of.STAKED_EPOCHS: len(staked),
    }
    return tuple(sums[each] for each in Of)


def _epoch(of: Served, one: Line, cumulative: int) -> history_shapes.ValidatorEpoch:
    return history_shapes.ValidatorEpoch(
        epoch=one.epoch,
        first_height=one.epoch * EPOCH_BLOCKS,
        last_height=(one.epoch + 1) * EPOCH_BLOCKS - 1,
        first_at_ms=of.at_ms(one.epoch),
        last_at_ms=of.at_ms(one.epoch + 1) - 31_000,
        votes=one.votes,
        signed_blocks=one.signed,
        known_blocks=one.known,
        blocks=EPOCH_BLOCKS,
        led_blocks=one.led,
        silent=one.silent if one.votes and one.known else None,
        reward_gdrip=str(one.reward) if one.paid else None,
        expected_gdrip=str(one.fair) if one.staked else None,
        due_gdrip=str(one.due) if one.paid else None,
        lost_gdrip=str(one.lost) if one.paid else None,
        cumulative_gdrip=str(cumulative),
    )
