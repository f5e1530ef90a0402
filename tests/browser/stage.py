"""A stage for the page: the built files and canned replies, for states that are hard to reach for real.

Every reply is made of the server's own shapes, so the stage cannot say what the server could not. By hand,
`python -m tests.browser.stage --scene trouble` plays a scene for `npm run dev` (VEDETTE_API=http://127.0.0.1:8650).
"""

import argparse
import asyncio
import contextlib
import hashlib
import math
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from aiohttp import web
from pydantic import BaseModel, ValidationError

from tests.browser import fleet, public
from tests.browser.alerted import TITLES, Alerted, both, in_full
from tests.browser.kept import Kept, reply
from tests.browser.pooled import Pooled
from tests.browser.served import Served
from vedette.conflux.address import AddressError
from vedette.server.api import claim_shapes, history_shapes, shapes
from vedette.server.app import openapi_document

BUILT = Path(__file__).parents[2] / "src" / "vedette" / "server" / "static"
STATIC = Path(os.environ.get("VEDETTE_PAGE_OUT") or BUILT)  # where vite was told to build
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SCENES = ("healthy", "trouble", "many", "young", "fleet", "empty", "public", "broken", "gone", "alerts")
EPOCH_BLOCKS = 60
HISTORY = 400
GIB = 1 << 30


def address(name: str) -> str:
    return "0x" + hashlib.sha256(name.encode()).hexdigest()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def health(state: str, reason: str) -> dict[str, object]:
    """Four layers that are alike."""
    layer: dict[str, object] = {"state": state, "reason": reason, "figures": {}, "since_ms": None}
    return {"state": state, "execution": layer, "pow": layer, "pos": layer, "validator": layer}


def owned(index: int) -> dict[str, object]:
    """What the operator of four nodes said of them; the last one's place is not known."""
    city, latitude, longitude = (
        ("Singapore", 1.3, 103.8),
        ("Frankfurt am Main", 50.1, 8.7),
        (None, None, None),
    )[min(index, 2)]
    place = {
        "country": ("SG", "DE", "US")[min(index, 2)],
        "city": city,
        "latitude": latitude,
        "longitude": longitude,
        "source": "address" if index else "operator",
        "hosting": None,
    }
    return {
        "labels": ["pool", "rack-7"] if index == 0 else [],
        "group": "Asia" if index == 0 else None,
        "is_public": index < 2,
        "publish": ("country", "city", "nothing", "nothing")[index],
        "place": place if index < 3 else None,
    }


Told = tuple[str, BaseModel | dict[str, object], int]
"""One event: its name, its data, and its number."""


@dataclass
class Stage:
    """One scene. Blocks come each `block_ms` while somebody listens; every reply is valid at any moment."""

    scene: str = "healthy"
    block_ms: int = 1000
    height: int = 1_684_321
    fails: bool = False  # every question is answered 503
    cut: bool = False  # live streams are refused
    unread: int = 0  # blocks of the past that are not read yet
    asked_share: float = 1.0  # of the past's transactions that are known
    strips: dict[str, str] = field(default_factory=dict)
    block_times: dict[int, int] = field(default_factory=dict)
    listeners: set[asyncio.Queue[Told]] = field(default_factory=set)
    told: int = 0  # events so far
    boot: str = field(default_factory=lambda: f"{now_ms():x}")
    asked: list[str] = field(default_factory=list)
    opened_ms: int = field(default_factory=lambda: now_ms() - 134_000)
    said: dict[str, dict[str, object]] = field(default_factory=dict)  # of nodes, by their operator
    enrolment: Literal["waiting", "used", "expired"] = "waiting"
    enrolled: str | None = None
    forgotten: set[str] = field(default_factory=set)
    _served: Served | None = None

    def __post_init__(self) -> None:
        self.fails = self.scene == "broken"
        count = {"many": 300, "empty": 0}.get(self.scene, 4)
        self.names = [f"node{i}" if i < 4 else f"pool-{i:03d}" for i in range(count)]
        self.addresses = {name: address(name) for name in self.names}
        start = now_ms() - HISTORY * self.block_ms
        for i in range(HISTORY):
            self.block_times[self.height - HISTORY + 1 + i] = start + i * self.block_ms
        for name in self.names:
            self.strips[name] = self._history(name)
        self.kept = Kept(now_ms, self.addresses)
        self.alerted = Alerted(now_ms, self.addresses)

    def _history(self, name: str) -> str:
        index = self.names.index(name)
        strip = "".join(self.letter(name, self.height - HISTORY + 1 + i) for i in range(HISTORY))
        if self.scene == "trouble" and name == "node2":
            return strip[:-14] + "a" * 14
        if self.scene == "many" and index % 9 == 5:
            return "-" * HISTORY
        return strip

    def letter(self, name: str, height: int) -> str:
        if height % 149 == 0:
            return "?"
        index = self.names.index(name)
        if self.scene == "trouble" and name == "node2" and height > 1_684_307:
            return "a"
        if self.scene == "many" and index % 9 == 5:
            return "-"
        if height % len(self.names) == index:
            return "l"
        flaky = (height * 31 + index * 17) % 97 == 0 and self.scene != "healthy"
        return "a" if flaky else "s"

    # --- what happens

    def next_block(self) -> None:
        self.height += 1
        self.block_times[self.height] = now_ms()
        for name in self.names:
            self.strips[name] = self.strips[name][1:] + self.letter(name, self.height)
        block = self.block(self.height)
        cells = {self.addresses[name]: self.strips[name][-1] for name in self.names}
        live = shapes.LiveBlock(
            height=self.height,
            epoch=block.epoch,
            at_ms=block.at_ms,
            signed_votes=block.signed_votes,
            total_votes=block.total_votes,
            cells=cells,
        )
        self.tell("block", live)
        if self.height % 5 == 0 and self.names:
            self.tell("node", {"id": "n0000000"})

    def tell(self, event: str, data: BaseModel | dict[str, object]) -> None:
        self.told += 1
        for listener in self.listeners:
            listener.put_nowait((event, data, self.told))

    def hang_up(self) -> None:
        """End every live stream."""
        for listener in self.listeners:
            listener.put_nowait(("", {}, 0))

    def open_incident(self) -> None:
        """From now on something is wrong."""
        self.scene = "trouble"
        self.opened_ms = now_ms()
        self.tell("incident", {"id": 12})

    # --- replies

    def network(self) -> shapes.Network:
        empty = self.scene == "empty"
        states = Counter(node.state for node in self.nodes().nodes)
        error = "The node did not speak: connection refused." if self.scene == "trouble" else None
        return shapes.Network.model_validate(
            {
                "at_ms": now_ms(),
                "version": "0.0.1",
                "pos": None if empty else self.pos_now(),
                "pow": None if empty else self.pow_now(),
                "validators": len(self.names),
                "nodes": states,
                "incidents_open": len([i for i in self.incidents().incidents if i.state == "open"]),
                "endpoints": []
                if empty
                else [
                    {"name": f"node{i}", "height": self.height, "lag_blocks": 0, "error": None}
                    for i in (0, 1, 3)
                ]
                + [{"name": "node2", "height": self.height - 14, "lag_blocks": 14, "error": error}],
                "data_of": "2026-11-20",
                "data_doubts": [],
            }
        )

    def pos_now(self) -> dict[str, object]:
        members = [name for name in self.names if not self.strips[name].endswith("-")]
        seen = "".join(self.strips[name][-100:] for name in members)
        signed = len([c for c in seen if c in "sl"])
        known = len([c for c in seen if c in "sla"])
        return {
            "epoch": self.height // EPOCH_BLOCKS,
            "height": self.height,
            "committed_height": self.height + 3,
            "block_at_ms": self.block_times[self.height],
            "members": len(members),
            "total_votes": 300,
            "quorum_votes": 201,
            "participation": signed / known if known else None,
        }

    def pow_now(self) -> dict[str, object]:
        latest = 142_380_000 + (now_ms() // 1000) % 100_000
        return {
            "latest_epoch": latest,
            "state_epoch": latest - 4,
            "confirmed_epoch": latest - 48,
            "finalized_epoch": latest - 331,
            "chain_id": 1029,
            "at_ms": now_ms(),
        }

    def served(self) -> Served:
        """Everybody's past, as of this block."""
        if self._served is None or self._served.height != self.height:
            self._served = Served(self.scene, self.addresses, self.height, now_ms())
        return self._served

    def validators(self, span: str = "24h") -> shapes.Validators:
        return shapes.Validators(
            height=self.height if self.names else None,
            window=self.served().header(span),
            total=len(self.names),
            validators=[self.validator(name, span) for name in self.names],
            next_cursor=None,
        )

    def validator(self, name: str, span: str = "24h") -> shapes.Validator:
        index = self.names.index(name)
        strip = self.strips[name][-100:]
        signed, known = (len([c for c in strip if c in part]) for part in ("sl", "sla"))
        signs = max((i for i, c in enumerate(self.strips[name]) if c in "sl"), default=None)
        elected = not strip.endswith("-")
        own = index < 4 and self.scene != "public"
        return shapes.Validator(
            address=self.addresses[name],
            claimed=None,
            name=name if own else None,
            node_id=f"n000000{index}" if own else None,
            committee_votes=75 - index % 40 if elected else 0,
            stake=self.stake(index),
            votes=shapes.Votes(
                first=self.height - 99,
                strip=strip,
                signed=signed,
                known=known,
                rate=signed / known if known else None,
            ),
            last_signed_height=None if signs is None else self.height - HISTORY + 1 + signs,
            incidents=[12] if self.scene == "trouble" and name == "node2" else [],
            performance=self.served().summary(name, span),
        )

    def stake(self, index: int) -> shapes.Stake:
        leaving = [shapes.QueuedVotes(end_height=self.height + 1_212, votes=40)] if index == 1 else []
        coming = [
            shapes.QueuedVotes(end_height=self.height + 37_000 + i, votes=100 + i) for i in range(index % 3)
        ]
        return shapes.Stake(
            height=self.height - 2,
            at_ms=now_ms() - 2000,
            available_votes=12_500 + index * 371,
            locked_votes=12_000 + index * 371,
            in_queue=coming,
            out_queue=leaving,
            unlocked_votes=3 if index == 1 else 0,
            forfeited_votes=0,
            force_retired_height=None,
            states=["unlocking", "active", "unlocked"]
            if index == 1
            else ["locking", "active"]
            if coming
            else ["active"],
        )

    def strip(self, name: str, last: int) -> shapes.Strip:
        cells = self.strips[name][-last:]
        return shapes.Strip(first=self.height - len(cells) + 1, strip=cells)

    def nodes(self) -> shapes.Nodes:
        if self.scene in {"empty", "public"}:
            return shapes.Nodes(nodes=[], next_cursor=None)
        if self.scene == "fleet":
            cast = [self.node(i) for i in range(len(fleet.CAST))]
            kept = [node for node in cast if node.id not in self.forgotten]
            return shapes.Nodes(nodes=kept, next_cursor=None)
        return shapes.Nodes(nodes=[self.node(i) for i in range(4)], next_cursor=None)

    def node(self, index: int) -> shapes.Node:
        down = self.scene == "trouble" and index == 2
        at = now_ms()
        latest = self.pow_now()["latest_epoch"]
        assert isinstance(latest, int)
        if self.scene == "fleet":
            node = fleet.node(index, self.height + 3, latest, at).model_dump(mode="json")
            return shapes.Node.model_validate(fleet.told(node, self.said.get(str(node["id"]), {})))
        numbers: dict[str, float] = {
            "pow.latest_epoch": latest,
            "pow.state_epoch": latest - 4,
            "pow.confirmed_epoch": latest - 48,
            "pow.finalized_epoch": latest - 331,
            "pow.execution_lag_epochs": 4,
            "pos.epoch": self.height // EPOCH_BLOCKS,
            "pos.committed_height": self.height + 3 - (14 if down else 0),
            "peers.all_count": 31 + index,
            "peers.outgoing_count": 15 + index,
            "host.cpu.used_ratio": 0.31 + index * 0.04,
            "host.load_1m": 1.82,
            "host.memory.used_bytes": 11.4 * GIB,
            "host.memory.total_bytes": 31.2 * GIB,
            "host.disk.used_bytes": 612 * GIB,
            "host.disk.total_bytes": 931 * GIB,
            "host.disk.used_ratio": 612 / 931,
            "agent.rss_bytes": 31 << 20,
            "probe.pow.ms": 1.7,
        }
        if not down:
            numbers |= {
                "process.rss_bytes": 7.9 * GIB,
                "process.cpu.used_cores": 0.74,
                "process.open_files_count": 1203,
                "process.up_seconds": 86_400 * 12 + 4_000 + index,
                "process.running": 1,
            }
        failures = [{"probe": "pos", "reason": "The node did not speak: connection refused."}] if down else []
        return shapes.Node.model_validate(
            {
                "id": f"n000000{index}",
                "revoked_at_ms": None,
                "name": f"node{index}",
                "kind": "agent",
                "role": "validator" if index < 3 else "archive",
                "state": "down" if down else "up",
                "since_ms": self.opened_ms if down else at - 86_400_000,
                "heard_at_ms": at - 2_000,
                "due_at_ms": at + 13_000,
                "planned_stop_until_ms": None,
                "pos_address": address(f"node{index}"),
                "version": "conflux-rust/v3.0.2",
                "sync_phase": "NormalSyncPhase",
                "voting": None if down else True,
                "numbers": numbers,
                "states": {"process.state": "gone" if down else "running", "host.os": "Debian GNU/Linux 12"},
                "failures": failures,
                "endpoint": None,
                "incidents": [12] if down else [],
                "health": health("down", "process_gone") if down else health("healthy", "pow_near"),
                **owned(index),
            }
        )

    def series(self, index: int, names: list[str], from_ms: int, to_ms: int, points: int) -> shapes.Series:
        """Waves with a hole of a tenth of the span, and a restart after it."""
        node = self.node(index)
        step = max(5.0, (to_ms - from_ms) / 1000 / points)
        count = int((to_ms - from_ms) / 1000 / step)
        hole = range(int(count * 0.55), int(count * 0.65))
        times = [from_ms / 1000 + i * step for i in range(count) if i not in hole]
        found = [name for name in names if name in node.numbers]
        back = from_ms / 1000 + hole.stop * step  # when it was started again
        mean: list[list[float | None]] = [
            [self.wave(name, node.numbers[name], at, to_ms / 1000, back) for at in times] for name in found
        ]
        # What only rises or stands still has a narrow band.
        steady = [name.endswith(("_epoch", "_height", "total_bytes", "up_seconds")) for name in found]
        pairs = list(zip(mean, steady, strict=True))
        low = [[None if v is None else v if still else v * 0.97 for v in column] for column, still in pairs]
        high = [[None if v is None else v if still else v * 1.04 for v in column] for column, still in pairs]
        return shapes.Series(
            node_id=node.id,
            from_ms=from_ms,
            to_ms=to_ms,
            step_ms=int(step * 1000) if step > 5 else 0,
            names=found,
            times=times,
            mean=mean,
            min=low,
            max=high,
            available=sorted(node.numbers),
        )

    def wave(self, name: str, newest: float, at: float, end: float, back: float) -> float | None:
        if name.startswith("pow.") and name.endswith("_epoch"):
            return newest - int((end - at) * 0.83)
        if name.startswith("pos.") and name.endswith("_height"):
            return newest - int((end - at) / 60)
        if name == "process.up_seconds":
            return at - back + 30 if at > back else at
        if name.endswith("total_bytes"):
            return newest
        noise = (int(at) * 2_654_435_761 % 1000) / 1000 - 0.5
        return (min if newest < 0 else max)(0.0, newest * (1 + 0.18 * math.sin(at / 900) + 0.08 * noise))

    def blocks(self, before: int | None, limit: int) -> shapes.Blocks:
        top = min(self.height, self.height if before is None else before - 1)
        oldest = self.height - HISTORY + 1
        heights = [h for h in range(top, top - limit, -1) if h >= oldest] if self.names else []
        full = len(heights) == limit
        return shapes.Blocks(
            blocks=[self.block(h) for h in heights], next_before=heights[-1] if heights and full else None
        )

    def block(self, height: int) -> shapes.Block:
        at = height - self.height - 1
        cells = {name: self.strips[name][at] for name in self.names}
        unseen = "?" in cells.values()
        members = [name for name in self.names if cells[name] != "-"]
        absent = [name for name in members if cells[name] == "a"]
        leader = next((self.addresses[name] for name in self.names if cells[name] == "l"), None)
        share = 300 // max(len(members), 1)
        return shapes.Block(
            height=height,
            hash="0x" + hashlib.sha256(str(height).encode()).hexdigest(),
            epoch=height // EPOCH_BLOCKS,
            round=height % EPOCH_BLOCKS + 1,
            at_ms=self.block_times.get(height, now_ms()),
            proposer=leader,
            signers=None if unseen else len(members) - len(absent),
            members=len(members),
            signed_votes=None if unseen else 300 - share * len(absent),
            total_votes=300,
            absent=[self.addresses[name] for name in absent],
            witnesses=0 if unseen else 4,
        )

    def whole_block(self, height: int) -> history_shapes.BlockShape:
        if not self.height - HISTORY < height <= self.height:
            raise KeyError(height)
        block = self.block(height)
        signed = [name for name in self.names if self.letter(name, height) in "sl"]
        share = 300 // max(len(self.names), 1)
        return history_shapes.BlockShape(
            **block.model_dump(),
            quorum_votes=201,
            since_previous_ms=self.block_ms,
            skipped_rounds=0,
            signed=[
                history_shapes.ElectedVotes(address=self.addresses[name], votes=share) for name in signed
            ],
        )

    def progress(self) -> history_shapes.HistoryProgressShape:
        """How far the past is read, at a pace that leaves three hours at 41 %."""
        if self.scene == "empty":
            none = history_shapes.Covered(known=0, of=None)
            return history_shapes.HistoryProgressShape.model_validate(
                dict.fromkeys(history_shapes.HistoryProgressShape.model_fields)
                | {"at_ms": now_ms(), "epochs": none, "rewards": none, "transactions": none}
            )
        last = self.height // EPOCH_BLOCKS
        known = last - self.unread // EPOCH_BLOCKS
        return history_shapes.HistoryProgressShape(
            at_ms=now_ms(),
            unread_blocks=self.unread,
            settled_blocks=self.height,
            blocks_per_s=92.0 if self.unread else None,
            eta_s=self.unread // 92,
            first_epoch=last - known + 1,
            last_epoch=last,
            epochs=history_shapes.Covered(known=known, of=last),
            rewards=history_shapes.Covered(known=known, of=last),
            transactions=history_shapes.Covered(known=int(4_000_000 * self.asked_share), of=4_000_000),
            first_staked_epoch=last - 100,
        )

    def session(self) -> dict[str, object]:
        """Somebody on the server's own machine, who may do everything; on a public page, anybody."""
        local = self.scene != "public"
        nobody: dict[str, object] = {"signed_in": False, "user": None, "teams": [], "first_run": False}
        return nobody | {
            "is_local": local,
            "team": {"id": 1, "name": "Our nodes", "role": "owner"} if local else None,
            "may": dict.fromkeys(("read", "operate", "own", "administer"), local),
            "sign_up": "invited",
            "mail": False,
            "oidc": None,
            "fresh_until_ms": None,
            "expires_at_ms": None,
        }

    def incidents(self) -> shapes.Incidents:
        if self.scene in {"empty", "public"}:
            return shapes.Incidents(incidents=[], next_before=None)
        if self.scene == "alerts":
            rows = self.alerted.incidents()
            return shapes.Incidents.model_validate({"incidents": rows, "next_before": None})
        past = self.incident(7, "node_silent", "node3", "warning", self.opened_ms - 86_400_000, 540_000)
        wrong = []
        if self.scene == "trouble":
            wrong = [
                self.incident(12, "node_down", "node2", "critical", self.opened_ms, None),
                self.incident(13, "absent_votes", "node2", "warning", self.opened_ms + 9_000, None),
            ]
        return shapes.Incidents(incidents=[*wrong, past], next_before=None)

    def incident(
        self, number: int, rule: str, name: str, severity: str, opened_ms: int, lasted_ms: int | None
    ) -> shapes.IncidentShape:
        validator = rule == "absent_votes"
        index = int(name[-1])
        facts: dict[str, dict[str, object]] = {
            "node_down": {"votes": 73, "died_at_ms": opened_ms - 40, "as_of_ms": opened_ms},
            "node_silent": {"votes": 0, "heard_at_ms": opened_ms - 15_000, "as_of_ms": opened_ms},
            "absent_votes": {"absent_blocks": 14, "votes": 73, "height": self.height, "as_of_ms": opened_ms},
        }
        ended = {"ended": "heard"} if lasted_ms is not None else {}
        reasons = (
            ["opened"]
            + (["escalated"] if severity == "critical" else [])
            + (["resolved"] if lasted_ms else [])
        )
        muted = "node_down/n0000002" if validator else None
        notices = [
            {
                "channel": channel,
                "reason": reason,
                "state": "sent" if channel == "email" or reason == "opened" else "failed",
                "created_at_ms": opened_ms + i * 60_000,
                "sent_at_ms": opened_ms + i * 60_000 + 800,
                "attempts": 1 + i,
                "error": None if channel == "email" or reason == "opened" else "it answered 502",
                "receipt": None,
            }
            for i, reason in enumerate(reasons)
            for channel in ("email", "ops-webhook")
        ]
        return shapes.IncidentShape.model_validate(
            {
                "id": number,
                "key": f"{rule}/{self.addresses[name] if validator else f'n000000{index}'}",
                "rule": rule,
                "severity": severity,
                "state": "resolved" if lasted_ms is not None else "pending" if muted else "open",
                "subject": {
                    "kind": "validator" if validator else "node",
                    "id": self.addresses[name] if validator else f"n000000{index}",
                    "name": name,
                },
                "title": f"{name}: {rule}",
                "facts": facts[rule] | ended,
                "opened_at_ms": opened_ms,
                "told_at_ms": None if muted else opened_ms,
                "resolved_at_ms": None if lasted_ms is None else opened_ms + lasted_ms,
                "muted_by": muted,
                "notices": [] if muted else notices,
                "titles": both(TITLES[rule], who=name),
                "decision": "explained" if muted else "told",
                "acked": None,
                "closed_by": None,
                "flaps": 0,
                "measure": None,
                "deadline_ms": None,
            }
        )


def json_reply(shape: BaseModel) -> web.Response:
    return web.Response(text=shape.model_dump_json(), content_type="application/json")


def problem(status: int, detail: str) -> web.Response:
    body = shapes.Problem(title="Problem", status=status, detail=detail)
    return web.Response(text=body.model_dump_json(), status=status, content_type="application/problem+json")


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Play:
    """A stage on a port of its own, in a thread of its own."""

    def __init__(self, stage: Stage, port: int = 0) -> None:
        self.stage = stage
        self.port = port
        self._loop = asyncio.new_event_loop()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)

    def say(self, deed: Callable[[], None]) -> None:
        """Let something happen on the stage."""
        done = threading.Event()

        def act() -> None:
            deed()
            done.set()

        self._loop.call_soon_threadsafe(act)
        assert done.wait(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._over = asyncio.Event()
        runner = web.AppRunner(self._app(), shutdown_timeout=0.2, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port)
        await site.start()
        self.port = runner.addresses[0][1]
        ticking = asyncio.create_task(self._tick())
        self._up.set()
        await self._over.wait()
        ticking.cancel()
        self.stage.hang_up()
        await runner.cleanup()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self.stage.block_ms / 1000)
            if self.stage.names and self.stage.block_ms < 60_000:
                self.stage.next_block()

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/api/v1/live", self._live)
        self.stage.kept.routes(app)
        self.stage.alerted.routes(app)
        if self.stage.scene == "alerts":
            self.stage.alerted.incident_routes(app)
        app.router.add_get("/api/v1/teams/{slug}", self._status)
        app.router.add_get("/api/v1/validators/{address}", self._in_full)
        app.router.add_get("/api/openapi.json", self._description)
        app.router.add_get("/api/v1/{path:.+}", self._api)
        app.router.add_post("/api/v1/enrolments", self._enrol)
        app.router.add_patch("/api/v1/nodes/{id}", self._change)
        app.router.add_delete("/api/v1/nodes/{id}", self._forget)
        app.router.add_get("/badge/{path:.+}.svg", public.badge)
        app.router.add_get("/embed/{path:.+}", public.card)
        app.router.add_get("/{path:.*}", self._file)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.stage.asked.append(request.path)
        if request.path.startswith("/api/") and (
            self.stage.fails or (self.stage.cut and request.path.endswith("/live"))
        ):
            return problem(503, "The database is being moved; try again in a minute.")
        response = await handler(request)
        if not response.prepared:
            framed = request.path.startswith("/embed/")
            response.headers["Content-Security-Policy"] = (
                POLICY.replace("ancestors 'none'", "ancestors *") if framed else POLICY
            )
            response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    async def _status(self, request: web.Request) -> web.Response:
        page = public.status(self.stage, request.match_info["slug"])
        if page is None:
            return problem(404, "No team shows itself under this name.")
        return reply(claim_shapes.TeamStatus, page)

    async def _in_full(self, request: web.Request) -> web.Response:
        """One validator, with what its team tells of it."""
        address = request.match_info["address"]
        told = self._reply(["validators", address], request)
        if not isinstance(told, BaseModel):
            return problem(404, "There is nothing with this address.")
        claimed = {"claimed": self.stage.kept.claimed(address)}
        return reply(claim_shapes.ValidatorInFull, told.model_dump(mode="json") | claimed)

    async def _description(self, _: web.Request) -> web.Response:
        return web.json_response(openapi_document())

    async def _file(self, request: web.Request) -> web.StreamResponse:
        path = (STATIC / request.match_info["path"]).resolve()
        file = path if path.is_file() and path.is_relative_to(STATIC) else STATIC / "index.html"
        return web.FileResponse(file)

    async def _api(self, request: web.Request) -> web.Response:
        path = request.match_info["path"].split("/")
        if path == ["session"]:
            return web.json_response(self.stage.session())
        if path[0] == "wallets":
            return self._wallet(path[1])
        if path[0] == "enrolments":
            stage = self.stage
            return json_reply(shapes.EnrolmentState(state=stage.enrolment, node_id=stage.enrolled))
        shape = self._reply(path, request)
        if isinstance(shape, str):
            return web.Response(text=shape, content_type="text/csv")
        return json_reply(shape) if shape else problem(404, "There is nothing with this address.")

    def _reply(self, path: list[str], request: web.Request) -> BaseModel | str | None:
        stage = self.stage
        whole: dict[str, Callable[[], BaseModel]] = {
            "network": stage.network,
            "validators": lambda: stage.validators(request.query.get("window", "24h")),
            "nodes": stage.nodes,
            "incidents": stage.incidents,
            "history": stage.progress,
            "map": lambda: fleet.world_map(stage.nodes().nodes),
            "versions": lambda: fleet.versions(stage.nodes().nodes),
        }
        query = request.query
        if path == ["blocks"]:
            return stage.blocks(
                int(query["before"]) if "before" in query else None, int(query.get("limit", "50"))
            )
        if len(path) == 1 and path[0] in whole:
            return whole[path[0]]()
        with contextlib.suppress(KeyError, StopIteration, ValueError, IndexError):
            return self._one(path, request)
        return None

    async def _change(self, request: web.Request) -> web.Response:
        """What is said of a node is remembered while the scene plays; a bad country is refused."""
        given = await request.json()
        try:
            shapes.NodeChange.model_validate(given)
        except ValidationError as error:
            return problem(422, error.errors()[0]["msg"])
        number = request.match_info["id"]
        self.stage.said[number] = self.stage.said.get(number, {}) | given
        return json_reply(next(node for node in self.stage.nodes().nodes if node.id == number))

    async def _enrol(self, request: web.Request) -> web.Response:
        token = "vt_7Jx2kQ0mWn4rT8cYb1LdE5sHf3Gp6Zu9"
        line = f'vedette agent enroll {self.url} {token} --name "$(hostname)" --dir /var/lib/vedette-agent'
        ticket = {"id": "e1", "token": token, "expires_at_ms": now_ms() + 3_600_000, "line": line}
        return json_reply(shapes.EnrolmentTicket.model_validate(ticket))

    async def _forget(self, request: web.Request) -> web.Response:
        self.stage.forgotten.add(request.match_info["id"])
        return web.Response(status=204)

    def _wallet(self, address: str) -> web.Response:
        try:
            return json_reply(Pooled(self.stage.served()).wallet(address))
        except AddressError as error:
            return problem(422, f"address: {error}")

    def _one(self, path: list[str], request: web.Request) -> BaseModel | str | None:
        stage, query = self.stage, request.query
        if path[0] == "validators":
            return self._validator(path[1], path[2:], query)
        if path[0] == "pools":
            return Pooled(stage.served()).reply(path[1:], query)
        if path[0] == "blocks":
            return stage.whole_block(int(path[1]))
        if path[0] == "nodes":
            return self._node(path[1], path[2:], query)
        if path[0] != "incidents":
            return None
        found = next(one for one in stage.incidents().incidents if one.id == int(path[1]))
        return in_full(found.model_dump(mode="json"), [])

    def _node(self, number: str, what: list[str], query: Mapping[str, str]) -> BaseModel:
        stage = self.stage
        index = next(i for i, node in enumerate(stage.nodes().nodes) if node.id == number)
        if what == ["availability"]:
            hourly = query.get("cell") == "hour"
            return fleet.availability(number, query.get("window", "30d"), now_ms(), hourly=hourly)
        if what == ["states"]:
            return fleet.states(number, query["names"].split(","), int(query["from_ms"]), int(query["to_ms"]))
        if what != ["series"]:
            return stage.node(index)
        span = int(query["from_ms"]), int(query["to_ms"])
        return stage.series(index, query["names"].split(","), *span, int(query["points"]))

    def _validator(self, address: str, what: list[str], query: Mapping[str, str]) -> BaseModel | str:
        stage = self.stage
        name = next(name for name, known in stage.addresses.items() if known == address)
        if what == ["votes"]:
            return stage.strip(name, int(query["last"]))
        return stage.served().reply(name, what[0], query) if what else stage.validator(name)

    async def _live(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        listener: asyncio.Queue[Told] = asyncio.Queue()
        hello: dict[str, object] = {
            "at_ms": now_ms(),
            "version": "0.0.1",
            "team": self.stage.scene != "public",
        }
        listener.put_nowait(("hello", hello, self.stage.told))
        self.stage.listeners.add(listener)
        try:
            while True:
                event, data, number = await listener.get()
                if not event:
                    return response
                text = data.model_dump_json() if isinstance(data, BaseModel) else web.json_response(data).text
                told = f"id: {self.stage.boot}-{number}\nretry: 300\nevent: {event}\ndata: {text}\n\n"
                await response.write(told.encode())
        except (ConnectionError, asyncio.CancelledError):
            return response
        finally:
            self.stage.listeners.discard(listener)


@contextlib.contextmanager
def play(scene: str, block_ms: int = 1000) -> Iterator[Play]:
    with Play(Stage(scene, block_ms)) as running:
        yield running


def main() -> None:
    parser = argparse.ArgumentParser(description="Play a scene for the page on a local port.")
    parser.add_argument("--scene", choices=SCENES, default="healthy")
    parser.add_argument("--port", type=int, default=8650)
    parser.add_argument("--block-ms", type=int, default=1000)
    given = parser.parse_args()
    with Play(Stage(given.scene, given.block_ms), given.port) as running:
        sys.stdout.write(f"{given.scene} at {running.url}, until Ctrl-C\n")
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
